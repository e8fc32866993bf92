"""Cells of a table as text: which are numbers or missing, and how error messages show them."""

import re
import shlex
from collections.abc import Sequence

import numpy as np

from ..validation import did_you_mean

__all__ = [
    "MAX_DIGITS", "MISSING_WORDS", "escaped", "is_formatted_number", "is_missing", "is_number",
    "is_plain_number", "listed", "not_a_number", "not_among", "printable", "text_of_date",
    "to_keep",
]  # fmt: skip

#: Cells of text that stand for a missing value.
MISSING_WORDS = (
    "", "NA", "na", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "null", "NULL", "None", "?",
    "-",
)  # fmt: skip

#: Longer integers are not converted to numbers, nor does Python by default, from 4,300 digits on.
MAX_DIGITS = 4000

_MISSING = {"", "na", "n/a", "nan", "null", "?"}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CODE = re.compile(r"[+-]?0\d", re.ASCII)
_FORMATTING = re.compile(r"[\s$€£¥%,'()\u2019\u2212]")  # the last two: apostrophe, minus
_MAX_LENGTH = 60
_MAX_NAMES = 8


def is_number(cell: str) -> bool:
    """Whether the text is a decimal number: ASCII digits, with sign, point and exponent or not."""
    return bool(_NUMBER.fullmatch(cell))


def is_plain_number(cell: str) -> bool:
    """Whether it is a number, and no code with leading zeros such as 042."""
    return is_number(cell) and not _CODE.match(cell)


def is_formatted_number(cell: str) -> bool:
    """Whether it is a number with signs or separators that are no part of it: $1,200 or (3,14)."""
    plain = _FORMATTING.sub("", cell)
    return plain != cell and is_number(plain) and any(map(str.isdigit, plain))


def text_of_date(value: np.datetime64) -> str:
    """A date as 2012-01-31, or a time as 2012-01-31 14:30:00."""
    text = str(value.astype("datetime64[us]")).removesuffix(".000000")
    return text.removesuffix("T00:00:00").replace("T", " ")


def is_missing(cell: str) -> bool:
    """Whether the text marks a missing value."""
    return cell.lower() in _MISSING


def not_a_number(cell: str) -> str:
    """The error message for a cell that should hold a number."""
    if is_missing(cell):
        received = f" ('{cell}')" if cell else ""
        return f"missing value{received}; fill it in or leave the row or the column out"
    plainly = " written plainly, as 1234.5" if is_formatted_number(cell) else ""
    return f"got '{printable(cell)}'; expected a number{plainly}"


def not_among(name: str, names: Sequence[str]) -> str:
    """The error message for a name that is not valid: it, the one that is meant, the valid ones."""
    return f"'{printable(name)}'; {did_you_mean(name, names)}expected one of {listed(names)}"


def escaped(text: str) -> str:
    """The text with each control character written out as its code."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def printable(text: str) -> str:
    """The text :func:`escaped`, and shortened if it is long."""
    text = escaped(text)
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


def to_keep(name: str) -> str:
    """How to keep a column as text, for an error message or a report."""
    name = printable(name)
    option = f'"{name}"' if "," in name else name
    return f"to keep it, categorical=[{name!r}] (--categorical {shlex.quote(option)})"


def listed(names: Sequence[str]) -> str:
    """The names, separated by commas; of many the first ones."""
    more = ", ..." if len(names) > _MAX_NAMES else ""
    shown = map(printable, names[:_MAX_NAMES])
    return ", ".join(f"'{name}'" if "," in name else name for name in shown) + more
