"""Files of samples as arrays: .csv, .npz, .npy and idx; errors give the place in the file."""

import csv
import gzip
import math
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .cells import is_formatted_number, is_missing, is_number, not_a_number, printable

__all__ = [
    "CsvColumns",
    "CsvLayout",
    "csv_layout",
    "read_csv",
    "read_idx",
    "read_npy",
    "read_npz",
]

_DELIMITERS = ",;\t"
_SNIFFED_ROWS = 100


# --- csv -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CsvLayout:
    """Delimiter, header and columns of a csv file.

    Attributes
    ----------
    path : Path
    delimiter : str
        Comma, semicolon or tab.
    names : list of str
        One per column, "" where the header has none; "1", "2", ... if the file has no header.
    has_header : bool
    """

    path: Path
    delimiter: str
    names: list[str]
    has_header: bool

    def place(self, line: int, column: int) -> str:
        """The place of a cell, for error messages: file, line and column, both counted from 1."""
        named = self.has_header and self.names[column]
        name = f" ('{printable(self.names[column])}')" if named else ""
        return f"{self.path}, line {line}, column {column + 1}{name}"


@dataclass(frozen=True)
class CsvColumns:
    """The values of some columns of a csv file.

    Attributes
    ----------
    layout : CsvLayout
    lines : sequence of int
        The line of the file on which each row begins.
    numbers : dict of int to (rows,) float64
        The columns of numbers, by their position in the file.
    text : dict of int to list of str
        The columns of text, and the target, of numbers too.
    """

    layout: CsvLayout
    lines: Sequence[int]
    numbers: dict[int, NDArray[np.float64]]
    text: dict[int, list[str]]

    def place(self, row: int, column: int) -> str:
        """The place of a cell, for error messages."""
        return self.layout.place(self.lines[row], column)


def csv_layout(path: Path) -> CsvLayout:
    """Find the delimiter and the header of a csv file from its first rows.

    The delimiter is the one of comma, semicolon and tab that splits the first line into most
    columns. The first row is a header if a text in it is above numbers only, or if none of its
    cells is a number or occurs again in its column.

    Raises
    ------
    ValueError
        If the file is empty, or two columns have the same name.
    """
    with _open_text(path) as file, _decoding(path):
        line = next((line for line in file if line.strip()), "")
        widths = {d: len(next(csv.reader([line], delimiter=d), [])) for d in _DELIMITERS}
    delimiter = max(widths, key=widths.__getitem__)
    rows = [cells for _, cells in islice(_rows(path, delimiter), _SNIFFED_ROWS)]
    if not rows:
        raise ValueError(f"{path}: the file is empty; expected rows of numbers")
    if not _first_is_header(rows):
        names = [str(1 + c) for c in range(len(rows[0]))]
        return CsvLayout(path, delimiter, names, has_header=False)
    layout = CsvLayout(path, delimiter, rows[0], has_header=True)
    for c, name in enumerate(layout.names):
        if name and name in layout.names[:c]:
            first = layout.names.index(name)
            raise ValueError(f"{layout.place(1, c)}: column {first + 1} has the same name")
    return layout


def read_csv(layout: CsvLayout, features: Sequence[int], target: int | None) -> CsvColumns:
    """Read some columns of a csv file.

    Parameters
    ----------
    layout : CsvLayout
    features : sequence of int
        Positions of columns of numbers only or of text only: the first row decides which.
    target : int or None
        Position of a column that is read as text.

    Raises
    ------
    ValueError
        At the first cell that is missing, not finite, or of the other kind; at the first row of
        another width; if there are no rows.
    """
    rows = _rows(layout.path, layout.delimiter)
    if layout.has_header:
        next(rows)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{layout.path}: no rows below the header; expected at least one")
    texts = [c for c in features if _is_text(first[1][c])]
    numeric = [c for c in features if c not in texts]
    lines, values = array("q"), array("d")
    text: dict[int, list[str]] = {c: [] for c in texts}
    if target is not None:
        text[target] = []
    for line, cells in chain([first], rows):
        try:
            values.extend([float(cells[c]) for c in numeric])
        except ValueError:
            bad = next(c for c in numeric if not is_number(cells[c]))
            raise ValueError(f"{layout.place(line, bad)}: {not_a_number(cells[bad])}") from None
        for c, column in text.items():
            if not cells[c]:
                raise ValueError(f"{layout.place(line, c)}: {not_a_number('')}")
            if c != target and is_number(cells[c]):
                if is_formatted_number(first[1][c]):
                    raise ValueError(f"{layout.place(first[0], c)}: {not_a_number(first[1][c])}")
                text_above = f"line {first[0]} ('{printable(first[1][c])}')"
                raise ValueError(
                    f"{layout.place(line, c)}: got '{cells[c]}'; expected text as in {text_above}: "
                    "a column holds numbers or text, not both"
                )
            column.append(cells[c])
        lines.append(line)
    table = np.frombuffer(values, dtype=np.float64).reshape(len(lines), len(numeric))
    if not np.isfinite(table).all():
        row, c = (int(k) for k in np.argwhere(~np.isfinite(table))[0])
        raise ValueError(f"{layout.place(lines[row], numeric[c])}: {_not_finite(table[row, c])}")
    return CsvColumns(layout, lines, {c: table[:, k] for k, c in enumerate(numeric)}, text)


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line on which it begins; all of one width."""
    with _open_text(path) as file, _decoding(path):
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
        width, first, line = 0, 0, 1
        try:
            for cells in reader:
                if cells:
                    width, first = (width, first) if width else (len(cells), line)
                    if len(cells) != width:
                        raise ValueError(
                            f"{path}, line {line}: {len(cells)} columns; "
                            f"expected {width} as in line {first}"
                        )
                    yield line, [cell.strip() for cell in cells]
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{path}, line {line}: not a row of a csv file ({error})") from None


def _first_is_header(rows: list[list[str]]) -> bool:
    first, below = rows[0], rows[1:]
    texts = [c for c, cell in enumerate(first) if _is_text(cell)]
    if not texts:
        # pandas writes 0, 1, 2, ... for columns without names
        return len(first) > 1 and first == [str(c) for c in range(len(first))]
    if any(below and all(is_number(row[c]) for row in below) for c in texts):
        return True
    named = [c for c, cell in enumerate(first) if cell]
    return len(texts) == len(named) and not any(row[c] == first[c] for row in below for c in texts)


def _is_text(cell: str) -> bool:
    return not is_missing(cell) and not is_number(cell)


def _not_finite(value: Any) -> str:
    return not_a_number("nan") if math.isnan(value) else f"got {value}; expected a finite number"


def _open_text(path: Path) -> IO[str]:
    # utf-8-sig: spreadsheet programs begin the file with a byte-order mark
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


# --- npy, npz ------------------------------------------------------------------------------------


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of a .npy file; an array of Python objects is an error."""
    with _decoding(path), path.open("rb") as file:
        return _array(file)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a .npz file by name; an array of Python objects is an error."""
    arrays = {}
    with _decoding(path), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                arrays[name.removesuffix(".npy")] = _array(file)
    return arrays


def _array(file: IO[bytes]) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


# --- idx -----------------------------------------------------------------------------------------

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[Any]:
    """Read an idx file, the format of MNIST, plain or with gzip.

    Four bytes (0, 0, type, number of dimensions), the dimensions as big-endian 32-bit integers,
    then the values, big-endian, row by row.
    """
    with _decoding(path):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        head = content[:4].hex(" ") or "nothing"
        raise ValueError(f"{path}: not an idx file (begins with {head})")
    dtype, start = np.dtype(_IDX_TYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path}: cut short within the header; expected {start} bytes of it")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        state = "cut short" if len(content) < expected else "too long"
        sizes = " x ".join(map(str, shape))
        raise ValueError(
            f"{path}: {state}: {len(content)} bytes; expected {expected} from the header ({sizes})"
        )
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


# --- errors of decoders --------------------------------------------------------------------------


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Turn the errors of decoders into one line that names the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 text (byte {error.object[error.start]:#04x}); save it as UTF-8"
    except csv.Error as error:
        reason = f"not a csv file ({error})"
    except gzip.BadGzipFile:
        reason = "not a gzip file"
    except (EOFError, zlib.error, zipfile.BadZipFile):
        reason = "empty, cut short or damaged"
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        if str(error).startswith("Object arrays"):
            reason = "holds an array of Python objects; expected numbers or text"
        else:
            reason = f"damaged, or not a {path.suffix} file"
    else:
        return
    raise ValueError(f"{path}: {reason}")
