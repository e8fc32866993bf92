"""Targets: from labels and numbers to what a cost compares with, and from outputs back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .. import validation
from ..kernels.costs import Cost
from .cells import (
    MAX_TEXT_VALUES,
    is_formatted_number,
    is_missing,
    is_number,
    not_a_number,
    not_among,
)

__all__ = ["TargetEncoder", "Task"]

Task = Literal["classification", "regression"]

#: Whole numbers with at most this many different values are classes, unless the task is given.
MAX_NUMBERED_CLASSES = 20

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
    mean, scale : float
        Numbers y are encoded as (y - mean) / scale.
    """

    task: Task
    classes: list[Any] | None = None
    target: str | None = None
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def fit_transform(
        cls, y: Any, task: Task | None = None, place: Callable[[int], str] = _index
    ) -> tuple["TargetEncoder", NDArray[Any]]:
        """Find the task and the classes of targets, and `transform` them.

        Parameters
        ----------
        y : (S,) array of numbers, or sequence of str
            The targets. Text is stripped, and read as numbers if all of it is numeric.
        task : {"classification", "regression"}, optional
            None: text of at most 100 different values and whole numbers of at most 20 are classes.
        place : callable
            Where the target of a sample comes from, for error messages.

        Returns
        -------
        encoder : TargetEncoder
        y : (S,) int64 or float64
            Class ids or numbers.

        Raises
        ------
        ValueError
            If a target is missing, no number although the task or the others ask for one, or not
            finite; if there are fewer than two classes.
        """
        values, numbers = _parsed(y, task, place)
        if task is None and numbers is not None:
            few = _are_whole(numbers) and len(np.unique(numbers)) <= MAX_NUMBERED_CLASSES
            task = "classification" if few else "regression"
        if task == "regression":
            return cls("regression"), np.asarray(numbers)
        labels = _labels(values, numbers)
        names = sorted(set(labels), key=_by_value)
        if task is None and len(names) > MAX_TEXT_VALUES:
            raise ValueError(
                f"{place(0)}: {not_a_number(values[0])}: text with at most {MAX_TEXT_VALUES} "
                f"different values is classes, here are {len(names)}; make numbers of it, or for "
                f"classes {_SET_TASK}"
            )
        if len(names) < 2:
            raise ValueError(
                f"{place(0)}: every target is '{names[0]}'; expected two classes or more (the "
                "target is the last column unless another is named)"
            )
        is_text = _kind(y) not in "biuf"
        encoder = cls("classification", names if is_text else np.unique(y).tolist())
        ids = {name: k for k, name in enumerate(names)}
        return encoder, np.array([ids[label] for label in labels], dtype=np.int64)

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
            If the task is unknown, or there are not two classes or more.
        """
        task: Any = validation.choice("task", metadata.get("task"), get_args(Task))
        classes = metadata.get("classes")
        if task == "regression":
            classes = None
        elif not isinstance(classes, list) or len(classes) < 2:
            raise ValueError(
                f"classes: got {validation.shown(classes)}; expected a list of two or more"
            )
        return cls(task, classes, metadata.get("target"))

    @property
    def metadata(self) -> dict[str, Any]:
        """What a model file holds of it, for JSON; not mean and scale, which `unscale` undoes."""
        return {"task": self.task, "classes": self.classes, "target": self.target}

    def transform(self, y: Any, place: Callable[[int], str] = _index) -> NDArray[Any]:
        """Return class ids (S,) int64, or numbers (S,) float64.

        Parameters
        ----------
        y : (S,) array of numbers, or sequence of str
            The targets, as for `fit_transform`.
        place : callable
            As for `fit_transform`.

        Raises
        ------
        ValueError
            As `fit_transform` does, and for a class that is not among `classes`.
        """
        values, numbers = _parsed(y, self.task, place)
        if self.classes is None:
            return np.asarray(numbers)
        names = list(map(str, self.classes))
        key = _by_value if all(map(is_number, names)) else str
        ids = {key(name): k for k, name in enumerate(names)}
        labels = _labels(values, numbers)
        for s, label in enumerate(labels):
            if key(label) not in ids:
                raise ValueError(f"{place(s)}: unknown class {not_among(label, names)}")
        return np.array([ids[key(label)] for label in labels], dtype=np.int64)

    def scaled(self, y: NDArray[Any]) -> "TargetEncoder":
        """Return an encoder whose mean and scale are the mean and the standard deviation of y.

        Parameters
        ----------
        y : (S,) float64
            Numbers to train on; equal ones are not scaled.
        """
        return replace(self, mean=float(y.mean()), scale=float(y.std()) or 1.0)

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
            or 1 and -1 for a cost of such targets. Of numbers (y - mean) / scale.
        """
        if self.classes is None:
            return (y - self.mean) / self.scale
        self._check_outputs(n_outputs)
        if cost.link == "softmax":
            return y
        Y = y if n_outputs == 1 else np.eye(n_outputs)[y]
        return 2 * Y - 1 if cost.targets == "sign" else Y

    def unscale(self, W: NDArray[Any], b: NDArray[Any]) -> None:
        """Undo the scaling in the last layer, in place: outputs are then in the unit of y.

        Parameters
        ----------
        W, b : ndarray
            Weights and biases of a layer with the activation identity.
        """
        mean, scale = np.float64(self.mean), np.float64(self.scale)  # rounded once, to W's dtype
        W *= scale
        b[...] = b * scale + mean

    def probabilities(self, p: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of each class, (S, K).

        Parameters
        ----------
        p : (S, n_outputs) ndarray
            Predictions, the link applied; a single one is the probability of the second class.
        """
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def class_ids(self, p: NDArray[Any], cost: Cost) -> NDArray[np.int64]:
        """Return the id of the predicted class, (S,).

        Parameters
        ----------
        p : (S, n_outputs) ndarray
            Predictions, the link applied.
        cost : Cost
            The cost of the network.
        """
        self._check_outputs(p.shape[1])
        if p.shape[1] == 1:
            second = p[:, 0] > (0.0 if cost.targets == "sign" else 0.5)
            return second.astype(np.int64)
        ids: NDArray[np.int64] = p.argmax(axis=1)
        return ids

    def _check_outputs(self, n_outputs: int) -> None:
        n_classes = len(self.classes or [])
        if n_outputs != n_classes and (n_outputs, n_classes) != (1, 2):
            raise ValueError(f"classes: got {n_classes}; expected one per output, {n_outputs}")

    def decode(self, p: NDArray[Any], cost: Cost) -> NDArray[Any]:
        """Return the predicted labels (S,), or numbers of the shape of p.

        Parameters
        ----------
        p : (S, n_outputs) ndarray
            Predictions, the link applied.
        cost : Cost
            The cost of the network.
        """
        if self.classes is None:
            return p * self.scale + self.mean
        return np.array(self.classes)[self.class_ids(p, cost)]


# --- labels as text ------------------------------------------------------------------------------


def _kind(y: Any) -> str:
    return np.asarray(y[:1]).dtype.kind


def _parsed(
    y: Any, task: Task | None, place: Callable[[int], str]
) -> tuple[list[Any], NDArray[np.float64] | None]:
    """Targets as they are given, text stripped, and as numbers if all are numeric."""
    if np.ndim(y[:1]) != 1 or not len(y):
        raise ValueError(f"y: got shape {np.shape(y)}; expected at least one target, (S,)")
    if _kind(y) in "iuf":
        array = np.asarray(y) + 0  # which makes 0.0 of -0.0
        values, numbers = array.tolist(), array.astype(np.float64)
    else:
        values = [str(value).strip() for value in y]
        numeric = [is_number(text) for text in values]
        if task != "classification":
            _check_numeric(values, numeric, task, place)
        if not all(numeric):
            return values, None
        numbers = np.array(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        s = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise ValueError(f"{place(s)}: got '{values[s]}'; expected a finite number")
    return values, numbers


def _check_numeric(
    texts: Sequence[str], numeric: Sequence[bool], task: Task | None, place: Callable[[int], str]
) -> None:
    """Raise for a missing value, and for text where the task or other targets ask for numbers."""
    others = [text for text, is_numeric in zip(texts, numeric, strict=True) if not is_numeric]
    if not (task or numeric[0] or all(map(is_formatted_number, others))):
        others = []  # they are labels
    wrong = [text for text in texts if is_missing(text)] or others
    if wrong:
        hint = "" if task or not wrong[0] else f"; for classes {_SET_TASK}"
        raise ValueError(f"{place(texts.index(wrong[0]))}: {not_a_number(wrong[0])}{hint}")


def _are_whole(numbers: NDArray[np.float64]) -> bool:
    return bool((numbers == np.round(numbers)).all())


def _labels(values: list[Any], numbers: NDArray[np.float64] | None) -> list[str]:
    """The targets as text; whole numbers, however they are written, without a decimal point."""
    if numbers is not None and _are_whole(numbers):
        return [str(int(_value(str(value)))) for value in values]
    return list(map(str, values))


def _value(number: str) -> float:
    """The number, exact if it is an integer of any size."""
    try:
        return int(number)
    except ValueError:
        return float(number)


def _by_value(label: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then text."""
    return (False, _value(label), "") if is_number(label) else (True, 0.0, label)
