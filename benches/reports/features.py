"""What each feature of training adds to an epoch: `python -m benches.reports.features [CASE ...]`.

Prints the time of an epoch with each feature relative to plain Adam, on one thread and on all. The
two are run alternately, and the median of their ratios is printed; the ratio of "none" shows how
much noise there is.
"""

import argparse
import time
from statistics import median

from benches.common.cases import CASES, from_command_line
from benches.common.features import FEATURES, training
from benches.common.hardware import ALL, processor

_ROUNDS, _TURN_SECONDS = 21, 0.03


def seconds(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def ratios(case, threads, names):
    """Time of an epoch with each feature over that of plain Adam just before or after."""
    data = case.data()
    once = seconds(training(case, data, FEATURES["none"], threads))
    epochs = max(1, round(_TURN_SECONDS / once))
    plain, *runs = (
        training(case, data, FEATURES[name], threads, epochs) for name in ("none", *names)
    )
    quotients = [[] for _ in runs]
    for turn in range(_ROUNDS):
        for run, values in zip(runs, quotients, strict=True):
            times = [seconds(one) for one in ((run, plain), (plain, run))[turn % 2]]
            values.append(times[turn % 2] / times[1 - turn % 2])
    return dict(zip(names, map(median, quotients), strict=True))


def main():
    """A line for each feature, a column for each case and number of threads."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.features", description=__doc__)
    parser.add_argument("--features", nargs="+", default=list(FEATURES), choices=FEATURES)
    options = from_command_line(parser, ["rl", "tab"])
    columns = [(case, t) for case in options.cases for t in sorted({1, ALL})]
    measured = [ratios(CASES[case], t, options.features) for case, t in columns]
    print(processor())
    print(" " * 16, *(f"{case + ', ' + str(t):>10s}" for case, t in columns))
    for name in options.features:
        print(f"{name:16s}", *(f"{ratio[name]:10.2f}" for ratio in measured))


if __name__ == "__main__":
    main()
