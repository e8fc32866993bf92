"""Callbacks: what happens between epochs, with Keras's hook points, and the live display."""

import os
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from .history import History

__all__ = ["Callback", "Progress", "all_callbacks"]

_SECONDS_BETWEEN_REFRESHES = 0.05


class Callback:
    """Called by `Network.fit`; override the hooks you need, the others do nothing.

    `history` holds the figures of the epochs that are over, so in `on_epoch_end` its last ones are
    those of this epoch.
    """

    def on_train_begin(self, net: Any, history: "History") -> None:
        """Run before the first epoch.

        Parameters
        ----------
        net : Network
        history : History
            The figures of the epochs that are over.
        """

    def on_epoch_begin(self, net: Any, history: "History", epoch: int) -> None:
        """Run before each epoch.

        Parameters
        ----------
        net : Network
        history : History
            The figures of the epochs that are over.
        epoch : int
            Counted from 0.
        """

    def on_progress(self, done_samples: int, total_samples: int) -> None:
        """Run every 50 to 100 ms within an epoch that takes longer.

        Parameters
        ----------
        done_samples, total_samples : int
            Samples of this epoch: trained on so far, and in all.
        """

    def on_epoch_end(self, net: Any, history: "History", epoch: int) -> None:
        """Run after each epoch.

        Parameters
        ----------
        net : Network
        history : History
            The figures of the epochs that are over.
        epoch : int
            Counted from 0.
        """

    def on_train_end(self, net: Any, history: "History") -> None:
        """Run after the last epoch, and where training ends early by an error or Ctrl-C.

        Parameters
        ----------
        net : Network
        history : History
            The figures of the epochs that are over.
        """


class Progress(Callback):
    """The live display of `fit(verbose=1)`.

    A bar with the latest figures where the output is a terminal and rich is installed (the extra
    `fastgrad[cli]`), otherwise one line an epoch.

    Parameters
    ----------
    epochs : int
        How many epochs there will be.
    file : text file, optional
        Where to write; standard output unless told.
    """

    def __init__(self, epochs: int, file: TextIO | None = None) -> None:
        self.epochs = epochs
        self._file = file
        self._bar: _Bar | None = None
        self._epoch = 0

    def on_train_begin(self, net: Any, history: "History") -> None:
        """Open the bar, where there is to be one."""
        # Looked up here, not at import: standard output may have been redirected since.
        self._out = self._file or sys.stdout
        if self._out.isatty() and os.environ.get("TERM") != "dumb":
            try:
                self._bar = _Bar(self.epochs, self._out)
            except ModuleNotFoundError:
                self._bar = None

    def on_epoch_begin(self, net: Any, history: "History", epoch: int) -> None:
        """Show which epoch it is."""
        self._epoch = epoch
        if self._bar:
            self._bar.show(epoch, figures(history) or "(compiling, the first time)")

    def on_progress(self, done_samples: int, total_samples: int) -> None:
        """Move the bar within an epoch."""
        if self._bar:
            self._bar.show(self._epoch + done_samples / total_samples)

    def on_epoch_end(self, net: Any, history: "History", epoch: int) -> None:
        """Show the figures of the epoch."""
        text = figures(history)
        if self._bar:
            self._bar.show(epoch + 1, text)
        else:
            line = f"epoch {epoch + 1}/{self.epochs}  {text}  {history.seconds[-1]:.3g} s"
            print(line, file=self._out, flush=True)

    def on_train_end(self, net: Any, history: "History") -> None:
        """Leave the bar as it stands."""
        if self._bar:
            self._bar.close()
            self._bar = None


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


def all_callbacks(callbacks: Any) -> list[Callback]:
    """Return what came as a list; raise unless all are callbacks."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks: got {callbacks!r}; expected a list of fg.Callback objects")
    listed = list(callbacks)
    for callback in listed:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks: got {callback!r}; expected objects of fg.Callback")
    return listed
