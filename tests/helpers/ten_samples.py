"""Ten samples of three features, and networks for them, for tests of error messages."""

import numpy as np

import fastgrad as fg

X = np.linspace(-1, 1, 30).reshape(10, 3)
Y = np.linspace(0, 1, 20).reshape(10, 2)  # two targets per sample
y = X @ [1.0, -2.0, 0.5]  # one target per sample
IDS = np.arange(10) % 2  # classes


def network(sizes=(3, 8, 1), **options):
    return fg.Network(sizes, "tanh", **{"cost": "mse", "seed": 0, **options})


def changed(array, position, value):
    """A copy with another number in one place."""
    array = np.array(array, dtype=float)
    array[position] = value
    return array
