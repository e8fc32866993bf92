"""The same seed gives the same bits, whatever the number of threads."""

import json
from types import SimpleNamespace

import pytest
from helpers.grids import grid
from helpers.processes import python
from helpers.run_mode import PLAIN

from fastgrad.engine import thread_pool

pytestmark = pytest.mark.skipif(PLAIN, reason="plain Python has one thread")

SETTINGS = [  # sizes, batch size, samples
    ([2, 16, 16, 1], 32, 1000),
    ([4, 32, 32, 32, 1], 256, 2100),
    ([3, 7, 1], 5, 33),
    ([17, 64, 64, 6], 64, 1000),
    ([64, 300, 10], 100, 850),
    ([784, 128, 10], 64, 500),
    ([33, 513, 257, 3], 128, 700),
    ([256, 256, 256], 1000, 2300),
    ([1, 1], 1, 40),
    ([300, 301, 2], 1, 20),
]
KINDS = ["SGD", "Adam", "clipped", "everything"]
CASES = grid(["float32", "float64"], KINDS, SETTINGS, [2, 3, 4, 99, None])
CASES += {str(case[:3]): (*case[:3], 1) for case in CASES}.values()

# Trained in a process of its own, because the pool is sized when numba starts.
PROGRAM = """
import hashlib
import json
import sys
import numpy as np
import fastgrad as fg

EVERYTHING = {  # that a fit may ask for
    "dropout": 0.3, "input_dropout": 0.1, "input_noise": 0.1, "l1": 1e-3, "l2": 1e-3,
    "max_norm": 1.5,
}
KINDS = {
    "SGD": (fg.SGD, {}),
    "Adam": (fg.Adam, {}),
    "clipped": (lambda lr: fg.SGD(10 * lr).clip(norm=0.01), {}),
    "everything": (lambda lr: fg.Adam(lr).clip(norm=0.1, value=0.01), EVERYTHING),
}
for dtype, kind, (sizes, batch_size, S), threads in json.loads(sys.argv[1]):
    optimizer, options = KINDS[kind]
    asked = {k: v for k, v in options.items() if k != "dropout" or len(sizes) > 2}
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(S, sizes[0])), rng.normal(size=(S, sizes[-1]))
    net = fg.Network(sizes, "tanh", cost="mse", dtype=dtype, seed=0, **asked)
    net.layers[0].lr_scale = 0.5 if options else 1.0
    ema = fg.EMA(0.9) if options else None
    history = net.fit(
        X, Y, epochs=2, batch_size=batch_size, optimizer=optimizer(0.01),
        validation=(X, Y), threads=threads, verbose=0, average=ema,
    )
    bits = hashlib.sha256(np.array([history.cost, history.val_cost]).tobytes())
    assert np.isfinite(history.val_cost).all()
    for layer in net.layers:
        bits.update(layer.W.tobytes())
        bits.update(layer.b.tobytes())
    bits.update(ema.average.tobytes() if ema else b"")
    print(bits.hexdigest())
"""


# More samples at once than the scratch memory holds, and a wide first layer.
ON_OTHER_MACHINES = """
import hashlib
import numpy as np
import fastgrad as fg

bits = hashlib.sha256()
for sizes, S, batch_size in ([2, 16, 16, 1], 30_000, 30_000), ([8000, 512, 2], 64, 32):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(S, sizes[0])), rng.normal(size=(S, sizes[-1]))
    net = fg.Network(sizes, "tanh", cost="mse", seed=0)
    net.fit(X, Y, epochs=2, batch_size=batch_size, optimizer=fg.Adam())
    bits.update(net.parameters.tobytes())
print(bits.hexdigest())
"""

# As many threads as a fit asks for, which changes neither numba's own number nor a later fit.
ONE_FIT_AFTER_ANOTHER = """
import numba
import numpy as np
import fastgrad as fg
from fastgrad.engine import thread_pool

run_pass, used = thread_pool.run_pass, set()

def noted(*arguments):
    result = run_pass(*arguments)
    used.add(result[0])
    return result

thread_pool.run_pass = noted
numba.set_num_threads(3)
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(500, 4)), rng.normal(size=(500, 2))
alone, net = (fg.Network([4, 16, 16, 2], "tanh", cost="mse", seed=0) for _ in range(2))
for threads in 2, 1, 99, 1:
    alone.fit(X, Y, epochs=2, batch_size=16, threads=1)
    used.clear()
    net.fit(X, Y, epochs=2, batch_size=16, threads=threads)
    print(max(used), numba.get_num_threads(), np.array_equal(net.parameters, alone.parameters))
used.clear()
net.fit(X, Y, epochs=2, batch_size=64, threads=4)
print(max(used), net.plan(64).in_halves)
"""


@pytest.fixture(scope="module")
def bits():
    """Setting -> {threads: SHA-256 of the weights and costs after training}."""
    run = python(PROGRAM, json.dumps(CASES))
    found = {}
    for (*setting, threads), digest in zip(CASES, run.stdout.splitlines(), strict=True):
        found.setdefault(str(setting), {})[threads] = digest
    return found


def test_any_number_of_threads_gives_the_same_bits(bits):
    for setting, digests in bits.items():
        assert 1 in digests
        assert len(digests) > 1
        assert len(set(digests.values())) == 1, f"{setting}: {digests}"


def test_different_training_gives_different_bits(bits):
    assert len({digests[1] for digests in bits.values()}) == len(bits)


def test_machines_with_other_numbers_of_processors_give_the_same_bits():
    runs = [python(ON_OTHER_MACHINES, threads=threads) for threads in (1, 2, 5, 64)]
    assert len({run.stdout for run in runs}) == 1


def test_a_fit_has_the_threads_that_it_asks_for_whatever_the_one_before():
    run = python(ONE_FIT_AFTER_ANOTHER)
    *others, in_halves = run.stdout.splitlines()
    assert others == [f"{n} 3 True" for n in (2, 1, 4, 1)], run.stderr
    assert in_halves == "2 True"  # where two halves are all that there is to share


def test_threads_that_were_kept_waiting_are_soon_requested_again(monkeypatch):
    now, tried, are_given = [0.0], [], [False]

    def on_threads(*_):
        tried.append(now[0])
        return are_given[0]

    monkeypatch.setattr(thread_pool, "_try_on_threads", on_threads)
    monkeypatch.setattr(thread_pool, "run", lambda *_: None)
    clock = SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0])
    monkeypatch.setattr(thread_pool, "time", clock)
    monkeypatch.setattr(thread_pool, "_unavailable_until", 0.0)
    monkeypatch.setattr(thread_pool, "_pause", 1.0)
    monkeypatch.setattr(thread_pool.barrier, "reset", lambda _: None)
    descriptor = SimpleNamespace(set=lambda **_: None, barrier=None, addresses=())
    while now[0] < 300:
        thread_pool.run_pass(0, descriptor, 2)
        now[0] += 0.5
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    are_given[0], now[0] = True, 303.0
    assert thread_pool.run_pass(0, descriptor, 2)[0] == 2
    are_given[0] = False
    assert thread_pool.run_pass(0, descriptor, 2)[0] == 1
    now[0] += 1
    assert thread_pool.run_pass(0, descriptor, 2)[0] == 1
    assert tried[-1] == 304
