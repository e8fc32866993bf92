"""Optimizers and features of training, by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastgrad as fg

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


@dataclass
class Feature:
    """Arguments of Network and fit (from the number of samples), optimizer, and layer 1."""

    network: dict[str, Any] = field(default_factory=dict)
    fit: Callable[[int], dict[str, Any]] = lambda S: {}
    optimizer: Callable[[], fg.Optimizer] = OPTIMIZERS["Adam"]
    first_layer: dict[str, Any] = field(default_factory=dict)


FEATURES = {
    "none": Feature(),
    "standardize": Feature(network={"standardize": True}),
    "dropout": Feature(network={"dropout": 0.2}),
    "input_dropout": Feature(network={"input_dropout": 0.2}),
    "input_noise": Feature(network={"input_noise": 0.1}),
    "l1": Feature(network={"l1": 1e-4}),
    "l2": Feature(network={"l2": 1e-4}),
    "penalize_biases": Feature(network={"l2": 1e-4, "penalize_biases": True}),
    "max_norm": Feature(network={"max_norm": 3.0}),
    "clip_norm": Feature(optimizer=lambda: fg.Adam(1e-3).clip(norm=1.0)),
    "clip_value": Feature(optimizer=lambda: fg.Adam(1e-3).clip(value=0.1)),
    "sample_weight": Feature(fit=lambda S: {"sample_weight": np.linspace(0, 2, S)}),
    "schedule": Feature(optimizer=lambda: fg.Adam(fg.schedules.Cosine(1e-3))),
    "EMA": Feature(fit=lambda S: {"average": fg.EMA()}),
    "lr_scale": Feature(first_layer={"lr_scale": 0.5}),
    "frozen": Feature(first_layer={"trainable": False}),
    **{name: Feature(optimizer=make) for name, make in OPTIMIZERS.items() if name != "Adam"},
}


def training(case, data, feature, threads, epochs=1):
    """A function without arguments that trains for so many epochs with a feature; compiled."""
    X, Y = data
    net = fg.Network(
        case.sizes, activations=case.activation, seed=0, **feature.network,
        cost="softmax_cross_entropy" if case.classes else "squared_error",
    )  # fmt: skip
    for name, value in feature.first_layer.items():
        setattr(net.layers[0], name, value)
    options = {
        "epochs": epochs,
        "batch_size": case.batch_size,
        "optimizer": feature.optimizer(),
        "threads": threads,
        **feature.fit(len(X)),
    }

    def run():
        net.fit(X, Y, **options)

    run()
    return run
