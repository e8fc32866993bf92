"""Comparison of a network's gradients with central differences of its cost."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..network import Network

__all__ = ["gradient_errors"]

# Several, since the best step differs, and a large one may cross the kink of a ReLU.
_STEPS = (1e-4, 1e-5, 1e-6)

# C is rounded by a few units of eps |C|, which a difference divides by its step. At the largest
# step, gradients of a million times this error and more can be compared to a relative 1e-6.
_ROUNDING = 4 * np.finfo(np.float64).eps / max(_STEPS) * 1e6


def gradient_errors(
    net: "Network", X: NDArray[Any], Y: NDArray[Any], *, entries: int = 100, seed: int = 0
) -> dict[str, float]:
    """Compare dC/dW and dC/db with (C(w + h) - C(w - h)) / 2h, where h is relative to a large w.

    Parameters
    ----------
    net : Network
        Of dtype float64: in float32 rounding errors exceed the differences.
    X : (S, n_0) array
    Y : array
        Targets, as for `net.cost`.
    entries : int
        How many entries of each array are compared, chosen at random.
    seed : int
        Of that choice.

    Returns
    -------
    dict of str to float
        For each of W1, b1, W2, ... the largest error, relative to the largest of: the two numbers
        compared, a thousandth of the array's largest gradient, and a million times the rounding
        error of the differences, which grows with the cost.

    Raises
    ------
    ValueError
        If the network is not of dtype float64.
    """
    if net.dtype != np.float64:
        raise ValueError(f"net: got dtype {net.dtype}; expected float64")
    random = np.random.default_rng(seed)
    gradients = net.gradients(X, Y)
    errors = {}
    for number, (layer, dC_dW, dC_db) in enumerate(
        zip(net.layers, gradients.dC_dW, gradients.dC_db, strict=True), start=1
    ):
        for name, values, gradient in (("W", layer.W, dC_dW), ("b", layer.b, dC_db)):
            chosen = random.permutation(values.size)[:entries]
            floor = max(1e-3 * float(np.abs(gradient).max()), _ROUNDING * abs(gradients.C))
            errors[f"{name}{number}"] = max(
                _error(net, X, Y, values, np.unravel_index(k, values.shape), gradient, floor)
                for k in chosen
            )
    return errors


def _error(
    net: "Network",
    X: NDArray[Any],
    Y: NDArray[Any],
    values: NDArray[Any],
    entry: tuple[Any, ...],
    gradient: NDArray[Any],
    floor: float,
) -> float:
    g = float(gradient[entry])
    return min(
        abs(g - n) / max(abs(g), abs(n), floor, 1e-300)
        for n in _differences(net, X, Y, values, entry)
    )


def _differences(
    net: "Network", X: NDArray[Any], Y: NDArray[Any], values: NDArray[Any], entry: tuple[Any, ...]
) -> Iterator[float]:
    w = float(values[entry])
    for step in _STEPS:
        h = step * max(1.0, abs(w))
        values[entry] = w + h
        above = net.cost(X, Y)
        values[entry] = w - h
        below = net.cost(X, Y)
        values[entry] = w
        yield (above - below) / ((w + h) - (w - h))
