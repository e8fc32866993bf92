"""What is compressed is read up to a limit, which is a multiple of the file."""

import bz2
import gzip
import io
import zipfile

import numpy as np
import pytest
from helpers.error_messages import error_of

from fastgrad.data import expansion
from fastgrad.data.dataset import read
from fastgrad.data.table import read_table

ROWS = b"a,y\n" + b"1,2\n" * 100_000


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", content)
    return file.getvalue()


def zstd(content):
    pa = pytest.importorskip("pyarrow")
    return pa.compress(content, "zstd", asbytes=True)


FILES = {
    "t.csv.gz": gzip.compress(ROWS),
    "t.csv.bz2": bz2.compress(ROWS),
    "t.zip": zipped(ROWS),
    "wide.csv.gz": gzip.compress(ROWS.decode().encode("utf-16")),
    "line.csv.gz": gzip.compress(b"1," * 200_000),
    "t.json.gz": gzip.compress(b"[" + b'{"a": 1},' * 50_000 + b"{}]"),
    "t.parquet.gz": gzip.compress(b"PAR1" + bytes(400_000)),
}


@pytest.mark.parametrize("name", FILES)
def test_text_that_expands_too_much_is_refused(name, file, monkeypatch):
    monkeypatch.setattr(expansion, "_SMALL_TEXT", 2**18)
    file(name, FILES[name])
    message = error_of(read_table, name)
    assert message == (
        f"{name}: expands to 0 MiB or more; expected at most 0 MiB, or 100 times the file"
        " (decompress it first, if you trust it)"
    )


def test_text_that_expands_less_is_read(file, monkeypatch):
    for name, content in {"t.csv.gz": FILES["t.csv.gz"], "t.csv.zst": zstd(ROWS)}.items():
        file(name, content)
        assert read_table(name).n_rows == 100_000
    monkeypatch.setattr(expansion, "_SMALL_TEXT", 0)
    file("t.csv.gz", gzip.compress(ROWS, 0))  # as large as the text
    assert read_table("t.csv.gz").n_rows == 100_000


def test_zeros_are_read_however_well_they_compress(file):
    X = np.zeros((5000, 1000), np.float32)
    X[::7, ::13] = 1
    np.savez_compressed("t.npz", X=X, y=np.arange(5000) % 2)
    assert np.array_equal(read("t.npz").X, X)


def test_few_cells_of_many_may_hold_a_value(file, monkeypatch):
    monkeypatch.setattr(expansion, "_SMALL_CELLS", 100)
    lines = [f'{{"a{k % 50}": 1, "y": {k % 2}}}' for k in range(200)]
    file("t.jsonl", "\n".join(lines))
    assert len(read_table("t.jsonl").columns) == 51  # of 10,200 cells 400
    file("t.jsonl", "\n".join(f'{{"a{k}": 1}}' for k in range(200)))
    assert error_of(read_table, "t.jsonl") == (
        "t.jsonl: a table of 40,000 cells, of which 200 hold a value; expected at most 100 times"
        " as many as these"
    )
