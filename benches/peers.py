"""fastgrad beside PyTorch, JAX and scikit-learn: `python -m benches.peers [CASE ...]`.

Each contender has a process of its own, and all take turns at the same training, on one thread and
on all: a line for each of them, then `peers.json` and the chart `peers.png`. What cannot be
imported or run is said and left out. On a machine without a GPU, `pip install torch==2.13.0` gives
PyTorch's small CPU build; `pip install '.[peers]'` brings the rest.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path

from benches.cases import CASES, Case, from_command_line
from benches.contenders import CONTENDERS
from benches.machine import ALL, peak, processor

_TURNS, _TURN_SECONDS = 9, 0.1
# Some sets of variables tune NumPy's BLAS for another use; here it finds its own way.
_DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def contestants():
    """Name, class name and threads of each; fastgrad also with the threads that it chooses."""
    yield "fastgrad", "fastgrad", None
    for threads in sorted({1, ALL}):
        for name in CONTENDERS:
            yield f"{name}, {threads} thread{'s' * (threads > 1)}", name, threads


class Contestant:
    """A contender in a process that has as many processors as it may use."""

    def __init__(self, name, kind, threads):
        self.name, self.kind, self.threads = name, kind, threads
        for variable in _LIMITS:
            os.environ[variable] = str(threads or ALL)
        self.pool = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), _confine, (threads or ALL,)
        )
        self.pool.submit(os.getpid).result()  # the process starts now, with these variables

    def prepare(self, case: Case):
        """Build, compile and warm up; returns what went wrong, or None."""
        self.seconds = []
        first, problem = self._result_of(_prepare, self.kind, case, self.threads)
        self.epochs = 0 if problem else max(1, round(_TURN_SECONDS / first))
        return problem

    def take_turn(self):
        """Train for a while; returns what went wrong, or None."""
        seconds, problem = self._result_of(_run, self.epochs)
        self.seconds += [] if problem else [seconds / self.epochs]
        time.sleep(0.1)  # its threads spin for a while before they leave the processor
        return problem

    def _result_of(self, function, *arguments):
        """What a function gives in the process, None if it fails; and what went wrong, or None."""
        try:
            return self.pool.submit(function, *arguments).result(), None
        except BrokenProcessPool:
            return None, "its process died"
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is reported
            lines = str(error).splitlines()
            return None, f"{type(error).__name__}: {lines[0] if lines else ''}"


_subject = None


def _confine(threads):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _prepare(kind, case, threads):
    global _subject  # noqa: PLW0603 - what this process trains
    _subject = CONTENDERS[kind](case, threads)
    seconds = [_run(1)]
    while sum(seconds[1:]) < _TURN_SECONDS:  # the first compiles
        seconds.append(_run(1))
    return min(seconds)


def _run(epochs):
    begin = time.perf_counter()
    _subject.run(epochs)
    return time.perf_counter() - begin


def race(case, everyone):
    """Milliseconds of an epoch by name, the best of all turns, and those that could not run."""
    failed = {one.name: problem for one in everyone if (problem := one.prepare(case))}
    for _ in range(_TURNS):
        for one in everyone:
            if one.name not in failed and (problem := one.take_turn()):
                failed[one.name] = problem
    return {one.name: 1e3 * min(one.seconds) for one in everyone if one.name not in failed}, failed


def _ours(threads):
    """What others on so many threads are compared with; on all, that which takes what it likes."""
    return "fastgrad" if threads == ALL else f"fastgrad, {threads} thread"


def report(name, case, times, peaks):
    """Print a line for each contestant."""
    sizes = "-".join(map(str, case.sizes))
    print(f"\n{name}: {sizes} {case.activation}, batch {case.batch_size}, {case.samples} samples")
    for one, milliseconds in times.items():
        gflops = case.operations / milliseconds / 1e6
        threads = 1 if ", 1 thread" in one else ALL
        print(
            f"  {one:28s}{milliseconds:10.3f} ms  x {milliseconds / times[_ours(threads)]:7.2f}"
            f"{gflops:9.1f} GFLOP/s {gflops / peaks[threads]:6.1%} of the peak"
        )


def chart(results, path):
    """Bars of how many times as long as fastgrad each peer takes, all on all threads."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    names = [
        name
        for name, kind, threads in contestants()
        if kind != "fastgrad" and threads == ALL and any(name in r["ms"] for r in results.values())
    ]
    ours = _ours(ALL)
    figure, axes = plt.subplots(figsize=(11, 4.5), layout="constrained")
    width = 0.8 / max(len(names), 1)
    for k, name in enumerate(names):
        times = [r["ms"] for r in results.values()]
        ratios = [ms.get(name, float("nan")) / ms[ours] for ms in times]
        places = [x + k * width for x in range(len(ratios))]
        bars = axes.bar(places, ratios, width, label=name)
        axes.bar_label(bars, [f"{ratio:.3g}" for ratio in ratios], fontsize=6)
    axes.axhline(1, color="black", linewidth=1, label="fastgrad")
    axes.set(yscale="log", ylabel="time of an epoch, fastgrad = 1")
    axes.set_xticks([x + 0.4 - width / 2 for x in range(len(results))], list(results))
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def main():
    """Run the cases named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benches.peers", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="default: .")
    options = from_command_line(parser, CASES)
    for variable in _DROPPED:
        os.environ.pop(variable, None)
    peaks = {threads: peak(threads) for threads in sorted({1, ALL})}
    print(processor(), *(f"peak {p:.0f} GFLOP/s on {t}" for t, p in peaks.items()), sep="; ")
    everyone = [Contestant(*one) for one in contestants()]
    results = {}
    for name in options.cases:
        # A host that is busy for a moment must not lower the roof for the whole run.
        peaks = {threads: max(before, peak(threads)) for threads, before in peaks.items()}
        times, failed = race(CASES[name], everyone)
        report(name, CASES[name], times, peaks)
        for one, problem in failed.items():
            print(f"  {one:28s}not run: {problem}")
        results[name] = {"ms": times, "not run": failed}
    versions = {}
    for package in ("fastgrad", "numba", "numpy", "torch", "jax", "optax", "scikit-learn"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    summary = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "python": platform.python_version(),
        "versions": versions,
        "peak_gflops": peaks,
        "cases": results,
    }
    (options.out / "peers.json").write_text(json.dumps(summary, indent=2) + "\n")
    chart(results, options.out / "peers.png")


if __name__ == "__main__":
    main()
