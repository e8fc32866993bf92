"""Metrics against scikit-learn, and their errors for targets of another kind."""

import functools

import numpy as np
import pytest
from helpers.comparison import assert_close
from helpers.error_messages import assert_names, message_of
from helpers.ten_samples import IDS as TEN_IDS
from helpers.ten_samples import X, Y, network
from hypothesis import given
from hypothesis import strategies as st

import fastgrad as fg
from fastgrad import metrics

reference = pytest.importorskip("sklearn.metrics")

AVERAGES = ["macro", "micro", "weighted"]
RATES = {
    "precision": functools.partial(reference.precision_score, zero_division=0),
    "recall": functools.partial(reference.recall_score, zero_division=0),
    "f1": functools.partial(reference.f1_score, zero_division=0),
}
OF_CLASSES = ["accuracy", "top_k_accuracy", "precision", "recall", "f1", "roc_auc"]


def probabilities(rng, S, n, parts=None):
    """Rows that add up to 1; in so many parts, so that some are equal."""
    if parts is None:
        return rng.dirichlet(np.ones(n), S)
    return rng.multinomial(parts, np.full(n, 1 / n), S) / parts


def close(value):
    return pytest.approx(value, rel=1e-12, abs=1e-12)


# --- classes ------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(3, 8), st.integers(1, 60), st.sampled_from(AVERAGES))
def test_several_classes(seed, n, S, average):
    """Also where a class is missing in Y, in the predictions or in both."""
    rng = np.random.default_rng(seed)
    y = rng.choice(rng.integers(n, size=rng.integers(1, n + 1)), size=S)
    p = probabilities(rng, S, n, 10)
    guess = p.argmax(axis=1)
    assert metrics.accuracy(y, p) == close(reference.accuracy_score(y, guess))
    for name, expected in RATES.items():
        value = metrics.METRICS[name](y, p, average=average)
        assert value == close(expected(y, guess, average=average))
    counts = reference.confusion_matrix(y, guess, labels=range(n))
    np.testing.assert_array_equal(metrics.confusion(y, p), counts)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([None, 10]))
def test_two_classes(seed, S, parts):
    """One logistic output or two of a softmax: the same values."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=S)
    p = probabilities(rng, S, 2, parts)
    guess = (p[:, 1] > 0.5).astype(int)
    for prediction in (p[:, 1:], p[:, 1], np.stack([1 - p[:, 1], p[:, 1]], axis=1)):
        assert metrics.accuracy(y, prediction) == close((y == guess).mean())
        for name, expected in RATES.items():
            assert metrics.METRICS[name](y, prediction) == close(expected(y, guess))
            for average in AVERAGES:
                value = metrics.METRICS[name](y, prediction, average=average)
                assert value == close(expected(y, guess, average=average))
        counts = reference.confusion_matrix(y, guess, labels=[0, 1])
        np.testing.assert_array_equal(metrics.confusion(y, prediction), counts)
        if 0 < y.sum() < S:
            area = reference.roc_auc_score(y, p[:, 1])
            assert metrics.roc_auc(y, prediction) == close(area)
    assert metrics.f1(y[:, None] * 1.0, p[:, 1:]) == metrics.f1(y, p)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 40), st.sampled_from(AVERAGES))
def test_several_answers(seed, n, S, average):
    rng = np.random.default_rng(seed)
    Y = rng.integers(2, size=(S, n))
    Y[:2] = [[0] * n, [1] * n]  # each answer occurs; the rows do not add up to 1
    p = rng.uniform(size=(S, n)).round(1)
    assert metrics.accuracy(Y, p) == close(np.mean((p > 0.5) == Y))
    for name, expected in RATES.items():
        value = metrics.METRICS[name](Y, p, average=average)
        assert value == close(expected(Y, p > 0.5, average=average))
    assert metrics.f1(Y, p) == metrics.f1(Y, p, average="macro")
    assert metrics.roc_auc(Y, p) == close(reference.roc_auc_score(Y, p))


@pytest.mark.parametrize("parts", [None, 10])
@pytest.mark.parametrize("n", [3, 6])
def test_roc_auc_of_several_classes(rng, n, parts):
    y, p = rng.integers(n, size=300), probabilities(rng, 300, n, parts)
    assert metrics.roc_auc(y, p) == close(reference.roc_auc_score(y, p, multi_class="ovr"))


def test_roc_auc_omits_classes_that_do_not_occur(rng):
    y, p = 2 * rng.integers(2, size=50), probabilities(rng, 50, 4)
    areas = [reference.roc_auc_score(y == k, p[:, k]) for k in (0, 2)]
    assert metrics.roc_auc(y, p) == close(np.mean(areas))
    assert np.isnan(metrics.roc_auc(np.zeros(50, int), p))


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_top_k(rng, k):
    y, p = rng.integers(9, size=200), probabilities(rng, 200, 9)
    expected = reference.top_k_accuracy_score(y, p, k=k)
    named = metrics.resolve_metric(f"top_k_accuracy(k={k})")
    assert metrics.top_k_accuracy(y, p, k=k) == named(y, p) == close(expected)
    assert named.__name__ == f"top_{k}_accuracy"


@pytest.mark.parametrize("k", [3, 5])
def test_top_k_of_all_classes_is_refused(rng, k):
    y, p = rng.integers(3, size=20), probabilities(rng, 20, 3)
    with pytest.raises(ValueError, match=rf"^k: got {k}; expected less than the 3 classes$"):
        metrics.top_k_accuracy(y, p, k=k)


def test_top_k_takes_the_first_of_equal_ones(rng):
    y, p = rng.integers(6, size=200), probabilities(rng, 200, 6, 10)
    first = np.argsort(-p, axis=1, kind="stable")
    for k in range(1, 6):
        expected = (first[:, :k] == y[:, None]).any(axis=1).mean()
        assert metrics.top_k_accuracy(y, p, k=k) == close(expected)
    assert metrics.top_k_accuracy(y, p, k=1) == metrics.accuracy(y, p)
    assert metrics.top_k_accuracy(y, p) == metrics.top_k_accuracy(y, p, k=5)


def test_top_k_in_scikit_learn_takes_the_last_of_equal_ones(rng):
    y, p = rng.integers(6, size=200), probabilities(rng, 200, 6, 10)
    for k in range(1, 6):
        last_first = reference.top_k_accuracy_score(5 - y, p[:, ::-1], k=k, labels=range(6))
        assert metrics.top_k_accuracy(y, p, k=k) == close(last_first)
    assert metrics.top_k_accuracy(y, p, k=2) != reference.top_k_accuracy_score(y, p, k=2)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_distribution_counts_as_its_most_probable_class(rng, name):
    Y, p = probabilities(rng, 80, 6), probabilities(rng, 80, 6)
    ids = Y.argmax(axis=1)
    metric = metrics.METRICS[name]
    assert metric(Y, p) == metric(np.eye(6)[ids], p) == metric(ids, p)
    assert metric(ids.tolist(), p.tolist()) == metric(ids, p)


def test_in_float32(rng):
    y, p = rng.integers(5, size=400), probabilities(rng, 400, 5).astype(np.float32)
    assert metrics.accuracy(y, p) == close((p.argmax(axis=1) == y).mean())
    area = [reference.roc_auc_score(y == k, p[:, k]) for k in range(5)]
    assert metrics.roc_auc(y, p) == close(np.mean(area))
    assert metrics.mae(p, p[::-1]) == close(np.abs(p.astype(float) - p[::-1]).mean())


def test_nothing_to_divide_by_gives_0():
    never, p = np.zeros(3, int), np.full((3, 1), 0.2)
    assert [metrics.METRICS[name](never, p) for name in RATES] == [0, 0, 0]
    assert metrics.f1(np.zeros((3, 2)), np.full((3, 2), 0.2), average="weighted") == 0


@pytest.mark.parametrize(
    ("Y", "p"),
    [
        (np.ones(3, int), np.array([0.2, 0.5, 0.7])),
        (np.ones((3, 2)), np.full((3, 2), 0.2)),
        (np.array([2]), np.array([[0.2, 0.3, 0.5]])),
    ],
)
def test_roc_auc_of_one_class_is_undefined(Y, p):
    assert np.isnan(metrics.roc_auc(Y, p))  # scikit-learn says so too from 1.6 on


# --- numbers ------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(2, 60))
def test_numbers(seed, n, S):
    rng = np.random.default_rng(seed)
    Y = 100 + rng.normal(size=(S, n))
    a = Y + rng.normal(size=(S, n)) * rng.uniform(0, 2, n)
    for targets in (Y, Y[:, 0]) if n == 1 else (Y,):
        assert metrics.r2(targets, a) == pytest.approx(reference.r2_score(Y, a), rel=1e-9)
        assert metrics.mae(targets, a) == close(reference.mean_absolute_error(Y, a))
        assert metrics.rmse(targets, a) == close(reference.root_mean_squared_error(Y, a))


@pytest.mark.parametrize("error", [0, 0.5])
def test_r2_of_constant_targets(error):
    Y = np.stack([np.zeros(8), np.tile([-1.0, 1.0], 4)], axis=1)
    assert metrics.r2(Y, Y + error) == close(reference.r2_score(Y, Y + error))
    # The sum of eight 0.1 is not 0.8: scikit-learn takes these for varied.
    assert metrics.r2(np.full(8, 0.1), np.full((8, 1), 0.1 + error)) == (error == 0)


def test_r2_of_one_sample_is_undefined():
    with pytest.warns(UserWarning, match="less than two samples"):
        assert np.isnan(reference.r2_score([2.0], [2.0]))
    assert np.isnan(metrics.r2([2.0], [[2.0]]))
    assert metrics.mae([2.0], [[2.5]]) == metrics.rmse([2.0], [[2.5]]) == 0.5


def test_numbers_may_look_like_classes(rng):
    """Least squares on rows of 0 and 1 that add up to 1 predicts rows that do so too."""
    Y, X = np.eye(3)[rng.integers(3, size=30)], np.c_[rng.normal(size=(30, 2)), np.ones(30)]
    a = X @ np.linalg.lstsq(X, Y)[0]
    assert_close(a.sum(axis=1), np.ones(30), 1e-12)
    assert metrics.r2(Y, a) == pytest.approx(reference.r2_score(Y, a), rel=1e-9)
    assert metrics.mae(Y, a) == close(reference.mean_absolute_error(Y, a))
    assert metrics.rmse(Y, a) == close(reference.root_mean_squared_error(Y, a))


# --- by name ------------------------------------------------------------------------------------


def test_by_name():
    assert list(metrics.METRICS) == [*OF_CLASSES, "r2", "mae", "rmse"]
    for name, metric in metrics.METRICS.items():
        assert metrics.resolve_metric(name) is metric
        assert metric.__name__ == name

    def bias(Y, prediction):
        return float(np.mean(prediction - Y))

    assert metrics.resolve_metric(bias) is bias


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("acuracy", r"^metrics: got 'acuracy'; did you mean 'accuracy'\? expected one of "),
        (3, r"^metrics: got 3; expected a name or a function$"),
        ("f1(k=2)", r"^metrics: 'f1' takes no parameters, got 'f1\(k=2\)'$"),
        ("top_k_accuracy(2)", r"^metrics: got 'top_k.*, expected 'top_k_accuracy\(k=number\)'$"),
        ("top_k_accuracy(k=0.5)", r"^metrics: got 'top_k.*, expected 'top_k_accuracy\(k=number"),
        ("top_k_accuracy(k=0)", r"^k: got 0; expected an integer of at least 1$"),
        (functools.partial(metrics.f1, average="micro"), r"^metrics: got functools.* __name__$"),
    ],
)
def test_bad_metrics(metric, message):
    with pytest.raises((ValueError, TypeError), match=message):
        metrics.resolve_metric(metric)


# --- bad arguments -------------------------------------------------------------------------------

Y_REAL = np.linspace(-2, 2, 6)
P = np.tile([0.2, 0.3, 0.5], (6, 1))
IDS = np.arange(6) % 3


@pytest.mark.parametrize("name", [*OF_CLASSES, "confusion"])
@pytest.mark.parametrize(
    ("Y", "prediction", "message"),
    [
        (Y_REAL, Y_REAL[:, None], "prediction: got -2 at [0, 0]; expected probabilities"),
        (Y_REAL, P[:, :1], "Y: got -2 at [0, 0]; expected classes, 0 or 1"),
        (Y_REAL, P, "Y: got -1.2 at [1]; expected 6 class ids from 0 to 2"),
        (np.tile(Y_REAL[:, None], 3), P, "Y: got -2 at [0, 0]; expected classes, 0 or 1"),
        (IDS, P[:, :2], "Y: got 2 at [2]; expected 6 class ids from 0 to 1"),
        (IDS[:5], P, "Y: got shape (5,); expected 6 class ids from 0 to 2"),
        (IDS, P[None], "prediction: got shape (1, 6, 3); expected numbers of shape"),
        (IDS, P * np.nan, "prediction: got nan at [0, 0]; expected finite numbers"),
    ],
)
def test_classification_metrics_refuse_real_numbers(name, Y, prediction, message):
    with pytest.raises(ValueError, match="expected") as caught:
        getattr(metrics, name)(Y, prediction)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["r2", "mae", "rmse"])
@pytest.mark.parametrize(
    ("Y", "message"),
    [
        (IDS, "Y: got shape (6,); expected numbers of shape (6, 3)"),
        (np.eye(3, dtype=bool)[IDS], "Y: got classes, each 0 or 1; expected real numbers of shape"),
    ],
)
def test_regression_metrics_refuse_classes(name, Y, message):
    with pytest.raises(ValueError, match="expected") as caught:
        getattr(metrics, name)(Y, P)
    assert str(caught.value).startswith(message)


def test_metrics_that_need_one_class_per_sample():
    for metric in (metrics.confusion, metrics.top_k_accuracy):
        with pytest.raises(ValueError, match=r"^Y: got 2 labels per sample.*one class per sample$"):
            metric(np.ones((6, 2)), P[:, :2])


def test_arguments():
    with pytest.raises(ValueError, match=r"^average: got 'marco'; did you mean 'macro'\?"):
        metrics.f1(IDS, P, average="marco")
    with pytest.raises(ValueError, match=r"^k: got 0; expected an integer of at least 1$"):
        metrics.top_k_accuracy(IDS, P, k=0)
    assert_names(lambda: metrics.top_k_accuracy(IDS, P, k=2**70), ["k", str(2**63 - 1)])


def test_with_a_network(rng):
    X, y = fg.load_digits()
    net = fg.Network([64, 16, 10], cost="softmax_cross_entropy", seed=0)
    history = net.fit(X[:300], y[:300], epochs=2, validation=(X[300:400], y[300:400]))
    figure = metrics.accuracy(y[300:400], net.predict(X[300:400]))
    assert figure == close(history.metrics["val_accuracy"][-1])


def largest(Y, prediction):
    return np.abs(Y - prediction).max()


def cost(Y, prediction):
    return 0.0


def accuracy(Y, prediction):
    return 0.0


@pytest.mark.parametrize(
    ("of", "metrics", "name"),
    [
        ("mse", [largest, largest], "largest"),
        ("mse", [lambda Y, p: 1, lambda Y, p: 2], "lambda"),
        ("mse", ["mae", "mae"], "mae"),
        ("mse", [cost], "cost"),
        ("softmax_cross_entropy", [accuracy], "accuracy"),
    ],
)
def test_metrics_of_one_name(of, metrics, name):
    net, Y_val = network([3, 5, 2], cost=of), Y if of == "mse" else TEN_IDS
    call = lambda: net.fit(X, Y_val, validation=(X, Y_val), metrics=metrics)  # noqa: E731
    assert f"metrics: got {name!r} twice; expected functions of diff" in message_of(call)


def test_a_custom_metric_may_be_called_accuracy_if_there_is_none():
    history = network([3, 5, 2]).fit(X, Y, epochs=1, validation=(X, Y), metrics=[accuracy])
    assert history.metrics == {"val_accuracy": [0]}


def test_a_lambda_has_a_name_that_a_file_can_hold(tmp_path):
    options = {"validation": (X, Y), "metrics": [lambda Y, p: 3]}
    callbacks = [fg.CSVLogger(tmp_path / "log"), fg.EarlyStopping("val_lambda", mode="min")]
    history = network([3, 5, 2]).fit(X, Y, epochs=1, callbacks=callbacks, **options)
    assert history.metrics == {"val_lambda": [3]}
    assert "val_lambda" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("value", [None, "high", np.ones(3)])
def test_a_metric_that_is_no_number(value):
    options = {"validation": (X, Y), "metrics": [lambda Y, p: value]}
    assert "from <lambda>" in message_of(lambda: network([3, 5, 2]).fit(X, Y, epochs=1, **options))
