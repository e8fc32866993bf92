"""A network as nodes and weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation
from ..network import Network
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["network"]

Array = np.ndarray[Any, Any]

_SIGNS = {"positive": COLORS[0], "negative": COLORS[1]}
_MAX_NODES, _END_NODES = 10, 4  # of a larger layer, this many at each end are drawn


def network(
    net: Network,
    ax: "Axes | None" = None,
    *,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> "Axes":
    """Draw the nodes, and each weight as a line: its colour is the sign, its width the magnitude.

    The widest line of a layer is that of its largest weight. Of a layer of more than ten nodes, the
    first four and the last four are drawn.

    Parameters
    ----------
    net : Network
        The network to draw.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    names : sequence of str, optional
        The names of the n_0 inputs; by default the columns of the DataFrame of the fit
        (`net.inputs.names`).
    labels : sequence of str, optional
        The names of the n_L outputs, such as the classes.
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
    ValueError
        If the number of names or labels is not that of the inputs or outputs.
    """
    validation.instance("net", net, Network)
    names = style.names("names", names, net.n_inputs, "inputs") or net.inputs.names
    labels = style.names("labels", labels, net.n_outputs, "outputs")
    nodes = [_nodes(n) for n in net.sizes]
    lowest = min(heights[-1] for _, heights in nodes)
    letters = sum(max(map(len, texts)) for texts in (names, labels) if texts)
    width = 1.0 + 2.2 * len(nodes) + 0.09 * letters  # inches
    ax = style.axes("the network", ax, width, 1.6 - 0.9 * lowest)
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
    _texts(ax, 0, nodes[0], names, "right")
    _texts(ax, len(nodes) - 1, nodes[-1], labels, "left")
    for sign, color in _SIGNS.items():
        ax.plot([], [], color=color, linewidth=2, label=f"{sign} weight")
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)
    ax.set_xlim(-0.4, len(nodes) - 0.6)
    ax.set_ylim(lowest - 1.8, 0.5 - lowest)
    ax.set_axis_off()
    style.set_title(ax, title)
    return ax


def _nodes(n: int) -> tuple[Array, Array]:
    """The nodes of a layer that are drawn, and their vertical positions."""
    if n <= _MAX_NODES:
        return np.arange(n), (n - 1) / 2 - np.arange(n)
    ends = np.r_[:_END_NODES, -_END_NODES:0]
    return ends % n, -np.r_[-_END_NODES:0, 1 : _END_NODES + 1].astype(float)


def _texts(
    ax: "Axes", l: int, nodes: tuple[Array, Array], texts: Sequence[str] | None, align: str
) -> None:
    """Write a text beside each node of a layer, if there are any texts."""
    shift = 10 if align == "left" else -10
    if not texts:
        return
    for i, y in zip(*nodes, strict=True):
        ax.annotate(texts[i], (l, y), (shift, 0), textcoords="offset points", ha=align, va="center")


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
