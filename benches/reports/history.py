"""Time of an epoch over the history: `python -m benches.reports.history MACHINE [COMMIT ...]`.

Without commits: the first, and the last of each six hours. Each version is in a process of its own;
they take turns, and the fastest turn counts. The suite itself runs with the present API only; what
an epoch needs of it is as old as the package.

Writes to `benches/history/results`, in asv's format, results of `benches/suite/epochs.py`.
`asv publish --config benches/history/asv.conf.json` makes a site of them, and
`benches.reports.history_chart` a picture.
"""

import argparse
import io
import json
import platform
import subprocess
import tempfile
from itertools import product
from pathlib import Path

from benches.common.cases import CASES
from benches.common.versions import (
    ROOT,
    UnknownVersionError,
    Version,
    commit_hash,
    compile_all,
    extract,
)

RESULTS = ROOT / "benches" / "history" / "results"
#: Benchmark of the suite by number of threads; None: as many as the package chooses.
BENCHMARKS = {1: "suite.epochs.OneThread.time_epoch", None: "suite.epochs.Epoch.time_epoch"}
OPTIMIZER = "Adam"
_SECONDS = 6 * 3600  # of which the last commit counts
_TURNS = 5


def times_of(*commits):
    """Hash and time, in seconds since 1970, of each of these; the oldest first."""
    command = ["git", "log", "--reverse", "--format=%H %ct", *commits]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name: int(seconds) for name, seconds in map(str.split, text.splitlines())}


def spread(times):
    """The first commit and the last of each six hours."""
    first, *_ = times
    last = {seconds // _SECONDS: name for name, seconds in times.items()}
    return list(dict.fromkeys([first, *last.values()]))


def measure(versions, case, threads):
    """Seconds per epoch of each version, and errors; by its place in the list."""
    for version in versions:
        version.choose_threads(threads)
    failed = {k: why for k, version in enumerate(versions) if (why := version.prepare(case))}
    running = [k for k in range(len(versions)) if k not in failed]
    for turn in range(_TURNS):
        for k in running if turn % 2 else reversed(running):
            if why := versions[k].take_turn():
                failed[k] = why
    return {k: min(versions[k].seconds) for k in running if k not in failed}, failed


def write(seconds, times, machine):
    """Write seconds by commit, threads and case as asv does."""
    from asv import results, runner, util
    from asv_runner.discovery import list_benchmarks

    listed = io.StringIO()
    list_benchmarks(str(ROOT / "benches"), listed)
    found = {each["name"]: each for each in json.loads(listed.getvalue())}
    found = {name: found[name] for name in BENCHMARKS.values()}
    RESULTS.mkdir(parents=True, exist_ok=True)
    util.write_json(RESULTS / "benchmarks.json", found, 2)
    (RESULTS / machine["machine"]).mkdir(exist_ok=True)
    util.write_json(RESULTS / machine["machine"] / "machine.json", machine, 1)
    for commit in {commit for commit, _, _ in seconds}:
        result = results.Results(
            machine, {}, commit, 1000 * times[commit], platform.python_version(), "existing", {}
        )
        for threads, name in BENCHMARKS.items():
            benchmark = found[name] | {"params": [[repr(c) for c in CASES], [repr(OPTIMIZER)]]}
            values = [seconds.get((commit, threads, case)) for case in CASES]
            nothing = [None] * len(values)
            result.add_result(
                benchmark, runner.BenchmarkResult(values, nothing, nothing, 0, "", None)
            )
        result.save(RESULTS)


def main():
    """Measure the commits named, or those spread over the history."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.history", description=__doc__)
    parser.add_argument("machine", metavar="MACHINE", help="its name in the results")
    parser.add_argument("commits", nargs="*", metavar="COMMIT")
    options = parser.parse_args()
    try:
        named = [commit_hash(name) for name in options.commits]
    except UnknownVersionError as error:
        parser.error(f"COMMIT: {error}")
    times = times_of("--no-walk", *named) if named else times_of("--first-parent", "HEAD")
    chosen = named or spread(times)
    # Not above, for the processes that train import this file before their version of fastgrad.
    from benches.common.hardware import ALL, processor

    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder, commit) for commit in chosen]
        for commit, place in zip(chosen, folders, strict=True):
            extract(commit, place)
        compile_all(folders, CASES.values())
        versions = [Version(place) for place in folders]
        seconds = {}
        for threads, name in product(BENCHMARKS, CASES):
            fastest, failed = measure(versions, CASES[name], threads)
            seconds |= {(chosen[k], threads, name): value for k, value in fastest.items()}
            print(name, threads or "default", *(f"{1e3 * s:.3g}" for s in fastest.values()), "ms")
            for k, why in failed.items():
                print(f"  {chosen[k][:8]}: not run: {why}")
    machine = {
        "machine": options.machine, "arch": platform.machine(), "cpu": processor(),
        "os": platform.system(), "num_cpu": str(ALL), "ram": "",
    }  # fmt: skip
    write(seconds, times, machine)


if __name__ == "__main__":
    main()
