"""The loops of each layer below the roof of the processor."""

import copy
from typing import TYPE_CHECKING

import numpy as np

from .. import validation
from ..codegen.jit import PLAIN_PYTHON
from ..codegen.limits import bandwidth
from ..engine.layer_speed import layer_speeds
from ..network import Network
from ..optim.first_order import SGD
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["roofline"]

_MARKERS = {1: "o", 5: "s", 7: "^"}  # by equation
#: Megabytes that are read, far more and less than caches hold, with the styles of their lines.
_ARRAYS = {160: "--", 0.4: ":"}


def roofline(
    net: Network, batch_size: int = 32, ax: "Axes | None" = None, *, title: str | None = None
) -> "Axes":
    """Measure the loops of each layer, and draw how far they are below what the processor can do.

    The roofline model of S. Williams, A. Waterman and D. Patterson (2009). Horizontal are the
    operations per byte, where each number of the three arrays of an equation counts once: W, a and
    u of (1), W and the two dC/db of (5), dC/db, a and dC/dW of (7). Vertical are the operations per
    second. The roof is the peak of fused multiply-adds in registers, its slopes are the bandwidths
    of reading 160 MB, from memory, and 0.4 MB, from a cache: a loop whose arrays are in a cache can
    be above the first. Everything is measured when it is called, in a second or two, on one thread;
    other work of the machine makes it slower. The network is not changed.

    Parameters
    ----------
    net : Network
        The network, whose sizes and dtype count.
    batch_size : int, default 32
        Samples in a mini-batch, at least 2.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default those of a new figure, the result's `figure`.
    title : str, optional
        Above the chart, such as the name of the processor.

    Returns
    -------
    matplotlib.axes.Axes
        A notebook shows the new figure if the cell ends with them.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    RuntimeError
        If loops are not compiled, by NUMBA_DISABLE_JIT.
    ValueError, TypeError
        If an argument is not valid.
    """
    validation.instance("net", net, Network)
    validation.integer("batch_size", batch_size, least=2)
    if PLAIN_PYTHON:
        raise RuntimeError("roofline: got NUMBA_DISABLE_JIT=1; expected compiled loops")
    if title is not None:
        style.text("title", title)
    ax = style.axes("the roofline", ax, 7.6, 4.4)
    roof, speeds = layer_speeds(copy.deepcopy(net).engine, SGD(), batch_size)
    slopes = {megabytes: bandwidth(megabytes) for megabytes in _ARRAYS}
    intensities, rates = np.array([(one.intensity, one.gflops) for one in speeds]).T
    ends = [intensities.min(), intensities.max(), *(roof / slope for slope in slopes.values())]
    x = np.geomspace(min(ends) / 2, max(ends) * 2, 200)
    ax.axhline(roof, color="0.2", linewidth=1.2, label=f"peak, {roof:.3g} GFLOP/s")
    for (megabytes, slope), line in zip(slopes.items(), _ARRAYS.values(), strict=True):
        label = f"reading {megabytes:g} MB, {slope:.3g} GB/s"
        ax.plot(x, np.minimum(slope * x, roof), line, color="0.5", linewidth=1.2, label=label)
    colors = style.class_colors(len(net.layers))
    for one in speeds:
        color = colors[one.layer - 1]
        ax.plot(one.intensity, one.gflops, _MARKERS[one.equation], color=color, fillstyle="none")
    for equation, marker in _MARKERS.items():
        ax.plot([], [], marker, color="0.5", fillstyle="none", label=f"equation {equation}")
    for layer, color in zip(net.layers[: style.MAX_CLASS_LABELS], colors, strict=False):
        n_out, n_in = layer.W.shape
        ax.plot([], [], color=color, linewidth=4, label=f"{n_in}-{n_out}")
    ax.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s")
    ax.set(xlim=x[[0, -1]], ylim=(min(rates.min(), roof / 10) / 1.5, 1.3 * max(roof, rates.max())))
    for axis in (ax.xaxis, ax.yaxis):
        style.log_ticks(axis, *axis.get_view_interval())
    style.set_title(ax, title, f"{batch_size} samples, {net.dtype}, one thread")
    style.add_grid(ax)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
