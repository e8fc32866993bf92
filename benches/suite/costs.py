"""Costs: forward and backward pass of a layer whose cost is most of the work."""

from typing import ClassVar

import numpy as np

import fastgrad as fg

SMOOTHED = [f"{name}_cross_entropy(label_smoothing=0.1)" for name in ("softmax", "sigmoid")]


class Outputs:
    """4096 samples with 64 outputs from a single input, where C and dC/da dominate."""

    params: ClassVar = [[*fg.costs.COSTS, *SMOOTHED], ["float32", "float64"]]
    param_names: ClassVar = ["cost", "dtype"]

    def setup(self, cost, dtype):
        rng = np.random.default_rng(0)
        self.net = fg.Network([1, 64], cost=cost, dtype=dtype, seed=0)
        self.X = rng.normal(size=(4096, 1)).astype(dtype)
        y = rng.integers(64, size=4096)
        targets = np.eye(64)[y]
        self.Y = (2 * targets - 1 if cost == "hinge" else targets).astype(dtype)
        self.time_gradients(cost, dtype)  # compiles

    def time_gradients(self, cost, dtype):
        self.net.gradients(self.X, self.Y)
