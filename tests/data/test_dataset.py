"""Data: the digits, every kind of file."""

import gzip
import hashlib

import numpy as np
import pytest
from helpers.data_files import FLOWERS, idx
from helpers.error_messages import error_of

from fastgrad.data import dataset
from fastgrad.data.dataset import read, split

# --- the digits ----------------------------------------------------------------------------------


def test_digits_are_those_of_uci():
    X, y = dataset.load_digits()
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
    assert np.array_equal(dataset.load_digits()[0] * 16, X)
    assert np.array_equal(dataset.load_digits()[1], y)


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


@pytest.mark.parametrize("ignore", [[1], ["1"], [-3]])
def test_a_nameless_column_can_be_left_out(file, ignore):
    # pandas' to_csv numbers the rows in one.
    name = file("t.csv", ",a,b\n0,1,2.5\n1,3,4.5\n")
    samples = read(name, ignore=ignore)
    assert (samples.features, samples.X.tolist()) == (["a"], [[1], [3]])
    again = read(name, like=samples.metadata)
    assert (again.X.tolist(), again.y.tolist()) == ([[1], [3]], [2.5, 4.5])


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


def test_like_ignores_unwanted_targets(file):
    known = read(file("flowers.csv", FLOWERS)).metadata
    samples = read(
        file("t.csv", "length,colour,width,species\n1,red,2,\n"), like=known, targets=False
    )
    assert (samples.X.tolist(), samples.y) == ([[1, 0, 0, 1, 2]], None)
    known = read(file("u.csv", "1,2,0\n3,4,1\n")).metadata
    assert read(file("t.csv", "5,6,rose\n"), like=known, targets=False).X.tolist() == [[5, 6]]
    np.savez("t.npz", X=[[5, 6]], y=["rose"])
    np.save("X.npy", [[5, 6]])
    file("y.npy", "no numbers")
    for name in ("t.npz", "X.npy"):
        samples = read(name, like=known, targets=False)
        assert (samples.X.tolist(), samples.y) == ([[5, 6]], None)


def test_like_without_header_goes_by_position(file):
    known = read(file("t.csv", "7,1,2\n8,3,4\n"), target="1", task="regression").metadata
    with_target = read(file("u.csv", "5,6,7\n"), like=known)
    assert (with_target.X.tolist(), with_target.y.tolist()) == ([[6, 7]], [5])
    without = read(file("v.csv", "6,7\n"), like=known)
    assert (without.X.tolist(), without.y) == ([[6, 7]], None)
    message = error_of(read, file("w.csv", "6,7,8,9\n"), like=known)
    assert message == "w.csv: 4 columns; expected 2, or 3 with the target"


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


def test_without_a_target_the_last_column_that_is_left(file):
    samples = read(file("flowers.csv", FLOWERS), ignore=["species"])
    assert samples.target == "width"
