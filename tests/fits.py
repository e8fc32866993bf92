"""Small networks to train, and fits whose epochs are made up for what watches one."""

import numpy as np

import fastgrad as fg

SIZES, S = [5, 16, 3], 40


def data(sizes=SIZES, rows=S):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1]))


def network(sizes=SIZES, **options):
    return fg.Network(sizes, "tanh", **{"cost": "mse", "dtype": "float64", "seed": 0, **options})


def same(one, other):
    return np.array_equal(one.parameters, other.parameters)


def new_fit(epochs):
    history = fg.History(samples=100, metrics={"accuracy": [], "val_accuracy": []})
    return fg.Fit(None, None, epochs, history)


def run(display, epochs, progress=()):
    """What fit does with a callback, with made-up figures."""
    fit = new_fit(epochs)
    display.on_train_begin(fit)
    for epoch in range(epochs):
        fit.epoch = epoch
        display.on_epoch_begin(fit)
        for done in progress:
            fit.samples_done = done
            display.on_batch_end(fit)
        history = fit.history
        history.cost.append(1 / (epoch + 2))
        history.val_cost.append(1 / (epoch + 1))
        history.metrics["accuracy"].append(0.5 + epoch / 10)
        history.metrics["val_accuracy"].append(0.4 + epoch / 10)
        history.seconds.append(0.25)
        display.on_epoch_end(fit)
    display.on_train_end(fit)
