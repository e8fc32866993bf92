"""How much of the processor's peak the three tile loops reach: `python -m benches.tiles`.

The peak is that of a loop of fused multiply-adds which touches registers only, measured in the same
run on the same thread. Loops and peak take turns; the best of all turns counts.
"""

import timeit
from functools import partial

import numpy as np

from benches.kernels import SAMPLES, Tiles
from fastgrad import simd
from fastgrad.jit import kernel

_STEPS, _TURNS = 100_000, 40


@kernel
def multiply_and_add(shape, a, steps):
    """As many independent sums as a tile has, kept in registers."""
    x, y = simd.tile(shape, a, (0, 0, 0)), simd.lanes(shape, a, (0, 0, 0))
    for _ in range(steps):
        x = simd.fma(simd.down(shape, a, (0, 0, 0)), y, x)
    simd.store(a, (0, 0, 0), x)


def main():
    """Print a line for each loop and size."""
    shape = simd.SHAPES[0]
    a = np.zeros((len(shape[1]), len(shape[0]), 16), np.float32)
    for n in (256, 1024):
        tiles = Tiles()
        tiles.setup(n)
        repeats = max(1, 20_000_000 // (n * n))
        loops = {
            "peak": (lambda: multiply_and_add(shape, a, _STEPS), 2 * a.size * _STEPS),
            "equation 1": (partial(tiles.time_affine, n), 2 * n * n * SAMPLES),
            "equation 5": (partial(tiles.time_backpropagate, n), 2 * n * n * SAMPLES),
            "equation 7": (partial(tiles.time_weight_gradient, n), 2 * n * n * SAMPLES),
        }
        speed = dict.fromkeys(loops, 0.0)
        for _ in range(_TURNS):
            for name, (loop, operations) in loops.items():
                number = 1 if name == "peak" else repeats
                seconds = timeit.timeit(loop, number=number) / number
                speed[name] = max(speed[name], operations / seconds / 1e9)
        for name, gflops in speed.items():
            fraction = gflops / speed["peak"]
            print(f"{n:5d} x {n:<5d}{name:12s}{gflops:8.1f} GFLOP/s {fraction:6.0%}")


if __name__ == "__main__":
    main()
