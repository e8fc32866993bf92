"""Arithmetic that several rooms share."""

from typing import Any

import numpy as np

__all__ = ["ceil_div", "log_range"]

_LOG_SCALE_RATIO = 20.0  # of the highest to the lowest value, from which the scale is logarithmic


def ceil_div(a: int, b: int) -> int:
    """Return a / b rounded up, for b above 0."""
    return -(-a // b)


def log_range(values: Any) -> tuple[float, float] | None:
    """Return the lowest and highest finite value if a logarithmic scale helps to see all, or None.

    Parameters
    ----------
    values : ndarray
        To be drawn.
    """
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=np.inf)), float(finite.max(initial=0))
    return (low, high) if 0 < low <= high / _LOG_SCALE_RATIO else None
