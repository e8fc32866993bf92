"""Data sets: tables and files as inputs and targets of a network, and the digits of the package."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from os import PathLike
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from .. import validation
from . import array_files
from .cells import MISSING_WORDS
from .samples import Samples, columns_like, load_samples
from .table import Table
from .table_encoder import TableEncoder
from .targets import TargetEncoder, Task

__all__ = ["Dataset", "load_digits", "load_penguins", "read"]


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
        arrays = array_files.open_npz(path)
        X, y = arrays["X"].read(), arrays["y"].read()
    return X.astype(np.float32) / np.float32(16), y.astype(np.int64)


def load_penguins() -> dict[str, list[Any]]:
    """Load the table of 344 penguins that comes with the package.

    A. M. Horst, A. P. Hill, K. B. Gorman, 2020, https://doi.org/10.5281/zenodo.3960218, CC0. The
    data card is `fastgrad/data/datasets/README.md`.

    Returns
    -------
    dict of str to list
        The columns by name: species, island, sex as text, the others numbers; None where a value
        is missing. `pandas.DataFrame(load_penguins())` makes a DataFrame of it.
    """
    text = (files("fastgrad.data") / "datasets" / "penguins.csv").read_text(encoding="utf-8")
    names, *rows = csv.reader(text.splitlines())
    return {name: [_cell(row[j]) for row in rows] for j, name in enumerate(names)}


def _cell(text: str) -> str | float | None:
    try:
        return float(text)
    except ValueError:
        return None if text == "NA" else text


@dataclass(frozen=True)
class Dataset:
    """Inputs and targets, one sample per row.

    Attributes
    ----------
    X : (S, n_0) float32 or float64, C-contiguous
        The inputs: of a table as its encoder makes them, scaled; of arrays as they are.
    y : (S,) int64 or float64, or None
        Class ids (positions in `classes`), or numbers; None without targets.
    encoder : TableEncoder or None
        From the columns of a table to X: print it to see what it decided. None for arrays.
    targets : TargetEncoder or None
        From the target's column to y, and back.
    n_unlabelled : int
        Rows that were left out, since their target is missing.
    is_table : bool
        True if the inputs are of a table or array of numbers; False for images of bytes, which are
        scaled to 0 to 1.
    missing : tuple of str
        The words that stood for a missing value.
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    encoder: TableEncoder | None = None
    targets: TargetEncoder | None = None
    n_unlabelled: int = 0
    is_table: bool = True
    missing: tuple[str, ...] = MISSING_WORDS

    def __repr__(self) -> str:
        """Shape, target and classes on one line."""
        rows, width = self.X.shape
        parts = [f"{rows:,} rows", f"{width:,} inputs"]
        if self.targets:
            kind = f"{len(self.classes)} classes" if self.classes else "numbers"
            parts.append(f"target {self.target!r} ({kind})")
        return f"<Dataset {', '.join(parts)}>"

    @property
    def task(self) -> Task | None:
        """Classification or regression; None without targets."""
        return self.targets.task if self.targets else None

    @property
    def classes(self) -> list[Any] | None:
        """The labels of the classes; None for numbers."""
        return self.targets.classes if self.targets else None

    @property
    def target(self) -> str | None:
        """The name of the target."""
        return self.targets.target if self.targets else None

    @property
    def features(self) -> list[str] | None:
        """The columns that X is made of; None for arrays."""
        return list(self.encoder.names) if self.encoder else None

    @property
    def input_names(self) -> list[str] | None:
        """The names of the columns of X, such as "sex = male"; None for arrays."""
        return list(self.encoder.input_names) if self.encoder else None

    def labels(self, prediction: NDArray[Any]) -> NDArray[Any]:
        """Labels as they were in the data, (S,), for the predictions of a network.

        Parameters
        ----------
        prediction : (S, K) or (S, 1) array
            What `Network.predict` returns: one column per class, or of two classes the probability
            of the second.

        Raises
        ------
        ValueError
            If the target is not classes, or their number is another.
        """
        if not self.targets or not self.classes:
            raise ValueError("labels: the target has no classes; expected a classification")
        return self.targets.decode(np.asarray(prediction))

    @property
    def metadata(self) -> dict[str, Any]:
        """What `read(..., like=metadata)` needs to read another file in the same way, for JSON."""
        targets = self.targets.metadata if self.targets else {}
        encoder = self.encoder.to_config() if self.encoder else None
        return {**targets, "encoder": encoder, "missing": [*self.missing]}


def read(
    source: Any,
    *,
    target: str | int | None = None,
    target_file: str | PathLike[str] | None = None,
    task: Task | None = None,
    categorical: Sequence[str] = (),
    ignore: Sequence[str | int] = (),
    missing: Sequence[str] = MISSING_WORDS,
    header: bool | None = None,
    like: Mapping[str, Any] | None = None,
    targets: bool = True,
    dtype: str = "float32",
) -> Dataset:
    """Read a data set: a table of any kind, or arrays.

    Parameters
    ----------
    source : path, DataFrame, open file, list of dicts or mapping of columns
        - A DataFrame of pandas, polars, pyarrow or another library that narwhals knows.
        - .csv, .tsv, .txt: text with any delimiter, also compressed; .parquet, .arrow, .jsonl,
          .xlsx; "-" for standard input.
        - .npz: arrays X and y (or x_train and y_train, or data and target, or any two of which
          one is the target: the one with one dimension).
        - .npy: X; the targets are in `target_file`, or in the file beside it that is called y
          if this one is called X, or labels if it is called images.
        - idx, the format of MNIST, plain or .gz: images; the labels likewise. Bytes are divided
          by 255.

        Arrays of more than two dimensions are flattened to one row per sample.
    target : str or int, optional
        The target: a column's name or position (from 1; -1 is the last, the default), or an
        array's name in a .npz file. Rows in which it is missing are left out, and counted.
    target_file : path, optional
        The file with the targets, for .npy and idx.
    task : {"classification", "regression"}, optional
        By default found from the target: booleans, text and whole numbers with at most 20 different
        values are classes. Text of more than 100 different values is an error unless it is given.
    categorical : sequence of str
        Columns that are categories although they are numbers, or text of many values.
    ignore : sequence of str or int
        Columns to leave out: names or positions (from 1).
    missing : sequence of str
        Words that stand for a missing value in text.
    header : bool, optional
        Whether a text file has a header; by default found from its first rows.
    like : mapping, optional
        `Dataset.metadata` of the data that a network was trained on, which are in the metadata of
        its file: the same columns are read and encoded in the same way; there may be no target.
    targets : bool
        False, if `like` is given: do not read the targets, whatever they are.
    dtype : {"float32", "float64"}, default "float32"
        Of X, for a table.

    Returns
    -------
    Dataset

    Raises
    ------
    TypeError
        If `ignore` or `categorical` is a name or a number instead of a list of them, or `like` is
        no mapping.
    ValueError
        If the data are not as expected; the message names the file and the place in it.
    OSError
        If the file cannot be read.
    """
    if task is not None:
        validation.choice("task", task, get_args(Task))
    encoder, encodes_targets = TableEncoder(categorical=categorical, dtype=dtype), None
    text, expected = [*categorical], None
    if like is not None:
        if not hasattr(like, "get"):
            received = validation.shown(like)
            raise TypeError(f"like: got {received}; expected the metadata of data or of a network")
        if like.get("task"):
            encodes_targets = TargetEncoder.from_metadata(like)
        if like.get("encoder"):
            encoder = TableEncoder.from_config(like["encoder"])
            target = like.get("target") if target is None else target
            missing = like.get("missing", missing)
            text, expected = columns_like(encoder, encodes_targets, target)
    samples = load_samples(
        source, target=target, target_file=target_file, ignore=ignore, text=text, missing=missing,
        header=header, expected=expected, needs_targets=like is None, reads_targets=targets,
    )  # fmt: skip
    if like is not None and isinstance(samples.inputs, Table) and not like.get("encoder"):
        raise ValueError(
            "like: got metadata without columns; expected those of data that were read, as"
            " `Dataset.metadata`, or for a TableModel its `predict`, which reads tables itself"
        )
    data = _encoded(samples, encoder, encodes_targets, task, like is None)
    return replace(data, missing=tuple(missing))


def _encoded(
    samples: Samples,
    encoder: TableEncoder,
    targets: TargetEncoder | None,
    task: Task | None,
    is_new: bool,
) -> Dataset:
    """The data set of samples: encoded anew, or as another one was."""
    y = None
    if samples.labels is not None:
        if targets is None:
            targets, y = samples.encoded_targets(task)
        else:
            y = targets.transform(samples.labels, samples.place)
    if not isinstance(samples.inputs, Table):
        return Dataset(samples.inputs, y, None, targets, samples.n_unlabelled, not samples.is_image)
    if is_new:
        encoder.fit(samples.inputs)
    X = encoder.transform(samples.inputs)
    return Dataset(X, y, encoder, targets, samples.n_unlabelled)
