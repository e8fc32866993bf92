"""Base of the learning-rate schedules, and those that a number or a function is converted to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np

from .. import validation

__all__ = ["Constant", "Function", "Schedule", "schedule"]

Array = np.ndarray[Any, Any]


def _milestones(name: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name}: got {validation.shown(value)}; expected a list of steps")
    steps = tuple(validation.integer(f"{name}[{k}]", step, least=1) for k, step in enumerate(value))
    if any(later <= step for step, later in pairwise(steps)):
        raise ValueError(f"{name}: got {list(steps)}; expected each step later than the one before")
    return steps


def _function(name: str, value: Any) -> Any:
    if not callable(value):
        raise TypeError(f"{name}: got {validation.shown(value)}; expected a function of the step")
    return value


def _schedule(name: str, value: Any) -> "Schedule":
    if isinstance(value, Schedule):
        return value
    if isinstance(value, Real):
        return Constant(value)  # type: ignore[arg-type]
    if callable(value) and not isinstance(value, type):
        return Function(value)
    raise TypeError(
        f"{name}: got {validation.shown(value)}; expected a number, a schedule such as"
        " fg.schedules.Cosine(1e-3), or a function of the step"
    )


#: Checks of the schedules' arguments; a name means the same in all of them.
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("lr", "minimum", "end", "start"), partial(validation.number, least=0)),
    **dict.fromkeys(
        ("gamma", "power", "div_factor", "final_div_factor"), partial(validation.number, above=0)
    ),
    **dict.fromkeys(("steps", "every", "period", "factor"), partial(validation.integer, least=1)),
    "warm": partial(validation.number, least=0, below=1),
    "milestones": _milestones,
    "schedule": _schedule,
    "f": _function,
}


@dataclass(frozen=True)
class Schedule:
    """Base of the schedules: the learning rate as a function of the step, counted from 0.

    Call it with a step, and the number of steps of the fit if it has no length of its own.
    """

    def __post_init__(self) -> None:
        """Validate every argument, and convert NumPy's numbers to Python's."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:  # None only where it is the default
                object.__setattr__(self, field.name, _CHECKS[field.name](field.name, value))
        minimum, lr = vars(self).get("minimum", 0), vars(self).get("lr", np.inf)
        if minimum > lr:
            raise ValueError(f"minimum: got {minimum}; expected at most lr, {lr}")

    def __call__(self, step: int, horizon: int | None = None) -> float:
        """Return the learning rate of one step."""
        return float(self.rates(step, 1, horizon)[0])

    def rates(self, first: int, count: int, horizon: int | None = None) -> Array:
        """Learning rates of the steps first ... first + count - 1, float64 of shape (count,).

        Parameters
        ----------
        first : int
            The first step, at least 0.
        count : int
            Number of steps, at least 0.
        horizon : int, optional
            Number of steps of the fit: the length of a schedule whose `steps` is None.

        Raises
        ------
        ValueError
            If the schedule needs a horizon and there is none.
        """
        validation.integer("first", first, least=0)
        validation.integer("count", count, least=0)
        if horizon is not None:
            validation.integer("horizon", horizon, least=0)
        return self._rates(np.arange(first, first + count), horizon)

    def _rates(self, t: Array, horizon: int | None) -> Array:
        """Rates of the steps t, an ascending array of integers."""
        raise NotImplementedError

    def _lengths(self) -> list[int | None]:
        """Steps until the last rate, in parts; empty if there is no last rate."""
        return []

    @property
    def has_own_function(self) -> bool:
        """Whether it contains a custom function, whose rates may be invalid."""
        return any(isinstance(v, Schedule) and v.has_own_function for v in vars(self).values())

    @property
    def spans_fit(self) -> bool:
        """Whether it is as long as the fit, and restarts with each fit."""
        return None in self._lengths()

    def check(self, first: int, horizon: int) -> None:
        """Raise if the schedule has an end and does not reach it within a fit.

        Parameters
        ----------
        first : int
            First step of the fit.
        horizon : int
            Number of steps of the fit.

        Raises
        ------
        ValueError
            If the fit ends before the schedule reaches its last rate.
        """
        end, lengths = first + horizon, self._lengths()
        if horizon and end < sum(length or 1 for length in lengths):
            most = f"{end - 1} + None" if None in lengths else f"{end}, or None for the whole fit"
            raise ValueError(
                f"{type(self).__name__}: got steps {' + '.join(map(str, lengths))} in a fit that"
                f" ends at step {end}; expected at most {most}"
            )

    def config(self) -> dict[str, Any]:
        """Name and numbers, as JSON can hold them; `from_config` is the reverse."""
        named = {k: v.config() if isinstance(v, Schedule) else v for k, v in vars(self).items()}
        return {"name": type(self).__name__, **named}


@dataclass(frozen=True)
class Constant(Schedule):
    """A constant rate.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    """

    lr: float

    def _rates(self, t: Array, horizon: int | None) -> Array:
        return np.full(t.shape, self.lr)


@dataclass(frozen=True)
class Function(Schedule):
    """A custom function of the step. It cannot be saved.

    A fit calls it for all steps of an epoch, or of a piece of a stream, before the first of them;
    with a callback whose `every` is above 0, for the steps until the callback's next call.

    Parameters
    ----------
    f : callable
        int -> float: the learning rate of a step, finite and at least 0.
    """

    f: Callable[[int], float]

    @property
    def has_own_function(self) -> bool:
        """True."""
        return True

    def _rates(self, t: Array, horizon: int | None) -> Array:
        rates = [validation.number(f"lr = f({step})", self.f(step), least=0) for step in t.tolist()]
        return np.array(rates, np.float64)

    def config(self) -> dict[str, Any]:
        """Raise: a function cannot be saved."""
        raise TypeError(
            f"schedule: got the function {self.f!r}; expected one of fg.schedules, since a function"
            " cannot be saved"
        )


def schedule(spec: float | Schedule | Callable[[int], float]) -> Schedule:
    """Convert a learning rate to a schedule.

    Parameters
    ----------
    spec : float, Schedule or callable
        A number becomes a `Constant`, a function of the step a `Function`; a Schedule is returned
        unchanged.

    Raises
    ------
    TypeError, ValueError
        Anything else, or a number that is negative or not finite.
    """
    return _schedule("lr", spec)
