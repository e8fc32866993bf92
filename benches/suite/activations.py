"""Activations: the forward and the backward pass of a layer that does little else."""

from typing import ClassVar

import numpy as np

import fastgrad as fg


class Layer:
    """4096 samples through one layer of 256 nodes with a single input, where f and f' dominate."""

    params: ClassVar = [list(fg.activations.ACTIVATIONS), ["float32", "float64"]]
    param_names: ClassVar = ["activation", "dtype"]

    def setup(self, activation, dtype):
        rng = np.random.default_rng(0)
        self.net = fg.Network(
            [1, 256], activations=[activation], cost="squared_error", dtype=dtype, seed=0
        )
        self.X = rng.normal(size=(4096, 1)).astype(dtype)
        self.Y = rng.normal(size=(4096, 256)).astype(dtype)
        self.time_forward(activation, dtype)  # compiles
        self.time_gradients(activation, dtype)

    def time_forward(self, activation, dtype):
        self.net.forward(self.X)

    def time_gradients(self, activation, dtype):
        self.net.gradients(self.X, self.Y)
