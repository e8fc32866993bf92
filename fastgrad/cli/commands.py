"""What each command of `fastgrad` does."""
# ruff: noqa: T201 - a command prints

import argparse
import csv
import math
import os
import platform
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.registry import cpu_target
from numpy.typing import NDArray

import fastgrad as fg

from .. import validation
from ..atomic_write import atomic_write
from ..data import dataset
from ..model.output_heads import prediction
from ..network import Network
from ..plot import charts
from ..tools.gradient_check import gradient_errors
from ..tools.warmup import warm_up
from . import output_files

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
    output_files.must_be_writable("output", output)
    curve = None if arguments.no_plot else output.with_suffix(".png")
    if output == curve:
        raise ValueError(f"output: got {output}; expected another ending than the curve's, .png")
    if arguments.epochs < 1:
        raise ValueError(f"epochs: got {arguments.epochs}; expected at least 1")
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
    net.metadata.update(samples.metadata, data=Path(arguments.data or _DIGITS).name)
    net.metadata.update(test_size=arguments.test_size, seed=arguments.seed)
    if not arguments.overwrite:
        output_files.must_be_its_own("output", output, curve, net.metadata)
    Y = _targets(net, samples)
    mean, scale = 0.0, 1.0
    if not samples.classes and net.cost_function.targets == "real":
        # Learn deviations from the mean, in units of their size; then let the last layer undo it.
        validation.matrix("target", Y, net.dtype, 1, len(Y))
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
    if not math.isfinite(history.cost[-1]):
        raise ValueError(f"{history.stopped}; nothing is saved; try a smaller --learning-rate")
    last = net.layers[-1]
    last.W[...] *= scale
    last.b[...] = last.b * scale + mean
    if len(held_out):
        _print_scores("test ", net, _part(samples, held_out))
    print(f"samples per second  {history.samples_per_second:,.0f}")
    net.save(output)
    print(f"model               {output}")
    if curve:
        try:
            with atomic_write(curve) as temporary:
                charts.history(history, temporary)
            print(f"training curve      {curve}")
        except ModuleNotFoundError as error:
            print(f"training curve      not drawn: {error}")
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
    if arguments.output:
        output_files.must_be_writable("output", Path(arguments.output))
        for read in filter(None, (arguments.model, arguments.data, arguments.target_file)):
            if Path(arguments.output).resolve() == Path(read).resolve():
                raise ValueError(f"output: got {read}, which is read; expected another name")
    net, samples = _load(arguments, targets=False)
    classes = net.metadata.get("classes")
    if classes:
        probabilities = _probabilities(net, samples.X)
        columns: list[list[Any]] = [[classes[k] for k in probabilities.argmax(axis=1)]]
    else:
        columns = [_written(column) for column in _outputs(net, samples.X).T]
    names = [str(net.metadata.get("target") or "prediction")]
    names = names if len(columns) == 1 else [f"{names[0]} {k + 1}" for k in range(len(columns))]
    if arguments.proba:
        if not classes or net.cost_function.link not in _PROBABILITIES:
            raise ValueError(f"proba: {arguments.model} gives no probabilities")
        names += [f"P({name})" for name in classes]
        columns += [_written(column) for column in probabilities.T]
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
    C = net.cost(samples.X, _targets(net, samples))
    _print_scores("", net, samples)
    print(f"cost                {C:.6g}")
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
    _outputs(net, X)
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
    return Path(path.removesuffix(".gz")).stem if path else _DIGITS


def _read(path: str | None, arguments: argparse.Namespace, **options: Any) -> dataset.Dataset:
    if path:
        return dataset.read(
            path, target=arguments.target, target_file=arguments.target_file, **options
        )
    for name in ("target", "target_file", "task", "ignore"):
        if getattr(arguments, name, None):
            raise ValueError(f"{name}: got it without DATA; expected a file to go with it")
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
    """Load the model, and the data as it was read for training; the digits' held-out part."""
    net = fg.load(arguments.model)
    known = net.metadata
    if "task" not in known:  # saved from Python: what the cost is for tells the task
        classifies = net.cost_function.link in _PROBABILITIES
        known["task"] = "classification" if classifies else "regression"
        known["classes"] = [str(k) for k in range(max(net.n_outputs, 2))] if classifies else None
    if arguments.data:
        like = {**known, "n_inputs": net.n_inputs}
        return net, _read(arguments.data, arguments, like=like, targets=targets)
    if known.get("data") != _DIGITS:
        raise ValueError(f"DATA: expected a file, since {arguments.model} is not one of the digits")
    samples = _read(None, arguments)
    _, held_out = _split(samples, known["test_size"], known["seed"])
    return net, _part(samples, held_out)


def _targets(net: Network, samples: dataset.Dataset) -> NDArray[Any]:
    """Turn the targets into what the network's cost compares with."""
    return _class_targets(net, _y(samples)) if samples.classes else _y(samples)


def _class_targets(net: Network, ids: NDArray[Any]) -> NDArray[Any]:
    if net.cost_function.link == "softmax":
        return ids
    Y = ids if net.n_outputs == 1 else np.eye(net.n_outputs)[ids]
    return 2 * Y - 1 if net.cost_function.targets == "sign" else Y


def _probabilities(net: Network, X: NDArray[Any]) -> NDArray[Any]:
    """One column a class, the largest that of the predicted one."""
    p = _outputs(net, X)
    return np.hstack([1 - p, p]) if net.n_outputs == 1 else p


def _outputs(net: Network, X: NDArray[Any]) -> NDArray[Any]:
    """What the network predicts; the largest of several NaN would look like any class."""
    a = net.forward(X)
    bad = int((~np.isfinite(a)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"the network's outputs are NaN or infinite for {bad:,} of {len(X):,} samples; "
            "its weights or the inputs are too large"
        )
    predicted: NDArray[Any] = prediction(a, net.heads)
    return predicted


def _written(column: NDArray[Any]) -> list[float]:
    """As few digits as give back the numbers, in the notation of Python whatever the dtype."""
    return [float(str(value)) for value in column]


def _print_scores(part: str, net: Network, samples: dataset.Dataset) -> None:
    y = _y(samples)
    if samples.classes:
        right = int((_probabilities(net, samples.X).argmax(axis=1) == y).sum())
        print(f"{part + 'accuracy':<20}{right / len(y):.2%} ({right:,} of {len(y):,})")
        return
    squares = float(np.square(_outputs(net, samples.X)[:, 0] - y).sum())
    spread = float(np.square(y - y.mean()).sum())
    print(f"{part + 'RMSE':<20}{(squares / len(y)) ** 0.5:.6g}")
    explained = f"{1 - squares / spread:.4f}" if spread else "undefined: all targets are equal"
    print(f"{part + 'R2':<20}{explained}")


def _described(samples: dataset.Dataset, name: str) -> str:
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
