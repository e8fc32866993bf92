"""Small data files, and the command line run on them."""

import csv
import struct
from pathlib import Path

import numpy as np

from fastgrad.cli.main import main

#: Options of a short training.
QUICK = [
    "--epochs", "30", "--layers", "8", "--batch-size", "8", "--learning-rate", "0.02",
    "--ensemble", "1",
]  # fmt: skip

FLOWERS = """\
length,colour,width,species
5.1,red,1.5,setosa
6.2,blue,2.5,virginica
4.9,red,1.25,setosa
5.8,green,3,versicolor
"""


def idx(array):
    """The bytes of an idx file."""
    codes = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    array = np.asarray(array)
    code = codes[array.dtype.str[1:]]
    head = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_rows(name, header, rows):
    with open(name, "w", newline="") as file:  # noqa: PTH123
        writer = csv.writer(file)
        if header:
            writer.writerow(header)
        writer.writerows(rows)


def write_flowers():
    """flowers.csv: three classes that two features separate; returns its rows."""
    rng = np.random.default_rng(0)
    kinds = {"setosa": (100, 0.1), "versicolor": (140, 0.1), "virginica": (120, 0.5)}
    rows = [
        [f"{rng.normal(length, 3):.4f}", f"{rng.normal(width, 0.03):.4f}", kind]
        for kind, (length, width) in kinds.items()
        for _ in range(20)
    ]
    write_rows("flowers.csv", ["length", "width", "species"], rows)
    return rows


def command(capsys, *arguments, code=0):
    """Run a command that ends with this code; its output, or its one line of error."""
    assert main([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    if code == 0:
        assert captured.err == ""
        return captured.out
    assert captured.err.count("\n") == 1
    return captured.err.removesuffix("\n")


def files_here():
    return sorted(path.name for path in Path().iterdir())
