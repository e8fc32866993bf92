"""What each feature of training adds to an epoch: `python -m benches.features [CASE ...]`.

Prints how many times as long as plain Adam an epoch takes with each, on one thread and on all. Each
takes turns with plain Adam, and the median of their quotients counts; that of "none" tells how far
to trust them.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, ClassVar

import numpy as np

import fastgrad as fg
from benches.cases import CASES, from_command_line
from benches.epochs import OPTIMIZERS
from benches.machine import ALL, processor

_ROUNDS, _TURN_SECONDS = 21, 0.03


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
    """So many epochs with a feature, as a function without arguments; compiled."""
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


class Features:
    """One epoch with each feature, on one thread."""

    params: ClassVar = [["rl", "tab"], list(FEATURES)]
    param_names: ClassVar = ["case", "feature"]

    def setup(self, case, feature):
        case = CASES[case]
        self.run = training(case, case.data(), FEATURES[feature], threads=1)

    def time_epoch(self, case, feature):
        self.run()


def seconds(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def ratios(case, threads, names):
    """Time of an epoch with each feature over that of plain Adam just before or after."""
    data = case.data()
    once = seconds(training(case, data, FEATURES["none"], threads))
    epochs = max(1, round(_TURN_SECONDS / once))
    plain, *runs = (
        training(case, data, FEATURES[name], threads, epochs) for name in ("none", *names)
    )
    quotients = [[] for _ in runs]
    for turn in range(_ROUNDS):
        for run, values in zip(runs, quotients, strict=True):
            times = [seconds(one) for one in ((run, plain), (plain, run))[turn % 2]]
            values.append(times[turn % 2] / times[1 - turn % 2])
    return dict(zip(names, map(median, quotients), strict=True))


def main():
    """A line for each feature, a column for each case and number of threads."""
    parser = argparse.ArgumentParser(prog="python -m benches.features", description=__doc__)
    parser.add_argument("--features", nargs="+", default=list(FEATURES), choices=FEATURES)
    options = from_command_line(parser, ["rl", "tab"])
    columns = [(case, t) for case in options.cases for t in sorted({1, ALL})]
    measured = [ratios(CASES[case], t, options.features) for case, t in columns]
    print(processor())
    print(" " * 16, *(f"{case + ', ' + str(t):>10s}" for case, t in columns))
    for name in options.features:
        print(f"{name:16s}", *(f"{ratio[name]:10.2f}" for ratio in measured))


if __name__ == "__main__":
    main()
