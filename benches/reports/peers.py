"""fastgrad beside PyTorch, JAX and scikit-learn: `python -m benches.reports.peers [CASE ...]`.

Each peer has a process of its own and trains the same network, on one thread and on all; they take
turns, and the best turn counts. Prints a line for each, then writes `peers.json` and its chart,
`peers.png` (see `peers_chart`). A peer that cannot be imported or run is reported and left out.
On a machine without a GPU, `pip install torch==2.13.0` installs PyTorch's small CPU build;
`pip install '.[peers]'` installs the rest.
"""

import argparse
import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from benches.common.cases import CASES, from_command_line
from benches.common.hardware import ALL, peak, processor
from benches.common.peers import PEERS, Fastgrad
from benches.common.turns import Trainer
from benches.reports import peers_chart

_TURNS = 9
# Some environments tune NumPy's BLAS for another use by these variables.
_DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def peers(kinds):
    """Label, class and threads of each, on one thread and on all."""
    for threads in sorted({1, ALL}):
        for name, kind in kinds.items():
            yield f"{name}, {threads} thread{'s' * (threads > 1)}", kind, threads


class Peer(Trainer):
    """A peer in a process that has as many processors as it may use."""

    def __init__(self, label, kind, threads):
        self.label, processors = label, threads or ALL
        limits = dict.fromkeys(_LIMITS, str(processors))
        super().__init__(kind, threads, limits, _confine, processors)


def _confine(threads):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def drop_variables():
    """Let the peers' BLAS choose its loops for this processor."""
    for variable in _DROPPED:
        os.environ.pop(variable, None)


def race(case, everyone, turns=_TURNS):
    """Milliseconds per epoch by label, the best of all turns, and the errors by label."""
    failed = {peer.label: problem for peer in everyone if (problem := peer.prepare(case))}
    for _ in range(turns):
        for peer in everyone:
            if peer.label not in failed and (problem := peer.take_turn()):
                failed[peer.label] = problem
    times = {p.label: 1e3 * min(p.seconds) for p in everyone if p.label not in failed}
    return times, failed


def _reference(threads):
    """The label that peers on so many threads are compared with; on all, the default fastgrad."""
    return "fastgrad" if threads == ALL else f"fastgrad, {threads} thread"


def report(name, case, times, peaks):
    """Print a line for each peer."""
    sizes = "-".join(map(str, case.sizes))
    print(f"\n{name}: {sizes} {case.activation}, batch {case.batch_size}, {case.samples} samples")
    for label, milliseconds in times.items():
        gflops = case.operations / milliseconds / 1e6
        threads = 1 if ", 1 thread" in label else ALL
        ratio = milliseconds / times[_reference(threads)]
        print(
            f"  {label:28s}{milliseconds:10.3f} ms  x {ratio:7.2f}"
            f"{gflops:9.1f} GFLOP/s {gflops / peaks[threads]:6.1%} of the peak"
        )


def versions():
    """The installed version of each package, None for those that are missing."""
    found = {}
    for package in ("fastgrad", "numba", "numpy", "torch", "jax", "optax", "scikit-learn"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def main():
    """Run the cases named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.peers", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="default: .")
    options = from_command_line(parser, CASES)
    drop_variables()
    peaks = {threads: peak(threads) for threads in sorted({1, ALL})}
    print(processor(), *(f"peak {p:.0f} GFLOP/s on {t}" for t, p in peaks.items()), sep="; ")
    # fastgrad also with the number of threads that it chooses
    everyone = [Peer("fastgrad", Fastgrad, None), *(Peer(*each) for each in peers(PEERS))]
    results = {}
    for name in options.cases:
        # A host that is busy for a moment must not lower the peak for the whole run.
        peaks = {threads: max(before, peak(threads)) for threads, before in peaks.items()}
        times, failed = race(CASES[name], everyone)
        report(name, CASES[name], times, peaks)
        for label, problem in failed.items():
            print(f"  {label:28s}not run: {problem}")
        results[name] = {"ms": times, "not run": failed}
    summary = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "python": platform.python_version(),
        "versions": versions(),
        "peak_gflops": peaks,
        "cases": results,
    }
    path = options.out / "peers.json"
    path.write_text(json.dumps(summary, indent=2) + "\n")
    peers_chart.draw(path)


if __name__ == "__main__":
    main()
