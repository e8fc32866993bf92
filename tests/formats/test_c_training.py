"""Training in C: the same steps as here."""

import ctypes

import numpy as np
import pytest
from helpers.c_programs import KINDS, REALS, inputs, library, near, network, pointer, predictions
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.kernels.costs import COSTS

pytestmark = jitted_only

OPTIMIZERS = {
    "sgd": lambda: fg.SGD(0.02),
    "momentum": lambda: fg.SGD(0.02, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda: fg.SGD(0.02, momentum=0.9, nesterov=True),
    "adam": fg.Adam,
    "amsgrad": lambda: fg.Adam(amsgrad=True),
    "adamw": fg.AdamW,
    "nadam": fg.NAdam,
    "radam": fg.RAdam,
    "rmsprop": lambda: fg.RMSprop(momentum=0.5, centered=True),
    "adagrad": fg.Adagrad,
    "adadelta": fg.Adadelta,
    "lion": fg.Lion,
    "rprop": fg.Rprop,
}


def stepper(folder, net, optimizer):
    """A library that trains."""
    net.to_c(folder / "net.h", train=optimizer)
    real = REALS[str(net.dtype)]
    y = "int32_t y" if net.cost_function.link == "softmax" else f"const {real} *y"
    made = library(
        folder,
        f'#include "net.h"\nstatic net_network net;\nvoid begin(void);\n'
        f"double step(const {real} *x, {y});\nvoid run(const {real} *x, {real} *p);\n"
        "void begin(void) { net_init(&net); }\n"
        f"double step(const {real} *x, {y}) {{ return net_step(&net, x, y); }}\n"
        f"void run(const {real} *x, {real} *p) {{ net_predict(&net, x, p); }}\n",
    )
    made.step.restype = ctypes.c_double
    made.begin()
    return made


def targets(net, n):
    rng, cost = np.random.default_rng(3), net.cost_function
    if cost.link == "softmax":
        return rng.integers(0, net.n_outputs, n)
    Y = rng.random((n, net.n_outputs))
    return (np.sign(Y - 0.5) if cost.targets == "sign" else Y).astype(net.dtype)


def check_steps(folder, net, optimizer, within, n=100):
    made = stepper(folder, net, optimizer)
    X, Y = inputs(net, n), targets(net, n)
    for x, y in zip(X, Y, strict=True):
        C = made.step(pointer(x), ctypes.c_int32(y) if y.ndim == 0 else pointer(y))
        expected = net.step(x, y, optimizer)
        assert abs(C - expected) <= within * max(1, abs(expected))
    assert near(predictions(made.run, X, net.n_outputs), net.predict(X), within)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_hundred_steps_of_every_optimizer(name, tmp_path):
    net = network("tanh", 3, "classes", "float64")
    check_steps(tmp_path, net, OPTIMIZERS[name](), 1e-9)


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_steps_in_float32(kind, name, tmp_path):
    check_steps(tmp_path, network("tanh", 4, kind, "float32"), OPTIMIZERS[name](), 1e-5)


def test_a_class_that_there_is_not_is_no_step(tmp_path):
    net = network("tanh", 2, "classes", "float32")
    made, X = stepper(tmp_path, net, fg.Adam()), inputs(net)
    for y in (-1, 3, 2**31 - 1):
        assert np.isnan(made.step(pointer(X[0]), ctypes.c_int32(y)))
    assert near(predictions(made.run, X, 3), net.predict(X), 1e-6)


@pytest.mark.parametrize("cost", COSTS)
def test_steps_of_every_cost(cost, tmp_path):
    net = fg.Network([5, 20, 3], "sigmoid", cost, dtype="float64", seed=0)
    check_steps(tmp_path, net, fg.SGD(0.02), 1e-10, n=20)


def test_steps_with_penalties_frozen_layers_and_rates(tmp_path):
    net = network("gelu", 4, "several numbers", "float64", l1=1e-3, l2=[0, 1e-2, 0, 1e-2])
    net.layers[1].penalize_biases = net.layers[3].penalize_biases = True
    net.layers[2].trainable, net.layers[1].lr_scale = False, 0.5
    check_steps(tmp_path, net, fg.Adam(), 1e-9)


def test_steps_of_standardised_numbers_and_several_costs(tmp_path):
    net = fg.Network([5, 9, 2], "relu", standardize=True, standardize_targets=True, dtype="float64")
    X = np.random.default_rng(0).normal(7, 3, size=(50, 5))
    net.fit(X, X[:, :2] * 100, epochs=1)
    made = stepper(tmp_path, net, fg.SGD(0.1))
    y = np.array([300.0, 800.0])
    assert made.step(pointer(X[0]), pointer(y)) == pytest.approx(net.step(X[0], y, fg.SGD(0.1)))
    assert near(predictions(made.run, X, 2), net.predict(X), 1e-12)


@pytest.mark.parametrize(
    ("options", "optimizer", "place"),
    [
        ({"dropout": 0.1}, True, "layer 1: dropout of 0.1"),
        ({"max_norm": 2}, True, "layer 1: max_norm of 2.0"),
        ({"input_noise": 0.1}, True, "inputs: noise of 0.1"),
        ({}, fg.Adam().clip(norm=1), "optimizer: clip norm of 1"),
        ({}, fg.LBFGS(), "LBFGS"),
    ],
)
def test_steps_that_would_be_others_are_refused(options, optimizer, place, tmp_path):
    net = fg.Network([3, 4, 1], seed=0, **options)
    with pytest.raises(ValueError, match=f"^train: got .*{place}.*; expected"):
        net.to_c(tmp_path / "net.h", train=optimizer)
    assert [*tmp_path.iterdir()] == []
