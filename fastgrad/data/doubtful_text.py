"""Columns of text that may be meant as numbers or dates: why they are text."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .cells import is_plain_number, printable

__all__ = ["doubt"]

_LEAST_SHARE = 0.9  # of the cells that are alike, if the others are to be doubted
_TRIED = 1000
_DATE = re.compile(r"\d{4}-\d\d-\d\d\D?.*", re.DOTALL)
_OTHER_DATE = re.compile(r"\d{1,4}([./ -])(\d{1,2}|[A-Za-z]{3,9})\1\d{1,4}\b.*", re.DOTALL)


def _is_date(cell: str) -> bool:
    return bool(_DATE.fullmatch(cell))


_ALIKE = {"numbers": is_plain_number, "dates": _is_date}


def doubt(different: Sequence[str], counts: NDArray[np.int64]) -> tuple[int, str] | None:
    """Which cell makes a column text, and what to say of it; None if text is what it is.

    Parameters
    ----------
    different : sequence of str
        Each different cell that is not missing.
    counts : (n,) int64
        How often each occurs.
    """
    some = different[:_TRIED]
    for what, is_one in _ALIKE.items():
        if not some or sum(map(is_one, some)) < _LEAST_SHARE / 2 * len(some):
            continue
        others = [k for k, cell in enumerate(different) if not is_one(cell)]
        n_others = int(counts[others].sum())
        if others and n_others <= (1 - _LEAST_SHARE) * counts.sum():
            n, k = int(counts.sum()) - n_others, others[0]
            return k, (
                f"got '{printable(different[k])}' among {n:,} {what}, so that all are text; to"
                " take it for missing, name it in missing (--missing)"
            )
        if not others and what == "dates":
            return 0, f"got '{printable(different[0])}', which is no date, so that all are text"
    if some and all(map(_OTHER_DATE.fullmatch, some)):
        return 0, (
            f"got '{printable(different[0])}', which is text; if it is a date, write it as"
            " 2012-01-31"
        )
    return None
