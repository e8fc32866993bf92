"""Tables: the features of a csv file as numbers, text one-hot encoded, and its target."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import readers
from .cells import (
    MAX_TEXT_VALUES,
    is_formatted_number,
    listed,
    not_a_number,
    not_among,
    printable,
)

__all__ = ["Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """The features and the target of a csv file.

    Attributes
    ----------
    X : (S, n_0) float64
        One column per feature that is a number, one per category of a feature that is text.
    features : list of str
        The features' names.
    categories : dict of str to list of str
        For each feature that is text, its values in the order of their columns in X.
    target : str or None
        The name of the target; None if the file has no target.
    cells : list of str or None
        The cells of the target's column.
    place : callable
        The place of a row's target in the file, for error messages.
    """

    X: NDArray[np.float64]
    features: list[str]
    categories: dict[str, list[str]]
    target: str | None
    cells: list[str] | None
    place: Callable[[int], str]


def read_table(
    path: Path,
    target: str | int | None,
    ignore: Sequence[str | int],
    like: Mapping[str, Any],
    targets: bool = True,
) -> Table:
    """Read a csv file.

    Parameters
    ----------
    path : Path
    target : str, int or None
        The target's name or position (from 1, -1 is the last); None: the last column.
    ignore : sequence of str or int
        Columns to leave out.
    like : mapping
        Features, categories and target of another table, to read this one in the same way; may be
        empty.
    targets : bool
        False: do not read the target's column, whatever it holds.

    Raises
    ------
    TypeError
        If `ignore` is a column instead of a list of them.
    ValueError
        If a column is unknown or missing, or a cell is not as expected.
    """
    if isinstance(ignore, str) or not isinstance(ignore, Iterable):
        raise TypeError(f"ignore: got {ignore!r}; expected a list of columns, as [{ignore!r}]")
    layout = readers.csv_layout(path)
    features, target_column = (
        _columns_like(layout, target, like) if like else _columns(layout, target, ignore)
    )
    target_column = target_column if targets else None
    for c in features if target_column is None else [*features, target_column]:
        _check_name(layout, c, bool(like))
    if not features:
        hint = " (separated by comma, semicolon or tab)" if len(layout.names) == 1 else ""
        raise ValueError(
            f"{path}: no column beside the target; expected at least one feature{hint}"
        )
    columns = readers.read_csv(layout, features, target_column)
    names = list(like.get("features") or (layout.names[c] for c in features))
    categories = dict(like.get("categories") or {})
    if not like:
        for name, c in zip(names, features, strict=True):
            if c in columns.text:
                categories[name] = _categories(columns, c)
    encoded = [
        _one_hot(columns, c, categories[name]) if name in categories else _number(columns, c)
        for name, c in zip(names, features, strict=True)
    ]
    return Table(
        X=np.column_stack(encoded),
        features=names,
        categories=categories,
        target=None if target_column is None else layout.names[target_column],
        cells=None if target_column is None else columns.text[target_column],
        place=lambda row: columns.place(row, target_column or 0),
    )


def _check_name(layout: readers.CsvLayout, c: int, has_like: bool) -> None:
    """Raise if a column that is to be read has no name in the header."""
    if not layout.names[c]:
        remedy = f"leave it out with --ignore {c + 1} (ignore=[{c + 1}])"
        remedy = "write the file without it" if has_like else remedy
        raise ValueError(
            f"{layout.place(1, c)}: no name in the header; name the column, or"
            f" {remedy} where it only numbers the rows"
        )


def _position(layout: readers.CsvLayout, column: str | int, argument: str) -> int:
    """The position of a column given by name, or by number from 1 (-1 is the last)."""
    if column in layout.names:
        return layout.names.index(str(column))
    width = len(layout.names)
    try:
        number = int(column)
    except ValueError:
        names = [name for name in layout.names if name]
        raise ValueError(
            f"{argument}: {layout.path} has no column {not_among(str(column), names)}"
        ) from None
    if number == 0 or abs(number) > width:
        raise ValueError(
            f"{argument}: got column {number}; expected 1 to {width}, or -1 for the last"
        )
    return number - 1 if number > 0 else width + number


def _columns(
    layout: readers.CsvLayout, target: str | int | None, ignore: Sequence[str | int]
) -> tuple[list[int], int | None]:
    """Positions of the features and of the target."""
    every = range(len(layout.names))
    ignored = {_position(layout, column, "ignore") for column in ignore}
    if target is None:  # the last column that is not ignored
        target_column = max(set(every) - ignored, default=-1)
    else:
        target_column = _position(layout, target, "target")
    if target_column in ignored or target_column < 0:
        what = f"the target {layout.names[target_column]!r}"
        what = "every column" if target_column < 0 else what
        raise ValueError(f"ignore: got {what}; expected others than the target")
    return [c for c in every if c not in {*ignored, target_column}], target_column


def _columns_like(
    layout: readers.CsvLayout, target: str | int | None, like: Mapping[str, Any]
) -> tuple[list[int], int | None]:
    """Positions of the features and of the target (None: not there) of another table."""
    names, width = like.get("features"), len(layout.names)
    target_column = None if target is None else _position(layout, target, "target")
    if layout.has_header and names:
        missing = [name for name in names if name not in layout.names]
        if missing:
            raise ValueError(
                f"{layout.path}: got the columns {listed(layout.names)}; "
                f"expected also {listed(missing)}, as the model has"
            )
        if target_column is None and like.get("target") in layout.names:
            target_column = layout.names.index(like["target"])
        return [layout.names.index(name) for name in names], target_column
    # Without names the positions count, and the width shows whether the target is there.
    expected = len(names) if names else like["n_inputs"]
    if target_column is None and width == expected + 1:
        number = like.get("target") or ""
        has_number = number.isdigit() and 0 < int(number) <= width
        target_column = int(number) - 1 if has_number else width - 1
    features = [c for c in range(width) if c != target_column]
    if len(features) != expected:
        raise ValueError(
            f"{layout.path}: {width} columns; expected {expected}, or {expected + 1} with the "
            "target"
        )
    return features, target_column


def _categories(columns: readers.CsvColumns, c: int) -> list[str]:
    found, first = sorted(set(columns.text[c])), columns.text[c][0]
    if all(map(is_formatted_number, found)):
        raise ValueError(f"{columns.place(0, c)}: {not_a_number(first)}")
    if len(found) > MAX_TEXT_VALUES:
        name = printable(columns.layout.names[c])
        raise ValueError(
            f"{columns.place(0, c)}: {not_a_number(first)}: text with at most {MAX_TEXT_VALUES} "
            f"different values is one-hot encoded, here are {len(found)}; make numbers of it, or "
            f"leave it out with --ignore {shlex.quote(name)} (ignore=[{name!r}])"
        )
    return found


def _one_hot(columns: readers.CsvColumns, c: int, categories: Sequence[str]) -> NDArray[np.float64]:
    cells = columns.text.get(c) or [f"{number:g}" for number in columns.numbers[c]]
    for row, cell in enumerate(cells):
        if cell not in categories:
            raise ValueError(
                f"{columns.place(row, c)}: unknown value {not_among(cell, categories)}"
            )
    return np.array([[cell == category for category in categories] for cell in cells], np.float64)


def _number(columns: readers.CsvColumns, c: int) -> NDArray[np.float64]:
    if c in columns.text:
        raise ValueError(f"{columns.place(0, c)}: {not_a_number(columns.text[c][0])}")
    return columns.numbers[c]
