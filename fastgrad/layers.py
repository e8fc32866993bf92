"""What a network shows of itself: the parameters of a layer, and a gradient."""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Gradients", "Layer"]

Array = np.ndarray[Any, Any]


class Layer:
    """One layer's weights and biases: views of the network's own, to be read and written.

    Assigning to `W` or `b`, as in ``layer.W -= 0.1 * g``, writes in place.

    Parameters
    ----------
    W : ndarray
        (n_l, n_(l-1)): weights.
    b : ndarray
        (n_l,): biases.
    """

    def __init__(self, W: Array, b: Array) -> None:
        self._W, self._b = W, b

    @property
    def W(self) -> Array:
        """Weights, (n_l, n_(l-1))."""
        return self._W

    @W.setter
    def W(self, values: Any) -> None:
        self._W[...] = values

    @property
    def b(self) -> Array:
        """Biases, (n_l,)."""
        return self._b

    @b.setter
    def b(self, values: Any) -> None:
        self._b[...] = values


class Gradients(NamedTuple):
    """The gradient of the mean cost at some samples.

    Attributes
    ----------
    C : float
        The cost itself.
    dC_dW, dC_db : tuple of ndarray
        For each layer, in the shapes of W and b.
    dC_da0 : ndarray
        (S, n_0): with respect to the inputs.
    """

    C: float
    dC_dW: tuple[Array, ...]
    dC_db: tuple[Array, ...]
    dC_da0: Array
