"""Targets: from labels and numbers to what a cost compares with, and from outputs back."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .. import validation
from ..kernels.costs import Cost
from .cells import (
    is_formatted_number,
    is_number,
    is_plain_number,
    not_a_number,
    not_among,
    printable,
    text_of_date,
)

__all__ = ["TargetEncoder", "Task"]

Task = Literal["classification", "regression"]

#: Text of more different values is no classes, unless the task is said to be classification.
MAX_TEXT_VALUES = 100
#: Whole numbers with at most this many different values are classes, unless the task is given.
MAX_NUMBERED_CLASSES = 20

#: A whole number with a decimal point, as pandas writes it beside missing ones.
_WHOLE = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0*", re.ASCII)

_FIRST = 10_000  # rows that often show at once that there are many different values

_SET_TASK = "set --task classification (task='classification')"


def _index(s: int) -> str:
    return f"y[{s}]"


@dataclass(frozen=True)
class TargetEncoder:
    """Encodes the targets of a network's cost, and decodes the outputs.

    Attributes
    ----------
    task : {"classification", "regression"}
        Whether the targets are classes or numbers.
    classes : list of str, int, float or bool, or None
        The label of each class, at the position of its id; None for regression.
    target : str or None
        The name of the target.
    """

    task: Task
    classes: list[Any] | None = None
    target: str | None = None

    @classmethod
    def fit_transform(
        cls,
        y: Any,
        task: Task | None = None,
        place: Callable[[int], str] = _index,
        order: Sequence[Any] | None = None,
    ) -> tuple["TargetEncoder", NDArray[Any]]:
        """Find the task and the classes of targets, and `transform` them.

        Parameters
        ----------
        y : (S,) array of numbers, booleans or text, or sequence of str
            The targets. Text of which all is numeric counts as numbers, unless some of it is codes
            such as 042.
        task : {"classification", "regression"}, optional
            None: booleans, text of at most 100 different values, and whole numbers of at most 20
            are classes.
        place : callable
            Where the target of a sample comes from, for error messages.
        order : sequence, optional
            The labels in the order of the classes; by default numbers by value, then text.

        Returns
        -------
        encoder : TargetEncoder
            Its classes are as they are given, numbers in their order before text.
        y : (S,) int64 or float64
            Class ids or numbers.

        Raises
        ------
        ValueError
            If a target is missing, no number although the task or the others ask for one, or not
            finite; if there are fewer than two classes.
        """
        array = _array(y, place)
        if task == "regression" or (task is None and _are_numbers(array, place)):
            return cls("regression"), _numbers(array, place)
        labels, ids = _distinct(array)
        if order is not None:
            position = {label: k for k, label in enumerate(order)}
            by_order = sorted(
                range(len(labels)), key=lambda k: position.get(labels[k], len(labels))
            )
            labels, ids = [labels[k] for k in by_order], np.argsort(by_order)[ids]
        if len(labels) < 2:
            raise ValueError(
                f"{place(0)}: every target is '{printable(str(labels[0]))}'; expected two classes"
                " or more (the target is the last column unless another is named)"
            )
        return cls("classification", labels), ids

    @classmethod
    def fit(cls, y: Any, task: Task | None = None) -> "TargetEncoder":
        """The encoder of `fit_transform` alone.

        Parameters
        ----------
        y, task
            As for `fit_transform`.
        """
        return cls.fit_transform(y, task)[0]

    @classmethod
    def from_cost(cls, cost: Cost, n_outputs: int) -> "TargetEncoder":
        """The encoder of a network without metadata: its cost decides whether it has classes.

        Parameters
        ----------
        cost : Cost
            The cost of the network.
        n_outputs : int
            Its outputs; classes are called "0", "1", ...
        """
        if not cost.classifies:
            return cls("regression")
        return cls("classification", [str(k) for k in range(max(n_outputs, 2))])

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "TargetEncoder":
        """The encoder that `metadata` describes.

        Parameters
        ----------
        metadata : mapping
            That of a network, with the keys of `TargetEncoder.metadata`; others are ignored.

        Raises
        ------
        ValueError
            If the task is unknown, there are not two classes or more, or one or the target is
            something else than their names.
        """
        task: Any = validation.choice("task", metadata.get("task"), get_args(Task))
        classes = metadata.get("classes")
        if task == "regression":
            classes = None
        elif not isinstance(classes, list) or len(classes) < 2 or not all(map(_is_label, classes)):
            raise ValueError(
                f"classes: got {validation.shown(classes)}; expected a list of two or more"
            )
        target = metadata.get("target")
        if not isinstance(target, str | None):
            received = validation.shown(target)
            raise ValueError(f"target: got {received}; expected a name")  # noqa: TRY004 - a file
        return cls(task, classes, target)

    @property
    def has_text(self) -> bool:
        """Whether there are labels of text, which a file's cells are compared with as written."""
        return any(isinstance(label, str) for label in self.classes or ())

    @property
    def metadata(self) -> dict[str, Any]:
        """What a model file holds of it, for JSON."""
        return {"task": self.task, "classes": self.classes, "target": self.target}

    def transform(self, y: Any, place: Callable[[int], str] = _index) -> NDArray[Any]:
        """Return class ids (S,) int64, or numbers (S,) float64.

        Parameters
        ----------
        y : (S,) array of numbers, booleans or text, or sequence of str
            The targets, as for `fit_transform`. Labels are compared as they are written, whatever
            other rows there are: 042 is not 42. A whole number may have a decimal point: 1.0 is 1.
        place : callable
            As for `fit_transform`.

        Raises
        ------
        ValueError
            As `fit_transform` does, and for a class that is not among `classes`.
        """
        array = _array(y, place)
        if self.classes is None:
            return _numbers(array, place)
        labels, rows = _distinct(array)
        known = {_key(label): k for k, label in enumerate(self.classes)}
        ids = np.array([known.get(_key(label), -1) for label in labels], dtype=np.int64)[rows]
        if (unknown := np.flatnonzero(ids < 0)).size:
            what = not_among(str(array[unknown[0]]), list(map(str, self.classes)))
            raise ValueError(f"{place(int(unknown[0]))}: unknown class {what}{_and_more(unknown)}")
        return ids

    def encode(self, y: NDArray[Any], cost: Cost, n_outputs: int) -> NDArray[Any]:
        """Return what the cost compares with the outputs.

        Parameters
        ----------
        y : (S,) int64 or float64
            Class ids or numbers, as `transform` returns them.
        cost : Cost
            The cost of the network.
        n_outputs : int
            Its outputs: one per class, or a single one for two classes.

        Returns
        -------
        (S,) or (S, n_outputs) ndarray
            Of classes the ids for softmax; for other costs 1 for the class and 0 for the others,
            or 1 and -1 for a cost of such targets. Numbers as they are.
        """
        if self.classes is None:
            return y
        self.check_outputs(n_outputs)
        if cost.link == "softmax":
            return y
        Y = y if n_outputs == 1 else np.eye(n_outputs)[y]
        return 2 * Y - 1 if cost.targets == "sign" else Y

    def probabilities(self, p: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of each class, (S, K).

        Parameters
        ----------
        p : (S, n_outputs) ndarray
            Predictions, the link applied; a single one is the probability of the second class.
        """
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def class_ids(self, p: NDArray[Any], cost: Cost | None = None) -> NDArray[np.int64]:
        """Return the id of the predicted class, (S,).

        Parameters
        ----------
        p : (S, n_outputs) ndarray
            Predictions, the link applied.
        cost : Cost, optional
            The cost of the network; None: one that gives probabilities.
        """
        self.check_outputs(p.shape[1])
        if p.shape[1] == 1:
            second = p[:, 0] > (0.0 if cost and cost.targets == "sign" else 0.5)
            return second.astype(np.int64)
        ids: NDArray[np.int64] = p.argmax(axis=1)
        return ids

    def check_outputs(self, n_outputs: int) -> None:
        """Raise ValueError if a network has another number of outputs than there are classes.

        Parameters
        ----------
        n_outputs : int
            That of the network; 1 is right for two classes too.
        """
        n_classes = len(self.classes or [])
        if self.classes and n_outputs != n_classes and (n_outputs, n_classes) != (1, 2):
            raise ValueError(f"classes: got {n_classes}; expected one per output, {n_outputs}")

    def decode(self, p: NDArray[Any], cost: Cost | None = None) -> NDArray[Any]:
        """Return the predicted labels (S,), or numbers of the shape of p.

        Parameters
        ----------
        p : (S, n_outputs) ndarray
            Predictions, the link applied.
        cost : Cost, optional
            The cost of the network; None: one that gives probabilities.
        """
        if self.classes is None:
            return p
        return np.array(self.classes)[self.class_ids(p, cost)]


# --- labels and numbers ---------------------------------------------------------------------------


def _array(y: Any, place: Callable[[int], str]) -> NDArray[Any]:
    """Targets as numbers, booleans or objects, text stripped; raise if one is missing."""
    array = y if isinstance(y, np.ndarray) else np.array([*y], dtype=object)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"y: got shape {array.shape}; expected at least one target, (S,)")
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind == "f":
        missing = np.flatnonzero(np.isnan(array))
        if (infinite := np.flatnonzero(np.isinf(array))).size:
            s = int(infinite[0])
            raise ValueError(
                f"{place(s)}: got '{printable(str(array[s]))}'; expected a finite number"
            )
        array = array + 0  # which makes 0.0 of -0.0
    else:
        values = [value.strip() if isinstance(value, str) else value for value in array.tolist()]
        dates = [s for s, value in enumerate(values) if isinstance(value, date)]
        if dates:
            when = text_of_date(np.datetime64(values[dates[0]]))
            hint = "; the number of days since a certain one is a number"
            raise ValueError(f"{place(dates[0])}: got {when}; expected numbers or classes{hint}")
        missing = np.array([s for s, v in enumerate(values) if v is None or v == "" or v != v])  # noqa: PLR0124 - NaN
        kinds = set(map(type, values))
        numeric = kinds <= {int, float} or kinds == {bool}
        array = np.array(values, dtype=None if numeric and not len(missing) else object)
    if len(missing):
        raise ValueError(f"{place(int(missing[0]))}: {not_a_number('')}{_and_more(missing)}")
    return array


def _is_label(value: Any) -> bool:
    """Whether JSON has it for a label."""
    return isinstance(value, str | int) or (isinstance(value, float) and np.isfinite(value))


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return is_plain_number(value)
    return not isinstance(value, bool)


def _are_numbers(array: NDArray[Any], place: Callable[[int], str]) -> bool:
    """Whether they are numbers rather than classes; raise where it is doubtful."""
    if array.dtype.kind == "b":
        return False
    if array.dtype.kind in "iuf":
        values = np.unique(array[:_FIRST])
        if len(values) <= MAX_NUMBERED_CLASSES:
            values = np.unique(array)
        return len(values) > MAX_NUMBERED_CLASSES or bool((values != np.floor(values)).any())
    labels, ids = _distinct(array)
    texts = [k for k, label in enumerate(labels) if not _is_number(label)]
    if not texts:
        whole = all(float(label).is_integer() for label in labels)
        return len(labels) > MAX_NUMBERED_CLASSES or not whole
    many = len(labels) > MAX_NUMBERED_CLASSES
    are_names = many and len(labels) == len(array)
    are_faulty = many and len(texts) < len(labels) / 2
    if all(is_formatted_number(str(labels[k])) for k in texts) or are_faulty:
        why = "; or"
    elif are_names or len(labels) > MAX_TEXT_VALUES:
        why = (
            f": text with at most {MAX_TEXT_VALUES} different values, some of them repeated, is"
            f" classes, here are {len(labels):,} in {len(array):,} rows; make numbers of it, or"
        )
    else:
        return False
    s = int(np.flatnonzero(np.isin(ids, texts))[0])
    raise ValueError(f"{place(s)}: {not_a_number(str(array[s]))}{why} for classes {_SET_TASK}")


def _numbers(array: NDArray[Any], place: Callable[[int], str]) -> NDArray[np.float64]:
    """The targets as numbers; raise if one is something else."""
    if array.dtype.kind not in "biuf":
        wrong = np.array([s for s, value in enumerate(array) if not _is_number(value)])
        if len(wrong):
            what = not_a_number(str(array[wrong[0]]))
            raise ValueError(f"{place(int(wrong[0]))}: {what}{_and_more(wrong)}")
    numbers = array.astype(np.float64)
    if (infinite := np.flatnonzero(~np.isfinite(numbers))).size:
        s = int(infinite[0])
        raise ValueError(f"{place(s)}: got '{printable(str(array[s]))}'; expected a finite number")
    return numbers


def _distinct(array: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """The different labels as they are given, numbers in their order before text; and their ids."""
    if array.dtype.kind in "biuf":
        values, ids = np.unique(array, return_inverse=True)
        return values.tolist(), ids
    keys = [*map(_key, array)]
    labels = dict(zip(reversed(keys), reversed(array), strict=True))  # the first one stays
    ordered = sorted(labels, key=_by_value)
    id_of = {key: k for k, key in enumerate(ordered)}
    ids = np.fromiter(map(id_of.__getitem__, keys), np.int64, len(keys))
    return [labels[key] for key in ordered], ids


def _key(value: Any) -> str:
    """What labels are compared by: as they are written, whole numbers without a decimal point."""
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        return whole[1] if whole else value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _by_value(label: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then text."""
    return (False, float(label), label) if is_number(label) else (True, 0.0, label)


def _and_more(places: Sequence[int] | NDArray[Any]) -> str:
    return f" (and {len(places) - 1:,} more)" if len(places) > 1 else ""
