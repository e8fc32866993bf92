"""The gradients of each layer over a training."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation
from ..train.gradient_flow import GradientFlow
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["gradient_flow"]

Array = np.ndarray[Any, Any]

_MAX_COLUMNS = 4


def gradient_flow(flow: GradientFlow, *, title: str | None = None) -> "Figure":
    """Draw how large the derivatives dC/dW_ij of each layer are over a training.

    A column of a chart is the histogram of one epoch, on a logarithmic scale, which is the same for
    all layers; the darker, the more of the layer's derivatives. The line is their median. How many
    are 0 at the end, if any, stands above.

    Parameters
    ----------
    flow : GradientFlow
        The callback, after the fit that it was passed to.
    title : str, optional
        Above all charts.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it if the cell ends with it.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the callback has not been in a fit.
    """
    validation.instance("flow", flow, GradientFlow)
    if not flow.counts:
        raise ValueError("flow: no epochs; expected a callback that was passed to a fit")
    counts, zeros = np.array(flow.counts), np.array(flow.zeros)
    n_layers = counts.shape[1]
    columns = min(n_layers, _MAX_COLUMNS)
    figure, axes = style.panels(
        "the gradient flow", n_layers, columns, (3.4, 3.6), title, share=True
    )
    used = np.flatnonzero(counts.any(axis=(0, 1)))
    first, last = (used[0], used[-1] + 1) if len(used) else (0, len(flow.edges) - 1)
    edges = flow.edges[first : last + 1]
    for l, ax in enumerate(axes):
        _layer(ax, edges, counts[:, l, first:last])
        total, n_zeros = counts[-1, l].sum() + zeros[-1, l], zeros[-1, l]
        share = f", {n_zeros / total:.1%} are 0" if n_zeros else ""
        ax.set_title(f"layer {l + 1}{share}", loc="left", fontweight="bold")
    for ax in axes[::columns]:
        ax.set_ylabel("|dC/dW|")
    style.log_ticks(axes[0].yaxis, *10 ** edges[[0, -1]])
    axes[0].legend(frameon=False, loc="upper right")
    return figure


def _layer(ax: "Axes", edges: Array, counts: Array) -> None:
    """Draw the histograms of a layer, one for each epoch, and the medians."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    n = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    epochs = np.arange(len(counts) + 1) - 0.5
    shares = np.ma.masked_equal(counts / n, 0)
    ax.pcolormesh(epochs, 10**edges, shares.T, cmap="Blues", rasterized=True)
    medians = (counts.cumsum(axis=1) >= n / 2).argmax(axis=1)
    centers = 10 ** ((edges[:-1] + edges[1:]) / 2)
    values = np.where(counts.any(axis=1), centers[medians], np.nan)
    marker = "o" if len(values) == 1 else ""
    ax.plot(values, color=COLORS[1], linewidth=1.8, marker=marker, label="median")
    ax.set(yscale="log", xlabel="epoch", xlim=epochs[[0, -1]], ylim=10 ** edges[[0, -1]])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    ax.spines[["top", "right"]].set_visible(False)
