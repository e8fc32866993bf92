"""Files of text with delimiters: dialect, header, rows of one width; pyarrow reads them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..extras import import_extra
from .cells import is_number, listed, printable
from .header import is_header

__all__ = ["RawTable", "TextOptions", "column_names", "read_delimited"]

_DELIMITERS = [",", ";", "\t", "|"]
_SAMPLE_BYTES, _SAMPLE_ROWS, _SAMPLE_CELLS = 2**22, 1000, 1_000_000
_SNIFFED_CHARACTERS = 10_000
_NO_DELIMITER = "\x1f"  # the unit separator, of a file of one column
_MAX_COLUMNS = 100_000  # each takes Arrow's reader 9 kB, whatever is in it
_MAX_CELL = 2**31 - 1
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?\r?\n')  # what Excel takes the delimiter from
_TOKEN = re.compile(r'"(?:[^"]|"")*"(?!\S)|\S+')
_LONG_WORD = re.compile(r"""([^\s,;|"'\\]{100})[^\s,;|"'\\]+""")  # takes the sniffer seconds
_MAX_LISTED = 5
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class RawTable(NamedTuple):
    """A table whose columns are as the source has them.

    Attributes
    ----------
    columns : dict of str to list, array, Series or pyarrow.ChunkedArray
    n_rows : int
    source : str
    has_header : bool
    delimiter : str or None
        None if the source is no file of text.
    line : callable or None
        The line on which a row begins.
    """

    columns: dict[str, Any]
    n_rows: int
    source: str
    has_header: bool = True
    delimiter: str | None = None
    line: Callable[[int], int] | None = None


class TextOptions(NamedTuple):
    """How text is read: parameters of `read_table`."""

    missing: frozenset[str]
    header: bool | None
    expected: Sequence[str] | None


class _Dialect(NamedTuple):
    delimiter: str
    quote: str = '"'
    escape: str = ""
    has_initial_spaces: bool = False  # between a delimiter and a quote
    is_aligned: bool = False  # with any number of blanks between cells
    n_skipped: int = 0  # lines at the beginning


def read_delimited(open_file: Callable[[], Any], name: str, options: TextOptions) -> RawTable:
    """Read a file of text.

    Parameters
    ----------
    open_file : callable
        Opens the file, decompressed, for reading bytes.
    name : str
        For error messages.
    options : TextOptions
        The words for missing values, whether there is a header, and what it may hold.

    Raises
    ------
    ValueError
        The file is no text in UTF-8, or not a table.
    """
    missing, header, expected = options
    with open_file() as file:
        head = file.read(_SAMPLE_BYTES)
    if head[:2] in _BOMS:
        with open_file() as file:
            content = _decoded(name, file.read(), "utf-16").encode()
        open_file, head = (lambda: io.BytesIO(content)), content[:_SAMPLE_BYTES]
    if is_cut := len(head) == _SAMPLE_BYTES:
        head = head[: max(map(head.rfind, (b"\n", b"\r"))) + 1]
    if not head:  # no line ends
        with open_file() as file:
            head = file.read()
    sample = _decoded(name, head, "utf-8-sig")
    if "\0" in sample:
        raise ValueError(f"{name}: holds NUL bytes; expected text with delimiters")
    if not sample.strip():
        raise ValueError(f"{name}: the file is empty; expected rows of numbers or text")
    try:
        dialect, rows = _dialect(sample, is_cut)
    except csv.Error as error:
        raise ValueError(f"{name}: not a table of text ({error})") from None
    if not rows:
        raise ValueError(f"{name}: no rows; expected numbers or text")
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width > _MAX_COLUMNS:
        raise ValueError(
            f"{name}: {width:,} columns; expected at most {_MAX_COLUMNS:,}, or a file of an array"
        )
    array = _read(open_file, name, dialect, width)
    n_sample = min(_SAMPLE_ROWS, max(_SAMPLE_CELLS // width, 20))
    cells = [column.to_pylist() for column in array.slice(0, 1 + n_sample).columns]
    cells = [[cell.strip() for cell in column] for column in cells]
    first = [column[0] for column in cells]
    below = [[None if cell in missing else cell for cell in column[1:]] for column in cells]
    hint = ""
    if header is not False and (row := _repeated(array, first, below)):
        place = f"{name}, line {_line(open_file, dialect, row)}"
        raise ValueError(f"{place}: repeats the first row, {listed(first)}; leave it out")
    if header is None:
        try:
            header = is_header(first, below, missing, expected)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        hint = ", or header=False (--header no) if it is none"
    names = column_names(name, first) if header else [str(1 + c) for c in range(width)]
    table = array.slice(1) if header else array
    if not table.num_rows:
        raise ValueError(f"{name}: no rows below the header; expected at least one{hint}")

    def line(row: int) -> int:
        return _line(open_file, dialect, row + header)

    columns = dict(zip(names, table.columns, strict=True))
    return RawTable(columns, table.num_rows, name, header, dialect.delimiter, line)


def _line(open_file: Callable[[], Any], dialect: _Dialect, row: int) -> int:
    """The line on which a row begins, the header counted as one."""
    with _text(open_file) as text:
        numbers = (number for number, _ in _rows(text, dialect))
        return next(islice(numbers, row, None), row + 1)


def _repeated(
    array: Any, first: Sequence[str], below: Sequence[Sequence[str | None]]
) -> int | None:
    """The first row below that repeats the first, if this is text above numbers; else None."""
    pc = import_extra("pyarrow.compute", "table", "a file of text")
    stands_out = False
    for cell, column in zip(first, below, strict=True):
        present = [other for other in column if other is not None]
        n_numbers = sum(map(is_number, present))
        stands_out = stands_out or (not is_number(cell) and 2 * n_numbers > len(present))
    if not stands_out:
        return None
    equal = pc.equal(array[0], array[0][0]).to_numpy()
    for row in np.flatnonzero(equal)[1:].tolist():
        if all(column[row] == column[0] for column in array.columns):
            return int(row)
    return None


def column_names(source: str, names: Sequence[str]) -> list[str]:
    """The names of the columns, made up where there is none; raise if one stands twice."""
    counts = Counter(name for name in names if name)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"{source}: got {listed(twice)} as the name of several columns")
    made = [name or f"column {1 + c}" for c, name in enumerate(names)]
    return [
        m if name or m not in counts else f"{m} (no name)"
        for m, name in zip(made, names, strict=True)
    ]


def _decoded(name: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(_not_utf8(name, f" (byte {content[error.start]:#04x})")) from None


def _not_utf8(name: str, byte: str = "") -> str:
    return f"{name}: not UTF-8 text{byte}; save it as UTF-8, such as 'CSV UTF-8' of a spreadsheet"


def _dialect(sample: str, is_cut: bool) -> tuple[_Dialect, list[list[str]]]:
    """The dialect, and the first rows in it."""

    def rows_in(dialect: _Dialect) -> list[list[str]]:
        numbered = islice(_rows(io.StringIO(sample, ""), dialect), _SAMPLE_ROWS)
        rows = [cells for _, cells in numbered]
        return rows[:-1] if is_cut and len(rows) > 1 else rows

    if separator := _SEPARATOR_LINE.match(sample):
        dialect = _sniffed(sample[separator.end() :], separator[1])._replace(n_skipped=1)
        return dialect, rows_in(dialect)
    usual = _sniffed(sample, _DELIMITERS)
    rows = rows_in(usual)
    is_usual = _are_table(rows)
    if is_usual and not any(map(_are_lists, zip(*rows[1:], strict=True))):
        return usual, rows
    # Blanks are the last to be tried: they occur in text, and no delimiter means one column.
    blank = _sniffed(sample, [" "])
    found = []
    for dialect in (blank, blank._replace(is_aligned=True)):
        cells = rows_in(dialect)
        divides = not is_usual or not any(usual.delimiter in cell for row in cells for cell in row)
        if divides and _are_table(cells) and _has_numbers(cells):
            found.append((dialect, cells))
    if len(found) == 2 and all(map(any, zip(*found[0][1], strict=True))):  # no column is empty
        return found[0]
    return found[-1] if found else (usual, rows)


def _sniffed(sample: str, delimiters: Sequence[str]) -> _Dialect:
    clevercsv = import_extra("clevercsv", "table", "a file of text")
    part = sample[:_SNIFFED_CHARACTERS]
    part = _LONG_WORD.sub(r"\1", part[: part.rfind("\n") + 1] or part)
    sniffed = clevercsv.Sniffer().sniff(part, delimiters=delimiters)
    only = delimiters[0] if len(delimiters) == 1 and delimiters[0] != " " else _NO_DELIMITER
    delimiter = (sniffed and sniffed.delimiter) or only
    # What it takes for other quotes, such as ~, is text.
    quote = "'" if sniffed and sniffed.quotechar == "'" == sample.lstrip()[0] else '"'
    escape = "\\" if sniffed and sniffed.escapechar == "\\" and f"\\{quote}" in sample else ""
    spaces = bool(delimiter != " " and re.search(f"{re.escape(delimiter)} +{quote}", sample))
    return _Dialect(delimiter, quote, escape, spaces)


def _are_table(rows: list[list[str]]) -> bool:
    return len({*map(len, rows)}) == 1 < len(rows[0])


def _has_numbers(rows: list[list[str]]) -> bool:
    """Whether a column is numbers, but for the first row."""
    return any(all(map(is_number, column)) for column in zip(*(rows[1:] or rows), strict=True))


def _are_lists(cells: Sequence[str]) -> bool:
    """Whether each of the cells is several numbers with blanks between them."""
    return all(len(cell.split()) > 1 and all(map(is_number, cell.split())) for cell in cells)


def _rows(text: Any, dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line on which it begins."""
    for _ in range(dialect.n_skipped):
        next(text)
    line = 1 + dialect.n_skipped
    if dialect.is_aligned:
        for number, content in enumerate(text, line):
            if tokens := _TOKEN.findall(content):
                yield number, [re.sub('^"|"$|"(")', r"\1", t) if t[0] == '"' else t for t in tokens]
        return
    reader = _reader(text, dialect, skipinitialspace=dialect.has_initial_spaces)
    for cells in reader:
        if len(cells) > 1 or (cells and (cells[0].strip() or not cells[0])):
            yield line, cells
        line = dialect.n_skipped + reader.line_num + 1


def _reader(text: Any, dialect: _Dialect, **options: Any) -> Any:
    csv.field_size_limit(_MAX_CELL)  # of this process; by default 131,072 characters
    return csv.reader(
        text,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape or None,
        **options,
    )


def _text(open_file: Callable[[], Any]) -> Any:
    return io.TextIOWrapper(open_file(), encoding="utf-8-sig", newline="")


def _rewritten(open_file: Callable[[], Any], dialect: _Dialect) -> bytes:
    """A file of text with commas and no blanks beside them."""
    written = io.StringIO()
    with _text(open_file) as text:
        csv.writer(written).writerows(cells for _, cells in _rows(text, dialect))
    return written.getvalue().encode()


def _read(open_file: Callable[[], Any], name: str, dialect: _Dialect, width: int) -> Any:
    """The table of all rows, the first too, as Arrow's of strings."""
    pa = import_extra("pyarrow", "table", "a file of text")
    arrow_csv = import_extra("pyarrow.csv", "table", "a file of text")
    names = [str(c) for c in range(width)]
    opened, plain = open_file, dialect
    if dialect.has_initial_spaces or dialect.is_aligned:
        content = _rewritten(open_file, dialect)
        opened, plain = (lambda: io.BytesIO(content)), _Dialect(",")
    ragged = False

    def skip(row: Any) -> str:
        nonlocal ragged
        ragged = ragged or row.actual_columns > 1 or bool(row.text.strip())
        return "skip"

    try:
        with opened() as file:
            table = arrow_csv.read_csv(
                file,
                arrow_csv.ReadOptions(
                    column_names=names, skip_rows=plain.n_skipped, block_size=2**24
                ),
                arrow_csv.ParseOptions(
                    delimiter=plain.delimiter,
                    quote_char=plain.quote,
                    escape_char=plain.escape or False,
                    newlines_in_values=True,
                    invalid_row_handler=skip,
                ),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
            )
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise ValueError(_not_utf8(name)) from None
        raise ValueError(f"{name}: {printable(str(error))}") from None
    if ragged:
        raise ValueError(_ragged(name, open_file, dialect, width))
    if "\n" in table[-1][-1].as_py() and (line := _open_quote(open_file, dialect)):
        raise ValueError(f"{name}, line {line}: the quote {dialect.quote} is never closed")
    if width == 1:  # a line of blanks; an empty cell is written as ""
        pc = import_extra("pyarrow.compute", "table", "a file of text")
        table = table.filter(pc.invert(pc.match_substring_regex(table[0], r"^\s+$")))
    return table


def _open_quote(open_file: Any, dialect: _Dialect) -> int | None:
    """The line of a row with a quote that is never closed."""
    with _text(open_file) as text:
        reader = _reader(text, dialect, strict=True)
        line = 1
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error as error:
            return line if "end of data" in str(error) else None
    return None


def _ragged(name: str, open_file: Any, dialect: _Dialect, width: int) -> str:
    wrong, hint = [], ""
    with _text(open_file) as text:
        for row, (line, cells) in enumerate(_rows(text, dialect)):
            if row == 0 and len(cells) == 1:
                hint = "; leave out what stands above the table"
            if len(cells) != width:
                wrong.append(f"line {line}: {len(cells)}")
                if len(wrong) > _MAX_LISTED:
                    break
    lines = "; ".join(wrong[:_MAX_LISTED]) + ("; ..." if len(wrong) > _MAX_LISTED else "")
    known = dialect.delimiter != _NO_DELIMITER
    delimiter = f", separated by {dialect.delimiter!r}" if known else ""
    return f"{name}, {lines} columns; expected {width} in every row{delimiter}{hint}"
