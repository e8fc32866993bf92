"""Streams, callbacks, loggers, schedules, checkpoints, plots and initializers."""

import io
import os
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

import fastgrad as fg
from fastgrad.optim import schedules

S, BATCH = 4096, 64


class Fits:
    """Two epochs by default of a network 64-64-10 on 4096 samples of 10 classes."""

    def setup(self, *_):
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(S, 64)).astype(np.float32)
        self.y = self.X[:, :10].argmax(axis=1)
        self.net, self.adam = self.network(), fg.Adam(1e-3)
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)

    def teardown(self, *_):
        self.temporary.cleanup()

    def network(self, cost="softmax_cross_entropy"):
        return fg.Network([64, 64, 10], activations="relu", cost=cost, seed=0)

    def fit(self, **options):
        settings = {"epochs": 2, "batch_size": BATCH, "optimizer": self.adam} | options
        return self.net.fit(self.X, self.y, **settings)


class Toolkit(Fits):
    """Features that need one argument or one call."""

    def setup(self):
        super().setup()
        self.several = self.network(cost=[("softmax_cross_entropy", 8), ("mse", 2)])
        np.save(self.folder / "X.npy", self.X)
        np.save(self.folder / "y.npy", self.y)
        self.on_disk = [np.load(self.folder / name, mmap_mode="r") for name in ("X.npy", "y.npy")]
        for name in dir(self):
            if name.startswith("time_"):
                getattr(self, name)()  # compiles

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
        chunks = fg.Chunks(*self.on_disk, rows=1024, seed=0)
        self.net.fit_stream(chunks, epochs=2, batch_size=BATCH, optimizer=self.adam)

    def time_several_costs(self):
        Y = [self.y % 8, self.X[:, :2]]
        self.several.fit(self.X, Y, epochs=2, batch_size=BATCH, optimizer=self.adam)

    def time_find_lr(self):
        fg.find_lr(self.network(), self.X, self.y, fg.Adam(), batch_size=BATCH)

    def time_lbfgs(self):
        """Ten steps from the start, each on all samples."""
        self.network().fit(self.X, self.y, epochs=10, optimizer=fg.LBFGS())


class Every(fg.Callback):
    """Return to Python after so many batches and do nothing there."""

    def __init__(self, every):
        self.every = every


def mlflow_logger(folder):
    # A database, MLflow's default, would need more libraries.
    os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return fg.MLflowLogger(tracking_uri=(folder / "runs").as_uri())


CALLBACKS = {
    "every=1": lambda folder: Every(1),
    "every=20": lambda folder: Every(20),
    "Progress": lambda folder: fg.train.progress.Progress(io.StringIO()),
    "ReduceLROnPlateau": lambda folder: fg.ReduceLROnPlateau("cost"),
    "Checkpoint": lambda folder: fg.Checkpoint(folder / "checkpoint.safetensors"),
    "CSVLogger": lambda folder: fg.CSVLogger(folder / "history.csv"),
    "TensorBoardLogger": lambda folder: fg.TensorBoardLogger(folder / "runs"),
    "MLflowLogger": mlflow_logger,
}


class Callbacks(Fits):
    """Two epochs with one callback."""

    params: ClassVar = [list(CALLBACKS)]
    param_names: ClassVar = ["callback"]

    def setup(self, callback):
        super().setup()
        try:
            self.callback = CALLBACKS[callback](self.folder)
        except ModuleNotFoundError as missing:
            raise NotImplementedError from missing  # asv leaves it out
        self.time_fit(callback)  # compiles

    def time_fit(self, callback):
        self.fit(callbacks=[self.callback])


RATES = [
    schedules.Constant(1e-3), schedules.Step(1e-3, every=32),
    schedules.MultiStep(1e-3, milestones=(32, 64)), schedules.Exponential(1e-3, gamma=0.99),
    schedules.Linear(1e-3), schedules.Polynomial(1e-3, power=2), schedules.Cosine(1e-3),
    schedules.CosineRestarts(1e-3, period=16, factor=2), schedules.OneCycle(1e-3),
    schedules.Warmup(schedules.Cosine(1e-3), steps=32), schedules.Function(lambda t: 1e-3),
]  # fmt: skip


class Schedules(Fits):
    """Two epochs, 128 steps, with one schedule."""

    params: ClassVar = [[type(rate).__name__ for rate in RATES]]
    param_names: ClassVar = ["schedule"]

    def setup(self, schedule):
        super().setup()
        (rate,) = (rate for rate in RATES if type(rate).__name__ == schedule)
        self.adam = fg.Adam(rate)
        self.time_fit(schedule)  # compiles

    def time_fit(self, schedule):
        self.fit()


class Results(Fits):
    """Work with a trained network and its history."""

    params: ClassVar = [["frame", "plot", "save_checkpoint", "resume"]]
    param_names: ClassVar = ["what"]

    def setup(self, what):
        super().setup()
        self.history = self.fit(epochs=20)
        self.path = self.folder / "checkpoint.safetensors"
        self.save_checkpoint()
        try:
            self.time_once(what)
        except ModuleNotFoundError as missing:
            raise NotImplementedError from missing  # asv leaves it out

    def frame(self):
        self.history.frame()

    def plot(self):
        fg.plot.history(self.history, self.folder / "history.png")

    def save_checkpoint(self):
        fg.save_checkpoint(self.path, self.net, self.adam)

    def resume(self):
        fg.resume(self.path)

    def time_once(self, what):
        getattr(self, what)()


class Initializers:
    """A network whose weights are drawn by one initializer."""

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
