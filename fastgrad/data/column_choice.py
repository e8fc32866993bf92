"""What becomes of each column of a table: which encoder, and why."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import is_plain_number, printable, text_of_date, to_keep
from .column_encoders import BooleanEncoder, CategoryEncoder, ColumnEncoder, LeftOut
from .column_values import (
    Findings,
    canonical_number,
    has_zone,
    microseconds,
    numbers_of,
    texts_of,
    value_of_number,
)
from .number_encoders import DateEncoder, NumberEncoder, Scale, date_parts
from .table import Column

__all__ = ["choose_encoder"]

#: Text of more distinct values is no category, unless it is named as one,
MAX_CATEGORIES = 100
#: or there are so many rows for each of at most so many values: R2 +.23 +- .10 over 12 tables.
MAX_FREQUENT_CATEGORIES, MIN_ROWS_OF_FREQUENT = 300, 5
#: Nor is text of which more than this share of the values are distinct,
MAX_DISTINCT_SHARE = 0.5
#: if there are at least so many values.
MIN_ROWS_OF_SHARE = 20
#: Numbers are constant if their range is below this share of the largest: the rounding of float64.
CONSTANT_RANGE = 16 * float(np.finfo(np.float64).eps)
#: Names of a first column that counts the rows, in lower case.
INDEX_NAMES = {"", "column 1", "rownames", "index", "id", "unnamed: 0"}
#: Such a column has whole numbers of which at least this share of their range is there: a part of
#: the rows, in any order, may be what is trained on.
MIN_INDEX_SHARE = 0.5


def choose_encoder(
    column: Column, *, is_first: bool, is_category: bool, is_robust: bool, findings: Findings
) -> ColumnEncoder:
    """The encoder of a column, fitted to its values.

    Parameters
    ----------
    column : Column
        Training values.
    is_first : bool
        Whether no column before it is used: it may only count the rows.
    is_category : bool
        Whether the user names it as a category.
    is_robust : bool
        Whether numbers are scaled by median and quartiles instead of mean and standard deviation.
    findings : Findings
        To note problems in.
    """
    kind = column.values.dtype.kind
    if kind == "f" and not column.is_boolean and not is_category:
        if is_first and _counts_rows(column):
            return LeftOut(column.name, "it only counts the rows")
        return _number(column, is_robust, findings)
    if kind == "M" and not is_category:
        return _date(column, is_robust, findings)
    return _category(column, is_category or column.ordered is not None)


def _counts_rows(column: Column) -> bool:
    x = column.values
    if column.name.lower() not in INDEX_NAMES or len(x) < 2 or not (x == np.rint(x)).all():
        return False
    step = np.diff(np.sort(x))
    return bool((step > 0).all() and len(x) >= MIN_INDEX_SHARE * (1 + step.sum()))


# --- categories ----------------------------------------------------------------------------------


def _category(column: Column, is_declared: bool) -> ColumnEncoder:
    name, texts = column.name, texts_of(column)
    n_missing = texts.count(None)
    n_values = len(texts) - n_missing
    found = [text for text in set(texts) if text is not None]
    are_numbers = all(map(is_plain_number, found))
    if are_numbers:
        found = list(set(map(canonical_number, found)))
    n = len(found)
    if n + (n_missing > 0) < 2:
        only = f"all have {printable(found[0])!r}" if found else "all are missing"
        return LeftOut(name, f"nothing to learn from: {only}")
    is_mostly_distinct = n_values >= MIN_ROWS_OF_SHARE and n > MAX_DISTINCT_SHARE * n_values
    are_frequent = n_values >= MIN_ROWS_OF_FREQUENT * n
    limit = MAX_FREQUENT_CATEGORIES if are_frequent else MAX_CATEGORIES
    if not is_declared and (n > limit or is_mostly_distinct):
        return LeftOut(
            name,
            f"text unlike a category: {n:,} different values in {n_values:,} rows; {to_keep(name)}",
        )
    if column.ordered is not None:
        place = {category: k for k, category in enumerate(column.ordered)}
        if are_numbers:
            place |= {canonical_number(t): k for t, k in place.items() if is_plain_number(t)}
        found.sort(key=lambda category: place.get(category, len(place)))
    else:
        found.sort(key=value_of_number if are_numbers else str)
    kind: type[CategoryEncoder] = CategoryEncoder
    if column.is_boolean:
        kind, found = BooleanEncoder, ["False", "True"]
    counts = Counter(
        canonical_number(text) if are_numbers else text for text in texts if text is not None
    )
    shares = tuple(counts[category] / n_values if n_values else 0.5 for category in found)
    return kind(name, tuple(found), n_missing, shares)


# --- numbers -------------------------------------------------------------------------------------


def _number(column: Column, is_robust: bool, findings: Findings) -> ColumnEncoder:
    name, x = column.name, numbers_of(column, findings)
    n_missing = int(np.isnan(x).sum())
    ordered = np.sort(x)[: len(x) - n_missing]  # NaN comes last
    if not len(ordered):
        return LeftOut(name, "nothing to learn from: all are missing")
    low, high = float(ordered[0]), float(ordered[-1])
    if _is_constant(low, high):
        if not n_missing:
            return LeftOut(name, f"nothing to learn from: all are {low:.6g}")
        return NumberEncoder(name, low, low, low, low, 1.0, is_robust, n_missing)
    if np.isinf(high - low):
        findings.problems.append(
            f"column {name!r}: got numbers from {low:g} to {high:g}; expected a smaller range"
        )
        return LeftOut(name, "its range is too large")
    median = _quantile(ordered, 0.5)
    filled = np.where(np.isnan(x), median, x) if n_missing else x
    scale = _scale(filled, ordered, is_robust)
    return NumberEncoder(
        name, low, high, median, scale.center, scale.scale, scale.is_smooth, n_missing
    )


def _is_constant(low: float, high: float) -> bool:
    return high == low or high - low <= CONSTANT_RANGE * max(abs(low), abs(high))


def _quantile(ordered: NDArray[Any], q: float) -> float:
    """The quantile of sorted numbers, by linear interpolation."""
    k = int(q * (len(ordered) - 1))
    below, above = float(ordered[k]), float(ordered[min(k + 1, len(ordered) - 1)])
    return below + (q * (len(ordered) - 1) - k) * (above - below)


def _scale(x: NDArray[Any], ordered: NDArray[Any], is_robust: bool) -> Scale:
    """The scaling of numbers that are not missing, or filled in; `ordered` are the others."""
    median, width = _quantile(ordered, 0.5), float(ordered[-1]) - float(ordered[0])
    if is_robust:
        quarter, three = _quantile(ordered, 0.25), _quantile(ordered, 0.75)
        quartiles = 0.0 if _is_constant(quarter, three) else three - quarter
        return Scale(median, quartiles or width / 2 or 1.0, True)
    # Relative to the median and the range, so that neither huge nor tiny numbers lose digits.
    deviation = (x - median) / (width or 1.0)
    mean = float(deviation.mean())
    return Scale(median + mean * width, float(deviation.std()) * width or 1.0, False)


# --- dates ---------------------------------------------------------------------------------------


def _date(column: Column, is_robust: bool, findings: Findings) -> ColumnEncoder:
    us, is_missing = microseconds(column, findings)
    ordered, n_missing = np.sort(us[~is_missing]), int(is_missing.sum())
    if not len(ordered):
        return LeftOut(column.name, "nothing to learn from: all are missing")
    low, high, median = (int(ordered[k]) for k in (0, -1, (len(ordered) - 1) // 2))
    if low == high and not n_missing:
        only = text_of_date(np.datetime64(low, "us"))
        return LeftOut(column.name, f"nothing to learn from: all are {only}")
    values = date_parts(np.where(is_missing, median, us), low)
    scales = {
        part: _scale(x, np.sort(x[~is_missing]), is_robust)
        for part, x in values.items()
        if low < high and (part == "days" or x.min() < x.max())
    }
    return DateEncoder(
        name=column.name,
        low=low,
        high=high,
        median=median,
        parts=tuple(scales),
        centers=tuple(scale.center for scale in scales.values()),
        scales=tuple(scale.scale for scale in scales.values()),
        is_smooth=is_robust,
        n_missing=n_missing,
        has_zone=bool(has_zone(column)),
    )
