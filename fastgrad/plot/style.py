"""Shared by the charts: figures without a window, axes, colours."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLORS", "axes", "class_colors", "figure", "finish"]

# The palette of Okabe and Ito, distinguishable with colour blindness, and four more colours.
COLORS = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#882255", "#8C8C00",
    "#7F7F7F", "#222222",
)  # fmt: skip


def figure(what: str, width: float, height: float) -> "Figure":
    """Return an empty figure of this size in inches; `what` is named if matplotlib is missing."""
    # Without pyplot: no window, no global state.
    drawing: Figure = import_extra("matplotlib.figure", "plot", what).Figure(
        figsize=(width, height), dpi=150, layout="constrained"
    )
    return drawing


def axes(what: str, ax: "Axes | None", width: float, height: float) -> "Axes":
    """Return the axes received, or those of a new figure."""
    if ax is None:
        return figure(what, width, height).subplots()
    if not hasattr(ax, "add_collection"):
        raise TypeError(f"ax: got {ax!r}; expected matplotlib's Axes")
    return ax


def finish(ax: "Axes") -> None:
    """Add a grid and a legend."""
    ax.margins(x=0.02)
    ax.grid(visible=True, which="major", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)


def class_colors(n: int) -> np.ndarray[Any, Any]:
    """Return the colours of n classes: (n, 3), red, green, blue."""
    from matplotlib import colormaps, colors  # noqa: PLC0415 - an extra

    chosen = COLORS[:n] if n <= len(COLORS) else colormaps["turbo"](np.linspace(0, 1, n))
    return colors.to_rgba_array(chosen)[:, :3]
