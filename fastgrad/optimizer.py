"""The base of the optimizers: a rule, its numbers, and what it remembers of each network."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from . import checks
from .rules import Rule, addresses

__all__ = ["Optimizer", "resolve"]


class State:
    """What an optimizer remembers of one network: steps, memory and slots of its rule."""

    def __init__(self, rule: Rule, parameters: Any) -> None:
        self.steps = np.zeros(1, np.int64)
        self.memory = np.zeros(8)
        used = [np.zeros_like(parameters) for _ in range(rule.slots)]
        # a rule never touches the slots that it does not use; they must only be there
        self.slots = [*used, *[parameters] * (3 - len(used))]


class Optimizer:
    """Base of the optimizers: an update rule, its numbers, and its state for each network.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    rule : fastgrad.rules.Rule
        How a step follows from the gradient.
    *numbers : float
        The rule's other numbers.

    Attributes
    ----------
    rule : fastgrad.rules.Rule
        As given.
    h : ndarray of float64
        The rule's numbers; the learning rate is h[0].
    """

    def __init__(self, lr: float, rule: Rule, *numbers: float) -> None:
        checks.number("lr", lr, least=0)
        self.rule = rule
        self.h = np.zeros(16)
        self.h[: 1 + len(numbers)] = lr, *numbers
        self._states: WeakKeyDictionary[Any, State] = WeakKeyDictionary()

    @property
    def lr(self) -> float:
        """Learning rate; may be set between calls of `fit` and `step`."""
        return float(self.h[0])

    @lr.setter
    def lr(self, lr: float) -> None:
        checks.number("lr", lr, least=0)
        self.h[0] = lr

    def state(self, network: Any, parameters: Any) -> State:
        """State for a network, made at its first use: an optimizer may serve several networks.

        Parameters
        ----------
        network : object
            Whose state it is; forgotten with it.
        parameters : ndarray
            Its parameters, one flat array.
        """
        if network not in self._states:
            self._states[network] = State(self.rule, parameters)
        return self._states[network]

    def addresses(self, dtype: Any) -> tuple[int, int]:
        """Addresses of the two compiled loops.

        Parameters
        ----------
        dtype : numpy.dtype
            float32 or float64.
        """
        return addresses(self.rule, dtype)


def resolve(optimizer: Any) -> Optimizer:
    """The optimizer that came, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: got {optimizer!r}; expected one such as fg.Adam(1e-3)")
    return optimizer
