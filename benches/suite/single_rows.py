"""Single rows and single steps from Python, where the time of the call itself counts."""

from typing import ClassVar

import numpy as np

import fastgrad as fg


class Row:
    """A prediction of one row."""

    params: ClassVar = [["4-32-32-1", "17-64-64-6", "32-256-256-1"]]
    param_names: ClassVar = ["network"]

    def setup(self, name):
        sizes = [*map(int, name.split("-"))]
        net = fg.Network(sizes, "tanh", seed=0)
        self.x = np.random.default_rng(0).normal(size=(1, sizes[0])).astype("float32")
        self.out = np.empty((1, sizes[-1]), "float32")
        self.predict, self.predictor = net.predict, net.predictor()

    def time_predict(self, name):
        self.predict(self.x)

    def time_predictor(self, name):
        self.predictor(self.x, self.out)


class Step:
    """An update on one mini-batch, in a loop of Python."""

    params: ClassVar = [["10-40-40-1, 1", "17-64-64-6, 64"]]
    param_names: ClassVar = ["network, samples"]

    def setup(self, name):
        shape, _, samples = name.partition(", ")
        sizes, rng = [*map(int, shape.split("-"))], np.random.default_rng(0)
        net, self.optimizer = fg.Network(sizes, "tanh", seed=0), fg.Adam(1e-3)
        self.x, self.y = (
            rng.normal(size=(int(samples), n)).astype("float32") for n in (sizes[0], sizes[-1])
        )
        self.step, self.update = net.step, net.trainer(self.optimizer, int(samples))

    def time_step(self, name):
        self.step(self.x, self.y, self.optimizer)

    def time_trainer(self, name):
        self.update(self.x, self.y)


class ShortFit:
    """A second fit of one step: what a fit takes in Python."""

    def setup(self):
        self.net, self.optimizer = fg.Network([2, 16, 16, 1], "tanh", seed=0), fg.SGD(0.01)
        self.samples = np.zeros((32, 2), "float32"), np.zeros((32, 1), "float32")

    def time_fit(self):
        self.net.fit(*self.samples, epochs=1, optimizer=self.optimizer, threads=1)
