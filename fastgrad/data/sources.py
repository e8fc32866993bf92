"""Where a table comes from: files of every kind, DataFrames, mappings; each as Arrow's columns."""

import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import Any

from ..extras import import_extra
from ..frames import is_series
from ..validation import shown
from .archives import ZIP_ERRORS, open_member
from .binary_tables import BINARY_KINDS, read_binary
from .cells import printable
from .delimited import RawTable, TextOptions, column_names, read_delimited
from .expansion import LimitedReader, check_cells

__all__ = ["is_record", "read_source"]

_EXPECTED = "expected a path, an open file, a DataFrame, a mapping or a list of mappings"
_BUFFER = 2**20
_COMPRESSED = {".gz", ".bz2", ".zst"}
_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_BY_FIRST_BYTES = {
    b"PAR1": ".parquet", b"ARROW1": ".arrow", b"PK\3\4": ".xlsx", b"\xd0\xcf\x11\xe0": ".xls",
}  # fmt: skip
_INDEX = re.compile(r"__index_level_\d+__")  # the row numbers of pandas, in its files


def read_source(source: Any, options: TextOptions) -> RawTable:
    """Read a table of any kind; for its parameters see `read_table`."""
    if isinstance(source, str | PathLike):
        path = fspath(source)
        if path == "-":
            source = sys.stdin.buffer
        else:
            return _read_path(Path(path), options)
    if callable(getattr(source, "read", None)):  # of a DataFrame it may be a column
        content = source.read()
        content = content.encode() if isinstance(content, str) else content
        name = str(getattr(source, "name", type(source).__name__)).strip("<>")
        return _read_file("", lambda: io.BytesIO(content), name, options)
    if is_series(source):
        source = dict(zip(source.index, source.tolist(), strict=True))
    if isinstance(source, Mapping):
        return _from_mapping(source)
    if isinstance(source, list | tuple):
        return _from_records(type(source).__name__, source)
    return _from_frame(source)


# --- files ---------------------------------------------------------------------------------------


def _read_path(path: Path, options: TextOptions) -> RawTable:
    suffix, name = path.suffix.lower(), str(path)
    if suffix == ".zip":
        kind, content = _unzipped(path)
        return _read_file(kind, lambda: io.BytesIO(content), name, options)
    kind = Path(path.stem).suffix.lower() if suffix in _COMPRESSED else suffix
    if path.is_fifo() or path.is_char_device():  # /dev/stdin, which can be read once
        content = path.read_bytes()
        return _read_file(kind, lambda: io.BytesIO(content), name, options)
    return _read_file(kind, lambda: path.open("rb"), name, options)


def _unzipped(path: Path) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.namelist() if m[-1] != "/" and "__MACOSX" not in m]
            if len(members) != 1:
                raise ValueError(f"{path}: {len(members)} files in the archive; expected one")
            member = archive.getinfo(members[0])
            with open_member(archive, member) as file:
                content = LimitedReader(file, str(path), path.stat().st_size)
                return PurePath(members[0]).suffix.lower(), content.read()
    except ZIP_ERRORS as error:
        reason = printable(str(error))
        raise ValueError(f"{path}: damaged, or an archive with a password ({reason})") from None


def _read_file(
    kind: str, open_file: Callable[[], Any], name: str, options: TextOptions
) -> RawTable:
    """Read a file, compressed or not."""
    pa = import_extra("pyarrow", "table", "a table")
    with open_file() as file:
        compression = _first(_COMPRESSIONS, file.read(10))
        n_bytes = file.seek(0, io.SEEK_END)

    def opened() -> Any:
        file = open_file()
        if not compression:
            return file
        stream = pa.input_stream(file, compression=compression)
        return io.BufferedReader(LimitedReader(stream, name, n_bytes), _BUFFER)

    try:
        return _read_opened(kind, opened, name, n_bytes, options)
    except OSError as error:
        raise ValueError(f"{name}: cut short or damaged ({printable(str(error))})") from None


def _read_opened(
    kind: str, opened: Callable[[], Any], name: str, n_bytes: int, options: TextOptions
) -> RawTable:
    """Read a file of the kind that its first bytes tell, or else its name."""
    with opened() as file:
        head = file.read(1000)
    text_kind = kind or {b"[": ".json", b"{": ".jsonl"}.get(head.lstrip()[:1], ".csv")
    kind = _first(_BY_FIRST_BYTES, head) or text_kind
    if head.startswith(b"\xfd7zXZ"):
        raise ValueError(f"{name}: compressed by xz; expected .gz, .bz2, .zst or .zip")
    if kind == ".xls":
        raise ValueError(f"{name}: a spreadsheet of the old kind, .xls; save it as .xlsx or CSV")
    if kind in BINARY_KINDS:
        with opened() as file:
            content = file.read()
        return _from_arrow(name, read_binary(kind, content, name, n_bytes))
    if kind in (".json", ".jsonl", ".ndjson"):
        with opened() as file:
            return _from_json(name, file.read())
    return read_delimited(opened, name, options)


def _first(kinds: Mapping[bytes, str], head: bytes) -> str | None:
    return next((kind for first, kind in kinds.items() if head.startswith(first)), None)


def _from_json(name: str, content: bytes) -> RawTable:
    try:
        text = content.decode("utf-8-sig")
        try:
            records = json.loads(text, object_pairs_hook=_object)
        except json.JSONDecodeError:  # one object on each line
            lines = ",".join(line for line in text.split("\n") if line.strip())
            records = json.loads(f"[{lines}]", object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not JSON of a table ({printable(str(error))})") from None
    if isinstance(records, Mapping):
        is_columns = all(isinstance(values, list) for values in records.values())
        return _from_mapping(records, name) if is_columns else _from_records(name, [records])
    if not isinstance(records, list) or not all(isinstance(row, Mapping) for row in records):
        raise ValueError(f"{name}: expected an object, or a list of objects, one per row")
    return _from_records(name, records)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"an object with a name twice: {[name for name, _ in pairs]}")
    return found


# --- objects -------------------------------------------------------------------------------------


def is_record(source: Mapping[Any, Any]) -> bool:
    """Whether a mapping holds the values of one row, rather than columns."""
    return not all(
        hasattr(v, "__len__") and getattr(v, "ndim", 1) and not isinstance(v, str | bytes | Mapping)
        for v in source.values()
    )


def _from_mapping(source: Mapping[Any, Any], name: str | None = None) -> RawTable:
    """A mapping of names to columns, or to the values of one row."""
    name = name or type(source).__name__
    if is_record(source):
        return _from_records(name, [source])
    names = column_names(name, [*map(str, source)])
    columns = dict(zip(names, source.values(), strict=True))
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        found = ", ".join(f"{n}: {len(column)}" for n, column in columns.items())
        raise ValueError(f"{name}: got columns of different lengths ({printable(found)})")
    return _table(name, columns)


def _from_records(name: str, records: Sequence[Any]) -> RawTable:
    """A list of mappings; what one of them does not have is missing."""
    for row, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise TypeError(f"{name}, row {row}: got {shown(record)}; {_EXPECTED}")
    keys = dict.fromkeys(key for record in records for key in record)
    check_cells(name, sum(map(len, records)), len(records) * len(keys))
    names = column_names(name, [*map(str, keys)])
    columns = {
        n: [record.get(key) for record in records] for n, key in zip(names, keys, strict=True)
    }
    return _table(name, columns)


def _from_frame(source: Any) -> RawTable:
    """A DataFrame of any library."""
    nw = import_extra("narwhals", "table", "a DataFrame")
    name = type(source).__name__
    try:
        frame = nw.from_native(source)
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}") from None
    except TypeError:
        hint = ""
        if hasattr(source, "dtype"):
            dense = "X.toarray()" if hasattr(source, "toarray") else "X"
            hint = f"; pd.DataFrame({dense}) gives its columns names"
        raise TypeError(f"table: got {shown(source)}; {_EXPECTED}{hint}") from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect("pyarrow")
    native = frame.to_native()
    if frame.implementation.is_pandas_like():  # the types of objects are not known before
        names = column_names(name, [*map(str, native.columns)])
        columns = {n: native.iloc[:, c] for c, n in enumerate(names)}
        return _table(name, columns)
    pa = import_extra("pyarrow", "table", "a DataFrame")
    try:
        return _from_arrow(name, frame.to_arrow())
    except pa.ArrowException as error:  # a type that Arrow has not
        raise ValueError(f"{name}: {printable(str(error))}") from None


def _from_arrow(name: str, table: Any) -> RawTable:
    table = table.select(
        [c for c, name in enumerate(table.column_names) if not _INDEX.fullmatch(name)]
    )
    names = column_names(name, table.column_names)
    return _table(name, dict(zip(names, table.columns, strict=True)))


def _table(name: str, columns: dict[str, Any]) -> RawTable:
    n_rows = len(next(iter(columns.values()), ()))
    if not columns or not n_rows:
        raise ValueError(f"{name}: got {len(columns)} columns and {n_rows} rows; expected a table")
    return RawTable(columns, n_rows, name)
