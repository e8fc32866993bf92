"""Learning-rate schedules: the rate of each step, a step being the update of one mini-batch.

A schedule is a few constants and a formula in t, the number of the step, counted from 0. A name
means the same in all of them: `lr` is the rate from which a schedule falls, `steps` its length,
which is that of the fit if it is None.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np

from .. import validation
from .schedule_base import Constant, Function, Schedule, schedule

__all__ = [
    "SCHEDULES", "Constant", "Cosine", "CosineRestarts", "Exponential", "Function", "Linear",
    "MultiStep", "OneCycle", "Polynomial", "Schedule", "Step", "Warmup", "from_config", "schedule",
]  # fmt: skip

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Step(Schedule):
    """Multiplied by gamma after each `every` steps: lr gamma^floor(t / every), PyTorch's StepLR.

    Parameters
    ----------
    lr : float
        First learning rate, at least 0.
    every : int
        Number of steps between two changes.
    gamma : float, default 0.1
        Factor, above 0.
    """

    lr: float
    every: int
    gamma: float = 0.1

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return self.lr * self.gamma ** (t // self.every)


@dataclass(frozen=True)
class MultiStep(Schedule):
    """Multiplied by gamma at milestones: lr gamma^(milestones up to t), PyTorch's MultiStepLR.

    Parameters
    ----------
    lr : float
        First learning rate, at least 0.
    milestones : sequence of int
        Steps from which the next rate applies, in ascending order.
    gamma : float, default 0.1
        Factor, above 0.
    """

    lr: float
    milestones: tuple[int, ...]
    gamma: float = 0.1

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return self.lr * self.gamma ** np.searchsorted(self.milestones, t, side="right")


@dataclass(frozen=True)
class Exponential(Schedule):
    """Decays continuously by gamma in `every` steps: lr gamma^(t / every).

    Parameters
    ----------
    lr : float
        First learning rate, at least 0.
    gamma : float
        Factor, above 0.
    every : int, default 1
        Number of steps in which the rate changes by that factor.
    """

    lr: float
    gamma: float
    every: int = 1

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return self.lr * self.gamma ** (t / self.every)


class _Ending(Schedule):
    """A schedule that reaches its last rate after `steps` and stays there."""

    steps: int | None

    def _lengths(self) -> list[int | None]:
        return [self.steps]

    def _length(self, horizon: int | None) -> int:
        length = horizon if self.steps is None else self.steps
        if length is None:
            name = type(self).__name__
            raise ValueError(
                f"{name}: got no steps, outside a fit of known length; expected"
                f" {name}(..., steps=1000) or the like"
            )
        return max(length, 1)  # a fit without steps

    def _progress(self, t: Array, horizon: int | None) -> Array:
        """The completed fraction of the schedule, from 0 to 1."""
        return np.minimum(t / self._length(horizon), 1)


def _half_wave(progress: Array, first: float, last: float) -> Array:
    """From first to last along half a cosine wave, as progress goes from 0 to 1."""
    return last + (first - last) * (1 + np.cos(np.pi * progress)) / 2


@dataclass(frozen=True)
class Cosine(_Ending):
    """From lr to minimum along half a cosine wave (I. Loshchilov, F. Hutter, arXiv:1608.03983).

    minimum + (lr - minimum) (1 + cos(pi t / steps)) / 2, and the minimum from t = steps on.

    Parameters
    ----------
    lr : float
        First learning rate, at least 0.
    steps : int, optional
        Length; None: that of the fit.
    minimum : float, default 0.0
        Last learning rate, from 0 to lr.
    """

    lr: float
    steps: int | None = None
    minimum: float = 0.0

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return _half_wave(self._progress(t, horizon), self.lr, self.minimum)


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """`Cosine` with restarts, each period `factor` times as long (SGDR, arXiv:1608.03983).

    PyTorch's CosineAnnealingWarmRestarts.

    Parameters
    ----------
    lr : float
        Learning rate at each start, at least 0.
    period : int
        Number of steps until the first restart.
    factor : int, default 1
        Length of each period relative to the previous one.
    minimum : float, default 0.0
        Learning rate that each period approaches, from 0 to lr.
    """

    lr: float
    period: int
    factor: int = 1
    minimum: float = 0.0

    def _rates(self, t: Array, horizon: int | None) -> Array:
        if self.factor == 1:
            return _half_wave(t % self.period / self.period, self.lr, self.minimum)
        starts, length = [0], self.period  # integers, since a logarithm may round across a restart
        while starts[-1] <= t.max(initial=0):
            starts.append(starts[-1] + length)
            length *= self.factor
        n = np.searchsorted(starts, t, side="right") - 1
        progress = (t - np.take(starts, n)) / np.take(np.diff(starts), n)
        return _half_wave(progress, self.lr, self.minimum)


@dataclass(frozen=True)
class Linear(_Ending):
    """From lr to end along a line: end + (lr - end) (1 - t / steps), and end from t = steps on.

    Parameters
    ----------
    lr : float
        First learning rate, at least 0.
    steps : int, optional
        Length; None: that of the fit.
    end : float, default 0.0
        Last learning rate, at least 0.
    """

    lr: float
    steps: int | None = None
    end: float = 0.0

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return self.end + (self.lr - self.end) * (1 - self._progress(t, horizon))


@dataclass(frozen=True)
class Polynomial(_Ending):
    """From lr to end along a power: end + (lr - end) (1 - t / steps)^power, then end.

    Parameters
    ----------
    lr : float
        First learning rate, at least 0.
    power : float
        Exponent, above 0; 1 is `Linear`.
    steps : int, optional
        Length; None: that of the fit.
    end : float, default 0.0
        Last learning rate, at least 0.
    """

    lr: float
    power: float
    steps: int | None = None
    end: float = 0.0

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return self.end + (self.lr - self.end) * (1 - self._progress(t, horizon)) ** self.power


@dataclass(frozen=True)
class OneCycle(_Ending):
    """Up to lr and down to almost 0 along cosines (L. N. Smith, N. Topin, arXiv:1708.07120).

    PyTorch's OneCycleLR, without its cycle of the momentum: from lr / div_factor at step 0 to lr at
    step warm steps - 1, then to lr / (div_factor final_div_factor) at step steps - 1.

    Parameters
    ----------
    lr : float
        Highest learning rate, at least 0.
    steps : int, optional
        Length; None: that of the fit.
    warm : float, default 0.3
        Fraction of the steps in which the rate rises, from 0 to below 1.
    div_factor : float, default 25.0
        Ratio of the highest rate to the first, above 0.
    final_div_factor : float, default 1e4
        Ratio of the first rate to the last, above 0.
    """

    lr: float
    steps: int | None = None
    warm: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def _rates(self, t: Array, horizon: int | None) -> Array:
        first = self.lr / self.div_factor
        top = self.warm * self._length(horizon) - 1  # below 0 if there is no step to rise in
        down = np.minimum((t - top) / (self._length(horizon) - 1 - top), 1)
        return np.where(
            t < top,
            _half_wave(t / max(top, 1), first, self.lr),
            _half_wave(down, self.lr, first / self.final_div_factor),
        )


@dataclass(frozen=True)
class Warmup(Schedule):
    """Any schedule, after a linear rise to its first rate, from `start` times that rate.

    The schedule counts its steps from the end of the warm-up; for it, the fit begins there.

    Parameters
    ----------
    schedule : Schedule, float or callable
        The schedule that follows.
    steps : int
        Number of steps of the warm-up, at least 1.
    start : float, default 0.0
        First rate, as a fraction of the schedule's first rate, at least 0.
    """

    schedule: Schedule
    steps: int
    start: float = 0.0

    def _rates(self, t: Array, horizon: int | None) -> Array:
        remaining = None if horizon is None else max(horizon - self.steps, 0)
        line = self.start + (1 - self.start) * t[t < self.steps] / self.steps
        after = self.schedule._rates(t[t >= self.steps] - self.steps, remaining)
        return np.concatenate([line * self.schedule(0, remaining), after])

    def _lengths(self) -> list[int | None]:
        after = self.schedule._lengths()
        return [self.steps, *after] if after else []


#: The schedules by name, except `Function`, which cannot be saved.
SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind
    for kind in (
        Constant, Step, MultiStep, Exponential, Linear, Polynomial, Cosine, CosineRestarts,
        OneCycle, Warmup,
    )
}  # fmt: skip


def from_config(config: Mapping[str, Any]) -> Schedule:
    """Return the schedule that a `Schedule.config` describes.

    Parameters
    ----------
    config : mapping
        The name and the numbers.

    Raises
    ------
    ValueError
        If the name is unknown, or a number is wrong, missing or unexpected.
    TypeError
        If it is not a mapping.
    """
    if not isinstance(config, Mapping):
        raise TypeError(
            f"config: got {validation.shown(config)}; expected a mapping, such as {{'name': ...}}"
        )
    numbers = {k: from_config(v) if isinstance(v, Mapping) else v for k, v in config.items()}
    kind = SCHEDULES[validation.choice("schedule", numbers.pop("name", None), SCHEDULES)]
    for name in numbers:
        validation.choice(kind.__name__, name, [field.name for field in fields(kind)])
    for field in fields(kind):
        if field.default is MISSING and field.name not in numbers:
            raise ValueError(f"{kind.__name__}: got no {field.name}; expected a value for it")
    try:
        return kind(**numbers)
    except TypeError as error:  # a wrong type in a file is a wrong value
        raise ValueError(str(error)) from None
