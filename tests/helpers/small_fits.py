"""Small networks to train, and fits with invented epochs, for callbacks."""

import numpy as np

import fastgrad as fg

SIZES, S = [5, 16, 3], 40


def data(sizes=SIZES, rows=S):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1]))


def network(sizes=SIZES, **options):
    return fg.Network(sizes, "tanh", **{"cost": "mse", "dtype": "float64", "seed": 0, **options})


def same_parameters(one, other):
    return np.array_equal(one.parameters, other.parameters)


def new_fit(epochs):
    history = fg.History(samples=100, metrics={"accuracy": [], "val_accuracy": []})
    return fg.Fit(None, None, epochs, history)


def run_callback(callback, epochs, progress=()):
    """Call a callback as fit does, with invented metric values."""
    fit = new_fit(epochs)
    callback.on_train_begin(fit)
    for epoch in range(epochs):
        fit.epoch = epoch
        callback.on_epoch_begin(fit)
        for done in progress:
            fit.samples_done = done
            callback.on_batch_end(fit)
        history = fit.history
        history.cost.append(1 / (epoch + 2))
        history.val_cost.append(1 / (epoch + 1))
        history.metrics["accuracy"].append(0.5 + epoch / 10)
        history.metrics["val_accuracy"].append(0.4 + epoch / 10)
        history.seconds.append(0.25)
        callback.on_epoch_end(fit)
    callback.on_train_end(fit)


class StopsAfter(fg.Callback):
    """Stops a fit after a number of epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, fit):
        if fit.epoch + 1 == self.epochs:
            fit.stop()
