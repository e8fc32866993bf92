"""Published results, reproduced."""

import numpy as np
import pytest
from helpers.comparison import parameters
from helpers.oracle import Oracle, one_hot
from helpers.run_mode import PLAIN, jitted_only

import fastgrad as fg
from fastgrad.data.dataset import load_digits

DIGITS = 6e-13  # the published results have 12 decimals
X = np.array([[0.05, 0.10]])
Y = np.array([[0.01, 0.99]])


@pytest.fixture
def worked_example():
    """Matt Mazur, "A Step by Step Backpropagation Example"."""
    net = fg.Network(
        [2, 2, 2],
        activations=["sigmoid", "sigmoid"],
        cost="squared_error",
        dtype="float64",
    )
    net.layers[0].W[:] = [[0.15, 0.20], [0.25, 0.30]]
    net.layers[0].b[:] = [0.35, 0.35]
    net.layers[1].W[:] = [[0.40, 0.45], [0.50, 0.55]]
    net.layers[1].b[:] = [0.60, 0.60]
    return net


def by_step(net):
    """Take one step of plain gradient descent with rate 0.5, and return C before it."""
    return net.step(X, Y, fg.SGD(0.5))


def by_fit(net):
    return net.fit(X, Y, epochs=1, batch_size=1, optimizer=fg.SGD(0.5), verbose=0).cost[0]


def by_hand(net):
    g = net.gradients(X, Y)
    for layer, dC_dW, dC_db in zip(net.layers, g.dC_dW, g.dC_db, strict=True):
        layer.W -= 0.5 * dC_dW
        layer.b -= 0.5 * dC_db
    return g.C


def test_worked_example_forward(worked_example):
    expected = [[0.751365069552, 0.772928465321]]
    np.testing.assert_allclose(worked_example.forward(X), expected, rtol=0, atol=DIGITS)
    assert worked_example.cost(X, Y) == pytest.approx(0.298371108760, rel=0, abs=DIGITS)


@pytest.mark.parametrize("descend", [by_step, by_fit, by_hand])
def test_worked_example_after_one_step(worked_example, descend):
    assert descend(worked_example) == pytest.approx(0.298371108760, rel=0, abs=DIGITS)
    expected = [
        [[0.149780716133, 0.199561432266], [0.249751143632, 0.299502287265]],
        [0.345614322655, 0.345022872647],
        [[0.358916479718, 0.408666186076], [0.511301270239, 0.561370121108]],
        [0.530750719186, 0.619049118258],
    ]
    for actual, published in zip(parameters(worked_example), expected, strict=True):
        np.testing.assert_allclose(actual, published, rtol=0, atol=DIGITS)
    assert worked_example.cost(X, Y) == pytest.approx(0.280471446791, rel=0, abs=DIGITS)

    # The article leaves the biases as they were.
    worked_example.layers[0].b[:] = 0.35
    worked_example.layers[1].b[:] = 0.60
    assert worked_example.cost(X, Y) == pytest.approx(0.291027773694, rel=0, abs=DIGITS)


def spiral(rng):
    """CS231n: 3 arms of 100 points."""
    radius = np.linspace(0, 1, 100)
    angles = [np.linspace(4 * k, 4 * (k + 1), 100) + 0.2 * rng.normal(size=100) for k in range(3)]
    x = [np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]) for angle in angles]
    return np.concatenate(x), np.repeat(np.arange(3), 100)


def regularised_step(network, gradients, penalty):
    """Descend C + penalty / 2 sum W^2 with rate 1; return that sum before the step.

    `network` is a list of (W, b): the library's and the oracle's alike.
    """
    loss = gradients.C + penalty / 2 * sum((W**2).sum() for W, _ in network)
    for (W, b), dC_dW, dC_db in zip(network, gradients.dC_dW, gradients.dC_db, strict=True):
        W -= dC_dW + penalty * W
        b -= dC_db
    return loss


def test_spiral(rng):
    x, y = spiral(rng)
    net = fg.Network([2, 100, 3], activations="relu", cost="softmax_cross_entropy", dtype="float64")
    for layer in net.layers:
        layer.W[:] = 0.01 * rng.normal(size=layer.W.shape)
        layer.b[:] = 0
    oracle = Oracle.of(net)
    ours = [(layer.W, layer.b) for layer in net.layers]
    theirs = list(zip(oracle.W, oracle.b, strict=True))

    steps = 3 if PLAIN else 10_000
    loss, expected = np.empty(steps), np.empty(steps)
    for step in range(steps):
        loss[step] = regularised_step(ours, net.gradients(x, y), 1e-3)
        expected[step] = regularised_step(theirs, oracle.gradients(x, one_hot(y, 3)), 1e-3)

    assert 1.0985 < loss[0] < 1.0988
    np.testing.assert_allclose(loss[:1000], expected[:1000], rtol=1e-9)
    # After thousands of steps at this rate, rounding decides at which step a node turns on or off.
    np.testing.assert_allclose(loss, expected, rtol=3e-3)
    if not PLAIN:
        assert loss[9000] == pytest.approx(0.243, abs=0.008)
        assert 0.98 <= (net.forward(x).argmax(axis=1) == y).mean() < 0.995


@jitted_only
def test_digits_reach_97_percent_within_5_seconds():
    X, y = load_digits()
    order = np.random.default_rng(0).permutation(len(X))
    train, held_out = order[360:], order[:360]

    def trained(epochs):
        net = fg.Network([64, 128, 10], activations="relu", cost="softmax_cross_entropy", seed=0)
        adam = fg.Adam(2e-3)
        return net, net.fit(X[train], y[train], epochs=epochs, batch_size=32, optimizer=adam)

    trained(epochs=1)  # compiles; that happens once on a machine
    net, history = trained(epochs=30)
    assert (net.predict(X[held_out]).argmax(axis=1) == y[held_out]).mean() >= 0.97
    assert sum(history.seconds) < 5
