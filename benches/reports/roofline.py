"""Roofline model of the three tile loops: `python -m benches.reports.roofline`.

Operations per second against operations per byte, where each array counts once. The roof is the
processor's peak; its slopes are the bandwidths of memory and of the second-level cache. All are
measured in the same run on one thread. Draws `roofline.png`.
"""

import numpy as np

from benches.reports.tiles import LOOPS, gflops
from benches.suite import kernels  # not its classes: asv would take them for this file's
from fastgrad.codegen.limits import bandwidth, peak

SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048)
_TURNS = 20


def intensity(n):
    """Operations per byte: 2 n n S operations on W, a and u, or on d, aT and dC_dW."""
    return 2 * n * n * kernels.SAMPLES / (4 * (n * n + 2 * n * kernels.SAMPLES))


def measured():
    """GFLOP/s: the peak, and each loop's by size. All take turns, the best turn counts."""
    tiles = [kernels.Tiles() for _ in SIZES]
    for each, n in zip(tiles, SIZES, strict=True):
        each.setup(n)
    roof, speeds = 0.0, {name: [0.0] * len(SIZES) for name in LOOPS}
    for _ in range(_TURNS):
        roof = max(roof, peak(turns=10))
        for name, loop in LOOPS.items():
            for k, n in enumerate(SIZES):
                speeds[name][k] = max(speeds[name][k], gflops(loop, tiles[k], n))
    return roof, speeds


def main():
    """Print a line for each loop and size, and draw."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    roof, speeds = measured()
    slopes = {"memory": bandwidth(160), "second-level cache": bandwidth(0.4)}
    print(f"peak {roof:.0f} GFLOP/s;", *(f"{k} {v:.0f} GB/s;" for k, v in slopes.items()))
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    x = np.geomspace(1, 50, 100)
    axes.plot(x, np.full_like(x, roof), color="black", label=f"peak, {roof:.0f} GFLOP/s")
    for (name, speed), style in zip(slopes.items(), ("--", ":"), strict=True):
        axes.plot(
            x, np.minimum(speed * x, roof), style, color="grey", label=f"{name}, {speed:.0f} GB/s"
        )
    for (name, values), marker in zip(speeds.items(), "os^", strict=True):
        axes.plot([intensity(n) for n in SIZES], values, marker, label=name)
        for n, value in zip(SIZES, values, strict=True):
            operations = f"{intensity(n):6.1f} operations per byte"
            print(f"{name}  n = {n:<5d}{operations}{value:8.1f} GFLOP/s {value / roof:6.0%}")
    for n in SIZES:
        lowest = min(values[SIZES.index(n)] for values in speeds.values())
        axes.annotate(
            f"n = {n}",
            (intensity(n), lowest),
            xytext=(0, -6),
            textcoords="offset points",
            rotation=90,  # the wide ones are close together
            ha="center",
            va="top",
            fontsize=7,
        )
    axes.set(xlabel="operations per byte", ylabel="GFLOP/s, one thread")
    axes.set(xscale="log", yscale="log", ylim=(roof / 10, roof * 1.2))
    axes.legend(fontsize=8)
    figure.savefig("roofline.png", dpi=150)


if __name__ == "__main__":
    main()
