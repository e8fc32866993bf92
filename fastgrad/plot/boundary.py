"""The prediction of a network as a function of two of its inputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import frames, metrics, validation
from ..arithmetic import ceil_div
from ..network import Network
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["decision_boundary"]

Array = np.ndarray[Any, Any]

_CLASSES_PER_COLUMN = 15


def decision_boundary(
    net: Network,
    X: Any,
    Y: Any,
    features: tuple[int | str, int | str] = (0, 1),
    resolution: int = 200,
    ax: "Axes | None" = None,
    *,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
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
        (S, n_0), or a DataFrame.
    Y : array_like
        Targets as for `Network.cost`.
    features : (int or str, int or str), default (0, 1)
        The inputs on the horizontal and on the vertical axis, by position or by name.
    resolution : int, default 200
        Grid points along each axis, at least 2.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    names : sequence of str, optional
        The names of the n_0 inputs; by default the columns of the DataFrame of the fit
        (`net.inputs.names`), or of this X.
    labels : sequence of str, optional
        The names of the classes; for a number, a list of one, its name.
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
        If an argument is not valid.
    """
    validation.instance("net", net, Network)
    names = style.names("names", names, net.n_inputs, "inputs")
    names = names or net.inputs.names or frames.column_names(X)
    i_x, i_y = _two_inputs(features, net.n_inputs, names)
    validation.integer("resolution", resolution, least=2)
    X = frames.matrix("X", X, net.dtype, net.n_inputs, net.inputs.names)
    classifies = net.heads.classifies
    if classifies:
        Y, _ = metrics.class_ids(Y, net.predict(X))
    elif net.n_outputs > 1:
        raise ValueError(f"net: got {net.n_outputs} outputs; expected one, or classes")
    else:
        Y = validation.matrix("Y", Y, np.dtype("float64"), 1, len(X))[:, 0]
    n = max(net.n_outputs, 2) if classifies else 1
    labels = style.names("labels", labels, n, "classes" if classifies else "outputs")
    ticks = [_ticks(X[:, i], resolution) for i in (i_x, i_y)]
    grid = np.tile(np.median(X, axis=0), (resolution**2, 1))
    grid[:, [i_x, i_y]] = np.stack(np.meshgrid(*ticks), axis=-1).reshape(-1, 2)
    predictions = net.predict(grid).reshape(resolution, resolution, -1)
    ax = style.axes("the decision boundary", ax, 6.4, 4.8)
    draw = _regions if classifies else _surface
    draw(ax, ticks, predictions, X[:, [i_x, i_y]], Y, labels)
    x_name, y_name = (names[i] if names else f"input {i}" for i in (i_x, i_y))
    ax.set(xlabel=x_name, ylabel=y_name)
    style.set_title(ax, title, "all other inputs at their median" if net.n_inputs > 2 else "")
    return ax


# --- helpers -------------------------------------------------------------------------------------


def _two_inputs(features: Any, n: int, names: Sequence[str] | None) -> list[int]:
    """The positions of the two inputs."""
    if n < 2:
        raise ValueError(f"net: got {n} input; expected two or more")
    pair = validation.pair("features", features, "(horizontal, vertical)")
    inputs = [_position(feature, n, names) for feature in pair]
    if inputs[0] == inputs[1] or max(inputs) >= n:
        raise ValueError(
            f"features: got {validation.shown(list(pair))}; expected two inputs from 0 to {n - 1}"
        )
    return inputs


def _position(feature: Any, n: int, names: Sequence[str] | None) -> int:
    if not isinstance(feature, str):
        return validation.integer("features", feature, least=0)
    if not names:
        expected = f"an integer from 0 to {n - 1}, since the inputs have no names; or names=[...]"
        raise ValueError(f"features: got {feature!r}; expected {expected}")
    if feature not in names:
        hint = validation.did_you_mean(feature, names)
        known = ", ".join(names[:8]) + (", ..." if n > 8 else "")
        raise ValueError(f"features: got {feature!r}; {hint}expected one of {known}")
    return list(names).index(feature)


def _ticks(x: Array, resolution: int) -> Array:
    """Equidistant values from a little below the samples to a little above."""
    margin = 0.05 * (np.ptp(x) or 1)
    return np.linspace(x.min() - margin, x.max() + margin, resolution)


def _regions(
    ax: "Axes", ticks: list[Array], p: Array, points: Array, ids: Array, labels: list[str] | None
) -> None:
    """Draw the regions of the classes, the boundaries between them, and the samples."""
    if p.shape[2] == 1:
        p = np.concatenate([1 - p, p], axis=2)
    n = p.shape[2]
    colors = style.class_colors(n)
    certainty = (p.max(axis=2) - 1 / n) / (1 - 1 / n)
    style.image(ax, ticks, np.dstack([colors[p.argmax(axis=2)], 0.1 + 0.4 * certainty]))
    for k in range(n - 1):
        margin = p[:, :, k] - np.delete(p, k, axis=2).max(axis=2)
        if margin.min() < 0 < margin.max():
            ax.contour(*ticks, margin, levels=[0], colors="0.3", linewidths=1)
    labels = labels or [f"class {k}" for k in range(n)]
    for k, (color, label) in enumerate(zip(colors, labels, strict=True)):
        x, y = points[ids == k].T
        ax.scatter(x, y, s=18, color=color, edgecolors="white", linewidths=0.5, label=label)
    if n <= style.MAX_CLASS_LABELS:
        columns = ceil_div(n, _CLASSES_PER_COLUMN)
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), ncols=columns)


def _surface(
    ax: "Axes", ticks: list[Array], a: Array, points: Array, y: Array, labels: list[str] | None
) -> None:
    """Draw a predicted number as an image, and the samples in the colours of their targets."""
    low, high = min(a.min(), y.min()), max(a.max(), y.max())
    image = style.image(ax, ticks, a[:, :, 0], vmin=low, vmax=high)
    horizontal, vertical = points.T
    ax.scatter(horizontal, vertical, s=18, c=y, norm=image.norm, edgecolors="white", linewidths=0.5)
    label = labels[0] if labels else "prediction, and target of the samples"
    style.linear_ticks(ax.figure.colorbar(image, ax=ax, label=label).ax.yaxis)
