"""Callbacks that log the metrics of a fit: to a CSV file, TensorBoard or MLflow."""

import csv
import sys
import time
from os import PathLike
from pathlib import Path
from typing import Any

from .. import validation
from ..extras import import_extra
from .base import Callback, Fit

__all__ = ["CSVLogger", "MLflowLogger", "TensorBoardLogger"]


class CSVLogger(Callback):
    """Write the metrics of each epoch to a CSV file.

    The columns are "epoch", counted from 1, and those of `History.columns`. Each row is written to
    disk when its epoch ends.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist.
    append : bool, default False
        Append to existing rows, and continue their count of epochs; False: replace the file.

    Raises
    ------
    OSError
        The file cannot be written; raised when the fit begins.
    ValueError
        Existing rows have other columns, or are truncated; raised after the first epoch.
    """

    def __init__(self, path: str | PathLike[str], append: bool = False) -> None:
        self.path = Path(validation.path("path", path))
        self.append = validation.flag("append", append)
        self._file: Any = None

    def check(self, fit: Fit) -> None:
        """Raise unless the folder exists."""
        validation.in_a_folder("path", self.path)

    def on_train_begin(self, fit: Fit) -> None:
        """Open the file."""
        self._file = self.path.open("a+" if self.append else "w+", encoding="utf-8", newline="")

    def on_epoch_end(self, fit: Fit) -> None:
        """Write a row."""
        metrics = fit.history.columns()
        if fit.epoch == 0:
            self._before = self._epochs_before(["epoch", *metrics])
        self._write([self._before + fit.epoch + 1, *(values[-1] for values in metrics.values())])

    def on_train_end(self, fit: Fit) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _epochs_before(self, columns: list[str]) -> int:
        """Number of epochs in the file; writes the header if the file is empty."""
        self._file.seek(0)
        text = self._file.read()
        rows = [row for row in csv.reader(text.splitlines()) if row]
        if not rows:
            self._write(columns)
            return 0
        if rows[0] != columns:
            received, expected = ", ".join(rows[0]), ", ".join(columns)
            raise ValueError(f"{self.path}: got columns {received}; expected {expected}")
        if not text.endswith("\n"):
            raise ValueError(f"{self.path}: got a truncated last row; expected complete rows")
        return int(rows[-1][0]) if len(rows) > 1 else 0

    def _write(self, row: list[Any]) -> None:
        csv.writer(self._file, lineterminator="\n").writerow(row)
        self._file.flush()


class TensorBoardLogger(Callback):
    """Write the metrics of each epoch to a folder for TensorBoard.

    Their tags are cost/train, cost/val, accuracy/train, accuracy/val, ..., lr and seconds, and
    their steps are epochs, counted from 1. Needs tensorboardX, the extra `fastgrad[tensorboard]`.

    Parameters
    ----------
    folder : path-like
        Created if it does not exist. TensorBoard shows one curve per folder, so use one per fit.
    every : int, default 0
        If above 0, also write the mean cost so far in the epoch after each `every` batches, as
        cost/running, whose steps are updates of the weights.

    Raises
    ------
    ModuleNotFoundError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: str | PathLike[str], every: int = 0) -> None:
        _tensorboard()
        self.folder = validation.path("folder", folder)
        self.every = validation.integer("every", every, least=0)
        self._writer: Any = None

    def on_train_begin(self, fit: Fit) -> None:
        """Open a file."""
        # Its name has the time in whole seconds; the suffix keeps a second fit from replacing it.
        self._writer = _tensorboard().SummaryWriter(
            self.folder, flush_secs=5, filename_suffix=f".{time.time_ns()}"
        )

    def on_batch_end(self, fit: Fit) -> None:
        """Write the running cost, if `every` is above 0."""
        if self.every:
            self._writer.add_scalar("cost/running", fit.cost, fit.step)

    def on_epoch_end(self, fit: Fit) -> None:
        """Write the metrics of the epoch."""
        for name, values in fit.history.columns().items():
            group = name.removeprefix("val_")
            samples = "val" if group != name else "train"
            tag = name if name in {"lr", "seconds"} else f"{group}/{samples}"
            self._writer.add_scalar(tag, values[-1], fit.epoch + 1)

    def on_train_end(self, fit: Fit) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class MLflowLogger(Callback):
    """Write settings of network and optimizer, and the metrics of each epoch, to an MLflow run.

    The metrics have the names of `History.columns`, and their steps are epochs, counted from 1. A
    run that is active when the fit begins is used and stays active; MLflow rejects a second fit in
    it with other settings. Otherwise a new run is started, which ends with the fit, as failed if
    training ends with an error. Needs MLflow, the extra `fastgrad[mlflow]`.

    Parameters
    ----------
    run_name : str, optional
        Name of a new run.
    experiment : str, optional
        Its experiment; created if it does not exist.
    tracking_uri : str, optional
        Where a new run is stored, such as "http://localhost:5000"; None: MLflow's setting.

    Raises
    ------
    ModuleNotFoundError
        If MLflow is not installed.
    """

    def __init__(
        self,
        run_name: str | None = None,
        experiment: str | None = None,
        tracking_uri: str | None = None,
    ) -> None:
        _mlflow()
        self.run_name, self.experiment, self.tracking_uri = run_name, experiment, tracking_uri
        self._ends_run = False

    def on_train_begin(self, fit: Fit) -> None:
        """Start a run unless one is active, and write the settings."""
        mlflow = _mlflow()
        self._error = sys.exception()  # being handled around the fit, so not raised by it
        if mlflow.active_run() is None:
            if self.tracking_uri is not None:
                mlflow.set_tracking_uri(self.tracking_uri)
            if self.experiment is not None:
                mlflow.set_experiment(self.experiment)
            mlflow.start_run(run_name=self.run_name)
            self._ends_run = True
        try:
            mlflow.log_params(_parameters(fit))
        except BaseException:  # the fit does not begin, so it does not call on_train_end
            self.on_train_end(fit)
            raise

    def on_epoch_end(self, fit: Fit) -> None:
        """Write the metrics of the epoch."""
        metrics = {name: values[-1] for name, values in fit.history.columns().items()}
        _mlflow().log_metrics(metrics, step=fit.epoch + 1)

    def on_train_end(self, fit: Fit) -> None:
        """End the run, if it was started here."""
        if self._ends_run:
            failed = sys.exception() is not self._error
            _mlflow().end_run("FAILED" if failed else "FINISHED")
            self._ends_run = False
        self._error = None


def _tensorboard() -> Any:
    return import_extra("tensorboardX", "tensorboard", "TensorBoardLogger")


def _mlflow() -> Any:
    return import_extra("mlflow", "mlflow", "MLflowLogger")


def _parameters(fit: Fit) -> dict[str, Any]:
    """The parameters of an MLflow run: every setting of network and optimizer."""
    spec, optimizer = fit.net.spec, fit.optimizer
    return {
        "sizes": "-".join(map(str, spec.sizes)),
        "activations": ", ".join(f.name for f in spec.activations),
        "cost": ", ".join(head.cost.name for head in spec.heads),
        "dtype": spec.dtype,
        "epochs": fit.epochs,
        "input_dropout": spec.inputs["dropout"],
        "input_noise": spec.inputs["noise"],
        **{
            name: [settings[name] for settings in spec.layers]
            for name in ("l1", "l2", "dropout", "max_norm")
        },
        "optimizer": type(optimizer).__name__,
        "rule": optimizer.rule_name or "custom",
        "clip_norm": optimizer.clip_norm,
        "clip_value": optimizer.clip_value,
        **optimizer.settings,
    }
