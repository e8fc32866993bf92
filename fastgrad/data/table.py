"""Tables: csv files as rows of numbers, text one-hot encoded, the target apart."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import readers
from .readers import is_dressed, listed, not_a_number, shown, unknown

__all__ = ["MAX_CATEGORIES", "Table", "read_table"]

#: A column of text with more different values than this is neither one-hot encoded nor classes.
MAX_CATEGORIES = 100


@dataclass(frozen=True)
class Table:
    """The features and the target of a csv file.

    Attributes
    ----------
    X : (S, n_0) float64
        One column for each feature that is a number, one for each category of a feature that is
        text.
    features : list of str
        The features' names.
    categories : dict of str to list of str
        For each feature that is text, its values in the order of their columns in X.
    target : str or None
        The target's name; None where the file has no target.
    cells : list of str or None
        What stands in the target's column.
    place : callable
        Where in the file a row's target stands, for messages.
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
    known: Mapping[str, Any],
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
    known : mapping
        Features, categories and target of an earlier table, to read this one in the same way;
        empty for the first.
    targets : bool
        False: leave the target's column alone, whatever it holds.

    Raises
    ------
    TypeError
        If `ignore` is a column and no list of them.
    ValueError
        If a column is unknown or missing, or a cell is not what is expected.
    """
    if isinstance(ignore, str) or not isinstance(ignore, Iterable):
        raise TypeError(f"ignore: got {ignore!r}; expected a list of columns, as [{ignore!r}]")
    layout = readers.csv_layout(path)
    if known:
        features, goal = _columns_like(layout, target, known)
    else:
        left_out = {_position(layout, column, "ignore") for column in ignore}
        if target is None:  # the last column that is left
            goal = max(set(range(len(layout.names))) - left_out, default=-1)
        else:
            goal = _position(layout, target, "target")
        if goal in left_out or goal < 0:
            what = "every column" if goal < 0 else f"the target {layout.names[goal]!r}"
            raise ValueError(f"ignore: got {what}; expected others than the target")
        left_out.add(goal)
        features = [c for c in range(len(layout.names)) if c not in left_out]
    goal = goal if targets else None
    for c in features if goal is None else [*features, goal]:
        _must_have_a_name(layout, c, bool(known))
    if not features:
        parted = " (parted by comma, semicolon or tab)" if len(layout.names) == 1 else ""
        raise ValueError(
            f"{path}: no column beside the target; expected at least one feature{parted}"
        )
    columns = readers.read_csv(layout, features, goal)
    names = list(known.get("features") or (layout.names[c] for c in features))
    categories = dict(known.get("categories") or {})
    if not known:
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
        target=None if goal is None else layout.names[goal],
        cells=None if goal is None else columns.text[goal],
        place=lambda row: columns.place(row, goal or 0),
    )


def _must_have_a_name(layout: readers.CsvLayout, c: int, known: bool) -> None:
    if not layout.names[c]:
        way = "write the file without it" if known else f"leave it out with --ignore {c + 1}"
        code = "" if known else f" (ignore=[{c + 1}])"
        raise ValueError(
            f"{layout.place(1, c)}: no name in the header; name the column, or"
            f" {way}{code} where it only numbers the rows"
        )


def _position(layout: readers.CsvLayout, column: str | int, role: str) -> int:
    """Find a column given by name, or by number from 1 (-1 is the last)."""
    if column in layout.names:
        return layout.names.index(str(column))
    width = len(layout.names)
    try:
        number = int(column)
    except ValueError:
        known = [name for name in layout.names if name]
        raise ValueError(
            f"{role}: {layout.path} has no column {unknown(str(column), known)}"
        ) from None
    if number == 0 or abs(number) > width:
        raise ValueError(f"{role}: got column {number}; expected 1 to {width}, or -1 for the last")
    return number - 1 if number > 0 else width + number


def _columns_like(
    layout: readers.CsvLayout, target: str | int | None, known: Mapping[str, Any]
) -> tuple[list[int], int | None]:
    """Positions of the features and the target (None: not there) of an earlier data set."""
    names, width = known.get("features"), len(layout.names)
    goal = None if target is None else _position(layout, target, "target")
    if layout.has_header and names:
        missing = [name for name in names if name not in layout.names]
        if missing:
            raise ValueError(
                f"{layout.path}: got the columns {listed(layout.names)}; "
                f"expected also {listed(missing)}, as the model has"
            )
        if goal is None and known.get("target") in layout.names:
            goal = layout.names.index(known["target"])
        return [layout.names.index(name) for name in names], goal
    # Without names the order counts, and the width tells whether the target is there.
    wanted = len(names) if names else known["n_inputs"]
    if goal is None and width == wanted + 1:
        trained = known.get("target") or ""
        goal = int(trained) - 1 if trained.isdigit() and 0 < int(trained) <= width else width - 1
    features = [c for c in range(width) if c != goal]
    if len(features) != wanted:
        raise ValueError(
            f"{layout.path}: {width} columns; expected {wanted}, or {wanted + 1} with the target"
        )
    return features, goal


def _categories(columns: readers.CsvColumns, c: int) -> list[str]:
    found, first = sorted(set(columns.text[c])), columns.text[c][0]
    if all(map(is_dressed, found)):
        raise ValueError(f"{columns.place(0, c)}: {not_a_number(first)}")
    if len(found) > MAX_CATEGORIES:
        name = columns.layout.names[c]
        raise ValueError(
            f"{columns.place(0, c)}: {not_a_number(first)}: text with at most {MAX_CATEGORIES} "
            f"different values is one-hot encoded, here are {len(found)}; make numbers of it, or "
            f"leave it out with --ignore {shlex.quote(shown(name))} (ignore=[{shown(name)!r}])"
        )
    return found


def _one_hot(columns: readers.CsvColumns, c: int, categories: Sequence[str]) -> NDArray[np.float64]:
    cells = columns.text.get(c) or [f"{number:g}" for number in columns.numbers[c]]
    for row, cell in enumerate(cells):
        if cell not in categories:
            raise ValueError(f"{columns.place(row, c)}: unknown value {unknown(cell, categories)}")
    return np.array([[cell == category for category in categories] for cell in cells], np.float64)


def _number(columns: readers.CsvColumns, c: int) -> NDArray[np.float64]:
    if c in columns.text:
        raise ValueError(f"{columns.place(0, c)}: {not_a_number(columns.text[c][0])}")
    return columns.numbers[c]
