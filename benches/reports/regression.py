"""Whether a version is slower than another: `python -m benches.reports.regression BASE [HEAD]`.

BASE and HEAD are commits; without HEAD it is the working tree. Both train the networks of
`benches.common.cases`, on fewer samples, in processes of their own. They take turns, and the ratio
of their fastest turns is one observation. Each observation is of new processes, for the place of
code and data in memory alone changes times by some percent. On one thread the time of the processor
counts, which other processes disturb little.

All cases are observed a few times. Those whose mean ratio is above MARGIN are observed anew, more
often, and one is slower if the lower confidence bound of the mean of those logarithms, by Student's
t, is above MARGIN. The level is shared among the cases that are tested, so that versions whose
times differ by no more than MARGIN fail in at most one run of 1 / LEVEL. Exit code 1: slower.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benches.common.cases import CASES
from benches.common.versions import UnknownVersionError, Version, compile_all, extract

MARGIN = 1.03
LEVEL = 0.01  # probability that a run fails where nothing is slower
_SCREENING, _CONFIRMING = 3, 8  # observations
_TURNS = 12  # of each version
_OPERATIONS = 2e9  # of an epoch: about 10 ms on one thread


def observe(folders, rows, rounds):
    """Ratios of HEAD's time to that of BASE by row, one a round, and errors by row."""
    ratios, failed = {row: [] for row in rows}, {}
    for _ in range(rounds):
        versions = [_version(folder) for folder in folders]
        for row in rows:
            if row not in failed:
                problem = _race(versions, *row)
                if problem:
                    failed[row] = problem
                else:
                    base, head = (min(version.seconds) for version in versions)
                    ratios[row].append(head / base)
        for version in versions:
            version.pool.shutdown()
    return {row: found for row, found in ratios.items() if row not in failed}, failed


def _version(folder):
    version = Version(folder)
    version.turn_seconds, version.pause = 0.01, 0.003  # short, to fit between other processes
    return version


def _race(versions, name, threads):
    """Let both train in turn; returns the first error, or None."""
    for version in versions:
        version.choose_threads(threads)
        if problem := version.prepare(shortened(CASES[name])):
            return f"{version.folder.name}: {problem}"
    epochs = min(version.epochs for version in versions)
    for version in versions:
        version.epochs = epochs
    for turn in range(_TURNS):
        for version in versions if turn % 2 else reversed(versions):
            if problem := version.take_turn():
                return f"{version.folder.name}: {problem}"
    return None


def shortened(case):
    """The case with fewer samples, whose epochs are short enough to be left undisturbed."""
    steps = max(1, int(_OPERATIONS * case.samples / case.operations) // case.batch_size)
    return case._replace(samples=min(case.samples, steps * case.batch_size))


def mean_ratio(observed):
    """The geometric mean."""
    return np.exp(np.log(observed).mean())


def lower_bound(observed, level):
    """The lower confidence bound of the mean ratio: below it with probability `level`."""
    from scipy import stats  # not above: each process imports this file

    logs = np.log(observed)
    return np.exp(logs.mean() - stats.t.ppf(1 - level, len(logs) - 1) * stats.sem(logs))


def rows_of(names, processors):
    """Case and threads of each row: one, and then so many; always one for one sample at a time."""
    rows = [(name, 1) for name in names]
    several = [(name, processors) for name in names if CASES[name].batch_size > 1]
    return rows + several if processors > 1 else rows


def compare(observe, rows, progress=print):
    """For each row its ratios and lower bound, None where it was not tested, and errors by row.

    `observe` takes rows and a number of rounds; it returns ratios by row, and errors by row.
    """
    progress(f"{len(rows)} rows, {_SCREENING} observations of each")
    observed, failed = observe(rows, _SCREENING)
    table = {row: (ratios, None) for row, ratios in observed.items()}
    doubtful = [row for row, ratios in observed.items() if mean_ratio(ratios) > MARGIN]
    if doubtful:
        progress(f"{len(doubtful)} above {MARGIN}: {_CONFIRMING} new observations of each")
        observed, failed_again = observe(doubtful, _CONFIRMING)
        failed |= failed_again
        for row, ratios in observed.items():
            table[row] = ratios, lower_bound(ratios, LEVEL / len(doubtful))
    return table, failed


def is_slower(bound):
    """Whether a lower bound shows a regression."""
    return bound is not None and bound > MARGIN


def report(table, failed):
    """Print a line for each row; returns whether one is slower or failed."""
    print(f"{'case':12s} threads  HEAD / BASE  at least")
    for (name, threads), (observed, bound) in table.items():
        tested = "" if bound is None else f"{bound:8.3f}"
        sign = "  slower" if is_slower(bound) else ""
        print(f"{name:12s}{threads:8d}{mean_ratio(observed):13.3f}  {tested}{sign}".rstrip())
    for (name, threads), problem in failed.items():
        print(f"{name:12s}{threads:8d}  not run: {problem}")
    return bool(failed) or any(is_slower(bound) for _, bound in table.values())


def main():
    """Compare the versions named; the exit code is 1 if HEAD is slower."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.reports.regression",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", metavar="BASE", help="a commit")
    parser.add_argument(
        "head", metavar="HEAD", nargs="?", help="a commit; default: the working tree"
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument(
        "--all-threads", action="store_true",
        help="also on all threads, by the clock: on a machine that does nothing else",
    )  # fmt: skip
    options = parser.parse_args()
    # Not above, for the processes that train import this file before their version of fastgrad.
    from benches.common.hardware import ALL, processor

    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder, name) for name in ("BASE", "HEAD")]
        for place, name in zip(folders, (options.base, options.head), strict=True):
            try:
                extract(name, place)
            except UnknownVersionError as error:
                parser.error(f"{place.name}: {error}")
        print(processor())
        threads = ALL if options.all_threads else 1
        compile_all(folders, [CASES[name] for name in options.cases])
        slower = report(*compare(partial(observe, folders), rows_of(options.cases, threads)))
    sys.exit(slower)


if __name__ == "__main__":
    main()
