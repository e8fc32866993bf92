"""Bad input to what goes with training: one line, and no harm done."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from conftest import jitted_only
from numba.core.errors import NumbaError

import fastgrad as fg

X = np.linspace(-1, 1, 30).reshape(10, 3)
Y = np.linspace(0, 1, 20).reshape(10, 2)
y = X @ [1.0, -2.0, 0.5]
IDS = np.arange(10) % 2


def network(sizes=(3, 8, 1), **options):
    return fg.Network(sizes, "tanh", **{"cost": "mse", "seed": 0, **options})


def classes():
    return network([3, 5, 2], cost="softmax_cross_entropy")


RAGGED = [[1, 0], [1]] * 5


class Lines:
    def __repr__(self):
        return "two\n   lines"


def message_of(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message
    assert len(message) < 250
    return message


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
def test_a_figure_that_there_is_none_of_is_refused_before_training(callback, message, tmp_path):
    net = network(standardize=True)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        net.fit(X, y, callbacks=[fg.CSVLogger(tmp_path / "epochs.csv"), callback])
    assert not (tmp_path / "epochs.csv").exists()
    assert not net.inputs.standardized
    assert np.array_equal(net.parameters, before)


def test_the_figures_are_those_of_the_history():
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
def test_which_way_a_figure_of_ones_own_is_better_must_be_told(watch):
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
def test_which_way_a_figure_of_ours_is_better_is_known(metric):
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
def test_a_rate_that_no_step_follows_cannot_be_reduced(name):
    net, optimizer = network(), getattr(fg, name)()
    before = net.parameters.copy()
    with pytest.raises(TypeError, match=rf"^ReduceLROnPlateau: got {name}; expected steps that"):
        net.fit(X, y, optimizer=optimizer, callbacks=[fg.ReduceLROnPlateau("cost")])
    assert np.array_equal(net.parameters, before)


# --- weights of samples and classes, metrics -----------------------------------------------------


@pytest.mark.parametrize(
    ("class_weight", "parts"),
    [
        ({0: "x"}, ["class_weight[0]", "'x'", "a finite number"]),
        ({0: None}, ["class_weight[0]", "None"]),
        ({1: [1]}, ["class_weight[1]", "[1]"]),
        ({1: float("nan")}, ["class_weight[1]", "nan"]),
        ({1: -2}, ["class_weight[1]", "-2", "at least 0"]),
        ({0: 1e300}, ["class_weight", "1e+300", "float32"]),
        ({0: 0, 1: 0}, ["class_weight", "zeros"]),
        (3, ["class_weight", "3", "2 weights"]),
        ([1, [2]], ["class_weight", "2 weights"]),
    ],
)
def test_class_weights(class_weight, parts):
    net = network([3, 5, 2], cost="softmax_cross_entropy")
    message = message_of(lambda: net.fit(X, IDS, class_weight=class_weight))
    for part in parts:
        assert part in message


def test_weights_that_come_to_nothing():
    net = network([3, 5, 2], cost="softmax_cross_entropy")
    for weights in ({"sample_weight": 1.0 * (IDS == 0)}, {}):
        targets = IDS if weights else np.zeros(10, int)
        message = message_of(lambda w=weights, y=targets: net.fit(X, y, class_weight={0: 0}, **w))
        assert "class_weight: got a largest weight of 0" in message
    huge = {"class_weight": {0: 1e30}, "sample_weight": np.full(10, 1e30)}
    assert "weight of inf" in message_of(lambda: net.fit(X, IDS, **huge))


def largest(Y, prediction):
    return np.abs(Y - prediction).max()


def cost(Y, prediction):
    return 0.0


def accuracy(Y, prediction):
    return 0.0


@pytest.mark.parametrize(
    ("of", "metrics", "name"),
    [
        ("mse", [largest, largest], "largest"),
        ("mse", [lambda Y, p: 1, lambda Y, p: 2], "lambda"),
        ("mse", ["mae", "mae"], "mae"),
        ("mse", [cost], "cost"),
        ("softmax_cross_entropy", [accuracy], "accuracy"),
    ],
)
def test_metrics_of_one_name(of, metrics, name):
    net, Y_val = network([3, 5, 2], cost=of), Y if of == "mse" else IDS
    call = lambda: net.fit(X, Y_val, validation=(X, Y_val), metrics=metrics)  # noqa: E731
    assert f"metrics: got {name!r} twice; expected functions of diff" in message_of(call)


def test_the_metric_of_a_users_own_may_be_called_accuracy_where_there_is_none():
    history = network([3, 5, 2]).fit(X, Y, epochs=1, validation=(X, Y), metrics=[accuracy])
    assert history.metrics == {"val_accuracy": [0]}


def test_a_lambda_has_a_name_that_a_file_can_hold(tmp_path):
    options = {"validation": (X, Y), "metrics": [lambda Y, p: 3]}
    callbacks = [fg.CSVLogger(tmp_path / "log"), fg.EarlyStopping("val_lambda", mode="min")]
    history = network([3, 5, 2]).fit(X, Y, epochs=1, callbacks=callbacks, **options)
    assert history.metrics == {"val_lambda": [3]}
    assert "val_lambda" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("value", [None, "high", np.ones(3)])
def test_a_metric_that_is_no_number(value):
    options = {"validation": (X, Y), "metrics": [lambda Y, p: value]}
    assert "from <lambda>" in message_of(lambda: network([3, 5, 2]).fit(X, Y, epochs=1, **options))


# --- everything else -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.Chunks(3, 4), ["X", "int", "length and slices"]),
        (lambda: fg.Chunks(X, {0: 1}), ["Y", "dict", "length and slices"]),
        (lambda: fg.Chunks(X, np.array(3)), ["Y", "ndarray", "length and slices"]),
        (lambda: fg.Chunks(X, Y, sample_weight=2), ["sample_weight", "int", "length and slices"]),
        (lambda: fg.Chunks(X, Y, seed="a"), ["seed", "'a'"]),
        (lambda: fg.Chunks(X, Y, rows=2**70), ["rows", str(2**63 - 1)]),
        (lambda: network().fit_stream((X, y)), ["batches", "ndarray as piece 0", "(X, Y"]),
        (lambda: network().fit_stream([(X, y, [1])]), ["sample_weight", "(1,)", "(10,)"]),
        (lambda: fg.Chunks(X, Y, shuffle="no"), ["shuffle", "'no'", "True or False"]),
        (lambda: fg.SGD(0.1, 0.9, nesterov="no"), ["nesterov", "'no'", "True or False"]),
        (lambda: fg.Adam(amsgrad="no"), ["amsgrad", "'no'", "True or False"]),
        (
            lambda: fg.NAdam(decoupled_weight_decay=2),
            ["decoupled_weight_decay", "2", "True or False"],
        ),
        (lambda: fg.RMSprop(centered="no"), ["centered", "'no'", "True or False"]),
        (lambda: fg.EMA(2), ["decay", "2", "below 1"]),
        (lambda: fg.SWA(2**70), ["start", str(2**63 - 1)]),
        (lambda: fg.CSVLogger(None), ["path", "None"]),
        (lambda: fg.CSVLogger("x.csv", append="no"), ["append", "no", "True or False"]),
        (lambda: fg.Checkpoint(3), ["path", "3"]),
        (lambda: fg.find_lr(3, X, y), ["net", "int", "fg.Network"]),
        (lambda: fg.plot.history([1.0]), ["history", "list", "fg.History"]),
        (lambda: fg.plot.network("net"), ["net", "str", "fg.Network"]),
        (lambda: fg.plot.confusion(None, X, IDS), ["net", "NoneType", "fg.Network"]),
        (lambda: fg.plot.decision_boundary(fg.Network, X, y), ["net", "type", "fg.Network"]),
        (lambda: fg.metrics.top_k_accuracy(IDS, Y / 2, k=2**70), ["k", str(2**63 - 1)]),
        (lambda: network(init=lambda shape, rng: None), ["init", "None", "(8, 3)"]),
        (lambda: fg.Adam().clip(norm=True), ["norm", "True"]),
        (lambda: network([3, 5, 2]).fit(X, RAGGED), ["Y", "different lengths", "(10, 2)"]),
        (lambda: classes().fit(X, RAGGED), ["Y", "different lengths", "10 class ids from 0 to 1"]),
        (lambda: network().predict(np.ma.masked_greater(X, 0)), ["X", "masked values", "(S, 3)"]),
        (lambda: network().predict(Lines()), ["X", "got two lines (Lines", "(S, 3)"]),
        (lambda: network().predict({"a" * 99: X}), ["X", "got {'aaaaaaaa", "... (dict", "(S, 3)"]),
        (lambda: network([2**40, 1]), ["sizes[0]", str(2**40), str(2**29)]),
        (lambda: network([3, 2], dropout=np.array([0.1, 0.2])), ["dropout", "hidden layer", "0"]),
        (lambda: network([3, 2], cost=[("mse", 1, 0), ("mae", 1, 0)]), ["cost", "weights of 0"]),
        (lambda: network(penalize_biases=True), ["penalize_biases", "True", "l1 or l2 above 0"]),
        (
            lambda: network(penalize_biases=[True, False], l2=[0, 0.1]),
            ["penalize_biases", "without a penalty"],
        ),
        (lambda: setattr(network().layers[0], "W", None), ["W", "NoneType", "(8, 3)"]),
        (lambda: setattr(fg.Adam(), "schedule", "fast"), ["lr", "'fast'", "a schedule such as"]),
        (lambda: fg.Activation("own", lambda u: None, abs), ["'own': f gives None", "a number"]),
        (lambda: fg.Cost("own", lambda a, y: "x", max), ["'own': C gives 'x'", "a number"]),
        (lambda: network().save(None), ["path", "None"]),
        (lambda: fg.load(3), ["path", "3"]),
        (lambda: fg.save_checkpoint("c", fg.Adam(), network()), ["net", "Adam", "fg.Network"]),
        (lambda: fg.save_checkpoint("c", network(), "adam"), ["optimizer", "'adam'", "Adam"]),
        (lambda: fg.save_checkpoint("c", network(), fg.Adam), ["optimizer", "class", "Adam"]),
        (lambda: fg.save_checkpoint("c", network(), fg.Adam(), "ema"), ["average", "'ema'", "EMA"]),
        (
            lambda: fg.Checkpoint("c", extra_state=fg.Chunks(X, Y)),
            ["extra_state", "<Chunks 10 rows", "a list"],
        ),
    ],
)
def test_one_line(make, parts):
    message = message_of(make)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("W", np.ones((2, 2)), ["W", "(2, 2)", "(8, 3)"]),
        ("W", "x", ["W", "str", "(8, 3)"]),
        ("b", [1.0, 2.0], ["b", "list", "(8,)"]),
        ("trainable", np.array([1, 2]), ["trainable", "True or False"]),
        ("lr_scale", np.ones(3), ["lr_scale", "a finite number"]),
    ],
)
def test_what_is_assigned_to_a_layer(name, value, parts):
    layer = network().layers[0]
    before = layer.W.copy(), layer.b.copy()
    message = message_of(lambda: setattr(layer, name, value))
    for part in parts:
        assert part in message
    assert all(map(np.array_equal, (layer.W, layer.b), before))


@pytest.mark.parametrize(
    ("of", "name", "hint"),
    [
        (lambda: network().layers[0], "trainabel", "Layer: got an attribute 'trainabel'; did you"
         " mean 'trainable'? expected one of W, b, dropout, l1, l2, lr_scale, "),
        (lambda: network().inputs, "nois", "did you mean 'noise'? expected one of dropout, mean, "),
        (lambda: network().layers[0], "lr", "did you mean 'lr_scale'?"),
        (fg.Adam, "learning_rate", "did you mean 'lr'? expected one of clip_norm, clip_value, "),
        (fg.LBFGS, "max_iter", "expected one of clip_norm, clip_value, follows_lr, h, history_si"),
        (network, "learning_rate", "expected one of activation_functions, "),
        (lambda: copy.deepcopy(network()), "metdata", "did you mean 'metadata'? expected one of "),
        (lambda: pickle.loads(pickle.dumps(fg.SGD(0.1))), "clipnorm", "did you mean 'clip_norm'?"),
    ],
)  # fmt: skip
def test_a_misspelt_attribute_is_refused(of, name, hint):
    thing = of()
    with pytest.raises(AttributeError) as caught:
        setattr(thing, name, 1)
    assert hint in str(caught.value)
    assert "penalty" not in str(caught.value)  # nobody can set it
    assert not hasattr(thing, name)


def test_a_method_is_not_overwritten():
    net = network()
    with pytest.raises(AttributeError, match="Network: got an attribute 'cost'; "):
        net.cost = "mae"
    assert net.cost(X, y) > 0


def test_a_subclass_has_attributes_of_its_own():
    class Own(fg.SGD):
        def __init__(self):
            self.note = "mine"
            super().__init__(0.1)

    own = Own()
    own.note = own._private = "changed"
    with pytest.raises(AttributeError, match="did you mean 'note'"):
        own.notes = "changed"
    assert copy.deepcopy(own).note == "changed"


@pytest.mark.parametrize("name", ["stop_training", "stop"])
def test_a_fit_does_not_stop_by_an_attribute(name):
    class Stop(fg.Callback):
        def on_epoch_end(self, fit):
            setattr(fit, name, True)

    with pytest.raises(AttributeError, match=name):
        network().fit(X, y, epochs=2, callbacks=[Stop()])


@pytest.mark.parametrize("rate", [0.1, lambda step: 0.1])
def test_a_schedule_may_be_set_as_it_is_given(rate):
    net, expected, optimizer = network(), network(), fg.SGD(0.5)
    optimizer.schedule = rate
    net.fit(X, y, epochs=1, optimizer=optimizer)
    expected.fit(X, y, epochs=1, optimizer=fg.SGD(0.1))
    assert np.array_equal(net.parameters, expected.parameters)


@jitted_only
def test_what_numba_cannot_compile_is_named():
    own = fg.Activation("own", f=lambda u: math.fsum([u]), df=lambda u: 1.0)
    with pytest.raises(NumbaError) as caught:
        fg.Network([3, 4, 2], [own, "identity"]).predict(X)
    assert caught.value.__notes__[-1].startswith("activation 'own': numba cannot compile it; exp")


def test_a_seed_may_be_as_large_as_numpy_takes():
    assert np.array_equal(network(seed=2**70).parameters, network(seed=2**70).parameters)
    assert len(list(fg.Chunks(X, Y, seed=2**100))) == 1


def test_a_mini_batch_may_be_larger_than_the_data():
    one, other = network(), network()
    one.fit(X, y, epochs=2, batch_size=10, optimizer=fg.SGD(0.1), shuffle=False)
    other.fit(X, y, epochs=2, batch_size=2**63 - 1, optimizer=fg.SGD(0.1), shuffle=False)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-6)


def test_a_failed_step_draws_no_random_number():
    net = network(dropout=0.5)
    before = net.rng.bit_generator.state
    message_of(lambda: net.step(X[:, :2], y, fg.SGD(0.1)))
    assert net.rng.bit_generator.state == before
