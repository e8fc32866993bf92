"""The loops of equations.py: the three with nearly all the arithmetic, and the short ones."""

import math
from typing import ClassVar

import numpy as np

from fastgrad.codegen.jit import kernel
from fastgrad.engine import minibatch
from fastgrad.engine.workspace import aligned
from fastgrad.kernels import equations

SAMPLES, LANES = 64, 16


def repeated(loop):
    """The loop many times in one call: a call from Python takes 20 µs more than the loop."""

    @kernel
    def many(times, *arguments):
        for _ in range(times):
            loop(*arguments)

    return many


affine_panels = repeated(equations.affine_panels)
backpropagate_panels = repeated(equations.backpropagate_panels)
weight_gradient = repeated(equations.weight_gradient)
affine = repeated(equations.affine)
gradient = repeated(equations.gradient)
backpropagate = repeated(equations.backpropagate)
differentiate = repeated(equations.differentiate)
bias_gradient = repeated(equations.bias_gradient)
gather_panels = repeated(equations.gather_panels)
transpose_panels = repeated(equations.transpose_panels)
scatter_panels = repeated(equations.scatter_panels)
draw_permutation = repeated(minibatch.draw_permutation)


class Tiles:
    """n nodes on n nodes, 64 samples, float32, one thread.

    Each loop makes 2 n n S operations, and runs `times` times per call: about a millisecond.
    """

    params: ClassVar = [[256, 1024]]
    param_names: ClassVar = ["n"]

    def setup(self, n):
        rng = np.random.default_rng(0)

        def numbers(*shape):
            array = aligned(math.prod(shape), np.float32).reshape(shape)  # as in a network
            array[:] = rng.normal(size=shape)
            return array

        self.times = max(1, 1024**2 // n**2)
        self.panels = SAMPLES // LANES
        self.W = numbers(n, n + LANES)  # n is a multiple of 64: LANES more, as in a network
        self.b = numbers(n)
        self.a, self.u, self.d = (numbers(self.panels, n, LANES) for _ in "aud")
        self.aT = numbers(n // LANES, SAMPLES, LANES)
        self.dC_dW = numbers(n, n + LANES)
        self.time_affine(n)  # compiles
        self.time_backpropagate(n)
        self.time_weight_gradient(n)

    def time_affine(self, n):
        """Equation 1."""
        affine_panels(self.times, self.W, self.b, self.a, self.u, n, (0, n), (0, self.panels))

    def time_backpropagate(self, n):
        """Equations 5 and 3."""
        backpropagate_panels(
            self.times, self.d, self.W, self.a, self.u, n, (0, n), (0, self.panels), True
        )

    def time_weight_gradient(self, n):
        """Equation 7."""
        weight_gradient(
            self.times, self.d, self.aT, self.dC_dW, (0, self.panels), (0, n), (0, n // LANES),
            False,
        )  # fmt: skip


class Short:
    """Kernels that take a microsecond or less, 1000 times: 48 nodes, 64 samples or one."""

    def setup(self):
        rng = np.random.default_rng(0)

        def numbers(*shape):
            return rng.normal(size=shape).astype(np.float32)

        n, panels = 48, SAMPLES // LANES
        self.W, self.b, self.x, self.y = numbers(n, n), numbers(n), numbers(n), numbers(n)
        self.X, self.samples = numbers(1000, n), rng.permutation(1000)[:SAMPLES]
        self.a, self.aT = numbers(panels, n, LANES), numbers(n // LANES, SAMPLES, LANES)
        self.df, self.d = np.ones(n * SAMPLES, np.float32), numbers(n * SAMPLES)
        self.out, self.panels, self.nodes = numbers(SAMPLES, n), (0, panels), (0, n)
        self.permutation = np.zeros(32768, np.uint32)
        for name in dir(self):
            if name.startswith("time_"):
                getattr(self, name)()  # compiles

    def time_equation_1_of_one_sample(self):
        affine(1000, self.W, self.b, self.x, self.y)

    def time_equation_4_of_one_sample(self):
        gradient(1000, self.x, self.b, self.W)

    def time_equation_5_of_one_sample(self):
        backpropagate(1000, self.x, self.W, self.y)

    def time_equation_3(self):
        differentiate(1000, self.df, self.d, self.d.size)

    def time_equation_6(self):
        bias_gradient(1000, self.a, self.b, self.panels, self.nodes, False)

    def time_gather(self):
        gather_panels(1000, self.X, self.samples, self.b, self.x, self.a, self.aT, self.panels)

    def time_transpose(self):
        transpose_panels(1000, self.a, self.aT, self.panels)

    def time_scatter(self):
        scatter_panels(1000, self.a, self.out, 0, self.panels)

    def time_shuffle(self):
        """A permutation of 32768 samples, 10 times."""
        draw_permutation(10, self.permutation, 1)
