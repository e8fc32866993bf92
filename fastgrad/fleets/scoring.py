"""How good predictions are, in one number."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import validation
from ..metrics import Metric, less_is_better, resolve_metric
from ..network import Network
from .samples import FleetSamples

__all__ = ["Scoring", "mean_and_error"]

Array = np.ndarray[Any, Any]


class Scoring:
    """A metric by which networks are compared.

    Parameters
    ----------
    score : str, callable or None
        As an item of `metrics` in `Network.fit`; None: accuracy of classes, R2 of numbers.
    net : Network
        One of the networks.
    samples : FleetSamples
        On which the metric must be defined.

    Attributes
    ----------
    name : str
        Of the metric.
    sign : int
        -1 if less of it is better, else 1.

    Raises
    ------
    ValueError, TypeError
        An unknown metric, or one that does not suit the samples.
    """

    def __init__(self, score: str | Metric | None, net: Network, samples: FleetSamples) -> None:
        if score is None and len(net.heads) > 1:
            raise ValueError(
                "score: got None with several costs; expected a function of Y and the prediction,"
                f" both of shape (S, {net.n_outputs})"
            )
        default = "accuracy" if net.heads.classifies else "r2"
        self._metric = resolve_metric(default if score is None else score, "score")
        self.name = self._metric.__name__
        self.sign = -1 if less_is_better(self.name) else 1
        try:
            value = self._of(samples.targets, net.predict(samples.X))
        except Exception as error:
            if not isinstance(score, str | None):
                error.add_note(f"Raised by the metric {self.name!r}.")
                raise
            raise ValueError(
                f"score: got {self.name!r}; expected one that suits the samples ({error})"
            ) from None
        self._as_number(value)

    def __call__(self, Y: Array, prediction: Array) -> float:
        """The metric; nan without samples, or if a prediction is not finite."""
        if not len(Y) or not np.isfinite(prediction).all():
            return math.nan
        return self._as_number(self._of(Y, prediction))

    def _of(self, Y: Array, prediction: Array) -> Any:
        if Y.ndim == 1 == prediction.shape[1]:
            prediction = prediction[:, 0]  # (S,) - (S, 1) would be (S, S)
        return self._metric(Y, prediction)

    def _as_number(self, value: Any) -> float:
        """The value of the metric; raise unless it is a number."""
        array = np.asarray(value)
        if array.ndim or array.dtype.kind not in "fiub":
            received = validation.shown(value)
            raise TypeError(f"score: got {received} from {self.name!r}; expected a number")
        return float(array)


def mean_and_error(values: Iterable[float]) -> tuple[float, float]:
    """The mean of those that are finite, and its standard error; nan of too few."""
    finite = np.array([value for value in values if math.isfinite(value)])
    n = len(finite)
    error = float(finite.std(ddof=1) / n**0.5) if n > 1 else math.nan
    return float(finite.mean()) if n else math.nan, error
