"""`Network.trainer`: the same bits as `Network.step`, whatever changes between two calls."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.engine import engine as engines
from fastgrad.train import trainer as trainers

S = 8


def samples(rng, cost, n_outputs, dtype="float32", n=S):
    X = rng.normal(size=(n, 3)).astype(dtype)
    if cost.startswith("softmax"):
        return X, rng.integers(n_outputs, size=n)
    Y = rng.normal(size=(n, n_outputs))
    return X, (Y if cost == "mse" else np.sign(Y) if cost == "hinge" else Y > 0).astype(dtype)


def pair(optimizer=fg.Adam, cost="mse", change=None, batch_size=S, **options):
    """Two equal networks: one to step, one with a trainer."""
    nets = [fg.Network([3, 10, 2], "tanh", cost=cost, seed=1, **options) for _ in range(2)]
    for net in nets:
        if change:
            change(net)
    optimizers = [optimizer(), optimizer()]
    return nets, optimizers, nets[1].trainer(optimizers[1], batch_size)


def assert_equal(nets):
    assert nets[0].parameters.tobytes() == nets[1].parameters.tobytes()


OPTIMIZERS = {
    "Adam": fg.Adam,
    "SGD": lambda: fg.SGD(0.1, momentum=0.9),
    "clip": lambda: fg.RMSprop(1e-2).clip(norm=0.1, value=0.05),
    "schedule": lambda: fg.SGD(fg.schedules.Exponential(0.1, 0.9, every=1)),
    "function": lambda: fg.SGD(lambda step: 0.1 / (1 + step)),
}


@pytest.mark.parametrize("cost", ["mse", "softmax_cross_entropy", "sigmoid_cross_entropy", "hinge"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, S])
def test_the_bits_of_step(cost, optimizer, batch_size, rng):
    nets, optimizers, train = pair(OPTIMIZERS[optimizer], cost, batch_size=batch_size)
    for _ in range(5):
        x, y = samples(rng, cost, 2, n=batch_size)
        assert nets[0].step(x, y, optimizers[0]) == train(x, y)
        assert optimizers[0].lr == optimizers[1].lr
    assert_equal(nets)


@pytest.mark.parametrize(
    "options",
    [{"dropout": 0.5}, {"input_noise": 0.1}, {"l1": 0.1, "l2": 0.1}, {"dtype": "float64"},
     {"max_norm": 0.1}],
)  # fmt: skip
def test_the_bits_of_step_with_every_kind_of_setting(options, rng):
    nets, optimizers, train = pair(**options)
    for _ in range(5):
        x, y = samples(rng, "mse", 2, options.get("dtype", "float32"))
        assert nets[0].step(x, y, optimizers[0]) == train(x, y)
    assert_equal(nets)


def test_settings_of_layers_and_optimizer_may_change(rng):
    nets, optimizers, train = pair()
    x, y = samples(rng, "mse", 2)

    def changes():
        for net, optimizer in zip(nets, optimizers, strict=True):
            yield lambda net=net: setattr(net.layers[0], "l2", 0.1)
            yield lambda net=net: setattr(net.layers[0], "trainable", False)
            yield lambda net=net: setattr(net.layers[0], "trainable", True)
            yield lambda optimizer=optimizer: setattr(optimizer, "lr", 0.5)
            yield lambda optimizer=optimizer: optimizer.clip(value=1e-3)
            yield lambda net=net: setattr(net.inputs, "noise", 0.1)

    every = [*changes()]
    for first, second in zip(every[:6], every[6:], strict=True):
        first()
        second()
        for _ in range(2):
            assert nets[0].step(x, y, optimizers[0]) == train(x, y)
    assert_equal(nets)


def test_fits_in_between_may_need_more_memory(rng):
    nets, optimizers, train = pair()
    x, y = samples(rng, "mse", 2)
    for n in (4, 5000):
        X, Y = samples(rng, "mse", 2, n=n)
        for net, optimizer in zip(nets, optimizers, strict=True):
            net.fit(X, Y, epochs=2, batch_size=n, optimizer=optimizer)
        for _ in range(2):
            assert nets[0].step(x, y, optimizers[0]) == train(x, y)
    assert_equal(nets)


def test_samples_of_other_kinds_are_converted(rng):
    nets, optimizers, train = pair()
    x, y = samples(rng, "mse", 2)
    frozen = x.copy()
    frozen.flags.writeable = False
    for given in ((x.tolist(), y), (x.astype("float64"), y), (frozen, y), (x, np.asfortranarray(y)),
                  (x[:3], y[:3]), (x[0], y[0])):  # fmt: skip
        assert nets[0].step(*given, optimizers[0]) == train(*given)
    assert_equal(nets)


@pytest.mark.parametrize("cost", ["mse", "softmax_cross_entropy"])
def test_arrays_of_other_dtypes_take_the_fast_way(cost, rng, monkeypatch):
    nets, optimizers, train = pair(cost=cost, input_noise=0.1)
    x, y = samples(rng, cost, 2)
    wide = np.zeros((S, 6), "float32")
    wide[:, ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    others = [(x.astype(k), y) for k in ("float64", ">f4", "float16", "int32")]
    others += [(given, y) for given in (wide[:, ::2], np.asfortranarray(x), frozen)]
    kinds = ("int32", "uint8", "uint64", ">i8") if y.ndim == 1 else ("float64", "int16", "?")
    others += [(x, y.astype(k)) for k in kinds]
    expected = [nets[0].step(*given, optimizers[0]) for given in others]
    monkeypatch.setattr(trainers, "step", None)  # which takes several times as long
    assert [train(*given) for given in others] == expected
    assert_equal(nets)


def test_targets_of_one_output_may_be_flat(rng, monkeypatch):
    nets = [fg.Network([3, 5, 1], "tanh", seed=0) for _ in range(2)]
    x, y = samples(rng, "mse", 1)
    expected, train = nets[0].step(x, y[:, 0], fg.Adam()), nets[1].trainer(fg.Adam(), S)
    monkeypatch.setattr(trainers, "step", None)
    assert train(x, y[:, 0].astype("float64")) == expected
    assert_equal(nets)


@pytest.mark.parametrize("batch_size", [1, S])
def test_targets_in_their_own_unit(rng, batch_size, monkeypatch):
    nets, optimizers, _ = pair(standardize_targets=True, standardize=True)
    X, Y = samples(rng, "mse", 2, n=50)
    for net, optimizer in zip(nets, optimizers, strict=True):
        net.fit(X, 100 + Y, epochs=1, optimizer=optimizer)
    train = nets[1].trainer(optimizers[1], batch_size)
    x, y = X[:batch_size], 100 + Y[:batch_size]
    with pytest.raises(ValueError, match="y: got nan at"):
        train(x, y * np.float32(np.nan))
    expected = nets[0].step(x, y, optimizers[0])
    monkeypatch.setattr(trainers, "step", None)
    assert train(x, y) == expected
    assert_equal(nets)


def test_what_is_to_be_standardised_must_be_before(rng):
    x, y = samples(rng, "mse", 2)
    untrained = fg.Network([3, 2], standardize=True).trainer(fg.Adam(), S)
    with pytest.raises(ValueError, match="standardize: got no samples"):
        untrained(x, y)
    nets, _, train = pair()
    train(x, y)
    nets[1].inputs.standardize = True
    with pytest.raises(ValueError, match="standardize: got no samples"):
        train(x, y)
    nets[1].inputs.standardize, nets[1].targets.standardize = False, True
    with pytest.raises(ValueError, match="standardize_targets: got no samples"):
        train(x, y)


@pytest.mark.parametrize(
    ("cost", "change", "message"),
    [
        ("mse", lambda x, y: (x[:, :2], y), r"x: got shape \(8, 2\)"),
        ("mse", lambda x, y: (x, y[:3]), r"y: got shape \(3, 2\)"),
        ("mse", lambda x, y: (x * np.float32(np.nan), y), "x: got nan at"),
        ("mse", lambda x, y: (x, y * np.float32(np.inf)), "y: got -?inf at"),
        (
            "mse",
            lambda x, y: (x.astype("float64") + 1e300, y),
            r"x: got 1e\+300 at \[0, 0\]; expected .* float32",
        ),
        ("softmax_cross_entropy", lambda x, y: (x, (y - 3).astype("uint64")), "y: got 1844674407"),
        ("softmax_cross_entropy", lambda x, y: (x, y + 0.5), r"y: got \d.5 at"),
        ("softmax_cross_entropy", lambda x, y: (x, y + 1), "y: got 2 at"),
        ("softmax_cross_entropy", lambda x, y: (x, y - 1), "y: got -1 at"),
        ("sigmoid_cross_entropy", lambda x, y: (x, y + 1), "y: got .* from 0 to 1"),
        ("hinge", lambda x, y: (x, y * 2), "y: got .* -1 or 1"),
        ("poisson", lambda x, y: (x, y - 2), "y: got .* at least 0"),
    ],
)
def test_wrong_samples_change_nothing(cost, change, message, rng):
    nets, optimizers, train = pair(cost=cost)
    x, y = samples(rng, cost, 2)
    with pytest.raises(ValueError, match=message):
        train(*change(x, y))
    assert nets[0].step(x, y, optimizers[0]) == train(x, y)
    assert_equal(nets)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_copy_trains_a_copy(duplicate, rng):
    nets, _, train = pair()
    x, y = samples(rng, "mse", 2)
    train(x, y)
    again = duplicate(train)
    before = nets[1].parameters.copy()
    expected = again(x, y)
    assert np.array_equal(nets[1].parameters, before)
    assert train(x, y) == expected


def test_the_repr_is_one_line():
    train = fg.Network([3, 2]).trainer(fg.Adam(), 8)
    network = "<Network 3-2: identity; squared_error; float32>"
    assert repr(train) == f"<Trainer of {network} by Adam(lr=0.001), batch_size=8>"


def test_wrong_arguments():
    net = fg.Network([3, 2])
    with pytest.raises(ValueError, match="batch_size: got 0"):
        net.trainer(fg.Adam(), 0)
    with pytest.raises(TypeError, match="optimizer: got 'adam'"):
        net.trainer("adam", 1)
    with pytest.raises(TypeError, match=re.escape("optimizer: got LBFGS for a mini-batch")):
        net.trainer(fg.LBFGS(), 1)


def test_large_steps_are_those_of_step(rng, monkeypatch):
    net = fg.Network([3, 1000, 1000, 2], seed=0)
    train, runs, run = net.trainer(fg.Adam(), S), [], engines.Engine._run
    monkeypatch.setattr(engines.Engine, "_run", lambda *a, **k: runs.append(1) or run(*a, **k))
    assert math.isfinite(train(*samples(rng, "mse", 2)))
    assert runs


@jitted_only
def test_the_error_of_an_own_function_is_raised(rng):
    def f(u):
        if u == 0:
            raise ValueError("own")
        return u

    net = fg.Network([3, 2], [fg.Activation("own", f, lambda u: 1.0)], seed=0)
    net.layers[0].W *= 0
    with pytest.raises(ValueError, match="own"):
        net.trainer(fg.SGD(0.1), S)(*samples(rng, "mse", 2))
    with pytest.raises(ValueError, match="own"):
        net.predict(np.zeros((1, 3), "float32"))
    with pytest.raises(ValueError, match="own"):
        net.predictor()(np.zeros(3, "float32"))
