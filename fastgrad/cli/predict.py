"""`fastgrad predict` and `fastgrad evaluate`: a saved model, and the rows of a file."""
# ruff: noqa: T201 - a command prints

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics, validation
from ..data.samples import Samples
from ..data.splitting import split
from ..data.table import Table
from ..formats import safetensors
from ..tables.model import TableModel
from . import output_files, report
from .sources import DIGITS, digest, digits

__all__ = ["evaluate", "predict", "read_compared"]


def predict(arguments: argparse.Namespace) -> int:
    """Write the prediction for each row in csv format, or as JSON.

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
        safetensors.check_writable("output", Path(arguments.output))
        for path in filter(None, (arguments.model, arguments.data, arguments.target_file)):
            if Path(arguments.output).resolve() == Path(path).resolve():
                raise ValueError(f"output: got {path}, an input file; expected another name")
    model = TableModel.load(arguments.model)
    if arguments.proba and not model.gives_probabilities:
        raise ValueError(f"proba: {arguments.model} gives no probabilities")
    samples = _read(model, arguments, needs_targets=False, reads_targets=False, keep=arguments.keep)
    kept = _kept(samples.inputs)
    p = model.outputs(model.encoded(samples.inputs))
    predicted = _predicted(model, p, arguments.proba)
    columns = kept | {f"predicted {n}" if n in kept else n: v for n, v in predicted.items()}
    with output_files.text(arguments.output) as file:
        if arguments.json:
            names = list(columns)
            rows = [
                dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]
            file.write(report.as_json(rows) + "\n")
        else:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
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
    model = TableModel.load(arguments.model)
    samples = read_compared(model, arguments)
    trained_on = samples.target == model.targets.target and _is_training_data(model, arguments.data)
    held_out = trained_on and not arguments.all_rows and bool(model.metadata.get("test_size"))
    what = "all rows, those of the training included" if trained_on else "all rows"
    if held_out:
        rows = _held_out(model, samples)
        samples, what = samples.take(rows), "the rows held out from training"
    y, p = model.compared(samples)
    scores = model.scores_of(y, p)
    counts = metrics.confusion(y, p) if model.classes else None
    if arguments.json:
        content: dict[str, Any] = {"rows": len(samples), "target": samples.target}
        content |= {"held out": held_out, "scores": report.scores_as_json(scores)}
        if counts is not None:
            content |= {"classes": model.classes, "confusion": counts.tolist()}
        report.print_json(content)
        return 0
    report.print_scores(f"{len(samples):,} rows", scores, model.classes)
    if counts is not None:
        report.print_confusion(counts, model.classes or [])
    print(f"\ntarget '{samples.target}' of {what}")
    return 0


def read_compared(model: TableModel, arguments: argparse.Namespace) -> Samples:
    """The data with the true values, in the column of the training or that of --target.

    Parameters
    ----------
    model : TableModel
        The model.
    arguments : argparse.Namespace
        Of a command with MODEL, DATA and --target.
    """
    target = arguments.target or (model.targets.target if model.encoder else None)
    if target in (model.column_names or ()):
        of_what = f" of {model.targets.target!r}" if model.targets.target else ""
        raise ValueError(
            f"target: got {target!r}, an input of the model; expected the column with the true"
            f" values{of_what}"
        )
    return _read(model, arguments, target=target)


def _read(model: TableModel, arguments: argparse.Namespace, **options: Any) -> Samples:
    """The data, read in the way it was read for training; without DATA, the digits."""
    if arguments.data:
        return model.read_like(arguments.data, target_file=arguments.target_file, **options)
    if model.metadata.get("data") != DIGITS:
        raise ValueError(f"DATA: expected a file, since {arguments.model} is not one of the digits")
    samples = digits()
    if options.get("keep"):
        raise ValueError("keep: the digits have no named columns; expected a table")
    return samples.take(_held_out(model, samples)) if arguments.command == "predict" else samples


def _is_training_data(model: TableModel, path: str | None) -> bool:
    """Whether it is the file that the model was trained on."""
    known = model.metadata.get("digest")
    return known is not None and known == digest(path)


def _held_out(model: TableModel, samples: Samples) -> np.ndarray[Any, Any]:
    """The rows of the training data that were held out for the test."""
    y = model.targets.transform(samples.labels, samples.place)
    size = validation.number("test_size", model.metadata.get("test_size"), least=0, below=1)
    seed = validation.integer("seed", model.metadata.get("seed"), least=0)
    return split(y, size, seed=seed, stratify=model.classes is not None)[1]


def _kept(inputs: Any) -> dict[str, list[Any]]:
    """The kept columns as they are written, "" where there is nothing."""
    as_written = inputs.as_written if isinstance(inputs, Table) else {}
    return {
        name: ["" if cell is None else cell for cell in cells.tolist()]
        for name, cells in as_written.items()
    }


def _predicted(
    model: TableModel, p: np.ndarray[Any, Any], with_probabilities: bool
) -> dict[str, list[Any]]:
    """The predictions, and the probability of each class."""
    name, columns = str(model.targets.target or "prediction"), {}
    if model.classes:
        columns[name] = model.targets.decode(p, model.networks[0].cost_function).tolist()
    else:
        names = [name] if p.shape[1] == 1 else [f"{name} {k + 1}" for k in range(p.shape[1])]
        columns |= dict(zip(names, _shortest(p), strict=True))
    if with_probabilities:
        names = [f"P({label})" for label in model.classes or ()]
        columns |= dict(zip(names, _shortest(model.targets.probabilities(p)), strict=True))
    return columns


def _shortest(table: np.ndarray[Any, Any]) -> list[list[float]]:
    """The columns of an array, each number with no more digits than its dtype needs."""
    return [[float(str(value)) for value in column] for column in table.T]
