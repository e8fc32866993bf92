"""Several kinds of outputs in one network, each with its own cost."""

import numpy as np
import pytest
from helpers.comparison import assert_close
from helpers.error_messages import assert_names
from helpers.oracle import Oracle, one_hot
from helpers.ten_samples import X as x

import fastgrad as fg

S = 40
IDS = np.arange(S) % 3


def network(sizes, **options):
    return fg.Network(sizes, "tanh", **{"dtype": "float64", "seed": 0, **options})


COSTS = [("softmax_cross_entropy", 3), ("mse", 2, 0.5), ("sigmoid_cross_entropy", 1)]


def mixed():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(S, 4))
    return X, [IDS, rng.normal(size=(S, 2)), rng.integers(0, 2, size=S)]


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_several_costs_add_up(rows):
    X, Y = mixed()
    X, Y = X[:rows], [part[:rows] for part in Y]
    net = network([4, 9, 6], cost=COSTS)
    together = net.gradients(X, Y)
    C, dC_dW = 0.0, 0.0
    targets = [one_hot(Y[0], 3), Y[1], Y[2][:, None]]
    first = 0
    for (cost, n, *weight), target in zip(COSTS, targets, strict=True):
        alone = Oracle.of(net)
        alone.W[1], alone.b[1] = alone.W[1][first : first + n], alone.b[1][first : first + n]
        alone = Oracle(alone.W, alone.b, net.activations, cost)
        g, w = alone.gradients(X, target), weight[0] if weight else 1.0
        C, dC_dW = C + w * g.C, dC_dW + w * g.dC_dW[0]
        assert_close(together.dC_dW[1][first : first + n], w * g.dC_dW[1], 1e-12)
        first += n
    assert pytest.approx(C, rel=1e-12) == together.C
    assert_close(together.dC_dW[0], dC_dW, 1e-12)


def test_predictions_have_the_link_of_each_cost():
    X, Y = mixed()
    net = network([4, 9, 6], cost=COSTS)
    history = net.fit(X, Y, epochs=3, validation=(X, Y), optimizer=fg.Adam(0.01))
    assert history.val_cost[-1] == pytest.approx(net.cost(X, Y), rel=1e-12)
    assert history.val_cost[-1] < history.val_cost[0]
    a, p = net.forward(X), net.predict(X)
    e = np.exp(a[:, :3])
    assert_close(p[:, :3], e / e.sum(axis=1, keepdims=True), 1e-12)
    assert np.array_equal(p[:, 3:5], a[:, 3:5])
    assert_close(p[:, 5], 1 / (1 + np.exp(-a[:, 5])), 1e-12)


@pytest.mark.parametrize("first", [IDS, one_hot(IDS, 3)])
def test_a_metric_of_several_costs_gets_all_targets_side_by_side(first):
    seen = []

    def error_of_numbers(Y, prediction):
        seen.append(Y)
        return np.abs(Y - prediction)[:, 3:5].mean()

    X, Y = mixed()
    net, Y = network([4, 9, 6], cost=COSTS), [first, *Y[1:]]
    history = net.fit(X, Y, epochs=2, validation=(X, Y), metrics=[error_of_numbers])
    assert_close(seen[-1], np.c_[one_hot(IDS, 3), Y[1], Y[2]], 1e-15)
    expected = np.abs(net.predict(X)[:, 3:5] - Y[1]).mean()
    assert history.metrics["val_error_of_numbers"][-1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("cost", "parts"),
    [
        ([("mse", 2), ("mae", 3)], ["cost", "2 + 3", "6"]),
        ([("mse",), ("mae", 3)], ["cost[0]", "('mse',)"]),
        ([("mse", 0), ("mae", 6)], ["cost[0]", "0"]),
        ([("mse", 3, -1.0), ("mae", 3)], ["cost[0] weight", "-1.0"]),
        ([], ["cost", "[]"]),
    ],
)
def test_bad_costs_are_named(cost, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        network([4, 9, 6], cost=cost)
    for part in [*parts, "expected"]:
        assert part in str(caught.value)


def test_targets_of_several_costs_are_checked():
    X, Y = mixed()
    net = network([4, 9, 6], cost=COSTS)
    with pytest.raises(ValueError, match=r"Y: got 2 items; expected a list of 3"):
        net.cost(X, Y[:2])
    with pytest.raises(ValueError, match=r"Y\[0\]: got 9 at"):
        net.cost(X, [IDS + 7 * (IDS == 2), *Y[1:]])


TWO = [("softmax_cross_entropy", 2), ("mse", 3)]


@pytest.mark.parametrize("first", [1, [0.25, 0.75]])
def test_a_step_on_one_sample_of_several_costs(first):
    one, batch = (fg.Network([3, 5], "identity", cost=TWO, seed=0) for _ in range(2))
    second = [1.0, 2.0, 3.0]
    C = one.step(x[0], [first, second], fg.SGD(0.1))
    assert batch.step(x[:1], [[first], [second]], fg.SGD(0.1)) == C
    assert np.array_equal(one.parameters, batch.parameters)


@pytest.mark.parametrize(
    ("y", "parts"),
    [
        ([1, [1.0, 2.0]], ["y[1]", "(1, 2)", "(1, 3)"]),
        ([[1, [2]], [1.0, 2.0, 3.0]], ["y[0]", "different lengths"]),
        ([1], ["y", "1 items", "2"]),
        (np.ones(5), ["y", "ndarray", "2"]),
        ([1, None], ["y[1]", "None"]),
    ],
)
def test_targets_of_one_sample_of_several_costs(y, parts):
    net = fg.Network([3, 5], "identity", cost=TWO, seed=0)
    assert_names(lambda: net.step(x[0], y, fg.SGD(0.1)), parts)
