"""What each command of `fastgrad` does."""
# ruff: noqa: T201 - a command prints

import argparse
import csv
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

import numba
import numpy as np
from numba.core.registry import cpu_target
from numpy.typing import NDArray

import fastgrad as fg

from . import data, plot
from .gradient_check import gradient_errors
from .history import History
from .network import Network
from .warmup import warm_up

__all__ = ["COSTS", "LEARNING_RATES", "check", "evaluate", "info", "predict", "train", "warmup"]

LEARNING_RATES = {"adam": 1e-3, "sgd": 0.05}
COSTS = {"classification": "softmax_cross_entropy", "regression": "squared_error"}

_DIGITS = "digits"
_TOLERANCE = 1e-6
_SAMPLES = 16
_PROBABILITIES = ("softmax", "sigmoid")


def train(arguments: argparse.Namespace) -> int:
    """Train a network, test it on what was held out, and save it.

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
    if not output.parent.is_dir():
        raise ValueError(f"--output: no folder '{output.parent}'")
    if arguments.epochs < 1:
        raise ValueError(f"--epochs: got {arguments.epochs}; expected at least 1")
    samples = _read(arguments.data, arguments, task=arguments.task, ignore=arguments.ignore)
    shown, held_out = _split(samples, arguments.test_size, arguments.seed)
    net = fg.Network(
        [samples.X.shape[1], *arguments.layers, len(samples.classes or "1")],
        activations=_activations(arguments),
        cost=arguments.cost or COSTS[str(samples.task)],
        dtype=arguments.dtype,
        seed=arguments.seed,
        standardize=samples.is_table,
    )
    net.metadata.update(samples.metadata, data=name)
    net.metadata.update(test_size=arguments.test_size, seed=arguments.seed)
    Y = _targets(net, samples)
    mean, scale = 0.0, 1.0
    if not samples.classes and net.cost_function.targets == "real":
        # Learn deviations from the mean, in units of their size; then let the last layer undo it.
        mean, scale = Y[shown].mean(), Y[shown].std() or 1.0
        Y = (Y - mean) / scale
    if not arguments.quiet:
        sizes = f"{len(shown):,} to train on, {len(held_out):,} held out"
        print(f"data     {_described(samples, name)}: {sizes}")
        print(f"network  {_layout(net)}", flush=True)
    history = net.fit(
        samples.X[shown],
        Y[shown],
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        optimizer=_optimizer(arguments),
        validation=(samples.X[held_out], Y[held_out]) if len(held_out) else None,
        threads=arguments.threads,
        verbose=0 if arguments.quiet else 1,
    )
    last = net.layers[-1]
    last.W[...] *= scale
    last.b[...] = last.b * scale + mean
    if len(held_out):
        _print_scores("test ", net, _part(samples, held_out))
    print(f"samples per second  {history.samples_per_second:,.0f}")
    net.save(output)
    print(f"model               {output}")
    if not arguments.no_plot:
        print(f"training curve      {_plot(history, output.with_suffix('.png'))}")
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Write the prediction for each row as csv.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad predict --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    net, samples = _load(arguments)
    classes = net.metadata.get("classes")
    if classes:
        probabilities = _probabilities(net, samples.X)
        columns = [[classes[k] for k in probabilities.argmax(axis=1)]]
    else:
        columns = [list(map(str, column)) for column in net.predict(samples.X).T]
    names = [str(net.metadata.get("target") or "prediction")]
    names = names if len(columns) == 1 else [f"{names[0]} {k + 1}" for k in range(len(columns))]
    if arguments.proba:
        if not classes or net.cost_function.link not in _PROBABILITIES:
            raise ValueError(f"--proba: {arguments.model} gives no probabilities")
        names += [f"P({name})" for name in classes]
        columns += [list(map(str, column)) for column in probabilities.T]
    with _output(arguments.output) as file:
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
    _print_scores("", net, samples)
    print(f"cost                {net.cost(samples.X, _targets(net, samples)):.6g}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Compare the gradients with central differences.

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
    # A copy in float64, whose inputs are of mean 0 and deviation 1 already.
    seed = arguments.seed
    net = fg.Network(sizes, activations=activations, cost=cost, dtype="float64", seed=seed)
    if arguments.model:
        for layer, original in zip(net.layers, saved.layers, strict=True):
            layer.W[...], layer.b[...] = original.W, original.b
    random = np.random.default_rng(seed)
    X = random.normal(size=(_SAMPLES, net.n_inputs))
    ids = random.integers(max(net.n_outputs, 2), size=_SAMPLES)
    print(f"{_layout(net)}; {_SAMPLES} random samples, central differences in float64")
    errors = gradient_errors(net, X, _class_targets(net, ids), seed=seed)
    for name, error in errors.items():
        verdict = "" if error < _TOLERANCE else f"  expected below {_TOLERANCE:g}"
        print(f"dC/d{name:<4} worst relative error {error:.1e}{verdict}")
    passed = max(errors.values()) < _TOLERANCE
    print("the gradients agree" if passed else "the gradients do NOT agree")
    return 0 if passed else 1


def info(arguments: argparse.Namespace) -> int:
    """Describe a saved model, or what fastgrad runs on.

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
        known = net.metadata
        lines = {"network": _layout(net), "dtype": str(net.dtype)}
        for name in ("task", "data", "target", "classes", "features", "test_size", "seed"):
            if known.get(name) is not None:
                value = known[name]
                lines[name] = ", ".join(value) if isinstance(value, list) else str(value)
    for name, value in lines.items():
        print(f"{name:<16}{value}")
    return 0


# --- what the commands share ---------------------------------------------------------------------


def warmup(arguments: argparse.Namespace) -> int:
    """Compile everything, for this processor, into the cache that later processes read.

    Parameters
    ----------
    arguments : argparse.Namespace
        As the command line gives them; none of its own.

    Returns
    -------
    int
        Exit code 0.
    """
    warm_up(print)
    return 0


def _stem(path: str | None) -> str:
    return Path(path).name.split(".")[0] if path else _DIGITS


def _read(path: str | None, arguments: argparse.Namespace, **options: Any) -> data.Dataset:
    if path:
        return data.read(
            path, target=arguments.target, target_file=arguments.target_file, **options
        )
    X, y = data.load_digits()
    names = [str(digit) for digit in range(10)]
    return data.Dataset(X, y, "classification", names, target="digit", is_table=False)


def _activations(arguments: argparse.Namespace) -> list[str]:
    return [arguments.activation] * len(arguments.layers) + ["identity"]


def _split(samples: data.Dataset, test_size: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    return data.split(_y(samples), test_size, seed=seed, stratify=samples.classes is not None)


def _part(samples: data.Dataset, rows: NDArray[Any]) -> data.Dataset:
    return replace(samples, X=samples.X[rows], y=_y(samples)[rows])


def _y(samples: data.Dataset) -> NDArray[Any]:
    if samples.y is None:
        raise ValueError("DATA: no targets; expected some to compare with")
    return samples.y


def _load(arguments: argparse.Namespace) -> tuple[Network, data.Dataset]:
    """Load the model, and the data as it was read for training; the digits' held-out part."""
    net = fg.load(arguments.model)
    known = net.metadata
    if "task" not in known:  # saved from Python: what the cost is for tells the task
        classifies = net.cost_function.link in _PROBABILITIES
        known["task"] = "classification" if classifies else "regression"
        known["classes"] = [str(k) for k in range(max(net.n_outputs, 2))] if classifies else None
    if arguments.data:
        return net, _read(arguments.data, arguments, like={**known, "n_inputs": net.n_inputs})
    if known.get("data") != _DIGITS:
        raise ValueError(f"DATA: expected a file, since {arguments.model} is not one of the digits")
    samples = _read(None, arguments)
    _, held_out = _split(samples, known["test_size"], known["seed"])
    return net, _part(samples, held_out)


def _targets(net: Network, samples: data.Dataset) -> NDArray[Any]:
    """Turn the targets into what the network's cost compares with."""
    return _class_targets(net, _y(samples)) if samples.classes else _y(samples)


def _class_targets(net: Network, ids: NDArray[Any]) -> NDArray[Any]:
    if net.cost_function.link == "softmax":
        return ids
    Y = ids if net.n_outputs == 1 else np.eye(net.n_outputs)[ids]
    return 2 * Y - 1 if net.cost_function.targets == "sign" else Y


def _probabilities(net: Network, X: NDArray[Any]) -> NDArray[Any]:
    """One column a class, the largest that of the predicted one."""
    outputs = net.predict(X)
    return np.hstack([1 - outputs, outputs]) if net.n_outputs == 1 else outputs


def _print_scores(part: str, net: Network, samples: data.Dataset) -> None:
    y = _y(samples)
    if samples.classes:
        right = int((_probabilities(net, samples.X).argmax(axis=1) == y).sum())
        print(f"{part + 'accuracy':<20}{right / len(y):.2%} ({right:,} of {len(y):,})")
        return
    squares = float(np.square(net.predict(samples.X)[:, 0] - y).sum())
    spread = float(np.square(y - y.mean()).sum())
    print(f"{part + 'RMSE':<20}{(squares / len(y)) ** 0.5:.6g}")
    print(f"{part + 'R2':<20}{1 - squares / spread if spread else float('nan'):.4f}")


def _described(samples: data.Dataset, name: str) -> str:
    goal = f"{len(samples.classes)} classes" if samples.classes else "numbers"
    rows, width = samples.X.shape
    return f"{name}, {rows:,} samples of {width} inputs, target '{samples.target}' ({goal})"


def _layout(net: Network) -> str:
    sizes = "-".join(map(str, net.sizes))
    activations = ", ".join(dict.fromkeys(net.activations))
    return f"{sizes}, {activations}; {net.cost_function.name}; {net.n_parameters:,} parameters"


def _optimizer(arguments: argparse.Namespace) -> Any:
    rate = arguments.learning_rate
    if arguments.optimizer == "sgd":
        return fg.SGD(LEARNING_RATES["sgd"] if rate is None else rate, momentum=0.9)
    return fg.Adam(LEARNING_RATES["adam"] if rate is None else rate)


def _plot(history: History, path: Path) -> str:
    try:
        with _replacing(path) as unfinished:
            plot.history(history, unfinished)
    except ModuleNotFoundError as error:
        return f"not drawn: {error}"
    return str(path)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Write beside the file first, so that it is either the old one or the whole new one."""
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with _replacing(Path(path)) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        yield file


def _environment() -> dict[str, str]:
    found = {"fastgrad": fg.__version__, "python": platform.python_version()}
    for package in ("numba", "numpy", "safetensors", "rich", "matplotlib"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    _, processor, features = cpu_target.target_context.codegen().magic_tuple()
    simd = [name for name in ("avx", "avx2", "fma", "avx512f", "neon") if f"+{name}," in features]
    found["processor"] = " ".join([processor, *simd])
    runtime: Any = numba  # whose types are incomplete
    found["threads"] = f"{runtime.get_num_threads()} of {os.cpu_count()} logical cores"
    try:
        found["threading layer"] = runtime.threading_layer()
    except ValueError:  # none has been started
        found["threading layer"] = runtime.config.THREADING_LAYER
    return found
