"""The loops of kernels.py: the three that hold nearly all the arithmetic, and the short ones."""

import math
from typing import ClassVar

import numpy as np

from fastgrad import gathering, kernels
from fastgrad.jit import kernel
from fastgrad.memory import address_of, aligned
from fastgrad.task import TASK

SAMPLES, LANES, REPEATS = 64, 16, 1000


class Tiles:
    """n nodes on n nodes, 64 samples, float32, one thread. Each loop makes 2 n n S operations."""

    params: ClassVar = [[256, 1024]]
    param_names: ClassVar = ["n"]

    def setup(self, n):
        rng = np.random.default_rng(0)

        def numbers(*shape):
            array = aligned(math.prod(shape), np.float32).reshape(shape)  # as in a network
            array[:] = rng.normal(size=shape)
            return array

        self.panels = SAMPLES // LANES
        self.W = numbers(n, n + LANES)  # n is a multiple of 64: LANES more keep rows apart
        self.b = numbers(n)
        self.a, self.u, self.d = (numbers(self.panels, n, LANES) for _ in "aud")
        self.aT = numbers(n // LANES, SAMPLES, LANES)
        self.dC_dW = numbers(n, n + LANES)
        self.time_affine(n)  # compiles
        self.time_backpropagate(n)
        self.time_weight_gradient(n)

    def time_affine(self, n):
        """Equation 1."""
        kernels.affine_panels(self.W, self.b, self.a, self.u, n, (0, n), (0, self.panels))

    def time_backpropagate(self, n):
        """Equations 5 and 3."""
        kernels.backpropagate_panels(
            self.d, self.W, self.a, self.u, n, (0, n), (0, self.panels), True
        )

    def time_weight_gradient(self, n):
        """Equation 7."""
        kernels.weight_gradient(
            self.d, self.aT, self.dC_dW, (0, self.panels), (0, n), (0, n // LANES), False
        )


@kernel
def forward_of_one(W, b, a, u):
    for _ in range(REPEATS):
        kernels.affine(W, b, a, u)


@kernel
def weights_of_one(d, a, dC_dW):
    for _ in range(REPEATS):
        kernels.gradient(d, a, dC_dW)


@kernel
def backward_of_one(d, W, dC_da):
    for _ in range(REPEATS):
        kernels.backpropagate(d, W, dC_da)


@kernel
def slopes(df, d):
    for _ in range(REPEATS):
        kernels.differentiate(df, d, d.size)


@kernel
def biases(d, dC_db, panels, nodes):
    for _ in range(REPEATS):
        kernels.bias_gradient(d, dC_db, panels, nodes, False)


@kernel
def inputs(X, samples, mean, scale, a, aT, panels):
    for _ in range(REPEATS):
        kernels.gather_panels(X, samples, mean, scale, a, aT, panels)


@kernel
def other_way_round(a, aT, panels):
    for _ in range(REPEATS):
        kernels.transpose_panels(a, aT, panels)


@kernel
def outputs(a, out, panels):
    for _ in range(REPEATS):
        kernels.scatter_panels(a, out, 0, panels)


class Short:
    """The kernels that take a microsecond or less, 1000 times: 48 nodes, 64 samples or one."""

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
        self.order, self.task = np.zeros(32768, np.uint32), np.zeros(1, TASK)[0]
        self.task["order"], self.task["samples_in_all"] = address_of(self.order), len(self.order)
        self.task["shuffle"] = 1
        for name in dir(self):
            if name.startswith("time_"):
                getattr(self, name)()  # compiles

    def time_equation_1_of_one_sample(self):
        forward_of_one(self.W, self.b, self.x, self.y)

    def time_equation_4_of_one_sample(self):
        weights_of_one(self.x, self.b, self.W)

    def time_equation_5_of_one_sample(self):
        backward_of_one(self.x, self.W, self.y)

    def time_equation_3(self):
        slopes(self.df, self.d)

    def time_equation_6(self):
        biases(self.a, self.b, self.panels, self.nodes)

    def time_gather(self):
        inputs(self.X, self.samples, self.b, self.x, self.a, self.aT, self.panels)

    def time_transpose(self):
        other_way_round(self.a, self.aT, self.panels)

    def time_scatter(self):
        outputs(self.a, self.out, self.panels)

    def time_shuffle(self):
        """The order of 32768 samples, once."""
        gathering.shuffle(self.task)
