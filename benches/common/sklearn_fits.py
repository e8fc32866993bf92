"""Fits of scikit-learn's perceptrons and of those of `fastgrad.sklearn`, from the same weights."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from fastgrad import sklearn as fastgrad_sklearn

MODULES = {"scikit-learn": neural_network, "fastgrad": fastgrad_sklearn}

DATA = {
    "digits": datasets.load_digits,
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}


class Fit(NamedTuple):
    """A data set, or the rows, columns and classes (0: numbers) of a random one; parameters."""

    data: str | tuple[int, int, int]
    parameters: dict
    dtype: str = "float64"


#: What is timed: defaults, each solver, and the batches and sizes that people use.
FITS = {
    "digits": Fit("digits", {}),
    "digits, float32": Fit("digits", {}, "float32"),
    "digits, batch_size=32": Fit("digits", {"batch_size": 32}),
    "digits, batch_size=1": Fit("digits", {"batch_size": 1, "max_iter": 5}),
    "digits, early_stopping": Fit("digits", {"early_stopping": True}),
    "digits, lbfgs": Fit("digits", {"solver": "lbfgs"}),
    "breast cancer": Fit("breast cancer", {}),
    "wine": Fit("wine", {}),
    "diabetes": Fit("diabetes", {}),
    "diabetes, sgd, (20, 20), batch_size=16": Fit(
        "diabetes",
        {
            "hidden_layer_sizes": (20, 20),
            "solver": "sgd",
            "batch_size": 16,
            "learning_rate_init": 1e-3,
        },
    ),
    "10,000 x 10, (10,), batch_size=8": Fit(
        (10_000, 10, 0), {"hidden_layer_sizes": (10,), "batch_size": 8, "max_iter": 10}
    ),
    "20,000 x 50, (64, 64), batch_size=32": Fit(
        (20_000, 50, 0), {"hidden_layer_sizes": (64, 64), "batch_size": 32, "max_iter": 10}
    ),
    "60,000 x 784, (512,), float32": Fit(
        (60_000, 784, 10), {"hidden_layer_sizes": (512,), "max_iter": 2}, "float32"
    ),
}


def samples(fit, seed=0):
    """X and y of all samples, standardised, and the name of the class for them."""
    if isinstance(fit.data, str):
        X, y = DATA[fit.data](return_X_y=True)
        name = "MLPRegressor" if fit.data == "diabetes" else "MLPClassifier"
        if name == "MLPRegressor":
            y = (y - y.mean()) / y.std()
    else:
        rows, columns, classes = fit.data
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(rows, columns))
        y = rng.integers(classes, size=rows) if classes else np.tanh(X[:, 0] + X[:, 1] * X[:, 2])
        name = "MLPClassifier" if classes else "MLPRegressor"
    return StandardScaler().fit_transform(X).astype(fit.dtype), y, name


def fitted(module, name, X, y, **parameters):
    """The estimator of that module after a fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(MODULES[module], name)(**parameters).fit(X, y)


def scores(data, seed):
    """Score of each module on a fifth of the samples of a data set, left out of the fit."""
    X, y, name = samples(Fit(data, {}))
    stratify = y if name == "MLPClassifier" else None
    parts = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=stratify)
    X_train, X_test, y_train, y_test = parts
    return {
        module: fitted(module, name, X_train, y_train, random_state=seed).score(X_test, y_test)
        for module in MODULES
    }
