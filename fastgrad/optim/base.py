"""The base of the optimizers: a rule, its numbers, and what it remembers of each network."""

import copy
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np

from .. import validation
from ..kernels.update_rules import Rule, addresses
from .schedule_base import Constant, Schedule, schedule

__all__ = ["Optimizer", "PerNetwork", "State", "Token", "resolve"]

Array = np.ndarray[Any, Any]


class Token:
    """Stands for a network where others keep something for it; copied and pickled along with it."""


class PerNetwork(WeakKeyDictionary[Token, Any]):
    """Something for each network by its token, forgotten with it.

    Copied or pickled together with a network, it is that of the copy too; alone, the copies of the
    tokens belong to nobody, and all is forgotten.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the tokens too, which the base class does not."""
        return type(self)(copy.deepcopy(list(self.items()), memo))

    def __reduce__(self) -> Any:
        """As pairs, since no weak reference can be pickled."""
        return type(self), (list(self.items()),)


class State:
    """What an optimizer remembers of one network.

    Parameters
    ----------
    rule : Rule or None
        Its rule.
    parameters : ndarray
        The network's parameters, one flat array.
    layers : int
        How many layers may have a learning rate of their own.
    """

    def __init__(self, rule: Rule | None, parameters: Array, layers: int) -> None:
        slots = rule.slots if rule else 0
        self.steps = np.zeros(1, np.int64)
        self.memory = np.zeros((1 + layers, 8))  # row 0 is for no layer
        self.missed = np.zeros(1 + layers, np.int64)  # steps for which a layer was frozen
        self.apart = False  # whether each layer has its own memory, or the first one's serves all
        self.slots = [np.zeros_like(parameters) for _ in range(slots)]
        self.fit_began = 0  # at which step, and how many there are, if known
        self.horizon: int | None = None

    def take_apart(self) -> None:
        """Give each layer a memory of its own: from now on they may differ."""
        if not self.apart:
            self.memory[2:] = self.memory[1]
            self.apart = True


class Optimizer(validation.NoNewAttributes):
    """Base of the update rules.

    Copied (`copy.deepcopy`) or pickled together with a network, it goes on with the same bits in
    the copy; copied alone it keeps its settings and forgets all networks. A subclass sets its
    public attributes before it calls the `__init__` of this class, after which it takes no more.

    Parameters
    ----------
    lr : float, Schedule or callable
        Learning rate, at least 0; one of `fastgrad.schedules`; or a function of the step.
    rule : fastgrad.kernels.update_rules.Rule or None
        How a step follows from the gradient of a mini-batch; None: it takes no such steps.
    **numbers : float
        The rule's other numbers, in its order.

    Attributes
    ----------
    follows_lr : bool
        Whether each step is as long as the learning rate says, not only the first.
    rule : fastgrad.kernels.update_rules.Rule or None
        As given.
    schedule : Schedule
        The learning rate of each step.
    clip_norm, clip_value : float
        Limits of the gradient, infinite unless `clip` is called.
    h : ndarray of float64
        The rule's numbers; the learning rate of the last step is h[0].
    """

    follows_lr = True
    _lr_limits: ClassVar[dict[str, float]] = {"least": 0}  # of a rate that no step follows
    _made_last = "_states"
    _aliases = MappingProxyType({"learningrate": "lr"})

    def __init__(
        self, lr: float | Schedule | Callable[[int], float], rule: Rule | None, **numbers: float
    ) -> None:
        self.rule, self.schedule, self._numbers = rule, lr, numbers
        self.clip_norm = self.clip_value = np.inf
        self.h = np.zeros(16)
        self.h[: 1 + len(numbers)] = self.schedule(0, 10**6), *numbers.values()
        self._states = PerNetwork()

    __copy__ = copy.deepcopy  # a shallow one would share its numbers, and what it remembers

    def __repr__(self) -> str:
        """Class and learning rate."""
        return f"{type(self).__name__}(lr={self.settings['lr']!r})"

    @property
    def settings(self) -> dict[str, Any]:
        """The learning rate, or its schedule, and the rule's other numbers by name."""
        lr = self.schedule.lr if isinstance(self.schedule, Constant) else self.schedule
        return {"lr": lr, **self._numbers}

    @property
    def schedule(self) -> Schedule:
        """The learning rate of each step; set to a number or function, what it stands for."""
        return self._schedule

    @schedule.setter
    def schedule(self, lr: float | Schedule | Callable[[int], float]) -> None:
        made = schedule(lr)
        if not self.follows_lr:
            validation.number(
                "lr", made.lr if isinstance(made, Constant) else lr, **self._lr_limits
            )
        self._schedule = made

    @property
    def lr(self) -> float:
        """Learning rate of the last step; set, it is that of all further ones."""
        return float(self.h[0])

    @lr.setter
    def lr(self, lr: float) -> None:
        self.schedule = Constant(lr)
        self.h[0] = lr

    def clip(self, norm: float | None = None, value: float | None = None) -> Self:
        """Limit the gradient before each step, first its norm and then each of its numbers.

        Parameters
        ----------
        norm : float, optional
            Largest norm of the whole gradient, above 0 (R. Pascanu et al., arXiv:1211.5063).
        value : float, optional
            Largest number in it, above 0.

        Returns
        -------
        Optimizer
            Itself, so that one can write ``fg.Adam(1e-3).clip(norm=1.0)``.
        """
        limits = (
            np.inf if norm is None else validation.number("norm", norm, above=0),
            np.inf if value is None else validation.number("value", value, above=0),
        )
        self.clip_norm, self.clip_value = limits
        return self

    @property
    def clips(self) -> bool:
        """Whether the gradient is limited."""
        return min(self.clip_norm, self.clip_value) < np.inf

    def state(self, network: Token, parameters: Array, layers: int) -> State:
        """State for a network, made at its first use: an optimizer may serve several networks.

        Parameters
        ----------
        network : Token
            Whose state it is.
        parameters : ndarray
            Its parameters, one flat array.
        layers : int
            How many it has.
        """
        if network not in self._states:
            self._states[network] = State(self.rule, parameters, layers)
        state: State = self._states[network]
        return state

    def begin(self, state: State, steps: int | None) -> None:
        """Note that a fit begins, which a schedule without a length of its own spans.

        A fit of just the steps that the last one had left, when it was stopped, goes on with it.

        Parameters
        ----------
        state : State
            That of the network.
        steps : int or None
            How many the fit will have; None for a stream, of which nobody knows.

        Raises
        ------
        ValueError
            If the schedule must end within the fit, and would not, or has no length.
        """
        first = began = int(state.steps[0])
        horizon = steps
        if steps and first + steps == state.fit_began + (state.horizon or 0):
            began, horizon = state.fit_began, state.horizon
        if horizon is None:
            self.schedule.rates(first, 1)
        else:
            self.schedule.check(0 if self.schedule.spans_fit else began, horizon)
        state.fit_began, state.horizon = began, horizon

    def rates(self, state: State, count: int) -> Array:
        """Learning rates of the next steps, float64.

        Parameters
        ----------
        state : State
            That of the network.
        count : int
            How many.
        """
        first = int(state.steps[0]) - (state.fit_began if self.schedule.spans_fit else 0)
        return self.schedule.rates(first, count, state.horizon)

    def addresses(self, dtype: Any) -> tuple[int, int]:
        """Addresses of the two compiled loops.

        Parameters
        ----------
        dtype : numpy.dtype
            float32 or float64.

        Raises
        ------
        TypeError
            If there are none.
        """
        if self.rule is None:
            raise TypeError(
                f"optimizer: got {type(self).__name__} for a mini-batch; expected it in"
                " Network.fit, or one such as fg.Adam(1e-3)"
            )
        return addresses(self.rule, dtype)


def resolve(optimizer: Any, layers: Iterable[Any] = ()) -> Optimizer:
    """The optimizer that came, if it is one that can train these layers."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: got {optimizer!r}; expected one such as fg.Adam(1e-3)")
    if not optimizer.follows_lr and any(layer.lr_scale != 1 for layer in layers):
        name = type(optimizer).__name__
        raise ValueError(
            f"optimizer: got {name} with an lr_scale other than 1; expected it without"
        )
    return optimizer
