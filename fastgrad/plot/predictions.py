"""Charts of predictions beside what is true: classes and numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import metrics
from ..arithmetic import ceil_div
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion", "predicted"]

Array = np.ndarray[Any, Any]

_MAX_POINTS = 5000  # more would hide one another: their density is drawn instead


def confusion(
    Y: Any,
    prediction: Any,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Axes":
    """Draw the confusion matrix: the number of samples of each true and predicted class.

    The darker a cell, the larger its share of the row.

    Parameters
    ----------
    Y : array_like
        Class ids (S,) or a distribution (S, K); or 0 and 1, (S,) or (S, 1).
    prediction : array_like
        Probabilities, as `Network.predict` returns them: (S, K); or (S, 1), where above 1/2 means
        1.
    labels : sequence of str, optional
        The names of the K classes; by default their ids.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    title : str, optional
        Above the chart, such as the names of the data and of the target.

    Returns
    -------
    matplotlib.axes.Axes
        A notebook shows the new figure if the cell ends with them.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the number of labels is not that of the classes, or Y holds no classes.
    """
    counts = metrics.confusion(Y, prediction)
    n = len(counts)
    names = style.names("labels", labels, n, "classes") or [str(k) for k in range(n)]
    longest = max(map(len, names))
    side = max(3.6, 1.6 + 0.45 * n) if n <= style.MAX_CLASS_LABELS else 7.6
    room = max(2.0, 0.45 * n) if n <= style.MAX_CLASS_LABELS else 5.5
    side += 0.09 * longest  # inches per letter, beside the rows and below the columns
    ax = style.axes("the confusion", ax, side, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if n <= style.MAX_CLASS_LABELS:
        for true, predicted in np.argwhere(counts > 0):
            count, share = counts[true, predicted], shares[true, predicted]
            color = "white" if share > 0.65 else "black"
            ax.text(predicted, true, f"{count}", ha="center", va="center", color=color)
    else:
        ax.figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    ticks = range(0, n, ceil_div(n, style.MAX_CLASS_LABELS))
    ax.set_xticks(
        ticks, names[:: ticks.step], rotation=90 if 0.1 * longest > room / len(ticks) else 0
    )
    ax.set_yticks(ticks, names[:: ticks.step])
    ax.set(xlabel="predicted class", ylabel="true class")
    right = counts.trace() / counts.sum()
    style.set_title(ax, title, f"{right:.1%} of {counts.sum():,} right")
    return ax


def predicted(
    y: Any,
    prediction: Any,
    name: str | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Axes":
    """Draw predicted against true numbers; those predicted exactly lie on the diagonal.

    Of more than 5,000 samples it is their density that is drawn.

    Parameters
    ----------
    y : array_like
        The true numbers, (S,) or (S, 1).
    prediction : array_like
        The predicted ones, as `Network.predict` returns them: (S, 1); or (S,).
    name : str, optional
        The name of the target, for the axes.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    title : str, optional
        Above the chart, such as the names of the data.

    Returns
    -------
    matplotlib.axes.Axes
        A notebook shows the new figure if the cell ends with them.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If there are several numbers per sample, or not as many of both.
    """
    shape = np.shape(prediction)
    if len(shape) == 2 and shape[1] != 1:
        raise ValueError(f"prediction: got shape {shape}; expected one output, shape (S, 1)")
    scores = {"R2": metrics.r2(y, prediction), "RMSE": metrics.rmse(y, prediction)}
    true, guess = (np.asarray(values, np.float64).ravel() for values in (y, prediction))
    name = "value" if name is None else style.text("name", name)
    is_dense = len(true) > _MAX_POINTS
    ax = style.axes("the chart of predictions", ax, 6.6 if is_dense else 5.6, 4.8)
    ends = np.array([min(true.min(), guess.min()), max(true.max(), guess.max())])
    ends += 0.03 * (np.ptp(ends) or 1) * np.array([-1, 1])
    if is_dense:
        _density(ax, true, guess, ends)
    else:
        ax.scatter(true, guess, s=14, color=COLORS[0], alpha=0.5, edgecolors="none")
    ax.plot(ends, ends, color=COLORS[1], linewidth=1, linestyle="--", label="predicted = true")
    for score, value in scores.items():
        ax.plot([], [], " ", label=f"{score} {style.number(value)}")
    ax.set(xlabel=f"true {name}", ylabel=f"predicted {name}", aspect="equal")
    style.set_title(ax, title)
    style.finish(ax)
    ax.set(xlim=ends, ylim=ends)
    ax.locator_params(nbins=5)
    for axis in (ax.xaxis, ax.yaxis):
        style.linear_ticks(axis)
    return ax


def _density(ax: "Axes", x: Array, y: Array, ends: Array) -> None:
    """Draw how many samples are in each hexagon, on a logarithmic scale."""
    from matplotlib import colormaps, colors  # noqa: PLC0415 - an extra

    visible = colors.ListedColormap(colormaps["Blues"](np.linspace(0.25, 1, 256)))  # on white
    extent = (*ends, *ends)
    cells = ax.hexbin(x, y, gridsize=50, bins="log", mincnt=1, cmap=visible, extent=extent)
    bar = ax.figure.colorbar(cells, ax=ax, label="samples", shrink=0.8)
    style.log_ticks(bar.ax.yaxis, *cells.get_clim())
