"""Pictures of training and of networks, drawn with matplotlib (the extra `fastgrad[plot]`)."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import metrics, validation
from ..arithmetic import ceil_div
from ..network import Network
from ..train.callbacks import is_loss
from ..train.history import History
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..tools.lr_finder import RangeTest

__all__ = ["confusion", "decision_boundary", "history", "network", "range_test"]

Array = np.ndarray[Any, Any]

_STYLES = {"training": (COLORS[0], "-"), "validation": (COLORS[1], "--")}
_SIGNS = {"positive": COLORS[0], "negative": COLORS[1]}
_TITLES = {"cost": "Cost", "accuracy": "Accuracy (%)"}  # of other metrics: their names
_PANELS_ABREAST = 3
_LOG_SCALE_FROM = 20.0
_MOST_CLASSES_WRITTEN = 30  # more would be too small to read
_CLASSES_IN_A_COLUMN = 15
_MOST_NODES, _ENDS = 10, 4  # of a larger layer, so many at each end


def history(history: History, path: str | PathLike[str] | None = None) -> "Figure":
    """Draw the cost of each epoch, and each metric beside it.

    Parameters
    ----------
    history : History
        What `Network.fit` returned.
    path : path, optional
        Where to save the picture; its suffix chooses the format (.png, .svg, .pdf, ...).

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
        If there is no folder for the picture.
    """
    validation.instance("history", history, History)
    if path is not None:
        validation.in_a_folder("path", validation.path("path", path))
    if not history.cost:
        raise ValueError("history: no epochs; expected at least one")
    figures = history.columns()
    own = [name.removeprefix("val_") for name in figures if name not in {"lr", "seconds"}]
    names = list(dict.fromkeys(own))
    columns = min(len(names), _PANELS_ABREAST)
    rows = ceil_div(len(names), columns)
    figure = style.figure("the training curve", 1.0 + 4.6 * columns, 3.8 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for name, ax in zip(names, panels, strict=False):
        _curves(ax, name, figures.get(name, []), figures.get(f"val_{name}", []))
    for ax in panels[len(names) :]:
        ax.remove()
    if path is not None:
        figure.savefig(path)
    return figure


def _curves(ax: "Axes", name: str, training: list[float], validation: list[float]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    unit = 100.0 if name == "accuracy" else 1.0
    both = [unit * np.array(some) for some in (training, validation)]
    for (part, (color, line)), values in zip(_STYLES.items(), both, strict=True):
        if len(values):
            ax.plot(
                range(1, 1 + len(values)), values, color=color, linestyle=line, linewidth=1.8,
                marker="o" if len(values) == 1 else "", label=f"{part} (last {values[-1]:.4g})",
            )  # fmt: skip
    shown = np.concatenate(both)
    shown = shown[np.isfinite(shown)]
    low, high = shown.min(initial=np.inf), shown.max(initial=0)
    if is_loss(name) and 0 < low <= high / _LOG_SCALE_FROM:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
    ax.set_title(_TITLES.get(name, name), loc="left", fontweight="bold")
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    style.finish(ax)


def range_test(found: "RangeTest", ax: "Axes | None" = None) -> "Axes":
    """Draw the cost against the learning rate.

    Parameters
    ----------
    found : RangeTest
        What `fg.find_lr` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None: on a figure of its own, the result's `figure`.

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
    start = found.smoothed[0]
    shown = np.minimum(found.costs, start + 0.5 * abs(start))  # the last ones may be enormous
    room = 0.1 * np.ptp(shown) or 1.0
    ax.set_ylim(shown.min() - room, shown.max() + 4 * room)
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
    """Draw how many samples of each class are predicted to be of each class.

    A row is darker where more of its samples are.

    Parameters
    ----------
    net : Network
        One that tells classes apart: its cost is a cross-entropy.
    X : array_like
        (S, n_0).
    Y : array_like
        Class ids (S,) or a distribution (S, K); or 0 and 1, (S,) or (S, 1).
    labels : sequence of str, optional
        What to call the K classes; None: their numbers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None: on a figure of its own, the result's `figure`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If there is not one label a class, or Y holds no classes.
    """
    validation.instance("net", net, Network)
    counts = metrics.confusion(Y, net.predict(X))
    n = len(counts)
    names = [str(name) for name in (range(n) if labels is None else labels)]
    if len(names) != n:
        raise ValueError(f"labels: got {len(names)}; expected one for each of the {n} classes")
    longest = max(map(len, names))
    side = max(3.6, 1.6 + 0.45 * n) if n <= _MOST_CLASSES_WRITTEN else 7.6
    side += 0.09 * longest  # inches a letter, beside the rows and below the columns
    ax = style.axes("the confusion", ax, side, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if n <= _MOST_CLASSES_WRITTEN:
        for true, guess in np.argwhere(counts > 0):
            color = "white" if shares[true, guess] > 0.65 else "black"
            ax.text(guess, true, f"{counts[true, guess]}", ha="center", va="center", color=color)
    else:
        ax.figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    ticks = range(0, n, ceil_div(n, _MOST_CLASSES_WRITTEN))
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
    """Draw what the network predicts over two of its inputs, and the samples on top.

    The others are at the median of X. Where there are classes, the colour of the most probable one
    is the paler the less sure the network is; a point has the colour of its true class.

    Parameters
    ----------
    net : Network
        With two inputs or more, and classes or one number as the prediction.
    X : array_like
        (S, n_0).
    Y : array_like
        Targets as for `Network.cost`.
    features : (int, int), default (0, 1)
        Which inputs: to the right, and up.
    resolution : int, default 200
        Points along each side of the picture, at least 2.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None: on a figure of its own, the result's `figure`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If an argument is not as above.
    """
    validation.instance("net", net, Network)
    across, up = _two_inputs(features, net.n_inputs)
    validation.integer("resolution", resolution, least=2)
    X = validation.matrix("X", X, net.dtype, net.n_inputs)
    classifies = net.cost_function.link in {"softmax", "sigmoid"}
    if classifies:
        Y, _ = metrics.class_ids(Y, net.predict(X))
    elif net.n_outputs > 1:
        raise ValueError(f"net: got {net.n_outputs} numbers a sample; expected one, or classes")
    else:
        Y = validation.matrix("Y", Y, net.dtype, 1, len(X))[:, 0]
    sides = [_side(X[:, i], resolution) for i in (across, up)]
    grid = np.tile(np.median(X, axis=0), (resolution**2, 1))
    grid[:, [across, up]] = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    surface = net.predict(grid).reshape(resolution, resolution, -1)
    ax = style.axes("the decision boundary", ax, 6.4, 4.8)
    draw = _regions if classifies else _surface
    draw(ax, sides, surface, X[:, [across, up]], Y)
    ax.set(xlabel=f"input {across}", ylabel=f"input {up}")
    if net.n_inputs > 2:
        ax.set_title("all other inputs at their median", loc="left", fontsize="medium")
    return ax


def network(net: Network, ax: "Axes | None" = None) -> "Axes":
    """Draw the nodes, and each weight as a line: its colour is the sign, its width the size.

    The widest line of a layer is that of its largest weight. Of a layer of more than ten nodes, the
    first four and the last four are drawn.

    Parameters
    ----------
    net : Network
        Any.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None: on a figure of its own, the result's `figure`.

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
    if link != "identity":  # then the activation at the output is
        kinds[-1] = link
    for l, (n, kind, (some, heights)) in enumerate(zip(net.sizes, kinds, nodes, strict=True)):
        if l:
            before, heights_before = nodes[l - 1]
            W = net.layers[l - 1].W
            sizes = W[np.ix_(some, before)] / (np.abs(W).max() or 1)
            _weights(ax, sizes, [(l - 1, y) for y in heights_before], [(l, y) for y in heights])
        ax.scatter([l] * len(some), heights, s=170, c="white", edgecolors="0.2", zorder=3)
        if len(some) < n:
            ax.text(l, 0, "\u22ee", ha="center", va="center", fontsize=22)
        ax.text(l, lowest - 0.7, f"{n:,}\n{kind}", ha="center", va="top")
    for sign, color in _SIGNS.items():
        ax.plot([], [], color=color, linewidth=2, label=f"{sign} weight")
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)
    ax.set_xlim(-0.4, len(nodes) - 0.6)
    ax.set_ylim(lowest - 1.8, 0.5 - lowest)
    ax.set_axis_off()
    return ax


# --- what they share ----------------------------------------------------------------------------


def _two_inputs(features: Any, n: int) -> list[int]:
    if n < 2:
        raise ValueError(f"net: got {n} input; expected two or more")
    pair = validation.pair("features", features, "(across, up)")
    two = [validation.integer("features", i, least=0) for i in pair]
    if two[0] == two[1] or max(two) >= n:
        raise ValueError(f"features: got {two}; expected two inputs from 0 to {n - 1}")
    return two


def _side(x: Array, resolution: int) -> Array:
    """From a little below the samples to a little above."""
    margin = 0.05 * (np.ptp(x) or 1)
    return np.linspace(x.min() - margin, x.max() + margin, resolution)


def _regions(ax: "Axes", sides: list[Array], p: Array, points: Array, ids: Array) -> None:
    """The most probable class everywhere, and the line where it is another."""
    if p.shape[2] == 1:
        p = np.concatenate([1 - p, p], axis=2)
    n = p.shape[2]
    colors = style.class_colors(n)
    sure = (p.max(axis=2) - 1 / n) / (1 - 1 / n)
    _picture(ax, sides, np.dstack([colors[p.argmax(axis=2)], 0.1 + 0.4 * sure]))
    for k in range(n - 1):
        lead = p[:, :, k] - np.delete(p, k, axis=2).max(axis=2)
        if lead.min() < 0 < lead.max():
            ax.contour(*sides, lead, levels=[0], colors="0.3", linewidths=1)
    for k, color in enumerate(colors):
        x, y = points[ids == k].T
        ax.scatter(x, y, s=18, color=color, edgecolors="white", linewidths=0.5, label=f"class {k}")
    if n <= _MOST_CLASSES_WRITTEN:
        columns = ceil_div(n, _CLASSES_IN_A_COLUMN)
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), ncols=columns)


def _surface(ax: "Axes", sides: list[Array], a: Array, points: Array, y: Array) -> None:
    """The number everywhere, in the same colours as those of the samples."""
    low, high = min(a.min(), y.min()), max(a.max(), y.max())
    image = _picture(ax, sides, a[:, :, 0], vmin=low, vmax=high)
    x, up = points.T
    ax.scatter(x, up, s=18, c=y, norm=image.norm, edgecolors="white", linewidths=0.5)
    ax.figure.colorbar(image, ax=ax, label="prediction, and target of the samples")


def _picture(ax: "Axes", sides: list[Array], values: Array, **options: Any) -> Any:
    (left, right), (low, high) = (side[[0, -1]] for side in sides)
    extent = (left, right, low, high)
    return ax.imshow(values, extent=extent, origin="lower", aspect="auto", **options)


def _nodes(n: int) -> tuple[Array, Array]:
    """The nodes of a layer that are drawn, and how high."""
    if n <= _MOST_NODES:
        return np.arange(n), (n - 1) / 2 - np.arange(n)
    ends = np.r_[:_ENDS, -_ENDS:0]
    return ends % n, -np.r_[-_ENDS:0, 1 : _ENDS + 1].astype(float)


def _weights(ax: "Axes", sizes: Array, before: list[Any], here: list[Any]) -> None:
    """A line for each weight, the large ones on top; the largest of the layer has size 1."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - an extra

    rows, columns = np.unravel_index(np.abs(sizes).argsort(axis=None), sizes.shape)
    sorted_sizes = sizes[rows, columns]
    ax.add_collection(
        LineCollection(
            [(before[j], here[i]) for i, j in zip(rows, columns, strict=True)],
            colors=[_SIGNS["positive" if w > 0 else "negative"] for w in sorted_sizes],
            linewidths=0.2 + 2.8 * np.abs(sorted_sizes),
            alpha=0.2 + 0.7 * np.abs(sorted_sizes),
        )
    )
