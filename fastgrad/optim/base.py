"""The base of the optimizers: an update rule, its numbers, and a state for each network."""

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np

from .. import validation
from ..kernels.update_rules import HYPERPARAMETERS, RULE_MEMORY, RULES, Rule, addresses
from .schedule_base import Constant, Schedule, schedule

if TYPE_CHECKING:
    from .epoch_position import EpochPosition

__all__ = [
    "NetworkKey", "Optimizer", "State", "WeakNetworkDict", "checked_numbers", "resolve_optimizer",
]  # fmt: skip

Array = np.ndarray[Any, Any]

_at_least_0 = partial(validation.number, least=0)
_above_0 = partial(validation.number, above=0)

#: Checks of the rules' numbers; a name means the same in all rules.
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("alpha", "momentum", "rho"), validation.fraction),
    **dict.fromkeys(("initial_accumulator_value", "lr_decay"), _at_least_0),
    **dict.fromkeys(("momentum_decay", "weight_decay"), _at_least_0),
    "dampening": validation.number,
    **dict.fromkeys(("beta1", "beta2"), validation.fraction),
    **dict.fromkeys(("least", "most"), _at_least_0),
    "decoupled_weight_decay": validation.flag,
    "eps": _above_0,
    "grow": partial(validation.number, above=1),
    "shrink": partial(validation.number, above=0, below=1),
}


def checked_numbers(**numbers: Any) -> dict[str, float]:
    """The numbers of a rule as floats; raise if one is out of its range."""
    return {name: float(_CHECKS[name](name, value)) for name, value in numbers.items()}


class NetworkKey:
    """Identifies a network where others store something for it; copied and pickled with it."""


class WeakNetworkDict(WeakKeyDictionary[NetworkKey, Any]):
    """One value per network, dropped with the network.

    Copied or pickled together with a network, it serves the copy too; alone, the copies of its
    keys belong to no network and it is empty.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the keys too, which the base class does not."""
        return type(self)(copy.deepcopy(list(self.items()), memo))

    def __reduce__(self) -> Any:
        """Pickle as pairs, since weak references cannot be pickled."""
        return type(self), (list(self.items()),)


class State:
    """What an optimizer remembers of one network.

    Parameters
    ----------
    rule : Rule or None
        The optimizer's.
    parameters : ndarray
        The network's parameters, one flat array.
    layers : int
        Number of layers, each of which may have its own learning rate.
    """

    def __init__(self, rule: Rule | None, parameters: Array, layers: int) -> None:
        slots = rule.slots if rule else 0
        self.steps = np.zeros(1, np.int64)
        self.memory = np.zeros(
            (1 + layers, RULE_MEMORY)
        )  # the rule's own numbers per layer; row 0 is unused
        self.frozen_steps = np.zeros(1 + layers, np.int64)  # steps during which a layer was frozen
        self.per_layer = False  # whether each layer uses its own row of memory, or all use row 1
        self.slots = [np.zeros_like(parameters) for _ in range(slots)]
        self.fit_began = 0  # the step at which the current fit began
        self.horizon: int | None = None  # its number of steps, if known
        self.epochs_left: int | None = 0  # of it, the current one included; None: unknown
        self.position: EpochPosition | None = None  # in an epoch, between two of its mini-batches
        self.resumes_at: EpochPosition | None = None  # where the next fit begins: a checkpoint's

    def reset(self) -> None:
        """Forget all steps."""
        for array in (self.steps, self.memory, self.frozen_steps, *self.slots):
            array.fill(0)
        self.fit_began, self.horizon, self.resumes_at = 0, None, None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the position: a copy begins a new epoch."""
        return {**vars(self), "position": None}

    def make_per_layer(self) -> None:
        """Give each layer its own row of memory: from now on they may differ."""
        if not self.per_layer:
            self.memory[2:] = self.memory[1]
            self.per_layer = True


class Optimizer(validation.NoNewAttributes):
    """Base of the optimizers.

    Copied (`copy.deepcopy`) or pickled together with a network, it continues with the same bits in
    the copy; copied alone it keeps its settings and forgets all networks. A subclass sets its
    public attributes before it calls the `__init__` of this class, which then accepts no more.

    Parameters
    ----------
    lr : float, Schedule or callable
        Learning rate, at least 0; one of `fastgrad.schedules`; or a function of the step.
    rule : fastgrad.kernels.update_rules.Rule or None
        How a step follows from the gradient of a mini-batch; None: there are no such steps.
    **numbers : float
        The rule's other numbers, in its order.

    Attributes
    ----------
    follows_lr : bool
        Whether the length of each step is proportional to the learning rate, not only the first.
    rule : fastgrad.kernels.update_rules.Rule or None
        As given.
    schedule : Schedule
        The learning rate of each step.
    clip_norm, clip_value : float
        Limits of the gradient, infinite unless `clip` is called.
    h : ndarray of float64
        The rule's numbers; h[0] is the learning rate of the last step.
    """

    follows_lr = True
    _rules: ClassVar[tuple[str, ...]] = ()  # the names of those that it takes
    _lr_limits: ClassVar[dict[str, float]] = {"least": 0}  # of lr where follows_lr is False
    _made_last = "_states"
    _aliases = MappingProxyType({"learningrate": "lr"})

    def __init__(
        self, lr: float | Schedule | Callable[[int], float], rule: Rule | None, **numbers: float
    ) -> None:
        self.rule, self.schedule, self._numbers = rule, lr, numbers
        self.clip_norm = self.clip_value = np.inf
        self.h = np.zeros(HYPERPARAMETERS)
        self.h[: 1 + len(numbers)] = self.schedule(0, 10**6), *numbers.values()
        self._states = WeakNetworkDict()

    @classmethod
    def restored(cls, lr: Schedule, rule: Any, numbers: Any) -> Self:
        """The optimizer of a file, which does not hold the arguments that it was constructed from.

        Parameters
        ----------
        lr : Schedule
            As given to the constructor.
        rule : str
            The name of the rule.
        numbers : mapping
            The rule's other numbers by name.

        Raises
        ------
        TypeError, ValueError
            If the optimizer has no such rule or numbers.
        """
        constructor: Any = cls
        optimizer: Self = constructor()
        rule = RULES[validation.choice("rule", rule, cls._rules)]
        names = optimizer._numbers
        if not isinstance(numbers, Mapping) or numbers.keys() != names.keys():
            received = validation.shown(numbers)
            raise ValueError(f"numbers: got {received}; expected {', '.join(names)}")
        given = {k: int(numbers[k]) if numbers[k] in (0, 1) else numbers[k] for k in names}
        Optimizer.__init__(optimizer, lr, rule, **checked_numbers(**given))
        return optimizer

    __copy__ = copy.deepcopy  # a shallow copy would share h and the states

    def __repr__(self) -> str:
        """Class and learning rate."""
        return f"{type(self).__name__}(lr={self.settings['lr']!r})"

    @property
    def settings(self) -> dict[str, Any]:
        """The learning rate, or its schedule, and the rule's other numbers by name."""
        lr = self.schedule.lr if isinstance(self.schedule, Constant) else self.schedule
        return {"lr": lr, **self._numbers}

    @property
    def rule_name(self) -> str | None:
        """Name of the rule; None for a custom rule, or without a rule."""
        return next((name for name, rule in RULES.items() if rule == self.rule), None)

    @property
    def schedule(self) -> Schedule:
        """The learning rate of each step; a number or a function assigned to it is converted."""
        return self._schedule

    @schedule.setter
    def schedule(self, lr: float | Schedule | Callable[[int], float]) -> None:
        converted = schedule(lr)
        if not self.follows_lr:
            rate = converted.lr if isinstance(converted, Constant) else lr
            validation.number("lr", rate, **self._lr_limits)
        self._schedule = converted

    @property
    def lr(self) -> float:
        """Learning rate of the last step; assigning to it sets that of all further steps."""
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
            Largest absolute value of its numbers, above 0.

        Returns
        -------
        Optimizer
            The optimizer itself, so that ``fg.Adam(1e-3).clip(norm=1.0)`` is one expression.
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

    def state(self, network: NetworkKey, parameters: Array, layers: int) -> State:
        """The state for a network, created at its first use: an optimizer may serve several.

        Parameters
        ----------
        network : NetworkKey
            The network's.
        parameters : ndarray
            Its parameters, one flat array.
        layers : int
            Its number of layers.
        """
        if network not in self._states:
            self._states[network] = State(self.rule, parameters, layers)
        state: State = self._states[network]
        return state

    def begin(self, state: State, steps: int | None) -> None:
        """Record that a fit begins; a schedule without a length of its own spans it.

        A fit of exactly the steps that the last one had left when it was stopped continues it.

        Parameters
        ----------
        state : State
            That of the network.
        steps : int or None
            Number of steps of the fit; None for a stream, where it is unknown.

        Raises
        ------
        ValueError
            If the schedule must end within the fit and does not, or has no length.
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
        """Learning rates of the next steps, float64 of shape (count,).

        Parameters
        ----------
        state : State
            That of the network.
        count : int
            Number of steps.
        """
        first = int(state.steps[0]) - (state.fit_began if self.schedule.spans_fit else 0)
        return self.schedule.rates(first, count, state.horizon)

    def addresses(self, dtype: Any) -> tuple[int, int]:
        """Addresses of the rule's two compiled loops.

        Parameters
        ----------
        dtype : numpy.dtype
            float32 or float64.

        Raises
        ------
        TypeError
            If there is no rule.
        """
        if self.rule is None:
            raise TypeError(
                f"optimizer: got {type(self).__name__} for a mini-batch; expected it in"
                " Network.fit, or one such as fg.Adam(1e-3)"
            )
        return addresses(self.rule, dtype)

    def check_layers(self, layers: Iterable[Any]) -> None:
        """Raise if a layer's `lr_scale` would have no effect.

        Parameters
        ----------
        layers : iterable of Layer
            What is to be trained.
        """
        if not self.follows_lr and any(layer.lr_scale != 1 for layer in layers):
            name = type(self).__name__
            raise ValueError(
                f"optimizer: got {name} with an lr_scale other than 1; expected it without"
            )


def resolve_optimizer(optimizer: Any) -> Optimizer:
    """The optimizer itself; raise for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: got {optimizer!r}; expected one such as fg.Adam(1e-3)")
    return optimizer
