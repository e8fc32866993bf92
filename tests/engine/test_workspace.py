"""The workspace: an error or interrupt while it grows leaves the earlier one in use."""

import sys
from functools import partial

import numpy as np
from helpers.run_mode import PLAIN

import fastgrad as fg
from fastgrad.engine import workspace


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
        if event == "line":
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
