"""The commands of `fastgrad`."""
# ruff: noqa: T201 - a command prints

import argparse
import csv
import math
import os
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

import fastgrad as fg

from .. import plot, validation
from ..atomic_write import atomic_write
from ..codegen.numba_compat import target_processor
from ..data import dataset
from ..data.targets import TargetEncoder
from ..network import Network
from ..tools.gradient_check import gradient_errors
from ..tools.warmup import warm_up
from . import output_files

__all__ = ["COSTS", "LEARNING_RATES", "check", "evaluate", "info", "predict", "train", "warmup"]

LEARNING_RATES = {"adam": 1e-3, "sgd": 0.05}
COSTS = {"classification": "softmax_cross_entropy", "regression": "squared_error"}

_DIGITS = "digits"
_TOLERANCE = 1e-6
_SAMPLES = 16


def train(arguments: argparse.Namespace) -> int:
    """Train a network, test it on held-out samples, and save it.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad train --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    name = _stem(arguments.data)
    output = Path(arguments.output or f"{name}.safetensors")
    output_files.check_writable("output", output)
    curve = None if arguments.no_plot else output.with_suffix(".png")
    if output == curve:
        raise ValueError(f"output: got {output}; expected another suffix than the curve's, .png")
    if arguments.epochs < 1:
        raise ValueError(f"epochs: got {arguments.epochs}; expected at least 1")
    samples = _read(arguments.data, arguments, task=arguments.task, ignore=arguments.ignore)
    y, encoder = _y(samples), samples.encoder
    train_rows, test_rows = _split(samples, arguments.test_size, arguments.seed)
    net = fg.Network(
        [samples.X.shape[1], *arguments.layers, len(samples.classes or "1")],
        activations=_activations(arguments),
        cost=arguments.cost or COSTS[str(samples.task)],
        dtype=arguments.dtype,
        seed=arguments.seed,
        standardize=samples.is_table,
    )
    net.metadata.update(samples.metadata, data=Path(arguments.data or _DIGITS).name)
    net.metadata.update(test_size=arguments.test_size, seed=arguments.seed)
    if not arguments.overwrite:
        output_files.check_overwrite("output", output, curve, net.metadata)
    if not encoder.classes and net.cost_function.targets == "real":
        # Learn deviations from the mean, in standard deviations; the last layer then undoes it.
        validation.matrix("target", y, net.dtype, 1, len(y))
        encoder = encoder.scaled(y[train_rows])
    Y = encoder.encode(y, net.cost_function, net.n_outputs)
    if not arguments.quiet:
        sizes = f"{len(train_rows):,} to train on, {len(test_rows):,} held out"
        print(f"data     {_described(samples, name)}: {sizes}")
        print(f"network  {_layout(net)}", flush=True)
    history = net.fit(
        samples.X[train_rows],
        Y[train_rows],
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        optimizer=_optimizer(arguments),
        validation=(samples.X[test_rows], Y[test_rows]) if len(test_rows) else None,
        threads=arguments.threads,
        verbose=0 if arguments.quiet else 1,
    )
    if not math.isfinite(history.cost[-1]):
        raise ValueError(f"{history.stopped}; nothing is saved; try a smaller --learning-rate")
    encoder.unscale(net.layers[-1].W, net.layers[-1].b)
    if len(test_rows):
        _print_scores("test ", net, samples.encoder, _part(samples, test_rows))
    print(f"samples per second  {history.samples_per_second:,.0f}")
    net.save(output)
    print(f"model               {output}")
    if curve:
        try:
            with atomic_write(curve) as temporary:
                plot.history(history, temporary)
            print(f"training curve      {curve}")
        except ModuleNotFoundError as error:
            print(f"training curve      not drawn: {error}")
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Write the prediction for each row in csv format.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad predict --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    if arguments.output is not None:
        output_files.check_writable("output", Path(arguments.output))
        for path in filter(None, (arguments.model, arguments.data, arguments.target_file)):
            if Path(arguments.output).resolve() == Path(path).resolve():
                raise ValueError(f"output: got {path}, an input file; expected another name")
    net, samples = _load(arguments, targets=False)
    encoder, p = TargetEncoder.from_metadata(net.metadata), _predictions(net, samples.X)
    columns: list[list[Any]] = _columns(p)
    if encoder.classes:
        columns = [encoder.decode(p, net.cost_function).tolist()]
    names = [str(encoder.target or "prediction")]
    names = names if len(columns) == 1 else [f"{names[0]} {k + 1}" for k in range(len(columns))]
    if arguments.proba:
        if not encoder.classes or not net.cost_function.classifies:
            raise ValueError(f"proba: {arguments.model} gives no probabilities")
        names += [f"P({name})" for name in encoder.classes]
        columns += _columns(encoder.probabilities(p))
    with output_files.text(arguments.output) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*columns, strict=True))
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Compare the predictions with the targets.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad evaluate --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    net, samples = _load(arguments)
    encoder = TargetEncoder.from_metadata(net.metadata)
    C = net.cost(samples.X, encoder.encode(_y(samples), net.cost_function, net.n_outputs))
    _print_scores("", net, encoder, samples)
    print(f"cost                {C:.6g}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Compare the gradients with central differences of the cost.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad check --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    if arguments.model:
        saved = fg.load(arguments.model)
        sizes, activations = saved.sizes, list(saved.activations)
        cost: fg.Cost | str = saved.cost_function
    else:
        sizes, activations = (64, *arguments.layers, 10), _activations(arguments)
        cost = arguments.cost or COSTS["classification"]
    # A copy in float64, which does not standardise: the inputs have mean 0 and deviation 1.
    seed = arguments.seed
    net = fg.Network(sizes, activations=activations, cost=cost, dtype="float64", seed=seed)
    if arguments.model:
        for layer, original in zip(net.layers, saved.layers, strict=True):
            layer.W[...], layer.b[...] = original.W, original.b
    random = np.random.default_rng(seed)
    X = random.normal(size=(_SAMPLES, net.n_inputs))
    n_classes = max(net.n_outputs, 2)
    ids = random.integers(n_classes, size=_SAMPLES)
    encoder = TargetEncoder("classification", list(range(n_classes)))
    Y = encoder.encode(ids, net.cost_function, net.n_outputs)
    _predictions(net, X)  # raises unless they are finite
    print(f"{_layout(net)}; {_SAMPLES} random samples, central differences in float64")
    errors = gradient_errors(net, X, Y, seed=seed)
    for name, error in errors.items():
        verdict = "" if error < _TOLERANCE else f"  expected below {_TOLERANCE:g}"
        print(f"dC/d{name:<4} worst relative error {error:.1e}{verdict}")
    passed = max(errors.values()) < _TOLERANCE
    print("the gradients agree" if passed else "the gradients do NOT agree")
    return 0 if passed else 1


def info(arguments: argparse.Namespace) -> int:
    """Describe a saved model, or the environment: versions, processor and threads.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad info --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    lines = _environment()
    if arguments.model:
        net = fg.load(arguments.model)
        lines = {"network": _layout(net), "dtype": str(net.dtype)}
        for name in ("task", "data", "target", "classes", "features", "test_size", "seed"):
            value = net.metadata.get(name)
            if value is not None:
                lines[name] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    for name, value in lines.items():
        print(f"{name:<16}{value}")
    return 0


def warmup(arguments: argparse.Namespace) -> int:
    """Compile all functions for this processor into the cache on disk that later processes read.

    Parameters
    ----------
    arguments : argparse.Namespace
        Not used: the command has none.

    Returns
    -------
    int
        The exit code.
    """
    warm_up(print)
    return 0


# --- helpers of the commands ------------------------------------------------------------------


def _stem(path: str | None) -> str:
    return Path(path.removesuffix(".gz")).stem if path else _DIGITS


def _read(path: str | None, arguments: argparse.Namespace, **options: Any) -> dataset.Dataset:
    if path:
        return dataset.read(
            path, target=arguments.target, target_file=arguments.target_file, **options
        )
    for name in ("target", "target_file", "task", "ignore"):
        if getattr(arguments, name, None):
            raise ValueError(f"{name}: got a value without DATA; expected DATA, too")
    X, y = dataset.load_digits()
    names = [str(digit) for digit in range(10)]
    return dataset.Dataset(X, y, "classification", names, target="digit", is_table=False)


def _activations(arguments: argparse.Namespace) -> list[str]:
    return [arguments.activation] * len(arguments.layers) + ["identity"]


def _split(
    samples: dataset.Dataset, test_size: float, seed: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    return dataset.split(_y(samples), test_size, seed=seed, stratify=samples.classes is not None)


def _part(samples: dataset.Dataset, rows: NDArray[Any]) -> dataset.Dataset:
    return replace(samples, X=samples.X[rows], y=_y(samples)[rows])


def _y(samples: dataset.Dataset) -> NDArray[Any]:
    if samples.y is None:
        raise ValueError("DATA: no targets; expected some to compare with")
    return samples.y


def _load(arguments: argparse.Namespace, targets: bool = True) -> tuple[Network, dataset.Dataset]:
    """Load the model, and the data in the way it was read for training.

    Without DATA these are the digits that were held out.
    """
    net = fg.load(arguments.model)
    metadata = net.metadata
    if metadata.get("task") not in COSTS:  # saved from Python
        encoder = TargetEncoder.from_cost(net.cost_function, net.n_outputs)
        metadata.update(task=encoder.task, classes=encoder.classes)
    if arguments.data:
        like = {**metadata, "n_inputs": net.n_inputs}
        return net, _read(arguments.data, arguments, like=like, targets=targets)
    if metadata.get("data") != _DIGITS or not {"test_size", "seed"} <= metadata.keys():
        raise ValueError(f"DATA: expected a file, since {arguments.model} is not one of the digits")
    samples = _read(None, arguments)
    _, test_rows = _split(samples, metadata["test_size"], metadata["seed"])
    return net, _part(samples, test_rows)


def _predictions(net: Network, X: NDArray[Any]) -> NDArray[Any]:
    """What the network predicts; an error if it is not finite, where argmax would give a class."""
    a = net.forward(X)
    bad = int((~np.isfinite(a)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"the network's outputs are NaN or infinite for {bad:,} of {len(X):,} samples; "
            "its weights or the inputs are too large"
        )
    return net.heads.prediction(a)


def _columns(table: NDArray[Any]) -> list[list[float]]:
    """The columns of an array, each number with no more digits than its dtype needs."""
    return [[float(str(value)) for value in column] for column in table.T]


def _print_scores(
    part: str, net: Network, encoder: TargetEncoder, samples: dataset.Dataset
) -> None:
    y, p = _y(samples), _predictions(net, samples.X)
    if encoder.classes:
        correct = int((encoder.class_ids(p, net.cost_function) == y).sum())
        print(f"{part + 'accuracy':<20}{correct / len(y):.2%} ({correct:,} of {len(y):,})")
        return
    squares = float(np.square(p[:, 0] - y).sum())
    spread = float(np.square(y - y.mean()).sum())
    print(f"{part + 'RMSE':<20}{(squares / len(y)) ** 0.5:.6g}")
    explained = f"{1 - squares / spread:.4f}" if spread else "undefined: all targets are equal"
    print(f"{part + 'R2':<20}{explained}")


def _described(samples: dataset.Dataset, name: str) -> str:
    kind = f"{len(samples.classes)} classes" if samples.classes else "numbers"
    rows, width = samples.X.shape
    return f"{name}, {rows:,} samples of {width} inputs, target '{samples.target}' ({kind})"


def _layout(net: Network) -> str:
    sizes = "-".join(map(str, net.sizes))
    activations = ", ".join(dict.fromkeys(net.activations))
    return f"{sizes}, {activations}; {net.cost_function.name}; {net.n_parameters:,} parameters"


def _optimizer(arguments: argparse.Namespace) -> Any:
    rate = arguments.learning_rate
    if arguments.optimizer == "sgd":
        return fg.SGD(LEARNING_RATES["sgd"] if rate is None else rate, momentum=0.9)
    return fg.Adam(LEARNING_RATES["adam"] if rate is None else rate)


def _environment() -> dict[str, str]:
    found = {"fastgrad": fg.__version__, "python": platform.python_version()}
    for package in ("numba", "numpy", "safetensors", "rich", "matplotlib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    _, processor, features = target_processor()
    simd = [name for name in ("avx", "avx2", "fma", "avx512f", "neon") if f"+{name}," in features]
    found["processor"] = " ".join([processor, *simd])
    runtime: Any = numba  # its type annotations are incomplete
    found["threads"] = f"{runtime.get_num_threads()} of {os.cpu_count()} logical cores"
    try:
        found["threading layer"] = runtime.threading_layer()
    except ValueError:  # no threads have been started
        found["threading layer"] = runtime.config.THREADING_LAYER
    return found
