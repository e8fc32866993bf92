"""Training that resumes from a checkpoint, of any step, has the bits of one that never stopped."""

import random

import numpy as np
import pytest
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

import fastgrad as fg
from fastgrad.optim import schedules

S, BATCH, EPOCHS = 44, 8, 4
STEPS = 6  # of an epoch, the last one with half a mini-batch
TOTAL = STEPS * EPOCHS
X = np.random.default_rng(0).normal(size=(S, 5)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(S, 2)).astype(np.float32)
VALIDATION = (X[:9], Y[:9] / 2)

OPTIMIZERS = [
    lambda: fg.Adam(schedules.Cosine(0.02)),
    lambda: fg.SGD(schedules.Warmup(schedules.OneCycle(0.1), 3), momentum=0.9).clip(norm=0.5),
    lambda: fg.Rprop(0.01),
    lambda: fg.AdamW(schedules.Linear(0.01, steps=TOTAL), weight_decay=0.1),
    lambda: fg.RMSprop(0.01, momentum=0.9, centered=True),
]
AVERAGES = [lambda: None, fg.EMA, fg.SWA]
NOISE = [{}, {"dropout": 0.2, "input_noise": 0.1, "l2": 1e-3, "max_norm": 2.0}]


class Stop(fg.Callback):
    """Stop a fit after a step, or let it go on."""

    every = 1

    def __init__(self, step):
        self.step = step

    def on_batch_end(self, fit):
        if fit.step == self.step:
            fit.stop("here")


class Save(fg.Callback):
    """Write a checkpoint in the middle of an epoch, and go on."""

    every = 1

    def __init__(self, path, step, extra_state=()):
        self.path, self.step, self.extra_state = path, step, extra_state

    def on_batch_end(self, fit):
        if fit.step == self.step:
            states = [*fit.callbacks, *self.extra_state]
            fg.save_checkpoint(self.path, fit.net, fit.optimizer, fit.average, states)


def network(**options):
    return fg.Network(
        [5, 16, 2], "tanh", cost="mse", seed=0, standardize=True, standardize_targets=True, **options
    )


def watching():
    return [
        fg.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.05),
        fg.EarlyStopping(patience=3, min_delta=0.05),
    ]


def compare(history, net, average, rest, resumed, its_average, begins_at):
    """The rest of a fit, which begins in the epoch of a step, against the whole fit."""
    assert np.array_equal(resumed.parameters, net.parameters)
    assert rest.cost == history.cost[begins_at // STEPS :]
    assert rest.lr == history.lr[begins_at // STEPS :]
    assert rest.val_cost == history.val_cost[begins_at // STEPS :]
    assert rest.stopped == history.stopped
    assert resumed.rng.bit_generator.state == net.rng.bit_generator.state
    if average is not None:
        assert np.array_equal(its_average.network.parameters, average.network.parameters)


@jitted_only
@pytest.mark.parametrize("trial", range(12 * SOAK))
@pytest.mark.parametrize("batch_size", [BATCH, 1])
def test_a_fit_resumes_at_any_step(trial, batch_size, tmp_path):
    rng = random.Random(trial)
    make, make_average, noise = (rng.choice(of) for of in (OPTIMIZERS, AVERAGES, NOISE))
    steps = -(-S // batch_size)
    at, writes = rng.randrange(1, steps * EPOCHS), rng.random() < 0.5
    make = make if batch_size == BATCH else lambda: fg.Adam(schedules.Cosine(0.02))
    options = {"batch_size": batch_size, "validation": VALIDATION, "threads": rng.choice([1, 2])}
    net, average, path = network(**noise), make_average(), tmp_path / "fit.safetensors"
    history = net.fit(X, Y, EPOCHS, optimizer=make(), average=average, **options)

    begun = [Save(path, at)] if writes else [fg.Checkpoint(path), Stop(at)]
    network(**noise).fit(
        X, Y, EPOCHS, optimizer=make(), average=make_average(), callbacks=begun, **options
    )
    resumed, optimizer, its_average = fg.resume(path)
    done = (at - 1) // steps
    rest = resumed.fit(
        X, Y, EPOCHS - done, optimizer=optimizer, average=its_average, **options
    )  # fmt: skip
    compare(history, net, average, rest, resumed, its_average, done * STEPS)
