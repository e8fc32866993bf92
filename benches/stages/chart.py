"""The chart of the stages: the share of the processor's peak of each, on a logarithmic axis."""

import json
from datetime import date

__all__ = ["draw"]

_COLOURS = {1: "#0072B2", 5: "#D55E00", 7: "#009E73"}


def draw(path):
    """Draw the results in this JSON file as a PNG beside it."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    result = json.loads(path.read_text())
    names = list(dict.fromkeys(row["stage"] for row in result["stages"]))
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    height = 0.27
    for k, (equation, colour) in enumerate(_COLOURS.items()):
        shares = [r["share of the peak"] for r in result["stages"] if r["equation"] == equation]
        places = [row + (k - 1) * height for row in range(len(names))]
        label = f"equation {equation}"
        bars = axes.barh(places, [100 * s for s in shares], height, color=colour, label=label)
        texts = [f"{100 * s:.2g} %" if s < 0.1 else f"{s:.0%}".replace("%", " %") for s in shares]
        axes.bar_label(bars, texts, padding=3, fontsize=9)
    threads = max(map(int, result["peak"]))
    labels = {
        "plain Python": "1  plain Python",
        "compiled": "2  compiled",
        "reordered": "    sums may be reordered",
        "parallel": f"3  prange, {threads} threads",
        "lanes": "4  samples as lanes",
        "tiles": "5  register tile",
    }
    axes.set_yticks(range(len(names)), [labels[name] for name in names], ha="left", fontsize=10)
    axes.tick_params(axis="y", length=0, pad=150)
    axes.set(xscale="log", xlim=(0.002, 300), ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks([0.01, 0.1, 1, 10, 100], ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"])
    axes.minorticks_off()
    axes.axvline(100, color="black", linewidth=1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(loc="upper right", bbox_to_anchor=(0.85, 1), frameon=False, fontsize=10)
    day, of = date.fromisoformat(result["date"]), result["processor"].partition(", tiles")[0]
    n, samples = result["nodes"], result["samples"]
    figure.suptitle(
        f"Share of the processor's peak: {n} to {n} nodes, {samples} samples\n"
        f"({of}, {day.day} {day:%B %Y})",
        fontsize=12,
    )
    figure.savefig(path.with_suffix(".png"), dpi=150)
    plt.close(figure)
