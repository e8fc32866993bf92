"""Metrics for classification and regression, computed in compiled loops.

Each is a function of (Y, prediction): targets as `Network.fit` accepts them, and the result of
`Network.predict` for their samples. A fraction of nothing, such as the precision of a class that is
never predicted, is 0.0, without a warning; what is undefined, the area for one class and R2 of one
sample, is nan.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from . import registry, validation
from .kernels import metric_loops as loops

__all__ = [
    "METRICS", "accuracy", "class_ids", "confusion", "f1", "less_is_better", "mae", "precision",
    "r2", "recall", "resolve_metric", "rmse", "roc_auc", "top_k_accuracy",
]  # fmt: skip

Array = np.ndarray[Any, Any]

#: (Y, prediction) -> the value.
Metric = Callable[[Any, Any], float]

_AVERAGES = ("auto", "macro", "micro", "weighted")


# --- classification ------------------------------------------------------------------------------


def accuracy(Y: Any, prediction: Any) -> float:
    """Fraction of samples whose most probable class is their class.

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); for logistic outputs 0 or 1, (S,) or (S, n).
    prediction : array_like
        Probabilities: (S, K); for logistic outputs (S, 1) or (S, n), where above 1/2 means 1. With
        several logistic outputs it is the fraction of all S n labels.
    """
    truth, p = _labels(Y, prediction)
    return float(loops.share_equal(truth.ravel(), _predicted(truth, p).ravel()))


def top_k_accuracy(Y: Any, prediction: Any, k: int = 5) -> float:
    """Fraction of samples whose class is among the k most probable ones.

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); or 0 and 1, (S,) or (S, 1).
    prediction : array_like
        Probabilities (S, K), or (S, 1). Among equal ones the first counts as the more probable, as
        in `accuracy`; in scikit-learn the last does.
    k : int, default 5
        From 1 to K - 1: with K or more it would always be 1.
    """
    validation.integer("k", k, least=1)
    ids, p = class_ids(Y, prediction)
    if k >= p.shape[1]:
        raise ValueError(f"k: got {k}; expected less than the {p.shape[1]} classes")
    return float(loops.share_near_the_top(ids, p, k))


def precision(Y: Any, prediction: Any, average: str = "auto") -> float:
    """Fraction of the samples predicted to be of a class that are.

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); for logistic outputs 0 or 1, (S,) or (S, n).
    prediction : array_like
        Probabilities: (S, K); for logistic outputs (S, 1) or (S, n), where above 1/2 means 1.
    average : {"auto", "macro", "micro", "weighted"}, default "auto"
        "macro": the mean over the classes that occur in Y or are predicted, or over the n outputs.
        "weighted": that mean, each class weighted by how often it occurs in Y. "micro": one
        fraction of all classes together. "auto": that of class 1 if there are two, else "macro".
    """
    return _rate(Y, prediction, average, weight_of_predicted=1.0)


def recall(Y: Any, prediction: Any, average: str = "auto") -> float:
    """Fraction of the samples of a class that are predicted to be.

    Parameters
    ----------
    Y, prediction, average
        As for `precision`.
    """
    return _rate(Y, prediction, average, weight_of_predicted=0.0)


def f1(Y: Any, prediction: Any, average: str = "auto") -> float:
    """Harmonic mean of precision and recall, per class.

    Parameters
    ----------
    Y, prediction, average
        As for `precision`.
    """
    return _rate(Y, prediction, average, weight_of_predicted=0.5)


def roc_auc(Y: Any, prediction: Any) -> float:
    """Area under the ROC curve.

    The probability that a sample of the class is ranked above a sample of another class; ties count
    one half.

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); for logistic outputs 0 or 1, (S,) or (S, n).
    prediction : array_like
        Probabilities: (S, K); for logistic outputs (S, 1) or (S, n). With two classes it is the
        area of class 1; with more, the mean over each class against the rest; with n outputs, the
        mean over these. Classes of all samples, or of none, are excluded; nan if none remains.
    """
    truth, p = _labels(Y, prediction)
    yes = _one_hot(truth, p)
    if truth.ndim == 1 and p.shape[1] == 2:
        yes, p = yes[:, 1:], p[:, 1:]
    areas, pairs = loops.roc_areas(yes, p, p.T.argsort(axis=1))
    return _mean(areas, pairs > 0) if pairs.any() else math.nan


def confusion(Y: Any, prediction: Any) -> Array:
    """Confusion matrix: how many samples of each class are predicted to be of each class.

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); or 0 and 1, (S,) or (S, 1).
    prediction : array_like
        Probabilities (S, K), or (S, 1), where above 1/2 means 1.

    Returns
    -------
    ndarray of int64
        (K, K): a row per true class, a column per predicted one.
    """
    ids, p = class_ids(Y, prediction)
    counts = np.zeros((p.shape[1], p.shape[1]), np.int64)
    loops.count_pairs(ids, loops.largest(p), counts)
    return counts


# --- regression ----------------------------------------------------------------------------------


def r2(Y: Any, prediction: Any) -> float:
    """Coefficient of determination: 1 - sum (y - a)^2 / sum (y - mean of y)^2.

    Parameters
    ----------
    Y : array_like
        Real numbers (S,) or (S, n).
    prediction : array_like
        Real numbers (S, n). With several outputs it is the mean over them. If y is constant, it is
        1 if all predictions are exact, else 0. For one sample it is nan.
    """
    Y, prediction = _numbers(Y, prediction)
    _, squares, spread = loops.sums_of_errors(Y, prediction)
    unexplained = np.divide(squares, spread, out=1.0 * (squares > 0), where=spread > 0)
    return float(np.mean(1 - unexplained)) if len(Y) > 1 else math.nan


def mae(Y: Any, prediction: Any) -> float:
    """Mean absolute error.

    Parameters
    ----------
    Y : array_like
        Real numbers (S,) or (S, n).
    prediction : array_like
        Real numbers (S, n). With several outputs it is the mean over them.
    """
    Y, prediction = _numbers(Y, prediction)
    absolute, _, _ = loops.sums_of_errors(Y, prediction)
    return float(np.mean(absolute / len(Y)))


def rmse(Y: Any, prediction: Any) -> float:
    """Root mean squared error.

    Parameters
    ----------
    Y : array_like
        Real numbers (S,) or (S, n).
    prediction : array_like
        Real numbers (S, n). With several outputs it is the mean over their roots.
    """
    Y, prediction = _numbers(Y, prediction)
    _, squares, _ = loops.sums_of_errors(Y, prediction)
    return float(np.mean(np.sqrt(squares / len(Y))))


# --- by name -------------------------------------------------------------------------------------

#: The built-in metrics by name.
METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (accuracy, top_k_accuracy, precision, recall, f1, roc_auc, r2, mae, rmse)
}


def _top(k: int = 5) -> Metric:
    validation.integer("k", k, least=1)

    def metric(Y: Any, prediction: Any) -> float:
        return top_k_accuracy(Y, prediction, k)

    metric.__name__ = f"top_{k}_accuracy"
    return metric


def less_is_better(name: str) -> bool | None:
    """Whether smaller values of a metric are better; None for a custom metric.

    Parameters
    ----------
    name : str
        As in `History.columns`, such as "val_cost" or "val_accuracy".
    """
    name = name.removeprefix("val_")
    if name in {"cost", "mae", "rmse"}:
        return True
    return False if name in METRICS or re.fullmatch(r"top_(k|\d+)_accuracy", name) else None


def resolve_metric(metric: str | Metric, argument: str = "metrics") -> Metric:
    """Return the metric of a name.

    Parameters
    ----------
    metric : str or callable
        A name such as "f1" or "top_k_accuracy(k=2)", whose values are named "top_2_accuracy"; or a
        function (Y, prediction) -> float, which is returned unchanged; its values are named by its
        `__name__`, those of a lambda "lambda".
    argument : str, default "metrics"
        What it was passed as, for errors.

    Raises
    ------
    ValueError
        An unknown name (the message suggests the nearest one), or an invalid k.
    TypeError
        Anything else, or a callable without a `__name__`.
    """
    if isinstance(metric, str):
        return registry.from_name(argument, metric, METRICS, {"top_k_accuracy": _top})
    if not callable(metric):
        raise TypeError(f"{argument}: got {metric!r}; expected a name or a function")
    if not hasattr(metric, "__name__"):
        expected = "a name, or a function with a __name__"
        raise TypeError(f"{argument}: got {metric!r}; expected {expected}")
    return metric


# --- validation ----------------------------------------------------------------------------------


def class_ids(Y: Any, prediction: Any) -> tuple[Array, Array]:
    """Return the class of each sample, (S,), and the probabilities of all classes, (S, K).

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); or 0 and 1, (S,) or (S, 1).
    prediction : array_like
        Probabilities (S, K); or (S, 1), those of class 1.

    Raises
    ------
    ValueError
        Numbers that are neither, or several labels per sample.
    """
    truth, p = _labels(Y, prediction)
    if truth.ndim == 2:
        raise ValueError(
            f"Y: got {truth.shape[1]} labels per sample, each 0 or 1; expected one class per sample"
        )
    return truth, p


def _labels(Y: Any, prediction: Any) -> tuple[Array, Array]:
    """Class ids (S,) and probabilities (S, K), or labels (S, n) of dtype bool and theirs (S, n).

    Rows of Y are distributions if they sum to 1 and the probabilities do too.
    """
    p = _prediction(prediction)
    expected = "probabilities of classes, from 0 to 1, not class ids"
    _expect("prediction", p, (p >= 0) & (p <= 1), expected)
    S, n = p.shape
    if n > 1 and np.ndim(Y) == 1:
        return validation.class_ids("Y", Y, n, S), p
    Y = validation.matrix("Y", Y, np.dtype("float64"), n, S)
    if n > 1 and (Y >= 0).all() and _sum_to_1(Y) and _sum_to_1(p):
        return loops.largest(Y), p
    _expect("Y", Y, (Y == 0) | (Y == 1), "classes, 0 or 1")
    return (Y[:, 0].astype(np.int64), np.hstack([1 - p, p])) if n == 1 else (Y == 1, p)


def _numbers(Y: Any, prediction: Any) -> tuple[Array, Array]:
    """Real targets and predictions, both (S, n)."""
    a = _prediction(prediction)
    numbers = validation.matrix("Y", Y, np.dtype("float64"), a.shape[1], len(a))
    if np.asarray(Y).dtype == bool:
        raise ValueError(f"Y: got classes, each 0 or 1; expected real numbers of shape {a.shape}")
    return numbers, a


def _prediction(value: Any) -> Array:
    shape = np.shape(value)
    n = max(shape[1], 1) if len(shape) == 2 else 1
    dtype = np.dtype("float32" if getattr(value, "dtype", None) == np.float32 else "float64")
    return validation.matrix("prediction", value, dtype, n, shape[0] if shape else 1)


def _expect(name: str, array: Array, valid: Array, expected: str) -> None:
    if not valid.all():
        s, i = np.argwhere(~valid)[0]
        raise ValueError(f"{name}: got {array[s, i]:g} at [{s}, {i}]; expected {expected}")


def _sum_to_1(rows: Array) -> bool:
    return bool((np.abs(rows.sum(axis=1) - 1) < 1e-3).all())


# --- helpers -------------------------------------------------------------------------------------


def _predicted(truth: Array, p: Array) -> Array:
    return loops.largest(p) if truth.ndim == 1 else p > 0.5


def _one_hot(labels: Array, p: Array) -> Array:
    return labels[:, None] == np.arange(p.shape[1]) if labels.ndim == 1 else labels


def _mean(values: Array, weights: Array) -> float:
    return float(values @ weights / weights.sum()) if weights.any() else 0.0


def _rate(Y: Any, prediction: Any, average: str, weight_of_predicted: float) -> float:
    """Correct predictions over a weighted mean of the predicted and the true ones, per class."""
    validation.choice("average", average, _AVERAGES)
    truth, p = _labels(Y, prediction)
    right, predicted, true = loops.tally(_one_hot(truth, p), _one_hot(_predicted(truth, p), p))
    total = weight_of_predicted * predicted + (1 - weight_of_predicted) * true
    rates = np.divide(right, total, out=np.zeros_like(total), where=total > 0)
    if truth.ndim == 1 and average == "auto" and len(rates) == 2:
        return float(rates[1])
    if average == "micro":
        return _mean(rates, total)
    if average == "weighted":
        return _mean(rates, true)
    return _mean(rates, (predicted + true > 0) | (truth.ndim == 2))
