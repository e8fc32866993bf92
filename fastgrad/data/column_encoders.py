"""Columns of a table as inputs of a network: the base of their encoders, and categories."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .cells import is_plain_number, listed, printable
from .column_values import (
    NUMBER_TYPES,
    Findings,
    canonical_number,
    column_of,
    is_missing,
    is_word_for_missing,
    rows_in_words,
    texts_of,
    value_of_number,
)
from .table import Column

__all__ = ["BooleanEncoder", "CategoryEncoder", "ColumnEncoder", "LeftOut", "RowWriter"]

Array = NDArray[Any]

MAX_FLOAT = float(np.finfo(np.float64).max)
#: What a single cell becomes: its inputs.
RowWriter = Callable[[Any], Sequence[float]]


@dataclass(frozen=True)
class ColumnEncoder:
    """Base of the encoders of a column; what a file holds of one is its fields.

    Attributes
    ----------
    name : str
        The name of the column.
    """

    name: str

    kind: ClassVar[str]
    #: What a valid value of each field is, by the name of a check in `encoder_config.CHECKS`.
    SCHEMA: ClassVar[Mapping[str, str]]

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in their order."""
        raise NotImplementedError

    @property
    def description(self) -> str:
        """What became of the column, and why."""
        raise NotImplementedError

    def encode(self, column: Column, out: Array, findings: Findings) -> None:
        """Write the inputs (S, n) of a column's values into `out`."""
        raise NotImplementedError

    def decode(self, inputs: NDArray[np.float64]) -> Array:
        """The column's values (S,) of the inputs (S, n)."""
        raise NotImplementedError

    def row_writer(self) -> RowWriter:
        """A fast function from a single cell to its inputs, the same as those of `encode`."""
        raise NotImplementedError

    def encode_cell(self, value: Any) -> list[float]:
        """The inputs of any single cell, by way of `encode`."""
        findings = Findings(lambda _, name: f"column {name!r}")
        out = np.zeros((1, len(self.input_names)))
        self.encode(column_of(self.name, value, findings), out, findings)
        findings.report(stacklevel=5)  # of the caller of encode_row
        return out[0].tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class LeftOut(ColumnEncoder):
    """A column of which no input is made.

    Attributes
    ----------
    reason : str
        Why.
    """

    reason: str

    kind = "left out"
    SCHEMA: ClassVar = {"name": "text", "reason": "text"}

    @property
    def input_names(self) -> list[str]:
        """None."""
        return []

    @property
    def description(self) -> str:
        """The reason."""
        return self.reason


@dataclass(frozen=True)
class CategoryEncoder(ColumnEncoder):
    """One of some categories: an input each, a single one for two of them; missing is one too.

    Attributes
    ----------
    categories : tuple of str
        In the order of their inputs.
    n_missing : int
        Training values that were missing; above 0 there is the input "is missing".
    shares : tuple of float
        Of the categories among the training values that were not missing: the inputs of a value
        that is no category, where there is no input "is missing".
    """

    categories: tuple[str, ...]
    n_missing: int
    shares: tuple[float, ...]

    kind = "category"
    SCHEMA: ClassVar = {
        "name": "text", "categories": "texts", "n_missing": "count", "shares": "shares",
    }  # fmt: skip
    _types: ClassVar = frozenset[Any]({*NUMBER_TYPES, str})  # of cells that equal a category

    @property
    def _own(self) -> range:
        """The categories that have an input: of two the second, of a single one none."""
        return range(0 if len(self.categories) > 2 else 1, len(self.categories))

    @property
    def input_names(self) -> list[str]:
        """The name as "NAME = CATEGORY" of those that have an input, and "NAME is missing"."""
        names = [f"{self.name} = {self.categories[k]}" for k in self._own]
        return names + [f"{self.name} is missing"] * (self.n_missing > 0)

    @property
    def description(self) -> str:
        """The categories and the number of missing values."""
        shown = listed([category or "''" for category in self.categories])
        missing = f"; {self.n_missing:,} missing: a category of its own" * (self.n_missing > 0)
        n = len(self.categories)
        return f"{n:,} {'categories' if n > 1 else 'category'}: {shown}{missing}"

    @cached_property
    def _are_numbers(self) -> bool:
        """Whether all categories are plain numbers, which may be written in more than one way."""
        return all(map(is_plain_number, self.categories))

    def _by_text(self) -> dict[Any, int]:
        return {category: k for k, category in enumerate(self.categories)}

    def _by_number(self) -> dict[Any, int]:
        return {
            value_of_number(category): k
            for k, category in enumerate(self.categories)
            if is_plain_number(category)
        }

    def _respelled(self, text: str) -> str:
        """The text as a category may be spelled, for one that is not found as it stands."""
        text = text.strip()
        if not self._are_numbers:
            return text
        text = {"True": "1", "False": "0"}.get(text, text)
        return canonical_number(text) if is_plain_number(text) else text

    def _codes(self, column: Column, findings: Findings) -> NDArray[np.int64]:
        """The position of each value's category; -1 where it is missing, or unseen in training."""
        values, n = column.values, len(column.values)
        unseen: dict[str, int] = {}
        if values.dtype.kind == "f" and (self.kind == "boolean" or not column.is_boolean):
            codes = self._codes_of_numbers(values)
            for number in values[(codes < 0) & ~np.isnan(values)].tolist():
                key = canonical_number(repr(number))
                unseen[key] = unseen.get(key, 0) + 1
        else:
            by_text = self._by_text()
            texts = texts_of(column)
            codes = np.fromiter(map(by_text.get, texts, repeat(-1, n)), np.int64, n)
            for s in np.flatnonzero(codes < 0).tolist():
                if (text := texts[s]) is not None:
                    codes[s] = by_text.get(self._respelled(text), -1)
                    if codes[s] < 0 and not is_word_for_missing(text):
                        unseen[text] = unseen.get(text, 0) + 1
        n_unseen = sum(unseen.values())
        if n_unseen:
            findings.warn(
                f"column {self.name!r}: not seen in training:"
                f" {', '.join(repr(printable(text)) for text in list(unseen)[:3])}"
                f"{', ...' if len(unseen) > 3 else ''} ({rows_in_words(n_unseen)}); {self._fate}"
            )
        n_missing = int((codes < 0).sum()) - n_unseen
        if n_missing and not self.n_missing:
            findings.warn_missing(self.name, n_missing, self._fate)
        return codes

    def _codes_of_numbers(self, values: Array) -> NDArray[np.int64]:
        by_number = self._by_number()
        exact = sorted(x for x in by_number if abs(x) <= MAX_FLOAT and float(x) == x)
        if not exact:
            return np.full(len(values), -1)
        code = np.array([by_number[x] for x in exact])
        ordered = np.array(exact, np.float64)
        at = np.minimum(np.searchsorted(ordered, values), len(exact) - 1)
        return np.where(ordered[at] == values, code[at], -1)

    @property
    def _fate(self) -> str:
        """What becomes of a value that is no category."""
        if self.n_missing:
            return "counts as missing"
        if len(self.categories) > 2:
            return "its inputs are the shares of the categories in training"
        return f"its input is {self.shares[1]:.2g}, the share of {self.categories[1]!r} in training"

    def _positions(self) -> list[int]:
        """The input of each category, and last of none; -1 if it has no input."""
        own = range(len(self._own))
        return [-1] * self._own.start + [*own, len(own) if self.n_missing else -1]

    def encode(self, column: Column, out: Array, findings: Findings) -> None:
        """Write 1 for the category and 0 for the others."""
        codes = self._codes(column, findings)
        position = np.array(self._positions())[codes]
        rows = np.flatnonzero(position >= 0)
        out[...] = 0
        out[rows, position[rows]] = 1
        if not self.n_missing:
            out[codes < 0] = self.shares[self._own.start :]

    def inputs_by_code(self) -> NDArray[np.float64]:
        """The inputs of each category, and in the last row those of no category: (K + 1, n)."""
        rows = np.zeros((len(self.categories) + 1, len(self.input_names)))
        for k, j in enumerate(self._positions()):
            if j >= 0:
                rows[k, j] = 1
        if not self.n_missing:
            rows[-1] = self.shares[self._own.start :]
        return rows

    def spellings(self) -> dict[str, int]:
        """Texts and the position of the category that each stands for.

        The categories themselves, and of numbers and booleans the usual other spellings: others
        that `encode` knows too, such as 1e0, are without end.
        """
        by_text = self._by_text()
        texts = list(self.categories)
        if self._are_numbers or self.kind == "boolean":
            numbers = [float(text) for text in self.categories if is_plain_number(text)]
            texts += [repr(x) for x in numbers] + [canonical_number(repr(x)) for x in numbers]
            texts += ["True", "False", "true", "false", "TRUE", "FALSE", "1", "0", "1.0", "0.0"]
        codes = {text: by_text.get(text, by_text.get(self._respelled(text))) for text in texts}
        return {text: code for text, code in codes.items() if code is not None}

    def decode(self, inputs: NDArray[np.float64]) -> Array:
        """The categories, None where one was missing; an unseen one is None or a frequent one."""
        n_own = len(self._own)
        code = np.zeros(len(inputs), dtype=np.int64)
        if n_own:
            code = inputs[:, :n_own].argmax(axis=1) + self._own.start
            is_own = inputs[:, :n_own].max(axis=1) > 0.5
            code = np.where(is_own, code, 0 if self._own.start else -1)
        if self.n_missing:
            code = np.where(inputs[:, -1] > 0.5, -1, code)
        return self._labels()[code]

    def _labels(self) -> Array:
        return np.array([*self.categories, None], dtype=object)

    def row_writer(self) -> RowWriter:
        """See the base."""
        none = [0.0] * len(self.input_names)
        position = self._positions()
        where: dict[Any, int] = {n: position[k] for n, k in self._by_number().items()}
        where |= {text: position[k] for text, k in self._by_text().items()}
        get, types, slow, missing = where.get, self._types, self.encode_cell, position[-1]

        def write(value: Any) -> Sequence[float]:
            j = get(value) if value.__class__ in types else None
            if j is None:
                if not is_missing(value) or missing < 0:
                    return slow(value)
                j = missing
            if j < 0:
                return none
            row = none.copy()
            row[j] = 1.0
            return row

        return write


@dataclass(frozen=True)
class BooleanEncoder(CategoryEncoder):
    """True or false: the categories "False" and "True", also spelled 0 and 1."""

    kind = "boolean"
    _types: ClassVar = frozenset[Any]({*NUMBER_TYPES, str, bool, np.bool_})

    def _by_number(self) -> dict[Any, int]:
        return {0.0: 0, 1.0: 1}

    def _respelled(self, text: str) -> str:
        text = text.strip().lower()
        if text in ("true", "false"):
            return text.capitalize()
        return {"0": "False", "1": "True"}.get(
            canonical_number(text) if is_plain_number(text) else text, text
        )

    def _labels(self) -> Array:
        return np.array([False, True, None], dtype=object)
