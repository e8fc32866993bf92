"""Time against width: `python -m benches.reports.widths [FIRST LAST]`.

Trains networks 10-w-w-10 with batches of 128. Prints nanoseconds per thousand multiply-adds of an
epoch for each width w, and its ratio to the median of its neighbours; draws `widths.png`. A curve
without a cliff means that the tiles suit every width.
"""

import sys
import time
from statistics import median

import numpy as np

import fastgrad as fg
from benches.common.cases import Case

NEIGHBOURS, TURNS = 8, 7


def epoch(w, threads):
    """A function without arguments that trains at that width, and its multiply-adds."""
    case = Case([10, w, w, 10], "relu", 128, 2048)
    net = fg.Network(case.sizes, activations=case.activation, cost="mse", seed=0)
    X, Y = case.data()
    optimizer = fg.Adam()

    def run():
        net.fit(X, Y, batch_size=128, epochs=3, optimizer=optimizer, threads=threads, verbose=0)

    run()  # compiles
    return run, 3 * case.operations / 2


def curve(widths, threads):
    """Nanoseconds per thousand multiply-adds: all widths take turns, the best turn counts."""
    epochs = [epoch(w, threads) for w in widths]
    best = np.full(len(widths), np.inf)
    for _ in range(TURNS):
        for k, (run, operations) in enumerate(epochs):
            begin = time.perf_counter()
            run()
            best[k] = min(best[k], (time.perf_counter() - begin) * 1e12 / operations)
    return best


def cliffs(widths, times):
    """Each time over the median of those of the other widths within 8 of its own."""
    return [
        time / median(t for v, t in zip(widths, times, strict=True) if 0 < abs(v - w) <= NEIGHBOURS)
        for w, time in zip(widths, times, strict=True)
    ]


def main():
    """Print a line for each width and draw the curve."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    first, last = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (8, 130)
    widths = range(max(first - NEIGHBOURS, 1), last + NEIGHBOURS + 1)  # with the neighbours
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for threads in (1, None):
        times = curve(widths, threads)
        ratios = {
            w: ratio
            for w, ratio in zip(widths, cliffs(widths, times), strict=True)
            if first <= w <= last
        }
        label = "one thread" if threads else "threads chosen by default"
        for w, ratio in ratios.items():
            print(f"{label:26s}{w:4d}{times[w - widths[0]]:9.2f} ns{ratio:7.2f}")
        print(f"{label:26s}largest ratio to the neighbours' median {max(ratios.values()):.2f}")
        axes.plot(widths, times, label=label)
    axes.set(xlabel="width w of 10-w-w-10", ylabel="ns per 1000 multiply-adds", yscale="log")
    axes.legend()
    figure.savefig("widths.png", dpi=150)


if __name__ == "__main__":
    main()
