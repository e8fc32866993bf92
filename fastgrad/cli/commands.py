"""The commands that need no data: `fastgrad check`, `info` and `warmup`."""
# ruff: noqa: T201 - a command prints

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numba
import numpy as np

import fastgrad as fg

from ..codegen.numba_compat import target_processor
from ..data.targets import TargetEncoder
from ..tables.model import TableModel
from ..tables.recipe import COSTS
from ..tools.gradient_check import gradient_errors
from ..tools.warmup import warm_up
from . import foreign, report

__all__ = ["check", "info", "warmup"]

_TOLERANCE = 1e-6
_SAMPLES = 16


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
        saved = TableModel.load(arguments.model).networks[0]
        sizes, activations = saved.sizes, list(saved.activations)
        cost: fg.Cost | str = saved.cost_function
    else:
        sizes = (64, *arguments.layers, 10)
        activations = [arguments.activation] * len(arguments.layers) + ["identity"]
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
    if not np.isfinite(net.forward(X)).all():
        raise ValueError("the network's outputs are NaN or infinite; its weights are too large")
    errors = gradient_errors(net, X, Y, seed=seed)
    passed = max(errors.values()) < _TOLERANCE
    if arguments.json:
        named = {f"dC/d{name}": error for name, error in errors.items()}
        report.print_json(
            {"network": report.layout(net), "relative errors": named, "agree": passed}
        )
        return 0 if passed else 1
    print(f"{report.layout(net)}; {_SAMPLES} random samples, central differences in float64")
    for name, error in errors.items():
        verdict = "" if error < _TOLERANCE else f"  expected below {_TOLERANCE:g}"
        print(f"dC/d{name:<4} worst relative error {error:.1e}{verdict}")
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
    if not arguments.model:
        print_all = report.print_json if arguments.json else report.print_lines
        print_all(_environment())
        return 0
    if foreign.is_foreign(arguments.model):
        return foreign.describe(arguments)
    model = TableModel.load(arguments.model)
    net, targets = model.networks[0], model.targets
    lines: dict[str, Any] = {"network": report.layout(net), "dtype": str(net.dtype)}
    if arguments.toml:
        options = _options(arguments.model, model)
        print(report.as_json(options) if arguments.json else _toml(options))
        return 0
    n_deep = sum(len(net.layers) > 1 for net in model.networks)
    linear = " and the mean of linear ones" * (0 < n_deep < len(model.networks))
    lines |= {"networks": f"{n_deep or len(model.networks)}{linear}", **targets.metadata}
    lines |= {name: model.metadata.get(name) for name in ("data", "test_size", "seed", "options")}
    if arguments.json:
        names = model.encoder.input_names if model.encoder else model.column_names
        report.print_json(lines | {"inputs": names, "metadata": model.metadata})
        return 0
    shown = {name: _on_one_line(value) for name, value in lines.items() if value}
    if model.column_names and not model.encoder:
        shown["inputs"] = ", ".join(model.column_names)
    report.print_lines(shown)
    if model.encoder:
        print(f"\n{model.encoder}")
    return 0


def warmup(arguments: argparse.Namespace) -> int:
    """Compile all functions for this processor into the cache on disk that later processes read.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad warmup --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    done: list[str] = []
    warm_up(done.append if arguments.json else print)
    if arguments.json:
        report.print_json({"compiled": done})
    return 0


# --- helpers of the commands ------------------------------------------------------------------


def _options(path: str, model: TableModel) -> dict[str, Any]:
    """The options of a model's training, by their names on the command line."""
    options = model.metadata.get("options")
    if not isinstance(options, dict):
        expected = "a model of `fastgrad train`"
        raise ValueError(f"toml: got {path}; expected {expected}")  # noqa: TRY004 - a file
    return {name.replace("_", "-"): value for name, value in options.items()}


def _toml(options: dict[str, Any]) -> str:
    """Options as TOML, whose text, numbers and lists are those of JSON."""
    lines = (f"{name} = {json.dumps(v, ensure_ascii=False)}" for name, v in options.items())
    return "\n".join(lines)


def _on_one_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {v}" for name, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _environment() -> dict[str, str]:
    found = {"fastgrad": fg.__version__, "python": platform.python_version()}
    for package in (
        "numba", "numpy", "safetensors", "pyarrow", "narwhals", "clevercsv", "rich", "matplotlib",
    ):  # fmt: skip
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
