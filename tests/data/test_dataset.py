"""Data sets: the digits, tables with their targets, and tables read like earlier ones."""

import hashlib
import json

import numpy as np
import pytest
from helpers.data_files import FLOWERS
from helpers.error_messages import error_of

from fastgrad.data import dataset
from fastgrad.data.dataset import read

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


# --- tables --------------------------------------------------------------------------------------


def test_a_table_is_encoded_with_its_target(file):
    data = read(file("flowers.csv", FLOWERS))
    assert data.features == ["length", "colour", "width"]
    assert (data.target, data.task) == ("species", "classification")
    assert data.classes == ["setosa", "versicolor", "virginica"]
    assert data.y.tolist() == [0, 2, 0, 1]
    assert data.X.shape == (4, len(data.input_names))
    assert data.input_names[0] == "length"
    length = np.array([5.1, 6.2, 4.9, 5.8])
    assert data.X[:, 0] == pytest.approx((length - length.mean()) / length.std())
    assert (data.X.dtype, data.X.flags.c_contiguous) == (np.float32, True)
    assert repr(data) == "<Dataset 4 rows, 5 inputs, target 'species' (3 classes)>"
    assert "colour" in str(data.encoder)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_and_rows_are_read_like_the_file(file, library):
    tables = pytest.importorskip(library, reason=f"{library} is an extra")
    expected = read(file("flowers.csv", FLOWERS))
    names, *cells = [line.split(",") for line in FLOWERS.splitlines()]
    rows = [
        {n: c if n in ("colour", "species") else float(c) for n, c in zip(names, row, strict=True)}
        for row in cells
    ]
    columns = {name: [row[name] for row in rows] for name in names}
    frame = tables.table(columns) if library == "pyarrow" else tables.DataFrame(columns)
    for source in (frame, rows, columns):
        data = read(source, target="species")
        assert np.array_equal(data.X, expected.X)
        assert (data.y.tolist(), data.classes) == (expected.y.tolist(), expected.classes)


@pytest.mark.parametrize("target", ["length", "1", 1, -4])
def test_a_target_by_name_and_position(file, target):
    data = read(file("flowers.csv", FLOWERS), target=target, ignore=["species"])
    assert data.target == "length"
    assert data.features == ["colour", "width"]
    assert data.y.tolist() == [5.1, 6.2, 4.9, 5.8]


def test_without_a_target_the_last_column_that_is_left(file):
    assert read(file("flowers.csv", FLOWERS), ignore=["species"]).target == "width"


@pytest.mark.parametrize(
    ("cells", "task", "classes"),
    [
        (["no", "yes", "no"], "classification", ["no", "yes"]),
        (["10", "9", "10"], "classification", [9, 10]),
        (["1.0", "0.0", "1.0"], "classification", [0, 1]),
        (["1.5", "0.0", "1.0"], "regression", None),
        (["true", "false", "true"], "classification", [False, True]),
        (["042", "42", "V27"], "classification", ["042", "42", "V27"]),
        (["042", "42", "007"], "classification", ["007", "042", "42"]),
        ([str(k) for k in range(20)], "classification", [*range(20)]),
        ([str(k) for k in range(21)], "regression", None),
    ],
)
def test_the_task_is_found_from_the_target(file, cells, task, classes):
    rows = "".join(f"{0.5 + k},{cell}\n" for k, cell in enumerate(cells))
    data = read(file("t.csv", "x,y\n" + rows))
    assert (data.task, data.classes) == (task, classes)


def test_the_task_can_be_set(file):
    name = file("t.csv", "x,y\n1,0\n2,1\n4,0\n")
    assert read(name, task="regression").y.dtype == np.float64
    name = file("u.csv", "x,y\n1,0.5\n2,1.5\n4,x\n")
    assert read(name, task="classification").classes == ["0.5", "1.5", "x"]


def test_rows_without_a_target_are_left_out_and_counted(file):
    name = file("t.csv", "x,y\n1,a\n2,\n4,b\n8,NA\n5,a\n")
    data = read(name)
    assert (data.y.tolist(), data.n_unlabelled) == ([0, 1, 0], 2)
    x = np.array([1.0, 4, 5])
    assert data.X[:, 0] == pytest.approx((x - x.mean()) / x.std())


def test_labels_of_predictions(file):
    data = read(file("flowers.csv", FLOWERS))
    assert data.labels(np.eye(3)[data.y]).tolist() == [
        "setosa",
        "virginica",
        "setosa",
        "versicolor",
    ]
    numbers = read(file("flowers.csv", FLOWERS), target="length")
    with pytest.raises(ValueError, match="labels: the target has no classes"):
        numbers.labels(np.ones((4, 1)))


# --- a table read like an earlier one ------------------------------------------------------------


def test_like_takes_columns_by_name(file):
    first = read(file("flowers.csv", FLOWERS))
    like = json.loads(json.dumps(first.metadata))
    name = file("new.csv", "id,width,length,colour\nx7,1.5,5.1,red\n,2.5,6.2,blue\n")
    data = read(name, like=like)
    assert np.array_equal(data.X, first.X[:2])
    assert data.y is None
    name = file("new.csv", "species,width,length,colour\nvirginica,1,2,green\n")
    assert read(name, like=like).y.tolist() == [2]


def test_like_keeps_codes_as_they_are_written(file):
    rows = "".join(f"{k},{['042', '42', 'V27'][k % 3]}\n" for k in range(9))
    like = read(file("t.csv", "x,code\n" + rows)).metadata
    assert read(file("u.csv", "x,code\n1,042\n2,042\n"), like=like).y.tolist() == [0, 0]
    assert read(file("u.csv", "x,code\n1,42\n2,42\n"), like=like).y.tolist() == [1, 1]


def test_like_ignores_unwanted_targets(file):
    like = read(file("flowers.csv", FLOWERS)).metadata
    data = read(file("t.csv", "length,colour,width,species\n1,red,2,\n"), like=like, targets=False)
    assert (len(data.X), data.y) == (1, None)


def test_like_without_header_goes_by_position(file):
    like = read(file("t.csv", "7.5,1,2\n8.5,3,4\n"), target="1", task="regression").metadata
    with_target = read(file("u.csv", "5.5,1,2\n"), like=like)
    assert with_target.y.tolist() == [5.5]
    assert with_target.X.tolist() == [[-1, -1]]


def test_like_names_what_does_not_fit(file):
    like = read(file("flowers.csv", FLOWERS)).metadata
    for content, fault in {
        "len,colour,width\n1,red,2\n": "length",
        "length,colour,width\nx,red,2\n": "length.*'x'",
        "length,colour,width,species\n1,red,2,rose\n": "unknown class 'rose'",
    }.items():
        with pytest.raises(ValueError, match=fault):
            read(file("new.csv", content), like=like)
    with pytest.warns(UserWarning, match="colour.*rde"):
        read(file("new.csv", "length,colour,width\n1,rde,2\n"), like=like)


# --- options that do not fit ---------------------------------------------------------------------


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
            "flowers.csv, line 2, column 'species': got 'setosa'; expected a number (and 3 more)",
        ),
        (
            {"target_file": "y.npy"},
            "target_file: got one for a table, whose target is a column; expected none",
        ),
    ],
)
def test_options_that_do_not_fit(file, options, message):
    assert error_of(read, file("flowers.csv", FLOWERS), **options) == message


@pytest.mark.parametrize("ignore", ["species", 4])
def test_ignore_takes_a_list_even_of_one_column(file, ignore):
    with pytest.raises(TypeError, match=f"ignore: got {ignore!r}; expected a list of columns"):
        read(file("flowers.csv", FLOWERS), ignore=ignore)


def test_a_missing_data_file(file):
    for name in ("t.csv", "t.npz", "t.npy", "t.idx", "t.csv.gz", "t.parquet"):
        with pytest.raises(FileNotFoundError, match="No such file or directory: 't"):
            read(name, target_file="y.npy" if name.endswith(("npy", "idx")) else None)


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ("model.safetensors", "like: got 'model.safetensors'; expected the metadata of data or of"),
        ({"task": "regression"}, "like: got metadata without columns; expected those of data"),
    ],
)
def test_metadata_that_cannot_be_read_like(file, like, message):
    with pytest.raises((TypeError, ValueError), match=message):
        read(file("t.csv", "a,b\n1,2\n3,4\n"), like=like)
