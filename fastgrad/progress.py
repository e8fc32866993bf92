"""The live display of a fit: a bar on a terminal, one line an epoch elsewhere."""

import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from .callbacks import Callback

if TYPE_CHECKING:
    from .fitting import Fit
    from .history import History

__all__ = ["Progress"]

_SECONDS_BETWEEN_REFRESHES = 0.05


class Progress(Callback):
    """The live display of `fit(verbose=1)`.

    A bar with the latest figures where the output is a terminal and rich is installed (the extra
    `fastgrad[cli]`), otherwise one line an epoch.

    Parameters
    ----------
    file : text file, optional
        Where to write; standard output unless told.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._bar: _Bar | None = None

    def on_train_begin(self, fit: "Fit") -> None:
        """Open the bar, where there is to be one."""
        # Looked up here, not at import: standard output may have been redirected since.
        self._out = self._file or sys.stdout
        if self._out.isatty() and os.environ.get("TERM") != "dumb":
            try:
                self._bar = _Bar(fit.epochs, self._out)
            except ModuleNotFoundError:
                self._bar = None

    def on_epoch_begin(self, fit: "Fit") -> None:
        """Show which epoch it is."""
        if self._bar:
            self._bar.show(fit.epoch, figures(fit.history) or "(compiling, the first time)")

    def on_batch_end(self, fit: "Fit") -> None:
        """Move the bar within an epoch."""
        if self._bar:
            self._bar.show(fit.epoch + fit.done / max(fit.history.samples, fit.done))

    def on_epoch_end(self, fit: "Fit") -> None:
        """Show the figures of the epoch."""
        text = figures(fit.history)
        if self._bar:
            self._bar.show(fit.epoch + 1, text)
        else:
            seconds = f"{fit.history.seconds[-1]:.3g} s"
            line = f"epoch {fit.epoch + 1}/{fit.epochs}  {text}  {seconds}"
            print(line, file=self._out, flush=True)

    def on_train_end(self, fit: "Fit") -> None:
        """Leave the bar as it stands, and say why training ended early."""
        if self._bar:
            self._bar.close()
            self._bar = None
        if fit.history.stopped:
            print(f"stopped: {fit.history.stopped}", file=self._out, flush=True)


def figures(history: "History") -> str:
    """Format the latest figures: 'cost 0.01234, val 0.07310  accuracy 0.9812, val 0.9750'."""
    if not history.cost:
        return ""
    parts = [_figure("cost", history.cost, history.val_cost)]
    for name in dict.fromkeys(name.removeprefix("val_") for name in history.metrics):
        values = history.metrics.get(name, []), history.metrics.get(f"val_{name}", [])
        parts.append(_figure(name, *values))
    return "  ".join(parts)


def _figure(name: str, values: list[float], val_values: list[float]) -> str:
    digits = ".4f" if name == "accuracy" else "#.4g"
    shown = [
        f"{part}{some[-1]:{digits}}" for part, some in (("", values), ("val ", val_values)) if some
    ]
    return f"{name} {', '.join(shown)}"


class _Bar:
    """A bar over all epochs, redrawn only by `show`: no thread beside the training."""

    def __init__(self, epochs: int, file: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
        from rich.table import Column  # noqa: PLC0415

        def text(field: str) -> Any:
            return TextColumn(field, table_column=Column(no_wrap=True))

        self._epochs = epochs
        self._text = ""
        self._progress = Progress(
            text("epoch {task.fields[epoch]}/{task.total}"),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
            text("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=Console(file=file),
            auto_refresh=False,
            expand=True,
        )
        self._task = self._progress.add_task("", total=epochs, epoch=1, figures="")
        self._progress.start()
        self._refreshed = 0.0

    def show(self, epochs_done: float, text: str | None = None) -> None:
        self._text = self._text if text is None else text
        epoch = min(int(epochs_done) + 1, self._epochs)
        self._progress.update(self._task, completed=epochs_done, epoch=epoch, figures=self._text)
        now = time.monotonic()
        if now - self._refreshed >= _SECONDS_BETWEEN_REFRESHES:
            self._progress.refresh()
            self._refreshed = now

    def close(self) -> None:
        self._progress.stop()  # draws the last state and shows the cursor again
