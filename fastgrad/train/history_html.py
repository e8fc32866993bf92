"""A training history in a notebook: its best and last values as a table, the cost as a curve."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arithmetic import ceil_div, log_range
from ..markup import drawing, table
from ..metrics import less_is_better

__all__ = ["history_html"]

Array = np.ndarray[Any, Any]

_WIDTH, _HEIGHT, _MARGIN = 320, 96, 6  # pixels
_COLORS = {"cost": "#2D8CCB", "val_cost": "#E0762F"}  # to be seen on white and on black


def history_html(columns: dict[str, list[float]], stopped: str | None) -> str:
    """Return a training history as HTML.

    Parameters
    ----------
    columns : dict of str to list of float
        `History.columns()`.
    stopped : str or None
        Why training ended early.
    """
    values = {name: np.array(column, np.float64) for name, column in columns.items() if column}
    epochs = max(map(len, values.values()), default=0)
    title = f"History, {epochs:,} epoch{'s' * (epochs != 1)}"
    title += f"; stopped: {stopped}" if stopped else ""
    header = ("", "first", "best", "in epoch", "last") if epochs else ()
    listed = table(title, header, [_row(name, column) for name, column in values.items()])
    curves = {name: values[name] for name in _COLORS if name in values}
    return (_drawn(curves, epochs) if curves and epochs > 1 else "") + listed


def _row(name: str, values: Array) -> tuple[str, ...]:
    """The first, best and last value of a metric; no best one if it is not known which that is."""
    less, is_finite = less_is_better(name), np.isfinite(values)
    best = epoch = ""
    if less is not None and is_finite.any():
        k = int(np.where(is_finite, values if less else -values, np.inf).argmin())
        best, epoch = f"{values[k]:.4g}", f"{k + 1:,}"
    return name, f"{values[0]:.4g}", best, epoch, f"{values[-1]:.4g}"


def _drawn(curves: dict[str, Array], epochs: int) -> str:
    """The curves, with gaps where a value is not finite; on a logarithmic scale if that helps."""
    every = ceil_div(epochs, _WIDTH)
    drawn = {name: values[::every] for name, values in curves.items()}
    every_value = np.concatenate([*drawn.values()])
    shown = every_value[np.isfinite(every_value)]
    if not len(shown):
        return ""
    scale = np.log if log_range(shown) else np.positive
    with np.errstate(all="ignore"):  # values that are not finite, or very far apart
        low, high = scale([shown.min(), shown.max()])
        relative = {
            name: (scale(values) - low) / (high - low or 1) for name, values in drawn.items()
        }

    def parts() -> Iterator[str]:
        for k, (name, values) in enumerate(relative.items()):
            path, pen = "", "M"
            x = _MARGIN + _WIDTH * every / (epochs - 1) * np.arange(len(values))
            y = _MARGIN + _HEIGHT * (1 - values)
            for at in zip(x, y, strict=True):
                if np.isfinite(at[1]):
                    path += f"{pen}{at[0]:.1f} {at[1]:.1f}" + "h0" * (pen == "M")  # a dot
                    pen = "L"
                else:
                    pen = "M"
            color = _COLORS[name]
            yield f'<path d="{path}" stroke="{color}" stroke-width="1.6" stroke-linecap="round"/>'
            place = f'x="{_MARGIN + _WIDTH - 4}" y="{16 + 14 * k}" text-anchor="end"'
            yield f'<text {place} fill="{color}" stroke="none">{name}</text>'
        bottom = _HEIGHT + 2 * _MARGIN
        yield f'<path d="M1 1V{bottom - 1}H{_WIDTH + 2 * _MARGIN}" stroke-opacity="0.4"/>'

    about = f"{' and '.join(curves)} over {epochs} epochs"
    return drawing(_WIDTH + 2 * _MARGIN, _HEIGHT + 2 * _MARGIN, parts(), about)
