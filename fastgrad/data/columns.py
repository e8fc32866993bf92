"""Columns of a table from Arrow's: which are numbers, times, booleans or text."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..extras import import_extra
from ..validation import shown
from .cells import (
    MAX_DIGITS,
    is_formatted_number,
    is_number,
    is_plain_number,
    printable,
    text_of_date,
    to_keep,
)
from .doubtful_text import doubt
from .values import EXACT_INTEGERS, RefusedError, as_array

__all__ = ["Column", "as_columns", "as_written"]

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(,\d{3})+)", re.ASCII)
_CODE = r"^\s*[+-]?0[0-9]"
_SLASHES = r"^([0-9]{4})/([0-9]{2})/([0-9]{2})"
_INTEGERS = r"^\s*[+-]?[0-9]+\s*$"
_TRIED = 1000
_MAX_BOOLEANS = 2**4 + 2**5 + 1  # true and false in any case, and a missing one
_MAX_PROBLEMS = 8
Place = Callable[[int, str], str]
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Column:
    """The values of one column.

    Attributes
    ----------
    name : str
    values : (S,) array
        float64 with NaN where missing; datetime64[us], in UTC if the source has a time zone, with
        NaT where missing; or objects: str, or None where missing.
    ordered : tuple of str, optional
        The categories in their order, if they have one in the source.
    is_boolean : bool, default False
        Whether the numbers 0 and 1 were booleans.
    are_integers : bool, default False
        Whether the numbers were integers in the source.
    has_zone : bool, default False
        Whether the times had a time zone.
    text : pyarrow.ChunkedArray, optional
        The cells, if the numbers are written as text; None stands for a missing one.
    """

    name: str
    values: NDArray[Any]
    ordered: tuple[str, ...] | None = None
    is_boolean: bool = False
    are_integers: bool = False
    has_zone: bool = False
    text: Any = None


class _Cells(NamedTuple):
    """The cells of a column of text: each different one once, None for all that are missing."""

    different: NDArray[Any]
    codes: NDArray[Any]

    def row_of(self, cell: str) -> int:
        """The first row with that cell."""
        return int((self.different[self.codes] == cell).argmax())


def as_columns(
    arrays: dict[str, Any],
    text: frozenset[str],
    missing: frozenset[str],
    delimiter: str | None,
    place: Callable[[int | None, str], str],
    warns: bool,
) -> dict[str, Column]:
    """The columns of a table.

    Parameters
    ----------
    arrays : dict of str to column
        Of any kind that `as_array` takes.
        Emptied on the way, so that the cells and the values are not all in memory at once.
    text : set of str
        Columns that stay text.
    missing : set of str
        Cells that stand for a missing value.
    delimiter : str or None
        That of a file of text: another than the comma allows decimal commas.
    place : callable
        The place of a cell by row and name.
    warns : bool
        Whether text that may be meant as numbers or dates is warned about.

    Raises
    ------
    ValueError
        Naming every column that cannot be read.
    """
    columns: dict[str, Column] = {}
    formatted: dict[str, _Cells] = {}
    problems: dict[str, RefusedError] = {}
    names = [*arrays]
    commas = delimiter not in (None, ",")
    missing_numbers = [float(w) for w in missing if is_number(w) or _INFINITE.fullmatch(w)]
    for name in names:
        try:
            array = as_array(arrays.pop(name))
            found = _column(name, array, name in text, missing, place if warns else None)
            if isinstance(found, Column):
                found = _finite(_without(found, missing_numbers), array)
                if delimiter is not None:  # whose text would stay in memory
                    found = replace(found, text=None)
        except RefusedError as refused:
            problems[name] = refused
            continue
        if isinstance(found, _Cells):
            formatted[name] = found
            continue
        columns[name] = found
        commas = commas and not (found.values.dtype.kind == "f" and _has_point(array))
    for name, cells in formatted.items():
        try:
            columns[name] = _without(_decimal_commas(name, cells, commas), missing_numbers)
        except RefusedError as refused:
            problems[name] = refused
    if problems:
        lines = [
            f"{place(problems[name].row, name)}: {problems[name].reason}"
            for name in names
            if name in problems
        ]
        more = f"; and {len(lines) - _MAX_PROBLEMS} more" if len(lines) > _MAX_PROBLEMS else ""
        raise ValueError("; ".join(lines[:_MAX_PROBLEMS]) + more)
    return {name: columns[name] for name in names}


def _finite(column: Column, array: Any) -> Column:
    """The column of an array; raise if a number of it is infinite."""
    values = column.values
    if values.dtype.kind == "f" and (infinite := np.flatnonzero(np.isinf(values))).size:
        row = int(infinite[0])
        cell = array[row].as_py()
        received = f"'{printable(cell.strip())}'" if isinstance(cell, str) else shown(cell)
        hint = "; to take it for missing, name it in missing (--missing)"
        raise RefusedError(f"got {received}; expected a finite number{hint}", row)
    return column


def as_written(values: Any) -> NDArray[Any]:
    """The cells of a column of any kind as the source has them, None where there is none.

    Parameters
    ----------
    values : column
        Of any kind that `as_array` takes.
    """
    return _objects(as_array(values).to_pylist())


def _without(column: Column, missing: list[float]) -> Column:
    """The column, with NaN for the numbers that stand for a missing value."""
    values = column.values
    if not missing or values.dtype.kind != "f" or column.is_boolean:
        return column
    return replace(column, values=np.where(np.isin(values, missing), np.nan, values))


def _column(
    name: str, array: Any, stays_text: bool, missing: frozenset[str], place: Place | None
) -> Column | _Cells:
    """The column, or the cells of one that looks like formatted numbers."""
    pa, _ = _arrow()
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _categories(name, array, missing)
    if _is_text(kind):
        return _from_text(name, array, stays_text, missing, place)
    try:
        column = _typed(name, array)
    except pa.ArrowInvalid as error:  # times beyond what 64 bits hold
        raise RefusedError(f"got values of type {kind} ({error})") from None
    if not stays_text:
        return column
    return Column(name, _objects([None if c in missing else c for c in _spelt(column)]))


# --- text ----------------------------------------------------------------------------------------


def _from_text(
    name: str, array: Any, stays_text: bool, missing: frozenset[str], place: Place | None
) -> Column | _Cells:
    pa, pc = _arrow()
    if pa.types.is_string_view(array.type):  # of polars; what follows does not take it
        array = array.cast(pa.large_string())
    if not stays_text and (numbers := _numbers(array)) is not None:
        return _column_of_numbers(name, numbers, array)
    cells = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
    words = pa.array(sorted(missing), pa.large_string())
    cells = pc.if_else(pc.is_in(cells, words), pa.scalar(None, pa.large_string()), cells)
    if not stays_text:
        if (numbers := _numbers(cells)) is not None:
            return _column_of_numbers(name, numbers, cells)
        if (times := _times(cells)) is not None:
            return _column_of_times(name, times)
    different, codes = _encoded(cells)
    present = [cell for cell in different if cell is not None]
    if not stays_text and present:
        lower = [cell.lower() for cell in present[:_MAX_BOOLEANS]]
        if {*lower} <= {"true", "false"}:
            values = [np.nan if c is None else float(c.lower() == "true") for c in different]
            return Column(name, np.array(values)[codes], is_boolean=True)
        if all(is_formatted_number(cell) or is_plain_number(cell) for cell in present) and any(
            map(is_formatted_number, present)
        ):
            return _Cells(different, codes)
        counts = np.bincount(codes, minlength=len(different))
        present_counts = counts[[cell is not None for cell in different]]
        if place and (found := doubt(present, present_counts)):
            k, why = found
            row = _Cells(different, codes).row_of(present[k])
            warnings.warn(f"{place(row, name)}: {why}", stacklevel=2)
    return Column(name, different[codes])


@cache
def _arrow() -> tuple[Any, Any]:
    return (
        import_extra("pyarrow", "table", "a table"),
        import_extra("pyarrow.compute", "table", "a table"),
    )


def _numbers(cells: Any) -> NDArray[np.float64] | None:
    """The cells as float64, if all that are there are numbers written plainly.

    Arrow's cast takes what `is_number` takes, and names of values that are not finite.
    """
    pa, pc = _arrow()
    cast = _cast(cells, pa.float64())
    if cast is None:
        return None
    values: NDArray[np.float64] = cast.to_numpy()
    if pc.any(pc.match_substring_regex(cells, _CODE)).as_py():
        return None
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(~(np.abs(values) < EXACT_INTEGERS))  # NaN and infinite ones, too
    if len(large) > cast.null_count:
        is_exact = True
        for row in large[~cast.is_null().to_numpy()[large]]:
            cell = cells[int(row)].as_py().strip()
            if np.isnan(values[row]):
                return None
            is_exact = is_exact and not (
                _INTEGER.fullmatch(cell)
                and (len(cell) > MAX_DIGITS or abs(int(cell)) > EXACT_INTEGERS)
            )
        if not is_exact and pc.all(pc.match_substring_regex(cells, _INTEGERS)).as_py():
            return None
    return values


def _column_of_numbers(name: str, numbers: NDArray[np.float64], cells: Any) -> Column:
    """The column of text that is numbers, which are integers if none has a point or an exponent."""
    _, pc = _arrow()
    present = numbers[~np.isnan(numbers)]
    are_whole = bool(len(present)) and bool((present == np.floor(present)).all())
    are_whole = are_whole and not pc.any(pc.match_substring_regex(cells, "[.eE]")).as_py()
    return Column(name, numbers, are_integers=are_whole, text=cells)


def _cast(cells: Any, kind: Any) -> Any:
    """The cells as another type; None if there is one that is none of it."""
    pa, _ = _arrow()
    try:
        cells.slice(0, _TRIED).cast(kind)  # Arrow writes an error for every cell that is none
        return cells.cast(kind)
    except pa.ArrowInvalid:
        return None


def _column_of_times(name: str, times: Any) -> Column:
    pa, _ = _arrow()
    is_finer = getattr(times.type, "unit", "") == "ns"
    in_us = times.cast(pa.timestamp("us"), safe=not is_finer)
    has_zone = getattr(times.type, "tz", None) is not None
    return Column(name, in_us.to_numpy().astype("datetime64[us]"), has_zone=has_zone)


def _times(cells: Any) -> Any | None:
    """The cells as times, if all that are there are ISO 8601 dates, of one kind."""
    pa, pc = _arrow()
    if cells.null_count == len(cells):
        return None
    if pc.any(pc.match_substring_regex(cells.slice(0, _TRIED), _SLASHES)).as_py():
        cells = pc.replace_substring_regex(cells, _SLASHES, r"\1-\2-\3")
    for unit, zone in product(("us", "ns"), (None, "UTC")):
        if (times := _cast(cells, pa.timestamp(unit, zone))) is not None:
            return times
    return None


def _encoded(cells: Any) -> _Cells:
    """The different cells as objects, and for each row the position of its own."""
    encoded = cells.combine_chunks() if hasattr(cells, "combine_chunks") else cells
    encoded = encoded.dictionary_encode(null_encoding="encode")
    encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
    different = _objects(encoded.dictionary.to_pylist())
    return _Cells(different, encoded.indices.to_numpy())


def _has_point(array: Any) -> bool:
    pa, pc = _arrow()
    return pa.types.is_string(array.type) and bool(pc.any(pc.match_substring(array, ".")).as_py())


def _decimal_commas(name: str, cells: _Cells, are_allowed: bool) -> Column:
    """A column of formatted numbers, if these are numbers with a decimal comma."""
    present = [cell for cell in cells.different if cell is not None]
    first = next(cell for cell in present if is_formatted_number(cell))
    expected = f"expected numbers written plainly, as 1234.5; {to_keep(name)}"
    if not are_allowed or not all(map(_DECIMAL_COMMA.fullmatch, present)):
        raise RefusedError(f"got '{printable(first)}'; {expected}", cells.row_of(first))
    if all(map(_THOUSANDS.fullmatch, present)):
        raise RefusedError(
            f"got '{first}', which is 1000 times as large if its comma separates thousands;"
            f" {expected}",
            cells.row_of(first),
        )
    numbers = [
        np.nan if cell is None else float(cell.replace(",", ".")) for cell in cells.different
    ]
    return Column(name, np.array(numbers)[cells.codes])


# --- columns with a type -------------------------------------------------------------------------


def _categories(name: str, array: Any, missing: frozenset[str]) -> Column:
    """A column of categories: text, whatever they are."""
    array = array.unify_dictionaries().combine_chunks()
    array = array.chunk(0) if hasattr(array, "chunk") else array
    spelt = _spelt(_typed(name, array.dictionary))
    stripped = [None if cell is None else cell.strip() for cell in spelt]
    categories = _objects([None if c in missing else c for c in stripped] + [None])
    codes = array.indices.fill_null(len(array.dictionary)).to_numpy()
    order = (
        tuple(c for c in dict.fromkeys(categories) if c is not None) if array.type.ordered else None
    )
    are_integers = _arrow()[0].types.is_integer(array.dictionary.type)
    return Column(name, categories[codes], ordered=order, are_integers=are_integers)


def _typed(name: str, array: Any) -> Column:
    """A column of any type of Arrow's but categories."""
    pa, _ = _arrow()
    types, kind = pa.types, array.type
    is_whole = types.is_integer(kind) or (types.is_decimal(kind) and kind.scale <= 0)
    if _is_text(kind) or (is_whole and _is_beyond_float64(array)):
        return Column(name, _objects(array.cast(pa.large_string()).to_pylist()))
    if types.is_boolean(kind):
        return Column(name, array.cast(pa.float64()).to_numpy(), is_boolean=True)
    if types.is_timestamp(kind) or types.is_date(kind):
        return _column_of_times(name, array)
    if types.is_duration(kind) or types.is_time(kind):  # in seconds
        whole = pa.duration("us") if types.is_duration(kind) else pa.time64("us")
        ticks = array.cast(whole, safe=False).cast(pa.int64())
        return Column(name, ticks.cast(pa.float64(), safe=False).to_numpy() / 1e6)
    if not any(
        is_a(kind)
        for is_a in (types.is_integer, types.is_floating, types.is_decimal, types.is_null)
    ):
        raise RefusedError(f"got values of type {kind}; expected numbers, text or times")
    if types.is_decimal(kind):
        array = array.cast(pa.large_string())  # its own cast to float64 does not round to nearest
    return Column(name, array.cast(pa.float64(), safe=False).to_numpy(), are_integers=is_whole)


def _is_text(kind: Any) -> bool:
    pa, _ = _arrow()
    types = pa.types
    return any(
        is_a(kind) for is_a in (types.is_string, types.is_large_string, types.is_string_view)
    )


def _is_beyond_float64(array: Any) -> bool:
    _, pc = _arrow()
    limits = pc.min_max(array).as_py()
    return any(limit is not None and abs(limit) > EXACT_INTEGERS for limit in limits.values())


def _objects(cells: list[Any]) -> NDArray[Any]:
    """A list as an array of objects, whatever these are."""
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


def _spelt(column: Column) -> NDArray[Any]:
    """The values of a column as text."""
    values, kind = column.values, column.values.dtype.kind
    if kind == "f":
        names = ["False", "True"]
        cells = [
            None if x != x else names[int(x)] if column.is_boolean else _shortest(x)  # noqa: PLR0124
            for x in values.tolist()
        ]
    elif kind == "M":
        cells = [None if np.isnat(x) else text_of_date(x) for x in values]
    else:
        cells = values.tolist()
    return _objects(cells)


def _shortest(x: float) -> str:
    return repr(int(x)) if x.is_integer() and abs(x) <= EXACT_INTEGERS else repr(x)
