"""Fits from the same initial weights on the same mini-batches, beside scikit-learn's own."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.grids import grid
from helpers.run_mode import PLAIN
from scipy import sparse
from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning

from fastgrad import sklearn as ours

if PLAIN:
    pytest.skip("whole fits, of which the loops are tested elsewhere", allow_module_level=True)

rng = np.random.default_rng(0)
X_DIGITS, DIGITS = load_digits(return_X_y=True)
X_DIGITS, DIGITS = X_DIGITS[:330] / 16, DIGITS[:330]
X_DIABETES, PROGRESS = load_diabetes(return_X_y=True)
X_DIABETES, PROGRESS = X_DIABETES[:330] * 20, (PROGRESS[:330] - 150) / 77
WEIGHTS = rng.uniform(0.2, 2, 330)

TASKS = {
    "classes": ("MLPClassifier", X_DIGITS, DIGITS, {}),
    "two classes": ("MLPClassifier", X_DIGITS, np.where(DIGITS > 4, 7, 3), {}),
    "labels": ("MLPClassifier", X_DIGITS, np.stack([DIGITS > 4, DIGITS % 2], axis=1), {}),
    "numbers": ("MLPRegressor", X_DIABETES, PROGRESS, {}),
    "two numbers": ("MLPRegressor", X_DIABETES, np.stack([PROGRESS, PROGRESS**2], axis=1), {}),
    "counts": ("MLPRegressor", X_DIABETES, rng.poisson(np.exp(PROGRESS / 2)), {"loss": "poisson"}),
    "two counts": (
        "MLPRegressor", X_DIABETES, rng.poisson(np.exp([PROGRESS / 2, PROGRESS / 3]).T),
        {"loss": "poisson"},
    ),
}  # fmt: skip
SGD = {"solver": "sgd", "learning_rate_init": 0.01}
SOLVERS = {
    "adam": {},
    "adam, other numbers": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "shuffle": False},
    "plain sgd": {**SGD, "momentum": 0},
    "momentum": {**SGD, "nesterovs_momentum": False},
    "momentum 1": {**SGD, "learning_rate_init": 1e-4, "momentum": 1, "nesterovs_momentum": False},
    "nesterov": SGD,
    "invscaling": {**SGD, "learning_rate_init": 0.1, "learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {**SGD, "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs"},
}
#: Task, solver, alpha, whether samples have weights, batch_size, early_stopping, activation.
ROWS = grid(
    TASKS, SOLVERS, [1e-4, 1.0], [False, True], ["auto", 64], [False, True], ["relu", "logistic"]
)


def fitted(module, name, X, y, weights, **parameters):
    estimator = getattr(module, name)(hidden_layer_sizes=(13, 7), random_state=5, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, sample_weight=weights)


def both(name, X, y, weights=None, **parameters):
    return (fitted(m, name, X, y, weights, **parameters) for m in (neural_network, ours))


ATTRIBUTES = [
    "best_loss_", "best_validation_score_", "loss_", "loss_curve_", "n_features_in_", "n_iter_",
    "n_layers_", "n_outputs_", "out_activation_", "t_", "validation_scores_",
]  # fmt: skip


def assert_same(expected, estimator, tolerance=1e-6):
    """The same attributes, numbers within the tolerance."""
    for name in ATTRIBUTES:
        assert hasattr(estimator, name) == hasattr(expected, name), name
        value = getattr(expected, name, None)
        if isinstance(value, float | list):
            value = pytest.approx(value, rel=tolerance, abs=tolerance)
        assert getattr(estimator, name, None) == value, name
    arrays = zip(
        [*expected.coefs_, *expected.intercepts_], [*estimator.coefs_, *estimator.intercepts_],
        strict=True,
    )  # fmt: skip
    for theirs, mine in arrays:
        assert mine.dtype == theirs.dtype
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("task", "solver", "alpha", "is_weighted", "batch_size", "early_stopping", "activation"), ROWS
)
def test_a_fit(task, solver, alpha, is_weighted, batch_size, early_stopping, activation):
    name, X, y, options = TASKS[task]
    # beyond some steps of lbfgs the curves of any two implementations part
    parameters = {"max_iter": 12 if solver == "lbfgs" else 30, **options, **SOLVERS[solver]}
    expected, estimator = both(
        name, X, y, WEIGHTS if is_weighted else None, alpha=alpha, batch_size=batch_size,
        early_stopping=early_stopping, activation=activation, **parameters,
    )  # fmt: skip
    assert_same(expected, estimator)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(expected, method):
            theirs, mine = (getattr(e, method)(X) for e in (expected, estimator))
            assert mine.dtype == theirs.dtype
            if theirs.dtype.kind == "f":
                np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-9)
            else:
                assert np.array_equal(mine, theirs)


def test_further_epochs_by_partial_fit():
    X, y = X_DIGITS, DIGITS
    for parameters in ({"learning_rate": "invscaling", **SGD}, {"batch_size": 30}):
        theirs, mine = (
            m.MLPClassifier(random_state=1, **parameters) for m in (neural_network, ours)
        )
        for part in (slice(0, 130), slice(130, 330), slice(30, 60)):
            for estimator in (theirs, mine):
                estimator.partial_fit(X[part], y[part], classes=range(10))
        assert_same(theirs, mine)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_warm_start(solver):
    parameters = {"warm_start": True, "solver": solver, "max_iter": 5}
    theirs, mine = both("MLPRegressor", X_DIABETES, PROGRESS, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for estimator in (theirs, mine):  # also from parameters that have been changed
            estimator.set_params(activation="tanh", alpha=0.5).fit(X_DIABETES, PROGRESS)
    assert_same(theirs, mine)


@pytest.mark.parametrize("form", ["csr", "csc", "fortran", "list", "integers"])
def test_forms_of_inputs(form):
    X = (X_DIGITS * 16).astype(int) if form == "integers" else X_DIGITS
    convert = {
        "csr": sparse.csr_array, "csc": sparse.csc_matrix, "fortran": np.asfortranarray,
        "list": np.ndarray.tolist, "integers": np.asarray,
    }[form]  # fmt: skip
    theirs, mine = both("MLPClassifier", convert(X), DIGITS, max_iter=4, early_stopping=True)
    assert_same(theirs, mine)
    np.testing.assert_allclose(mine.predict_proba(convert(X)), theirs.predict_proba(convert(X)))


def test_float32():
    theirs, mine = both("MLPRegressor", X_DIABETES.astype(np.float32), PROGRESS, max_iter=10)
    assert_same(theirs, mine, 1e-4)
    assert mine.predict(X_DIABETES.astype(np.float32)).dtype == np.float32


def test_no_hidden_layer():
    for module in (neural_network, ours):
        estimator = module.MLPRegressor(
            hidden_layer_sizes=(), solver="lbfgs", random_state=0, tol=1e-9
        )
        assert estimator.fit(X_DIABETES, PROGRESS).score(X_DIABETES, PROGRESS) > 0.4


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"early_stopping": True, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e3, "n_iter_no_change": 1},
        {"tol": 1e3, "n_iter_no_change": 3},
        {"batch_size": 500},
        {"solver": "lbfgs"},
    ],
)
def test_warnings_and_printed_lines(parameters, capsys):
    said = []
    for module in (neural_network, ours):
        estimator = module.MLPClassifier(random_state=0, max_iter=7, verbose=True, **parameters)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator.fit(X_DIGITS, DIGITS)
        said.append(([(w.category, str(w.message)) for w in caught], capsys.readouterr().out))
    assert said[1] == said[0]


def _mistakes():
    """Name -> what a user does wrong, given a module."""
    X, y = X_DIGITS, DIGITS
    X_frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    nan = np.where(X > 0.9, np.nan, X)

    def new(m, **parameters):
        return m.MLPClassifier(**{"max_iter": 1, **parameters})

    def fit(m, **parameters):
        return new(m, **parameters).fit(X, y)

    return {
        "not fitted": lambda m: new(m).predict(X),
        "hidden_layer_sizes": lambda m: fit(m, hidden_layer_sizes=(3, 0)),
        "alpha": lambda m: fit(m, alpha=-1),
        "solver": lambda m: fit(m, solver="adamw"),
        "learning_rate": lambda m: fit(m, learning_rate="cosine"),
        "max_iter": lambda m: fit(m, max_iter=0),
        "missing values": lambda m: new(m).fit(nan, y),
        "infinite": lambda m: new(m).fit(np.where(X > 0.9, np.inf, X), y),
        "lengths": lambda m: new(m).fit(X, y[:-1]),
        "one dimension": lambda m: new(m).fit(X[0], y[:1]),
        "continuous labels": lambda m: new(m).fit(X, y + 0.5),
        "features": lambda m: fit(m).predict(X[:, 1:]),
        "names": lambda m: new(m).fit(X_frame, y).predict(X_frame[["b", "a", "c"]]),
        "weights": lambda m: new(m).fit(X, y, sample_weight=np.ones(3)),
        "no classes": lambda m: new(m).partial_fit(X, y),
        "other classes": lambda m: new(m).partial_fit(X, y, classes=[0, 1]),
        "lbfgs": lambda m: new(m, solver="lbfgs").partial_fit(X, y),
        "stopping": lambda m: fit(m, early_stopping=True).partial_fit(X, y),
        "no validation": lambda m: new(m, early_stopping=True).fit(X[:2], y[:2]),
        "warm start": lambda m: fit(m, warm_start=True).fit(X[:100], y[:100] > 4),
        "unknown": lambda m: new(m, layers=3),
    }


MISTAKES = _mistakes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_errors(mistake):
    errors = []
    for module in (neural_network, ours):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            MISTAKES[mistake](module)
        errors.append(caught)
    assert errors[1].type is errors[0].type
    assert str(errors[1].value) == str(errors[0].value)
