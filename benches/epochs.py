"""Whole epochs, and single samples."""

from pathlib import Path
from typing import ClassVar

import numpy as np

import fastgrad as fg
from benches.cases import CASES

OPTIMIZERS = {
    "SGD": lambda: fg.SGD(1e-3),
    "momentum": lambda: fg.SGD(1e-3, momentum=0.9),
    "nesterov": lambda: fg.SGD(1e-3, momentum=0.9, nesterov=True),
    "Adagrad": fg.Adagrad,
    "Adadelta": fg.Adadelta,
    "RMSprop": lambda: fg.RMSprop(1e-3),
    "RMSprop centered": lambda: fg.RMSprop(1e-3, centered=True, momentum=0.9),
    "Adam": lambda: fg.Adam(1e-3),
    "amsgrad": lambda: fg.Adam(1e-3, amsgrad=True),
    "AdamW": fg.AdamW,
    "NAdam": fg.NAdam,
    "RAdam": fg.RAdam,
    "Lion": fg.Lion,
    "Rprop": fg.Rprop,
}


class Epoch:
    """One epoch of a network in float32, with as many threads as the library cares to use."""

    params: ClassVar = [list(CASES), list(OPTIMIZERS)]
    param_names: ClassVar = ["case", "optimizer"]
    threads: ClassVar = None

    def setup(self, case, optimizer):
        case = CASES[case]
        cost = "softmax_cross_entropy" if case.classes else "squared_error"
        self.net = fg.Network(case.sizes, activations=case.activation, cost=cost, seed=0)
        self.options = {
            "epochs": 1,
            "batch_size": case.batch_size,
            "optimizer": OPTIMIZERS[optimizer](),
            "threads": self.threads,
            "verbose": 0,
        }
        self.data = case.data()
        self.fit()  # compiles

    def fit(self):
        self.net.fit(*self.data, **self.options)

    def time_epoch(self, case, optimizer):
        self.fit()


class OneThread(Epoch):
    """The same with one thread: what the others gain."""

    threads: ClassVar = 1


class Memory(Epoch):
    """Most memory of a process that fits, Python and the data included."""

    params: ClassVar = [["mnist2", "wide"], ["Adam"]]
    time_epoch = None

    def peakmem_fit(self, case, optimizer):
        self.fit()


class Scratch:
    """The most that a fit takes beside data, parameters, their Adam state and one gradient.

    From before the network is made to the end of its first epoch, the peak of resident memory over
    where it stood: four times the parameters are taken off, the rest is a step's arrays, an order
    of the samples, and what Python and new threads allocate on the way. What was freed before and
    still is resident does not count when it is used again. Linux alone tells all this.
    """

    params: ClassVar = [["sci", "tab", "mnist", "mnist2", "wide"]]
    param_names: ClassVar = ["case"]
    unit = "MiB"

    def setup(self, case):
        if not _FORGET.exists():
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
        _FORGET.write_text("5")  # the peak so far
        before = memory("VmRSS")
        parameters = self.fit(self.case.sizes, *self.data)
        return (memory("VmHWM") - before - 4 * parameters) / 2**20


_FORGET = Path("/proc/self/clear_refs")


def memory(name):
    """Bytes of this process by one of Linux's names: VmRSS is resident, VmHWM its peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{name}:")[2].split()[0])


class OneSample:
    """Online learning and single predictions: one sample a call, where the loops run over j."""

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
