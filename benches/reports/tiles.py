"""How much of the processor's peak the three tile loops reach: `python -m benches.reports.tiles`.

The peak is the speed of a loop of fused multiply-adds that touches registers only, measured in the
same run on the same thread. Loops and peak take turns; the best turn counts.
"""

import timeit
from functools import partial

from benches.common.hardware import peak
from benches.suite import kernels  # not its classes: asv would take them for this file's

_TURNS, _CALLS = 40, 10

LOOPS = {
    "equation 1": kernels.Tiles.time_affine,
    "equation 5": kernels.Tiles.time_backpropagate,
    "equation 7": kernels.Tiles.time_weight_gradient,
}


def gflops(loop, tiles, n):
    """GFLOP/s of the fastest of several calls of a loop, counted as `peak` counts."""
    operations = 2 * n * n * kernels.SAMPLES * tiles.times
    return operations / min(timeit.repeat(partial(loop, tiles, n), number=1, repeat=_CALLS)) / 1e9


def main():
    """Print a line for each loop and size."""
    for n in (256, 1024):
        tiles = kernels.Tiles()
        tiles.setup(n)
        measurements = {
            "peak": partial(peak, 1, turns=_CALLS),
            **{name: partial(gflops, loop, tiles, n) for name, loop in LOOPS.items()},
        }
        best = dict.fromkeys(measurements, 0.0)
        for _ in range(_TURNS):
            for name, measure in measurements.items():
                best[name] = max(best[name], measure())
        for name, speed in best.items():
            print(f"{n:5d} x {n:<5d}{name:12s}{speed:8.1f} GFLOP/s {speed / best['peak']:6.0%}")


if __name__ == "__main__":
    main()
