"""Data sets: files read into inputs and targets, the digits of the package, and splitting."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import validation
from . import readers
from .cells import not_among
from .table import read_table
from .targets import TargetEncoder, Task

__all__ = ["Dataset", "load_digits", "read", "split"]


def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Load the 1,797 handwritten digits that come with the package.

    The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998,
    UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0). The data card
    is `fastgrad/data/datasets/README.md`.

    Returns
    -------
    X : (1797, 64) float32
        8 x 8 images, row by row, from 0 (paper) to 1 (ink).
    y : (1797,) int64
        The digit.
    """
    with as_file(files("fastgrad.data") / "datasets" / "digits.npz") as path:
        arrays = readers.read_npz(path)
    return arrays["X"].astype(np.float32) / np.float32(16), arrays["y"].astype(np.int64)


@dataclass(frozen=True)
class Dataset:
    """Inputs and targets, one sample per row.

    Attributes
    ----------
    X : (S, n_0) float32 or float64, C-contiguous
        One column per feature that is a number, one per category of a feature that is text (1 if
        the sample has it, else 0).
    y : (S,) int64 or float64, or None
        Class ids (positions in `classes`), or numbers; None if the file has no target.
    task : {"classification", "regression"} or None
        None if the file has no target.
    classes : list of str or None
        The names of the classes; None for regression.
    features : list of str or None
        The names of the columns that X is read from; None if they have none.
    categories : dict of str to list of str
        For each feature that is text, its values in the order of their columns in X.
    target : str or None
        The name of the target.
    is_table : bool
        True if the columns of X have different scales (.csv, .npz, .npy); False for images of
        bytes, which are scaled to 0 to 1.
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    task: Task | None = None
    classes: list[str] | None = None
    features: list[str] | None = None
    categories: dict[str, list[str]] = field(default_factory=dict)
    target: str | None = None
    is_table: bool = True

    @property
    def encoder(self) -> TargetEncoder:
        """The encoder of the targets; ValueError if there are none."""
        if self.task is None:
            raise ValueError("y: got None; expected targets")
        return TargetEncoder(self.task, self.classes, self.target)

    @property
    def metadata(self) -> dict[str, Any]:
        """What `read(..., like=metadata)` needs to read another file in the same way, for JSON."""
        names = ("task", "classes", "features", "categories", "target")
        return {name: getattr(self, name) for name in names} | {"n_inputs": self.X.shape[1]}


def read(
    path: str | PathLike[str],
    *,
    target: str | int | None = None,
    target_file: str | PathLike[str] | None = None,
    task: Task | None = None,
    ignore: Sequence[str | int] = (),
    like: Mapping[str, Any] | None = None,
    targets: bool = True,
) -> Dataset:
    """Read a data set from a file.

    Parameters
    ----------
    path : path
        - .csv, .tsv or .csv.gz: numbers or text separated by comma, semicolon or tab, with or
          without a header. A feature that is text is one-hot encoded.
        - .npz: arrays X and y (or x_train and y_train, or data and target, or any two of which
          one is the target: the one with one dimension).
        - .npy: X; the targets are in `target_file`, or in the file beside it that is called y
          if this one is called X, or labels if it is called images.
        - idx, the format of MNIST, plain or .gz: images; the labels likewise. Bytes are divided
          by 255.

        Arrays of more than two dimensions are flattened to one row per sample.
    target : str or int, optional
        The target: a column's name or position (from 1; -1 is the last, the default) in a csv
        file, an array's name in a .npz file.
    target_file : path, optional
        The file with the targets, for .npy and idx.
    task : {"classification", "regression"}, optional
        By default found from the target: text, or whole numbers with at most 20 different values,
        are classes. Text of more than 100 different values is an error unless the task is given.
    ignore : sequence of str or int
        Columns of a csv file to leave out: names or positions (from 1).
    like : mapping, optional
        `Dataset.metadata` of the data that a network was trained on: the same columns are read,
        with the same categories and classes; there may be no target.
    targets : bool
        False, if `like` is given: do not read the targets, whatever they are.

    Returns
    -------
    Dataset

    Raises
    ------
    TypeError
        If `ignore` is a name or a number instead of a list of them.
    ValueError
        If the file is not as expected; the message names the file and the place in it.
    OSError
        If the file cannot be read.
    """
    path = Path(fspath(path))
    kind = _kind(path)
    if task is not None and task not in ("classification", "regression"):
        raise ValueError(f"task: got '{task}'; expected 'classification' or 'regression'")
    if kind != "csv" and ignore:
        raise ValueError(f"ignore: {path} has no named columns; expected a .csv file")
    if kind in ("npy", "idx") and target is not None:
        raise ValueError(f"target: {path} has no named columns; expected a target file")
    if kind in ("csv", "npz") and target_file is not None:
        raise ValueError(f"target_file: {path} holds its targets itself; expected none")
    like = like or {}
    if kind != "csv":
        return _read_arrays(path, kind, target, target_file, task, like, targets)
    table = read_table(path, target, ignore, like, targets)
    names, categories = table.features, table.categories
    if table.cells is None:
        return Dataset(table.X, None, features=names, categories=categories)
    encoder, y = _encoded(table.cells, task, like, table.place)
    return Dataset(table.X, y, encoder.task, encoder.classes, names, categories, table.target)


def _encoded(
    y: Sequence[str], task: Task | None, like: Mapping[str, Any], place: Callable[[int], str]
) -> tuple[TargetEncoder, NDArray[Any]]:
    """The targets in the encoding of the data set that this one is like, or in one of their own."""
    task = like.get("task") or task
    if task == "regression" or (task == "classification" and like.get("classes")):
        encoder = TargetEncoder.from_metadata({**like, "task": task})
        return encoder, encoder.transform(y, place)
    return TargetEncoder.fit_transform(y, task, place)


def split(
    y: NDArray[Any], test_size: float, *, seed: int = 0, stratify: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide samples at random into a training part and a held-out part.

    Parameters
    ----------
    y : (S,) array
        Targets.
    test_size : float
        The fraction that is held out, at least 0 and below 1.
    seed : int
        Of the random permutation.
    stratify : bool
        Hold out that fraction of each class, as nearly as whole samples allow.

    Returns
    -------
    train, test : (S_train,), (S_test,) int64
        Indices, each part in random order.

    Raises
    ------
    ValueError
        If `seed` or `test_size` is out of range, or one part would have no sample.
    """
    validation.number("test_size", test_size, least=0, below=1)
    validation.integer("seed", seed, least=0)
    if np.ndim(y) != 1:
        raise ValueError(f"y: got shape {np.shape(y)}; expected the targets, of shape (S,)")
    permutation = np.random.default_rng(seed).permutation(len(y))
    n_test = round(test_size * len(y))
    if test_size > 0 and not 0 < n_test < len(y):
        raise ValueError(
            f"test_size: {test_size:g} of {len(y)} samples is {n_test}; "
            "expected at least one sample in either part"
        )
    if stratify:
        # Spread each class evenly over 0..1: then any interval has all classes in proportion.
        rank = np.empty(len(y))
        for label in np.unique(y):
            members = np.flatnonzero(y[permutation] == label)
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        is_test = np.zeros(len(y), dtype=bool)
        is_test[np.argsort(rank, kind="stable")[:n_test]] = True
        return permutation[~is_test], permutation[is_test]
    return permutation[n_test:], permutation[:n_test]


# --- kinds of files ------------------------------------------------------------------------------


def _kind(path: Path) -> Literal["csv", "npz", "npy", "idx"]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    plain = suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes
    if plain[-1:] in ([".csv"], [".tsv"]):
        return "csv"
    if suffixes[-1:] == [".npz"]:
        return "npz"
    if suffixes[-1:] == [".npy"]:
        return "npy"
    if re.search(r"[-.](idx\d?|ubyte)", path.name.lower()):
        return "idx"
    raise ValueError(f"{path}: unknown kind of file; expected .csv, .npz, .npy or idx (.gz or not)")


def _partner(path: Path, target_file: str | PathLike[str] | None) -> Path | None:
    """Find the file with the targets: y for X, labels for images, idx1 for idx3."""
    if target_file is not None:
        return Path(fspath(target_file))
    renamed = path.name
    for inputs, targets in (
        (r"(?<![a-z])X(?![a-z])", "y"),
        (r"(?<![a-z])x(?![a-z])", "y"),
        ("images", "labels"),
        ("features", "targets"),
        (r"idx\d", "idx1"),
    ):
        renamed = re.sub(inputs, targets, renamed)
    names = [renamed, renamed.removesuffix(".gz"), renamed + ".gz"]
    found = (path.with_name(name) for name in names if name != path.name)
    return next((file for file in found if file.exists()), None)


def _read_arrays(
    path: Path,
    kind: str,
    target: str | int | None,
    target_file: str | PathLike[str] | None,
    task: Task | None,
    like: Mapping[str, Any],
    targets: bool,
) -> Dataset:
    place: Path | str
    if kind == "npz":
        X, y = _pick_arrays(path, readers.read_npz(path), target, optional=bool(like))
        place = f"{path}, y"
    else:
        X, place = _read_array(path), _partner(path, target_file) or path
        if place == path and not like:
            raise ValueError(
                f"{path}: no file with the targets beside it; expected one, or its name with"
                " --target-file (target_file=...)"
            )
        y = _read_array(Path(place)) if targets and place != path else None
    is_image = kind == "idx" and X.dtype == np.uint8
    inputs = _inputs(path, X)
    if inputs.shape[1] != like.get("n_inputs", inputs.shape[1]):
        raise ValueError(
            f"{path}: {inputs.shape[1]} numbers per sample; expected {like['n_inputs']}"
        )
    if is_image:
        inputs /= 255
    if y is None or not targets:
        return Dataset(inputs, None, is_table=not is_image)
    y = _targets(place, y, len(inputs))
    if kind == "idx" and task is None and y.dtype.kind in "iu":
        task = "classification"
    encoder, y = _encoded(list(map(str, y)), task, like, lambda s: f"{place}[{s}]")
    name = str(target or "y")
    return Dataset(inputs, y, encoder.task, encoder.classes, target=name, is_table=not is_image)


def _read_array(path: Path) -> NDArray[Any]:
    match _kind(path):
        case "npy":
            return readers.read_npy(path)
        case "idx":
            return readers.read_idx(path)
    raise ValueError(f"{path}: expected a .npy or idx file")


def _targets(place: Path | str, y: NDArray[Any], rows: int) -> NDArray[Any]:
    if y.shape not in ((rows,), (rows, 1)):
        raise ValueError(f"{place}: shape {y.shape}; expected ({rows},), one target per row")
    if y.dtype.kind not in "biufUS":
        raise ValueError(f"{place}: dtype {y.dtype}; expected numbers or text")
    return np.char.decode(y.ravel()) if y.dtype.kind == "S" else y.ravel()


def _pick_arrays(
    path: Path, arrays: dict[str, NDArray[Any]], target: str | int | None, optional: bool
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if target is not None:
        if target not in arrays:
            raise ValueError(f"{path}: no array {not_among(str(target), list(arrays))}")
        others = [array for name, array in arrays.items() if name != target]
        if len(others) == 1:
            return others[0], arrays[str(target)]
    for x, y in (("X", "y"), ("X", "Y"), ("x", "y"), ("x_train", "y_train"), ("data", "target")):
        if x in arrays and (y in arrays or optional):
            return arrays[x], arrays.get(y)
    unnamed = list(arrays.values())
    if len(unnamed) == 1 and optional:
        return unnamed[0], None
    if len(unnamed) == 2:
        unnamed.sort(key=lambda array: array.ndim)
        if unnamed[0].ndim == 1 < unnamed[1].ndim:
            return unnamed[1], unnamed[0]
    found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "none"
    raise ValueError(f"{path}: arrays {found}; expected X (rows, features) and y (rows,)")


def _inputs(path: Path, X: NDArray[Any]) -> NDArray[Any]:
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{path}, X: dtype {X.dtype}; expected numbers")
    if X.ndim < 2 or X.size == 0:
        raise ValueError(f"{path}, X: shape {X.shape}; expected (rows, features), neither 0")
    small = X.dtype.itemsize <= 2 or X.dtype == np.float32
    flat = np.array(X.reshape(len(X), -1), dtype=np.float32 if small else np.float64, order="C")
    if not np.isfinite(flat).all():
        s, j = (int(k) for k in np.argwhere(~np.isfinite(flat))[0])
        raise ValueError(f"{path}, X[{s}, {j}]: got {flat[s, j]}; expected a finite number")
    return flat
