"""Values of a table's columns, and single cells, as numbers, text or dates."""

import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import validation
from .cells import MAX_DIGITS, MISSING_WORDS, is_number, printable, text_of_date
from .table import Column
from .values import EXACT_INTEGERS

__all__ = [
    "DAY", "FIRST_DATE", "LAST_DATE", "NUMBER_TYPES", "Findings", "canonical_number", "column_of",
    "date_of_text", "has_zone", "is_missing", "is_word_for_missing", "microseconds",
    "microseconds_of", "names_zone", "number_of_text", "numbers_of", "rows_in_words", "texts_of",
    "value_of_number",
]  # fmt: skip

#: A day in microseconds, the unit of all dates here.
DAY = 86_400_000_000

#: Types of which a cell is most often a number.
NUMBER_TYPES = frozenset({
    float, int, np.float64, np.float32, np.float16, np.int64, np.int32, np.int16, np.int8, np.uint8,
    np.uint16, np.uint32, np.uint64,
})  # fmt: skip

_ZONE = re.compile(r":\d\d[\d.,]*\s*(Z|[+-]\d\d(:?\d\d)?)\s*$")  # at the end of a time
_EPOCH = date(1970, 1, 1).toordinal()
FIRST_DATE = (date.min.toordinal() - _EPOCH) * DAY
LAST_DATE = (date.max.toordinal() - _EPOCH + 1) * DAY - 1
_BOOLEANS = {"true": 1.0, "false": 0.0}
_MISSING = frozenset(MISSING_WORDS)
_SHOWN = 3  # places in an error message


@dataclass
class Findings:
    """Problems and warnings of all columns, to be reported at once.

    Attributes
    ----------
    place : callable
        The place of a cell from its row and the name of its column.
    """

    place: Callable[[int, str], str]
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def check(self, column: Column, wrong: NDArray[np.bool_], expected: str) -> None:
        """Note the rows of a column that are wrong, if there are any."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            first = [
                f"{self.place(row, column.name)}: got {_shown(column.values[row])}"
                for row in rows[:_SHOWN].tolist()
            ]
            more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
            self.problems.append(f"{'; '.join(first)}{more}; expected {expected}")

    def warn(self, text: str) -> None:
        """Note a warning."""
        self.warnings.append(text)

    def warn_missing(self, name: str, n: int, fate: str) -> None:
        """Note values that are missing where none was in training."""
        self.warn(
            f"column {name!r}: missing values, in training there were none"
            f" ({rows_in_words(n)}); {fate}"
        )

    def report(self, stacklevel: int = 3) -> None:
        """Raise for all problems, or warn, as from the caller so many levels above."""
        if self.problems:
            raise ValueError("\n".join(self.problems))
        for text in self.warnings:
            warnings.warn(text, stacklevel=stacklevel)


def rows_in_words(n: int) -> str:
    """The number of rows, such as "1 row"."""
    return f"{n:,} row{'s' * (n != 1)}"


def _shown(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return text_of_date(value)
    return f"'{printable(value)}'" if isinstance(value, str) else str(value)


# --- text ----------------------------------------------------------------------------------------


def is_word_for_missing(text: str) -> bool:
    """Whether text stands for a missing value, such as NA."""
    return text.strip() in _MISSING


def canonical_number(text: str) -> str:
    """A plain number in one spelling: 1.0 and 1e0 as 1."""
    if text.lstrip("+-").isdigit():
        return str(int(text)) if len(text) <= MAX_DIGITS else text
    number = float(text)
    return str(int(number)) if number.is_integer() else repr(number)


def value_of_number(text: str) -> float:
    """The value of a plain number, exact if it is an integer of no more than 4,000 digits."""
    is_exact = len(text) <= MAX_DIGITS and text.lstrip("+-").isdigit()
    return int(text) if is_exact else float(text)


def number_of_text(text: str, default: Any) -> Any:
    """The float that text writes; `default` if it is no number."""
    stripped = text.strip().lower()
    if is_number(stripped):
        number = float(stripped)
        return number if math.isfinite(number) else default
    return _BOOLEANS.get(stripped, default)


def date_of_text(text: str, default: Any) -> Any:
    """The datetime that text writes, as 2012-01-31 or 2012-01-31 14:30; `default` if it is none."""
    text = text.strip()
    if text.isdigit():  # 20120131 is a number, as for the reader of tables
        return default
    try:
        return _naive(datetime.fromisoformat(text.replace("/", "-")))
    except (ValueError, OverflowError):  # the time of UTC may be out of range
        return default


def texts_of(column: Column) -> list[str | None]:
    """The values of a column as text: whole numbers as 1, dates as 2012-01-31."""
    values = column.values
    if values.dtype.kind == "O":
        return values.tolist()  # type: ignore[no-any-return]
    if column.is_boolean:
        code = np.where(np.isnan(values), -1, values).astype(np.int8)
        return np.array(["False", "True", None], object)[code].tolist()  # type: ignore[no-any-return]
    gone = np.isnan(values) if values.dtype.kind == "f" else np.isnat(values)
    distinct: dict[Any, str | None] = dict.fromkeys(values[~gone].tolist())
    for value in distinct:
        if values.dtype.kind == "M":
            distinct[value] = text_of_date(np.datetime64(value, "us"))
        else:
            distinct[value] = canonical_number(repr(value)) if math.isfinite(value) else str(value)
    return list(map(distinct.get, values.tolist()))


# --- numbers and dates ---------------------------------------------------------------------------


def numbers_of(column: Column, findings: Findings) -> NDArray[np.float64]:
    """The values of a column as float64, NaN where missing; what is no finite number is noted."""
    values = column.values
    kind = values.dtype.kind
    if kind == "f":
        is_infinite = np.isinf(values)
        if is_infinite.any():
            findings.check(column, is_infinite, "finite numbers")
            values = np.where(is_infinite, np.nan, values)
        return values.astype(np.float64, copy=False)
    if kind == "M":
        findings.check(column, ~np.isnat(values), "numbers, as in training")
        return np.full(len(values), np.nan)
    texts = _parsed(column, number_of_text, findings, "numbers, as in training")
    return np.array([math.nan if x is None else x for x in texts], np.float64)


def microseconds(column: Column, findings: Findings) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The dates of a column in microseconds since 1970, and where they are missing."""
    values, expected = column.values, "dates, as 2012-01-31, of the years 1 to 9999"
    if values.dtype.kind == "O":
        values = np.array(_parsed(column, date_of_text, findings, expected), "datetime64[us]")
    elif values.dtype.kind == "f":
        findings.check(column, ~np.isnan(values), expected)
        values = np.full(len(values), "NaT", "datetime64[us]")
    us, gone = values.astype("datetime64[us]").view(np.int64), np.isnat(values)
    is_far = ((us < FIRST_DATE) | (us > LAST_DATE)) & ~gone
    findings.check(column, is_far, expected)
    return np.where(is_far, 0, us), gone


def has_zone(column: Column) -> bool | None:
    """Whether the times of a column have a time zone; None if all are missing."""
    values = column.values
    if values.dtype.kind == "M":
        return None if np.isnat(values).all() else column.has_zone
    texts = (text for text in values if isinstance(text, str) and not is_word_for_missing(text))
    first = next(texts, None)
    return None if first is None else names_zone(first)


def names_zone(text: str) -> bool:
    """Whether text is a time with a time zone, as 14:30+02:00."""
    return bool(_ZONE.search(text))


def _parsed(
    column: Column, parse: Callable[[str, Any], Any], findings: Findings, expected: str
) -> list[Any]:
    """The values that the text of a column writes, None where missing; what is wrong is noted."""
    texts = column.values.tolist()
    distinct = {text for text in texts if text is not None and not is_word_for_missing(text)}
    known = {text: parse(text, None) for text in distinct}
    wrong = {text for text, value in known.items() if value is None}
    if wrong:
        findings.check(column, np.array([text in wrong for text in texts]), expected)
    return list(map(known.get, texts))


def microseconds_of(value: datetime) -> int:
    """A time without a zone in microseconds since 1970."""
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return (value.toordinal() - _EPOCH) * DAY + seconds * 1_000_000 + value.microsecond


def _naive(value: datetime) -> datetime:
    """The time of UTC without a zone."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


# --- single cells --------------------------------------------------------------------------------


def column_of(name: str, value: Any, findings: Findings) -> Column:  # noqa: PLR0911 - one per kind
    """A column of a single cell: number, text, date, boolean, None, or what pandas has of them."""
    column = Column(name, np.array([math.nan]))
    if is_missing(value):
        return column
    if isinstance(value, bool | np.bool_):
        return replace(column, values=np.array([float(value)]), is_boolean=True)
    if isinstance(value, time):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        value = timedelta(seconds=seconds, microseconds=value.microsecond)
    if isinstance(value, timedelta | np.timedelta64):
        us = np.array([value], "timedelta64[us]").astype(np.int64)
        return replace(column, values=us / 1e6)
    expected = "a number, text, a date or None"
    is_long = isinstance(value, Integral) and abs(int(value)) > EXACT_INTEGERS
    try:
        if isinstance(value, str) or is_long:
            return replace(column, values=np.array([str(value).strip()], object))
        if isinstance(value, date | np.datetime64):
            zone = getattr(value, "tzinfo", None) is not None
            dates = np.array([_date_of(value)], "datetime64[us]")
            return replace(column, values=dates, has_zone=zone)
        if isinstance(value, Real | np.floating | Decimal):
            return replace(column, values=np.array([float(value)]))
    except (ValueError, OverflowError):
        expected = "a finite number, or a date of the years 1 to 9999"
    kind = type(value).__name__
    findings.problems.append(
        f"column {name!r}: got {validation.shown(value)} ({kind}); expected {expected}"
    )
    return column


def _date_of(value: Any) -> Any:
    """A date as NumPy takes it, the time of UTC; ValueError or OverflowError if it is too far."""
    if isinstance(value, np.datetime64):  # NumPy does not see that microseconds overflow
        datetime(int(value.astype("datetime64[Y]").astype(np.int64)) + 1970, 1, 1)
    return _naive(value) if isinstance(value, datetime) else value


def is_missing(value: Any) -> bool:
    """Whether a cell is None, NaN, NaT or pandas.NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - of all values only NaN and NaT differ so
    except (TypeError, ValueError, ArithmeticError):  # pandas.NA is neither equal to itself nor
        # unequal; an array; the signaling NaN of decimal
        return type(value).__name__ == "NAType"
