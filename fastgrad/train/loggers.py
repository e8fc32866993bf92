"""Callbacks that write the figures of a fit elsewhere: a CSV file, TensorBoard, MLflow."""

import csv
import sys
import time
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import validation
from ..kernels.update_rules import RULES
from .callbacks import Callback

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["CSVLogger", "MLflowLogger", "TensorBoardLogger"]


class CSVLogger(Callback):
    """Write the figures of each epoch to a CSV file.

    The columns are "epoch", counted from 1, and those of `History.columns`. Each row is on disk
    when its epoch ends.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist.
    append : bool, default False
        Go on below the rows that are there, and with their count of epochs; False: replace them.

    Raises
    ------
    OSError
        When the fit begins: the file cannot be written.
    ValueError
        After the first epoch: the rows that are there have other columns, or are cut short.
    """

    def __init__(self, path: str | PathLike[str], append: bool = False) -> None:
        self.path = Path(validation.path("path", path))
        self.append = validation.flag("append", append)
        self._file: Any = None

    def check(self, fit: "Fit") -> None:
        """Refuse a folder that is not there."""
        validation.in_a_folder("path", self.path)

    def on_train_begin(self, fit: "Fit") -> None:
        """Open the file."""
        self._file = self.path.open("a+" if self.append else "w+", encoding="utf-8", newline="")

    def on_epoch_end(self, fit: "Fit") -> None:
        """Write a row."""
        figures = fit.history.columns()
        if fit.epoch == 0:
            self._before = self._epochs_before(["epoch", *figures])
        self._write([self._before + fit.epoch + 1, *(values[-1] for values in figures.values())])

    def on_train_end(self, fit: "Fit") -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _epochs_before(self, columns: list[str]) -> int:
        """How many epochs the file has; it gets a header if it has none."""
        self._file.seek(0)
        text = self._file.read()
        rows = [row for row in csv.reader(text.splitlines()) if row]
        if not rows:
            self._write(columns)
            return 0
        if rows[0] != columns:
            came, expected = ", ".join(rows[0]), ", ".join(columns)
            raise ValueError(f"{self.path}: got columns {came}; expected {expected}")
        if not text.endswith("\n"):
            raise ValueError(f"{self.path}: got a last row that is cut short; expected whole rows")
        return int(rows[-1][0]) if len(rows) > 1 else 0

    def _write(self, row: list[Any]) -> None:
        csv.writer(self._file, lineterminator="\n").writerow(row)
        self._file.flush()


class TensorBoardLogger(Callback):
    """Write the figures of each epoch where TensorBoard finds them.

    They are called cost/train, cost/val, accuracy/train, accuracy/val, ..., lr and seconds, and
    their steps are epochs, counted from 1. Needs tensorboardX, the extra `fastgrad[tensorboard]`.

    Parameters
    ----------
    folder : path-like
        Where to; made if it is not there. TensorBoard shows one curve a folder, so each fit should
        have its own.
    every : int, default 0
        If above 0, also write the mean cost so far in the epoch after every so many batches, as
        cost/running, whose steps are updates of the weights.

    Raises
    ------
    ModuleNotFoundError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: str | PathLike[str], every: int = 0) -> None:
        _extra("tensorboardX", "tensorboard", self)
        self.folder = validation.path("folder", folder)
        self.every = validation.integer("every", every, least=0)
        self._writer: Any = None

    def on_train_begin(self, fit: "Fit") -> None:
        """Open a file."""
        # Its name has the time in whole seconds: without a suffix a second fit could replace it.
        self._writer = _extra("tensorboardX", "tensorboard", self).SummaryWriter(
            self.folder, flush_secs=5, filename_suffix=f".{time.time_ns()}"
        )

    def on_batch_end(self, fit: "Fit") -> None:
        """Write the running cost, if asked to."""
        if self.every:
            self._writer.add_scalar("cost/running", fit.cost, fit.step)

    def on_epoch_end(self, fit: "Fit") -> None:
        """Write the figures of the epoch."""
        for name, values in fit.history.columns().items():
            group = name.removeprefix("val_")
            part = "val" if group != name else "train"
            tag = name if name in {"lr", "seconds"} else f"{group}/{part}"
            self._writer.add_scalar(tag, values[-1], fit.epoch + 1)

    def on_train_end(self, fit: "Fit") -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class MLflowLogger(Callback):
    """Write settings of network and optimizer, and the figures of each epoch, to an MLflow run.

    The figures are called as in `History.columns`, and their steps are epochs, counted from 1. A
    run that is active when the fit begins is used and left active; MLflow refuses a second fit in
    it with other settings. Otherwise there is a new one, which ends with the fit, as failed if
    training ends by an error. Needs MLflow, the extra `fastgrad[mlflow]`.

    Parameters
    ----------
    run_name : str, optional
        Name of a new run.
    experiment : str, optional
        Its experiment; made if it is not there.
    tracking_uri : str, optional
        Where a new run is kept, such as "http://localhost:5000"; None: where MLflow is set to.

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
        _extra("mlflow", "mlflow", self)
        self.run_name, self.experiment, self.tracking_uri = run_name, experiment, tracking_uri
        self._ends_run = False

    def on_train_begin(self, fit: "Fit") -> None:
        """Start a run unless there is one, and write the settings."""
        mlflow = _extra("mlflow", "mlflow", self)
        self._error = sys.exception()  # one that is being handled around the fit is not its own
        if mlflow.active_run() is None:
            if self.tracking_uri is not None:
                mlflow.set_tracking_uri(self.tracking_uri)
            if self.experiment is not None:
                mlflow.set_experiment(self.experiment)
            mlflow.start_run(run_name=self.run_name)
            self._ends_run = True
        try:
            mlflow.log_params(_parameters(fit))
        except BaseException:  # the fit does not begin, so on_train_end would not be called
            self.on_train_end(fit)
            raise

    def on_epoch_end(self, fit: "Fit") -> None:
        """Write the figures of the epoch."""
        figures = {name: values[-1] for name, values in fit.history.columns().items()}
        _extra("mlflow", "mlflow", self).log_metrics(figures, step=fit.epoch + 1)

    def on_train_end(self, fit: "Fit") -> None:
        """End the run, if it was started here."""
        if self._ends_run:
            failed = sys.exception() is not self._error
            _extra("mlflow", "mlflow", self).end_run("FAILED" if failed else "FINISHED")
            self._ends_run = False
        self._error = None


def _parameters(fit: "Fit") -> dict[str, Any]:
    """What MLflow calls the parameters of a run: all that was chosen."""
    net, optimizer = fit.net, fit.optimizer
    rules = [name for name, rule in RULES.items() if rule == optimizer.rule]
    return {
        "sizes": "-".join(map(str, net.sizes)),
        "activations": ", ".join(net.activations),
        "cost": ", ".join(head.cost.name for head in net.heads),
        "dtype": net.dtype,
        "epochs": fit.epochs,
        "input_dropout": net.inputs.dropout,
        "input_noise": net.inputs.noise,
        **{
            name: [getattr(layer, name) for layer in net.layers]
            for name in ("l1", "l2", "dropout", "max_norm")
        },
        "optimizer": type(optimizer).__name__,
        "rule": rules[0] if rules else "own",
        "clip_norm": optimizer.clip_norm,
        "clip_value": optimizer.clip_value,
        **optimizer.settings,
    }


def _extra(module: str, extra: str, callback: Callback) -> Any:
    """Import a library that only this callback needs."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        message = f"{type(callback).__name__} needs {module}: pip install 'fastgrad[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None
