"""Shared by the charts: figures without a window, axes, titles, names, ticks, colours."""

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation
from ..arithmetic import ceil_div
from ..extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "COLORS", "MAX_CLASS_LABELS", "add_grid", "axes", "class_colors", "figure", "finish", "image",
    "linear_ticks", "log_ticks", "names", "number", "panels", "set_title", "text", "wrapped",
]  # fmt: skip

# The palette of Okabe and Ito, distinguishable with colour blindness, and four more colours.
COLORS = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#882255", "#8C8C00",
    "#7F7F7F", "#222222",
)  # fmt: skip

MAX_CLASS_LABELS = 30  # more would be too small to read

_LETTERS_PER_INCH = 9.5  # of a title
_SUBTITLE_POINTS = 22.0  # between a title and the axes if a subtitle stands between them
_MANY_DIGITS, _TOO_MANY_DIGITS = 1e4, 1e7  # written in full from the first to the second
_FEW_DECADES = 1e3  # of the highest to the lowest value: then 2 and 5 are labelled, too
_PLAIN_NUMBERS = 1e-3, 1e5  # others are powers of ten


def figure(what: str, width: float, height: float) -> "Figure":
    """Return an empty figure of this size in inches; `what` is named if matplotlib is missing."""
    import_extra("matplotlib.figure", "plot", what)
    from .shown import ShownFigure  # noqa: PLC0415 - an extra

    # Without pyplot: no window, no global state.
    return ShownFigure(figsize=(width, height), dpi=150, layout="constrained")


def axes(what: str, ax: "Axes | None", width: float, height: float) -> "Axes":
    """Return the axes received, or those of a new figure."""
    if ax is None:
        empty = figure(what, width, height)
        from .shown import ShownAxes  # noqa: PLC0415 - an extra

        return empty.add_subplot(axes_class=ShownAxes)
    if not hasattr(ax, "add_collection"):
        raise TypeError(f"ax: got {validation.shown(ax)}; expected matplotlib's Axes")
    return ax


def panels(
    what: str,
    n: int,
    columns: int,
    size: tuple[float, float],
    title: str | None,
    *,
    share: bool = False,
) -> "tuple[Figure, list[Axes]]":
    """Return a figure with n axes of this size in inches, in rows, and the title above all."""
    width, rows = 1.0 + size[0] * columns, ceil_div(n, columns)
    text = wrapped(title, width)
    empty = figure(what, width, size[1] * rows)
    if text:
        empty.suptitle(text)
    grid = empty.subplots(rows, columns, sharex=share, sharey=share, squeeze=False).flatten()
    for ax in grid[n:]:
        ax.remove()
    for ax in grid[max(n - columns, 0) : n]:  # also above one that has been removed
        ax.tick_params(labelbottom=True)
    return empty, list(grid[:n])


def text(name: str, value: Any) -> str:
    """Return the value; raise unless it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: got {validation.shown(value)}; expected a string")
    return value


def wrapped(title: str | None, inches: float) -> str:
    """The title in lines of this length, "" for None; raise unless it is either."""
    if title is None:
        return ""
    return textwrap.fill(text("title", title), max(int(_LETTERS_PER_INCH * inches), 10))


def set_title(ax: "Axes", title: str | None, subtitle: str = "") -> None:
    """Write the title above the axes, and below it what the chart says of itself."""
    inches = ax.get_window_extent().width / ax.figure.dpi
    text = wrapped(title, inches)
    if text and subtitle:
        ax.annotate(subtitle, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points")
    pad = _SUBTITLE_POINTS if text and subtitle else None
    ax.set_title(text or subtitle, loc="left", fontweight="bold", pad=pad)


def number(value: float) -> str:
    """A number for a legend: four digits, or all in front of the point."""
    return f"{value:,.0f}" if _MANY_DIGITS <= abs(value) < _TOO_MANY_DIGITS else f"{value:,.4g}"


def names(name: str, value: Any, n: int, of: str) -> list[str] | None:
    """Return the names of n things as strings; raise unless there are n, or None."""
    if value is None:
        return None
    expected = f"one for each of the {n} {of}"
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: got {validation.shown(value)}; expected a list, {expected}")
    texts = [str(item) for item in value]
    if len(texts) != n:
        raise ValueError(f"{name}: got {len(texts)}; expected {expected}")
    return texts


def log_ticks(axis: "Axis", low: float, high: float) -> None:
    """Label a logarithmic axis at decades, or at 1, 2 and 5 if there are few; all in one format."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter  # noqa: PLC0415

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _FEW_DECADES * low else (1,)))
    least, most = _PLAIN_NUMBERS
    plain = least <= low and high < most
    axis.set_major_formatter(
        "{x:,g}" if plain else LogFormatterSciNotation(minor_thresholds=(9, 9))
    )
    axis.set_minor_formatter(NullFormatter())


def linear_ticks(axis: "Axis") -> None:
    """Separate the thousands of a linear axis."""
    low, high = np.abs(axis.get_view_interval())
    if _MANY_DIGITS <= max(low, high) < _TOO_MANY_DIGITS:
        axis.set_major_formatter("{x:,.10g}")


def image(ax: "Axes", ticks: list[Any], values: Any, **options: Any) -> Any:
    """Draw values over a grid whose ticks, of both axes, are equidistant."""
    extent = tuple(axis[end] for axis in ticks for end in (0, -1))
    return ax.imshow(values, extent=extent, origin="lower", aspect="auto", **options)


def finish(ax: "Axes") -> None:
    """Add a grid and a legend."""
    add_grid(ax)
    ax.legend(facecolor="white", framealpha=0.8, edgecolor="none")


def add_grid(ax: "Axes") -> None:
    """Add a grid, and leave out what would frame it."""
    ax.margins(x=0.02)
    ax.grid(visible=True, which="major", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def class_colors(n: int) -> np.ndarray[Any, Any]:
    """Return the colours of n classes: (n, 3), red, green, blue."""
    from matplotlib import colormaps, colors  # noqa: PLC0415 - an extra

    chosen = COLORS[:n] if n <= len(COLORS) else colormaps["turbo"](np.linspace(0, 1, n))
    return colors.to_rgba_array(chosen)[:, :3]
