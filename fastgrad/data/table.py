"""Tables of any source as named columns: numbers, times or text, and where each cell stands."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..validation import flag, texts
from .cells import MISSING_WORDS, not_among, printable
from .columns import Column, as_columns, as_written
from .delimited import TextOptions
from .sources import read_source

__all__ = ["Column", "Table", "read_table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length.

    Attributes
    ----------
    columns : mapping of str to Column
        In the order of the source; named "1", "2", ... if it has no header, and "column 1" where
        the header has no name for the first column.
    n_rows : int
    source : str
        The path of the file, or the class of the object, such as "DataFrame".
    has_header : bool, default True
        Whether the names are those of the source.
    has_types : bool, default False
        Whether the source tells text from numbers, as a file of text does not.
    rows : (n_rows,) int64, optional
        The row of the source that each row is; by default the same.
    line : callable, optional
        The line of a file of text on which a row of the source begins.
    as_written : mapping of str to (n_rows,) array
        Columns as the source has them, whose names `read_table` was given.
    """

    columns: Mapping[str, Column]
    n_rows: int
    source: str
    has_header: bool = True
    rows: NDArray[np.int64] | None = None
    line: Callable[[int], int] | None = None
    as_written: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    has_types: bool = False

    def place(self, row: int | None, name: str) -> str:
        """The place of a cell for error messages: its line in a file of text, or its row from 0.

        Without a row the place of the column.
        """
        where = ""
        if row is not None:
            row = row if self.rows is None else int(self.rows[row])
            where = f", row {row}" if self.line is None else f", line {self.line(row)}"
        column = f"'{printable(name)}'" if self.has_header else name
        return f"{self.source}{where}, column {column}"

    def take(self, rows: Any) -> "Table":
        """Some rows, by their positions or by a mask."""
        chosen = np.arange(self.n_rows)[rows]
        return replace(
            self,
            columns={
                name: replace(column, values=column.values[chosen], text=None)
                for name, column in self.columns.items()
            },
            n_rows=len(chosen),
            as_written={name: cells[chosen] for name, cells in self.as_written.items()},
            rows=chosen if self.rows is None else self.rows[chosen],
        )

    def without(self, names: Iterable[str]) -> "Table":
        """All columns but these."""
        left_out = {*names}
        kept = {name: column for name, column in self.columns.items() if name not in left_out}
        return replace(self, columns=kept)


def read_table(
    source: Any,
    *,
    text: Collection[str] = (),
    missing: Collection[str] = MISSING_WORDS,
    header: bool | None = None,
    expected: Sequence[str] | None = None,
    keep: Sequence[str] = (),
) -> Table:
    """Read a table.

    Parameters
    ----------
    source : path, file, DataFrame, mapping or list of mappings
        A path: text with delimiters of any kind (.csv, .tsv, .txt, ...), .parquet, .json, .jsonl,
        .ndjson, .arrow, .feather or .xlsx; text also compressed (.gz, .bz2, .zst, .zip); "-" is
        standard input. An open file. A DataFrame of pandas, polars, pyarrow or another library
        that narwhals knows. A mapping of names to columns. A mapping of names to values, which is
        one row, or a list of these.
    text : collection of str
        Columns that stay text whatever they hold.
    missing : collection of str
        Cells that stand for a missing value; an empty one always does. A number, such as "-999",
        does so in columns of numbers, too.
    header : bool, optional
        Whether the first row of a file of text holds the names; by default this is seen from it.
    expected : sequence of str, optional
        Names of which the table is to have some: they tell whether there is a header.
    keep : sequence of str
        Columns to keep as they are written, too, in `Table.as_written`.

    Returns
    -------
    Table
        Text is a column of numbers if each cell is a number written plainly, with ASCII digits
        and a decimal point, that float64 holds; codes with leading zeros and integers beyond
        2**53 are text. true and false are a column of booleans, ISO 8601 dates one of times.

    Raises
    ------
    ValueError
        The source is empty, damaged, or not a table; rows have different lengths; a name stands
        twice; a number is infinite or formatted, as in $1,200; or it cannot be seen whether the
        first row is a header.
    OSError
        The file cannot be read.
    TypeError
        The source is something else, or text stands where a list of it is expected.
    """
    for argument, words in {"text": text, "missing": missing, "expected": expected or ()}.items():
        texts(argument, words)
    header = None if header is None else flag("header", header)
    missing = frozenset(missing) | {""}
    raw = read_source(source, TextOptions(missing, header, expected))
    for name in keep:
        if name not in raw.columns:
            known = not_among(name, [*raw.columns])
            raise ValueError(f"keep: {raw.source} has no column {known}")
    written = {name: as_written(raw.columns[name]) for name in keep}
    bare = Table(
        {},
        raw.n_rows,
        raw.source,
        raw.has_header,
        line=raw.line,
        as_written=written,
        has_types=raw.delimiter is None,
    )
    columns = as_columns(
        raw.columns, frozenset(text), missing, raw.delimiter, bare.place, expected is None
    )
    return replace(bare, columns=columns)
