"""Networks as perceptrons of scikit-learn, and back."""

import pickle

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.foreign_networks import TASKS, assert_close, assert_same_numbers, network, samples
from helpers.grids import grid

import fastgrad as fg

neural_network = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is an extra")
from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.linear_model import Ridge  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, StandardScaler  # noqa: E402

from fastgrad import sklearn as ours  # noqa: E402

LABELS = ["b", "c", "a"]
pytestmark = pytest.mark.filterwarnings("ignore:.*failed to converge")  # after a few steps


def classifier(**options):
    return neural_network.MLPClassifier(
        hidden_layer_sizes=[6], solver="lbfgs", max_iter=15, **options
    )


def regressor(**options):
    return neural_network.MLPRegressor(
        hidden_layer_sizes=[6], solver="lbfgs", max_iter=15, **options
    )


def small(n_outputs, cost):
    return fg.Network([5, 6, n_outputs], activations="tanh", cost=cost, seed=0)


def with_labels(net, labels):
    net.metadata = {"task": "classification", "classes": labels, "target": "kind"}
    return net


def predicted(net, estimator, X):
    """What estimator and network predict: probabilities of all classes, or numbers."""
    p = net.predict(X)
    if net.heads.n_classes == 2 and p.shape[1] == 1:
        p = np.hstack([1 - p, p])
    is_classifier = hasattr(estimator, "predict_proba")
    theirs = estimator.predict_proba(X) if is_classifier else estimator.predict(X)
    return theirs.reshape(len(X), -1), p


@pytest.mark.parametrize(
    ("activation", "dtype", "n_layers", "task"),
    grid(["identity", "relu", "sigmoid", "tanh"], ["float32", "float64"], [1, 2, 3, 4], TASKS),
)
def test_the_round_trip(activation, dtype, n_layers, task):
    net = network(task, activation, dtype, n_layers)
    estimator, X = net.to_sklearn(), samples(net)
    assert_close(*predicted(net, estimator, X))
    back = fg.from_sklearn(estimator)
    if dtype == "float64":  # 1 / (1 / scale) may differ in the last digit
        assert_close(back.inputs.scale, net.inputs.scale, 1e-15)
        back.inputs.scale = net.inputs.scale
    assert_same_numbers(net, back)
    assert back.activations == net.activations
    assert back.heads[0].cost.link == net.heads[0].cost.link
    assert back.targets.standardized == net.targets.standardized


def test_counts():
    net = small(2, "poisson")
    estimator, X = net.to_sklearn(), samples(net)
    assert_close(*predicted(net, estimator, X))
    assert_same_numbers(net, back := fg.from_sklearn(estimator))
    assert back.cost_function.name == "poisson"


def test_several_labels_of_a_sample():
    net = small(3, "sigmoid_cross_entropy")
    estimator, X = net.to_sklearn(), samples(net)
    assert_close(*predicted(net, estimator, X))
    assert (estimator.predict(X) == (net.predict(X) > 0.5)).all()
    assert_same_numbers(net, fg.from_sklearn(estimator))


def test_two_outputs_of_a_softmax_become_one():
    net = small(2, "softmax_cross_entropy")
    estimator, X = net.to_sklearn(), samples(net)
    assert estimator.coefs_[-1].shape == (6, 1)
    assert_close(*predicted(net, estimator, X))
    assert (estimator.predict(X) == net.predict(X).argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("labels", "cost", "n_outputs"),
    [
        (LABELS, "softmax_cross_entropy", 3),
        (["yes", "no"], "sigmoid_cross_entropy", 1),
        (["yes", "no"], "softmax_cross_entropy", 2),
        ([3, 7], "sigmoid_cross_entropy", 1),
        ([False, True], "sigmoid_cross_entropy", 1),
    ],
)
def test_labels_are_sorted_as_in_scikit_learn(labels, cost, n_outputs):
    net = with_labels(small(n_outputs, cost), labels)
    estimator, X = net.to_sklearn(), samples(net)
    assert list(estimator.classes_) == sorted(labels)
    p = net.predict(X)
    ids = (p[:, 0] > 0.5).astype(int) if n_outputs == 1 else p.argmax(axis=1)
    assert (estimator.predict(X) == np.array(labels)[ids]).all()
    assert estimator.score(X, np.array(labels)[ids]) == 1
    assert fg.from_sklearn(estimator).metadata["classes"] == sorted(labels)


def test_an_estimator_is_used_as_one_that_was_fitted():
    net = network("classes")
    X = samples(net)
    y = net.predict(X).argmax(axis=1)
    pipeline = pickle.loads(pickle.dumps(net.to_sklearn()))
    assert pipeline.score(X, y) == 1
    perceptron, scaled = pipeline[-1], pipeline[:-1].transform(X)
    assert perceptron.n_layers_ == 4
    assert perceptron.n_outputs_ == 3
    assert perceptron.out_activation_ == "softmax"
    assert perceptron.n_features_in_ == 5
    others = (y + 1) % 3
    perceptron.partial_fit(scaled, others)
    before = perceptron.loss_
    for _ in range(20):
        perceptron.partial_fit(scaled, others)
    assert perceptron.loss_ < before
    assert net.predict(X).argmax(axis=1).tolist() == y.tolist()  # which has its own weights


def test_the_columns_have_names():
    pandas = pytest.importorskip("pandas", reason="pandas is an extra")
    net = network("numbers")
    net.inputs.names = ["a", "b", "c", "d", "e"]
    X = samples(net)
    table = pandas.DataFrame(X, columns=net.inputs.names)
    estimator = net.to_sklearn()
    assert_close(estimator.predict(table), net.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(table[["b", "a", "c", "d", "e"]])
    assert fg.from_sklearn(estimator).inputs.names == net.inputs.names


ESTIMATORS = {
    "a classifier": classifier,
    "a regressor": regressor,
    "tanh": lambda: classifier(activation="tanh"),
    "scaled": lambda: make_pipeline(StandardScaler(), classifier()),
    "centred": lambda: make_pipeline(StandardScaler(with_std=False), regressor()),
    "only scaled": lambda: make_pipeline(StandardScaler(with_mean=False), regressor()),
    "scaled twice": lambda: make_pipeline(
        StandardScaler(), "passthrough", StandardScaler(), regressor()
    ),
    "targets": lambda: TransformedTargetRegressor(regressor(), transformer=StandardScaler()),
    "targets in a pipeline": lambda: make_pipeline(
        StandardScaler(), TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    ),
    "fastgrad's": lambda: ours.MLPClassifier(
        [6, 5], activation=["gelu", "relu"], solver="lbfgs", max_iter=15
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_of_users(name, rng):
    X, y = rng.normal(2, 3, size=(90, 4)), np.arange(90) % 3
    estimator = ESTIMATORS[name]().fit(X, y)
    net = fg.from_sklearn(estimator)
    assert_close(*predicted(net, estimator, X))
    assert net.dtype == np.float64


@pytest.mark.parametrize(
    "labels", [np.array(LABELS), np.array([1, 2, 3]), np.array([2.0, 1.0, 3.0])]
)
def test_labels_are_kept(labels, rng, tmp_path):
    X, y = rng.normal(size=(90, 4)), labels[np.arange(90) % 3]
    net = fg.from_sklearn(classifier().fit(X, y))
    assert net.metadata["classes"] == sorted(labels.tolist())
    net.save(tmp_path / "net.safetensors")
    back = fg.load(tmp_path / "net.safetensors").to_sklearn()
    assert (back.classes_ == np.unique(labels)).all()


@pytest.mark.parametrize(
    "metadata",
    [{"classes": 3}, {"task": 0, "classes": "abc"}, {"task": "classification", "classes": [1, 2]}],
)
def test_metadata_that_are_no_labels(metadata):
    net = small(3, "softmax_cross_entropy")
    net.metadata = metadata
    assert list(net.to_sklearn().classes_) == [0, 1, 2]


def tables_classifier():
    estimator = ours.MLPClassifier([3], encode="auto", solver="lbfgs", max_iter=2)
    return estimator.fit(X, Y > 2)


X, Y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
FAULTS = {
    "a number": (lambda: fg.from_sklearn(3), ["estimator", "got 3"]),
    "not fitted": (lambda: fg.from_sklearn(classifier()), ["MLPClassifier", "not fitted"]),
    "another one": (lambda: fg.from_sklearn(Ridge().fit(X, Y)), ["Ridge"]),
    "another scaler": (
        lambda: fg.from_sklearn(make_pipeline(MinMaxScaler(), regressor()).fit(X, Y)),
        ["minmaxscaler", "StandardScaler"],
    ),
    "another last step": (
        lambda: fg.from_sklearn(make_pipeline(StandardScaler(), Ridge()).fit(X, Y)),
        ["ridge", "Ridge()"],
    ),
    "a table's": (lambda: fg.from_sklearn(tables_classifier()), ["MLPClassifier", "encoder"]),
    "several activations": (
        lambda: fg.Network([2, 3, 3, 1], activations=["relu", "tanh", "identity"]).to_sklearn(),
        ["layer 2: got tanh", "relu"],
    ),
    "an unknown activation": (
        lambda: fg.Network([2, 3, 1], activations=["gelu", "identity"]).to_sklearn(),
        ["layer 1: got gelu", "tanh"],
    ),
    "at the output": (
        lambda: fg.Network([2, 3, 1], activations=["tanh", "tanh"]).to_sklearn(),
        ["layer 2: got tanh", "identity"],
    ),
    "several costs": (
        lambda: fg.Network([2, 3], cost=[("mse", 1), ("softmax_cross_entropy", 2)]).to_sklearn(),
        ["mse, softmax_cross_entropy", "one cost"],
    ),
    "one output per class": (
        lambda: with_labels(fg.Network([2, 3], cost="sigmoid_cross_entropy"), LABELS).to_sklearn(),
        ["sigmoid_cross_entropy", "one cost"],
    ),
    "broken numbers": (
        lambda: with_labels(
            fg.Network([2, 1], cost="sigmoid_cross_entropy"), [0.5, 1.5]
        ).to_sklearn(),
        ["classes: got [0.5, 1.5]", "whole numbers"],
    ),
    "equal labels": (
        lambda: with_labels(
            fg.Network([2, 1], cost="sigmoid_cross_entropy"), [1, "1"]
        ).to_sklearn(),
        ["classes", "differ as text"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_carried_over_is_named(fault):
    call, words = FAULTS[fault]
    assert_names(call, words)
