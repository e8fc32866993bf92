"""Random numbers by counting: each is a function of a key and its own number.

So they are the same whoever draws them, in whatever order, and cost a few operations in a register.
"""

from typing import Any

import numpy as np
from numba.extending import overload

from ..codegen.jit import exact
from .elementary import cos, log, real

__all__ = ["bits", "normal", "threshold"]

_TO_UNIT = 2.0**-32
_TWO_PI = 6.283185307179586


def _low(number: Any) -> Any:
    """Its lowest 32 bits; compiled, in a type of that size: then a register holds twice as many."""
    return int(number) & 0xFFFFFFFF


@overload(_low, strict=False)
def _overload_low(number: Any) -> Any:
    def low(number: Any) -> Any:
        return np.uint32(number)

    return low


@exact
def bits(number: Any, key: Any) -> Any:
    """32 random bits: the number and key, stirred (C. Wellons's hash "triple32", 2018).

    In a loop, let the number be its counter alone: only that is counted in 32 bits.
    """
    x = _low(_low(number) + _low(key))
    x = _low((x ^ (x >> 17)) * 0xED5AD4BB)
    x = _low((x ^ (x >> 11)) * 0xAC4C1B51)
    x = _low((x ^ (x >> 15)) * 0x31848BAB)
    return _low(x ^ (x >> 14))


@exact
def threshold(probability: Any) -> Any:
    """What random bits are below with that probability."""
    return _low(min(np.float64(probability) / _TO_UNIT, 1 / _TO_UNIT - 1))


@exact
def normal(like: Any, number: Any, key: Any) -> Any:
    """Draw from the normal distribution (G. E. P. Box, M. E. Muller, 1958), in the dtype of `like`.

    A number takes two draws, one of them with another key.
    """
    one, other = real(like, bits(number, key)), real(like, bits(number, key + 0x5BD1E995))
    radius = np.sqrt(real(like, -2) * log((one + real(like, 0.5)) * real(like, _TO_UNIT)))
    return radius * cos(other * real(like, _TO_UNIT * _TWO_PI))
