"""The options of a fit: what `Network.fit` and `Network.fit_stream` accept apart from samples."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import validation
from ..optim.base import Optimizer, resolve_optimizer
from ..optim.weight_averages import EMA, SWA, resolve_average
from .base import Callback
from .evaluation import ValidationSamples

__all__ = ["FitOptions"]


def _callbacks(name: str, value: Any) -> tuple[Callback, ...]:
    if not isinstance(value, Iterable):
        raise TypeError(f"{name}: got {value!r}; expected a list of fg.Callback objects")
    callbacks = tuple(value)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"{name}: got {callback!r}; expected objects of fg.Callback")
        validation.integer(f"{type(callback).__name__}.every", callback.every, least=0)
    if len({id(callback) for callback in callbacks}) < len(callbacks):
        raise ValueError(f"{name}: got one of them twice; expected each once")
    return callbacks


def _metrics(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: got {value!r}; expected a list of names or functions")
    return tuple(value)


def _verbosity(name: str, value: Any) -> int:
    return int(value) if isinstance(value, bool) else validation.integer(name, value, least=0)


def _validation(name: str, value: Any) -> tuple[Any, Any]:
    if isinstance(value, ValidationSamples):
        return value
    return validation.pair(name, value, of="(X_val, Y_val)")


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "epochs": partial(validation.integer, least=0),
    "batch_size": partial(validation.integer, least=1),
    "optimizer": lambda name, value: resolve_optimizer(value),
    "validation": _validation,
    "shuffle": validation.flag,
    "callbacks": _callbacks,
    "threads": partial(validation.integer, least=1),
    "verbose": _verbosity,
    "metrics": _metrics,
    "average": lambda name, value: resolve_average(value),
}

_OPTIONAL = {"batch_size", "optimizer", "validation", "threads", "average"}  # they may be None


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The options of a fit, validated: see `Network.fit`.

    Parameters
    ----------
    epochs : int
        Number of passes over the samples.
    batch_size : int, optional
        Samples per step; None: each piece of a stream is a mini-batch.
    optimizer : Optimizer, optional
        None: `Adam()`, the same for each fit of a network.
    validation : (X_val, Y_val) or ValidationSamples, optional
        Samples on which cost and metrics are computed after each epoch.
    shuffle : bool
        Whether the samples are shuffled in each epoch.
    callbacks : iterable of Callback
        Called between epochs and batches.
    threads : int, optional
        None: chosen by measurement.
    verbose : int
        0: silent.
    metrics : iterable of str or callable
        Computed on the validation samples.
    average : EMA or SWA, optional
        Average of the weights.
    """

    epochs: int
    batch_size: int | None
    optimizer: Optimizer | None
    validation: tuple[Any, Any] | ValidationSamples | None
    shuffle: bool
    callbacks: Iterable[Callback]
    threads: int | None
    verbose: int
    metrics: Iterable[Any]
    average: EMA | SWA | None

    def __post_init__(self) -> None:
        """Validate every option."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None or name not in _OPTIONAL:
                object.__setattr__(self, name, check(name, value))
