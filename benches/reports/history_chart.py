"""Picture of the history of speed: `python -m benches.reports.history_chart MACHINE`.

Draws what `benches.reports.history` wrote for a machine as `docs/_static/speed-history.svg`.
"""

import argparse
import math
from datetime import UTC, datetime

from benches.common.cases import CASES
from benches.common.versions import ROOT
from benches.reports.history import BENCHMARKS, OPTIMIZER, RESULTS

#: Threads, label, colour and marker; the colours are distinct in grey too.
LINES = ((1, "threads=1", "#88bbdd", "s"), (None, "threads=None, the default", "#e8853d", "o"))
_COLUMNS = 5


def draw(machine, path):
    """Draw the results of a machine, a panel for each case; their time axes span equal factors."""
    import matplotlib as mpl
    from asv.results import iter_results_for_machine
    from asv.util import is_na, load_json

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator

    found = sorted(iter_results_for_machine(RESULTS, machine), key=lambda each: each.date)
    rows = math.ceil(len(CASES) / _COLUMNS)
    figure, axes = plt.subplots(
        rows, _COLUMNS, figsize=(11, 2.2 * rows), sharex=True, layout="constrained"
    )
    for axis, (name, case) in zip(axes.flat, CASES.items(), strict=True):
        params = [[repr(name)], [repr(OPTIMIZER)]]
        for threads, label, colour, marker in LINES:
            values = [each.get_result_value(BENCHMARKS[threads], params)[0] for each in found]
            ms = [math.nan if is_na(value) else 1e3 * value for value in values]
            axis.plot(ms, label=label, color=colour, marker=marker, markersize=4)
        axis.set_title(f"{name}, batch {case.batch_size}", fontsize=10)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axis.minorticks_off()
        axis.grid(axis="y", linewidth=0.4)
        axis.spines[["top", "right"]].set_visible(False)
    _span_equally(axes.flat)
    days = [datetime.fromtimestamp(each.date / 1000, UTC) for each in found]
    firsts = [k for k, day in enumerate(days) if k == 0 or day.date() != days[k - 1].date()]
    for axis in axes[-1]:
        axis.set_xticks(firsts, [f"{days[k].day}" for k in firsts], fontsize=7)
    for axis in axes[:, 0]:
        axis.set_ylabel("ms", fontsize=9)
    figure.supxlabel(f"versions, by day of {days[-1]:%B %Y}", fontsize=10)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper right", ncols=len(LINES), fontsize=10, frameon=False
    )
    cpu = load_json(RESULTS / machine / "machine.json")["cpu"].partition(", tiles")[0]
    figure.suptitle(f"Time of a training epoch, {cpu}", fontsize=12, x=0.01, ha="left")
    with mpl.rc_context({"svg.hashsalt": "fastgrad"}):  # the same results, the same file
        figure.savefig(path, metadata={"Date": None})


def _span_equally(axes):
    """Let equal heights be equal factors in all panels."""
    axes = list(axes)
    limits = [[math.log(y) for y in axis.get_ylim()] for axis in axes]
    half = max(high - low for low, high in limits) / 2
    for axis, (low, high) in zip(axes, limits, strict=True):
        middle = (low + high) / 2
        axis.set_ylim(math.exp(middle - half), math.exp(middle + half))


def main():
    """Draw the results of the machine named."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.reports.history_chart", description=__doc__
    )
    parser.add_argument("machine", metavar="MACHINE", help="a folder of benches/history/results")
    options = parser.parse_args()
    if not (RESULTS / options.machine).is_dir():
        known = ", ".join(sorted(path.name for path in RESULTS.glob("*/")))
        parser.error(f"MACHINE: got {options.machine!r}; expected {known}")
    draw(options.machine, ROOT / "docs" / "_static" / "speed-history.svg")


if __name__ == "__main__":
    main()
