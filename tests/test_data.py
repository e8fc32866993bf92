"""Data: the digits, every kind of file, and what is said about a file that is wrong."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from fastgrad import data
from fastgrad.data import read, split

FLOWERS = """\
length,colour,width,species
5.1,red,1.5,setosa
6.2,blue,2.5,virginica
4.9,red,1.25,setosa
5.8,green,3,versicolor
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a file and give its name; messages then hold no folder."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(content)
        return name

    return write


def idx(array):
    codes = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    array = np.asarray(array)
    head = struct.pack(
        f">4B{array.ndim}I", 0, 0, codes[array.dtype.str[1:]], array.ndim, *array.shape
    )
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def error_of(call, *arguments, **options):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the callers compare all of it
        call(*arguments, **options)
    return str(caught.value)


# --- the digits ----------------------------------------------------------------------------------


def test_digits_are_those_of_uci():
    X, y = data.load_digits()
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((1797, 64), np.float32, (1797,), np.int64)
    assert (X.min(), X.max()) == (0, 1)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    sha256 = hashlib.sha256((16 * X).astype(np.uint8).tobytes()).hexdigest()
    assert sha256 == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    sha256 = hashlib.sha256(y.astype(np.uint8).tobytes()).hexdigest()
    assert sha256 == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_digits_equal_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_digits(return_X_y=True)
    assert np.array_equal(data.load_digits()[0] * 16, X)
    assert np.array_equal(data.load_digits()[1], y)


# --- csv -----------------------------------------------------------------------------------------


def test_csv_with_header_and_text(file):
    samples = read(file("flowers.csv", FLOWERS))
    assert samples.features == ["length", "colour", "width"]
    assert samples.categories == {"colour": ["blue", "green", "red"]}
    assert samples.target == "species"
    assert samples.classes == ["setosa", "versicolor", "virginica"]
    assert samples.task == "classification"
    assert samples.y.tolist() == [0, 2, 0, 1]
    assert samples.X.tolist() == [
        [5.1, 0, 0, 1, 1.5],
        [6.2, 1, 0, 0, 2.5],
        [4.9, 0, 0, 1, 1.25],
        [5.8, 0, 1, 0, 3],
    ]
    assert samples.X.flags.c_contiguous


@pytest.mark.parametrize(
    "content",
    [
        "1,2.5,0.5\n3,4,0.25\n",
        "1;2.5;0.5\n3;4;0.25\n",
        "1\t2.5\t0.5\n3\t4\t0.25\n",
        "\ufeff1, 2.5, 0.5\r\n\r\n3, 4, 0.25",  # byte-order mark, blank line, no last newline
        '"1","2.5","0.5"\n"3","4","0.25"\n',
        "a,b,c\n1,2.5,0.5\n3,4,0.25\n",
        "0,1,2\n1,2.5,0.5\n3,4,0.25\n",  # the header that pandas gives columns without names
    ],
)
def test_csv_dialects(file, content):
    samples = read(file("t.csv", content))
    assert samples.X.tolist() == [[1, 2.5], [3, 4]]
    assert samples.y.tolist() == [0.5, 0.25]
    assert samples.task == "regression"
    assert samples.classes is None


def test_csv_gz(file):
    samples = read(file("t.csv.gz", gzip.compress(b"a,b\n1,2.5\n3,4.5\n")))
    assert samples.y.tolist() == [2.5, 4.5]


def test_csv_of_text_only(file):
    # No number tells the header apart: it is the row whose texts do not come again.
    with_header = read(file("a.csv", "cap,edible\nflat,no\nbell,yes\nflat,no\n"))
    assert (with_header.features, with_header.y.tolist()) == (["cap"], [0, 1, 0])
    without = read(file("b.csv", "flat,no\nbell,yes\nflat,no\n"))
    assert (without.features, without.y.tolist()) == (["1"], [0, 1, 0])


@pytest.mark.parametrize("target", ["length", "1", 1, -4])
def test_csv_target_by_name_and_position(file, target):
    samples = read(file("flowers.csv", FLOWERS), target=target, ignore=["species"])
    assert samples.target == "length"
    assert samples.features == ["colour", "width"]
    assert samples.y.tolist() == [5.1, 6.2, 4.9, 5.8]


@pytest.mark.parametrize(
    ("cells", "task", "classes"),
    [
        (["no", "yes", "no"], "classification", ["no", "yes"]),
        (["10", "9", "10"], "classification", ["9", "10"]),
        (["1.0", "0.0", "1.0"], "classification", ["0", "1"]),
        (["1.5", "0.0", "1.0"], "regression", None),
        ([str(k) for k in range(20)], "classification", [str(k) for k in range(20)]),
        ([str(k) for k in range(21)], "regression", None),
    ],
)
def test_task_is_seen_from_the_target(file, cells, task, classes):
    samples = read(file("t.csv", "".join(f"0.5,{cell}\n" for cell in cells)))
    assert (samples.task, samples.classes) == (task, classes)


def test_task_can_be_set(file):
    name = file("t.csv", "1,0\n2,1\n3,0\n")
    assert read(name, task="regression").y.dtype == np.float64
    name = file("u.csv", "1,0.5\n2,1.5\n3,x\n")
    assert read(name, task="classification").classes == ["0.5", "1.5", "x"]


# --- a file read like an earlier one -------------------------------------------------------------


def test_like_takes_columns_by_name(file):
    known = read(file("flowers.csv", FLOWERS)).metadata
    name = file("new.csv", "id,width,length,colour\nx7,1,2,green\n,3,4,red\n")
    samples = read(name, like=known)
    assert samples.X.tolist() == [[2, 0, 1, 0, 1], [4, 0, 0, 1, 3]]
    assert samples.y is None
    name = file("new.csv", "species,width,length,colour\nvirginica,1,2,green\n")
    assert read(name, like=known).y.tolist() == [2]


def test_like_without_header_goes_by_position(file):
    known = read(file("t.csv", "7,1,2\n8,3,4\n"), target="1", task="regression").metadata
    with_target = read(file("u.csv", "5,6,7\n"), like=known)
    assert (with_target.X.tolist(), with_target.y.tolist()) == ([[6, 7]], [5])
    without = read(file("v.csv", "6,7\n"), like=known)
    assert (without.X.tolist(), without.y) == ([[6, 7]], None)
    message = error_of(read, file("w.csv", "6,7,8,9\n"), like=known)
    assert message == "w.csv: 4 columns; expected 2, or 3 with the target"


def test_like_names_what_does_not_fit(file):
    known = read(file("flowers.csv", FLOWERS)).metadata
    cases = {
        "len,colour,width\n1,red,2\n": (
            "new.csv: no column 'length'; did you mean 'len'? expected one of len, colour, width"
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
    assert error_of(read, "t.npz", like=known) == "t.npz: 3 numbers a sample; expected 2"


# --- faults of csv files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.csv: the file is empty; expected rows of numbers"),
        ("\n\n", "t.csv: the file is empty; expected rows of numbers"),
        ("a,b\n", "t.csv: no rows below the header; expected at least one"),
        ("a\n1\n", "t.csv: no column beside the target; expected at least one feature"),
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
            "t.csv, line 1, column 1: no name in the header; name the column, "
            "or write the file without it where it only numbers the rows",
        ),
        ("a,b,a\n1,2,3\n", "t.csv, line 1, column 3 ('a'): column 1 has the same name"),
        (
            "a,b\n1,2.5\n1,n/k\n",
            "t.csv, line 3, column 2 ('b'): got 'n/k'; expected a number as above "
            "(for classes set the task to classification)",
        ),
        (
            "a,b\n1,x\n1,x\n",
            "t.csv, line 2, column 2 ('b'): every target is 'x'; expected two classes or more",
        ),
        (b"a,b\n1,caf\xe9\n", "t.csv: not UTF-8 text (byte 0xe9); save it as UTF-8"),
    ],
)
def test_csv_faults(file, content, message):
    assert error_of(read, file("t.csv", content)) == message


def test_csv_text_with_too_many_values(file):
    rows = "".join(f"name{k},{k % 2}\n" for k in range(101))
    assert error_of(read, file("t.csv", "who,y\n" + rows)) == (
        "t.csv, line 2, column 1 ('who'): got 'name0'; expected a number: text with at most 100 "
        "different values is one-hot encoded, here are 101; "
        "leave the column out or make numbers of it"
    )


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
            {"task": "regression"},
            "flowers.csv, line 2, column 4 ('species'): got 'setosa'; expected a number",
        ),
        ({"task": "ranking"}, "task: got 'ranking'; expected 'classification' or 'regression'"),
        (
            {"target_file": "y.npy"},
            "target file: flowers.csv holds its targets itself; expected none",
        ),
    ],
)
def test_csv_options_that_do_not_fit(file, options, message):
    assert error_of(read, file("flowers.csv", FLOWERS), **options) == message


# --- npz, npy ------------------------------------------------------------------------------------

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 1, 0])


@pytest.mark.parametrize(
    "arrays",
    [
        {"X": X, "y": Y},
        {"y": Y[:, None], "X": X, "other": X},
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y},
        {"labels": Y, "points": X},
        {"X": X.reshape(4, 3, 1), "y": Y.astype(bool)},
    ],
)
def test_npz(file, arrays):
    np.savez("t.npz", **arrays)
    samples = read("t.npz")
    assert samples.X.tolist() == X.tolist()
    assert samples.y.tolist() == Y.tolist()
    assert samples.task == "classification"


def test_npz_target_by_name(file):
    np.savez("t.npz", a=X, b=Y, c=Y)
    np.savez("u.npz", a=X, goal=Y)
    assert read("u.npz", target="goal").y.tolist() == Y.tolist()
    assert error_of(read, "u.npz", target="goals") == (
        "u.npz: no array 'goals'; did you mean 'goal'? expected one of a, goal"
    )
    assert error_of(read, "t.npz") == (
        "t.npz: arrays a (4, 3), b (4,), c (4,); expected X (rows, features) and y (rows,)"
    )


@pytest.mark.parametrize(
    ("stored", "used"), [("uint8", "float32"), ("float16", "float32"), ("float32", "float32"),
                         ("float64", "float64"), ("int64", "float64"), ("bool", "float32")]
)  # fmt: skip
def test_inputs_keep_their_precision(file, stored, used):
    np.savez("t.npz", X=np.asfortranarray(X > 5).astype(stored), y=Y)
    samples = read("t.npz")
    assert samples.X.dtype == used
    assert samples.X.flags.c_contiguous
    assert samples.X.tolist() == (X > 5).astype(float).tolist()


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [("X.npy", "y.npy"), ("x_train.npy", "y_train.npy"), ("train-images.npy", "train-labels.npy")],
)
def test_npy_pairs(file, inputs, targets):
    np.save(inputs, X)
    np.save(targets, np.array([b"b", b"a", b"a", b"b"]))
    np.save("z.npy", Y + 0.5)
    samples = read(inputs)
    assert (samples.y.tolist(), samples.classes) == ([1, 0, 0, 1], ["a", "b"])
    assert read(inputs, target_file="z.npy").y.tolist() == [0.5, 1.5, 1.5, 0.5]


def test_npy_and_npz_faults(file):
    holes = X.copy()
    holes[2, 1] = np.nan
    cases = {
        "nan": ({"X": holes, "y": Y}, "t.npz, X[2, 1]: got nan; expected a finite number"),
        "infinite": (
            {"X": X, "y": [0, 1, np.inf, 0]},
            "t.npz, y[2]: got 'inf'; expected a finite number",
        ),
        "short": ({"X": X, "y": Y[:3]}, "t.npz, y: shape (3,); expected (4,), one target a row"),
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


def test_files_cut_short(file):
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
        "X.npy: no file with the targets beside it; expected one (name it)"
    )
    assert read("X.npy", like={"n_inputs": 3}).y is None
    assert error_of(read, "X.npy", target="a") == (
        "target: X.npy has no named columns; expected a target file"
    )
    assert error_of(read, "X.npy", ignore=["a"]) == (
        "ignore: X.npy has no named columns; expected a .csv file"
    )
    assert error_of(read, "X.npy", target_file="t.csv") == "t.csv: expected a .npy or idx file"


# --- idx -----------------------------------------------------------------------------------------

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 11
LABELS = np.array([7, 3], np.uint8)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
    ],
)
def test_idx(file, images, labels, zipped):
    suffix, pack = (".gz", gzip.compress) if zipped else ("", bytes)
    file(images + suffix, pack(idx(IMAGES)))
    file(labels, idx(LABELS))  # found whether zipped or not
    samples = read(images + suffix)
    assert np.array_equal(samples.X, IMAGES.reshape(2, 12).astype(np.float32) / 255)
    assert samples.X.dtype == np.float32
    assert (samples.y.tolist(), samples.classes) == ([1, 0], ["3", "7"])
    assert not samples.is_table


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "f4", "f8"])
def test_idx_of_other_numbers(file, dtype):
    values = np.array([[-2, 100, 3], [4, -100, 6]], dtype)
    file("x.idx", idx(values))
    file("y.idx", idx(np.array([0.5, 1.5])))
    samples = read("x.idx")
    assert samples.X.tolist() == values.tolist()
    assert samples.y.tolist() == [0.5, 1.5]
    assert samples.is_table


def test_idx_with_many_labels_is_classification(file):
    file("a-images.idx", idx(np.ones((40, 2), np.uint8)))
    file("a-labels.idx", idx(np.arange(40, dtype=np.uint8)))
    assert read("a-images.idx").task == "classification"


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


def test_idx_gz_cut_short(file):
    file("x.idx.gz", gzip.compress(idx(IMAGES))[:-10])
    file("y.idx", idx(LABELS))
    assert error_of(read, "x.idx.gz") == "x.idx.gz: empty, cut short or damaged"


# --- any file ------------------------------------------------------------------------------------


def test_unknown_kind_of_file():
    for name in ("t.xlsx", "t", "t.gz", "fidx.txt"):
        assert error_of(read, name) == (
            f"{name}: unknown kind of file; expected .csv, .npz, .npy or idx (.gz or not)"
        )


def test_a_file_that_is_not_there(file):
    for name in ("t.csv", "t.npz", "t.npy", "t.idx", "t.csv.gz"):
        with pytest.raises(FileNotFoundError, match="No such file or directory: 't"):
            read(name, target_file="y.npy" if name.endswith(("npy", "idx")) else None)


# --- split ---------------------------------------------------------------------------------------


def test_split_keeps_the_share_of_each_class():
    y = np.repeat([0, 1, 2, 3], [500, 300, 190, 10])
    train, test = split(y, 0.2, seed=1, stratify=True)
    assert np.bincount(y[test]).tolist() == [100, 60, 38, 2]
    assert sorted([*train, *test]) == list(range(1000))
    assert not np.array_equal(test, np.sort(test))
    again = split(y, 0.2, seed=1, stratify=True)
    assert np.array_equal(train, again[0])
    assert not np.array_equal(test, split(y, 0.2, seed=2, stratify=True)[1])


def test_split_of_few_samples():
    train, test = split(np.array([0, 0, 0, 1, 1, 1]), 0.34, stratify=True)
    assert (len(train), len(test)) == (4, 2)
    assert split(np.arange(5), 0.0)[1].size == 0
    assert sorted(np.concatenate(split(np.arange(5), 0.4)).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rows", "size", "message"),
    [
        (10, 1, "test_size: got 1; expected a share from 0 to below 1"),
        (10, -0.1, "test_size: got -0.1; expected a share from 0 to below 1"),
        (2, 0.1, "test_size: 0.1 of 2 samples is 0; expected at least one sample in either part"),
    ],
)
def test_split_faults(rows, size, message):
    assert error_of(split, np.zeros(rows), size) == message
