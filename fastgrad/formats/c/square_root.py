"""The square root in C: that of the library sets error numbers, which keeps loops from vectors."""

from typing import Any

import numpy as np

from .literals import C_TYPES

__all__ = ["square_root"]

#: By dtype: the bits that a first guess of 1 / sqrt(x) is taken from, half those of x away, and the
#: steps that make it as exact as its type. C. Lomont, Fast inverse square root, 2003.
_GUESSES = {"float32": ("0x5f375a86", 3), "float64": ("INT64_C(0x5fe6ec85e7de30da)", 4)}


def square_root(prefix: str, dtype: Any) -> tuple[str, str]:
    """Its name for a dtype, and its definition.

    The error is below 2 units in the last place of a normal number; below them it is a number below
    them.
    """
    name = np.dtype(dtype).name
    real, bits, (guess, steps) = C_TYPES[name], f"int{name[-2:]}_t", _GUESSES[name]
    positive = "INT32_MAX" if real == "float" else "INT64_MAX"
    one_half, half = ("1.5f", "0.5f") if real == "float" else ("1.5", "0.5")
    function = f"{prefix}_sqrt_{real}"
    step = f"    r *= {one_half} - {half} * x * r * r; /* Newton's step to 1 / sqrt(x) */\n"
    return function, (
        f"static inline {real} {function}({real} x) {{\n"
        f"    {bits} n;\n    {real} r, s;\n"
        f"    memcpy(&n, &x, sizeof n);\n    n = {guess} - ((n & {positive}) >> 1);\n"
        f"    memcpy(&r, &n, sizeof r);\n{step * steps}"
        f"    s = x * r;\n    s += {half} * r * (x - s * s);\n    return x < 0 ? NAN : s;\n}}"
    )
