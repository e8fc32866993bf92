"""What surrounds the epoch: streams, several costs, class weights, SWA, find_lr, L-BFGS, inits."""

from typing import ClassVar

import numpy as np

import fastgrad as fg

S, BATCH = 4096, 64


class Toolkit:
    """Two epochs, or what is named, of a network 64-64-10 on 4096 samples of 10 classes."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(S, 64)).astype(np.float32)
        self.y = rng.integers(10, size=S)
        self.net, self.adam = self.network(), fg.Adam(1e-3)
        self.several = self.network(cost=[("softmax_cross_entropy", 8), ("mse", 2)])
        for name in dir(self):
            if name.startswith("time_"):
                getattr(self, name)()  # compiles

    def network(self, cost="softmax_cross_entropy"):
        return fg.Network([64, 64, 10], activations="relu", cost=cost, seed=0)

    def fit(self, **options):
        settings = {"epochs": 2, "batch_size": BATCH, "optimizer": self.adam} | options
        self.net.fit(self.X, self.y, **settings)

    def time_fit(self):
        self.fit()

    def time_class_weight(self):
        self.fit(class_weight="balanced")

    def time_swa(self):
        self.fit(average=fg.SWA())

    def time_early_stopping(self):
        held_out = self.X[:512], self.y[:512]
        self.fit(validation=held_out, callbacks=[fg.EarlyStopping(patience=5)])

    def time_stream(self):
        pieces = fg.Chunks(self.X, self.y, rows=1024, seed=0)
        self.net.fit_stream(pieces, epochs=2, batch_size=BATCH, optimizer=self.adam)

    def time_several_costs(self):
        Y = [self.y % 8, self.X[:, :2]]
        self.several.fit(self.X, Y, epochs=2, batch_size=BATCH, optimizer=self.adam)

    def time_find_lr(self):
        fg.find_lr(self.net, self.X, self.y, fg.Adam(), batch_size=BATCH)

    def time_lbfgs(self):
        """Ten steps from the start, each on all samples."""
        self.network().fit(self.X, self.y, epochs=10, optimizer=fg.LBFGS())


class Initial:
    """A network whose weights are drawn by one of the schemes."""

    params: ClassVar = [
        [
            "zeros", "constant(value=0.1)", "uniform(low=-0.1, high=0.1)", "normal(std=0.1)",
            "truncated_normal(std=0.1)", "he_normal", "glorot_uniform", "lecun_normal",
            "orthogonal", "siren",
        ]
    ]  # fmt: skip
    param_names: ClassVar = ["init"]

    def time_network(self, init):
        fg.Network([512, 512, 1], activations="sin", init=init, seed=0)
