"""Charts of training: cost and metrics over the epochs, cost against the learning rate."""

from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from .. import metrics, validation
from ..arithmetic import log_range
from ..train.history import History
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["history", "range_test"]

Array = np.ndarray[Any, Any]

_STYLES = {"training": (COLORS[0], "-"), "validation": (COLORS[1], "--")}
_TITLES = {
    "accuracy": "Accuracy (%)", "f1": "F1", "mae": "MAE", "r2": "R2", "rmse": "RMSE",
    "roc_auc": "ROC AUC",
}  # fmt: skip
_MAX_COLUMNS = 3


def history(
    history: History,
    path: str | PathLike[str] | None = None,
    best_epoch: int | None = None,
    *,
    title: str | None = None,
) -> "Figure":
    """Draw the cost of each epoch, and each metric beside it.

    RMSE, if there is one, is drawn first: it is in the unit of the targets.

    Parameters
    ----------
    history : History
        What `Network.fit` returned.
    path : path, optional
        The file to save it to; the suffix sets the format (.png, .svg, .pdf, ...).
    best_epoch : int, optional
        The epoch whose weights were kept, counted from 1; it is marked.
    title : str, optional
        Above all charts, such as the names of the data and of the target.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it if the cell ends with it.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the history has no epoch, or not this one.
    FileNotFoundError
        If the folder of `path` does not exist.
    """
    validation.instance("history", history, History)
    if path is not None:
        validation.in_a_folder("path", validation.path("path", path))
    if not history.cost:
        raise ValueError("history: no epochs; expected at least one")
    if best_epoch is not None:
        validation.integer("best_epoch", best_epoch, least=1, most=len(history.cost))
    values = history.columns()
    drawn = [name.removeprefix("val_") for name in values if name not in {"lr", "seconds"}]
    names = sorted(dict.fromkeys(drawn), key=lambda name: name != "rmse")  # the others as they are
    columns = 2 if len(names) == 4 else min(len(names), _MAX_COLUMNS)
    figure, axes = style.panels("the training curve", len(names), columns, (4.6, 3.8), title)
    for name, ax in zip(names, axes, strict=True):
        _curves(ax, name, values.get(name, []), values.get(f"val_{name}", []), best_epoch)
    if path is not None:
        figure.savefig(path)
    return figure


def _curves(
    ax: "Axes", name: str, training: list[float], validation: list[float], best_epoch: int | None
) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    unit = 100.0 if name == "accuracy" else 1.0
    curves = [unit * np.array(curve) for curve in (training, validation)]
    for (part, (color, line)), values in zip(_STYLES.items(), curves, strict=True):
        if len(values):
            ax.plot(
                range(1, 1 + len(values)), values, color=color, linestyle=line, linewidth=1.8,
                marker="o" if len(values) == 1 else "",
                label=f"{part} (last {style.number(values[-1])})",
            )  # fmt: skip
    if best_epoch is not None:
        label = f"kept: epoch {best_epoch}"
        ax.axvline(best_epoch, color="0.4", linewidth=0.8, zorder=1, label=label)
    limits = log_range(np.concatenate(curves))
    if metrics.less_is_better(name) and limits:
        ax.set_yscale("log")
        style.log_ticks(ax.yaxis, *limits)
    else:
        style.linear_ticks(ax.yaxis)
    ax.set_title(_title(name), loc="left", fontweight="bold")
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    style.finish(ax)
    ax.set_xlim(left=max(ax.get_xlim()[0], 0.5))  # there is no epoch 0


def _title(name: str) -> str:
    """The cost and the metrics of fastgrad in words; others are called what they are called."""
    if metrics.less_is_better(name) is None:
        return name
    return _TITLES.get(name, name.replace("_", " ").capitalize())


@runtime_checkable
class RangeTest(Protocol):
    """The result of `fg.find_lr`, as far as it is drawn."""

    @property
    def rates(self) -> Array:
        """The learning rate of each step."""

    @property
    def costs(self) -> Array:
        """The cost of each step."""

    @property
    def smoothed(self) -> Array:
        """The smoothed costs."""

    @property
    def suggestion(self) -> float | None:
        """The suggested learning rate."""


def range_test(found: RangeTest, ax: "Axes | None" = None, title: str | None = None) -> "Axes":
    """Draw the cost against the learning rate.

    Parameters
    ----------
    found : RangeTest
        What `fg.find_lr` returned.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    title : str, optional
        Above the chart.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    TypeError
        If `found` is something else.
    """
    if not isinstance(found, RangeTest):
        raise TypeError(f"found: got {validation.shown(found)}; expected what fg.find_lr returns")
    ax = style.axes("the range test", ax, 5.6, 3.8)
    ax.plot(found.rates, found.costs, color="0.8", label="cost of each mini-batch")
    ax.plot(found.rates, found.smoothed, color=COLORS[0], linewidth=1.8, label="smoothed")
    if (rate := found.suggestion) is None:
        ax.plot([], [], " ", label="no suggestion")
    else:
        ax.axvline(rate, color=COLORS[1], linestyle="--", label=f"suggestion {rate:.2g}")
    initial = found.smoothed[0]
    limited = np.minimum(found.costs, initial + 0.5 * abs(initial))  # the last may be very large
    margin = 0.1 * np.ptp(limited) or 1.0
    ax.set_ylim(limited.min() - margin, limited.max() + 4 * margin)
    ax.set(xscale="log", xlabel="learning rate", ylabel="cost")
    style.log_ticks(ax.xaxis, found.rates[0], found.rates[-1])
    style.set_title(ax, title)
    style.finish(ax)
    return ax
