"""Bad arguments of fit and step: one line that names the argument, and no harm done."""

import numpy as np
import pytest
from helpers.comparison import parameters
from helpers.error_messages import assert_names, message_of
from helpers.ten_samples import IDS, X, Y, changed, network, y

import fastgrad as fg


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
    assert_names(lambda: net.fit(X, IDS, class_weight=class_weight), parts)


def test_a_largest_weight_of_zero_or_infinity():
    net = network([3, 5, 2], cost="softmax_cross_entropy")
    for weights in ({"sample_weight": 1.0 * (IDS == 0)}, {}):
        targets = IDS if weights else np.zeros(10, int)
        message = message_of(lambda w=weights, y=targets: net.fit(X, y, class_weight={0: 0}, **w))
        assert "class_weight: got a largest weight of 0" in message
    huge = {"class_weight": {0: 1e30}, "sample_weight": np.full(10, 1e30)}
    assert "weight of inf" in message_of(lambda: net.fit(X, IDS, **huge))


def test_a_failed_step_draws_no_random_number():
    net = network(dropout=0.5)
    before = net.rng.bit_generator.state
    message_of(lambda: net.step(X[:, :2], y, fg.SGD(0.1)))
    assert net.rng.bit_generator.state == before


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"epochs": -1}, ["epochs", "-1"]),
        ({"epochs": 1.5}, ["epochs", "1.5"]),
        ({"epochs": "many"}, ["epochs", "many"]),
        ({"batch_size": 0}, ["batch_size", "0"]),
        ({"batch_size": -8}, ["batch_size", "-8"]),
        ({"batch_size": 2.5}, ["batch_size", "2.5"]),
        ({"batch_size": None}, ["batch_size", "None"]),
        ({"batch_size": 2**70}, ["batch_size", str(2**70), str(2**63 - 1)]),
        ({"epochs": 2**70}, ["epochs", str(2**70)]),
        ({"threads": 2**63}, ["threads", str(2**63)]),
        ({"shuffle": "no"}, ["shuffle", "no", "True or False"]),
        ({"verbose": "no"}, ["verbose", "'no'", "an integer of at least 0"]),
        ({"verbose": None}, ["verbose", "None", "an integer of at least 0"]),
        ({"verbose": -1}, ["verbose", "-1", "an integer of at least 0"]),
        ({"threads": 0}, ["threads", "0"]),
        ({"threads": -2}, ["threads", "-2"]),
        ({"threads": 1.5}, ["threads", "1.5"]),
        ({"optimizer": "adam"}, ["optimizer", "adam", "fg.Adam"]),
        ({"optimizer": fg.Adam}, ["optimizer", "Adam"]),
        ({"validation": X}, ["validation"]),
        ({"validation": (X,)}, ["validation"]),
        ({"validation": (X, Y, Y)}, ["validation", "3"]),
        ({"validation": (X[:, :2], Y)}, ["validation", "(10, 2)", "3"]),
        ({"validation": (X, Y[:5])}, ["validation", "5", "10"]),
        ({"validation": (changed(X, (1, 1), np.nan), Y)}, ["validation", "nan"]),
        ({"validation": (X[:0], Y[:0])}, ["validation", "sample"]),
        ({"sample_weight": np.ones(9)}, ["sample_weight", "9", "10"]),
        ({"sample_weight": -np.ones(10)}, ["sample_weight", "-1"]),
        ({"sample_weight": np.zeros(10)}, ["sample_weight", "0"]),
        ({"sample_weight": np.full(10, np.nan)}, ["sample_weight", "nan"]),
        ({"sample_weight": np.full((10, 1), 1.0)}, ["sample_weight", "(10, 1)"]),
        ({"sample_weight": ["a"] * 10}, ["sample_weight"]),
        ({"callbacks": [print]}, ["callbacks", "print"]),
        ({"callbacks": 3}, ["callbacks", "3"]),
    ],
)
def test_fit_options(options, parts):
    net = network([3, 5, 2])
    before = parameters(net)
    assert_names(
        lambda: net.fit(X, Y, **{"epochs": 1, "optimizer": fg.SGD(0.1), "verbose": 0, **options}),
        parts,
    )
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


@pytest.mark.parametrize("optimizer", ["adam", None, fg.SGD])
def test_the_optimizer_of_a_step(optimizer):
    assert "optimizer" in message_of(lambda: network([3, 5, 2]).step(X, Y, optimizer))


def test_a_failed_call_leaves_the_state_of_the_optimizer():
    x_bad = changed(X, (0, 0), np.nan)
    results = []
    for fail in (False, True):
        net, optimizer = network([3, 5, 2]), fg.Adam(0.01)
        net.step(X, Y, optimizer)
        if fail:
            message_of(lambda n=net, o=optimizer: n.step(x_bad, Y, o))
            message_of(lambda n=net, o=optimizer: n.fit(x_bad, Y, epochs=1, optimizer=o))
        net.fit(X, Y, epochs=1, batch_size=3, optimizer=optimizer, verbose=0)
        results.append(parameters(net))
    assert all(np.array_equal(p, q) for p, q in zip(*results, strict=True))
