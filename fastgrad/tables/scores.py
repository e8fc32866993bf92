"""How good predictions are: metrics with their intervals, beside those of a baseline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import metrics, validation

__all__ = [
    "Score", "baseline", "checked_baseline", "classification_scores", "regression_scores",
    "scores_of",
]  # fmt: skip

Array = NDArray[Any]

_LEVEL = 0.95
_MOST_RESAMPLES = 1000
_MOST_ROWS = 20_000  # of a resample, and
_ROWS_IN_ALL = 5_000_000  # of all, so that large tables do not wait
_LEAST_PROBABILITY = 1e-15  # of the class that was right, where it was given none


class Score(NamedTuple):
    """A metric of the predictions of some rows.

    Attributes
    ----------
    name : str
        Of the metric, such as "balanced accuracy".
    value : float
        Of all rows.
    low, high : float
        The interval of 95 % by the bootstrap: resampling the rows with replacement.
    baseline : float
        Of predictions that do not look at the inputs: the frequencies of the classes, or the mean.
    """

    name: str
    value: float
    low: float
    high: float
    baseline: float


def baseline(y: Array, classes: Sequence[Any] | None) -> Array:
    """The frequencies of the classes, or the mean of numbers, the smallest and the largest."""
    if classes:
        return np.bincount(y, minlength=len(classes)) / len(y)
    return np.array([y.mean(), y.min(), y.max()])


def checked_baseline(numbers: Any, classes: Sequence[Any] | None) -> list[float]:
    """The numbers of a file that `baseline` returned, or none; TypeError or ValueError else."""
    checked = [validation.number("baseline", number) for number in numbers]
    if classes and len(checked) not in (0, len(classes)):
        raise ValueError(f"baseline: got {len(checked)} numbers; expected one per class")
    return checked


def scores_of(
    y: Array, p: Array, baseline: Sequence[float], are_probabilities: bool
) -> list[Score]:
    """The scores of classes if p has a column for each, and of numbers if it has none.

    Parameters
    ----------
    y, p
        As `TableModel.compared` returns them.
    baseline : sequence of float
        As the function `baseline` returns it for the training rows; empty if unknown.
    are_probabilities : bool
        As for `classification_scores`.
    """
    if p.ndim == 1:
        return regression_scores(y, p, baseline[0] if baseline else np.nan)
    frequencies = np.array(baseline or [np.nan])
    return classification_scores(y, p, frequencies, are_probabilities)


def classification_scores(
    ids: Array, p: Array, frequencies: Array, are_probabilities: bool = True
) -> list[Score]:
    """Accuracy, balanced accuracy, log-loss and area under the ROC curve.

    Parameters
    ----------
    ids : (S,) int64
        The classes.
    p : (S, K) array
        Probability of each class.
    frequencies : (K,) array
        Of the classes among the training rows, for the baseline; NaN where they are unknown.
    are_probabilities : bool, default True
        False: p is 1 for the class predicted, and there are no log-loss and no area.
    """
    baseline = np.broadcast_to(frequencies, p.shape)
    functions = {
        "accuracy": metrics.accuracy,
        "balanced accuracy": _balanced_accuracy,
    }
    if are_probabilities:
        functions |= {"log-loss": _log_loss, "ROC AUC": metrics.roc_auc}
    return _scores(functions, ids, p, baseline)


def regression_scores(y: Array, prediction: Array, mean: float) -> list[Score]:
    """R2, root mean squared error and mean absolute error.

    Parameters
    ----------
    y, prediction : (S,) array
        Numbers.
    mean : float
        Of the training rows, for the baseline.
    """
    functions = {"R2": metrics.r2, "RMSE": metrics.rmse, "MAE": metrics.mae}
    return _scores(functions, y, prediction, np.full(len(y), mean))


def _scores(
    functions: Mapping[str, Callable[[Any, Any], float]],
    y: Array,
    prediction: Array,
    baseline: Array,
) -> list[Score]:
    S, rng = len(y), np.random.default_rng(0)
    m = min(S, _MOST_ROWS)
    resamples = min(_ROWS_IN_ALL // m, _MOST_RESAMPLES) if S > 1 else 0
    drawn = [rng.integers(S, size=m) for _ in range(resamples)]
    scores = []
    for name, function in functions.items():
        value = function(y, prediction)
        of_resamples = [function(y[rows], prediction[rows]) for rows in drawn]
        finite = [other for other in of_resamples if np.isfinite(other)] or [np.nan]
        tail = 100 * (1 - _LEVEL) / 2
        low, high = map(float, np.percentile(finite, [tail, 100 - tail]))
        if m < S:  # m out of S rows vary more by the root of S / m
            mean = float(np.mean(finite))
            ends = [value + (end - mean) * (m / S) ** 0.5 for end in (low, high)]
            low, high = np.clip(ends, min(finite), max(finite)).tolist()
        of_baseline = function(y, baseline) if np.isfinite(baseline).all() else np.nan
        scores.append(Score(name, value, low, high, of_baseline))
    return scores


def _balanced_accuracy(ids: Array, p: Array) -> float:
    """The mean over the classes that occur of the fraction of their rows that is right."""
    right = p.argmax(axis=1) == ids
    counts = np.bincount(ids)
    of_class = np.bincount(ids, weights=right)[counts > 0] / counts[counts > 0]
    return float(of_class.mean())


def _log_loss(ids: Array, p: Array) -> float:
    """The mean of minus the logarithm of the probability of the right class."""
    of_right = p[np.arange(len(ids)), ids]
    return float(-np.log(np.maximum(of_right, _LEAST_PROBABILITY)).mean())
