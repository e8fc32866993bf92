"""The progress display of a fit: a bar on a terminal, lines elsewhere."""

import math
import os
import sys
import time
from typing import Any, TextIO

from .base import Callback, Fit
from .history import History

__all__ = ["Progress", "format_metrics"]

_SECONDS_BETWEEN_REFRESHES = 0.05
_MOST_LINES, _SECONDS_BETWEEN_LINES = 100, 1.0


class Progress(Callback):
    """The progress display of `fit(verbose=1)`.

    A bar with the latest metrics if the output is a terminal and rich is installed (the extra
    `fastgrad[cli]`), otherwise one line per epoch; with more than 100 epochs, one per second and
    that of the last.

    Parameters
    ----------
    file : text file, optional
        Where to write; by default, to standard output.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._bar: _Bar | None = None

    def on_train_begin(self, fit: Fit) -> None:
        """Open the bar, if the output is a terminal."""
        # Looked up here, not at import: standard output may have been redirected since.
        self._out = self._file or sys.stdout
        self._line, self._written = "", -math.inf  # the pending line; time of the last one written
        if fit.epochs and self._out.isatty() and os.environ.get("TERM") != "dumb":
            try:
                self._bar = _Bar(fit.epochs, self._out)
            except ModuleNotFoundError:
                self._bar = None

    def on_epoch_begin(self, fit: Fit) -> None:
        """Show the number of the epoch."""
        if self._bar:
            self._bar.show(fit.epoch, 0.0)

    def on_batch_end(self, fit: Fit) -> None:
        """Move the bar within an epoch."""
        if self._bar:
            samples = fit.history.samples  # 0 in the first epoch of a stream
            fraction = fit.samples_done / max(samples, fit.samples_done) if samples else 0.0
            text = "" if fit.history.cost else f"cost {fit.cost:#.4g} so far"
            self._bar.show(fit.epoch, fraction, text)

    def on_epoch_end(self, fit: Fit) -> None:
        """Show the metrics of the epoch."""
        text = format_metrics(fit.history)
        if self._bar:
            self._bar.show(fit.epoch, 1.0, text)
        else:
            seconds = f"{fit.history.seconds[-1]:.3g} s"
            self._line = f"epoch {fit.epoch + 1}/{fit.epochs}  {text}  {seconds}"
            now = time.monotonic()
            if fit.epochs <= _MOST_LINES or now - self._written >= _SECONDS_BETWEEN_LINES:
                self._written = now
                self._write_line()

    def on_train_end(self, fit: Fit) -> None:
        """Close the bar, and print why training ended early."""
        if self._bar:
            self._bar.close()
            self._bar = None
        self._write_line()
        if fit.history.stopped:
            print(f"stopped: {fit.history.stopped}", file=self._out, flush=True)

    def _write_line(self) -> None:
        if self._line:
            print(self._line, file=self._out, flush=True)
            self._line = ""


def format_metrics(history: History) -> str:
    """Format the latest metrics: 'cost 0.01234, val 0.07310  accuracy 0.9812, val 0.9750'."""
    if not history.cost:
        return ""
    parts = []
    if "rmse" not in history.metrics:  # the cost is in squared standard deviations then
        parts.append(_format_metric("cost", history.cost, history.val_cost))
    for name in dict.fromkeys(name.removeprefix("val_") for name in history.metrics):
        values = history.metrics.get(name, []), history.metrics.get(f"val_{name}", [])
        parts.append(_format_metric(name, *values))
    return "  ".join(parts)


def _format_metric(name: str, values: list[float], val_values: list[float]) -> str:
    digits = ".4f" if name == "accuracy" else "#.4g"
    training = [f"{values[-1]:{digits}}"] if values else []
    validation = [f"val {val_values[-1]:{digits}}"] if val_values else []
    return f"{name} {', '.join(training + validation)}"


class _Bar:
    """A bar over all epochs, redrawn only by `show`: no thread competes with the training."""

    def __init__(self, epochs: int, file: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
        from rich.table import Column  # noqa: PLC0415

        def text(field: str, wraps: bool = False) -> Any:
            return TextColumn(field, table_column=Column(no_wrap=not wraps))

        self._text = ""
        self._progress = Progress(
            text("epoch {task.fields[epoch]}/{task.total}"),
            BarColumn(bar_width=None, table_column=Column(ratio=1, width=4)),
            text("{task.fields[metrics]}", wraps=True),
            TimeRemainingColumn(
                compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True)
            ),
            console=Console(file=file),
            auto_refresh=False,
            expand=True,
        )
        self._task = self._progress.add_task("", total=epochs, epoch=1, metrics="")
        self._progress.start()
        self._refreshed = 0.0

    def show(self, epoch: int, fraction: float, text: str = "") -> None:
        """Show the completed fraction of an epoch, and new metrics if given."""
        self._text = text or self._text
        self._progress.update(
            self._task, completed=epoch + fraction, epoch=epoch + 1, metrics=self._text
        )
        now = time.monotonic()
        if now - self._refreshed >= _SECONDS_BETWEEN_REFRESHES:
            self._progress.refresh()
            self._refreshed = now

    def close(self) -> None:
        self._progress.stop()  # draws the last state, and restores the cursor
