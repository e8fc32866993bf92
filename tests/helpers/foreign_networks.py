"""Networks to be exported: every kind of output, with biases and standardised as after a fit."""

import numpy as np

import fastgrad as fg
from fastgrad.kernels.activations import ACTIVATIONS

#: Outputs and cost.
TASKS = {
    "classes": (3, "softmax_cross_entropy"),
    "yes or no": (1, "sigmoid_cross_entropy"),
    "number": (1, "squared_error"),
    "numbers": (4, "squared_error"),
}
#: All that a network may have, with parameters too.
EVERY_ACTIVATION = [*ACTIVATIONS, "leaky_relu(slope=0.2)", "elu(alpha=0.5)"]


def network(task, activation="tanh", dtype="float32", n_layers=3):
    """A network of 5 inputs."""
    n_outputs, cost = TASKS[task]
    sizes = [5, *[8, 7, 6][: n_layers - 1], n_outputs]
    net = fg.Network(sizes, activations=activation, cost=cost, dtype=dtype, seed=0)
    rng = np.random.default_rng(1)
    for layer in net.layers:
        layer.b[:] = rng.normal(size=layer.b.shape)
    net.inputs.mean, net.inputs.scale = rng.normal(size=5), rng.uniform(0.5, 2, 5)
    net.inputs.standardize = net.inputs.standardized = True
    if cost == "squared_error":
        net.targets.standardize = net.targets.standardized = True
        net.targets.mean = rng.normal(50, 5, n_outputs)
        net.targets.scale = rng.uniform(1, 20, n_outputs)
    return net


def samples(net, S=40):
    """Inputs that reach the kinks and the saturation of the activations."""
    return np.random.default_rng(2).normal(0, 3, size=(S, net.n_inputs)).astype(net.dtype)


def assert_close(received, expected, within=1e-6):
    """Equal to 1e-6 of the largest number."""
    assert received.shape == expected.shape
    assert np.abs(received - expected).max() <= within * max(1, np.abs(expected).max())


def assert_same_numbers(net, other):
    """The same weights, biases and standardisation, bit for bit."""
    assert net.sizes == other.sizes
    assert net.dtype == other.dtype
    assert net.arrays.keys() == other.arrays.keys()
    for name, array in net.arrays.items():
        assert (array == other.arrays[name]).all(), name
