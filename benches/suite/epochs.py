"""Epochs, their memory, and single samples."""

from pathlib import Path
from typing import ClassVar

import numpy as np

import fastgrad as fg
from benches.common.cases import CASES
from benches.common.features import OPTIMIZERS, Feature, training


class Epoch:
    """One epoch of a network in float32, with the number of threads that is chosen by default."""

    params: ClassVar = [list(CASES), list(OPTIMIZERS)]
    param_names: ClassVar = ["case", "optimizer"]
    threads: ClassVar = None

    def setup(self, case, optimizer):
        case, feature = CASES[case], Feature(optimizer=OPTIMIZERS[optimizer])
        self.run = training(case, case.data(), feature, self.threads)

    def time_epoch(self, case, optimizer):
        self.run()


class OneThread(Epoch):
    """The same on one thread, for comparison."""

    threads: ClassVar = 1


class Memory(Epoch):
    """Peak memory of a process that trains, Python and the data included."""

    params: ClassVar = [["mnist2", "wide"], ["Adam"]]
    time_epoch = None

    def peakmem_fit(self, case, optimizer):
        self.run()


class Scratch:
    """Peak memory of a fit beyond data, parameters, their Adam state and one gradient.

    It is the growth of peak resident memory from before the network is made to the end of its first
    epoch, less four times the parameters. What remains is the workspace of a step, a permutation of
    the samples, and what Python and new threads allocate meanwhile. Memory that was freed before
    but is still resident does not count when it is used again. Only Linux has these numbers.
    """

    params: ClassVar = [["sci", "tab", "mnist", "mnist2", "wide"]]
    param_names: ClassVar = ["case"]
    unit = "MiB"

    def setup(self, case):
        if not _CLEAR_REFS.exists():
            raise NotImplementedError  # asv leaves it out
        self.case = CASES[case]
        self.data = self.case.data()
        X, Y = self.data
        self.fit([X.shape[1], self.case.sizes[-1]], X[:64], Y[:64])  # compiles

    def fit(self, sizes, X, Y):
        cost = "softmax_cross_entropy" if self.case.classes else "squared_error"
        net = fg.Network(sizes, activations=self.case.activation, cost=cost, seed=0)
        adam = fg.Adam(1e-3)
        net.fit(X, Y, epochs=1, batch_size=self.case.batch_size, optimizer=adam)
        return net.parameters.nbytes

    def track_scratch(self, case):
        _CLEAR_REFS.write_text("5")  # reset the peak
        before = memory("VmRSS")
        parameters = self.fit(self.case.sizes, *self.data)
        return (memory("VmHWM") - before - 4 * parameters) / 2**20


_CLEAR_REFS = Path("/proc/self/clear_refs")


def memory(name):
    """Bytes of this process by one of Linux's names: VmRSS is resident, VmHWM its peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{name}:")[2].split()[0])


class OneSample:
    """Online learning and single predictions: one sample per call, where the loops run over j."""

    params: ClassVar = [["10-40-40-1", "784-128-10"]]
    param_names: ClassVar = ["network"]

    def setup(self, network):
        sizes = [int(size) for size in network.split("-")]
        self.net = fg.Network(sizes, activations="tanh", cost="squared_error", seed=0)
        self.optimizer = fg.Adam(1e-3)
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(1, sizes[0])).astype(np.float32)
        self.y = rng.normal(size=(1, sizes[-1])).astype(np.float32)
        self.time_step(network)  # compiles
        self.time_predict(network)

    def time_step(self, network):
        self.net.step(self.x, self.y, self.optimizer)

    def time_predict(self, network):
        self.net.predict(self.x)
