"""Inputs and targets from files of arrays: which array is which, and their shapes."""

import re
import sys
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import array_files
from .array_files import StoredArray
from .cells import not_among, printable
from .targets import Task

__all__ = ["Arrays", "kind_of_arrays", "read_arrays"]

_MAX_NAMES = 8
Kind = Literal["npz", "npy", "idx"]


class Arrays(NamedTuple):
    """Inputs and targets.

    Attributes
    ----------
    X : (S, n_0) float32 or float64, C-contiguous
        One row per sample.
    y : (S,) array or None
        Numbers or text; None without targets.
    place : str
        Where the targets come from.
    is_image : bool
        Whether X are bytes divided by 255.
    task : {"classification", "regression"} or None
        Whole numbers in an idx file are labels; None: unknown.
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    place: str
    is_image: bool
    task: Task | None


def kind_of_arrays(path: Path) -> Kind | None:
    """The kind of a file of arrays by its name; None for other files."""
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        return "npz" if suffix == ".npz" else "npy"
    return "idx" if re.search(r"[-.](idx\d?|ubyte)", path.name.lower()) else None


def read_arrays(
    path: Path,
    target: str | int | None = None,
    target_file: str | PathLike[str] | None = None,
    needs_targets: bool = True,
    reads_targets: bool = True,
) -> Arrays:
    """Read inputs and targets.

    Parameters
    ----------
    path : Path
        A .npz file with both, or a .npy or idx file with the inputs.
    target : str, optional
        The array of the targets in a .npz file.
    target_file : path, optional
        The file of the targets for .npy and idx; by default the one beside it that is called y if
        this one is called X, or labels if it is called images.
    needs_targets : bool, default True
        Whether it is an error if there are none.
    reads_targets : bool, default True
        Whether they are read.

    Raises
    ------
    ValueError
        If the file is damaged, or the arrays are not as expected.
    OSError
        If a file cannot be read.
    """
    kind = kind_of_arrays(path)
    if kind == "npz":
        if target_file is not None:
            raise ValueError(f"target_file: {path} holds its targets itself; expected none")
        X, y = _pick(path, array_files.open_npz(path), target, optional=not needs_targets)
        place = f"{path}, y"
    else:
        if target is not None:
            raise ValueError(f"target: {path} has no named columns; expected a target file")
        partner = _partner(path, target_file)
        if partner is None and needs_targets:
            raise ValueError(
                f"{path}: no file with the targets beside it; expected one, or its name with"
                " --target-file (target_file=...)"
            )
        X, y = _open(path), _open(partner) if partner and reads_targets else None
        place = str(partner or path)
    _check_inputs(path, X)
    labels = _targets(place, y, X.shape[0]) if y and reads_targets else None
    is_image = kind == "idx" and X.dtype == np.uint8
    inputs = _inputs(path, X.read())
    if is_image:
        inputs /= 255
    if labels is None:
        return Arrays(inputs, None, place, is_image, None)
    task: Task | None = "classification" if kind == "idx" and labels.dtype.kind in "iu" else None
    return Arrays(inputs, labels, place, is_image, task)


def _open(path: Path) -> StoredArray:
    match kind_of_arrays(path):
        case "npy":
            return array_files.open_npy(path)
        case "idx":
            return array_files.open_idx(path)
    raise ValueError(f"{path}: expected a .npy or idx file")


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


def _targets(place: str, stored: StoredArray, rows: int) -> NDArray[Any]:
    if stored.shape not in ((rows,), (rows, 1)):
        raise ValueError(f"{place}: shape {stored.shape}; expected ({rows},), one target per row")
    if stored.dtype.kind not in "biufUS":
        raise ValueError(f"{place}: dtype {stored.dtype}; expected numbers or text")
    y = stored.read().ravel()
    try:
        text = np.char.decode(y) if y.dtype.kind == "S" else y
    except UnicodeDecodeError:
        raise ValueError(f"{place}: bytes that are no text in UTF-8; expected text") from None
    if text.dtype.kind == "U":
        codes = text.view(np.uint32)  # of characters; NumPy takes any number for one
        if ((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any():
            raise ValueError(f"{place}: text with codes that are no character; expected text")
    return text


def _pick(
    path: Path, arrays: dict[str, StoredArray], target: str | int | None, optional: bool
) -> tuple[StoredArray, StoredArray | None]:
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
        unnamed.sort(key=lambda array: len(array.shape))
        if len(unnamed[0].shape) == 1 < len(unnamed[1].shape):
            return unnamed[1], unnamed[0]
    first = ", ".join(f"{printable(n)} {a.shape}" for n, a in islice(arrays.items(), _MAX_NAMES))
    found = (first or "none") + ", ..." * (len(arrays) > _MAX_NAMES)
    raise ValueError(f"{path}: arrays {found}; expected X (rows, features) and y (rows,)")


def _check_inputs(path: Path, X: StoredArray) -> None:
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{path}, X: dtype {X.dtype}; expected numbers")
    if len(X.shape) < 2 or 0 in X.shape:
        raise ValueError(f"{path}, X: shape {X.shape}; expected (rows, features), neither 0")


def _inputs(path: Path, X: NDArray[Any]) -> NDArray[Any]:
    small = X.dtype.itemsize <= 2 or X.dtype == np.float32
    flat = np.array(X.reshape(len(X), -1), dtype=np.float32 if small else np.float64, order="C")
    if not np.isfinite(flat).all():
        s, j = (int(k) for k in np.argwhere(~np.isfinite(flat))[0])
        raise ValueError(f"{path}, X[{s}, {j}]: got {flat[s, j]}; expected a finite number")
    return flat
