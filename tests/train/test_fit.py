"""Options of fit: learning rates, averages, weights, several costs, streams."""

import copy
import pickle

import numpy as np
import pytest
from helpers.comparison import assert_close, assert_same_gradients
from helpers.oracle import one_hot
from helpers.run_mode import jitted_only
from helpers.small_fits import S, data, network, same_parameters
from helpers.ten_samples import X, y
from helpers.ten_samples import network as small_network

import fastgrad as fg
from fastgrad.optim import schedules

# --- learning rates ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 8, 40])
@pytest.mark.parametrize(
    "schedule",
    [
        schedules.Step(0.1, every=3, gamma=0.5),
        schedules.Cosine(0.1),
        schedules.Warmup(schedules.Exponential(0.1, gamma=0.9), steps=4),
        lambda step: 0.1 / (1 + step),
    ],
    ids=["Step", "Cosine", "Warmup", "function"],
)
def test_each_step_has_the_rate_of_its_schedule(schedule, batch_size):
    X, Y = data()
    by_schedule, by_hand = network(), network()
    history = by_schedule.fit(
        X, Y, epochs=2, batch_size=batch_size, optimizer=fg.SGD(schedule), shuffle=False
    )
    steps, optimizer = 2 * (S // batch_size), fg.SGD(0.1)
    rate_of = schedule if isinstance(schedule, schedules.Schedule) else lambda t, _: schedule(t)
    for t in range(steps):
        some = slice(t * batch_size % S, t * batch_size % S + batch_size)
        optimizer.lr = rate_of(t, steps)
        by_hand.step(X[some], Y[some], optimizer)
    assert_close(by_schedule.parameters, by_hand.parameters, 1e-12)
    assert history.lr == pytest.approx([rate_of(steps // 2 - 1, steps), rate_of(steps - 1, steps)])


def test_a_schedule_over_the_whole_fit_begins_anew_with_the_next():
    X, Y = data()
    optimizer = fg.SGD(schedules.Linear(0.1))
    rates = [network().fit(X, Y, epochs=2, optimizer=optimizer).lr for _ in range(2)]
    assert rates[0] == rates[1]


def test_a_schedule_with_steps_resumes():
    X, Y = data()
    net, optimizer = network(), fg.SGD(schedules.Step(0.1, every=2))
    rates = [net.fit(X, Y, epochs=2, batch_size=40, optimizer=optimizer).lr for _ in range(2)]
    assert rates == [pytest.approx([0.1, 0.1]), pytest.approx([0.01, 0.01])]


def test_a_schedule_longer_than_the_fit_is_refused_where_it_must_end():
    X, Y = data()
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="Cosine: got steps 100 in a fit that ends at step 4"):
        net.fit(X, Y, epochs=2, optimizer=fg.Adam(schedules.Cosine(0.1, steps=100)))
    assert np.array_equal(net.parameters, before)


def test_a_step_outside_a_fit_needs_a_schedule_of_its_own_length():
    X, Y = data()
    with pytest.raises(ValueError, match=r"Cosine: got no steps"):
        network().step(X, Y, fg.Adam(schedules.Cosine(0.1)))


def test_a_rate_on_a_plateau_must_be_constant():
    X, Y = data()
    with pytest.raises(TypeError, match=r"ReduceLROnPlateau: got .*Cosine.*expected a constant"):
        network().fit(
            X, Y, optimizer=fg.Adam(schedules.Cosine(0.1)),
            callbacks=[fg.ReduceLROnPlateau("cost")],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (-1, r"^lr = f\(12\): got -1; expected a finite number at least 0$"),
        (float("nan"), r"^lr = f\(12\): got nan; expected a finite number at least 0$"),
        ("0.1", r"^lr = f\(12\): got '0.1'; expected a finite number at least 0$"),
        (None, r"^lr = f\(12\): got None; expected a finite number at least 0$"),
    ],
)
@pytest.mark.parametrize("warm", [0, 3])
def test_a_wrong_rate_ends_a_fit_before_its_epoch(wrong, message, warm):
    X, Y = data()

    def rates(step):
        return wrong if step == 12 else 0.01

    def follows(f):
        return fg.SGD(fg.schedules.Warmup(f, warm) if warm else f)

    net, expected = network(dropout=0.2), network(dropout=0.2)
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(X, Y, epochs=4, batch_size=8, optimizer=follows(rates))  # 5 steps an epoch
    expected.fit(X, Y, 2 + (warm > 2), batch_size=8, optimizer=follows(lambda step: 0.01))
    assert same_parameters(net, expected)
    assert net.rng.bit_generator.state == expected.rng.bit_generator.state


# --- weights of classes --------------------------------------------------------------------------

COUNTS = [20, 5, 15]
IDS = np.repeat([0, 1, 2], COUNTS)


@pytest.mark.parametrize(
    ("class_weight", "by_class"),
    [
        ({1: 3.0}, [1, 3, 1]),
        ([0.5, 2.0, 0.0], [0.5, 2, 0]),
        ("balanced", [40 / (3 * count) for count in COUNTS]),
    ],
)
@pytest.mark.parametrize("targets", ["ids", "distribution"])
def test_class_weights_are_sample_weights(class_weight, by_class, targets):
    X, _ = data()
    Y = IDS if targets == "ids" else one_hot(IDS, 3)
    w = np.linspace(0.5, 1.5, S)
    one, other = (network(cost="softmax_cross_entropy") for _ in range(2))
    one.fit(X, Y, epochs=2, sample_weight=w, class_weight=class_weight)
    other.fit(X, Y, epochs=2, sample_weight=w * np.array(by_class)[IDS])
    assert_close(one.parameters, other.parameters, 1e-12)


def test_balanced_weights_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.utils.class_weight", reason="scikit-learn is an extra")
    X, _ = data()
    expected = sklearn.compute_sample_weight("balanced", IDS % 2)
    one, other = (network([5, 4, 1], cost="sigmoid_cross_entropy") for _ in range(2))
    one.fit(X, IDS % 2, epochs=2, class_weight="balanced")
    other.fit(X, IDS % 2, epochs=2, sample_weight=expected)
    assert_close(one.parameters, other.parameters, 1e-12)


@pytest.mark.parametrize(
    ("class_weight", "cost", "parts"),
    [
        ("balanced", "mse", ["class_weight", "mse"]),
        ("even", "softmax_cross_entropy", ["class_weight", "even", "balanced"]),
        ({3: 1.0}, "softmax_cross_entropy", ["class_weight", "3"]),
        ([1.0, 2.0], "softmax_cross_entropy", ["class_weight", "(2,)"]),
        ([1.0, -2.0, 1.0], "softmax_cross_entropy", ["class_weight", "-2"]),
    ],
)
def test_bad_class_weights_are_named(class_weight, cost, parts):
    X, Y = data()
    with pytest.raises((ValueError, TypeError)) as caught:
        network(cost=cost).fit(X, Y if cost == "mse" else IDS, class_weight=class_weight)
    for part in [*parts, "expected"]:
        assert part in str(caught.value)


# --- metrics -------------------------------------------------------------------------------------


def test_metrics_are_computed_on_the_validation_samples():
    def largest_error(Y, prediction):
        return np.abs(Y - prediction).max()

    X, Y = data()
    net = network()
    history = net.fit(X, Y, epochs=3, validation=(X, Y), metrics=["r2", "mae", largest_error])
    assert set(history.metrics) == {"val_r2", "val_mae", "val_largest_error"}
    assert history.metrics["val_mae"][-1] == pytest.approx(np.abs(net.predict(X) - Y).mean())
    assert history.metrics["val_largest_error"][-1] == largest_error(Y, net.predict(X))


def test_metrics_of_classes_take_class_ids():
    X, _ = data()
    net = network(cost="softmax_cross_entropy")
    history = net.fit(X, IDS, epochs=2, validation=(X, IDS), metrics=["f1", "accuracy"])
    assert history.metrics["val_f1"][-1] == fg.metrics.f1(IDS, net.predict(X))


@pytest.mark.parametrize(
    ("outputs", "cost"), [(3, "softmax_cross_entropy"), (1, "sigmoid_cross_entropy")]
)
@pytest.mark.parametrize("batch_size", [1, 8])
def test_all_metrics_of_a_broken_network_are_nan(outputs, cost, batch_size):
    X, _ = data()
    Y = IDS % 2
    net = network([5, outputs], cost=cost)
    net.layers[0].W[:] = np.nan
    with pytest.warns(RuntimeWarning, match="the cost is nan in epoch 1"):
        history = net.fit(
            X, Y, epochs=1, batch_size=batch_size, validation=(X, Y), metrics=["f1", "roc_auc"]
        )
    assert list(history.metrics) == ["accuracy", "val_accuracy", "val_f1", "val_roc_auc"]
    assert np.isnan(list(history.metrics.values())).all()


def test_metrics_need_validation():
    with pytest.raises(ValueError, match="metrics: got some without validation"):
        network().fit(*data(), metrics=["r2"])


def fails(Y, prediction):
    raise ZeroDivisionError("by nothing")


def test_an_error_in_a_custom_metric_names_it():
    X, Y = data()
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ZeroDivisionError, match="by nothing") as caught:
        net.fit(X, Y, epochs=1, validation=(X, Y), metrics=["mae", fails])
    assert caught.value.__notes__ == ["Raised by the metric 'fails'."]
    assert np.array_equal(net.parameters, before)


@pytest.mark.parametrize(
    ("cost", "metric", "message"),
    [
        ("mse", "f1", r"'f1'; expected one that suits .* \(prediction: got .*; expected prob.*\)$"),
        ("mse", fg.metrics.accuracy, r"'accuracy'; expected one that suits .* \(prediction: "),
        ("softmax_cross_entropy", "rmse", r"'rmse'; .* \(Y: got shape \(40,\); expected numbers"),
        ("softmax_cross_entropy", "top_k_accuracy(k=3)", r"'top_3_accuracy'; .* \(k: got 3; "),
        ([("mse", 1), ("mse", 2)], "r2", r"'r2' with several costs; .* of shape \(S, 3\)$"),
    ],
)
def test_a_metric_unsuited_to_the_cost_is_refused_before_training(cost, metric, message):
    X, Y = data()
    targets = {"mse": Y, "softmax_cross_entropy": IDS}.get(str(cost), [Y[:, 0], Y[:, 1:]])
    net = network(cost=cost, standardize=True)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=f"^metrics: got {message}"):
        net.fit(X, targets, validation=(X, targets), metrics=[metric])
    assert np.array_equal(net.parameters, before)
    assert not net.inputs.standardized


@pytest.mark.parametrize("shape", [(S,), (S, 1)])
def test_a_metric_receives_the_targets_unchanged(shape):
    X, Y = data([5, 1])

    def shape_of(Y, prediction):
        assert Y.shape == prediction.shape
        return Y.ndim

    net = network([5, 4, 1])
    history = net.fit(X, Y, epochs=1, validation=(X, Y.reshape(shape)), metrics=[shape_of])
    assert history.metrics["val_shape_of"] == [len(shape)]


# --- kept with the network -----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["file", "pickle", "copy"])
def test_settings_are_copied_and_saved_with_the_network(way, tmp_path):
    X, Y = data()
    net = network(
        cost=[("mse", 2), ("mae", 1, 0.5)], dropout=0.5, input_dropout=0.1, input_noise=0.2,
        l1=0.1, l2=[0, 0.3], max_norm=[2, None], penalize_biases=True, standardize=True,
    )  # fmt: skip
    net.layers[0].trainable, net.layers[1].lr_scale = False, 0.25
    net.inputs.standardize_by(X)
    Y = [Y[:, :2], Y[:, 2]]
    if way == "file":
        net.save(tmp_path / "net")
        back = fg.load(tmp_path / "net")
    else:
        back = copy.deepcopy(net) if way == "copy" else pickle.loads(pickle.dumps(net))
    assert_same_gradients(back.gradients(X, Y), net.gradients(X, Y), 1e-15)
    names = ("trainable", "lr_scale", "l1", "l2", "penalize_biases", "dropout", "max_norm")
    for one, other in zip(net.layers, back.layers, strict=True):
        assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
    names = ("dropout", "noise", "standardize", "standardized")
    assert [getattr(net.inputs, n) for n in names] == [getattr(back.inputs, n) for n in names]


@jitted_only
def test_changed_settings_count_at_once():
    X, Y = data()
    one, other = network(), network(l2=0.5)
    one.step(X, Y, fg.SGD(0.0))
    one.layers[0].l2 = one.layers[1].l2 = 0.5
    assert one.step(X, Y, fg.SGD(0.1)) == other.step(X, Y, fg.SGD(0.1))
    assert same_parameters(one, other)


@pytest.mark.parametrize("way", ["fit", "standardize_by"])
def test_a_column_with_few_distinct_float32_values_is_warned_about(way):
    X, Y = data(rows=1000)
    X[:, 2] = 1.7e9 + np.arange(1000)
    X[:, 3] = 1.7e9  # constant: there is nothing to tell apart
    net = network(dtype="float32", standardize=True)
    message = (
        r"^standardize: column 2 varies by 29\d around 1.7e\+09, where float32 has steps of 128;"
        r" subtract its approximate mean first, or use dtype='float64'$"
    )
    with pytest.warns(RuntimeWarning, match=message) as caught:
        net.fit(X, Y, epochs=0) if way == "fit" else net.inputs.standardize_by(X)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    "begin",
    [
        lambda net, X, Y: net.fit(X, Y, epochs=0),
        lambda net, X, Y: net.fit_stream([(X, Y)], epochs=0),
        lambda net, X, Y: net.inputs.standardize_by(X),
    ],
    ids=["fit", "fit_stream", "standardize_by"],
)
def test_a_column_that_float32_makes_constant_is_warned_about(begin):
    X, Y = data(rows=500)
    X[:, 1] = 1.7e9 + np.linspace(0, 50, 500)
    X[:, 2] = np.where(np.arange(500) % 2, 14.62, np.nextafter(14.62, 15))  # rounding alone
    net = network(dtype="float32", standardize=True)
    with pytest.warns(RuntimeWarning, match=r"^standardize: column 1 varies by 14.5") as caught:
        begin(net, X, Y)
    assert len(caught) == 1


@pytest.mark.parametrize(("dtype", "mean"), [("float64", 1.7e9), ("float32", 1e4)])
def test_a_column_with_enough_distinct_values_is_not_warned_about(dtype, mean):
    X, Y = data(rows=1000)
    X[:, 2] = mean + np.arange(1000)
    network(dtype=dtype, standardize=True).fit(X, Y, epochs=0)


def test_a_constant_column_is_left_as_it_is():
    X, Y = data()
    X[:, 2] = 0.1
    net = network(standardize=True)
    net.fit(X, Y, epochs=1)
    assert net.inputs.scale[2] == 1
    assert_close(net.inputs.scale[:2], 1 / X[:, :2].std(axis=0), 1e-12)
    net.inputs.mean = np.zeros(5)  # assigned in place
    assert np.array_equal(copy.deepcopy(net).predict(X), net.predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_column_of_denormal_deviation_counts_as_constant(dtype):
    X, Y = data()
    X[:, 2] *= np.finfo(dtype).tiny * 1e-3
    net = network(standardize=True, dtype=dtype)
    history = net.fit(X, Y, epochs=1)
    assert net.inputs.scale[2] == 1
    assert_close(net.inputs.scale[:2], 1 / X[:, :2].std(axis=0), 1e-6)
    assert np.isfinite(history.cost).all()


def test_the_state_of_the_default_optimizer_lives_on():
    X, Y = data()
    one, other = network(), network()
    one.fit(X, Y, epochs=4)
    for _ in range(4):
        other.fit(X, Y, epochs=1)
    assert same_parameters(one, other)
    again = network()
    again.fit(X, Y, epochs=3)
    copied = copy.deepcopy(again)  # without the state
    copied.fit(X, Y, epochs=1)
    assert not same_parameters(one, copied)


def test_accuracy_counts_every_sample_once():
    X, _ = data()
    net = network(cost="softmax_cross_entropy")
    w = (np.arange(S) < 20).astype(float)
    history = net.fit(X, IDS, epochs=1, optimizer=fg.SGD(0.0), sample_weight=w)
    assert history.metrics["accuracy"] == [np.mean(net.predict(X).argmax(axis=1) == IDS)]


def test_a_refused_fit_leaves_the_inputs_alone():
    X, Y = data()
    net = network(standardize=True)
    with pytest.raises(ValueError, match="epochs"):
        net.fit(X, Y, epochs=-1)
    assert not net.inputs.standardized


def test_a_warm_up_longer_than_the_fit_is_refused():
    X, Y = data()
    schedule = schedules.Warmup(schedules.Cosine(0.1), steps=50)
    with pytest.raises(ValueError, match=r"Warmup: got steps 50 .* in a fit that ends at step 4"):
        network().fit(X, Y, epochs=2, optimizer=fg.Adam(schedule))


def test_an_average_of_no_epoch_is_refused():
    class Stop(fg.Callback):
        def on_epoch_end(self, fit):
            fit.stop()

    X, Y = data()
    net, swa = network(), fg.SWA(start=2)
    net.fit(X, Y, epochs=3, average=swa, callbacks=[Stop()])
    with pytest.raises(ValueError, match="network: got no epoch after the 2"):
        _ = swa.network
    net.fit(X, Y, epochs=2, average=swa)
    assert np.array_equal(swa.network.parameters, net.parameters)


def test_a_mini_batch_may_be_larger_than_the_data():
    one, other = small_network(), small_network()
    one.fit(X, y, epochs=2, batch_size=10, optimizer=fg.SGD(0.1), shuffle=False)
    other.fit(X, y, epochs=2, batch_size=2**63 - 1, optimizer=fg.SGD(0.1), shuffle=False)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-6)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_sample_of_weight_0_counts_in_nothing(standardize, batch_size):
    X, Y = data()
    w = np.ones(len(X))
    w[3] = 0
    nets = []
    for far in (1.0, 1e20):
        X[3], Y[3] = (far if standardize else 1.0), far
        net = network(dtype="float32", standardize=standardize, standardize_targets=standardize)
        history = net.fit(X, Y, epochs=2, batch_size=batch_size, sample_weight=w)
        assert np.isfinite(history.cost).all()
        nets.append(net)
    assert same_parameters(*nets)
