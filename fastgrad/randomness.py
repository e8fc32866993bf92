"""Random numbers by counting: each is a function of a key and its own number.

So they are the same whoever draws them, in whatever order, and cost a few operations in a register.
"""

from typing import Any

import numpy as np

from .elementary import cos, log, real
from .jit import exact

__all__ = ["bits", "normal"]

_32_BITS = 0xFFFFFFFF
_TO_UNIT = 2.0**-32
_TWO_PI = 6.283185307179586


@exact
def bits(number: Any, key: Any) -> Any:
    """32 random bits: the number and key, stirred (C. Wellons's hash "lowbias32", 2018)."""
    x = int(number + key) & _32_BITS
    x ^= x >> 16
    x = (x * 0x7FEB352D) & _32_BITS
    x ^= x >> 15
    x = (x * 0x846CA68B) & _32_BITS
    return x ^ (x >> 16)


@exact
def normal(like: Any, number: Any, key: Any) -> Any:
    """Draw from the normal distribution (G. E. P. Box, M. E. Muller, 1958), in the dtype of `like`.

    A number takes two draws, one of them with another key.
    """
    one, other = bits(number, key), bits(number, key ^ 0x5BD1E995)
    radius = np.sqrt(real(like, -2) * log(real(like, (one + 0.5) * _TO_UNIT)))
    return radius * cos(real(like, other * _TO_UNIT * _TWO_PI))
