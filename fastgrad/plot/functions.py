"""Activation functions with their derivatives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation
from ..kernels.activations import ACTIVATIONS, Activation, activation
from . import style
from .style import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["activations"]

_MAX_COLUMNS = 4
_U = np.linspace(-4, 4, 801)
_MIDDLE = np.abs(_U) <= 2  # whose values set the vertical range: outside, cubes hide all else


def activations(
    names: str | Activation | Sequence[str | Activation] | None = None,
    *,
    title: str | None = None,
) -> "Figure":
    """Draw f(u) and f'(u) of activation functions for u from -4 to 4, one chart for each.

    All charts have the same scale: the vertical one shows every value for u from -2 to 2.

    Parameters
    ----------
    names : str, Activation or sequence of them, optional
        Which, by name or your own; by default all that are built in.
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
    ValueError, TypeError
        If a name is unknown, or there is none.

    Examples
    --------
    >>> from fastgrad import plot
    >>> len(plot.activations(["relu", "gelu"]).axes)
    2
    """
    chosen = _resolved(ACTIVATIONS.values() if names is None else names)
    columns = min(len(chosen), _MAX_COLUMNS)
    figure, axes = style.panels(
        "the chart of activations", len(chosen), columns, (2.25, 2.5), title, share=True
    )
    shown = []
    for ax, one in zip(axes, chosen, strict=True):
        for name, function, line in (("f", one.f, "-"), ("f'", one.df, "--")):
            with np.errstate(all="ignore"):  # a logarithm may have no value there
                values = np.array([function(u) for u in _U], np.float64)
            ax.plot(_U, values, line, color=COLORS[line == "--"], linewidth=1.8, label=name)
            shown.append(values[_MIDDLE & np.isfinite(values)])
        ax.axhline(0, color="0.6", linewidth=0.6, zorder=1)
        ax.axvline(0, color="0.6", linewidth=0.6, zorder=1)
        ax.set_title(one.name, family="monospace", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
    values = np.concatenate([*shown, [0.0, 1.0]])
    margin = 0.05 * np.ptp(values)
    axes[0].set_ylim(values.min() - margin, values.max() + margin)
    axes[0].legend(frameon=False)
    for ax in axes[-columns:]:
        ax.set_xlabel("u")
    return figure


def _resolved(names: Any) -> list[Activation]:
    """The activations of these names."""
    if isinstance(names, str | Activation):
        names = [names]
    try:
        chosen = [activation(name) for name in names]
    except TypeError:
        if np.iterable(names):
            raise
        received = validation.shown(names)
        raise TypeError(f"names: got {received}; expected names of activations") from None
    if not chosen:
        raise ValueError("names: got none; expected at least one activation")
    return chosen
