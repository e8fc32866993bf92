"""`fastgrad train`: from a table to a model, its scores on held-out rows, and its pictures."""
# ruff: noqa: T201 - a command prints

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data.cells import MISSING_WORDS
from ..data.samples import Samples
from ..data.splitting import folds, split
from ..data.targets import TargetEncoder
from ..fleets.scoring import mean_and_error
from ..formats import safetensors
from ..tables.checkpoints import CheckpointFolder
from ..tables.ensemble import Member
from ..tables.model import TableModel
from ..tables.scores import Score
from . import output_files, pictures, report
from .sources import DIGITS, digest, digits, stem

__all__ = ["train"]

_FEW = 5  # numbered classes; more of them may be counts

#: Options of the command that are fields of a recipe, by the names of both.
RECIPE = {
    "layers": "layers", "activation": "activation", "dropout": "dropout", "l2": "l2",
    "weight_decay": "weight_decay", "learning_rate": "learning_rate", "schedule": "schedule",
    "batch_size": "batch_size", "epochs": "epochs", "patience": "patience", "ensemble": "members",
}  # fmt: skip


def train(arguments: argparse.Namespace) -> int:
    """Train networks, test them on held-out samples, and save them.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad train --help` explains.

    Returns
    -------
    int
        The exit code: 0, or 130 after Ctrl-C.
    """
    checkpoints = _checkpoints(arguments)
    name = stem(arguments.data)
    output = Path(arguments.output or f"{name}.safetensors")
    safetensors.check_writable("output", output)
    if output == pictures.paths(output)["training history"]:
        raise ValueError(f"output: got {output}; expected another suffix than the picture's, .png")
    drawn = [] if arguments.no_plot else [*pictures.paths(output).values()]
    samples = _read(arguments)
    targets, y = samples.encoded_targets(arguments.task)
    metadata = {
        "data": Path(arguments.data or DIGITS).name, "digest": digest(arguments.data),
        "test_size": 0.0 if arguments.cv else arguments.test_size, "seed": arguments.seed,
    }  # fmt: skip
    if not arguments.overwrite:
        output_files.check_overwrite("output", output, drawn, metadata | targets.metadata)
    say = _Printer(arguments.quiet or arguments.json)
    say.data(name, samples, targets, is_found=not (arguments.task or samples.task))
    content: dict[str, Any] = {
        "rows": len(samples), "without target": samples.n_unlabelled,
        "task": targets.task, "target": targets.target,
    }  # fmt: skip
    test = np.empty(0, np.int64)
    if arguments.cv:
        summary = _cross_validate(arguments, samples, y, targets, say, checkpoints)
        content["cross-validation"] = report.finite(summary)
        if not arguments.json:
            report.print_cross_validation(summary)
        train_rows = np.arange(len(samples))
    else:
        stratify = targets.classes is not None
        train_rows, test = split(y, arguments.test_size, seed=arguments.seed, stratify=stratify)
    model = _model(arguments)
    began = time.perf_counter()
    with _ended_by_sigterm(checkpoints):
        model.fit_samples(
            samples.take(train_rows),
            on_begin=lambda: say.begin(model, len(train_rows), len(test), checkpoints),
            on_finished=say.finished,
            checkpoints=checkpoints,
        )
    content["seconds"] = time.perf_counter() - began
    model.metadata.update(metadata, options=_options(arguments, model))
    if len(test):
        compared = model.compared(samples.take(test))
        scores = model.scores_of(*compared)
        content["test"] = report.scores_as_json(scores)
        if not arguments.json:
            report.print_scores(f"test, {len(test):,} rows", scores, model.classes)
    model.save(output)
    files = {"model": str(output)}
    if not arguments.no_plot:
        files |= pictures.draw(model, compared if len(test) else None, output, name)
    if arguments.json:
        report.print_json(content | files)
    else:
        print()
        report.print_lines(files)
    if model.was_interrupted:
        goes_on = "; the same command with --resume continues" if checkpoints else ""
        print(f"fastgrad: interrupted; the best epochs so far are saved{goes_on}", file=sys.stderr)
        return 130
    return 0


def _checkpoints(arguments: argparse.Namespace) -> CheckpointFolder | None:
    """The folder of checkpoints, if there is to be one."""
    folder, resumes = arguments.checkpoint, arguments.resume
    if folder is None and resumes:
        raise ValueError("resume: got no folder of checkpoints; expected --checkpoint DIR, too")
    if folder is None:
        return None
    return CheckpointFolder(folder, __version__, resumes, arguments.overwrite)


@contextmanager
def _ended_by_sigterm(checkpoints: CheckpointFolder | None) -> Iterator[None]:
    """Let SIGTERM end a training that has checkpoints with one of each network.

    The handler raises nothing: what is interrupted may be an import, which would stay locked.
    """
    if checkpoints is None:
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: checkpoints.terminate())
    try:
        yield
    except SystemExit:
        print("fastgrad: terminated; the same command with --resume continues", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _model(arguments: argparse.Namespace) -> TableModel:
    """An untrained model with the options of the command."""
    recipe = {field: getattr(arguments, option) for option, field in RECIPE.items()}
    return TableModel(
        task=arguments.task, categorical=arguments.categorical, ignore=arguments.ignore,
        missing=arguments.missing or MISSING_WORDS, header=arguments.header, cost=arguments.cost,
        dtype=arguments.dtype, seed=arguments.seed, threads=arguments.threads, **recipe,
    )  # fmt: skip


def _options(arguments: argparse.Namespace, model: TableModel) -> dict[str, Any]:
    """The options that reproduce the training, also where other defaults follow from the table."""
    recipe = {option: getattr(model.recipe, field) for option, field in RECIPE.items()}
    fixed = {"seed": arguments.seed, "test_size": arguments.test_size}
    return dict(sorted((arguments.given | fixed | recipe).items()))  # the same bytes again


def _read(arguments: argparse.Namespace) -> Samples:
    if arguments.cv and "test_size" in arguments.given:
        raise ValueError(
            f"test_size: got {arguments.test_size:g} and --cv {arguments.cv}, which tests on each"
            " fold; expected one of them"
        )
    if arguments.data:
        return _model(arguments).read(
            arguments.data, target=arguments.target, target_file=arguments.target_file
        )
    for name in ("target", "target_file", "task", "ignore", "categorical"):
        if getattr(arguments, name):
            raise ValueError(f"{name}: got a value without DATA; expected DATA, too")
    return digits()


def _cross_validate(
    arguments: argparse.Namespace,
    samples: Samples,
    y: Any,
    targets: TargetEncoder,
    say: "_Printer",
    checkpoints: CheckpointFolder | None,
) -> dict[str, dict[str, float]]:
    """Train and test on each fold; the mean of each metric, and its standard error."""
    if targets.classes:
        counts = np.bincount(y, minlength=len(targets.classes))
        if counts.min() < 2:
            label = targets.classes[int(counts.argmin())]
            raise ValueError(f"cv: got 1 row of the class {label!r}; expected at least 2 of each")
    parts = folds(y, arguments.cv, seed=arguments.seed, stratify=targets.classes is not None)
    values: dict[str, list[float]] = {}
    for k, (train_rows, test_rows) in enumerate(parts):
        folder = checkpoints and checkpoints.below(f"fold-{k + 1}")
        with _ended_by_sigterm(folder):
            model = _model(arguments).fit_samples(samples.take(train_rows), checkpoints=folder)
        if model.was_interrupted:
            raise KeyboardInterrupt
        scores = model.scores_of(*model.compared(samples.take(test_rows)))
        for score in scores:
            values.setdefault(score.name, []).append(score.value)
        say.fold(k, len(parts), scores)
    summary = {}
    for name, v in values.items():
        mean, error = mean_and_error(v)  # R2 of a fold of one row is none
        summary[name] = {"mean": mean, "standard error": error}
    return summary


class _Printer:
    """What a training says of itself on standard output; nothing if it is to be quiet."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def data(self, name: str, samples: Samples, targets: TargetEncoder, is_found: bool) -> None:
        """The data, and what the target is."""
        classes = targets.classes or []
        kind = f"{len(classes)} classes" if classes else "numbers"
        if is_found and len(classes) > _FEW and isinstance(classes[0], int | float):
            kind += "; --task regression takes them for numbers"
        without = f"; {samples.n_unlabelled:,} rows without it are left out"
        self._print(
            "data",
            f"{name}, {len(samples):,} rows; target '{targets.target}' ({kind})"
            f"{without if samples.n_unlabelled else ''}",
        )

    def begin(
        self, model: TableModel, n_train: int, n_test: int, checkpoints: CheckpointFolder | None
    ) -> None:
        """The columns, and the networks that are about to be trained."""
        if self._quiet:
            return
        if model.encoder:
            print()
            report.print_columns(model.encoder)
            print()
        members = f"{model.recipe.members} networks" if model.recipe.members > 1 else "1 network"
        self._print("training", f"{n_train:,} rows, {n_test:,} held out; {members}: {model.recipe}")
        if checkpoints:
            found = checkpoints.found
            which = f"of {found} networks, resumed" if found else "none yet; training begins"
            self._print("checkpoints", f"{checkpoints.path}: {which}")

    def finished(self, k: int, member: Member) -> None:
        """A network that has been trained: its epochs, and the metrics of the one that is kept."""
        best = member.best_epoch
        kept = {
            name.removeprefix("val_"): values[best - 1]
            for name, values in member.history.columns().items()
            if name.startswith("val_")
        }
        name = next((name for name in ("accuracy", "rmse") if name in kept), "cost")
        self._print(
            f"network {k + 1}",
            f"{len(member.history.cost)} epochs, best {best}: validation {name} {kept[name]:.4g}",
        )

    def fold(self, k: int, of: int, scores: Sequence[Score]) -> None:
        """The first score of a fold."""
        self._print(f"fold {k + 1} of {of}", f"{scores[0].name} {scores[0].value:.4g}")

    def _print(self, name: str, text: str) -> None:
        if not self._quiet:
            report.print_lines({name: text})
