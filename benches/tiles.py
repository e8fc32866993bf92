"""How much of the processor's peak the three tile loops reach: `python -m benches.tiles`.

The peak is that of a loop of fused multiply-adds which touches registers only, measured in the same
run on the same thread. Loops and peak take turns; the best of all turns counts.
"""

import timeit
from functools import partial

from benches import kernels  # not its classes: asv would take them for this file's
from benches.machine import peak

_TURNS = 40


def gflops(loop, n):
    """2 n n S operations a call, called often enough for a clock."""
    number = max(1, 20_000_000 // (n * n))
    return 2 * n * n * kernels.SAMPLES / (timeit.timeit(loop, number=number) / number) / 1e9


def main():
    """Print a line for each loop and size."""
    for n in (256, 1024):
        tiles = kernels.Tiles()
        tiles.setup(n)
        contestants = {
            "peak": partial(peak, 1, turns=1),
            "equation 1": partial(gflops, partial(tiles.time_affine, n), n),
            "equation 5": partial(gflops, partial(tiles.time_backpropagate, n), n),
            "equation 7": partial(gflops, partial(tiles.time_weight_gradient, n), n),
        }
        best = dict.fromkeys(contestants, 0.0)
        for _ in range(_TURNS):
            for name, measure in contestants.items():
                best[name] = max(best[name], measure())
        for name, speed in best.items():
            print(f"{n:5d} x {n:<5d}{name:12s}{speed:8.1f} GFLOP/s {speed / best['peak']:6.0%}")


if __name__ == "__main__":
    main()
