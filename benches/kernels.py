"""The three loops in which nearly all the arithmetic of training stands: equations 1, 5 and 7."""

from typing import ClassVar

import numpy as np

from fastgrad import kernels

SAMPLES, LANES = 64, 16


class Tiles:
    """n nodes on n nodes, 64 samples, float32, one thread. Each loop makes 2 n n S operations."""

    params: ClassVar = [[256, 1024]]
    param_names: ClassVar = ["n"]

    def setup(self, n):
        rng = np.random.default_rng(0)

        def numbers(*shape):
            return rng.normal(size=shape).astype(np.float32)

        self.panels = SAMPLES // LANES
        self.W = numbers(n, n + LANES)  # n is a multiple of 64: LANES more keep rows apart
        self.b = numbers(n)
        self.a, self.u, self.d = (numbers(self.panels, n, LANES) for _ in "aud")
        self.aT = numbers(n // LANES, SAMPLES, LANES)
        self.dC_dW = np.zeros_like(self.W)
        self.time_affine(n)  # compiles
        self.time_backpropagate(n)
        self.time_weight_gradient(n)

    def time_affine(self, n):
        """Equation 1."""
        kernels.affine_panels(self.W, self.b, self.a, self.u, n, (0, n), (0, self.panels))

    def time_backpropagate(self, n):
        """Equation 5."""
        kernels.backpropagate_panels(self.d, self.W, self.u, n, (0, n), (0, self.panels))

    def time_weight_gradient(self, n):
        """Equation 7."""
        kernels.weight_gradient(self.d, self.aT, self.dC_dW, (0, self.panels), (0, n), False)
