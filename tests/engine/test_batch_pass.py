"""Training: fit and step against the oracle, history, and custom functions."""

import itertools
import platform

import numpy as np
import pytest
from helpers.comparison import assert_close, assert_same_parameters, parameters
from helpers.oracle import ACTIVATIONS, Oracle, averaged, one_hot
from helpers.oracle import softmax_cross_entropy as smoothed_cross_entropy
from helpers.oracle_optimizers import SGD, Adam
from helpers.run_mode import PLAIN, jitted_only

import fastgrad as fg


def network(sizes=(3, 5, 2), activations="tanh", cost="mse", dtype="float64", seed=0, **options):
    return fg.Network(list(sizes), activations, cost=cost, dtype=dtype, seed=seed, **options)


OPTIMIZERS = {
    "sgd": (lambda: fg.SGD(0.1), lambda: SGD(0.1)),
    "momentum": (lambda: fg.SGD(0.02, momentum=0.9), lambda: SGD(0.02, 0.9)),
    "nesterov": (
        lambda: fg.SGD(0.02, momentum=0.9, nesterov=True),
        lambda: SGD(0.02, 0.9, nesterov=True),
    ),
    "adam": (lambda: fg.Adam(0.01), lambda: Adam(0.01)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 5, 16, 37, 50])
def test_fit_equals_the_oracle(optimizer, batch_size, rng):
    ours, theirs = (make() for make in OPTIMIZERS[optimizer])
    net = network([7, 17, 3], activations=["silu", "tanh"])
    oracle = Oracle.of(net)
    x, y = rng.normal(size=(37, 7)), rng.normal(size=(37, 3))
    epochs = 1 if PLAIN else 3
    history = net.fit(
        x, y, epochs=epochs, batch_size=batch_size, optimizer=ours, shuffle=False, verbose=0
    )
    expected = oracle.fit(x, y, epochs, batch_size, theirs)
    assert_same_parameters(net, oracle, 1e-10)
    assert_close(history.cost, expected, 1e-10, "history.cost")


@jitted_only
@pytest.mark.parametrize("sizes", [[100, 200, 10], [300, 70], [33, 128, 65, 3], [2, 500, 1]])
@pytest.mark.parametrize("batch_size", [16, 100, 1000])
def test_wide_layers_equal_the_oracle(sizes, batch_size, rng):
    net = network(sizes)
    oracle = Oracle.of(net)
    x, y = rng.normal(size=(1030, sizes[0])), rng.normal(size=(1030, sizes[-1]))
    net.fit(
        x, y, epochs=2, batch_size=batch_size, optimizer=fg.Adam(1e-3), shuffle=False, verbose=0
    )
    oracle.fit(x, y, 2, batch_size, Adam(1e-3))
    assert_same_parameters(net, oracle, 1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("S", [1, 6, 33])
def test_steps_equal_the_oracle(optimizer, S, rng):
    ours, theirs = (make() for make in OPTIMIZERS[optimizer])
    net = network([3, 7, 2], cost="sigmoid_cross_entropy")
    oracle = Oracle.of(net)
    for _ in range(3 if PLAIN else 20):
        x, y = rng.normal(size=(S, 3)), rng.integers(0, 2, size=(S, 2))
        assert net.step(x, y, ours) == pytest.approx(oracle.step(x, y, theirs), rel=1e-10)
    assert_same_parameters(net, oracle, 1e-10)


def test_a_step_takes_a_single_one_dimensional_sample(rng):
    x, y = rng.normal(size=3), rng.normal(size=2)
    net, other = network(), network()
    assert net.step(x, y, fg.SGD(0.1)) == other.step(x[None], y[None], fg.SGD(0.1))
    assert_same_parameters(net, Oracle.of(other), 1e-15)
    net = network(cost="softmax_cross_entropy")
    expected = Oracle.of(net).cost(x[None], [[0, 1]])
    assert net.step(x.tolist(), 1, fg.SGD(0.1)) == pytest.approx(expected, rel=1e-13)


def test_the_state_of_the_optimizer_lives_on(rng):
    ours, theirs = fg.Adam(0.01), Adam(0.01)
    net = network()
    oracle = Oracle.of(net)
    x, y = rng.normal(size=(10, 3)), rng.normal(size=(10, 2))
    for _ in range(3):
        net.fit(x, y, epochs=1, batch_size=4, optimizer=ours, shuffle=False, verbose=0)
        net.step(x[:3], y[:3], ours)
    for _ in range(3):
        oracle.fit(x, y, 1, 4, theirs)
        oracle.step(x[:3], y[:3], theirs)
    assert_same_parameters(net, oracle, 1e-11)


def test_sample_weight_equals_the_oracle(rng):
    net = network([3, 5, 4], cost="softmax_cross_entropy")
    oracle = Oracle.of(net)
    x, y, w = rng.normal(size=(21, 3)), rng.integers(0, 4, 21), rng.uniform(0, 3, size=21)
    w[4] = 0
    history = net.fit(
        x,
        y,
        epochs=2,
        batch_size=8,
        optimizer=fg.SGD(0.1),
        shuffle=False,
        sample_weight=w,
        verbose=0,
    )
    expected = oracle.fit(x, one_hot(y, 4), 2, 8, SGD(0.1), sample_weight=w)
    assert_same_parameters(net, oracle, 1e-12)
    assert_close(history.cost, expected, 1e-12, "history.cost")


def test_shuffling_reorders_without_losing_or_repeating_a_sample(rng):
    # With one batch of all samples their order does not matter, beyond rounding.
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    shuffled, ordered = network(), network()
    shuffled.fit(x, y, epochs=3, batch_size=40, optimizer=fg.SGD(0.1), verbose=0)
    ordered.fit(x, y, epochs=3, batch_size=40, optimizer=fg.SGD(0.1), shuffle=False, verbose=0)
    assert_same_parameters(shuffled, Oracle.of(ordered), 1e-12)
    # With small batches it does: a shuffle that left the order alone would show here.
    shuffled.fit(x, y, epochs=1, batch_size=4, optimizer=fg.SGD(0.1), verbose=0)
    ordered.fit(x, y, epochs=1, batch_size=4, optimizer=fg.SGD(0.1), shuffle=False, verbose=0)
    difference = np.abs(shuffled.layers[0].W - ordered.layers[0].W).max()
    assert difference > 1e-6


def test_the_seed_fixes_training(rng):
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))

    def trained(seed):
        net = network(seed=seed)
        net.layers[0].W[:], net.layers[1].W[:] = 0.1, 0.2  # only the shuffles differ
        net.fit(x, y, epochs=2, batch_size=7, optimizer=fg.Adam(0.01), verbose=0)
        return parameters(net)

    first, same, other = trained(1), trained(1), trained(2)
    assert all(np.array_equal(p, q) for p, q in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_history(rng):
    x, y = rng.normal(size=(20, 3)), rng.integers(0, 4, size=20)
    x_val, y_val = rng.normal(size=(9, 3)), rng.integers(0, 4, size=9)
    net = network([3, 5, 4], cost="softmax_cross_entropy")
    history = net.fit(
        x,
        y,
        epochs=3,
        batch_size=6,
        optimizer=fg.SGD(0.1),
        validation=(x_val, y_val),
        verbose=0,
    )
    assert len(history.cost) == len(history.val_cost) == len(history.seconds) == 3
    assert all(len(values) == 3 for values in history.metrics.values())
    assert {"accuracy", "val_accuracy"} <= set(history.metrics)
    assert history.val_cost[-1] == pytest.approx(net.cost(x_val, y_val), rel=1e-12)
    accuracy = (net.predict(x_val).argmax(axis=1) == y_val).mean()
    assert history.metrics["val_accuracy"][-1] == pytest.approx(accuracy)
    assert all(seconds >= 0 for seconds in history.seconds)
    assert np.all(np.asarray(history.samples_per_second) > 0)


def test_accuracy_is_that_of_the_epoch(rng):
    # So small a rate keeps the network as it is, so that the epoch's accuracy is the final one.
    for cost, n_L in (("softmax_cross_entropy", 4), ("sigmoid_cross_entropy", 1)):
        net = network([3, 5, n_L], cost=cost)
        x, y = rng.normal(size=(33, 3)), rng.integers(0, max(n_L, 2), size=33)
        history = net.fit(x, y, epochs=1, batch_size=8, optimizer=fg.SGD(1e-30), verbose=0)
        p = net.predict(x)
        guess = p.argmax(axis=1) if n_L > 1 else p[:, 0] > 0.5
        assert history.metrics["accuracy"] == [pytest.approx((guess == y).mean(), abs=1e-12)]


@pytest.mark.parametrize("batch_size", [1, 8])
def test_accuracy_of_several_answers_counts_each(rng, batch_size):
    net = network([3, 5, 4], cost="sigmoid_cross_entropy")
    x, y = rng.normal(size=(33, 3)), rng.integers(0, 2, size=(33, 4))
    history = net.fit(
        x, y, epochs=1, batch_size=batch_size, optimizer=fg.SGD(1e-30), validation=(x, y)
    )
    expected = pytest.approx(((net.predict(x) > 0.5) == y).mean(), abs=1e-12)
    assert history.metrics["accuracy"] == [expected]
    assert history.metrics["val_accuracy"] == [expected]


@pytest.mark.parametrize("batch_size", [1, 8])
def test_an_output_of_0_answers_no(rng, batch_size):
    net = network([3, 5, 4], cost="sigmoid_cross_entropy")
    net.parameters[:] = 0
    x, y = rng.normal(size=(33, 3)), rng.integers(0, 2, size=(33, 4))
    history = net.fit(x, y, epochs=1, batch_size=batch_size, optimizer=fg.SGD(0.0))
    expected = pytest.approx((y == 0).mean(), abs=1e-12)
    assert history.metrics["accuracy"] == [expected]
    assert fg.metrics.accuracy(y, net.predict(x)) == expected


def test_without_validation_there_are_no_validation_costs(rng):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    history = network().fit(x, y, epochs=2, batch_size=6, optimizer=fg.SGD(0.1), verbose=0)
    assert list(history.val_cost) == []
    assert "accuracy" not in history.metrics


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_reduces_the_cost(dtype, rng):
    x = rng.normal(size=(200, 2))
    y = np.sin(x[:, 0]) * x[:, 1]
    net = network([2, 16, 1], dtype=dtype)
    before = net.cost(x, y)
    epochs = 2 if PLAIN else 40
    net.fit(x, y, epochs=epochs, batch_size=32, optimizer=fg.Adam(0.01), verbose=0)
    assert net.cost(x, y) < (before if PLAIN else before / 10)


def test_float32_training_follows_the_float64_oracle(rng):
    net = network([7, 17, 3], dtype="float32")
    oracle = Oracle.of(net)
    x, y = rng.normal(size=(37, 7)), rng.normal(size=(37, 3))
    net.fit(x, y, epochs=2, batch_size=16, optimizer=fg.SGD(0.1), shuffle=False, verbose=0)
    oracle.fit(x, y, 2, 16, SGD(0.1))
    assert_same_parameters(net, oracle, 3e-6)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_standardize_is_part_of_the_network(batch_size, rng):
    x, y = 5 + 100 * rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    net, plain = network(standardize=True), network()
    for trained, inputs in ((net, x), (plain, z)):
        trained.fit(inputs, y, epochs=2, batch_size=batch_size, optimizer=fg.SGD(0.1), verbose=0)
    assert_same_parameters(net, Oracle.of(plain), 1e-11)
    assert_close(net.predict(x), plain.predict(z), 1e-11, "predict")


def test_verbose_prints_a_line_per_epoch(rng, capsys):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    net = network()
    net.fit(x, y, epochs=3, batch_size=6, optimizer=fg.SGD(0.1), verbose=0)
    assert capsys.readouterr().out == ""
    net.fit(x, y, epochs=3, batch_size=6, optimizer=fg.SGD(0.1), verbose=1)
    shown = "".join(capsys.readouterr())
    assert "3/3" in shown
    assert "cost" in shown


# --- custom functions ----------------------------------------------------------------------------


def cube():
    return fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)


def pinball():
    return fg.Cost(
        "pinball",
        C=lambda a, y: 0.9 * (y - a) if y > a else 0.1 * (a - y),
        dC_da=lambda a, y: -0.9 if y > a else 0.1,
    )


ORACLE_CUBE = (lambda u: u**3, lambda u: 3 * u**2)
ORACLE_PINBALL = (
    lambda a, y: np.where(y > a, 0.9 * (y - a), 0.1 * (a - y)),
    lambda a, y: np.where(y > a, -0.9, 0.1),
)


@pytest.mark.parametrize("batch_size", [1, 16])
def test_custom_activation_and_cost_train_like_the_oracle(batch_size, rng):
    net = network([3, 5, 2], activations=[cube(), "tanh"], cost=pinball())
    oracle = Oracle.of(
        net,
        activations=[ORACLE_CUBE, ACTIVATIONS["tanh"]],
        cost=lambda a, y: (
            ORACLE_PINBALL[0](a, y).sum(axis=1),
            ORACLE_PINBALL[1](a, y),
        ),
    )
    x, y = rng.normal(size=(37, 3)), rng.normal(size=(37, 2))
    assert net.cost(x, y) == pytest.approx(oracle.cost(x, y), rel=1e-12)
    net.fit(
        x,
        y,
        epochs=1 if PLAIN else 3,
        batch_size=batch_size,
        optimizer=fg.SGD(0.05),
        shuffle=False,
        verbose=0,
    )
    oracle.fit(x, y, 1 if PLAIN else 3, batch_size, SGD(0.05))
    assert_same_parameters(net, oracle, 1e-11)


def test_a_custom_cost_may_be_the_mean_of_the_outputs(rng):
    mean = fg.Cost(
        "mean", C=lambda a, y: (a - y) ** 4, dC_da=lambda a, y: 4 * (a - y) ** 3, reduction="mean"
    )
    net = network([3, 5, 4], cost=mean)
    oracle = Oracle.of(net, cost=averaged(lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3))
    x, y = rng.normal(size=(17, 3)), rng.normal(size=(17, 4))
    assert net.cost(x, y) == pytest.approx(oracle.cost(x, y), rel=1e-12)
    assert_close(net.gradients(x, y).dC_da0, oracle.gradients(x, y).dC_da0, 1e-12, "dC_da0")


def test_label_smoothing_trains_like_the_oracle(rng):
    cost = fg.costs.softmax_cross_entropy(label_smoothing=0.1)
    net = network([3, 5, 4], cost=cost)
    oracle = Oracle.of(net, cost=smoothed_cross_entropy(0.1))
    x, y = rng.normal(size=(17, 3)), rng.integers(0, 4, size=17)
    net.fit(x, y, epochs=2, batch_size=5, optimizer=fg.SGD(0.1), shuffle=False, verbose=0)
    oracle.fit(x, one_hot(y, 4), 2, 5, SGD(0.1))
    assert_same_parameters(net, oracle, 1e-12)


@jitted_only
def test_the_history_does_not_depend_on_the_speed_of_the_machine(rng, monkeypatch):
    # A long epoch is several compiled calls, as many as the clock says.
    x, y = rng.normal(size=(2500, 256)), rng.normal(size=(2500, 256))
    costs = []
    for seconds_a_look in (1e-6, 1.0):
        clock = itertools.count()
        monkeypatch.setattr(
            "fastgrad.engine.thread_pool.time.perf_counter",
            lambda c=clock, s=seconds_a_look: s * next(c),
        )
        net = network([256, 256, 256])
        history = net.fit(x, y, epochs=8, batch_size=250, optimizer=fg.SGD(0.1), verbose=0)
        costs.append(history.cost)
    assert costs[0] == costs[1]


@jitted_only
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="only done on x86")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_means_of_gradients_that_are_0_decay_to_0_and_not_below_the_normal_numbers(batch_size):
    net, adam = fg.Network([1, 4, 1], "relu", cost="mse", seed=0), fg.Adam()
    x = np.ones((4000, 1), np.float32)
    net.fit(x, x, epochs=1, batch_size=4, optimizer=adam)
    net.layers[0].b = -100  # from now on all derivatives of layer 1 are 0
    net.fit(x, x, epochs=4 if batch_size == 4 else 1, batch_size=batch_size, optimizer=adam)
    tiny = np.finfo(np.float32).tiny
    m = np.abs(net.engine.state(adam).slots[0])
    assert ((m == 0) | (m >= tiny)).all()
    assert m.any()
    assert np.float32(tiny) / np.float32(2) > 0  # as before, outside
