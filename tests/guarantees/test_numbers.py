"""Numbers far from 1, and very many: against the same in float64, NumPy and scikit-learn."""

import numpy as np
import pytest
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

import fastgrad as fg
from fastgrad.kernels.activations import ACTIVATIONS

S = 64


def pair(sizes, **options):
    """The same network in float32 and in float64."""
    nets = [fg.Network(sizes, seed=0, dtype=dtype, **options) for dtype in ("float32", "float64")]
    nets[1].parameters[:] = 0
    for one, other in zip(nets[0].layers, nets[1].layers, strict=True):
        other.W[:], other.b[:] = one.W, one.b
    return nets


def inputs(rows=S, columns=3):
    return np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)


def assert_relative(found, expected, error):
    size = np.abs(expected).max()
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() <= error * size


# --- long sums ------------------------------------------------------------------------------------


@jitted_only
def test_a_cost_over_many_samples():
    X = inputs(500_000 * SOAK, 1)
    y = np.abs(X)
    one, other = pair([1, 8, 1], activations="tanh", cost="mse")
    assert one.cost(X, y) == pytest.approx(other.cost(X, y), rel=1e-6)
    costs = [
        net.fit(X, y, epochs=1, batch_size=1000, optimizer=fg.SGD(0.0)).cost for net in (one, other)
    ]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)
    means = one.predict(X).mean(dtype=np.float64), other.predict(X).mean()
    assert means[0] == pytest.approx(means[1], rel=1e-5)


@jitted_only
def test_standardising_many_samples_far_from_0():
    X = inputs(500_000 * SOAK, 2) + np.float32([0, 300])
    net = fg.Network([2, 1], standardize=True)
    net.inputs.standardize_by(X)
    exact = X.astype(np.float64)
    assert_relative(net.inputs.mean, exact.mean(axis=0), 1e-6)
    assert_relative(1 / net.inputs.scale, exact.std(axis=0), 1e-6)


# --- squares and norms ----------------------------------------------------------------------------

RULES = {
    "SGD": lambda: fg.SGD(1.0),
    "momentum": lambda: fg.SGD(1.0, momentum=0.9, nesterov=True),
    "Adagrad": fg.Adagrad,
    "Adadelta": fg.Adadelta,
    "RMSprop": lambda: fg.RMSprop(centered=True, momentum=0.5),
    "Adam": lambda: fg.Adam(amsgrad=True),
    "AdamW": fg.AdamW,
    "NAdam": fg.NAdam,
    "RAdam": fg.RAdam,
    "Lion": fg.Lion,
    "Rprop": fg.Rprop,
}


@pytest.mark.parametrize("size", [1e-12, 1e18])
@pytest.mark.parametrize("rule", RULES)
def test_rules_with_large_and_small_gradients(rule, size):
    X = inputs()
    moved = []
    for net in pair([3, 1], activations="identity", cost="mae"):
        optimizer = RULES[rule]()
        for _ in range(3):
            net.fit(
                X, X[:, 0] - 9, epochs=1, batch_size=S, optimizer=optimizer, shuffle=False,
                sample_weight=np.full(S, size),
            )  # fmt: skip
        moved.append(net.layers[0].W.astype(np.float64))
    assert_relative(*moved, 1e-4)


@pytest.mark.parametrize("size", [1e-4, 1e20])
def test_the_norm_of_large_and_small_gradients(size):
    X, steps = inputs(), []
    for net in pair([3, 1], activations="identity", cost="mae"):
        net.layers[0].W[:] = 0
        optimizer = fg.SGD(1.0).clip(norm=0.1 * min(size, 1))
        net.fit(
            X, X[:, 0] - 9, epochs=1, batch_size=S, optimizer=optimizer, shuffle=False,
            sample_weight=np.full(S, size),
        )  # fmt: skip
        steps.append(net.layers[0].W.astype(np.float64))
    assert_relative(steps[0], steps[1], 1e-3)
    assert np.abs(steps[1]).max() > 0.01 * min(size, 1)


def test_a_penalty_of_large_weights():
    net = fg.Network([3, 4, 1], seed=0, l2=1e-30)
    net.layers[0].W[:] = 1e25
    assert net.penalty == pytest.approx(12 * 1e50 * 1e-30 / 2, rel=1e-5)


# --- saturated units, denormals -------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-30, 1e4, 1e12])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_saturated_units(name, size):
    X = inputs() * np.float32(size)
    outputs, slopes = [], []
    for net in pair([3, 8, 1], activations=[name, "identity"], cost="mae"):
        outputs.append(net.forward(X).astype(np.float64))
        slopes.append(net.gradients(X, np.zeros(S)).dC_dW[-1].astype(np.float64))
    if name == "sin":  # of a large number that float32 has rounded
        assert np.isfinite(outputs[0]).all()
        return
    assert_relative(outputs[0], outputs[1], 1e-4)
    assert_relative(slopes[0], slopes[1], 1e-4)


@pytest.mark.parametrize("cost", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("size", [1e-30, 1e4, 1e30])
def test_saturated_probabilities(cost, size):
    X, y = inputs() * np.float32(size), (np.arange(S) % 2).astype(np.int64)
    y = y if cost.startswith("soft") else y[:, None].astype(np.float64)
    one, other = pair([3, 2 if cost.startswith("soft") else 1], cost=cost)
    assert one.cost(X, y) == pytest.approx(other.cost(X, y), rel=1e-5)
    p = one.predict(X)
    assert ((p >= 0) & (p <= 1)).all()
    assert_relative(p, other.predict(X), 1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_denormal_numbers_count_as_0_within_a_pass_alone(dtype):
    tiny = np.dtype(dtype).type(np.finfo(dtype).tiny) / 4
    net = fg.Network([3, 8, 1], "tanh", seed=0, dtype=dtype)
    X = np.full((S, 3), tiny)
    assert np.array_equal(net.forward(X), net.forward(0 * X))
    net.fit(X, np.zeros(S), epochs=2)
    assert np.isfinite(net.parameters).all()
    assert X[0, 0] * 1 > 0  # the mode of the processor is as before


# --- weights of 0, constant columns ---------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, S])
@pytest.mark.parametrize("target", [0.0, 1e20, -3e38])
def test_samples_of_weight_0_count_for_nothing(target, batch_size):
    X = inputs()
    y, weights = X[:, 0].copy(), np.tile([2.0, 0.0], S // 2)
    y[1::2] = target
    nets = [fg.Network([3, 8, 1], "tanh", cost="mse", seed=0) for _ in range(2)]
    rule = {"optimizer": fg.SGD(0.05), "shuffle": False, "epochs": 3}
    weighted = nets[0].fit(X, y, sample_weight=weights, batch_size=batch_size, **rule)
    if batch_size == 1:
        rule["sample_weight"] = np.full(S // 2, 2.0)
    alone = nets[1].fit(X[::2], y[::2], batch_size=batch_size, **rule)
    assert weighted.stopped is None
    assert_relative(nets[0].parameters, nets[1].parameters, 1e-5)
    assert weighted.cost == pytest.approx(
        [C / (2 if batch_size == 1 else 1) for C in alone.cost], rel=1e-5
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 14.62, -1e9, 1e-9, 1 / 3])
def test_a_constant_column_has_scale_1(value, dtype):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X = inputs(1000).astype(np.float64)
    X[:, 1] = value
    net = fg.Network([3, 8, 1], seed=0, dtype=dtype, standardize=True, standardize_targets=True)
    net.fit(X, np.full(1000, value), epochs=2)
    reference = preprocessing.StandardScaler().fit(X.astype(dtype).astype(np.float64))
    np.testing.assert_allclose(net.inputs.scale, 1 / reference.scale_, rtol=1e-5)
    changed = X.copy()
    changed[:, 1] += 0.01 * max(abs(value), 1)
    difference = np.abs(net.predict(changed) - net.predict(X)).max()
    assert difference < 10 * max(abs(value), 1)
