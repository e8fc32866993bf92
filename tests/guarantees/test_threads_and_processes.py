"""Threads of Python and processes: whatever runs beside a network, its results are the same."""

import os
import threading

import numpy as np
import pytest
from helpers.processes import python
from helpers.run_mode import PLAIN
from helpers.soak import SOAK

import fastgrad as fg
from fastgrad.engine import thread_pool
from fastgrad.engine.thread_tuner import TrialBudget

pytestmark = pytest.mark.skipif(PLAIN, reason="the threads are those of compiled code")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no system that forks")

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

# A network that a thread trains, and the hashes of its weights after each step.
TRAINED_BY_A_THREAD = """
import hashlib
import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import fastgrad as fg

def hash_of(array):
    return hashlib.sha256(array.tobytes()).hexdigest()

class Note(fg.Callback):
    every = 1
    def on_batch_end(self, fit):
        states.add(hash_of(fit.net.parameters))

n = int(sys.argv[1])
rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 50)).astype("f")
net = fg.Network([50, 300, 300, 1], seed=0)
served = fg.Network([50, 40, 3], cost="softmax_cross_entropy", seed=1)
served.fit(X, np.arange(20_000) % 3, epochs=1, threads=2)  # the threads of the process run
states, expected, stop = {hash_of(net.parameters)}, served.predict(X[:500]), threading.Event()

def train():
    while not stop.is_set():
        net.fit(X, X[:, 0], epochs=1, batch_size=50, callbacks=[Note()])

def wait_for(hashes):  # the callback of a step comes after it
    until = time.monotonic() + 20
    while not hashes <= states and time.monotonic() < until:
        time.sleep(0.01)

thread = threading.Thread(target=train, daemon=True)
thread.start()
"""

# Workers that are forked meanwhile serve in threads of their own, and train.
PRELOADED = """
def serve(write):
    signal.alarm(30)  # ends a child that hangs
    os.write(write, hash_of(net.parameters).encode())
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(served.predict, [X[:500]] * 9))
    assert all(np.array_equal(answer, expected) for answer in answers)
    net.predict(X[:100])
    net.fit(X[:600], X[:600, 0], epochs=1)
    os._exit(0)

for _ in range(n):
    time.sleep(0.01)
    read, write = os.pipe()
    if not (child := os.fork()):
        serve(write)
    os.close(write)
    state = os.read(read, 64).decode()
    os.close(read)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    wait_for({state})
    assert (code, state in states) == (0, True), (code, state)
stop.set()
thread.join()
print("served")
"""

# Predictions, gradients, copies and files of that network are of the weights after some step.
READ = """
rows, path = np.repeat(X[:1], 300_000, axis=0), sys.argv[2]
for _ in range(n):
    assert len(np.unique(net.predict(rows))) == 1
    copies = []
    for _ in range(20):
        copies.append(pickle.loads(pickle.dumps(net)))
        net.save(path)
        copies.append(fg.load(path))
    wait_for({hash_of(copy.parameters) for copy in copies})
    assert {hash_of(copy.parameters) for copy in copies} <= states
stop.set()
thread.join()
print("whole")
"""

# In a fork, what another thread compiles at that moment does not hold what the child compiles.
FORK_WHILE_COMPILING = """
import os
import signal
import sys
import threading
import numpy as np
import fastgrad as fg

def predict(k):
    own = fg.Activation("own", eval(f"lambda u: u * {k}.5"), eval(f"lambda u: {k}.5 + 0 * u"))
    return fg.Network([5, 4, 1], activations=[own, "identity"], seed=0).predict(np.ones((2, 5)))

stop = threading.Event()

def compile():
    k = 0
    while not stop.is_set():
        predict(k := k + 1)

predict(0)
thread = threading.Thread(target=compile, daemon=True)
thread.start()
codes = []
for k in range(int(sys.argv[1])):
    if child := os.fork():
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    else:
        signal.alarm(30)
        predict(1000 + k)
        os._exit(0)
stop.set()
thread.join()
print(set(codes))
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

PROCESSES = """
import multiprocessing
from joblib import Parallel, delayed
from helpers.workers import trained_weights

arguments = [(seed, threads) for seed in range(2) for threads in (None, 2)]
expected = [trained_weights(*a) for a in arguments]  # the threads run before the first fork
for kind in multiprocessing.get_all_start_methods():  # fork, forkserver, spawn
    with multiprocessing.get_context(kind).Pool(2) as pool:
        found = pool.starmap_async(trained_weights, arguments).get(120)
    assert found == expected, kind
for backend in "loky", "threading", "multiprocessing":
    found = Parallel(2, backend=backend)(delayed(trained_weights)(*a) for a in arguments)
    assert found == expected, backend
print("the same")
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

# More threads than processors are only used if they are asked for.
ONE_PROCESSOR = """
import os
import numpy as np
import fastgrad as fg
from fastgrad.engine import thread_pool

assert thread_pool.most_threads(None) == min(4, len(os.sched_getaffinity(0)))
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
assert [thread_pool.most_threads(requested) for requested in (None, 3)] == [1, 3]
bits = set()
for threads in None, 1, 4:
    net = fg.Network([9, 64, 2], "tanh", cost="mse", seed=0)
    net.fit(np.ones((999, 9)), np.ones((999, 2)), epochs=2, threads=threads)
    bits.add(net.parameters.tobytes())
print(len(bits))
"""

# The layer "workqueue" ends a process in which two threads run parallel functions at once.
BESIDE_A_PARALLEL_FUNCTION = """
import threading
import time
import numba
import numpy as np
import fastgrad as fg

@numba.njit(parallel=True)
def total(x):
    s = 0.0
    for i in numba.prange(len(x)):
        s += x[i]
    return s

X, stop = np.ones((1024, 500)), threading.Event()

# long steps, for which all threads are taken at once
net = fg.Network([500, 700, 500], cost="mse", seed=0)

def train():
    while not stop.is_set():
        net.fit(X, X, epochs=1, batch_size=512)

net.fit(X, X, epochs=1, batch_size=512)  # compiles
thread, x = threading.Thread(target=train, daemon=True), np.ones(1_000_000)
total(x)
thread.start()
until = time.monotonic() + 2
while time.monotonic() < until:
    assert total(x) == 1_000_000
stop.set()
thread.join()
print(numba.threading_layer())
"""


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_threads_and_forks_train_and_predict_at_once(layer):
    assert python(AT_ONCE, layer=layer).stdout == "the same\n"


def test_networks_with_functions_of_one_name_may_be_compiled_at_once():
    n = 4 * SOAK
    outputs, together = {}, threading.Barrier(n)

    def predict(k):
        f, df = eval(f"lambda u: u * {k}.0"), eval(f"lambda u: {k}.0 + 0 * u")
        net = fg.Network([1, 1], activations=[fg.Activation("own", f, df)], seed=0)
        net.layers[0].W[:] = 1
        together.wait()
        outputs[k] = net.predict([[1.0]])[0, 0]

    threads = [threading.Thread(target=predict, args=[k + 2]) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {k + 2: k + 2.0 for k in range(n)}


def test_fits_of_one_network_run_one_after_the_other():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20_000, 9)), rng.normal(size=(20_000, 2))
    together = threading.Barrier(2)

    def network():
        return fg.Network([9, 64, 2], "tanh", cost="mse", seed=0)

    def fit(net, lr):
        net.fit(X, Y, epochs=5, optimizer=fg.SGD(lr))

    def fit_together(net, lr):
        together.wait()
        fit(net, lr)

    expected = set()
    for rates in (0.01, 0.02), (0.02, 0.01):
        net = network()
        for lr in rates:
            fit(net, lr)
        expected.add(net.parameters.tobytes())
    assert len(expected) == 2
    for _ in range(3 * SOAK):
        net = network()
        threads = [threading.Thread(target=fit_together, args=(net, lr)) for lr in (0.01, 0.02)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert net.parameters.tobytes() in expected


def test_what_is_read_while_a_thread_trains_is_of_one_step(tmp_path):
    path = tmp_path / "net.safetensors"
    assert python(TRAINED_BY_A_THREAD + READ, 3 * SOAK, path).stdout == "whole\n"


@forks
def test_forks_while_a_thread_trains_have_whole_weights_and_serve():
    assert python(TRAINED_BY_A_THREAD + PRELOADED, 5 * SOAK).stdout == "served\n"


@forks
def test_forks_while_a_thread_compiles_can_compile():
    assert python(FORK_WHILE_COMPILING, 4 * SOAK).stdout == "{0}\n"


@forks
def test_a_fork_takes_one_thread_whoever_started_others():
    assert python(FORK_OF_ANOTHERS).stdout == "0\n"


def test_processes_however_started_give_the_same_weights():
    pytest.importorskip("joblib")
    assert python(PROCESSES).stdout == "the same\n"


def test_unavailable_threads_are_waited_for_only_once():
    run = python(NOT_GIVEN, OMP_THREAD_LIMIT="1", layer="omp")
    assert run.stdout == "1 False\n1 True\n1 True\n"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_fewer_processors_than_threads():
    assert python(ONE_PROCESSOR).stdout == "1\n"


def test_beside_a_parallel_function_of_the_users_own():
    assert python(BESIDE_A_PARALLEL_FUNCTION, layer="workqueue", threads=2).stdout == "workqueue\n"


def test_a_pass_with_fewer_threads_than_chosen_is_not_recorded_as_if_it_had_them(monkeypatch):
    monkeypatch.setattr(thread_pool, "most_threads", lambda requested: requested or 2)
    monkeypatch.setattr(TrialBudget, "allows_a_trial", lambda budget: True)
    X = np.ones((2000, 9))
    for is_free in (False, True):
        net = fg.Network([9, 64, 9], cost="mse", seed=0)
        if is_free:
            net.fit(X, X, epochs=500)
        else:
            with thread_pool._in_use:  # by a pass of another network
                net.fit(X, X, epochs=500)
        (tuner,) = (t for t in net.engine._tuners.values() if len(t._seconds) == 2)
        assert [len(tuner._seconds[n]) > 0 for n in (1, 2)] == [True, is_free]
