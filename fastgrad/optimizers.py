"""Update rules: how a step follows from the gradient.

A rule is two loops. `prepare` turns the optimizer's numbers h and the count t of steps into the
numbers c of this step; `update` runs once over n parameters w with their gradient g and the state
x, y, z, of which a rule uses as many as its `slots`. A new rule is a subclass with these two.
"""

from functools import cache
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numba import types

from . import checks
from .jit import entry

__all__ = ["SGD", "Adam", "Optimizer"]


class State:
    """What an optimizer remembers of one network: the steps so far and its slots."""

    def __init__(self, optimizer: "Optimizer", parameters: Any) -> None:
        self.steps = np.zeros(1, np.int64)
        used = [np.zeros_like(parameters) for _ in range(optimizer.slots)]
        # a rule never touches the slots that it does not use; they must only be there
        self.slots = [*used, *[parameters] * (3 - len(used))]


class Optimizer:
    """Base of the update rules.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    *numbers : float
        The rule's other numbers.

    Attributes
    ----------
    slots : int
        Arrays of state that the rule keeps, each as long as the parameters.
    h : ndarray of float64
        The rule's numbers; the learning rate is h[0].
    """

    slots: ClassVar[int] = 0
    prepare: ClassVar[Any]
    update: ClassVar[Any]

    def __init__(self, lr: float, *numbers: float) -> None:
        checks.number("lr", lr, least=0)
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
            self._states[network] = State(self, parameters)
        return self._states[network]

    def addresses(self, dtype: Any) -> tuple[int, int]:
        """Addresses of the two compiled loops.

        Parameters
        ----------
        dtype : numpy.dtype
            float32 or float64.
        """
        return _addresses(self.prepare, self.update, dtype)


@cache
def _addresses(prepare: Any, update: Any, dtype: Any) -> tuple[int, int]:
    real = types.float32 if dtype == np.float32 else types.float64
    return (
        entry(prepare, [types.float64, real, types.intp], cached=True),
        entry(update, [real] * 6 + [types.intp], cached=True),
    )


def _prepare_sgd(h: Any, c: Any, t: int) -> None:
    c[0], c[1] = h[0], h[1]


def _descend(w: Any, g: Any, x: Any, y: Any, z: Any, c: Any, n: int) -> None:
    lr = c[0]
    for k in range(n):
        w[k] -= lr * g[k]


def _roll(w: Any, g: Any, x: Any, y: Any, z: Any, c: Any, n: int) -> None:
    lr, momentum = c[0], c[1]
    for k in range(n):
        x[k] = momentum * x[k] + g[k]
        w[k] -= lr * x[k]


def _look_ahead(w: Any, g: Any, x: Any, y: Any, z: Any, c: Any, n: int) -> None:
    lr, momentum = c[0], c[1]
    for k in range(n):
        x[k] = momentum * x[k] + g[k]
        w[k] -= lr * (g[k] + momentum * x[k])


class SGD(Optimizer):
    """Gradient descent on mini-batches: w := w - lr dC/dw.

    With momentum, v := momentum v + dC/dw and w := w - lr v; with Nesterov's,
    w := w - lr (dC/dw + momentum v), as in PyTorch.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float, default 0.0
        From 0 to below 1.
    nesterov : bool, default False
        Look ahead along the momentum; needs a momentum above 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    prepare = staticmethod(_prepare_sgd)
    update = staticmethod(_descend)

    def __new__(cls, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> "SGD":
        """Pick the rule that does no more than is asked."""
        checks.number("momentum", momentum, least=0, below=1)
        if nesterov and not momentum:
            raise ValueError("nesterov: got True with momentum 0; expected a momentum above 0")
        return super().__new__((_Nesterov if nesterov else _Momentum) if momentum else SGD)

    def __init__(self, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(lr, momentum)


class _Momentum(SGD):
    slots = 1
    update = staticmethod(_roll)


class _Nesterov(SGD):
    slots = 1
    update = staticmethod(_look_ahead)


def _prepare_adam(h: Any, c: Any, t: int) -> None:
    lr, beta1, beta2, eps = h[0], h[1], h[2], h[3]
    c[0] = lr / (1 - beta1**t)
    c[1], c[2] = beta1, 1 - beta1
    c[3], c[4] = beta2, 1 - beta2
    c[5] = 1 / np.sqrt(1 - beta2**t)
    c[6] = eps


def _adam(w: Any, g: Any, m: Any, v: Any, z: Any, c: Any, n: int) -> None:
    rate, beta1, rest1, beta2, rest2, correction, eps = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
    for k in range(n):
        m[k] = beta1 * m[k] + rest1 * g[k]
        v[k] = beta2 * v[k] + rest2 * (g[k] * g[k])
        w[k] -= rate * m[k] / (np.sqrt(v[k]) * correction + eps)


class Adam(Optimizer):
    """Adam (D. P. Kingma, J. Ba, arXiv:1412.6980), with the constants of PyTorch.

    m := beta1 m + (1 - beta1) g and v := beta2 v + (1 - beta2) g^2, both corrected for their start
    at 0, and w := w - lr m / (sqrt(v) + eps).

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate, at least 0.
    betas : (float, float), default (0.9, 0.999)
        Decay of the two means, each from 0 to below 1.
    eps : float, default 1e-8
        Added to the root, above 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    slots = 2
    prepare = staticmethod(_prepare_adam)
    update = staticmethod(_adam)

    def __init__(
        self, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        beta1, beta2 = checks.pair("betas", betas, "(beta1, beta2)")
        checks.number("betas[0]", beta1, least=0, below=1)
        checks.number("betas[1]", beta2, least=0, below=1)
        checks.number("eps", eps, above=0)
        super().__init__(lr, beta1, beta2, eps)


def resolve(optimizer: Any) -> Optimizer:
    """The optimizer that came, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: got {optimizer!r}; expected one such as fg.Adam(1e-3)")
    return optimizer
