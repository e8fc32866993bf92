"""scikit-learn's checks of estimators, of which none is expected to fail."""

import pytest
from helpers.run_mode import PLAIN
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastgrad.sklearn import MLPClassifier, MLPRegressor

if PLAIN:
    pytest.skip("whole fits, of which the loops are tested elsewhere", allow_module_level=True)

ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPClassifier(solver="lbfgs", max_iter=100),
    MLPClassifier(solver="sgd", max_iter=100),
    MLPRegressor(max_iter=100),
    MLPRegressor(solver="lbfgs", max_iter=100),
    MLPRegressor(solver="sgd", max_iter=100),
]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS)
def test_a_check(estimator, check):
    check(estimator)
