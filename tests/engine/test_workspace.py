"""The workspace: an error or interrupt while it grows leaves the earlier one in use."""

import linecache
import subprocess
import sys
import threading
from functools import partial

import numba
import numpy as np
import pytest
from helpers.run_mode import PLAIN, jitted_only
from helpers.soak import SOAK

import fastgrad as fg
from fastgrad.engine import thread_pool, workspace


def network():
    return fg.Network([3, 40, 2], "tanh", cost="mse", seed=0)


rng = np.random.default_rng(0)
S = 60 if PLAIN else 3000
X, Y = rng.normal(size=(S, 3)), rng.normal(size=(S, 2))
FEW, MANY = (X[:8], Y[:8]), (X, Y)


def gradient(net, samples):
    found = net.gradients(*samples)
    return [found.C, *(array.tobytes() for array in (*found.dC_dW, *found.dC_db, found.dC_da0))]


EXPECTED = {len(samples[0]): gradient(network(), samples) for samples in (FEW, MANY)}


def unharmed(net):
    return [gradient(net, samples) == EXPECTED[len(samples[0])] for samples in (FEW, MANY, FEW)]


def test_a_lack_of_memory_does_no_harm(monkeypatch):
    aligned, left = workspace.aligned, [0]

    def scarce(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError
        return aligned(*arguments)

    for k in range(100):
        net = network()
        gradient(net, FEW)
        with monkeypatch.context() as patch:
            patch.setattr(workspace, "aligned", scarce)
            left[0] = k
            try:
                gradient(net, MANY)
            except MemoryError:
                failed = True
            else:
                failed = False
        assert all(unharmed(net)), f"after allocation {k}"
        if not failed:
            break
    assert 3 < k < 99


def interrupted_at(n, call, files):
    """Call, with Ctrl-C at the n-th line in these files; returns whether it was reached."""
    left = n

    def trace(frame, event, argument):
        nonlocal left
        if not frame.f_code.co_filename.endswith(files):
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        # no signal is handled at a `try`, or at the end of a block, which is traced at its `with`
        if event == "line" and not line.lstrip().startswith(("with ", "try:")):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interrupt_at_any_line_does_no_harm():
    lines, step = 0, 7
    while True:
        net = network()
        gradient(net, FEW)
        lines += step
        came = interrupted_at(
            lines, partial(gradient, net, MANY), ("workspace.py", "descriptor_builder.py")
        )
        assert all(unharmed(net)), f"after line {lines}"
        if not came:
            break
    assert lines > 100


def trained(net, threads=None):
    net.fit(*MANY, epochs=2, batch_size=64, optimizer=fg.SGD(0.1), shuffle=False, threads=threads)
    return net.parameters.tobytes()


def are_free(locks):
    """Whether another thread can take each lock of a network."""
    found = []

    def take():
        for lock in (locks.fits, locks.queue, locks.passes):
            if lock.acquire(blocking=False):
                lock.release()
                found.append(lock)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return len(found) == 3


@jitted_only
def test_an_interrupt_at_any_line_of_a_fit_leaves_locks_and_threads_in_order():
    begun = network().parameters.copy()
    expected, threads = trained(network()), numba.get_num_threads()
    lines, step = 1, 11 if SOAK == 1 else 3
    while True:
        net = network()
        fit = partial(trained, net, threads=2)
        came = interrupted_at(lines, fit, ("engine.py", "thread_pool.py", "fit.py", "barrier.py"))
        assert numba.get_num_threads() == threads
        assert are_free(net.engine.locks), f"after line {lines}"
        net.parameters[:] = begun
        assert trained(net, threads=2) == expected, f"after line {lines}"
        assert not thread_pool._in_use.locked(), f"after line {lines}"
        if not came:
            break
        lines += step
    assert lines > 300


# An address space a little above what is in use, as on clusters: the large network has no memory.
LACK = """
import resource
import numpy as np
import fastgrad as fg

rng = np.random.default_rng(0)
X = rng.normal(size=(512, 1500)).astype("f")
net = fg.Network([1500, 1500, 1], cost="mse", dtype="float32", seed=0)

def trained(batch_size):
    net.fit(X, X[:, :1], epochs=1, batch_size=batch_size, threads=2, optimizer=fg.SGD(0.001))

trained(8)
begun, random = net.parameters.copy(), net.rng.bit_generator.state
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
failed = 0
for more in range(0, 40 << 20, 2 << 20):
    resource.setrlimit(resource.RLIMIT_AS, (in_use + more, -1))
    try:
        trained(512)
    except MemoryError:
        failed += 1
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
found = []
for _ in range(2):
    net.parameters[:], net.rng.bit_generator.state = begun, random
    trained(512)
    found.append(net.parameters.tobytes())
    net = fg.Network([1500, 1500, 1], cost="mse", dtype="float32", seed=0)
print(failed, found[0] == found[1])
"""


@jitted_only
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process in units of Linux")
def test_a_fit_without_memory_can_be_repeated_with_more():
    for _ in range(2):  # the first fills the cache: what a compiler has freed is memory, too
        run = subprocess.run(
            [sys.executable, "-c", LACK], capture_output=True, text=True, check=False, timeout=120
        )
        assert run.returncode == 0, run.stderr
    failed, is_same = run.stdout.split()
    assert int(failed) > 0
    assert is_same == "True"
