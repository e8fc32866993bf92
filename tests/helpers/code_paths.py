"""Networks that take every path through the compiled pass, and what a step changes in them."""

import copy

import numpy as np
from helpers.comparison import parameters
from helpers.run_mode import PLAIN

import fastgrad as fg

#: Sizes and samples that take every path through the compiled pass: one sample, halves of the
#: batch, several panels, a wide first layer.
CODE_PATHS = {
    "one sample": ([5, 7, 3], 1),
    "halves": ([4, 16, 16, 2], 64),
    "panels": ([17, 33, 3], 21),
    "wide first layer": ([130, 40, 3], 16),
}
FAST_CODE_PATHS = {k: CODE_PATHS[k] for k in (["one sample", "panels"] if PLAIN else CODE_PATHS)}


def network(sizes, **options):
    settings = {"cost": "mse", "dtype": "float64", "seed": 0, **options}
    net = fg.Network(sizes, "tanh", **settings)
    rng = np.random.default_rng(1)
    for layer in net.layers:
        layer.b = rng.normal(size=layer.b.shape) / 2
    return net


def data(sizes, S, seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(S, sizes[0])), rng.normal(size=(S, sizes[-1]))


def gradient_of_a_step(net, X, Y):
    """What a step subtracts from the parameters, with the random numbers of the next step."""
    stepped = copy.deepcopy(net)
    return change_by(stepped, X, Y, fg.SGD(1.0))


def change_by(net, X, Y, optimizer):
    before = parameters(net)
    net.step(X, Y, optimizer)
    return [was - p for was, p in zip(before, parameters(net), strict=True)]
