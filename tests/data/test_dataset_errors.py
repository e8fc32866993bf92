"""Errors of bad data files: one line with the file and the place in it."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import FLOWERS, idx
from helpers.error_messages import error_of

from fastgrad.data.dataset import read, split

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 1, 0])
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 3], np.uint8)


# --- faults of csv files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.csv: the file is empty; expected rows of numbers"),
        ("\n\n", "t.csv: the file is empty; expected rows of numbers"),
        ("a,b\n", "t.csv: no rows below the header; expected at least one"),
        (
            "a|b\n1|2\n",
            "t.csv: no column beside the target; expected at least one feature "
            "(separated by comma, semicolon or tab)",
        ),
        (
            "a,b,c\n1,2,3\n1,,3\n",
            "t.csv, line 3, column 2 ('b'): missing value; "
            "fill it in or leave the row or the column out",
        ),
        (
            "1,2,3\nNA,2,3\n",
            "t.csv, line 2, column 1: missing value ('NA'); "
            "fill it in or leave the row or the column out",
        ),
        (
            "NA,2,3\n1,2,3\n",
            "t.csv, line 1, column 1: missing value ('NA'); "
            "fill it in or leave the row or the column out",
        ),
        (
            "a,b\n1,2\nnan,2\n",
            "t.csv, line 3, column 1 ('a'): missing value ('nan'); "
            "fill it in or leave the row or the column out",
        ),
        ("a,b\n1,2\n-inf,2\n", "t.csv, line 3, column 1 ('a'): got -inf; expected a finite number"),
        ("a,b\n1,2\n1,inf\n", "t.csv, line 3, column 2 ('b'): got 'inf'; expected a finite number"),
        (
            "a,b\n1,2\n1,\n",
            "t.csv, line 3, column 2 ('b'): missing value; "
            "fill it in or leave the row or the column out",
        ),
        ("a,b\n1,2\nx,2\n", "t.csv, line 3, column 1 ('a'): got 'x'; expected a number"),
        (
            "a,b\nx,2\n7,2\n",
            "t.csv, line 3, column 1 ('a'): got '7'; expected text as in line 2 ('x'): "
            "a column holds numbers or text, not both",
        ),
        ("a,b,c\n1,2,3\n\n1,2\n", "t.csv, line 4: 2 columns; expected 3 as in line 1"),
        ('a,b\n"1\n",2\n1,2,3\n', "t.csv, line 4: 3 columns; expected 2 as in line 1"),
        (
            'a,b\n1,2\n"1,2\n',
            "t.csv, line 3: not a row of a csv file (unexpected end of data)",
        ),
        (
            ",a,b\n0,1,2\n1,3,4\n",
            "t.csv, line 1, column 1: no name in the header; name the column, or leave it out with "
            "--ignore 1 (ignore=[1]) where it only numbers the rows",
        ),
        (
            "a,b,\n1,2,3\n3,4,5\n",
            "t.csv, line 1, column 3: no name in the header; name the column, or leave it out with "
            "--ignore 3 (ignore=[3]) where it only numbers the rows",
        ),
        ("a,b,a\n1,2,3\n", "t.csv, line 1, column 3 ('a'): column 1 has the same name"),
        (
            "a,b\n1,2.5\n1,n/k\n",
            "t.csv, line 3, column 2 ('b'): got 'n/k'; expected a number; "
            "for classes set --task classification (task='classification')",
        ),
        (
            "a,b\n1,2.5\n1,NA\n",
            "t.csv, line 3, column 2 ('b'): missing value ('NA'); fill it in or leave the row or "
            "the column out; for classes set --task classification (task='classification')",
        ),
        (
            "a,b\n1,x\n1,NA\n1,y\n",
            "t.csv, line 3, column 2 ('b'): missing value ('NA'); fill it in or leave the row or "
            "the column out; for classes set --task classification (task='classification')",
        ),
        (
            "a;b;c\n1,5;x;1\n2,5;x;2\n",
            "t.csv, line 2, column 1 ('a'): got '1,5'; "
            "expected a number written plainly, as 1234.5",
        ),
        (
            "a,b\n$1,2\n7,2\n",
            "t.csv, line 2, column 1 ('a'): got '$1'; expected a number written plainly, as 1234.5",
        ),
        (
            "a,b\n1,2\n\0\x1b,2\n",
            r"t.csv, line 3, column 1 ('a'): got '\x00\x1b'; expected a number",
        ),
        (
            f"a,b\n1,2\n{'x' * 70},2\n",
            f"t.csv, line 3, column 1 ('a'): got '{'x' * 57}...'; expected a number",
        ),
        (
            "a,b\n1,x\n1,x\n",
            "t.csv, line 2, column 2 ('b'): every target is 'x'; expected two classes or more "
            "(the target is the last column unless another is named)",
        ),
        ("x" * 200_000 + ",1\n", "t.csv: not a csv file (field larger than field limit (131072))"),
        (b"a,b\n1,caf\xe9\n", "t.csv: not UTF-8 text (byte 0xe9); save it as UTF-8"),
    ],
)
def test_csv_faults(file, content, message):
    assert error_of(read, file("t.csv", content)) == message


def test_a_nameless_column_is_refused_for_a_network_without_one(file):
    like = {"task": "regression", "n_inputs": 2}
    assert error_of(read, file("t.csv", ",a,b\n0,1,2\n1,3,4\n"), like=like) == (
        "t.csv, line 1, column 1: no name in the header; name the column, or write the file "
        "without it where it only numbers the rows"
    )


@pytest.mark.parametrize("ignore", ["species", 4])
def test_ignore_takes_a_list_even_of_one_column(file, ignore):
    message = re.escape(f"ignore: got {ignore!r}; expected a list of columns, as [{ignore!r}]")
    with pytest.raises(TypeError, match=f"^{message}$"):
        read(file("flowers.csv", FLOWERS), ignore=ignore)


def test_csv_text_with_too_many_values(file):
    rows = "".join(f"name{k},{k % 2}\n" for k in range(101))
    assert error_of(read, file("t.csv", "full name,y\n" + rows)) == (
        "t.csv, line 2, column 1 ('full name'): got 'name0'; expected a number: text with at most "
        "100 different values is one-hot encoded, here are 101; make numbers of it, or "
        "leave it out with --ignore 'full name' (ignore=['full name'])"
    )


def test_csv_target_of_too_many_texts(file):
    name = file("t.csv", "y,who\n" + "".join(f"{k % 2},name{k}\n" for k in range(101)))
    assert error_of(read, name) == (
        "t.csv, line 2, column 2 ('who'): got 'name0'; expected a number: text with at most 100 "
        "different values is classes, here are 101; make numbers of it, or for classes set "
        "--task classification (task='classification')"
    )
    samples = read(name, task="classification")
    assert len(samples.classes) == 101
    assert len(read(name, like=samples.metadata).classes) == 101


@pytest.mark.parametrize(
    "prices", [("$1,200.50", "950"), ("1,200", "2,300"), ("5%", "7 %"), ("3 €", "4")]
)
def test_a_target_of_numbers_that_are_not_written_plainly(file, prices):
    name = file("t.csv", "x,price\n" + "".join(f'1,"{price}"\n' for price in prices))
    assert error_of(read, name) == (
        f"t.csv, line 2, column 2 ('price'): got '{prices[0]}'; expected a number written plainly, "
        "as 1234.5; for classes set --task classification (task='classification')"
    )
    assert sorted(read(name, task="classification").classes) == sorted(prices)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target": "specie"},
            "target: flowers.csv has no column 'specie'; did you mean 'species'? "
            "expected one of length, colour, width, species",
        ),
        ({"target": 0}, "target: got column 0; expected 1 to 4, or -1 for the last"),
        ({"target": "5"}, "target: got column 5; expected 1 to 4, or -1 for the last"),
        (
            {"ignore": ["x"]},
            "ignore: flowers.csv has no column 'x'; expected one of length, colour, width, species",
        ),
        (
            {"target": "width", "ignore": ["width"]},
            "ignore: got the target 'width'; expected others than the target",
        ),
        (
            {"ignore": ["length", "colour", "width", "species"]},
            "ignore: got every column; expected others than the target",
        ),
        (
            {"task": "regression"},
            "flowers.csv, line 2, column 4 ('species'): got 'setosa'; expected a number",
        ),
        ({"task": "ranking"}, "task: got 'ranking'; expected 'classification' or 'regression'"),
        (
            {"target_file": "y.npy"},
            "target_file: flowers.csv holds its targets itself; expected none",
        ),
    ],
)
def test_csv_options_that_do_not_fit(file, options, message):
    assert error_of(read, file("flowers.csv", FLOWERS), **options) == message


# --- a file that is not like the earlier one ------------------------------------------------------


def test_like_names_what_does_not_fit(file):
    known = read(file("flowers.csv", FLOWERS)).metadata
    cases = {
        "len,colour,width\n1,red,2\n": (
            "new.csv: got the columns len, colour, width; expected also length, as the model has"
        ),
        "x,colour\n1,red\n": (
            "new.csv: got the columns x, colour; expected also length, width, as the model has"
        ),
        "length,colour,width\n1,rde,2\n": (
            "new.csv, line 2, column 2 ('colour'): unknown value 'rde'; did you mean 'red'? "
            "expected one of blue, green, red"
        ),
        "length,colour,width\n1,5,2\n": (
            "new.csv, line 2, column 2 ('colour'): unknown value '5'; "
            "expected one of blue, green, red"
        ),
        "length,colour,width\nx,red,2\n": (
            "new.csv, line 2, column 1 ('length'): got 'x'; expected a number"
        ),
        "length,colour,width,species\n1,red,2,rose\n": (
            "new.csv, line 2, column 4 ('species'): unknown class 'rose'; "
            "expected one of setosa, versicolor, virginica"
        ),
    }
    for content, message in cases.items():
        assert error_of(read, file("new.csv", content), like=known) == message


def test_like_checks_the_width_of_arrays(file):
    known = read(file("t.csv", "1,2,0\n3,4,1\n")).metadata
    np.savez("t.npz", X=np.ones((5, 3)))
    assert error_of(read, "t.npz", like=known) == "t.npz: 3 numbers per sample; expected 2"


# --- npz, npy ------------------------------------------------------------------------------------


def test_npy_and_npz_faults(file):
    holes = X.copy()
    holes[2, 1] = np.nan
    cases = {
        "nan": ({"X": holes, "y": Y}, "t.npz, X[2, 1]: got nan; expected a finite number"),
        "infinite": (
            {"X": X, "y": [0, 1, np.inf, 0]},
            "t.npz, y[2]: got 'inf'; expected a finite number",
        ),
        "short": ({"X": X, "y": Y[:3]}, "t.npz, y: shape (3,); expected (4,), one target per row"),
        "1-D": ({"X": Y, "y": Y}, "t.npz, X: shape (4,); expected (rows, features), neither 0"),
        "empty": (
            {"X": X[:0], "y": Y[:0]},
            "t.npz, X: shape (0, 3); expected (rows, features), neither 0",
        ),
        "complex": ({"X": X + 1j, "y": Y}, "t.npz, X: dtype complex128; expected numbers"),
        "dates": (
            {"X": X, "y": Y.astype("M8[s]")},
            "t.npz, y: dtype datetime64[s]; expected numbers or text",
        ),
        "objects": (
            {"X": X, "y": np.array([1, "a", None, 2], object)},
            "t.npz: holds an array of Python objects; expected numbers or text",
        ),
    }  # fmt: skip
    for arrays, message in cases.values():
        np.savez("t.npz", **arrays)
        assert error_of(read, "t.npz") == message


def test_truncated_files(file):
    np.savez("t.npz", X=X, y=Y)
    np.save("X.npy", X)
    np.save("y.npy", Y)
    whole = {name: Path(name).read_bytes() for name in ("t.npz", "X.npy")}
    for name, end in (("t.npz", -40), ("t.npz", 0)):
        file(name, whole[name][:end])
        assert error_of(read, name) == f"{name}: empty, cut short or damaged"
    for end in (-8, 60, 3, 0):
        file("X.npy", whole["X.npy"][:end])
        assert error_of(read, "X.npy") == "X.npy: damaged, or not a .npy file"
    file("t.csv.gz", gzip.compress(FLOWERS.encode())[:-9])
    assert error_of(read, "t.csv.gz") == "t.csv.gz: empty, cut short or damaged"
    file("t.csv.gz", FLOWERS)
    assert error_of(read, "t.csv.gz") == "t.csv.gz: not a gzip file"


def test_npy_without_targets(file):
    np.save("X.npy", X)
    assert error_of(read, "X.npy") == (
        "X.npy: no file with the targets beside it; expected one, or its name with --target-file "
        "(target_file=...)"
    )
    assert read("X.npy", like={"n_inputs": 3}).y is None
    assert error_of(read, "X.npy", target="a") == (
        "target: X.npy has no named columns; expected a target file"
    )
    assert error_of(read, "X.npy", ignore=["a"]) == (
        "ignore: X.npy has no named columns; expected a .csv file"
    )
    assert error_of(read, "X.npy", target_file="t.csv") == "t.csv: expected a .npy or idx file"


# --- idx ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole[:-5], "cut short: 35 bytes; expected 40 from the header (2 x 3 x 4)"),
        (
            lambda whole: whole + b"\0",
            "too long: 41 bytes; expected 40 from the header (2 x 3 x 4)",
        ),
        (lambda whole: whole[:9], "cut short within the header; expected 16 bytes of it"),
        (lambda whole: b"\x89PNG" + whole, "not an idx file (begins with 89 50 4e 47)"),
        (lambda whole: whole[:0], "not an idx file (begins with nothing)"),
    ],
)
def test_idx_faults(file, change, message):
    file("x.idx", change(idx(IMAGES)))
    file("y.idx", idx(LABELS))
    assert error_of(read, "x.idx") == f"x.idx: {message}"


def test_truncated_idx_gz(file):
    file("x.idx.gz", gzip.compress(idx(IMAGES))[:-10])
    file("y.idx", idx(LABELS))
    assert error_of(read, "x.idx.gz") == "x.idx.gz: empty, cut short or damaged"


# --- any file ------------------------------------------------------------------------------------


def test_unknown_kind_of_file():
    for name in ("t.xlsx", "t", "t.gz", "fidx.txt"):
        assert error_of(read, name) == (
            f"{name}: unknown kind of file; expected .csv, .npz, .npy or idx (.gz or not)"
        )


def test_a_missing_data_file(file):
    for name in ("t.csv", "t.npz", "t.npy", "t.idx", "t.csv.gz"):
        with pytest.raises(FileNotFoundError, match="No such file or directory: 't"):
            read(name, target_file="y.npy" if name.endswith(("npy", "idx")) else None)


# --- split ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "size", "message"),
    [
        (10, 1, "test_size: got 1; expected a finite number at least 0 and below 1"),
        (10, -0.1, "test_size: got -0.1; expected a finite number at least 0 and below 1"),
        (2, 0.1, "test_size: 0.1 of 2 samples is 0; expected at least one sample in either part"),
    ],
)
def test_split_sizes_that_do_not_fit(rows, size, message):
    assert error_of(split, np.zeros(rows), size) == message


def test_split_needs_a_seed_that_is_not_negative():
    assert (
        error_of(split, np.zeros(9), 0.5, seed=-1)
        == "seed: got -1; expected an integer of at least 0"
    )


def test_split_takes_the_targets_alone():
    message = error_of(split, np.zeros((9, 2)), 0.5)
    assert message == "y: got shape (9, 2); expected the targets, of shape (S,)"
