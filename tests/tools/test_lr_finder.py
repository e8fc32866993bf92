"""The learning-rate range test: what it suggests, and that it changes nothing."""

import copy
import sys

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.run_mode import PLAIN
from helpers.ten_samples import X, y

import fastgrad as fg
from fastgrad import plot
from fastgrad.tools import lr_finder

S = 32 if PLAIN else 400

narrow = pytest.mark.filterwarnings("ignore:find_lr. the cost is lowest at the last rate")


def regression(rng, **options):
    """A quadratic, and the rate from which gradient descent diverges on it."""
    X = rng.normal(size=(S, 4)) * np.array([2, 1, 1, 0.5])
    A = np.c_[X, np.ones(S)]
    critical = 2 / np.linalg.eigvalsh(A.T @ A / S).max()
    y = X @ rng.normal(size=4) + 0.1 * rng.normal(size=S)
    return fg.Network([4, 1], dtype="float64", seed=0, **options), X, y, critical


@pytest.mark.parametrize("batch_size", [16, S])
def test_the_suggestion_is_below_the_critical_rate(batch_size, rng):
    net, X, y, critical = regression(rng)
    found = fg.find_lr(net, X, y, fg.SGD(), batch_size=batch_size)
    assert critical / 100 < found.suggestion < critical
    assert found.rates[-1] > critical
    assert len(found.rates) < 100  # stopped, for it diverges
    before = net.cost(X, y)
    net.fit(X, y, epochs=3, batch_size=batch_size, optimizer=fg.SGD(found.suggestion))
    assert net.cost(X, y) < before / 2


@pytest.mark.parametrize("optimizer", [fg.Adam, fg.Lion, fg.RMSprop, fg.Adagrad])
def test_training_with_the_suggestion_makes_the_cost_less(optimizer, rng):
    X = rng.normal(size=(S, 2))
    net = fg.Network([2, 8, 1], "tanh", cost="mse", seed=0)
    y = np.sin(X).sum(axis=1)
    found = fg.find_lr(net, X, y, optimizer())
    history = net.fit(X, y, epochs=10, optimizer=optimizer(found.suggestion))
    assert history.cost[-1] < history.cost[0] / 2


@narrow
@pytest.mark.parametrize(("steps", "stays"), [(5, 0.0), (25, 0.6)])
def test_the_steps_are_those_of_a_fit_with_rising_rates(steps, stays, rng):
    net, X, y, _ = regression(rng)
    found = fg.find_lr(net, X, y, fg.SGD(), S, low=1e-4, high=1e-2, steps=steps)
    assert found.rates == pytest.approx(np.geomspace(1e-4, 1e-2, steps), rel=1e-12)
    mean, smoothed = 0.0, []
    for t, (rate, cost) in enumerate(zip(found.rates, found.costs, strict=True), start=1):
        assert cost == pytest.approx(net.cost(X, y), rel=1e-12)
        mean = stays * mean + (1 - stays) * cost  # of all samples at once: nothing to compare with
        smoothed.append(mean / (1 - stays**t))
        net.step(X, y, fg.SGD(rate))
    assert found.smoothed == pytest.approx(smoothed, rel=1e-12)


@pytest.mark.filterwarnings("ignore:find_lr")  # rates as small as these are of no use
def test_the_cost_of_each_mini_batch_is_its_own(rng):
    net, X, *_ = regression(rng, init="zeros")
    y = np.ones(S)
    y[0] = 6
    found = fg.find_lr(net, X, y, fg.SGD(), 8, low=1e-12, high=1e-11, steps=3 * S // 8)
    assert (found.costs > 1).sum() == 3  # one in each epoch
    assert found.costs.mean() == pytest.approx(net.cost(X, y), rel=1e-6)
    assert found.smoothed == pytest.approx(np.full(len(found.costs), net.cost(X, y)), rel=1e-6)


def at_its_optimum(rng):
    net, X, y, _ = regression(rng)
    W = np.linalg.lstsq(np.c_[X, np.ones(S)], y)[0]
    net.layers[0].W[0], net.layers[0].b[0] = W[:4], W[4]
    return net, X, y


@pytest.mark.parametrize("optimizer", [fg.SGD, fg.Adam])
@pytest.mark.parametrize("batch_size", [1, 8, S])
def test_no_suggestion_where_the_cost_cannot_fall(optimizer, batch_size, rng):
    with pytest.warns(RuntimeWarning, match=r"^find_lr: no suggestion, .* above 1e-05 "):
        found = fg.find_lr(*at_its_optimum(rng), optimizer(), batch_size)
    assert found.suggestion is None


@pytest.mark.filterwarnings("ignore:find_lr")
def test_noise_alone_does_not_end_it(rng):
    net, X, y, _ = regression(rng, init="zeros")
    y[:] = np.arange(S) % 4 == 0  # the others cost nothing
    found = fg.find_lr(net, X, y, fg.SGD(), batch_size=1, low=1e-9, high=1e-8, steps=S)
    assert len(found.costs) == S


def test_a_trained_network_gets_a_suggestion_in_the_range(rng):
    X = rng.normal(size=(S, 2))
    y = np.sin(X).sum(axis=1) + 0.1 * rng.normal(size=S)
    net = fg.Network([2, 8, 1], "tanh", cost="mse", seed=0)
    net.fit(X, y, epochs=60, batch_size=8, optimizer=fg.Adam(0.01))
    found = fg.find_lr(net, X, y, batch_size=S)
    assert 1e-6 < found.suggestion < 0.1
    history = net.fit(X, y, epochs=20, batch_size=S, optimizer=fg.Adam(found.suggestion))
    assert history.cost[-1] < history.cost[0]


def test_no_suggestion_where_all_rates_are_too_large(rng):
    net, X, y, critical = regression(rng)
    with pytest.warns(RuntimeWarning, match=r"^find_lr: no suggestion, since at no rate above"):
        found = fg.find_lr(net, X, y, fg.SGD(), S, low=3 * critical, high=1e4 * critical)
    assert found.suggestion is None


@pytest.mark.parametrize(("low", "suggestion"), [(1e-2, 1e-2), (2e-2, None)])
def test_no_suggestion_below_the_range(low, suggestion):
    curve = np.array([9.0, 8.0, 1.0, 5.0])
    found = lr_finder.RangeTest(np.array([low, 0.1, 0.2, 0.4]), curve, curve, np.zeros(4))
    assert found.suggestion == suggestion


def test_the_rate_of_a_step_is_known_by_the_cost_after_it(rng):
    net, X, y, critical = regression(rng)
    with pytest.warns(RuntimeWarning, match=r"^find_lr: the cost is lowest at the last rate, "):
        found = fg.find_lr(
            net, X, y, fg.SGD(), S, low=critical / 2000, high=100 * critical, steps=3
        )
    assert found.suggestion == pytest.approx(found.rates[1] / 10)  # that of the last is not known


def test_network_and_optimizer_stay_as_they_are(rng):
    X, y = rng.normal(size=(S, 3)), rng.normal(size=S)
    net = fg.Network([3, 4, 1], "tanh", seed=0, standardize=True, dropout=0.1)
    optimizer = fg.Adam(fg.schedules.Step(0.01, every=3))
    net.fit(X, y, epochs=1, optimizer=optimizer)
    untouched, others = copy.deepcopy(net), fg.Adam(fg.schedules.Step(0.01, every=3))
    same = fg.Network([3, 4, 1], "tanh", seed=0, standardize=True, dropout=0.1)
    same.fit(X, y, epochs=1, optimizer=others)
    fg.find_lr(net, X, y, optimizer)
    assert np.array_equal(net.parameters, untouched.parameters)
    assert optimizer.lr == others.lr
    for fitted, by in ((net, optimizer), (same, others)):  # in the same order, by the same dropout
        fitted.fit(X, y, epochs=2, optimizer=by)
    assert np.array_equal(net.parameters, same.parameters)


def test_inputs_are_standardised_in_the_copy_alone(rng):
    net = fg.Network([3, 1], seed=0, standardize=True)
    fg.find_lr(net, rng.normal(3, 5, size=(S, 3)), rng.normal(size=S))
    assert not net.inputs.standardized
    assert (net.inputs.scale == 1).all()


@narrow
def test_weights_of_samples_and_classes_count(rng):
    X, y = rng.normal(size=(S, 3)), rng.integers(2, size=S)
    net = fg.Network([3, 2], cost="softmax_cross_entropy", seed=0)
    options = {"optimizer": fg.SGD(), "steps": 20}
    by_class = fg.find_lr(net, X, y, class_weight={0: 1.0, 1: 3.0}, **options)
    by_sample = fg.find_lr(net, X, y, sample_weight=np.where(y, 3.0, 1.0), **options)
    assert np.array_equal(by_class.costs, by_sample.costs)
    assert not np.array_equal(by_class.costs, fg.find_lr(net, X, y, **options).costs)


@pytest.mark.filterwarnings("ignore:find_lr")
def test_it_ends_where_the_cost_is_no_longer_finite(rng):
    X, y = rng.normal(size=(S, 3)), rng.poisson(2.0, size=S)
    net = fg.Network([3, 1], cost="poisson", seed=0)
    found = fg.find_lr(net, X, y, fg.SGD(), batch_size=4, low=1e-3, high=1e9, steps=12)
    assert len(found.rates) == len(found.costs) == len(found.smoothed) < 12
    assert np.isfinite(found.costs).all()


@narrow
def test_a_cost_below_0_that_falls_is_no_reason_to_stop(rng):
    X = rng.normal(size=(S, 3))
    net = fg.Network([3, 1], cost="poisson", seed=0)
    net.layers[0].b[:] = 2
    found = fg.find_lr(net, X, rng.poisson(50.0, size=S), fg.SGD(), low=1e-9, high=1e-5, steps=9)
    assert found.costs.max() < 0
    assert len(found.costs) == 9


def test_the_picture(rng):
    pytest.importorskip("matplotlib")
    net, X, y, _ = regression(rng)
    found = fg.find_lr(net, X, y, fg.SGD())
    ax = found.plot()
    assert plot.range_test(found, ax) is ax
    costs, smoothed, suggestion = ax.get_lines()[:3]
    assert np.array_equal(costs.get_xydata(), np.c_[found.rates, found.costs])
    assert np.array_equal(smoothed.get_xydata(), np.c_[found.rates, found.smoothed])
    assert suggestion.get_xdata()[0] == found.suggestion
    assert ax.get_xscale() == "log"
    low, high = ax.get_ylim()
    assert low < found.costs.min() < found.costs[0] < high
    assert found.costs[-1] > high  # the divergence does not flatten all that matters


def test_the_picture_of_no_suggestion():
    pytest.importorskip("matplotlib")
    costs = np.array([1.0, 2.0, 1e9])
    ax = lr_finder.RangeTest(np.array([1.0, 2.0, 4.0]), costs, costs, np.zeros(3)).plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["cost of each mini-batch", "smoothed", "no suggestion"]
    assert ax.get_ylim()[1] < 2


@narrow
def test_the_picture_without_matplotlib(rng, monkeypatch):
    net, X, y, _ = regression(rng)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match=r"^the range test needs matplotlib: pip install"):
        fg.find_lr(net, X, y, steps=2).plot()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": fg.LBFGS()}, "optimizer: got LBFGS; expected one with a learning rate"),
        ({"optimizer": fg.Rprop()}, "optimizer: got Rprop; expected one with a learning rate"),
        ({"optimizer": "adam"}, "optimizer: got 'adam'; expected one such as"),
        ({"low": 0}, "low: got 0; expected a finite number above 0"),
        ({"low": 1.0, "high": 1.0}, "high: got 1.0; expected a finite number above 1.0"),
        ({"steps": 1}, "steps: got 1; expected an integer of at least 2"),
        ({"batch_size": 0}, "batch_size: got 0; expected"),
    ],
)
def test_bad_arguments(options, message, rng):
    net, X, y, _ = regression(rng)
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        fg.find_lr(net, X, y, **options)


def test_a_network_that_is_broken_already(rng):
    net, X, y, _ = regression(rng)
    net.layers[0].W[:] = np.nan
    with pytest.raises(ValueError, match=r"^net: got a cost that is not finite at the start"):
        fg.find_lr(net, X, y)


@narrow
def test_a_used_optimizer_is_probed_as_it_is(rng):
    net, X, y, _ = regression(rng)
    optimizer = fg.SGD(0.05, momentum=0.9)
    net.fit(X, y, epochs=2, optimizer=optimizer)
    options = {"batch_size": S, "low": 1e-3, "high": 1e-2, "steps": 5}
    found, cold = (fg.find_lr(net, X, y, by, **options) for by in (optimizer, fg.SGD(momentum=0.9)))
    assert found.rates == pytest.approx(np.geomspace(1e-3, 1e-2, 5), rel=1e-12)
    costs = []
    for rate in found.rates:
        optimizer.lr = rate
        costs.append(net.step(X, y, optimizer))
    assert found.costs == pytest.approx(costs, rel=1e-12)
    assert abs(found.costs[1] / cold.costs[1] - 1) > 1e-3


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.find_lr(3, X, y), ["net", "int", "fg.Network"]),
    ],
)
def test_a_network_is_a_network(make, parts):
    assert_names(make, parts)
