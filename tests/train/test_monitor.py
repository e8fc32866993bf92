"""Metrics that a callback monitors: their names, and which way is better."""

import re

import numpy as np
import pytest
from helpers.ten_samples import IDS, X, network, y

import fastgrad as fg

# --- what is monitored ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            fg.EarlyStopping(),
            "monitor: got 'val_cost' in a fit without validation; expected "
            "validation=(X_val, Y_val), or one of cost",
        ),
        (
            fg.EarlyStopping("loss"),
            "monitor: got 'loss'; did you mean 'cost'? expected one of cost",
        ),
        (fg.EarlyStopping("accuracy"), "monitor: got 'accuracy'; expected one of cost"),
        (
            fg.ReduceLROnPlateau("val_mae"),
            "monitor: got 'val_mae' in a fit without validation; expected "
            "validation=(X_val, Y_val), or one of cost",
        ),
    ],
)
def test_monitoring_a_metric_that_is_never_computed_is_refused(callback, message, tmp_path):
    net = network(standardize=True)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        net.fit(X, y, callbacks=[fg.CSVLogger(tmp_path / "epochs.csv"), callback])
    assert not (tmp_path / "epochs.csv").exists()
    assert not net.inputs.standardized
    assert np.array_equal(net.parameters, before)


def test_metric_names_are_those_of_the_history():
    class Norm(fg.Callback):
        metric_names = ("norm",)

        def on_epoch_end(self, fit):
            norm = float(np.linalg.norm(fit.net.parameters))
            fit.history.metrics.setdefault("norm", []).append(norm)
            self.named = fit.metric_names

    norm, watch = Norm(), fg.EarlyStopping("norm", mode="max", patience=99)
    for cost, targets, metrics in (("mse", y, ["mae"]), ("sigmoid_cross_entropy", y > 0, ["f1"])):
        history = fg.Network([3, 8, 1], cost=cost, seed=0).fit(
            X, targets, epochs=2, validation=(X, targets), metrics=metrics, callbacks=[norm, watch]
        )
        assert {*norm.named} == {*history.columns()} - {"lr", "seconds"}
    with pytest.raises(ValueError, match=r"^monitor: got 'val_f2'; .* cost, val_cost$"):
        network().fit(X, y, validation=(X, y), callbacks=[fg.EarlyStopping("val_f2")])
    meant = r"^monitor: got 'val_loss'; did you mean 'val_cost'\? expected one of cost, val_cost$"
    with pytest.raises(ValueError, match=meant):
        network().fit(X, y, validation=(X, y), callbacks=[fg.EarlyStopping("val_loss")])


@pytest.mark.parametrize("watch", [fg.EarlyStopping, fg.ReduceLROnPlateau])
def test_a_custom_metric_needs_a_mode(watch):
    def log_loss(Y, prediction):
        return float(np.square(Y - prediction).mean())

    net, options = network(), {"validation": (X, y), "metrics": [log_loss]}
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"^mode: got 'auto' for val_log_loss; expected 'min' or"):
        net.fit(X, y, callbacks=[watch("val_log_loss")], **options)
    assert np.array_equal(net.parameters, before)
    callback = watch("val_log_loss", mode="min", patience=1)
    history = net.fit(X, y, epochs=4, callbacks=[callback], **options)
    assert len(history.cost) == 4


@pytest.mark.parametrize("metric", [*fg.metrics.METRICS, "top_k_accuracy(k=2)"])
def test_built_in_metrics_have_a_mode(metric):
    name = fg.metrics.resolve_metric(metric).__name__
    net, targets = network(), y
    if name not in {"r2", "mae", "rmse"}:
        net, targets = network([3, 6], cost="softmax_cross_entropy"), IDS
    watch = fg.EarlyStopping(f"val_{name}")
    held_out = {"validation": (X, targets), "metrics": [metric]}
    history = net.fit(X, targets, epochs=1, callbacks=[watch], **held_out)
    (value,) = history.metrics[f"val_{name}"]
    assert watch.best == (value if name in {"mae", "rmse"} else -value)


@pytest.mark.parametrize("name", ["LBFGS", "Rprop"])
def test_reducing_an_unused_learning_rate_is_refused(name):
    net, optimizer = network(), getattr(fg, name)()
    before = net.parameters.copy()
    with pytest.raises(TypeError, match=rf"^ReduceLROnPlateau: got {name}; expected steps that"):
        net.fit(X, y, optimizer=optimizer, callbacks=[fg.ReduceLROnPlateau("cost")])
    assert np.array_equal(net.parameters, before)
