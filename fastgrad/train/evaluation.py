"""The metrics of each epoch: their names, and those of the validation samples."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from ..engine.batch import Batch
from ..metrics import accuracy, resolve_metric, rmse
from ..model.standardization import Targets
from .base import TrainableNetwork
from .inputs import as_batch, encoded

__all__ = ["Evaluation", "ValidationSamples", "accuracy_or_nan", "rmse_of", "squares_per_cost"]

Array = np.ndarray[Any, Any]


def accuracy_or_nan(right: float, C: float) -> float:
    """The fraction that is right; nan where the cost is, since the outputs then are no answers."""
    return math.nan if math.isnan(C) else right


def rmse_of(C: float, squares: float) -> float:
    """The root of the mean squared error, from a mean cost without the penalty."""
    return math.nan if math.isnan(C) else math.sqrt(squares * max(C, 0.0))


class ValidationSamples(NamedTuple):
    """The validation samples of a kind of network, validated and converted.

    Attributes
    ----------
    batch : Batch
        The samples, their targets as the user passed them.
    is_flat : bool
        Whether that was as (S,) where the network has (S, 1).
    """

    batch: Batch
    is_flat: bool

    @classmethod
    def of(
        cls, net: TrainableNetwork, samples: tuple[Any, Any], input_names: Sequence[str] | None,
        whose: str = "",
    ) -> Self:  # fmt: skip
        """Validate (X_val, Y_val) and convert them for a network."""
        X, Y = samples
        names = f"validation X{whose}", f"validation Y{whose}"
        batch = as_batch(net, X, Y, input_names=input_names, names=names)
        return cls(batch, len(net.heads) == 1 and len(batch.Y) > 0 and np.ndim(Y) == 1)


class Evaluation:
    """Computes cost, accuracy and metrics of the validation samples.

    Parameters
    ----------
    net : Network
        The network that is trained.
    samples : (X_val, Y_val), ValidationSamples or None
        The validation samples.
    metrics : iterable of str or callable
        As for `Network.fit`; computed once here, so that one that fails does so before training.
    targets : Targets
        How targets are standardised in this fit.
    input_names : sequence of str or None
        The columns of the training samples, if they are a DataFrame.

    Attributes
    ----------
    metric_names : tuple of str
        Of all metrics that an epoch has, those of the training samples included.

    Raises
    ------
    ValueError, TypeError
        Samples that do not suit the network, or metrics that do not suit the samples.
    """

    def __init__(
        self,
        net: TrainableNetwork,
        samples: tuple[Any, Any] | ValidationSamples | None,
        metrics: Iterable[Any],
        targets: Targets,
        input_names: Sequence[str] | None,
    ) -> None:
        self._squares, self._penalty = squares_per_cost(net, targets), 0.0
        extra = ["accuracy"] * net.heads.classifies + ["rmse"] * bool(self._squares)
        own = ("cost", *extra)
        self._net, self._functions = net, _functions(metrics, net, own)
        self._batch, self.metric_names = None, own
        if samples is None:
            if self._functions:
                raise ValueError(
                    "metrics: got some without validation; expected samples to compute them on"
                )
            return
        if not isinstance(samples, ValidationSamples):
            samples = ValidationSamples.of(net, samples, input_names)
        batch = samples.batch
        self._batch = encoded(batch, targets)
        self._targets = batch.ids if len(batch.ids) else batch.Y
        if samples.is_flat:
            self._targets = self._targets[:, 0]  # in the shape that the user passed
        names = [*own, *(f"val_{name}" for name in own), *self._functions]
        self.metric_names = tuple(dict.fromkeys(names))
        self._computed()

    def on_epoch_begin(self) -> None:
        """Note the penalty of the weights, if a metric is without it."""
        if self._squares:
            self._penalty = self._net.penalty

    def of_training(self, C: float, accuracy: float) -> dict[str, float]:
        """The metrics of the training samples by name, from their mean cost in the epoch."""
        if self._squares:
            return {"rmse": rmse_of(C - self._penalty, self._squares)}
        return {"accuracy": accuracy} if self._net.heads.classifies else {}

    def metrics(self) -> dict[str, float]:
        """The metrics of the validation samples by name, "val_cost" first; empty without any."""
        if self._batch is None:
            return {}
        C, right = self._net.engine.cost(self._batch)
        values = {"val_cost": C}
        if self._net.heads.classifies:
            values["val_accuracy"] = accuracy_or_nan(right, C)
        if self._squares:
            values["val_rmse"] = rmse_of(C - self._net.penalty, self._squares)
        return values | self._computed()

    def _computed(self) -> dict[str, float]:
        """The values of the metric functions."""
        if not self._functions or self._batch is None:
            return {}
        Y, prediction = self._targets, self._net.predict(self._batch.X)
        if Y.ndim == 1 == prediction.shape[1]:
            prediction = prediction[:, 0]  # (S,) - (S, 1) would be (S, S)
        finite = np.isfinite(prediction).all()
        return {
            name: _value(function, Y, prediction) if finite else math.nan
            for name, function in self._functions.items()
        }


def squares_per_cost(net: TrainableNetwork, targets: Targets) -> float:
    """Squared errors in the unit of the targets, per cost; 0 unless one is a multiple of the other.

    Standardised targets of one output have metrics in their own unit without being asked for them.
    """
    factor = {"squared_error": 2.0, "mse": 1.0}.get(net.heads[0].cost.name, 0.0)
    if not targets.standardize or net.n_outputs > 1:
        return 0.0
    return factor * float(targets.scale[0]) ** 2


def _functions(
    metrics: Iterable[Any], net: TrainableNetwork, own: tuple[str, ...]
) -> dict[str, Callable[..., Any]]:
    """The metric functions by the names of their values."""
    functions: dict[str, Callable[..., Any]] = {}
    for metric in metrics:
        function = resolve_metric(metric)
        if isinstance(metric, str) and len(net.heads) > 1:
            raise ValueError(
                f"metrics: got {metric!r} with several costs; expected functions of Y and the"
                f" prediction, both of shape (S, {net.n_outputs})"
            )
        name = function.__name__.strip("<>")  # no file of a logger can be called "<lambda>"
        if f"val_{name}" in functions or (name in own and function not in (accuracy, rmse)):
            raise ValueError(f"metrics: got {name!r} twice; expected functions of different names")
        functions[f"val_{name}"] = function
    return functions


def _value(metric: Callable[..., Any], Y: Array, prediction: Array) -> float:
    """The value of a metric; errors name the metric."""
    name = metric.__name__
    try:
        value = metric(Y, prediction)
    except Exception as error:
        if getattr(metric, "__module__", None) == accuracy.__module__:
            raise ValueError(
                f"metrics: got {name!r}; expected one that suits the validation samples ({error})"
            ) from None
        error.add_note(f"Raised by the metric {name!r}.")
        raise
    try:
        return float(value)
    except (TypeError, ValueError):
        received = f"{type(value).__name__} from {name}"
        raise TypeError(f"metrics: got {received}; expected a number") from None
