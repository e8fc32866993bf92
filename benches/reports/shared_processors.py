"""Whole fits with `threads=None` and `threads=1` where processors are few, shared or limited.

Prints milliseconds, means of many fits, and their ratio. Quotas need Linux, root, and
version 1 or 2 of cgroups; situations that are not possible are left out.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fastgrad as fg

CASES = {  # sizes, batch size, samples, epochs
    "10 ms": ([20, 64, 64, 1], 32, 5000, 2),
    "60 ms": ([20, 64, 64, 1], 32, 5000, 15),
    "0.4 s": ([64, 256, 256, 10], 128, 8000, 10),
    "long steps": ([784, 1024, 1024, 10], 1024, 3072, 1),
}
_TURN = 0.3  # seconds
_PERIOD = 100_000  # microseconds, of a quota


def once(case: str, threads: int | None) -> float:
    """Seconds of a fit."""
    sizes, batch_size, S, epochs = CASES[case]
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(S, sizes[0])), rng.normal(size=(S, sizes[-1]))
    net = fg.Network(sizes, cost="mse", seed=0)
    begin = time.perf_counter()
    net.fit(X, Y, epochs=epochs, batch_size=batch_size, threads=threads)
    return time.perf_counter() - begin


def measured(seconds: float) -> dict[str, tuple[float, float]]:
    """Mean seconds of each case with None and 1, in turns: others disturb both alike."""
    found = {}
    for case in CASES:
        spent: dict[int | None, list[float]] = {None: [], 1: []}
        for threads in None, 1:
            once(case, threads)
        while sum(map(sum, spent.values())) < seconds:
            for threads, of_these in spent.items():
                begin = time.perf_counter()
                while time.perf_counter() - begin < _TURN:
                    of_these.append(once(case, threads))
        found[case] = statistics.fmean(spent[None]), statistics.fmean(spent[1])
    return found


# --- situations ---------------------------------------------------------------------------------


@contextlib.contextmanager
def quota(share: float) -> Iterator[None]:
    """Give this process, and those that it starts, that many processors on average."""
    root = Path("/sys/fs/cgroup")
    is_v2 = (root / "cgroup.controllers").exists()
    group = root / ("" if is_v2 else "cpu") / f"fastgrad_bench_{os.getpid()}"
    group.mkdir()
    try:
        if is_v2:
            (group / "cpu.max").write_text(f"{int(share * _PERIOD)} {_PERIOD}")
        else:
            (group / "cpu.cfs_quota_us").write_text(str(int(share * _PERIOD)))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield
    finally:
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


@contextlib.contextmanager
def affinity(processors: int) -> Iterator[None]:
    """Let this process, and those that it starts, use so many processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:processors])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def neighbours(count: int, nice: int = 0) -> Iterator[None]:
    """Let so many other processes compute all the time."""
    program = f"import os; os.nice({nice})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


#: Situations: threads of numba, and what else holds.
SITUATIONS = {
    "2 threads": (2, contextlib.nullcontext),
    "1 processor, 2 threads": (2, lambda: affinity(1)),
    "1 processor, 16 threads": (16, lambda: affinity(1)),
    "2 processors, 16 threads": (16, lambda: affinity(2)),
    "quota of 1.5, 2 threads": (2, lambda: quota(1.5)),
    "quota of 1, 2 threads": (2, lambda: quota(1)),
    "quota of 0.5, 2 threads": (2, lambda: quota(0.5)),
    "quota of 1, 16 threads": (16, lambda: quota(1)),
    "1 neighbour, 2 threads": (2, lambda: neighbours(1)),
    "2 neighbours, 2 threads": (2, lambda: neighbours(2)),
    "2 idle-priority neighbours, 2 threads": (2, lambda: neighbours(2, 19)),
}


def main() -> None:
    """Measure each situation in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each case")
    parser.add_argument("--only", default="", help="situations whose names contain this")
    parser.add_argument("--here", action="store_true", help="measure in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measured(arguments.seconds)))
        return
    print(f"{'':38}" + "".join(f"{case:>26}" for case in CASES))
    for name, (threads, situation) in SITUATIONS.items():
        if arguments.only not in name:
            continue
        command = [sys.executable, "-m", __spec__.name, "--here", f"--seconds={arguments.seconds}"]
        environment = os.environ | {"NUMBA_NUM_THREADS": str(threads)}
        try:
            with situation():
                output = subprocess.run(command, env=environment, stdout=-1, check=True).stdout
        except OSError as error:
            print(f"{name:38}left out: {error}")
            continue
        row = json.loads(output).values()
        cells = (f"{1e3 * a:11.1f}{1e3 * b:8.1f}{a / b:7.2f}" for a, b in row)
        print(f"{name:38}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
