"""The same seed gives the same bits, whatever the number of threads."""

import json
import os
import subprocess
import sys

import pytest
from helpers.grids import grid
from helpers.run_mode import PLAIN

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


# Networks that train at once in several Python threads, also with one optimizer; one that predicts
# in several, and a fork.
AT_ONCE = """
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import fastgrad as fg

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(500, 9)), rng.normal(size=(500, 2))

def trained(seed, threads=2):
    net = fg.Network([9, 64, 2], "tanh", cost="mse", seed=seed)
    net.fit(X, Y, epochs=3, batch_size=32, threads=threads, verbose=0)
    return net

def weights(*arguments):
    return trained(*arguments).layers[0].W.tobytes()

def by_one(optimizer, epochs):
    net = fg.Network([9, 8, 2], "tanh", cost="mse", seed=0)
    net.fit(X, Y, epochs=epochs, batch_size=1, optimizer=optimizer, threads=1)
    return net.parameters.tobytes()

def falling():
    return fg.Adam(fg.schedules.Cosine(0.01))

expected = [weights(seed) for seed in range(4)]
net = trained(0)
parts = [X[:k] for k in range(1, 500, 7)]
answers = [net.predict(part) for part in parts]
slopes = [net.gradients(part, Y[: len(part)]).dC_dW[0] for part in parts]
one, rates = falling(), range(8, 12)
falls = [by_one(falling(), epochs) for epochs in rates]
with ThreadPoolExecutor(4) as pool:
    assert list(pool.map(weights, range(4))) == expected
    assert all(map(np.array_equal, pool.map(net.predict, parts), answers))
    found = pool.map(lambda part: net.gradients(part, Y[: len(part)]).dC_dW[0], parts)
    assert all(map(np.array_equal, found, slopes))
    assert list(pool.map(by_one, [one] * 4, rates)) == falls
if "fork" in multiprocessing.get_all_start_methods():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.starmap_async(weights, [(0, None), (1, 1), (2, 2)]).get(60) == expected[:3]
print("the same")
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

# A fork does not have the threads of numba, here started by other code than fastgrad.
FORK_OF_ANOTHERS = """
import os
import numba
import numpy as np
import fastgrad as fg

numba.get_num_threads()
if child := os.fork():
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
else:
    fg.Network([9, 64, 2], cost="mse").fit(np.ones((99, 9)), np.ones((99, 2)), epochs=2, threads=2)
    os._exit(0)
"""

# A lock that a training thread holds at the moment of a fork is free in the child.
FORK_IN_A_PASS = """
import os
import signal
import threading
import numpy as np
import fastgrad as fg

rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 50))
net = fg.Network([50, 200, 200, 1], seed=0)
net.fit(X, X[:, 0], epochs=1, batch_size=64)
stop = threading.Event()

def train():
    while not stop.is_set():
        net.fit(X, X[:, 0], epochs=1, batch_size=64)

thread = threading.Thread(target=train)
thread.start()
codes = []
for _ in range(5):
    if child := os.fork():
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    else:
        signal.alarm(20)  # ends a child that hangs
        net.predict(X[:100])
        net.fit(X[:100], X[:100, 0], epochs=1)
        os._exit(0)
stop.set()
thread.join()
print(codes)
"""

# As many threads as a fit asks for, which changes neither numba's own number nor a later fit.
ONE_FIT_AFTER_ANOTHER = """
import numba
import numpy as np
import fastgrad as fg
from fastgrad.engine import thread_pool

run_pass, used = thread_pool.run_pass, set()

def noted(*arguments):
    used.add(run_pass(*arguments))

thread_pool.run_pass = noted
numba.set_num_threads(3)
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(500, 4)), rng.normal(size=(500, 2))
alone, net = (fg.Network([4, 16, 16, 2], "tanh", cost="mse", seed=0) for _ in range(2))
for threads in 2, 1, 99, 1:
    alone.fit(X, Y, epochs=2, batch_size=64, threads=1)
    used.clear()
    net.fit(X, Y, epochs=2, batch_size=64, threads=threads)
    print(max(used), numba.get_num_threads(), np.array_equal(net.parameters, alone.parameters))
"""

# Unavailable threads are waited for only once.
NOT_GIVEN = """
import time
import numpy as np
import fastgrad as fg
from fastgrad.engine import thread_pool

bits = set()
for threads in 1, 2, 2:
    net = fg.Network([9, 64, 2], "tanh", cost="mse", seed=0)
    net.fit(np.ones((99, 9)), np.ones((99, 2)), epochs=2, batch_size=32, threads=threads)
    bits.add(net.parameters.tobytes())
    print(len(bits), thread_pool._unavailable_until > time.monotonic())
"""


def python(program, *arguments, threads=4, layer="default", **variables):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ
        | {"NUMBA_NUM_THREADS": str(threads), "NUMBA_THREADING_LAYER": layer}
        | {"PYTHONPATH": os.pathsep.join(sys.path)}
        | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def bits():
    """Setting -> {threads: SHA-256 of the weights and costs after training}."""
    run = python(PROGRAM, json.dumps(CASES))
    assert run.returncode == 0, run.stderr
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
    assert all(run.returncode == 0 for run in runs), [run.stderr for run in runs]
    assert len({run.stdout for run in runs}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no system that forks")
def test_a_fork_takes_one_thread_whoever_started_others():
    assert python(FORK_OF_ANOTHERS).stdout == "0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no system that forks")
def test_a_fork_in_the_middle_of_a_pass_does_not_hang():
    assert python(FORK_IN_A_PASS).stdout == f"{[0] * 5}\n"


def test_a_fit_has_the_threads_that_it_asks_for_whatever_the_one_before():
    run = python(ONE_FIT_AFTER_ANOTHER)
    assert run.stdout.splitlines() == [f"{n} 3 True" for n in (2, 1, 4, 1)], run.stderr


def test_unavailable_threads_are_waited_for_only_once():
    run = python(NOT_GIVEN, OMP_THREAD_LIMIT="1", layer="omp")
    if "omp" in run.stderr:
        pytest.skip("numba has no OpenMP here; where it has, this runs")
    assert run.stdout == "1 False\n1 True\n1 True\n", run.stderr


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_python_threads_and_forks_train_and_predict_too(layer):
    run = python(AT_ONCE, layer=layer)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "the same\n"
