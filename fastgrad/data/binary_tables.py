"""Tables in binary files, Parquet, Arrow and Excel, as Arrow's tables: whose size is checked."""

import io
import logging
import re
import warnings
from collections.abc import Iterable
from typing import Any

from ..extras import import_extra
from .archives import ZIP_ERRORS
from .cells import listed, printable
from .expansion import check_expansion
from .workbook_size import check_workbook

__all__ = ["BINARY_KINDS", "read_binary"]

_CELL_BYTES = 8  # of the arrays that a cell is in later, also one that takes nothing in the file


def read_binary(kind: str, content: bytes, name: str, n_bytes: int) -> Any:
    """Read a table.

    Parameters
    ----------
    kind : str
        One of `BINARY_KINDS`.
    content : bytes
        The file, decompressed.
    name : str
        For error messages.
    n_bytes : int
        The size of the file, for which the table must not be too large.

    Raises
    ------
    ValueError
        The file is damaged, of another kind, or expands to too much.
    """
    pa = import_extra("pyarrow", "table", "a table")
    try:
        table = BINARY_KINDS[kind](content, name, n_bytes)
        _ = table.column_names  # or an error, if they are no text
    except (pa.ArrowException, ValueError, OSError, *ZIP_ERRORS) as error:
        if str(error).startswith(name):
            raise
        reason = printable(str(error))
        raise ValueError(f"{name}: damaged, or not a {kind} file ({reason})") from None
    return table


def _parquet(content: bytes, name: str, n_bytes: int) -> Any:
    parquet = import_extra("pyarrow.parquet", "table", "a .parquet file")
    file = parquet.ParquetFile(io.BytesIO(content))
    n_cells = file.metadata.num_rows * len(file.schema_arrow)
    check_expansion(name, n_bytes, n_cells * _CELL_BYTES)
    return _joined(file.iter_batches(), file.schema_arrow, name, n_bytes)


def _feather(content: bytes, name: str, n_bytes: int) -> Any:
    pa = import_extra("pyarrow", "table", "an .arrow file")
    if not content.startswith(b"ARROW1"):
        reader = pa.ipc.open_stream(content)
        return _joined(reader, reader.schema, name, n_bytes)
    reader = pa.ipc.open_file(content)
    batches = map(reader.get_batch, range(reader.num_record_batches))
    return _joined(batches, reader.schema, name, n_bytes)


def _joined(batches: Iterable[Any], schema: Any, name: str, n_bytes: int) -> Any:
    """The table of batches, of which the next is read if those so far are not too large."""
    pa = import_extra("pyarrow", "table", "a table")
    kept, expanded = [], 0
    for batch in batches:
        batch.validate(full=True)  # Arrow reads beyond its memory otherwise, where a file says so
        expanded += batch.nbytes + batch.num_rows * batch.num_columns * _CELL_BYTES
        check_expansion(name, n_bytes, expanded)
        kept.append(batch)
    return pa.Table.from_batches(kept, schema)


def _excel(content: bytes, name: str, n_bytes: int) -> Any:
    fastexcel = import_extra("fastexcel", "excel", "an .xlsx file")
    import_extra("pyarrow", "table", "an .xlsx file")
    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it warns of each empty column
    try:
        check_workbook(content, name, n_bytes)
        book = fastexcel.read_excel(content)
        if others := book.sheet_names[1:]:
            first, left = book.sheet_names[0], listed(others)
            warnings.warn(f"{name}: the sheet {first!r} is read, not {left}", stacklevel=2)
        sheet = book.load_sheet(0, schema_sample_rows=None)  # types from all rows
    except fastexcel.FastExcelError as error:
        raise ValueError(str(error).split("\n", 1)[0]) from None
    table = sheet.to_arrow()
    return table.rename_columns([re.sub(r"^__UNNAMED__\d+$", "", n) for n in table.column_names])


#: Readers of (content, name, size of the file) by the ending of a file's name.
BINARY_KINDS = {".parquet": _parquet, ".arrow": _feather, ".feather": _feather, ".xlsx": _excel}
