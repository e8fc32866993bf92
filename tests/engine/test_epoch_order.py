"""An epoch in an order that the batch gives, with a penalty that differs between its steps."""

import numpy as np
import pytest
from helpers.code_paths import CODE_PATHS, FAST_CODE_PATHS, data, network
from helpers.comparison import assert_close
from helpers.oracle import Oracle

import fastgrad as fg
from fastgrad.engine.batch import Batch, StepPenalties
from fastgrad.engine.engine import Training

LR = 0.05


def epoch(net, batch, batch_size, **options):
    """Samples done, C and right answers at each return to Python."""
    at = net.engine.begin_piece(batch, batch_size, net.rng, shuffle=False)
    passes = net.engine.epoch(batch, Training(fg.SGD(LR)), at, 1, **options)
    return [(at.done, at.C + at.penalties, at.right) for _ in passes]


def batch_of(X, Y, **fields):
    return Batch(X, Y, np.empty(0, np.int64), np.empty(0), **fields)


@pytest.mark.parametrize("every", [0, 1, 2])
@pytest.mark.parametrize("path", FAST_CODE_PATHS)
def test_order_and_penalties_against_the_oracle(path, every):
    sizes, size = CODE_PATHS[path]
    S = 4 * size + (size + 1) // 2  # the last mini-batch is smaller
    X, Y = data(sizes, S)
    rng = np.random.default_rng(3)
    order = rng.permutation(S)
    steps = -(-S // size)
    shares, values = rng.uniform(0.5, 2, steps), np.full(steps, np.nan)
    net = network(sizes, l1=0.01, l2=[0.3, *[0.2] * (len(sizes) - 2)], penalize_biases=True)
    expected, C = Oracle.of(net, cost="mse"), 0.0
    batch = batch_of(X, Y, order=order.astype(np.uint32), penalties=StepPenalties(shares, values))
    l2 = [layer.l2 for layer in net.layers]
    yielded = epoch(net, batch, size, every=every)
    for step in range(steps):
        rows = order[step * size : (step + 1) * size]
        gradients = expected.gradients(X[rows], Y[rows])
        penalty = 0.0
        for l, (W, b) in enumerate(zip(expected.W, expected.b, strict=True)):
            for w, g in ((W, gradients.dC_dW[l]), (b, gradients.dC_db[l])):
                penalty += shares[step] * (0.01 * np.abs(w).sum() + l2[l] / 2 * (w**2).sum())
                w -= LR * (g + shares[step] * (0.01 * np.sign(w) + l2[l] * w))
        assert values[step] == pytest.approx(penalty, rel=1e-10)
        C += len(rows) * (gradients.C + penalty)
    for layer, W, b in zip(net.layers, expected.W, expected.b, strict=True):
        assert_close(layer.W, W, 1e-9)
        assert_close(layer.b, b, 1e-9)
    assert yielded[-1][1] == pytest.approx(C, rel=1e-9)


def test_the_penalty_is_whole_after_such_an_epoch():
    X, Y = data([5, 7, 3], 8)
    net = network([5, 7, 3], l2=0.5)
    before = net.gradients(X, Y)
    penalties = StepPenalties(np.zeros(2), np.zeros(2))
    twin = network([5, 7, 3], l2=0.5)
    epoch(twin, batch_of(X, Y, penalties=penalties), 4)
    twin.parameters[:] = net.parameters
    assert np.array_equal(twin.gradients(X, Y).dC_dW[0], before.dC_dW[0])
    assert twin.gradients(X, Y).C == before.C


def test_without_an_order_the_rows_are_taken_as_they_are():
    X, Y = data([5, 7, 3], 10)
    one, other = network([5, 7, 3]), network([5, 7, 3])
    epoch(one, batch_of(X, Y), 4)
    epoch(other, batch_of(X, Y, order=np.arange(10, dtype=np.uint32)), 4)
    assert np.array_equal(one.parameters, other.parameters)
