"""scikit-learn's multi-layer perceptrons, trained by fastgrad: change the import, nothing else."""

from ..extras import import_extra

import_extra("sklearn.neural_network", "sklearn", "fastgrad.sklearn")  # names the command

from .classifier import MLPClassifier  # noqa: E402
from .regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor"]
