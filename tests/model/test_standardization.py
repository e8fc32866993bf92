"""Standardised targets: trained in standard deviations, reported in their own unit."""

import copy
import pickle

import numpy as np
import pytest
from helpers.comparison import assert_close

import fastgrad as fg
from fastgrad.model.standardization import Moments

MEAN, SCALE = 68_000.0, 26_000.0


@pytest.fixture
def houses(rng):
    X = rng.normal(size=(300, 4))
    return X, MEAN + SCALE * (X[:, 0] + 0.5 * X[:, 1] ** 2) + 100 * rng.normal(size=300)


def network(n_outputs=1, **options):
    options = {"standardize_targets": True, "dtype": "float64", "seed": 0} | options
    return fg.Network([4, 8, n_outputs], activations="tanh", **options)


def test_it_is_the_fit_of_targets_standardised_by_hand(houses):
    X, y = houses
    net, plain = network(), network(standardize_targets=False)
    Y = (y - y.mean()) / y.std()
    history = net.fit(X, y, epochs=5, validation=(X[:50], y[:50]))
    expected = plain.fit(X, Y, epochs=5, validation=(X[:50], Y[:50]))
    assert_close(net.parameters, plain.parameters, 1e-10)
    assert_close(history.cost, expected.cost, 1e-10)
    assert_close(net.predict(X), plain.predict(X) * y.std() + y.mean(), 1e-10)
    assert_close(net.cost(X, y), plain.cost(X, Y), 1e-10)
    of_net, of_plain = net.gradients(X, y), plain.gradients(X, Y)
    assert_close(of_net.dC_dW[0], of_plain.dC_dW[0], 1e-8)
    optimizer, other = fg.SGD(0.1), fg.SGD(0.1)
    assert_close(net.step(X, y, optimizer), plain.step(X, Y, other), 1e-10)
    assert_close(net.step(X[0], y[0], optimizer), plain.step(X[0], Y[0], other), 1e-8)
    assert_close(net.parameters, plain.parameters, 1e-10)


@pytest.mark.parametrize(("cost", "l2"), [("squared_error", 0.0), ("mse", 0.0), ("mse", 0.01)])
def test_metrics_are_in_the_unit_of_the_targets(cost, l2, houses, capsys):
    X, y = houses
    net = network(cost=cost, l2=l2)
    history = net.fit(
        X[50:], y[50:], epochs=3, validation=(X[:50], y[:50]), metrics=["mae", "r2"], verbose=1
    )
    error = net.predict(X[:50])[:, 0] - y[:50]
    assert_close(history.metrics["val_rmse"][-1], np.sqrt(np.mean(error**2)), 1e-9)
    assert_close(history.metrics["val_mae"][-1], np.mean(np.abs(error)), 1e-9)
    assert_close(history.metrics["val_r2"][-1], 1 - np.mean(error**2) / y[:50].var(), 1e-9)
    shown = capsys.readouterr().out.splitlines()[-1]
    rmse = history.metrics["rmse"][-1]
    assert f"rmse {rmse:#.4g}, val {history.metrics['val_rmse'][-1]:#.4g}" in shown
    assert "cost" not in shown


def test_the_rmse_of_training_is_that_of_the_costs(houses):
    X, y = houses
    net = network()
    optimizer = fg.SGD(1e-12)  # so that the weights of all steps are the same
    rmse = net.fit(X, y, epochs=1, optimizer=optimizer).metrics["rmse"][0]
    assert_close(rmse, np.sqrt(np.mean((net.predict(X)[:, 0] - y) ** 2)), 1e-6)


def test_targets_that_float32_cannot_hold(rng):
    X = rng.normal(size=(400, 4))
    y = 1.7e9 + 60 * X[:, 0]
    net = network(dtype="float32")
    net.fit(X, y, epochs=60, optimizer=fg.Adam(0.02))
    prediction = net.predict(X)
    assert prediction.dtype == np.float64
    assert np.sqrt(np.mean((prediction[:, 0] - y) ** 2)) < 8  # steps of float32 here: 128


def test_only_outputs_that_are_numbers_are_standardised(houses):
    X, y = houses
    heads = [("softmax_cross_entropy", 2), ("squared_error", 2)]
    net = network(4, cost=heads)
    Y = [(X[:, 0] > 0).astype(int), np.stack([y, X[:, 2]], axis=1)]
    net.fit(X, Y, epochs=2)
    assert_close(net.targets.mean, [0, 0, y.mean(), X[:, 2].mean()], 1e-12)
    assert_close(net.targets.scale, [1, 1, y.std(), X[:, 2].std()], 1e-12)
    assert_close(net.predict(X)[:, :2].sum(axis=1), np.ones(300), 1e-12)


def test_the_first_fit_sets_them_and_copies_and_files_hold_them(houses, tmp_path):
    X, y = houses
    net = network()
    assert not net.targets.standardized
    net.fit(X, y, epochs=1)
    mean = net.targets.mean.copy()
    net.fit(X, y + 1000, epochs=1)
    assert np.array_equal(net.targets.mean, mean)
    net.save(tmp_path / "net.safetensors")
    loaded = fg.load(tmp_path / "net.safetensors")
    for other in (loaded, pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert np.array_equal(other.predict(X), net.predict(X))
        assert other.targets.standardized
    assert repr(net.targets) == "<Targets 1: standardize=True, standardized=True>"


def test_a_stream_and_lbfgs_standardise_them_likewise(houses):
    X, y = houses
    net, streamed, second_order = network(), network(), network()
    net.fit(X, y, epochs=1, shuffle=False)
    pieces = [(X[:128], y[:128]), (X[128:], y[128:])]
    streamed.fit_stream(pieces, epochs=1, batch_size=32, shuffle=False)
    assert_close(streamed.targets.mean, net.targets.mean, 1e-12)
    assert_close(streamed.parameters, net.parameters, 1e-10)
    second_order.fit(X, y, epochs=20, optimizer=fg.LBFGS())
    assert fg.metrics.r2(y, second_order.predict(X)) > 0.9


def test_a_fit_that_fails_first_leaves_them_unset(houses):
    X, y = houses
    net = network()
    with pytest.raises(ValueError, match="monitor"):
        net.fit(X, y, callbacks=[fg.EarlyStopping()])
    assert not net.targets.standardized
    assert np.array_equal(net.targets.scale, [1])


def test_equal_targets_are_not_scaled(rng):
    X = rng.normal(size=(1000, 4))
    net = network()
    net.fit(X, np.full(1000, 14.62), epochs=1)
    assert net.targets.scale[0] == 1
    assert_close(net.predict(X).mean(), 14.62, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cost": "softmax_cross_entropy", "n_outputs": 3}, "expected a cost of real numbers"),
        ({"cost": "poisson"}, "expected a cost of real numbers"),
        ({"standardize_targets": "yes"}, "standardize: got 'yes'; expected True or False"),
    ],
)
def test_what_cannot_be_standardised(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        network(**options)


def test_outputs_within_limits_cannot_be_standardised():
    with pytest.raises(ValueError, match="activation 'identity' at the output"):
        fg.Network([2, 3, 1], activations=["tanh", "sigmoid"], standardize_targets=True)


def test_a_step_needs_a_fit_before(houses):
    X, y = houses
    with pytest.raises(ValueError, match="standardize_targets: got no samples"):
        network().step(X, y, fg.SGD(0.1))


@pytest.mark.parametrize(("mean", "scale"), [(MEAN, SCALE), (0, 1e-4), (50, 1)])
def test_targets_far_from_0_and_1_get_a_warning(mean, scale, rng):
    X = rng.normal(size=(100, 4))
    net = network(standardize_targets=False)
    with pytest.warns(RuntimeWarning, match=r"deviation \S+, far .*standardize_targets=True"):
        net.fit(X, mean + scale * X[:, 0], epochs=1)


@pytest.mark.parametrize(("mean", "scale"), [(0, 1), (3, 0.5), (-5, 4), (0, 0.02)])
def test_others_get_none(mean, scale, rng):
    X = rng.normal(size=(100, 4))
    network(standardize_targets=False).fit(X, mean + scale * X[:, 0], epochs=1)
    fg.Network([4, 1], cost="poisson").fit(X, np.full(100, 50.0), epochs=1)


def test_moments_are_those_of_numpy(rng):
    rows = 1e6 + rng.normal(size=(40_000, 3)) * [1, 100, 0]
    moments = Moments(3)
    for piece in np.array_split(rows, 7):
        moments.add(piece)
    assert_close(moments.mean, rows.mean(axis=0), 1e-13)
    assert_close(moments.deviation[:2], rows.std(axis=0)[:2], 1e-7)
    assert moments.deviation[2] == 0
