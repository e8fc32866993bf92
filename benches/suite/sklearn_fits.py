"""Fits of the estimators of fastgrad.sklearn, and one of scikit-learn's for comparison."""

from typing import ClassVar

from benches.common.sklearn_fits import FITS, MODULES, fitted, samples


class SklearnFits:
    """A whole fit of few epochs, from numbers to an estimator."""

    params: ClassVar = [["digits", "digits, lbfgs", "diabetes"], list(MODULES)]
    param_names: ClassVar = ["fit", "module"]

    def setup(self, fit, module):
        self.samples = samples(FITS[fit])
        self.parameters = {**FITS[fit].parameters, "max_iter": 20, "random_state": 0}

    def time_fit(self, fit, module):
        X, y, name = self.samples
        fitted(module, name, X, y, **self.parameters)
