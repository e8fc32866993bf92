"""Charts of training and of networks, drawn with matplotlib (the extra `fastgrad[plot]`)."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .. import metrics, validation
from ..arithmetic import ceil_div
from ..network import Network
from ..train.history import History
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["confusion", "decision_boundary", "history", "network", "range_test"]

Array = np.ndarray[Any, Any]

_STYLES = {"training": (COLORS[0], "-"), "validation": (COLORS[1], "--")}
_SIGNS = {"positive": COLORS[0], "negative": COLORS[1]}
_TITLES = {"cost": "Cost", "accuracy": "Accuracy (%)"}  # of other metrics: their names
_MAX_COLUMNS = 3
_LOG_SCALE_RATIO = 20.0  # of the highest to the lowest value of a curve
_MAX_CLASS_LABELS = 30  # more would be too small to read
_CLASSES_PER_COLUMN = 15
_MAX_NODES, _END_NODES = 10, 4  # of a larger layer, this many at each end are drawn


def history(history: History, path: str | PathLike[str] | None = None) -> "Figure":
    """Draw the cost of each epoch, and each metric beside it.

    Parameters
    ----------
    history : History
        What `Network.fit` returned.
    path : path, optional
        The file to save it to; the suffix sets the format (.png, .svg, .pdf, ...).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the history has no epoch.
    FileNotFoundError
        If the folder of `path` does not exist.
    """
    validation.instance("history", history, History)
    if path is not None:
        validation.in_a_folder("path", validation.path("path", path))
    if not history.cost:
        raise ValueError("history: no epochs; expected at least one")
    values = history.columns()
    drawn = [name.removeprefix("val_") for name in values if name not in {"lr", "seconds"}]
    names = list(dict.fromkeys(drawn))
    columns = min(len(names), _MAX_COLUMNS)
    rows = ceil_div(len(names), columns)
    figure = style.figure("the training curve", 1.0 + 4.6 * columns, 3.8 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for name, ax in zip(names, panels, strict=False):
        _curves(ax, name, values.get(name, []), values.get(f"val_{name}", []))
    for ax in panels[len(names) :]:
        ax.remove()
    if path is not None:
        figure.savefig(path)
    return figure


def _curves(ax: "Axes", name: str, training: list[float], validation: list[float]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    unit = 100.0 if name == "accuracy" else 1.0
    curves = [unit * np.array(curve) for curve in (training, validation)]
    for (part, (color, line)), values in zip(_STYLES.items(), curves, strict=True):
        if len(values):
            ax.plot(
                range(1, 1 + len(values)), values, color=color, linestyle=line, linewidth=1.8,
                marker="o" if len(values) == 1 else "", label=f"{part} (last {values[-1]:.4g})",
            )  # fmt: skip
    finite = np.concatenate(curves)
    finite = finite[np.isfinite(finite)]
    low, high = finite.min(initial=np.inf), finite.max(initial=0)
    if metrics.less_is_better(name) and 0 < low <= high / _LOG_SCALE_RATIO:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
    ax.set_title(_TITLES.get(name, name), loc="left", fontweight="bold")
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    style.finish(ax)


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


def range_test(found: RangeTest, ax: "Axes | None" = None) -> "Axes":
    """Draw the cost against the learning rate.

    Parameters
    ----------
    found : RangeTest
        What `fg.find_lr` returned.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.

    Returns
    -------
    matplotlib.axes.Axes
    """
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
    style.finish(ax)
    return ax


def confusion(
    net: Network,
    X: Any,
    Y: Any,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the confusion matrix: the number of samples of each true and predicted class.

    The darker a cell, the larger its share of the row.

    Parameters
    ----------
    net : Network
        A classifier: its cost is a cross-entropy.
    X : array_like
        (S, n_0).
    Y : array_like
        Class ids (S,) or a distribution (S, K); or 0 and 1, (S,) or (S, 1).
    labels : sequence of str, optional
        The names of the K classes; by default their ids.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the number of labels is not that of the classes, or Y holds no classes.
    """
    validation.instance("net", net, Network)
    counts = metrics.confusion(Y, net.predict(X))
    n = len(counts)
    names = [str(name) for name in (range(n) if labels is None else labels)]
    if len(names) != n:
        raise ValueError(f"labels: got {len(names)}; expected one for each of the {n} classes")
    longest = max(map(len, names))
    side = max(3.6, 1.6 + 0.45 * n) if n <= _MAX_CLASS_LABELS else 7.6
    side += 0.09 * longest  # inches per letter, beside the rows and below the columns
    ax = style.axes("the confusion", ax, side, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if n <= _MAX_CLASS_LABELS:
        for true, predicted in np.argwhere(counts > 0):
            count, share = counts[true, predicted], shares[true, predicted]
            color = "white" if share > 0.65 else "black"
            ax.text(predicted, true, f"{count}", ha="center", va="center", color=color)
    else:
        ax.figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    ticks = range(0, n, ceil_div(n, _MAX_CLASS_LABELS))
    ax.set_xticks(ticks, names[:: ticks.step], rotation=90 if longest > 3 else 0)
    ax.set_yticks(ticks, names[:: ticks.step])
    ax.set(xlabel="predicted class", ylabel="true class")
    right = counts.trace() / counts.sum()
    ax.set_title(f"{right:.1%} of {counts.sum():,} right", loc="left", fontweight="bold")
    return ax


def decision_boundary(
    net: Network,
    X: Any,
    Y: Any,
    features: tuple[int, int] = (0, 1),
    resolution: int = 200,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the prediction of the network as a function of two inputs, and the samples.

    The other inputs are at the median of X. For a classifier the colour is that of the most
    probable class, and paler where its probability is lower; a sample has the colour of its true
    class.

    Parameters
    ----------
    net : Network
        A classifier, or a network with one output; with at least two inputs.
    X : array_like
        (S, n_0).
    Y : array_like
        Targets as for `Network.cost`.
    features : (int, int), default (0, 1)
        The inputs on the horizontal and on the vertical axis.
    resolution : int, default 200
        Grid points along each axis, at least 2.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If an argument is not valid.
    """
    validation.instance("net", net, Network)
    i_x, i_y = _two_inputs(features, net.n_inputs)
    validation.integer("resolution", resolution, least=2)
    X = validation.matrix("X", X, net.dtype, net.n_inputs)
    classifies = net.heads.classifies
    if classifies:
        Y, _ = metrics.class_ids(Y, net.predict(X))
    elif net.n_outputs > 1:
        raise ValueError(f"net: got {net.n_outputs} outputs; expected one, or classes")
    else:
        Y = validation.matrix("Y", Y, net.dtype, 1, len(X))[:, 0]
    ticks = [_ticks(X[:, i], resolution) for i in (i_x, i_y)]
    grid = np.tile(np.median(X, axis=0), (resolution**2, 1))
    grid[:, [i_x, i_y]] = np.stack(np.meshgrid(*ticks), axis=-1).reshape(-1, 2)
    predictions = net.predict(grid).reshape(resolution, resolution, -1)
    ax = style.axes("the decision boundary", ax, 6.4, 4.8)
    draw = _regions if classifies else _surface
    draw(ax, ticks, predictions, X[:, [i_x, i_y]], Y)
    ax.set(xlabel=f"input {i_x}", ylabel=f"input {i_y}")
    if net.n_inputs > 2:
        ax.set_title("all other inputs at their median", loc="left", fontsize="medium")
    return ax


def network(net: Network, ax: "Axes | None" = None) -> "Axes":
    """Draw the nodes, and each weight as a line: its colour is the sign, its width the magnitude.

    The widest line of a layer is that of its largest weight. Of a layer of more than ten nodes, the
    first four and the last four are drawn.

    Parameters
    ----------
    net : Network
        The network to draw.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    validation.instance("net", net, Network)
    nodes = [_nodes(n) for n in net.sizes]
    lowest = min(heights[-1] for _, heights in nodes)
    ax = style.axes("the network", ax, 1.0 + 2.2 * len(nodes), 1.6 - 0.9 * lowest)
    link = net.cost_function.link
    kinds = ["inputs" if net.n_inputs > 1 else "input", *net.activations]
    if link != "identity":  # then the output activation is the identity
        kinds[-1] = link
    for l, (n, kind, (drawn, heights)) in enumerate(zip(net.sizes, kinds, nodes, strict=True)):
        if l:
            previous, previous_heights = nodes[l - 1]
            W = net.layers[l - 1].W
            relative = W[np.ix_(drawn, previous)] / (np.abs(W).max() or 1)
            starts = [(l - 1, y) for y in previous_heights]
            _weights(ax, relative, starts, [(l, y) for y in heights])
        ax.scatter([l] * len(drawn), heights, s=170, c="white", edgecolors="0.2", zorder=3)
        if len(drawn) < n:
            ax.text(l, 0, "\u22ee", ha="center", va="center", fontsize=22)
        ax.text(l, lowest - 0.7, f"{n:,}\n{kind}", ha="center", va="top")
    for sign, color in _SIGNS.items():
        ax.plot([], [], color=color, linewidth=2, label=f"{sign} weight")
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)
    ax.set_xlim(-0.4, len(nodes) - 0.6)
    ax.set_ylim(lowest - 1.8, 0.5 - lowest)
    ax.set_axis_off()
    return ax


# --- helpers -------------------------------------------------------------------------------------


def _two_inputs(features: Any, n: int) -> list[int]:
    if n < 2:
        raise ValueError(f"net: got {n} input; expected two or more")
    pair = validation.pair("features", features, "(horizontal, vertical)")
    inputs = [validation.integer("features", i, least=0) for i in pair]
    if inputs[0] == inputs[1] or max(inputs) >= n:
        raise ValueError(f"features: got {inputs}; expected two inputs from 0 to {n - 1}")
    return inputs


def _ticks(x: Array, resolution: int) -> Array:
    """Equidistant values from a little below the samples to a little above."""
    margin = 0.05 * (np.ptp(x) or 1)
    return np.linspace(x.min() - margin, x.max() + margin, resolution)


def _regions(ax: "Axes", ticks: list[Array], p: Array, points: Array, ids: Array) -> None:
    """Draw the regions of the classes, the boundaries between them, and the samples."""
    if p.shape[2] == 1:
        p = np.concatenate([1 - p, p], axis=2)
    n = p.shape[2]
    colors = style.class_colors(n)
    certainty = (p.max(axis=2) - 1 / n) / (1 - 1 / n)
    _image(ax, ticks, np.dstack([colors[p.argmax(axis=2)], 0.1 + 0.4 * certainty]))
    for k in range(n - 1):
        margin = p[:, :, k] - np.delete(p, k, axis=2).max(axis=2)
        if margin.min() < 0 < margin.max():
            ax.contour(*ticks, margin, levels=[0], colors="0.3", linewidths=1)
    for k, color in enumerate(colors):
        x, y = points[ids == k].T
        ax.scatter(x, y, s=18, color=color, edgecolors="white", linewidths=0.5, label=f"class {k}")
    if n <= _MAX_CLASS_LABELS:
        columns = ceil_div(n, _CLASSES_PER_COLUMN)
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), ncols=columns)


def _surface(ax: "Axes", ticks: list[Array], a: Array, points: Array, y: Array) -> None:
    """Draw a predicted number as an image, and the samples in the colours of their targets."""
    low, high = min(a.min(), y.min()), max(a.max(), y.max())
    image = _image(ax, ticks, a[:, :, 0], vmin=low, vmax=high)
    horizontal, vertical = points.T
    ax.scatter(horizontal, vertical, s=18, c=y, norm=image.norm, edgecolors="white", linewidths=0.5)
    ax.figure.colorbar(image, ax=ax, label="prediction, and target of the samples")


def _image(ax: "Axes", ticks: list[Array], values: Array, **options: Any) -> Any:
    (left, right), (low, high) = (axis[[0, -1]] for axis in ticks)
    extent = (left, right, low, high)
    return ax.imshow(values, extent=extent, origin="lower", aspect="auto", **options)


def _nodes(n: int) -> tuple[Array, Array]:
    """The nodes of a layer that are drawn, and their vertical positions."""
    if n <= _MAX_NODES:
        return np.arange(n), (n - 1) / 2 - np.arange(n)
    ends = np.r_[:_END_NODES, -_END_NODES:0]
    return ends % n, -np.r_[-_END_NODES:0, 1 : _END_NODES + 1].astype(float)


def _weights(ax: "Axes", W: Array, starts: list[Any], ends: list[Any]) -> None:
    """Draw a line per weight, large ones on top; W is relative to the layer's largest weight."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - an extra

    rows, columns = np.unravel_index(np.abs(W).argsort(axis=None), W.shape)
    sorted_weights = W[rows, columns]
    ax.add_collection(
        LineCollection(
            [(starts[j], ends[i]) for i, j in zip(rows, columns, strict=True)],
            colors=[_SIGNS["positive" if w > 0 else "negative"] for w in sorted_weights],
            linewidths=0.2 + 2.8 * np.abs(sorted_weights),
            alpha=0.2 + 0.7 * np.abs(sorted_weights),
        )
    )
