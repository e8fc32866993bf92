"""Callbacks: the hooks, and the callbacks of the package."""

import json
import sys

import numpy as np
import pytest
from helpers.small_fits import new_fit, run_callback
from helpers.ten_samples import X, y
from helpers.ten_samples import network as small_network

import fastgrad as fg
from fastgrad.optim.schedules import Cosine, Warmup
from fastgrad.train.base import Callback


def test_a_callback_does_nothing_by_default():
    run_callback(Callback(), epochs=2, progress=[50])


class Recorder(Callback):
    def __init__(self, every=0):
        self.every, self.calls = every, []

    def on_train_begin(self, fit):
        self.calls.append("train begin")

    def on_epoch_begin(self, fit):
        self.calls.append(f"epoch {fit.epoch} begin")

    def on_batch_end(self, fit):
        self.calls.append(f"step {fit.step}, {fit.samples_done} done")

    def on_epoch_end(self, fit):
        self.calls.append(f"epoch {fit.epoch} end")

    def on_train_end(self, fit):
        self.calls.append("train end")


def line(rng, samples=50):
    x = rng.normal(size=(samples, 3))
    return x, x @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=samples)


def network():
    return fg.Network([3, 8, 1], "tanh", cost="mse", seed=0)


def test_hooks_come_in_keras_order_every_k_batches(rng):
    recorder = Recorder(every=2)
    network().fit(*line(rng), epochs=2, batch_size=8, callbacks=[recorder])
    epochs = [
        [
            f"epoch {k} begin",
            *(f"step {7 * k + step}, {8 * step} done" for step in (2, 4, 6)),
            f"epoch {k} end",
        ]
        for k in (0, 1)
    ]
    assert recorder.calls == ["train begin", *epochs[0], *epochs[1], "train end"]


def test_callbacks_of_different_intervals_do_not_change_the_result(rng):
    x, y = line(rng)
    alone, watched = network(), network()
    some = [Recorder(every=2), Recorder(every=3)]
    alone.fit(x, y, epochs=2, batch_size=8)
    watched.fit(x, y, epochs=2, batch_size=8, callbacks=some)
    assert [call[:6] for call in some[1].calls if "step" in call] == ["step 3", "step 6"] + [
        "step 1"  # steps 10 and 13: the third and sixth of the second epoch
    ] * 2
    assert np.array_equal(alone.parameters, watched.parameters)


@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end"])
def test_a_callback_can_stop_and_change_the_learning_rate(hook, rng):
    class Stops(Callback):
        every = 3

    def act(self, fit):
        fit.optimizer.lr = 0.25
        fit.stop("enough")

    setattr(Stops, hook, act)
    optimizer = fg.SGD(0.01)
    history = network().fit(
        *line(rng), epochs=5, batch_size=8, optimizer=optimizer, callbacks=[Stops()]
    )
    assert len(history.cost) == len(history.seconds) == 1
    assert history.stopped == "enough"
    assert history.lr == [0.01]
    assert optimizer.lr == 0.25


def test_on_train_end_sees_the_error(rng):
    class Fails(Recorder):
        def on_epoch_end(self, fit):
            raise RuntimeError

    callback = Fails()
    with pytest.raises(RuntimeError):
        network().fit(*line(rng), epochs=5, callbacks=[callback])
    assert callback.calls[-1] == "train end"


class Saves(Callback):
    def on_train_end(self, fit):
        self.weights = fit.net.parameters.copy()


def test_on_train_end_is_called_in_the_order_of_the_list(rng):
    net, before, after = network(), Saves(), Saves()
    history = worsening(net, [before, fg.EarlyStopping(patience=4), after], rng)
    x, y = line(np.random.default_rng(0))
    for saved, cost in ((after, min(history.val_cost)), (before, history.val_cost[-1])):
        net.parameters[:] = saved.weights
        assert net.cost(x, y) == cost


@pytest.mark.parametrize("in_training", [True, False])
def test_the_first_error_is_raised_and_every_on_train_end_is_called(in_training, rng):
    class Fails(Recorder):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def on_epoch_end(self, fit):
            if in_training:
                raise RuntimeError("in training")

        def on_train_end(self, fit):
            super().on_train_end(fit)
            raise RuntimeError(self.name)

    failing = [Fails("one"), Fails("two"), Fails("three")]
    with pytest.raises(RuntimeError, match="in training" if in_training else "one"):
        network().fit(*line(rng), epochs=1, callbacks=failing)
    assert [callback.calls.count("train end") for callback in failing] == [1, 1, 1]


def worsening(net, callbacks, rng):
    """A fit whose cost falls at first and rises when its weights are disturbed."""

    class Disturbs(Callback):
        def on_epoch_begin(self, fit):
            if fit.epoch > 5:
                fit.net.layers[0].W += 0.5

    x, y = line(rng)
    return net.fit(
        x, y, epochs=30, batch_size=8, validation=(x, y), optimizer=fg.SGD(0.01),
        callbacks=[Disturbs(), *callbacks],
    )  # fmt: skip


def test_early_stopping_restores_the_best_weights(rng):
    net = network()
    history = worsening(net, [fg.EarlyStopping(patience=4)], rng)
    best = int(np.argmin(history.val_cost))
    assert len(history.cost) == best + 5 < 30
    assert f"epoch {best + 1}" in history.stopped
    x, y = line(np.random.default_rng(0))
    assert net.cost(x, y) == history.val_cost[best]


def test_early_stopping_can_keep_the_last_weights(rng):
    net = network()
    callback = fg.EarlyStopping(patience=4, restore_best_weights=False)
    history = worsening(net, [callback], rng)
    x, y = line(np.random.default_rng(0))
    assert net.cost(x, y) == history.val_cost[-1] > min(history.val_cost)


def test_min_delta_and_mode():
    def epochs_until_stop(values, **options):
        fit = new_fit(len(values))
        callback = fg.EarlyStopping("val_f1", restore_best_weights=False, **options)
        callback.on_train_begin(fit)
        for k, value in enumerate(values):
            fit.epoch = k
            fit.history.metrics.setdefault("val_f1", []).append(value)
            callback.on_epoch_end(fit)
            if fit.history.stopped:
                return k + 1
        return None

    rising = [0.1, 0.2, 0.3, 0.31, 0.32, 0.33]
    assert epochs_until_stop(rising, patience=2) is None
    assert epochs_until_stop(rising, patience=2, min_delta=0.05) == 5
    assert epochs_until_stop(rising, patience=2, mode="min") == 3
    relative = {"patience": 2, "min_delta": 0.08, "min_delta_mode": "relative"}
    assert epochs_until_stop([value / 1000 for value in rising], **relative) == 5
    assert epochs_until_stop([value / 1000 for value in rising], patience=2, min_delta=0.05) == 3
    assert epochs_until_stop([-3.0, -2.0, -1.9, -1.89, -1.88], **relative) == 4


def test_a_metric_that_is_never_a_number_is_said_to_be_so():
    fit = new_fit(3)
    stopping = fg.EarlyStopping("val_f1", patience=2)
    stopping.on_train_begin(fit)
    for _ in range(2):
        fit.history.metrics.setdefault("val_f1", []).append(np.nan)
        stopping.on_epoch_end(fit)
    expected = "no better val_f1 for 2 epochs, it was never a finite number"
    assert fit.history.stopped == expected
    assert json.loads(json.dumps(stopping.state_dict(), allow_nan=False))["best"] is None


def test_the_rate_falls_on_a_plateau():
    values = [1.0, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]
    fit = new_fit(len(values))
    fit.optimizer = fg.SGD(1.0)
    callback = fg.ReduceLROnPlateau("cost", factor=0.5, patience=2, cooldown=1, min_lr=0.2)
    callback.on_train_begin(fit)
    rates = []
    for k, value in enumerate(values):
        fit.epoch = k
        fit.history.cost.append(value)
        callback.on_epoch_end(fit)
        rates.append(fit.optimizer.lr)
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2]


def test_a_rate_below_the_least_is_left_alone():
    fit = new_fit(3)
    fit.optimizer = fg.SGD(0.01)
    callback = fg.ReduceLROnPlateau("cost", patience=1, min_lr=0.1)
    callback.on_train_begin(fit)
    for fit.epoch in range(3):
        fit.history.cost.append(1.0)
        callback.on_epoch_end(fit)
    assert fit.optimizer.lr == 0.01


def test_a_plateau_after_a_warm_up(rng):
    """7 steps an epoch, of which the first 9 lead up to the rate."""
    optimizer = fg.SGD(Warmup(0.1, steps=9))
    plateau = fg.ReduceLROnPlateau("cost", factor=0.5, patience=1, min_delta=1e9, min_lr=0.03)
    history = network().fit(
        *line(rng), epochs=5, batch_size=8, optimizer=optimizer, callbacks=[plateau]
    )
    # the first epoch counts as the best, each after it as no better
    np.testing.assert_allclose(history.lr, [0.1 * 6 / 9, 0.1, 0.05, 0.03, 0.03], rtol=1e-12)
    assert optimizer.schedule == Warmup(0.03, steps=9)


@pytest.mark.parametrize("schedule", [Cosine(0.1), Warmup(Cosine(0.1), steps=2)])
def test_a_plateau_needs_a_constant_rate(schedule, rng):
    x, y = line(rng)
    with pytest.raises(TypeError, match=r"got (Cosine|Warmup)\(.*; expected a constant rate, or a"):
        network().fit(
            x, y, optimizer=fg.SGD(schedule), callbacks=[fg.ReduceLROnPlateau("cost")]
        )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.EarlyStopping(patience=-1), ["patience", "-1"]),
        (lambda: fg.EarlyStopping(min_delta=-1.0), ["min_delta", "-1.0"]),
        (lambda: fg.EarlyStopping(mode="least"), ["mode", "least"]),
        (lambda: fg.EarlyStopping(monitor=3), ["monitor", "3", "val_cost"]),
        (lambda: fg.EarlyStopping(patience=2**70), ["patience", str(2**70), str(2**63 - 1)]),
        (lambda: fg.EarlyStopping(restore_best_weights="no"), ["restore_best_weights", "no"]),
        (lambda: fg.ReduceLROnPlateau(monitor=None), ["monitor", "None", "val_cost"]),
        (lambda: fg.ReduceLROnPlateau(factor=1.5), ["factor", "1.5"]),
        (lambda: fg.ReduceLROnPlateau(cooldown=0.5), ["cooldown", "0.5"]),
    ],
)
def test_bad_settings_are_named(make, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    for part in [*parts, "expected"]:
        assert part in str(caught.value)


def test_a_history_as_a_table(rng):
    pytest.importorskip("pandas", reason="pandas is an extra")
    x, y = line(rng)
    history = network().fit(x, y, epochs=3, validation=(x, y), optimizer=fg.SGD(0.1))
    table = history.frame()
    assert list(table.columns) == ["cost", "val_cost", "lr", "seconds"]
    assert list(table.index) == [1, 2, 3]
    assert table["val_cost"].tolist() == history.val_cost


def test_a_table_needs_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="frame needs pandas: pip install"):
        fg.History(samples=1).frame()


def test_training_ends_when_the_cost_is_nan(rng):
    net = network()
    net.layers[1].W[0, 0] = np.nan
    with pytest.warns(RuntimeWarning, match="the cost is nan in epoch 1"):
        history = net.fit(*line(rng), epochs=5)
    assert len(history.cost) == 1
    assert "the cost is nan" in history.stopped


def test_on_train_end_is_called_only_after_on_train_begin(rng):
    class Bad(Callback):
        def on_train_begin(self, fit):
            raise RuntimeError("its own problem")

    x, y = line(rng)
    net, stopping = network(), fg.EarlyStopping("cost")
    net.fit(x, y, epochs=2, callbacks=[stopping])
    net.fit(x, y, epochs=2)
    before = net.parameters.copy()
    with pytest.raises(RuntimeError, match="its own problem"):
        net.fit(x, y, callbacks=[Bad(), stopping])
    assert np.array_equal(net.parameters, before)


@pytest.mark.parametrize(("hook", "epochs"), [("on_train_begin", 0), ("on_epoch_begin", 0)])
def test_stopping_between_epochs_ends_training(hook, epochs, rng):
    class Stops(Callback):
        pass

    setattr(Stops, hook, lambda self, fit: fit.stop())
    net = network()
    before = net.parameters.copy()
    assert len(net.fit(*line(rng), callbacks=[Stops()]).cost) == epochs
    assert np.array_equal(net.parameters, before)


def test_every_k_batches_of_a_stream_too(rng):
    recorder = Recorder(every=5)
    network().fit_stream([line(rng, 96)] * 10, batch_size=32, callbacks=[recorder])
    steps = [call.split(",")[0] for call in recorder.calls if call.startswith("step")]
    assert steps == [f"step {k}" for k in (5, 10, 15, 20, 25, 30)]


class Doubles(fg.Callback):
    def __init__(self, often, limit=3):
        self.often, self.limit, self.other = often, limit, 1


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (fg.EarlyStopping(), "EarlyStopping()"),
        (fg.EarlyStopping("cost", patience=3), "EarlyStopping(monitor='cost', patience=3)"),
        (fg.ReduceLROnPlateau(factor=0.5, mode="max"), "ReduceLROnPlateau(factor=0.5, mode='max')"),
        (fg.Checkpoint("net"), "Checkpoint(path='net')"),
        (fg.Callback(), "Callback()"),
        (Doubles(2), "Doubles(often=2)"),
        (fg.EMA(), "EMA(decay=0.999)"),
        (fg.SWA(3), "SWA(start=3)"),
        (fg.Chunks(range(9), range(9), rows=4), "<Chunks 9 rows, 4 at a time, shuffled>"),
        (
            fg.History(9, [2.0, 1.0], [3.0, 2.5], {"val_r2": [0.1, 0.25]}, stopped="requested"),
            "<History 2 epochs, cost 1, val_cost 2.5, val_r2 0.25; stopped: requested>",
        ),
        (fg.Chunks([1], [1], 4, shuffle=False), "<Chunks 1 rows, 4 at a time>"),
    ],
)
def test_repr_shows_the_arguments(thing, text):
    assert repr(thing) == text


@pytest.mark.parametrize("name", ["stop_training", "stop"])
def test_a_fit_does_not_stop_by_an_attribute(name):
    class Stop(fg.Callback):
        def on_epoch_end(self, fit):
            setattr(fit, name, True)

    with pytest.raises(AttributeError, match=name):
        small_network().fit(X, y, epochs=2, callbacks=[Stop()])
