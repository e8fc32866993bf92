"""One row at a time, beside other libraries: `python -m benches.reports.single_rows`.

Prints the median and the 99th percentile of the time of a prediction in microseconds, in a loop of
Python that predicts each time another row. All predict with the same network; they take turns, and
the best turn counts. What cannot be imported is reported and left out.
"""

import time

import numpy as np

import fastgrad as fg
from benches.common.hardware import processor
from benches.common.single_rows import PEERS

NETWORKS = [4, 32, 32, 1], [17, 64, 64, 6], [32, 256, 256, 1]
_TURNS, _CALLS = 15, 2000


def prepared(net, x):
    """The functions by name, compiled, each of which predicts what NumPy does; and the errors."""
    functions, failed, expected = {}, {}, PEERS["NumPy by hand"](net)(x)
    for name, make in PEERS.items():
        try:
            functions[name] = make(net)
        except ImportError as error:
            failed[name] = str(error)
            continue
        found = np.reshape(functions[name](x), expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4, err_msg=name)
    return functions, failed


def turn(predict, rows):
    """Median and 99th percentile of the time of a call, in microseconds."""
    times = np.empty(len(rows))
    for k, x in enumerate(rows):
        begin = time.perf_counter_ns()
        predict(x)
        times[k] = time.perf_counter_ns() - begin
    return np.percentile(times, [50, 99]) / 1e3


def main():
    """A table for each network."""
    print(processor())
    clock = turn(lambda x: None, range(_CALLS))[0]
    print(f"to read the clock and call a function of Python takes {clock:.2f} us of each time")
    for sizes in NETWORKS:
        rows = np.random.default_rng(0).normal(size=(_CALLS, 1, sizes[0])).astype(np.float32)
        net = fg.Network(sizes, "tanh", seed=0)
        functions, failed = prepared(net, rows[0])
        best = dict.fromkeys(functions, np.inf)
        for _ in range(_TURNS):
            for name, predict in functions.items():
                best[name] = np.minimum(best[name], turn(predict, rows))
        print(f"\n{'-'.join(map(str, sizes)):20s}   median      99 %")
        for name in PEERS:
            if name in failed:
                print(f"{name:20s}not run: {failed[name]}")
            else:
                median, late = best[name]
                print(f"{name:20s}{median:6.2f} us {late:6.2f} us")


if __name__ == "__main__":
    main()
