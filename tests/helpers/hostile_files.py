"""Files made to harm their reader: each took seconds, gigabytes or the process, or ran code."""

import gzip
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
from helpers.model_files import header_and_rest, with_header
from helpers.workbooks import write_book

import fastgrad as fg

MANY = 2**28  # zeros, which compress to a thousandth
TABLE = b"length,colour,y\n5,x,p\n6,y,q\n"


# --- models --------------------------------------------------------------------------------------


def model(**changes):
    """A network's file with other entries in its spec."""
    path = Path("seed.safetensors")
    fg.Network([3, 4, 1], seed=0).save(path)
    header, rest = header_and_rest(path.read_bytes())
    spec = json.loads(header["__metadata__"]["network"]) | changes
    header["__metadata__"]["network"] = json.dumps(spec)
    return with_header(header, rest)


def layers(n):
    training = {"inputs": {}, "targets": {}, "layers": [{}] * n}
    return {"sizes": [1] * (n + 1), "activations": ["relu"] * n, "training": training}


def deep_model():
    header, rest = header_and_rest(model())
    header["__metadata__"]["network"] = "[" * 100_000
    return with_header(header, rest)


def many_members():
    """As many networks of as many layers as there are tensors."""
    header, _ = header_and_rest(model(**layers(3000), metadata={"members": 3000}))
    tensors = {f"t{k}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for k in range(3000)}
    return with_header({"__metadata__": header["__metadata__"], **tensors}, b"")


def different_members():
    """Networks whose descriptions are of more numbers than there is memory for."""
    header, _ = header_and_rest(model())
    large = json.loads(header["__metadata__"]["network"]) | {"sizes": [2**29, 2**29, 1]}
    return model(metadata={"members": 3, "networks": [large] * 3})


MODELS = {
    "sizes": lambda: model(sizes=[20_000, 20_000, 1]),
    "outputs": lambda: model(sizes=[20_000, 20_000, 3]),
    "largest sizes": lambda: model(sizes=[2**29, 2**29, 1]),
    "layers": lambda: model(**layers(20_000)),
    "members": many_members,
    "descriptions": different_members,
    "weights": lambda: model(metadata={"members": 1, "weights": [10**4000]}),
    "deep": deep_model,
    "signs": lambda: model(activations=["leaky_relu(slope=" + "-" * 3000 + "1)", "identity"]),
    "digits": lambda: model(activations=["leaky_relu(slope=" + "1" * 50_000 + "x)", "identity"]),
    "a name": lambda: model(activations=["a" * 10**6, "identity"]),
    "private": lambda: model(training={"inputs": {"_W": 1}, "layers": [{}, {}]}),
}


# --- arrays --------------------------------------------------------------------------------------


def npy(array, shape=None):
    """The bytes of a .npy file, perhaps with another shape in its header."""
    file, array = io.BytesIO(), np.asarray(array)
    np.lib.format.write_array_header_1_0(
        file,
        {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape},
    )
    return file.getvalue() + array.tobytes()


def npz(compression=zipfile.ZIP_DEFLATED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def long_header(length):
    return b"\x93NUMPY\2\0" + struct.pack("<I", length) + b" " * length


def idx_gz(shape):
    """An idx file of zeros, a megabyte of which is repeated."""
    head = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
    return gzip.compress(head) + gzip.compress(bytes(2**20)) * (int(np.prod(shape)) >> 20)


X = npy(np.arange(60.0).reshape(20, 3))
Y = npy(np.arange(20) % 2)
ARRAYS = {
    "huge.npy": lambda: npy(np.zeros(3), (2**60, 3)),
    "negative.npy": lambda: npy(np.zeros(3), (-1, -3)),
    "long.npy": lambda: long_header(2**24),
    "huge.npz": lambda: npz(X=npy(np.zeros(MANY // 8), (2**36, 3)), y=Y),
    "long.npz": lambda: npz(X=long_header(2**27), y=Y),
    "bzip2.npz": lambda: npz(zipfile.ZIP_BZIP2, X=npy(np.zeros((20, 2**18))), y=Y),
    "lzma.npz": lambda: npz(zipfile.ZIP_LZMA, X=X, y=Y),
    "images-idx3-ubyte.gz": lambda: idx_gz((2**11, 2**10, 2**10)),
    "X-idx255.gz": lambda: gzip.compress(b"\0\0\x08\xff" + b"\xff" * 1020),
}


# --- tables --------------------------------------------------------------------------------------


def archive_of_text(compression):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("t.csv", TABLE)
    return file.getvalue()


def workbook(sheet, strings="", begin="", attributes=""):
    file = io.BytesIO()
    main = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" {attributes}'
    sheet = f"{begin}<worksheet {main}><sheetData>{sheet}</sheetData></worksheet>"
    write_book(file, sheet=sheet, parts={"xl/sharedStrings.xml": f"<sst>{strings}</sst>"})
    return file.getvalue()


CELL = '<row r="1"><c r="A1"><v>1</v></c></row>'


def far_cells():
    cell = '<row r="{0}"><c r="{1}{0}"><v>1</v></c></row>'
    return workbook(cell.format(1, "A") + cell.format(2**20, "XFD"))


def repeated_text():
    cells = "".join(f'<row><c t="s"><v>{k % 2}</v></c></row>' for k in range(30_000))
    return workbook(cells, f"<si><t>{'x' * 10**5}</t></si>" * 2)


def arrow(table, **options):
    import pyarrow as pa  # noqa: PLC0415 - an extra

    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return file.getvalue()


def wrong_offsets():
    import pyarrow as pa  # noqa: PLC0415

    right, wrong = (
        np.array(n, np.int32).tobytes() for n in ([0, 1, 2, 3], [0, 1, 10**6, 2**31 - 1])
    )
    return arrow(pa.table({"a": ["x", "y", "z"], "y": [1, 2, 3]})).replace(right, wrong)


def nothing_often():
    import pyarrow as pa  # noqa: PLC0415

    return arrow(pa.table({"a": pa.nulls(10**9), "y": pa.nulls(10**9)}))


def zeros_in_parquet():
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import write_table  # noqa: PLC0415

    file, n = io.BytesIO(), 2**21
    few = pa.table({"a": pa.array(np.zeros(n, np.int8)), "y": pa.array(np.zeros(n, np.int8))})
    write_table(pa.concat_tables([few] * 40), file, compression="zstd")
    return file.getvalue()


TABLES = {
    "digits.csv": lambda: b"a,y\n" + b"1" * 50_000 + b"x,2\n3,4\n",
    "word.csv": lambda: b"a." * 5000,
    "word2.csv": lambda: b"a.1" * 30_000 + b"\n",
    "quotes.csv": lambda: b'"' * 100_001,
    "cut.csv": lambda: b'a,y\n"' + b"1,\n" * 30_000,
    "commas.csv": lambda: b"," * 300_000 + b"\n" + b"," * 300_000 + b"\n",
    "blanks.csv": lambda: b"a y\n" + b" " * 100_000 + b"\n",
    "lines.csv": lambda: b"\n" * 10**6,
    "bzip2.zip": lambda: archive_of_text(zipfile.ZIP_BZIP2),
    "square.jsonl": lambda: b"\n".join(b'{"k%d": 1}' % k for k in range(20_000)),
    "deep.json": lambda: b"[" * 100_000,
    "surrogate.json": lambda: b'[{"a": "\\ud800", "y": 1}, {"a": "b", "y": 0}]',
    "far.xlsx": far_cells,
    "texts.xlsx": repeated_text,
    "entities.xlsx": lambda: workbook(CELL, begin='<!DOCTYPE a [<!ENTITY b "c">]>'),
    "twice.xlsx": lambda: workbook(CELL, attributes="a='' a=''"),
    "cell.xlsx": lambda: workbook(CELL.replace("A1", "ABCD1")),
    "offsets.arrow": wrong_offsets,
    "nothing.arrow": nothing_often,
    "zeros.parquet": zeros_in_parquet,
}


# --- files with code -----------------------------------------------------------------------------


class Payload:
    """An object whose pickle makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return Path.mkdir, (Path(self.folder),)


def pickles(marker):
    """Files of every kind that hold a pickle, by their names."""
    import pyarrow as pa  # noqa: PLC0415

    objects = np.array([Payload(marker)] * 20, dtype=object)
    code = pickle.dumps(Payload(marker))
    as_npy, as_npz = io.BytesIO(), io.BytesIO()
    np.save(as_npy, objects.reshape(-1, 1), allow_pickle=True)
    np.savez(as_npz, X=np.ones((20, 2)), y=objects, allow_pickle=True)
    extension = {
        "ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": code,
    }  # fmt: skip
    field = pa.field("a", pa.int64(), metadata=extension)
    rows = pa.table({"a": [1, 2, 3], "y": [0, 1, 0]})
    typed = rows.cast(pa.schema([field, rows.schema.field("y")]))
    names = (
        "m.safetensors", "t.csv", "t.json", "t.jsonl", "t.parquet", "t.xlsx", "t.arrow", "t.zip",
        "t.csv.gz", "t.idx", "X.npy", "t.npz",
    )  # fmt: skip
    return {
        **{f"plain.{name}": code for name in names},
        "objects.npy": as_npy.getvalue(),
        "objects.npz": as_npz.getvalue(),
        "typed.arrow": arrow(typed),
        "zipped.npz": npz(X=code, y=code),
    }
