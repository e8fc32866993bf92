"""Single rows of any kind as mappings of names to cells."""

from collections.abc import Mapping
from typing import Any

from .. import validation
from .values import EXACT_INTEGERS

__all__ = ["cells_by_name"]


def cells_by_name(row: Any) -> Mapping[Any, Any]:
    """The cells of a row by the names of their columns.

    Parameters
    ----------
    row : DataFrame, Series or mapping
        A DataFrame of pandas, polars or pyarrow with one row, a Series of pandas, or a mapping.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If a DataFrame has more rows or none, or two columns of one name.
    """
    kind: Any = type(row)  # attributes of the row itself may be its columns
    if not hasattr(kind, "columns"):
        if hasattr(kind, "iloc"):
            return dict(zip(row.index.tolist(), row.tolist(), strict=True))
        if hasattr(kind, "keys"):
            mapping: Mapping[Any, Any] = row
            return mapping
        raise TypeError(f"row: got {validation.shown(row)}; expected a dict or a DataFrame")
    if len(row) != 1:
        raise ValueError(f"row: got {len(row):,} rows; expected one")
    if hasattr(kind, "iloc"):
        return _cells_of_pandas(row)
    cells: Mapping[Any, Any] = (
        row.row(0, named=True) if hasattr(kind, "row") else row.to_pylist()[0]
    )
    return cells


def _cells_of_pandas(frame: Any) -> Mapping[Any, Any]:
    names, values = frame.columns.tolist(), frame.iloc[0].tolist()
    # Integers beside floats have become floats, which do not hold large ones.
    if any(isinstance(value, float) and abs(value) >= EXACT_INTEGERS for value in values):
        values = frame.astype(object).iloc[0].tolist()
    cells = dict(zip(names, values, strict=True))
    if len(cells) < len(names):
        raise ValueError("row: got two columns of one name; expected different ones")
    return cells
