"""Numbers and dates of a table as inputs of a network."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .cells import text_of_date
from .column_encoders import ColumnEncoder, RowWriter
from .column_values import (
    DAY,
    FIRST_DATE,
    LAST_DATE,
    NUMBER_TYPES,
    Findings,
    date_of_text,
    has_zone,
    is_missing,
    microseconds,
    microseconds_of,
    names_zone,
    number_of_text,
    numbers_of,
)
from .table import Column

__all__ = [
    "DATE_PARTS", "FAR", "MAX_INPUT", "SMOOTH_LIMIT", "DateEncoder", "NumberEncoder", "Scale",
    "date_parts",
]  # fmt: skip

Array = NDArray[Any]

#: Robustly scaled numbers stay within plus and minus this.
SMOOTH_LIMIT = 3.0
#: Before they are at most this, whose square is finite.
FAR = 1e100
#: Inputs are at most this, the largest float32.
MAX_INPUT = float(np.finfo(np.float32).max)
#: The parts of a date, in the order of their inputs.
DATE_PARTS = ("year", "month", "day of week", "hour", "days")

_MAX_DAYS = (LAST_DATE - FIRST_DATE) // DAY + 1


@dataclass(frozen=True)
class Scale:
    """z = (x - center) / scale, and with `is_smooth` then z / sqrt(1 + (z / 3)^2).

    Attributes
    ----------
    center : float
    scale : float
        Above 0.
    is_smooth : bool
        Far values are bent towards plus and minus 3.
    """

    center: float
    scale: float
    is_smooth: bool

    def apply(self, x: Array) -> Array:
        """The scaled numbers, float64; infinite where the result is out of range."""
        with np.errstate(over="ignore"):
            z = (x - self.center) / self.scale
        if self.is_smooth:
            z = np.clip(z, -FAR, FAR)
            z /= np.sqrt(1.0 + (z / SMOOTH_LIMIT) * (z / SMOOTH_LIMIT))
        return z

    def of_number(self) -> Callable[[float], float]:
        """The same of a single float, to the last bit."""
        center, scale, sqrt = self.center, self.scale, math.sqrt
        if not self.is_smooth:
            return lambda x: (x - center) / scale

        def smooth(x: float) -> float:
            z = min(max((x - center) / scale, -FAR), FAR)
            return z / sqrt(1.0 + (z / SMOOTH_LIMIT) * (z / SMOOTH_LIMIT))

        return smooth

    def undo(self, z: Array) -> Array:
        """The numbers before, as far as the rounding of z allows."""
        if self.is_smooth:
            nearly = np.nextafter(1.0, 0.0)
            r = np.clip(z / SMOOTH_LIMIT, -nearly, nearly)
            z = z / np.sqrt((1.0 - r) * (1.0 + r))
        return z * self.scale + self.center


@dataclass(frozen=True)
class NumberEncoder(ColumnEncoder):
    """A number, scaled; where it is missing the median, marked by an input of its own.

    Of a number that was the same wherever it was not missing, this is the only input.

    Attributes
    ----------
    low, high, median : float
        Of the training values.
    center, scale, is_smooth
        See `Scale`.
    n_missing : int
        Training values that were missing; above 0 there is the input "is missing".
    """

    low: float
    high: float
    median: float
    center: float
    scale: float
    is_smooth: bool
    n_missing: int

    kind = "number"
    SCHEMA: ClassVar = {
        "name": "text", "low": "number", "high": "number", "median": "number", "center": "number",
        "scale": "positive", "is_smooth": "flag", "n_missing": "count",
    }  # fmt: skip

    @property
    def input_names(self) -> list[str]:
        """The column's name, and "NAME is missing"."""
        return [self.name] * self._varies + [f"{self.name} is missing"] * (self.n_missing > 0)

    @property
    def description(self) -> str:
        """Range, missing values and the median."""
        if not self._varies:
            return f"all are {self.low:.6g}; {self.n_missing:,} missing"
        missing = f"; {self.n_missing:,} missing: the median, {self.median:.6g}"
        return f"from {self.low:.6g} to {self.high:.6g}" + missing * (self.n_missing > 0)

    @property
    def _varies(self) -> bool:
        return self.low < self.high

    @property
    def _scale(self) -> Scale:
        return Scale(self.center, self.scale, self.is_smooth)

    def encode(self, column: Column, out: Array, findings: Findings) -> None:
        """Write the scaled numbers, and 1 where one is missing."""
        x = numbers_of(column, findings)
        gone = np.isnan(x)
        n_missing = int(gone.sum())
        if n_missing:
            x = np.where(gone, self.median, x)
        if n_missing and not self.n_missing:
            findings.warn_missing(self.name, n_missing, f"the median, {self.median:.6g}")
        if self._varies:
            z = self._scale.apply(x)
            expected = f"a number not so far from {self.low:g} to {self.high:g}"
            findings.check(column, np.abs(z) > MAX_INPUT, expected)
            with np.errstate(over="ignore"):
                out[:, 0] = z
        if self.n_missing:
            out[:, -1] = gone

    def decode(self, inputs: NDArray[np.float64]) -> Array:
        """The numbers, NaN where one was missing."""
        x = self._scale.undo(inputs[:, 0]) if self._varies else np.full(len(inputs), self.median)
        return np.where(inputs[:, -1] > 0.5, np.nan, x) if self.n_missing else x

    def row_writer(self) -> RowWriter:
        """See the base."""
        scaled, slow, varies = self._scale.of_number(), self.encode_cell, self._varies
        rest = (0.0,) if self.n_missing else ()
        missing = (scaled(self.median), 1.0) if varies else (1.0,)
        has_missing = self.n_missing > 0

        def write(value: Any) -> Sequence[float]:
            kind = value.__class__
            if kind is str:
                value = number_of_text(value, value)
                kind = value.__class__
            if kind in NUMBER_TYPES:
                try:
                    z = scaled(float(value))
                except OverflowError:  # an int
                    return slow(value)
                if -MAX_INPUT <= z <= MAX_INPUT and abs(value) != math.inf:
                    return (z, *rest) if varies else rest
            return missing if has_missing and is_missing(value) else slow(value)

        return write


@dataclass(frozen=True)
class DateEncoder(ColumnEncoder):
    """A date or time: those of its parts that vary, scaled; missing is the median.

    Of a date that was the same wherever it was not missing, "is missing" is the only input.

    Attributes
    ----------
    low, high, median : int
        Of the training values, in microseconds since 1970.
    parts : tuple of str
        Keys of `DATE_PARTS`.
    centers, scales : tuple of float
        One per part; with `is_smooth` see `Scale`.
    is_smooth : bool
    n_missing : int
        Training values that were missing; above 0 there is the input "is missing".
    has_zone : bool
        Whether the training values had a time zone: then all is in UTC.
    """

    low: int
    high: int
    median: int
    parts: tuple[str, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]
    is_smooth: bool
    n_missing: int
    has_zone: bool

    kind = "date"
    SCHEMA: ClassVar = {
        "name": "text", "low": "date", "high": "date", "median": "date", "parts": "texts",
        "centers": "centers", "scales": "scales", "is_smooth": "flag", "n_missing": "count",
        "has_zone": "flag",
    }  # fmt: skip

    @property
    def input_names(self) -> list[str]:
        """The name as "NAME: PART" of each part, and "NAME is missing"."""
        return [
            *(f"{self.name}: {part}" for part in self.parts),
            *[f"{self.name} is missing"] * (self.n_missing > 0),
        ]

    @property
    def description(self) -> str:
        """Range, parts, missing values and the median."""
        low, high, median = (_date_text(us) for us in (self.low, self.high, self.median))
        if not self.parts:
            return f"all are {low}; {self.n_missing:,} missing"
        missing = f"; {self.n_missing:,} missing: the median, {median}" * (self.n_missing > 0)
        zone = " in UTC" * self.has_zone
        return f"from {low} to {high}{zone}: {', '.join(self.parts)}{missing}"

    @property
    def _scales(self) -> list[tuple[str, Scale]]:
        return [
            (part, Scale(center, scale, self.is_smooth))
            for part, center, scale in zip(self.parts, self.centers, self.scales, strict=True)
        ]

    def encode(self, column: Column, out: Array, findings: Findings) -> None:
        """Write the scaled parts, and 1 where the date is missing."""
        us, gone = microseconds(column, findings)
        zone = has_zone(column)
        if zone is not None and zone is not self.has_zone:
            now, before = ("a", "none") if zone else ("no", "one")
            findings.warn(
                f"column {self.name!r}: times with {now} time zone, in training they had {before};"
                " those without count as UTC"
            )
        n_missing = int(gone.sum())
        if n_missing:
            us = np.where(gone, self.median, us)
        if n_missing and not self.n_missing:
            findings.warn_missing(self.name, n_missing, f"the median, {_date_text(self.median)}")
        values = date_parts(us, self.low)
        for j, (part, scale) in enumerate(self._scales):
            out[:, j] = scale.apply(values[part])
        if self.n_missing:
            out[:, -1] = gone

    def decode(self, inputs: NDArray[np.float64]) -> Array:
        """The dates from their days, NaT where one was missing."""
        days = np.zeros(len(inputs))
        if self.parts:
            part, scale = self._scales[-1]
            assert part == "days"
            days = scale.undo(inputs[:, len(self.parts) - 1])
        if "hour" not in self.parts and self.low % DAY == 0:
            days = np.rint(days)
        days = np.clip(days, -_MAX_DAYS, _MAX_DAYS)
        us = np.clip(self.low + np.rint(days * DAY).astype(np.int64), FIRST_DATE, LAST_DATE)
        if self.n_missing:
            us[inputs[:, -1] > 0.5] = np.iinfo(np.int64).min
        dates: Array = us.view("datetime64[us]")
        return dates

    def row_writer(self) -> RowWriter:
        """See the base."""
        scales = [(part, scale.of_number()) for part, scale in self._scales]
        rest = (0.0,) if self.n_missing else ()
        slow, low, zone = self.encode_cell, self.low, self.has_zone
        missing = self.encode_cell(None) if self.n_missing else None

        def write(value: Any) -> Sequence[float]:
            if zone:  # to warn where there is none
                return slow(value)
            if value.__class__ is str:
                if names_zone(value):
                    return slow(value)
                value = date_of_text(value, value)
            if is_missing(value):
                return missing or slow(value)
            if not isinstance(value, datetime) or value.tzinfo is not None:
                return slow(value)
            us = microseconds_of(value)
            values = {
                "year": value.year,
                "month": value.month,
                "day of week": value.weekday(),
                "hour": value.hour,
                "days": float(us - low) / DAY,
            }
            return (*(scaled(values[part]) for part, scaled in scales), *rest)

        return write


def date_parts(us: NDArray[np.int64], first: int) -> dict[str, NDArray[np.float64]]:
    """The parts of times in microseconds since 1970, by name; the days count from `first`."""
    dates = us.view("datetime64[us]")
    parts = {
        "year": dates.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": dates.astype("datetime64[M]").astype(np.int64) % 12 + 1,
        "day of week": (us // DAY + 3) % 7,  # Monday is 0
        "hour": us % DAY // (DAY // 24),
        "days": (us - first).astype(np.float64) / DAY,
    }
    return {name: values.astype(np.float64) for name, values in parts.items()}


def _date_text(us: int) -> str:
    return text_of_date(np.datetime64(us, "us"))
