"""The most that a processor can do: operations in registers, and bytes from memory or a cache."""

import timeit
from typing import Any

import numpy as np

from . import simd, tile_shapes
from .dtypes import LANES
from .jit import kernel, standalone
from .signatures import Array

__all__ = ["bandwidth", "best_gflops", "multiply_and_add", "peak", "tiles_in_registers"]

_SHAPE = tile_shapes.SHAPES[0]  # of the largest tile
_STEPS = 1_000_000  # about 2 ms: long against a call, and the start of threads


@kernel
def multiply_and_add(a: Array, steps: int) -> None:
    """As many independent sums as a tile has, in registers."""
    shape = _SHAPE
    x, y = simd.tile(shape, a, (0, 0, 0)), simd.lanes(shape, a, (0, 0, 0))
    for _ in range(steps):
        x = simd.add(simd.multiply(x, y), y)  # fused; other operands would be spilled
    simd.store(a, (0, 0, 0), x)


@standalone
def _on_this_thread(a: Array, steps: int) -> None:
    multiply_and_add(a[0], steps)


def tiles_in_registers(threads: int, dtype: Any) -> Array:
    """Return numbers for `multiply_and_add`: a tile for each thread."""
    shape = threads, len(_SHAPE[1]), len(_SHAPE[0]), LANES[np.dtype(dtype)]
    return np.zeros(shape, dtype)


def best_gflops(loop: Any, a: Array, turns: int) -> float:
    """GFLOP/s of the fastest of several turns of a loop around `multiply_and_add`."""
    loop(a, 1)  # compiles
    seconds = min(timeit.repeat(lambda: loop(a, _STEPS), number=1, repeat=turns))
    return 2 * a.size * _STEPS / seconds / 1e9


def peak(dtype: Any = np.float32, turns: int = 100) -> float:
    """GFLOP/s of fused multiply-adds that touch registers only, on one thread.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of the numbers.
    turns : int
        The best of so many, of 2 ms each, counts.
    """
    return best_gflops(_on_this_thread, tiles_in_registers(1, dtype), turns)


def bandwidth(megabytes: float) -> float:
    """GB/s of reading an array of that size again and again, on one thread; the best of 9 turns."""
    array = np.ones(int(megabytes * 250_000), np.int32)
    number = max(1, 20_000_000 // array.size)
    seconds = min(timeit.repeat(array.max, number=number, repeat=9)) / number
    return array.nbytes / seconds / 1e9
