"""Columns of any library, and lists of Python objects, as Arrow's arrays."""

import datetime as dt
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import import_extra
from ..validation import shown

__all__ = ["EXACT_INTEGERS", "RefusedError", "as_array"]

EXACT_INTEGERS = 2**53  # float64 holds all integers up to here

_KINDS = (
    (str, "text"),
    (bool | np.bool_, "boolean"),
    (Integral, "integer"),
    (Real | np.floating | Decimal, "number"),
    (dt.datetime | dt.date | np.datetime64, "time"),
    (dt.timedelta | np.timedelta64, "duration"),
    (dt.time, "time of day"),
)
_NONE = frozenset({"NoneType", "NAType", "NaTType"})  # the last two are of pandas
_MAY_BE_NAN = (float, np.floating, Decimal, np.datetime64, np.timedelta64)
_COARSE_UNITS = {"Y", "M", "W", "h", "m"}  # of NumPy's times, unknown to Arrow
_EXPECTED = "expected numbers, text or times"


class RefusedError(ValueError):
    """Why a column cannot be read; `row` is where that is seen, if in one row."""

    def __init__(self, reason: str, row: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.row = reason, row


def as_array(values: Any) -> Any:
    """A column as a pyarrow.ChunkedArray.

    Parameters
    ----------
    values : list, array, Series or pyarrow.ChunkedArray
        Objects of several kinds become text.

    Raises
    ------
    RefusedError
        If they are nested, or of a kind that is neither number nor text nor time.
    """
    pa = import_extra("pyarrow", "table", "a table")
    if isinstance(values, pa.ChunkedArray):
        return values
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "fiuMm":
        values = _as_arrow_knows(np.asanyarray(values))
    if isinstance(values, list | tuple) or dtype == np.dtype(object):
        array = _from_objects(pa, list(values))
    elif isinstance(values, np.ndarray) and (values.ndim != 1 or values.dtype.kind not in "fiubMm"):
        array = _from_objects(pa, values.tolist())
    else:
        if hasattr(values, "sparse"):  # of pandas
            values = values.sparse.to_dense()
        try:
            array = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError):
            raise RefusedError(f"got values of dtype {dtype}; {_EXPECTED}") from None
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _as_arrow_knows(values: NDArray[Any]) -> NDArray[Any]:
    """The values in the processor's order of bytes, of a size and a unit of time Arrow has."""
    dtype = values.dtype
    if dtype.kind in "Mm":
        coarse = np.datetime_data(dtype)[0] in _COARSE_UNITS
        return values.astype(f"{dtype.kind}8[s]") if coarse else values
    large = dtype.kind == "f" and dtype.itemsize > np.dtype(np.float64).itemsize
    return values.astype(np.float64 if large else dtype.newbyteorder("="), copy=False)


def _from_objects(pa: Any, values: list[Any]) -> Any:
    types = {*map(type, values)}
    kinds = {kind: _kind(kind) for kind in types if kind.__name__ not in _NONE}
    if len(kinds) < len(types) or any(issubclass(kind, _MAY_BE_NAN) for kind in types):
        values = [None if _is_missing(value) else value for value in values]
        present = {*map(type, values)} - {type(None)}
        kinds = {kind: name for kind, name in kinds.items() if kind in present}
    for kind, name in kinds.items():
        if name is None:
            row = next(row for row, value in enumerate(values) if type(value) is kind)
            raise RefusedError(f"got {shown(values[row])} ({kind.__name__}); {_EXPECTED}", row)
    found = {*kinds.values()}
    are_whole = found == {"integer"} or (
        {*kinds} == {Decimal} and all(v is None or v.as_tuple().exponent == 0 for v in values)
    )
    if are_whole and any(v is not None and abs(int(v)) > EXACT_INTEGERS for v in values):
        found = {"text"}
    if are_whole and found == {"integer"}:
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    if found and found <= {"integer", "number"}:
        return pa.array(_floats(values), pa.float64())
    if found == {"boolean"}:
        return pa.array([None if v is None else bool(v) for v in values], pa.bool_())
    if len(found) > 1 or found == {"text"}:
        return _from_text(pa, values, are_text={*kinds} == {str})
    if len({getattr(v, "tzinfo", None) is None for v in values if v is not None}) > 1:
        raise RefusedError("got times with and without a time zone; expected one kind")
    try:
        return pa.array(values)
    except pa.ArrowException as error:  # times out of range
        raise RefusedError(f"got times that are not of one kind ({error})") from None


def _kind(of: type) -> str | None:
    return next((kind for types, kind in _KINDS if issubclass(of, types)), None)


def _floats(values: list[Any]) -> list[float | None]:
    floats: list[float | None] = []
    for row, value in enumerate(values):
        try:
            floats.append(None if value is None else float(value))
        except OverflowError:
            raise RefusedError(f"got {shown(value)}; expected a finite number", row) from None
    return floats


def _from_text(pa: Any, values: list[Any], are_text: bool) -> Any:
    if not are_text:  # str of an enumeration of text is its name
        values = [v and str.__str__(v) if isinstance(v, str | None) else str(v) for v in values]
    try:
        return pa.array(values, pa.large_string())
    except UnicodeEncodeError as error:
        row = values.index(error.object)
        raise RefusedError(f"got {shown(error.object)}; expected text of Unicode", row) from None


def _is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or pandas' NA or NaT."""
    if type(value).__name__ in _NONE:
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
