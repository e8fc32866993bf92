"""Cells of a table as text: which are numbers or missing, and how error messages show them."""

import re
from collections.abc import Sequence

from ..validation import did_you_mean

__all__ = [
    "MAX_TEXT_VALUES", "is_formatted_number", "is_missing", "is_number", "listed", "not_a_number",
    "not_among", "printable",
]  # fmt: skip

#: Text of more different values in a column is neither one-hot encoded nor classes.
MAX_TEXT_VALUES = 100

_MISSING = {"", "na", "n/a", "nan", "null", "?"}
_FORMATTING = re.compile(r"[\s$€£¥%,']")
_MAX_LENGTH = 60
_MAX_NAMES = 8


def is_number(cell: str) -> bool:
    """Whether Python reads the text as a number; inf and nan are numbers, too."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def is_formatted_number(cell: str) -> bool:
    """Whether it is a number with currency or percent signs or separators: $1,200 or 3,14."""
    plain = _FORMATTING.sub("", cell)
    return plain != cell and is_number(plain) and any(map(str.isdigit, plain))


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


def printable(text: str) -> str:
    """The text without control characters, and shortened if it is long."""
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


def listed(names: Sequence[str]) -> str:
    """The names, separated by commas; of many the first ones."""
    more = ", ..." if len(names) > _MAX_NAMES else ""
    return ", ".join(map(printable, names[:_MAX_NAMES])) + more
