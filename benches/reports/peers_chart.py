"""A chart of the peers beside fastgrad: `python -m benches.reports.peers_chart FILE.json ...`.

Draws each result of `benches.reports.peers` as a PNG of the same name: the time of an epoch on all
threads relative to fastgrad. Of PyTorch's modes (eager, fused Adam, compiled) the fastest is shown
for each network.
"""

import json
import math
import sys
from datetime import date
from pathlib import Path

from benches.common.cases import CASES

#: Label, prefix of the labels in the file, colour; the colours are distinct in grey too.
BARS = (
    ("JAX", "JAX", "#88bbdd"),
    ("PyTorch, fastest of 3 modes", "PyTorch", "#e8853d"),
    ("scikit-learn", "scikit-learn", "#5b5f97"),
)


def ratio(ms, prefix):
    """Milliseconds of the peer's fastest mode over those of fastgrad, nan if there are none."""
    threads = max(int(label.split(", ")[1].split()[0]) for label in ms if ", " in label)
    times = [
        time
        for label, time in ms.items()
        if label.startswith(prefix) and f", {threads} thread" in label
    ]
    return min(times, default=math.nan) / ms["fastgrad"]


def draw(path):
    """Draw the results in this JSON file as a PNG beside it."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    summary = json.loads(path.read_text())
    names = list(summary["cases"])
    figure, axes = plt.subplots(figsize=(8, 1.5 + 0.42 * len(names)), layout="constrained")
    height, least = 0.84 / len(BARS), 1.0
    for k, (label, prefix, colour) in enumerate(BARS):
        values = [ratio(summary["cases"][name]["ms"], prefix) for name in names]
        least = min(least, *values)
        places = [row + (k - 1) * height for row in range(len(names))]
        bars = axes.barh(places, [v - 1 for v in values], height, left=1, color=colour, label=label)
        texts = ["" if math.isnan(v) else f"{v:.1f} x" if v < 10 else f"{v:.0f} x" for v in values]
        axes.bar_label(bars, texts, padding=3, fontsize=9)
    cases = [CASES[name] for name in names]
    rows = [f"{'-'.join(map(str, c.sizes))}\n{c.activation}, batch {c.batch_size}" for c in cases]
    axes.set_yticks(range(len(names)), rows, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set(xscale="log", ylim=(len(names) - 0.5, -0.5))
    ticks = [x for x in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if x >= least]
    axes.set_xticks(ticks, [f"{x} x" for x in ticks])
    axes.set_xlim(1 if least == 1 else 0.6 * least, 300)  # with room for a label
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color="black", linewidth=2)
    figure.legend(loc="outside lower center", ncols=len(BARS), fontsize=10, frameon=False)
    processor = summary["processor"].partition(", tiles")[0]
    threads = max(map(int, summary["peak_gflops"]))
    day = date.fromisoformat(summary["date"])
    figure.suptitle(
        "Time of a training epoch relative to fastgrad\n"
        f"({threads} cores of an {processor}, {day.day} {day:%B %Y})",
        fontsize=12,
    )
    figure.savefig(path.with_suffix(".png"), dpi=150)


def main():
    """Draw the files named on the command line."""
    for name in sys.argv[1:]:
        draw(Path(name))


if __name__ == "__main__":
    main()
