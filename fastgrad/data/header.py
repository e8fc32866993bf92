"""Whether the first row of a file of text holds the names of the columns."""

import re
from collections.abc import Sequence

from ..validation import did_you_mean
from .cells import MAX_DIGITS, is_formatted_number, is_number, listed

__all__ = ["is_header"]

_SET_IT = "say which with header=True or header=False (--header yes or no)"
_COUNTED = 5  # so many whole numbers one after another in a first row are no accident
_VARYING = re.compile(r"\d+|true|false")


def is_header(
    first: Sequence[str],
    below: Sequence[Sequence[str | None]],
    missing: frozenset[str],
    expected: Sequence[str] | None,
) -> bool:
    """Whether the first row of a table holds names.

    Parameters
    ----------
    first : sequence of str
        The cells of the first row.
    below : sequence of sequences
        For each column its cells in some rows below, None where missing.
    missing : set of str
        Cells that stand for a missing value.
    expected : sequence of str or None
        Names of which the table is to have some.

    Raises
    ------
    ValueError
        If it cannot be seen, or none of the expected names is there.
    """
    texts = [c for c, cell in enumerate(first) if cell not in missing and not is_number(cell)]
    numbers = [c for c, cell in enumerate(first) if is_number(cell)]
    is_text_above_numbers = any(_are_numbers(below[c]) for c in texts)
    if expected:
        return _has_expected(first, texts, expected, is_text_above_numbers)
    if is_text_above_numbers:
        if numbers and not _may_be_names([first[c] for c in numbers]):
            raise _ambiguous(first, "text above numbers, beside a number that is hardly a name")
        return True
    if numbers and not texts:
        return _are_names(first, below)
    if not texts and any(first):
        raise _ambiguous(first, "nothing but words for missing values")
    if not texts or any(_is_like(first[c], below[c]) for c in texts):
        return False
    return not numbers or _stands_out(first, below, texts, numbers)


def _ambiguous(first: Sequence[str], why: str) -> ValueError:
    return ValueError(f"the first row, {listed(first)}, may be a header or data: {why}; {_SET_IT}")


def _is_like(cell: str, column: Sequence[str | None]) -> bool:
    """Whether a cell is one of a column's, or like all of them: a date above dates, 5,1 above 6."""
    if cell in column:
        return True
    others = [other for other in column if other is not None]
    shape = _shape(cell)
    if shape == cell.lower() or not others:
        return False
    if is_formatted_number(cell):
        return all(is_formatted_number(other) or is_number(other) for other in others)
    return all(_shape(other) == shape for other in others)


def _shape(cell: str) -> str:
    """The cell with all numbers, and true and false, made the same."""
    return _VARYING.sub("0", cell.lower())


def _has_expected(
    first: Sequence[str], texts: Sequence[int], expected: Sequence[str], is_above_numbers: bool
) -> bool:
    """Whether a row holds any of the expected names, which may be the numbers of columns."""
    if {*expected} <= {str(1 + c) for c in range(1 + len(first))}:  # of a file without header
        return is_above_numbers
    if {*expected} & {*first}:
        return True
    hint = did_you_mean(first[texts[0]], expected) if texts else ""
    raise ValueError(
        f"got a first row of {listed(first)}; {hint}expected a header with the names"
        f" {listed(list(expected))}"
    )


def _stands_out(
    first: Sequence[str],
    below: Sequence[Sequence[str | None]],
    texts: Sequence[int],
    numbers: Sequence[int],
) -> bool:
    """Whether a row of numbers, and of text that occurs in no other, holds names."""
    cells, columns = [first[c] for c in numbers], [below[c] for c in numbers]
    if not _may_be_names(cells):
        return False
    if _are_counted(first, cells, columns):
        return True
    unlike = any(_all_recur(below[c]) for c in texts)
    above_decimals = any(map(_have_decimals, columns)) and cells == sorted(cells, key=int)
    if unlike and above_decimals and len(cells) > 1:
        return True
    if unlike:
        raise _ambiguous(first, "its text occurs in no other row, the text of others does")
    if above_decimals:
        raise _ambiguous(first, "whole numbers above others")
    return False


def _are_names(first: Sequence[str], below: Sequence[Sequence[str | None]]) -> bool:
    """Whether a row without text holds names."""
    # pandas writes nothing above the row numbers.
    index = first[0] == "" and list(below[0]) == [str(row) for row in range(len(below[0]))]
    cells, columns = (list(first[1:]), below[1:]) if index else (list(first), below)
    if not _may_be_names(cells):
        return False
    if _are_counted(first, cells, columns):
        return True
    if any(map(_have_decimals, columns)) and cells == sorted(cells, key=int):
        raise _ambiguous(first, "whole numbers above others")
    return False


def _may_be_names(cells: Sequence[str]) -> bool:
    """Whether these numbers are whole, not negative and all different."""
    are_whole = all(cell.isdigit() and len(cell) < MAX_DIGITS for cell in cells)
    return are_whole and len({*cells}) == len(cells)


def _are_counted(
    first: Sequence[str], cells: Sequence[str], below: Sequence[Sequence[str | None]]
) -> bool:
    """Whether these numbers are one after another, as years are, or 0, 1, ... of pandas."""
    n, start = len(cells), int(cells[0])
    are_positions = start == 0 and n > 1
    if [*map(int, cells)] != [*range(start, start + n)] or not (n >= _COUNTED or are_positions):
        return False
    if [column[0] for column in below if column] == [str(start + n + c) for c in range(n)]:
        raise _ambiguous(first, "numbers that go on in the next row")
    occur = any(cell in column for cell, column in zip(cells, below, strict=True))
    if n >= _COUNTED:
        return are_positions or not occur
    if occur or not any(map(_have_decimals, below)):
        raise _ambiguous(first, "numbers one after another")
    return True


def _are_numbers(cells: Sequence[str | None]) -> bool:
    present = [cell for cell in cells if cell is not None]
    return bool(present) and all(map(is_number, present))


def _have_decimals(cells: Sequence[str | None]) -> bool:
    return _are_numbers(cells) and not all(
        cell is None or cell.lstrip("+-").isdigit() for cell in cells
    )


def _all_recur(cells: Sequence[str | None]) -> bool:
    present = [cell for cell in cells if cell is not None]
    return len(present) > 1 and all(present.count(cell) > 1 for cell in {*present})
