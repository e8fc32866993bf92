"""The progress display of a fit: a bar on a terminal, lines elsewhere."""

import contextlib
import math
import os
import sys
import time
from typing import Any, TextIO

from .base import Callback, Fit
from .history import History

__all__ = ["Display", "Progress", "format_metrics"]

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

    def on_train_begin(self, fit: Fit) -> None:
        """Open the bar, if the output is a terminal."""
        self._display = Display("epoch", fit.epochs, self._file)

    def on_epoch_begin(self, fit: Fit) -> None:
        """Show the number of the epoch."""
        self._display.move(fit.epoch, 0.0)

    def on_batch_end(self, fit: Fit) -> None:
        """Move the bar within an epoch."""
        samples = fit.history.samples  # 0 in the first epoch of a stream
        fraction = fit.samples_done / max(samples, fit.samples_done) if samples else 0.0
        text = "" if fit.history.cost else f"cost {fit.cost:#.4g} so far"
        self._display.move(fit.epoch, fraction, text)

    def on_epoch_end(self, fit: Fit) -> None:
        """Show the metrics of the epoch."""
        self._display.end(fit.epoch, format_metrics(fit.history), fit.history.seconds[-1])

    def on_train_end(self, fit: Fit) -> None:
        """Close the bar, and print why training ended early."""
        self._display.close()
        if fit.history.stopped:
            self._display.write(f"stopped: {fit.history.stopped}")


class Display:
    """A bar if the output is a terminal and rich is installed, lines elsewhere.

    Parameters
    ----------
    unit : str
        What there are several of, such as "epoch".
    total : int
        How many.
    file : text file, optional
        Where to write; by default, to standard output.
    """

    def __init__(self, unit: str, total: int, file: TextIO | None = None) -> None:
        # Looked up here, not at import: standard output may have been redirected since.
        self._out = file or sys.stdout
        self._unit, self._total = unit, total
        self._line, self._written = "", -math.inf  # the pending line; time of the last one written
        self._bar: _Bar | None = None
        if total and self._out.isatty() and os.environ.get("TERM") != "dumb":
            with contextlib.suppress(ModuleNotFoundError):
                self._bar = _Bar(unit, total, self._out)

    def move(self, k: int, fraction: float, text: str = "") -> None:
        """Show which part of the one after k others is done, on a bar alone."""
        if self._bar:
            self._bar.show(k, fraction, text)

    def end(self, k: int, text: str, seconds: float) -> None:
        """Show that one after k others is done."""
        if self._bar:
            self._bar.show(k, 1.0, text)
            return
        self._line = f"{self._unit} {k + 1}/{self._total}  {text}  {seconds:.3g} s"
        now = time.monotonic()
        if self._total <= _MOST_LINES or now - self._written >= _SECONDS_BETWEEN_LINES:
            self._written = now
            self._write_line()

    def close(self) -> None:
        """Close the bar, or write the last line."""
        if self._bar:
            self._bar.close()
            self._bar = None
        self._write_line()

    def write(self, line: str) -> None:
        """Write a line."""
        print(line, file=self._out, flush=True)

    def _write_line(self) -> None:
        if self._line:
            self.write(self._line)
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
    """A bar over epochs or networks, redrawn by `show` alone: no thread competes with training."""

    def __init__(self, unit: str, total: int, file: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
        from rich.table import Column  # noqa: PLC0415

        def text(field: str, wraps: bool = False) -> Any:
            return TextColumn(field, table_column=Column(no_wrap=not wraps))

        self._text = ""
        self._progress = Progress(
            text(f"{unit} {{task.fields[number]}}/{{task.total}}"),
            BarColumn(bar_width=None, table_column=Column(ratio=1, width=4)),
            text("{task.fields[metrics]}", wraps=True),
            TimeRemainingColumn(
                compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True)
            ),
            console=Console(file=file),
            auto_refresh=False,
            expand=True,
        )
        self._task = self._progress.add_task("", total=total, number=1, metrics="")
        self._progress.start()
        self._refreshed = 0.0

    def show(self, k: int, fraction: float, text: str = "") -> None:
        """Show the completed fraction of the one after k others, and new metrics if given."""
        self._text = text or self._text
        self._progress.update(self._task, completed=k + fraction, number=k + 1, metrics=self._text)
        now = time.monotonic()
        if now - self._refreshed >= _SECONDS_BETWEEN_REFRESHES:
            self._progress.refresh()
            self._refreshed = now

    def close(self) -> None:
        self._progress.stop()  # draws the last state, and restores the cursor
