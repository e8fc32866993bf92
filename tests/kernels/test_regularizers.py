"""Penalties, dropout, noise and limits: against differences, the oracle and PyTorch."""

import copy

import numpy as np
import pytest
from helpers import oracle_optimizers
from helpers.code_paths import (
    CODE_PATHS,
    FAST_CODE_PATHS,
    change_by,
    data,
    gradient_of_a_step,
    network,
)
from helpers.comparison import assert_close, assert_same_parameters, central_differences
from helpers.oracle import Oracle
from helpers.run_mode import PLAIN
from helpers.torch_twin import TorchTwin, random_batches

import fastgrad as fg
from fastgrad.engine.descriptor import OPTIONS
from fastgrad.kernels.regularizers import MAX_NORM, limit_row_norms


@pytest.mark.parametrize("path", FAST_CODE_PATHS)
@pytest.mark.parametrize(
    "options",
    [
        {"l2": 0.3},
        {"l1": 0.2},
        {"l1": [0.1, *[0.0] * 9], "l2": 0.1, "penalize_biases": True},
        {"dropout": 0.4},
        {"input_dropout": 0.3},
        {"input_noise": 0.5},
        {"dropout": 0.2, "input_dropout": 0.1, "input_noise": 0.1, "l2": 0.1},
    ],
    ids="-".join,
)
def test_gradients_against_central_differences(options, path, rng):
    sizes, S = CODE_PATHS[path]
    l1 = options.get("l1")
    options = options | ({"l1": l1[: len(sizes) - 1]} if isinstance(l1, list) else {})
    net = network(sizes, **options)
    X, Y = data(sizes, S)

    def cost():
        """What a step would see, with the random numbers of the next one."""
        return copy.deepcopy(net).step(X, Y, fg.SGD(0.0))

    arrays = [p for layer in net.layers for p in (layer.W, layer.b)]
    for array, gradient in zip(arrays, gradient_of_a_step(net, X, Y), strict=True):
        some = [tuple(rng.integers(array.shape)) for _ in range(2 if PLAIN else 6)]
        expected = central_differences(cost, array, some)
        scale = np.abs(gradient).max() + 1e-3
        assert np.abs([gradient[p] for p in some] - np.array(expected)).max() < 1e-7 * scale


# --- penalties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("biases", [False, True])
def test_the_penalty_is_part_of_cost_and_gradients(biases):
    sizes, l1, l2 = [5, 8, 3], [0.2, 0.0], [0.1, 0.4]
    X, Y = data(sizes, 20)
    plain = network(sizes)
    net = network(sizes, l1=l1, l2=l2, penalize_biases=biases)
    for layer in (plain.layers[0], net.layers[0]):
        layer.W[:2, :2] = layer.b[:2] = 0  # where |w| has a kink
    penalty = 0.0
    before, after = plain.gradients(X, Y), net.gradients(X, Y)
    for l, layer in enumerate(net.layers):
        penalized = {"W": layer.W, "b": layer.b if biases else 0 * layer.b}
        for name, p in penalized.items():
            penalty += l1[l] * np.abs(p).sum() + l2[l] / 2 * (p**2).sum()
            was, now = (getattr(g, f"dC_d{name}")[l] for g in (before, after))
            assert_close(now, was + l1[l] * np.sign(p) + l2[l] * p, 1e-12)
    assert net.penalty == pytest.approx(penalty, rel=1e-12)
    assert net.cost(X, Y) == pytest.approx(plain.cost(X, Y) + penalty, rel=1e-12)
    assert pytest.approx(net.cost(X, Y), rel=1e-12) == after.C


@pytest.mark.parametrize("batch_size", [1, 8, 30])
def test_l2_is_the_weight_decay_of_sgd(batch_size):
    sizes = [5, 8, 3]
    X, Y = data(sizes, 30)
    one = network(sizes, l2=0.1, penalize_biases=True)
    other = network(sizes)
    for net, optimizer in ((one, fg.SGD(0.1)), (other, fg.SGD(0.1, weight_decay=0.1))):
        net.fit(X, Y, epochs=3, batch_size=batch_size, optimizer=optimizer, shuffle=False)
    assert_close(one.parameters, other.parameters, 1e-12)


def test_the_history_counts_the_penalty():
    sizes = [5, 8, 3]
    X, Y = data(sizes, 30)
    net = network(sizes, l2=0.5)
    history = net.fit(X, Y, epochs=2, batch_size=30, optimizer=fg.SGD(0.0), validation=(X, Y))
    assert history.cost == pytest.approx([net.cost(X, Y)] * 2, rel=1e-12)
    assert history.val_cost == pytest.approx(history.cost, rel=1e-12)


# --- dropout and noise ---------------------------------------------------------------------------


def test_dropout_only_while_training():
    sizes = [5, 64, 3]
    X, Y = data(sizes, 40)
    plain, net = network(sizes), network(sizes, dropout=0.5, input_dropout=0.5, input_noise=1.0)
    assert np.array_equal(net.predict(X), plain.predict(X))
    assert net.cost(X, Y) == plain.cost(X, Y)
    assert np.array_equal(net.gradients(X, Y).dC_dW[0], plain.gradients(X, Y).dC_dW[0])
    assert net.step(X, Y, fg.SGD(0.0)) != plain.step(X, Y, fg.SGD(0.0))


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("where", ["input_dropout", "dropout"])
def test_as_many_are_dropped_as_asked_for_and_the_rest_makes_up(q, where):
    # Each output is a copy of its own input, 1; the gradient of sum(a) is the mask itself.
    n, S = 64, 33
    cost = fg.Cost("sum", C=lambda a, y: a, dC_da=lambda a, y: 1 + 0 * a)
    net = fg.Network(
        [n, n, n], "identity", cost=cost, init="zeros", dtype="float64", seed=3, **{where: q}
    )
    net.layers[0].W = net.layers[1].W = np.eye(n)
    gradient = gradient_of_a_step(net, np.ones((S, n)), np.zeros((S, n)))
    mask_sums = np.diag(gradient[2]) * S  # dC/dW_ii = (1/S) sum_s m_is
    kept = mask_sums * (1 - q)
    assert np.allclose(kept, np.round(kept))
    share = 1 - kept.sum() / (n * S)
    assert abs(share - q) < 4 * np.sqrt(q * (1 - q) / (n * S))


def test_each_step_node_and_sample_has_a_draw_of_its_own():
    n, S = 32, 64
    net = fg.Network([n, 1], cost="mse", init="zeros", dtype="float64", seed=3, input_dropout=0.5)
    masks = []
    for _ in range(4):  # y = 1 and W = 0: dC/dW_1j = -2/S sum_s a_js; one sample at a time shows m
        for s in range(S):
            y = np.zeros((S, 1))
            y[s] = -S / 4
            masks.append(gradient_of_a_step(net, np.ones((S, n)), y)[0][0])
        net.step(np.ones((S, n)), np.zeros((S, 1)), fg.SGD(0.0))
    masks = np.array(masks).reshape(4, S, n)
    assert set(np.unique(masks)) == {0.0, 1.0}
    assert len(np.unique(masks.reshape(4 * S, n), axis=0)) == 4 * S
    rates = [masks.mean(axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    for rate, count in zip(rates, (S * n, 4 * n, 4 * S), strict=True):
        assert np.abs(rate - 0.5).max() < 4.5 * np.sqrt(0.25 / count)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_each_step_of_a_fit_has_draws_of_its_own(batch_size):
    # dC/dW_1j = (1/S) sum_s m_js whatever W is, so that the change of W_1j counts masks.
    n, steps = 64, 200
    cost = fg.Cost("sum", C=lambda a, y: a, dC_da=lambda a, y: 1 + 0 * a)
    net = fg.Network([n, 1], cost=cost, init="zeros", dtype="float64", seed=3, input_dropout=0.5)
    X, Y = np.ones((steps * batch_size, n)), np.zeros((steps * batch_size, 1))
    net.fit(X, Y, epochs=1, batch_size=batch_size, optimizer=fg.SGD(1.0))
    kept = -net.layers[0].W / (2 * steps)
    assert np.abs(kept - 0.5).max() < 4.5 * np.sqrt(0.25 / len(X))


@pytest.mark.parametrize("S", [1, 33])
def test_each_layer_has_draws_of_its_own(S):
    # Each output is 1 times two masks, of mean 1 if these are independent, and 2 if they are one.
    n, steps = 64, 4
    cost = fg.Cost("sum", C=lambda a, y: a, dC_da=lambda a, y: 1 + 0 * a)
    net = fg.Network([n, n, n, n], "identity", cost=cost, dtype="float64", seed=3, dropout=0.5)
    for layer in net.layers:
        layer.W = np.eye(n)
    C = [net.step(np.ones((S, n)), np.zeros((S, n)), fg.SGD(0.0)) for _ in range(steps)]
    assert abs(np.mean(C) / n - 1) < 4.5 * np.sqrt(3 / (n * S * steps))


def test_noise_is_normal_with_that_deviation():
    # One weight of 1: the cost at y = 0 is the mean of (x + noise)^2, that of its fourth power 3.
    S = 200 if PLAIN else 20_000
    costs = {
        power: fg.Cost(
            f"power{power}",
            C=lambda a, y, power=power: a**power,
            dC_da=lambda a, y, power=power: power * a ** (power - 1),
        )
        for power in (1, 2, 4)
    }
    moments = {}
    for power, cost in costs.items():
        net = fg.Network([1, 1], cost=cost, init="zeros", dtype="float64", seed=5, input_noise=2.0)
        net.layers[0].W = 0.5
        moments[power] = net.step(np.zeros((S, 1)), np.zeros((S, 1)), fg.SGD(0.0))
    assert abs(moments[1]) < 4 / np.sqrt(S)
    assert abs(moments[2] - 1) < 4 * np.sqrt(2 / S)
    assert abs(moments[4] - 3) < 4 * np.sqrt(96 / S)


def test_the_same_seed_drops_the_same(rng):
    sizes = [5, 16, 3]
    X, Y = data(sizes, 40)
    nets = [network(sizes, dropout=0.5, input_noise=0.1) for _ in range(2)]
    for net in nets:
        net.fit(X, Y, epochs=2, batch_size=8, optimizer=fg.Adam())
    assert np.array_equal(nets[0].parameters, nets[1].parameters)


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FAST_CODE_PATHS)
@pytest.mark.parametrize("limits", [{"norm": 0.3}, {"value": 0.01}, {"norm": 0.3, "value": 0.01}])
def test_clipping_against_the_oracle(limits, path):
    sizes, S = CODE_PATHS[path]
    net = network(sizes)
    X, Y = data(sizes, S)
    gradients = Oracle.of(net, cost="mse").gradients(X, Y)
    g = [p for layer in zip(gradients.dC_dW, gradients.dC_db, strict=True) for p in layer]
    norm = np.sqrt(sum((p**2).sum() for p in g))
    assert norm > 0.3
    if "norm" in limits:
        g = [p * limits["norm"] / (norm + 1e-6) for p in g]
    if "value" in limits:
        g = [np.clip(p, -limits["value"], limits["value"]) for p in g]
    changes = change_by(net, X, Y, fg.SGD(1.0).clip(**limits))
    for change, expected in zip(changes, g, strict=True):
        assert_close(change, expected, 1e-9)


def test_a_gradient_within_the_limits_is_left_alone():
    sizes = [5, 8, 3]
    X, Y = data(sizes, 20)
    one, other = network(sizes), network(sizes)
    one.fit(X, Y, optimizer=fg.Adam(1e-2))
    other.fit(X, Y, optimizer=fg.Adam(1e-2).clip(norm=1e6, value=1e6))
    assert np.array_equal(one.parameters, other.parameters)


@pytest.mark.parametrize("S", [1, 20])
def test_limits_may_change_from_step_to_step(S):
    sizes = [5, 8, 3]
    X, Y = data(sizes, S)
    net, optimizer = network(sizes), fg.SGD(1e-3)
    largest = []
    for limit in (None, 1e-3, 2e-3, None):
        optimizer.clip(value=limit)
        largest.append(max(np.abs(change).max() for change in change_by(net, X, Y, optimizer)))
    assert largest[1:3] == pytest.approx([1e-6, 2e-6])
    assert min(largest[0], largest[3]) > 1e-5


@pytest.mark.torch
@pytest.mark.parametrize("max_norm", [0.05, 1.0])
def test_clipping_over_many_steps_equals_pytorch(max_norm, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = network([5, 17, 3])
    twin = TorchTwin(torch, net)
    ours, theirs = fg.Adam(0.01).clip(norm=max_norm), torch.optim.Adam(twin.parameters, lr=0.01)
    for x, y in random_batches(rng, 50, 5, 3):
        net.step(x, y, ours)
        twin.differentiate(x, y)
        torch.nn.utils.clip_grad_norm_(twin.parameters, max_norm)
        theirs.step()
    assert_same_parameters(net, twin, 1e-9)


@pytest.mark.parametrize("path", FAST_CODE_PATHS)
def test_no_node_has_weights_above_the_norm(path):
    sizes, S = CODE_PATHS[path]
    X, Y = data(sizes, 3 * S)
    net, free = network(sizes, max_norm=0.7), network(sizes)
    net.fit(X, Y, epochs=1, batch_size=S, optimizer=fg.SGD(0.1), shuffle=False)
    oracle, optimizer = Oracle.of(free, cost="mse"), oracle_optimizers.SGD(0.1)
    for k in range(3):
        oracle.step(X[k * S : (k + 1) * S], Y[k * S : (k + 1) * S], optimizer)
        for W in oracle.W:
            norms = np.linalg.norm(W, axis=1, keepdims=True)
            W *= np.minimum(1, 0.7 / norms)
    assert_same_parameters(net, oracle, 1e-9)
    assert max(np.linalg.norm(layer.W, axis=1).max() for layer in net.layers) <= 0.7 + 1e-9


def test_the_norm_is_that_of_all_weights_of_a_node():
    W, options = np.array([3.0, 4.0, 0.0, 12.0, 0.3, 0.4]), np.zeros(OPTIONS)
    options[MAX_NORM] = 1
    limit_row_norms(W, options, 3, 2)
    np.testing.assert_allclose(W, [0.6, 0.8, 0, 1, 0.3, 0.4], rtol=1e-15)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"dropout": 1.0}, ["dropout", "1.0"]),
        ({"dropout": [0.1, 0.2]}, ["dropout", "list of 2", "1"]),
        ({"input_dropout": -0.1}, ["dropout", "-0.1"]),
        ({"input_noise": float("nan")}, ["noise", "nan"]),
        ({"l1": -1.0}, ["l1", "-1.0"]),
        ({"l2": "much"}, ["l2", "much"]),
        ({"l2": [0.1]}, ["l2", "list of 1", "2"]),
        ({"max_norm": 0}, ["max_norm", "0"]),
    ],
)
def test_bad_settings_are_named(options, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        fg.Network([3, 5, 2], "tanh", cost="mse", **options)
    for part in [*parts, "expected"]:
        assert part in str(caught.value)


@pytest.mark.parametrize("limits", [{"norm": 0}, {"value": -1.0}, {"norm": "large"}])
def test_bad_limits_are_named(limits):
    with pytest.raises((ValueError, TypeError), match=f"{next(iter(limits))}: got .*expected"):
        fg.Adam().clip(**limits)


def test_noise_and_dropout_of_inputs_are_independent():
    n = 1024
    net = fg.Network(
        [n, 1], cost="squared_error", init="zeros", dtype="float64", seed=1, input_noise=1.0,
        input_dropout=0.5,
    )  # fmt: skip
    y = np.array([[-1.0]])  # dC/dW_1j = a_j
    values = np.concatenate([gradient_of_a_step(net, np.zeros((1, n)), y)[0][0]])
    kept = values[values != 0] / 2
    assert abs(kept.std() - 1) < 0.15
    assert np.abs(kept).max() > 2


def test_the_cost_of_a_step_is_that_before_it():
    sizes = [5, 8, 3]
    X, Y = data(sizes, 20)
    net = network(sizes, l2=5.0)
    before = net.cost(X, Y)
    assert copy.deepcopy(net).step(X, Y, fg.SGD(0.1)) == pytest.approx(before, rel=1e-12)
    history = net.fit(X, Y, epochs=1, batch_size=20, optimizer=fg.SGD(0.1))
    assert history.cost[0] == pytest.approx(before, rel=1e-12)
