"""The spec of a network: complete, what files hold, and enough to build the network anew."""

import json
from dataclasses import replace

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.model.layer import Layer
from fastgrad.model.settings import training_settings
from fastgrad.model.spec import NetworkSpec
from fastgrad.model.standardization import Inputs

SQUARE = fg.Activation("square", f=lambda u: u * u, df=lambda u: 2 * u)


def network():
    net = fg.Network(
        [3, 5, 4, 3], [SQUARE, "elu(alpha=0.5)", "identity"],
        cost=[("softmax_cross_entropy", 2), ("huber(delta=0.5)", 1, 0.5)], dtype="float64", seed=0,
        dropout=[0.1, 0], l2=[0.1, 0, 0], input_noise=0.2, standardize=True,
    )  # fmt: skip
    net.layers[1].trainable = False
    net.metadata["purpose"] = "test"
    return net


def test_a_spec_comes_back_from_its_config():
    spec = network().spec
    config = json.loads(json.dumps(spec.config()))
    back = NetworkSpec.from_config(config, {"own activation square": SQUARE})
    assert back.config() == spec.config()
    assert back.activations[0] is SQUARE


def test_a_config_without_some_settings_has_their_defaults():
    config = network().spec.config()
    config["training"] = {"inputs": {}, "layers": [{}, {"l1": 0.5}, {}]}
    spec = NetworkSpec.from_config(config, {"own activation square": SQUARE})
    assert spec.inputs == training_settings(Inputs)
    default = training_settings(Layer)
    assert spec.layers == (default, {**default, "l1": 0.5}, default)


def test_a_network_is_built_from_a_spec_without_drawing_weights(monkeypatch):
    net = network()
    monkeypatch.setattr("fastgrad.model.initializers.schemes", None)
    other = fg.Network.from_spec(net.spec)
    assert other.spec == net.spec
    assert repr(other) == repr(net)
    assert repr(other.layers) == repr(net.layers)
    assert not other.parameters.any()
    for name, array in other.arrays.items():
        array[:] = net.arrays[name]
    X = np.random.default_rng(0).normal(size=(7, 3))
    assert np.array_equal(other.predict(X), net.predict(X))


def test_a_spec_of_another_dtype_is_one_change():
    net = fg.Network.from_spec(replace(network().spec, dtype=np.dtype("float32")))
    assert net.parameters.dtype == np.float32


@pytest.mark.parametrize(
    ("cost", "outputs", "classes"),
    [
        ("softmax_cross_entropy", 3, 3),
        ("sigmoid_cross_entropy", 1, 2),
        ("sigmoid_cross_entropy", 3, 0),  # three labels per sample, not one class
        ("mse", 3, 0),
        ([("softmax_cross_entropy", 2), ("mse", 1)], 3, 0),
    ],
)
def test_what_a_classifier_is(cost, outputs, classes):
    heads = fg.Network([2, outputs], cost=cost).heads
    assert heads.n_classes == classes
    assert heads.classifies == (len(heads) == 1 and heads[0].cost.link != "identity")
