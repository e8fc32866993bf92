"""Samples before they are encoded: a table or an array of inputs, and their targets."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..frames import is_series
from ..validation import shown
from .arrays import kind_of_arrays, read_arrays
from .cells import MISSING_WORDS, not_among
from .sources import is_record
from .table import Table, read_table
from .table_encoder import TableEncoder
from .targets import TargetEncoder, Task

__all__ = ["Samples", "columns_like", "is_row", "load_samples"]


@dataclass(frozen=True)
class Samples:
    """Inputs and targets, one sample per row.

    Attributes
    ----------
    inputs : Table or (S, n_0) array
        A table of the features, or numbers.
    labels : (S,) array or None
        The targets: numbers, booleans or text; None without any.
    target : str or None
        Their name.
    place : callable
        Where the target of a row comes from, for errors.
    n_unlabelled : int
        Rows that were left out, since their target is missing.
    is_image : bool
        Whether the inputs are bytes divided by 255, which need no scaling.
    task : {"classification", "regression"}, optional
        If the kind of file tells it: the labels of images are classes.
    order : tuple, optional
        Of the labels, if they have one in the source.
    """

    inputs: Table | NDArray[Any]
    labels: NDArray[Any] | None
    target: str | None
    place: Callable[[int], str]
    n_unlabelled: int = 0
    is_image: bool = False
    task: Task | None = None
    order: tuple[Any, ...] | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return self.inputs.n_rows if isinstance(self.inputs, Table) else len(self.inputs)

    def encoded_targets(self, task: Task | None = None) -> tuple[TargetEncoder, NDArray[Any]]:
        """The encoder of the targets, fitted to them, and what it makes of them.

        Parameters
        ----------
        task : {"classification", "regression"}, optional
            By default `task`, or found from the targets.
        """
        targets, y = TargetEncoder.fit_transform(
            self.labels, task or self.task, self.place, self.order
        )
        return replace(targets, target=self.target), y

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The samples of these rows."""
        inputs = self.inputs
        inputs = inputs.take(rows) if isinstance(inputs, Table) else inputs[rows]
        labels, place = None if self.labels is None else self.labels[rows], self.place
        return replace(self, inputs=inputs, labels=labels, place=lambda s: place(int(rows[s])))


def load_samples(
    source: Any,
    *,
    target: str | int | None = None,
    target_file: str | PathLike[str] | None = None,
    ignore: Sequence[str | int] = (),
    text: Collection[str] = (),
    missing: Collection[str] = MISSING_WORDS,
    header: bool | None = None,
    expected: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    needs_targets: bool = True,
    reads_targets: bool = True,
) -> Samples:
    """Read inputs and targets; rows whose target is missing are left out, and counted.

    Parameters
    ----------
    source : path, DataFrame, open file, list of dicts, mapping of columns, or (S, n_0) array
        As `fastgrad.data.read` takes them.
    target : str or int, optional
        The target: a column's name or position (from 1; -1 is the last, the default), or the name
        of an array in a .npz file.
    target_file, ignore, missing, header
        As for `fastgrad.data.read`.
    text : collection of str
        Columns that stay as they are written.
    expected : sequence of str, optional
        The names of the features of a model, and of its target if that is known: other columns are
        ignored. Without `target`, it is the only column that is not among them.
    keep : sequence of str
        Columns of a table to keep as they are written, too.
    needs_targets : bool, default True
        Whether it is an error if there are none.
    reads_targets : bool, default True
        Whether they are read.
    """
    if isinstance(source, str | PathLike) and kind_of_arrays(Path(fspath(source))):
        path = Path(fspath(source))
        for argument, columns in {"ignore": ignore, "keep": keep}.items():
            if len(columns):
                raise ValueError(f"{argument}: {path} has no named columns; expected a table")
        arrays = read_arrays(path, target, target_file, needs_targets, reads_targets)
        samples = Samples(
            arrays.X, arrays.y, str(target or "y"), lambda s: f"{arrays.place}[{s}]",
            is_image=arrays.is_image, task=arrays.task,
        )  # fmt: skip
        return _with_targets(samples)
    if target_file is not None:
        raise ValueError(
            "target_file: got one for a table, whose target is a column; expected none"
        )
    if isinstance(ignore, str) or not isinstance(ignore, Iterable):
        raise TypeError(f"ignore: got {ignore!r}; expected a list of columns, as [{ignore!r}]")
    table = read_table(
        source, text=text, missing=missing, header=header, expected=expected, keep=keep
    )
    names = [*table.columns]
    left_out = {_name(names, column, "ignore", table.source) for column in ignore}
    name = _target(names, target, left_out, table.source, needs_targets, expected or ())
    inputs = table.without({*left_out, *([] if name is None else [name])})
    if not inputs.columns:
        raise ValueError(f"{table.source}: no column beside the target; expected at least one")
    if name is None or not reads_targets:
        return Samples(inputs, None, name, str)
    column = table.columns[name]
    labels, order = column.values, column.ordered and tuple[Any, ...](column.ordered)
    if labels.dtype.kind == "O" and column.are_integers:  # categories that are
        labels = np.array([None if cell is None else int(cell) for cell in labels], dtype=object)
        order = order and tuple(int(label) for label in order)
    if table.has_types and column.text is not None:  # labels that are text stay text
        labels = np.array(column.text.to_pylist(), dtype=object)
        column = replace(column, are_integers=False)
    samples = Samples(inputs, labels, name, lambda s: table.place(s, name), order=order)
    kind = bool if column.is_boolean else np.int64 if column.are_integers else None
    return _with_targets(samples, kind)


def columns_like(
    encoder: TableEncoder, targets: TargetEncoder | None, target: str | int | None = None
) -> tuple[list[str], list[str]]:
    """`text` and `expected` for :func:`load_samples`, to read columns as they were in training.

    Parameters
    ----------
    encoder, targets : TableEncoder, TargetEncoder or None
        Of the training.
    target : str or int, optional
        The column of the targets, if it is not the one of the training.
    """
    if targets is None:
        return encoder.text_columns, encoder.names
    name = str(targets.target if target is None else target)
    text = [name] if targets.has_text else []
    return [*encoder.text_columns, *text], [*encoder.names, name]


def is_row(table: Any) -> bool:
    """Whether it is a mapping of the cells of one row, or a DataFrame of one row."""
    if isinstance(table, Mapping):
        return is_record(table)
    if is_series(table):
        return True
    return hasattr(table, "columns") and hasattr(table, "__len__") and len(table) == 1


def _with_targets(samples: Samples, kind: type | None = None) -> Samples:
    """The samples whose target is not missing; the targets of this type, if they had another."""
    labels = samples.labels
    if labels is None:
        return samples
    present = _present(labels)
    if not present.all():
        if not present.any():
            raise ValueError(f"{samples.place(0)}: every target is missing; expected some")
        samples = samples.take(np.flatnonzero(present))
        samples = replace(samples, n_unlabelled=int((~present).sum()))
    if kind:
        samples = replace(samples, labels=labels[present].astype(kind))
    return samples


def _present(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which targets are not missing."""
    if labels.dtype.kind == "O":
        return np.array([label is not None for label in labels], dtype=bool)
    present = np.ones(len(labels), dtype=bool)
    if labels.dtype.kind in "fM":
        present &= labels == labels  # noqa: PLR0124 - neither NaN nor NaT
    return present


def _target(
    names: Sequence[str],
    target: str | int | None,
    left_out: Collection[str],
    source: str,
    needs_targets: bool,
    inputs: Collection[str],
) -> str | None:
    """The name of the target; None if there need not be one.

    The one given; or else the only column beside the inputs, if these are known; or the last one.
    """
    if target is None:
        if not needs_targets:
            return None
        if inputs and {*inputs} <= {*names}:
            others = [name for name in names if name not in inputs and name not in left_out]
            if len(others) != 1:
                found = f"the columns {', '.join(others)}" if others else "no column"
                expected = "one of them, by its name" if others else "a column with the targets"
                raise ValueError(
                    f"target: got {found} beside the inputs of the model in {source}; expected"
                    f" {expected}"
                )
            return others[0]
        target = next((name for name in reversed(names) if name not in left_out), None)
        if target is None:
            raise ValueError("ignore: got every column; expected others than the target")
        return target
    if not needs_targets and str(target) not in names:
        return None
    name = _name(names, target, "target", source)
    if name in left_out:
        raise ValueError(f"ignore: got the target {name!r}; expected others than the target")
    return name


def _name(names: Sequence[str], column: str | int, argument: str, source: str) -> str:
    """The name of a column given by name, or by number from 1 (-1 is the last).

    A number that is a name, as the columns of an array's DataFrame have, is the name.
    """
    if not isinstance(column, str | int):
        raise TypeError(
            f"{argument}: got {shown(column)}; expected the name or the number of a column, which"
            " table.assign(y=...) adds"
        )
    if str(column) in names:
        return str(column)
    try:
        number = int(column)
    except ValueError:
        raise ValueError(
            f"{argument}: {source} has no column {not_among(str(column), names)}"
        ) from None
    if number == 0 or abs(number) > len(names):
        raise ValueError(
            f"{argument}: got column {number}; expected 1 to {len(names)}, or -1 for the last"
        )
    return names[number - 1 if number > 0 else number]
