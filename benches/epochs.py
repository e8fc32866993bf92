"""Whole epochs, from small networks, where the work around the loops counts, to large ones."""

from typing import ClassVar

import numpy as np

import fastgrad as fg

#: name: (sizes, hidden activation, batch size, samples)
NETWORKS = {
    "2-16-16-1": ([2, 16, 16, 1], "tanh", 32, 8192),
    "4-32-32-32-1": ([4, 32, 32, 32, 1], "tanh", 256, 32768),
    "17-64-64-6": ([17, 64, 64, 6], "tanh", 64, 16384),
    "32-256-256-1": ([32, 256, 256, 1], "relu", 256, 32768),
    "784-128-10": ([784, 128, 10], "relu", 64, 16384),
    "784-512-512-10": ([784, 512, 512, 10], "relu", 128, 8192),
    "1024-1024-1024-1024": ([1024, 1024, 1024, 1024], "relu", 1024, 4096),
}
OPTIMIZERS = {"SGD": lambda: fg.SGD(1e-3), "Adam": lambda: fg.Adam(1e-3)}


def random_data(sizes, samples):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(samples, sizes[0])).astype(np.float32)
    Y = rng.normal(size=(samples, sizes[-1])).astype(np.float32)
    return X, Y


class Epoch:
    """One epoch of a network in float32, with as many threads as the library cares to use."""

    params: ClassVar = [list(NETWORKS), list(OPTIMIZERS)]
    param_names: ClassVar = ["network", "optimizer"]
    threads: ClassVar = None

    def setup(self, network, optimizer):
        sizes, activation, self.batch_size, samples = NETWORKS[network]
        self.net = fg.Network(sizes, activations=activation, cost="squared_error", seed=0)
        self.optimizer = OPTIMIZERS[optimizer]()
        self.X, self.Y = random_data(sizes, samples)
        self.time_epoch(network, optimizer)  # compiles

    def time_epoch(self, network, optimizer):
        self.net.fit(
            self.X,
            self.Y,
            epochs=1,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            threads=self.threads,
            verbose=0,
        )


class OneThread(Epoch):
    """The same with one thread: what the others gain."""

    threads: ClassVar = 1


class OneSample:
    """Online learning and single predictions: one sample a call, where the loops run over j."""

    params: ClassVar = [["10-40-40-1", "784-128-10"]]
    param_names: ClassVar = ["network"]

    def setup(self, network):
        sizes = [int(size) for size in network.split("-")]
        self.net = fg.Network(sizes, activations="tanh", cost="squared_error", seed=0)
        self.optimizer = fg.Adam(1e-3)
        self.x, self.y = random_data(sizes, 1)
        self.time_step(network)  # compiles
        self.time_predict(network)

    def time_step(self, network):
        self.net.step(self.x, self.y, self.optimizer)

    def time_predict(self, network):
        self.net.predict(self.x)
