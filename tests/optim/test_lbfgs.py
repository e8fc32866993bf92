"""L-BFGS against least squares, scikit-learn and PyTorch; resuming, stopping, bad arguments."""

import copy
import sys

import numpy as np
import pytest
from helpers.comparison import assert_close, parameters
from helpers.oracle import Oracle
from helpers.run_mode import PLAIN

import fastgrad as fg
from fastgrad.engine.engine import Engine
from fastgrad.optim.base import NetworkKey

S = 24 if PLAIN else 200
HIDDEN = 3 if PLAIN else 16


@pytest.fixture
def evaluations(monkeypatch):
    """The cost at each look at the gradient, as it is counted where the compiled pass begins."""
    seen, gradients = [], Engine.gradients

    def counted(engine, *arguments, **options):
        found = gradients(engine, *arguments, **options)
        seen.append(found[0])
        return found

    monkeypatch.setattr(Engine, "gradients", counted)
    return seen


def regression(rng, dtype="float64", **options):
    """A small smooth problem."""
    X = rng.normal(size=(S, 3))
    net = fg.Network([3, HIDDEN, 1], "tanh", cost="mse", dtype=dtype, seed=0, **options)
    return net, X, np.sin(X).sum(axis=1)


def classes(rng):
    """Three classes that overlap."""
    y = rng.integers(3, size=S)
    return rng.normal(size=(S, 4)) + np.eye(3, 4)[y], y


def precise(**options):
    return fg.LBFGS(tolerance_grad=1e-10, tolerance_change=0, **options)


@pytest.mark.parametrize("history_size", [3, 100])
def test_linear_regression_is_least_squares(history_size, rng):
    X, Y, w = rng.normal(size=(S, 5)), rng.normal(size=(S, 2)), rng.uniform(size=S)
    net = fg.Network([5, 2], dtype="float64", seed=0)
    optimizer = precise(history_size=history_size)
    history = net.fit(X, Y, epochs=500, optimizer=optimizer, sample_weight=w)
    assert len(history.cost) < 100
    root = np.sqrt(w)[:, None]
    expected = np.linalg.lstsq(root * np.c_[X, np.ones(S)], root * Y)[0]
    assert_close(np.c_[net.layers[0].W, net.layers[0].b], expected.T, 1e-8)


def test_softmax_regression_is_that_of_scikit_learn(rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = classes(rng)
    net = fg.Network(
        [4, 3], cost="softmax_cross_entropy", dtype="float64", seed=0, l2=0.01, standardize=True
    )
    net.fit(X, y, epochs=500, optimizer=precise(), class_weight="balanced")
    model = linear_model.LogisticRegression(
        C=1 / (0.01 * S), tol=1e-10, max_iter=1000, class_weight="balanced"
    )
    model.fit((X - X.mean(axis=0)) / X.std(axis=0), y)
    assert_close(net.layers[0].W, model.coef_, 1e-6)
    b = net.layers[0].b
    assert_close(b - b.mean(), model.intercept_ - model.intercept_.mean(), 1e-6)


@pytest.mark.torch
def test_it_needs_no_more_evaluations_than_pytorch(rng, evaluations):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net, X, y = regression(rng)
    tensors = [torch.tensor(p, requires_grad=True) for l in net.layers for p in (l.W, l.b)]
    W1, b1, W2, b2 = tensors
    theirs = torch.optim.LBFGS(
        tensors, max_iter=60, max_eval=1000, line_search_fn="strong_wolfe", tolerance_change=0
    )
    costs = []

    def closure():
        theirs.zero_grad()
        a = torch.tanh(torch.tensor(X) @ W1.T + b1) @ W2.T + b2
        C = ((a[:, 0] - torch.tensor(y)) ** 2).mean()
        C.backward()
        costs.append(C.item())
        return C

    theirs.step(closure)
    net.fit(X, y, epochs=100, optimizer=fg.LBFGS())
    # Where rounding has not yet led the two apart.
    ours, theirs = (int(np.argmax(np.array(seen) < 0.05)) for seen in (evaluations, costs))
    assert min(evaluations) < 0.05 > min(costs)
    assert ours <= theirs + 3


def test_it_beats_adam_with_as_many_evaluations(rng, evaluations):
    net, X, y = regression(rng)
    others = [copy.deepcopy(net) for _ in range(4)]
    history = net.fit(X, y, epochs=40, optimizer=fg.LBFGS())
    for lr, other in zip((0.003, 0.01, 0.03, 0.1), others, strict=True):
        epochs = len(evaluations)
        other.fit(X, y, epochs=epochs, batch_size=S, optimizer=fg.Adam(lr))
        assert history.cost[-1] < other.cost(X, y) / 2


def test_each_step_is_that_of_a_whole_matrix(rng):
    """w - t H g, where H is updated as BFGS does, from a multiple of the identity."""

    class Note(fg.Callback):
        def on_epoch_end(self, fit):
            g = Oracle.of(fit.net).gradients(X, y[:, None])
            flat.append(np.concatenate([p.ravel() for p in parameters(fit.net)]))
            slopes.append(np.concatenate([p.ravel() for p in (g.dC_dW[0], g.dC_db[0])]))

    X, y, flat, slopes = rng.normal(size=(S, 4)), rng.normal(size=S), [], []
    net = fg.Network([4, 1], dtype="float64", seed=0)
    history = net.fit(X, y, epochs=7, optimizer=precise(history_size=2), callbacks=[Note()])
    for k in range(3, 7):
        s, y_ = np.diff(flat, axis=0)[: k - 1], np.diff(slopes, axis=0)[: k - 1]
        H = np.eye(5) * (s[-1] @ y_[-1]) / (y_[-1] @ y_[-1])
        for s_k, y_k in zip(s[-2:], y_[-2:], strict=True):
            V = np.eye(5) - np.outer(y_k, s_k) / (s_k @ y_k)
            H = V.T @ H @ V + np.outer(s_k, s_k) / (s_k @ y_k)
        assert_close(flat[k] - flat[k - 1], -history.lr[k] * H @ slopes[k - 1], 1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_fits_are_one(dtype, rng, evaluations):
    net, X, y = regression(rng, dtype, l2=1e-3)
    other, optimizer = copy.deepcopy(net), fg.LBFGS()
    whole = net.fit(X, y, epochs=10, optimizer=fg.LBFGS())
    assert len(evaluations) <= 15  # 1 to begin with, and few steps need more than 1
    halves = [other.fit(X, y, epochs=5, optimizer=optimizer) for _ in range(2)]
    assert np.array_equal(net.parameters, other.parameters)
    assert whole.cost == halves[0].cost + halves[1].cost
    assert whole.lr == halves[0].lr + halves[1].lr


def test_the_number_of_threads_changes_nothing(rng):
    net, X, y = regression(rng)
    other = copy.deepcopy(net)
    net.fit(X, y, epochs=5, optimizer=fg.LBFGS(), threads=1)
    other.fit(X, y, epochs=5, optimizer=fg.LBFGS(), threads=2)
    assert np.array_equal(net.parameters, other.parameters)


def test_an_epoch_is_a_step_over_all_samples(rng, evaluations):
    class Watch(fg.Callback):
        seen = ()

        def on_epoch_end(self, fit):
            cost = fit.net.cost(X, y)
            self.seen = (*self.seen, (fit.step, fit.samples_done, cost, fit.net.parameters.copy()))

    net, X, y = regression(rng, l2=1e-3)
    watch, swa = Watch(), fg.SWA(start=2)
    history = net.fit(
        X, y, epochs=6, batch_size=7, optimizer=fg.LBFGS(), validation=(X, y),
        callbacks=[watch], average=swa,
    )  # fmt: skip
    assert [step for step, *_ in watch.seen] == [1, 2, 3, 4, 5, 6]
    assert {done for _, done, *_ in watch.seen} == {S}
    assert history.cost == pytest.approx([cost for *_, cost, _ in watch.seen], rel=1e-12)
    assert history.val_cost == pytest.approx(history.cost, rel=1e-12)
    assert history.cost == sorted(history.cost, reverse=True)
    assert 0 < history.lr[0] < 1
    assert history.lr.count(1.0) >= 3
    assert len(evaluations) <= 12
    assert_close(swa.average, np.mean([w for *_, w in watch.seen[2:]], axis=0), 1e-12)
    for layer in net.layers:
        layer.W = layer.b = 0
    assert not net.parameters.any()  # nor is there anything between the weights


@pytest.mark.parametrize(
    "change",
    [
        lambda net: setattr(net.layers[0], "l2", 0.1),
        lambda net: setattr(net.layers[0], "trainable", False),
        lambda net: net.parameters.__imul__(0.5),
    ],
)
def test_changes_by_a_callback_take_effect(change, rng):
    class Change(fg.Callback):
        def on_epoch_end(self, fit):
            if fit.epoch == 2:
                change(fit.net)

    net, X, y = regression(rng)
    other, optimizer = copy.deepcopy(net), fg.LBFGS()
    net.fit(X, y, epochs=6, optimizer=fg.LBFGS(), callbacks=[Change()])
    other.fit(X, y, epochs=3, optimizer=optimizer)
    change(other)
    other.fit(X, y, epochs=3, optimizer=optimizer)
    assert np.array_equal(net.parameters, other.parameters)


def test_a_frozen_layer_stays_as_it_is(rng):
    net, X, y = regression(rng)
    net.layers[0].trainable = False
    before = parameters(net)
    history = net.fit(X, y, epochs=200, optimizer=precise())
    for array, was, same in zip(parameters(net), before, (True, True, False, False), strict=True):
        assert np.array_equal(array, was) == same
    a = np.tanh(X @ before[0].T + before[1])
    rest = np.linalg.lstsq(np.c_[a, np.ones(S)], y)[1]
    assert history.cost[-1] == pytest.approx(rest[0] / S, rel=1e-6)


def test_early_stopping_and_stop(rng):
    net, X, y = regression(rng)
    stopping = fg.EarlyStopping("cost", min_delta=1e3, patience=2)
    history = net.fit(X, y, epochs=9, optimizer=fg.LBFGS(), callbacks=[stopping])
    assert len(history.cost) == 3
    assert net.cost(X, y) == pytest.approx(history.cost[0], rel=1e-12)


def test_it_stops_where_it_began_if_nothing_is_left_to_gain(rng, capsys):
    X, y = rng.normal(size=(S, 2)), rng.normal(size=S)
    net, optimizer = fg.Network([2, 1], dtype="float64", seed=0), fg.LBFGS()
    swa = fg.SWA()
    first = net.fit(X, y, epochs=99, optimizer=optimizer, average=swa)
    assert len(first.cost) < 99
    assert first.stopped.startswith("converged: ")
    assert swa.share_and_count[1] == len(first.cost)  # the last one counts too
    before = net.parameters.copy()
    optimizer.tolerance_grad = 1e-3
    again = net.fit(X, y, epochs=99, optimizer=optimizer, verbose=1)
    assert (len(again.cost), again.lr) == (1, [0.0])
    assert np.array_equal(net.parameters, before)
    assert "stopped: converged: no derivative is above 0.001" in capsys.readouterr().out


def test_a_small_change_is_the_end(rng):
    net, X, y = regression(rng)
    history = net.fit(X, y, epochs=500, optimizer=fg.LBFGS(tolerance_change=1e-2))
    assert history.stopped == "converged: a step changed less than 0.01"
    assert history.cost[-2] - history.cost[-1] < 1e-2 <= history.cost[-3] - history.cost[-2]


def test_a_direction_that_raises_the_cost_changes_nothing(rng, monkeypatch):
    def uphill(engine, *arguments, **options):
        C, right, dC = gradients(engine, *arguments, **options)
        return C, right, -dC

    gradients = Engine.gradients
    monkeypatch.setattr(Engine, "gradients", uphill)
    net, X, y = regression(rng)
    before = net.parameters.copy()
    history = net.fit(X, y, optimizer=fg.LBFGS())
    assert history.stopped == "no step reduces the cost"
    assert (len(history.cost), history.lr) == (1, [0.0])
    assert np.array_equal(net.parameters, before)


def test_pairs_that_mislead_are_forgotten(rng):
    net, X, y = regression(rng)
    optimizer = fg.LBFGS()
    net.fit(X, y, epochs=5, optimizer=optimizer)
    start = 1e12 * net.cost(X, y)  # of whose curvature the pairs know nothing
    history = net.fit(X, y, epochs=5, optimizer=optimizer, sample_weight=np.full(S, 1e12))
    assert history.stopped is None
    assert history.cost[-1] < 0.9 * start


def test_a_pair_without_curvature_is_left_out():
    pairs, s = fg.LBFGS().pairs(NetworkKey()), np.array([1.0, 2.0])
    for y in (0 * s, -s, np.array([2.0, -1.0])):
        fg.LBFGS.remember(pairs, s, y)
    assert not pairs
    fg.LBFGS.remember(pairs, s, 2 * s)
    assert pairs[0][2] == 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_trial_that_overflows_is_only_too_far(dtype, rng):
    X = rng.normal(size=(S, 2))
    net = fg.Network([2, 1], cost="poisson", dtype=dtype, seed=0)
    y = rng.poisson(np.exp(X.sum(axis=1))).astype(float)
    start = net.cost(X, y)
    history = net.fit(X, y, epochs=5, optimizer=fg.LBFGS(100.0))
    assert history.cost[-1] < start
    assert np.isfinite(net.parameters).all()


def test_a_trial_where_the_cost_is_no_number_is_only_too_far(rng):
    exponential = fg.Cost(
        "exponential", C=lambda a, y: np.log(a) + y / a, dC_da=lambda a, y: (a - y) / a**2
    )
    net = fg.Network([1, 1], cost=exponential, init="zeros", dtype="float64", seed=0)
    net.layers[0].b[:] = 1
    y = rng.exponential(0.2, size=S)
    net.fit(np.zeros((S, 1)), y, epochs=20, optimizer=fg.LBFGS(4.0))
    assert net.layers[0].b[0] == pytest.approx(y.mean(), rel=1e-5)


def test_a_cost_that_is_not_finite_ends_the_fit(rng):
    net, X, y = regression(rng)
    net.layers[0].W[:] = np.nan
    with pytest.warns(RuntimeWarning, match="the cost is nan in epoch 1"):
        history = net.fit(X, y, optimizer=fg.LBFGS())
    assert history.stopped.startswith("the cost is nan in epoch 1, batch 1; the weights of layer 1")


def fit(net, X, y, optimizer=None, **options):
    return net.fit(X, y, optimizer=optimizer or fg.LBFGS(), **options)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda net, X, y: net.step(X, y, fg.LBFGS()), "LBFGS for a mini-batch"),
        (lambda net, X, y: net.fit_stream([(X, y)], optimizer=fg.LBFGS()), "LBFGS with a stream"),
        (lambda net, X, y: fit(net, X, y, fg.LBFGS().clip(norm=1)), "LBFGS with clip"),
        (lambda net, X, y: fit(net, X, y, average=fg.EMA()), "LBFGS with fg.EMA"),
    ],
)
def test_unsupported_options(use, message, rng):
    net, X, y = regression(rng)
    before = net.parameters.copy()
    with pytest.raises((ValueError, TypeError), match=rf"^optimizer: got {message}; expected it "):
        use(net, X, y)
    assert np.array_equal(net.parameters, before)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"dropout": 0.1}, "dropout"),
        ({"input_dropout": 0.1}, "dropout"),
        ({"input_noise": 0.1}, "input_noise"),
        ({"max_norm": 2.0}, "max_norm"),
        ({"l1": [0.0, 0.1]}, "l1"),
    ],
)
def test_unsupported_networks(options, what, rng):
    net, X, y = regression(rng, **options)
    with pytest.raises(ValueError, match=rf"^optimizer: got LBFGS with {what}; expected it with"):
        fit(net, X, y)


def test_learning_rates_per_layer_are_unsupported(rng):
    net, X, y = regression(rng)
    net.layers[1].lr_scale = 0.5
    with pytest.raises(ValueError, match=r"^optimizer: got LBFGS with an lr_scale other than 1"):
        fit(net, X, y)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.LBFGS(0), ["lr", "0"]),
        (lambda: fg.LBFGS(fg.schedules.Cosine(1.0)), ["lr", "Cosine"]),
        (lambda: fg.LBFGS(history_size=0), ["history_size", "0"]),
        (lambda: fg.LBFGS(tolerance_grad=-1), ["tolerance_grad", "-1"]),
        (lambda: fg.LBFGS(tolerance_change="some"), ["tolerance_change", "some"]),
    ],
)
def test_bad_settings_are_named(make, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    for part in [*parts, "expected"]:
        assert part in str(caught.value)


def test_without_scipy_the_extra_is_named(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    net, X, y = regression(rng)
    with pytest.raises(ModuleNotFoundError, match=r"^LBFGS needs scipy: pip install"):
        fit(net, X, y)
