"""Many small networks at once."""

from typing import ClassVar

import numpy as np

import fastgrad as fg

NETWORKS, SAMPLES = 500, 3200


class Fleet:
    """Networks 2-16-16-1, 100 steps of 32 samples each."""

    params: ClassVar = [[1, 2]]
    param_names: ClassVar = ["threads"]

    def setup(self, threads):
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(SAMPLES, 2)).astype("float32")
        self.Y = self.X[:, :1] * self.X[:, 1:]
        self.networks = [fg.Network([2, 16, 16, 1], "tanh", seed=k) for k in range(NETWORKS)]

    def time_fit_many(self, threads):
        fg.fit_many(
            self.networks, self.X, self.Y, epochs=1, optimizer=fg.SGD(0.01), threads=threads
        )

    def time_construction(self, threads):
        for k in range(NETWORKS):
            fg.Network([2, 16, 16, 1], "tanh", seed=k)
