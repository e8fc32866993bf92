"""fastgrad.sklearn beside scikit-learn: `python -m benches.reports.sklearn_fits`.

Prints Markdown tables. Times: each fit by both, alternately; the median of the times, and of their
ratios. Scores: on a fifth of the samples, mean and standard error over 20 splits and initial
weights. Search: the time of a `GridSearchCV` with two workers over half of that with one.
"""

import argparse
import time
import warnings
from functools import partial
from statistics import mean, median, stdev

import numba
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from benches.common.hardware import ALL, processor
from benches.common.sklearn_fits import DATA, FITS, MODULES, fitted, samples, scores


def seconds(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def times(names, rounds):
    """A row for each fit."""
    print("| fit | scikit-learn | fastgrad | times as fast |\n|---|--:|--:|--:|")
    for key in names:
        X, y, name = samples(FITS[key])
        taken = {module: [] for module in MODULES}
        parameters = {"random_state": 0, **FITS[key].parameters}
        fitted("fastgrad", name, X, y, **{**parameters, "max_iter": 5})  # compiles
        for turn in range(rounds):
            for module in [*MODULES][:: 1 if turn % 2 else -1]:
                taken[module].append(seconds(partial(fitted, module, name, X, y, **parameters)))
        theirs, mine = taken.values()
        ratio = median(a / b for a, b in zip(theirs, mine, strict=True))
        print(
            f"| {key} | {median(theirs):.3g} s | {median(mine):.3g} s | {ratio:.1f} |", flush=True
        )


def compare_scores(seeds):
    """A row for each data set."""
    print("| data | scikit-learn | fastgrad | largest difference of one seed |\n|---|--:|--:|--:|")
    for data in DATA:
        pairs = [tuple(scores(data, seed).values()) for seed in range(seeds)]
        shown = [
            f"{mean(values):.4f} ± {stdev(values) / seeds**0.5:.4f}"
            for values in zip(*pairs, strict=True)
        ]
        most = max(abs(a - b) for a, b in pairs)
        print(f"| {data} | {shown[0]} | {shown[1]} | {most:.1g} |", flush=True)


def search(rounds):
    """Two workers against one, on all folds and settings."""
    X, y, name = samples(FITS["digits"])
    grid = {"alpha": [1e-4, 1e-3, 1e-2, 1e-1]}  # fits above the 0.2 s below which joblib joins some
    estimator = getattr(MODULES["fastgrad"], name)(
        (300, 100), random_state=0, max_iter=160, tol=0, n_iter_no_change=200
    )
    once = {"estimator": clone(estimator).set_params(max_iter=1), "param_grid": grid, "cv": 2}
    warnings.simplefilter("ignore", ConvergenceWarning)
    with parallel_config("loky", inner_max_num_threads=1):
        GridSearchCV(**once, n_jobs=2).fit(X, y)  # the workers start, and load compiled code
        ratios = []
        for _ in range(rounds):
            one, two = (
                seconds(partial(GridSearchCV(alone, grid, cv=4, n_jobs=n, refit=False).fit, X, y))
                for n, alone in ((1, clone(estimator).set_params(threads=1)), (2, estimator))
            )
            ratios.append(2 * two / one)
            print(f"one worker {one:.1f} s, two {two:.1f} s: {ratios[-1]:.3f} of the ideal")
    print(f"median {median(ratios):.3f}")


def main():
    """The tables that are asked for; by default times and scores."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.sklearn_fits")
    parser.add_argument("--fits", nargs="*", default=list(FITS), choices=list(FITS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=ALL, help="of both, at most")
    parser.add_argument("--search", action="store_true")
    options = parser.parse_args()
    numba.set_num_threads(options.threads)
    threadpool_limits(options.threads, user_api="blas")
    print(processor(), end="\n\n")
    if options.search:
        search(options.rounds)
        return
    times(options.fits, options.rounds)
    print()
    if options.seeds > 1:
        compare_scores(options.seeds)


if __name__ == "__main__":
    main()
