"""Files of arrays: .npz, .npy and idx; and the errors of bad ones."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import idx
from helpers.error_messages import error_of

from fastgrad.data.array_files import StoredArray
from fastgrad.data.dataset import read

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
    assert (samples.y.tolist(), samples.classes) == ([1, 0], [3, 7])
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


# --- faults ---------------------------------------------------------------------------------------


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


def test_text_is_of_characters(file):
    np.save("X.npy", X)
    for codes in ([65, 0x110000], [0xD800, 66], [2**32 - 1, 65]):
        np.save("y.npy", np.array([codes] * 4, np.uint32).view("U2"))
        assert (
            error_of(read, "X.npy") == "y.npy: text with codes that are no character; expected text"
        )
    np.save("y.npy", np.array([b"a\xff"] * 4))
    assert error_of(read, "X.npy") == "y.npy: bytes that are no text in UTF-8; expected text"


def test_booleans_are_0_and_1_whatever_their_bytes_are(file):
    np.save("X.npy", X)
    np.save("y.npy", np.array([1, 0, 1, 0], bool))
    content = Path("y.npy").read_bytes()
    file("y.npy", content[:-4] + bytes([7, 0, 255, 0]))
    assert read("X.npy").y.tolist() == [1, 0, 1, 0]


def test_arrays_that_are_not_asked_for_are_not_read(file):
    np.savez("t.npz", X=X, y=Y, other=np.array([{}], object))
    content = bytearray(Path("t.npz").read_bytes())
    assert read("t.npz").X.tolist() == X.tolist()
    content[content.index(b"\x80") + 1] ^= 1  # in the pickle of the object
    file("t.npz", bytes(content))
    assert read("t.npz").y.tolist() == Y.tolist()


@pytest.mark.parametrize("name", ["X.npy", "x.idx", "x.idx.gz", "t.npz"])
def test_inputs_are_read_after_the_headers_of_both_files_have_been_checked(name, file, monkeypatch):
    monkeypatch.setattr(StoredArray, "read", lambda stored: pytest.fail(f"read {stored.shape}"))
    np.savez("t.npz", X=X, y=Y[:3])
    np.save("X.npy", X)
    np.save("y.npy", Y[:3])
    file("x.idx", idx(IMAGES))
    file("x.idx.gz", gzip.compress(idx(IMAGES)))
    file("y.idx", idx(LABELS[:1]))
    with pytest.raises(ValueError, match="one target per row"):
        read(name)
    if name != "t.npz":
        with pytest.raises(FileNotFoundError):
            read(name, target_file="missing.npy")


def test_truncated_files(file):
    np.savez("t.npz", X=X, y=Y)
    np.save("X.npy", X)
    np.save("y.npy", Y)
    whole = {name: Path(name).read_bytes() for name in ("t.npz", "X.npy")}
    for name, end in (("t.npz", -40), ("t.npz", 0)):
        file(name, whole[name][:end])
        assert error_of(read, name) == f"{name}: empty, cut short or damaged"
    file("X.npy", whole["X.npy"][:-8])
    assert (
        error_of(read, "X.npy")
        == "X.npy: cut short: 216 bytes; expected 224 from the header (4 x 3)"
    )
    for end in (60, 3, 0):
        file("X.npy", whole["X.npy"][:end])
        assert error_of(read, "X.npy") == "X.npy: damaged, or not a .npy file"


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
        "ignore: X.npy has no named columns; expected a table"
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
