"""The cost around the weights of a network, or between those of two."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation
from ..arithmetic import log_range
from ..network import Network
from ..train.inputs import encoded_batch
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["loss_landscape"]

Array = np.ndarray[Any, Any]

_LINES = 12  # contour lines, at most about as many


def loss_landscape(
    net: Network,
    X: Any,
    Y: Any,
    along: int | Network = 2,
    resolution: int = 31,
    ax: "Axes | None" = None,
    *,
    span: float = 1.0,
    seed: int = 0,
    sample_weight: Any = None,
    title: str | None = None,
) -> "Axes":
    """Draw the mean cost of the samples on a slice through the weights of a network.

    A random direction D has a normal random number for each weight; for each node it is scaled so
    that sum_j D_ij^2 = sum_j W_ij^2, since the same step is small for large weights and large for
    small ones (H. Li et al., "Visualizing the Loss Landscape of Neural Nets", arXiv:1712.09913).
    Biases stay as they are. Of many weights one or two directions are a small part: what they show
    depends on the seed. The network is not changed: a copy of it is moved.

    Parameters
    ----------
    net : Network
        The network, whose weights are the point 0.
    X, Y : array_like
        Samples as for `Network.cost`. The cost of all of them is computed for each point of the
        picture.
    along : int or Network, default 2
        1: W + x D, a curve; 2: W + x D + y D', a map; a network: the line (1 - x) W + x W' from
        the weights and biases of `net` to those of this one.
    resolution : int, default 31
        Points along each axis, at least 2.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    span : float, default 1
        x and y are from -span to span; on the line to a network, x is from -span/2 to 1 + span/2.
    seed : int, default 0
        Of the directions.
    sample_weight : array_like, optional
        As for `Network.cost`.
    title : str, optional
        Above the chart.

    Returns
    -------
    matplotlib.axes.Axes
        A notebook shows the new figure if the cell ends with them.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError, TypeError
        If an argument is not valid, or the two networks do not compute the same of equal weights.
    """
    validation.instance("net", net, Network)
    if isinstance(along, Network):
        _check_equal(net, along)
    elif type(along) is not int or along not in (1, 2):
        received = validation.shown(along)
        raise ValueError(f"along: got {received}; expected 1 or 2 directions, or a network")
    validation.integer("resolution", resolution, least=2)
    span = validation.number("span", span, above=0)
    validation.integer("seed", seed, least=0)
    if title is not None:
        style.text("title", title)
    moved = copy.deepcopy(net)
    batch = encoded_batch(moved, X, Y, sample_weight)
    center = moved.parameters.astype(np.float64)
    if isinstance(along, Network):
        ticks = np.linspace(-span / 2, 1 + span / 2, resolution)
        directions = [along.parameters - center]
    else:
        ticks = np.linspace(-span, span, resolution)
        rng = np.random.default_rng(seed)
        directions = [_random_direction(moved, rng) for _ in range(along)]

    def cost(*at: float) -> float:
        steps = (x * D for x, D in zip(at, directions, strict=True))
        moved.parameters[:] = sum(steps, center)
        return moved.engine.cost(batch)[0]

    is_map = len(directions) == 2
    ax = style.axes("the loss landscape", ax, *((5.8, 4.8) if is_map else (5.6, 3.8)))
    if is_map:
        _map(ax, ticks, np.array([[cost(x, y) for x in ticks] for y in ticks]))
        subtitle = f"cost {style.number(cost(0, 0))} at the star"
    else:
        _curve(ax, ticks, np.array([cost(x) for x in ticks]))
        subtitle = f"cost {style.number(cost(0))} at x = 0"
    if isinstance(along, Network):
        ax.axvline(1, color=COLORS[1], linewidth=1, zorder=1)
        subtitle += f", {style.number(cost(1))} at x = 1"
    style.set_title(ax, title, subtitle)
    return ax


# --- helpers -------------------------------------------------------------------------------------


def _check_equal(net: Network, other: Network) -> None:
    """Raise unless the cost of the other's weights in `net` is that of the other network."""

    def described(net: Network) -> tuple[Any, ...]:
        heads = tuple((head.cost.name, head.nodes, head.weight) for head in net.heads)
        penalties = [(layer.l1, layer.l2, layer.penalize_biases) for layer in net.layers]
        return net.sizes, net.activations, heads, penalties

    for one, another in zip(described(net), described(other), strict=True):
        if one != another:
            received, expected = map(validation.shown, (another, one))
            raise ValueError(f"along: got a network of {received}; expected {expected}")
    arrays, others = net.arrays, other.arrays
    for name in arrays.keys() | others.keys():
        if not name.startswith("layer.") and not np.array_equal(
            arrays.get(name, 0), others.get(name, 0)
        ):
            raise ValueError(f"along: got a network of another {name}; expected that of net")


def _random_direction(net: Network, rng: np.random.Generator) -> Array:
    """A random step of the parameters, each row as long as that of W; 0 for biases."""
    flat = np.zeros(len(net.parameters))
    views = net.engine.workspace.views(flat)
    for layer, (rows, _) in zip(net.layers, views, strict=True):
        rows[:] = rng.normal(size=rows.shape)
        lengths = np.sqrt(np.square(layer.W, dtype=np.float64).sum(axis=1, keepdims=True))
        rows *= lengths / np.linalg.norm(rows, axis=1, keepdims=True)
    return flat


def _map(ax: "Axes", ticks: Array, C: Array) -> None:
    """Draw the cost over two directions: colours and contour lines."""
    from matplotlib.colors import LogNorm, Normalize  # noqa: PLC0415 - an extra

    finite = np.ma.masked_invalid(C)
    norm: Normalize
    if limits := log_range(C):
        norm, levels = LogNorm(*limits), np.geomspace(*limits, _LINES)
    else:
        low, high = (0.0, 0.0) if finite.mask.all() else (finite.min(), finite.max())
        norm, levels = Normalize(low, high), np.linspace(low, high, _LINES)
    image = style.image(ax, [ticks, ticks], finite, norm=norm, interpolation="bilinear")
    if levels[0] < levels[-1]:
        ax.contour(ticks, ticks, finite, levels=levels[1:-1], colors="white", linewidths=0.6)
    bar = ax.figure.colorbar(image, ax=ax, label="cost").ax.yaxis
    if limits:
        style.log_ticks(bar, *limits)
    else:
        style.linear_ticks(bar)
    ax.scatter(0, 0, s=90, marker="*", color=COLORS[1], edgecolors="white", linewidths=0.7)
    ax.set(xlabel="x, along D", ylabel="y, along D'", aspect="equal")
    ax.locator_params(nbins=5)


def _curve(ax: "Axes", x: Array, C: Array) -> None:
    """Draw the cost along a line."""
    ax.plot(x, C, color=COLORS[0], linewidth=1.8)
    ax.axvline(0, color=COLORS[1], linewidth=1, zorder=1)
    if limits := log_range(C):
        ax.set_yscale("log")
        style.log_ticks(ax.yaxis, *limits)
    else:
        style.linear_ticks(ax.yaxis)
    ax.set(xlabel="x", ylabel="cost")
    style.add_grid(ax)
