"""Warnings at the user's line, one for a whole fleet."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .callbacks import INTERRUPTED
from .history import History

__all__ = ["silenced", "warn", "warn_of_failures"]

#: Whose lines are not the user's; scikit-learn calls the estimators' methods.
_PACKAGES = {__name__.split(".", maxsplit=1)[0], "sklearn"}
_MOST = 3  # networks whose reasons are in a warning

_is_silenced = ContextVar("is_silenced", default=False)


@contextmanager
def silenced() -> Iterator[None]:
    """No `warn` in the calling thread, for fits of a fleet that is reported as a whole.

    `warnings.catch_warnings` is not for threads.
    """
    token = _is_silenced.set(True)
    try:
        yield
    finally:
        _is_silenced.reset(token)


def warn(message: str) -> None:
    """Give a RuntimeWarning at the line of the user that has led here."""
    if _is_silenced.get():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RuntimeWarning, level)


def warn_of_failures(name: str, histories: Sequence[History]) -> None:
    """Give one warning that names the networks that failed or diverged, if there are any.

    Parameters
    ----------
    name : str
        The function that the user has called.
    histories : sequence of History
        Of all networks.
    """
    stopped = [
        f"network {k}: {history.stopped}"
        for k, history in enumerate(histories)
        if history.stopped not in {None, INTERRUPTED}
        and not np.isfinite([np.nan, *history.cost][-1])
    ]
    if stopped:
        n, text = len(stopped), "; ".join(stopped[:_MOST])
        others = f"; and {n - _MOST} more, see stopped in their histories" * (n > _MOST)
        warn(f"{name}: {n} of {len(histories)} networks stopped: {text}{others}")
