"""Encoders of columns to JSON and back; what a file holds is checked against their schemas."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from .. import validation
from .column_encoders import BooleanEncoder, CategoryEncoder, ColumnEncoder, LeftOut
from .column_values import FIRST_DATE, LAST_DATE
from .number_encoders import DATE_PARTS, MAX_INPUT, DateEncoder, NumberEncoder

__all__ = ["check_fields", "encoder_of", "fields_of"]

_KINDS: dict[str, type[ColumnEncoder]] = {
    encoder.kind: encoder
    for encoder in (NumberEncoder, CategoryEncoder, BooleanEncoder, DateEncoder, LeftOut)
}

Check = Callable[[Any], bool]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return (
        math.isfinite(value)
        if isinstance(value, float)
        else _is_integer(value) and abs(value) < 2**53
    )


def _is_list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


#: What the fields of an encoder and the options of a table's encoder may be, with its words.
CHECKS: dict[str, tuple[str, Check]] = {
    "text": ("text", lambda value: isinstance(value, str)),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "count": ("an integer of at least 0", lambda v: _is_integer(v) and 0 <= v < 2**63),
    "date": ("microseconds since 1970", lambda v: _is_integer(v) and FIRST_DATE <= v <= LAST_DATE),
    "number": ("a finite number", _is_number),
    "positive": ("a finite number above 0", lambda v: _is_number(v) and v > 0),
}
CHECKS |= {
    "texts": (
        "a list of different texts",
        lambda v: _is_list(CHECKS["text"][1])(v) and len(set(v)) == len(v),
    ),
    # Of the parts of dates; with these limits no input is out of range.
    "centers": (
        "a list of numbers from -1e9 to 1e9",
        _is_list(lambda v: _is_number(v) and abs(v) <= 1e9),
    ),
    "scales": (
        "a list of numbers from 1e-20 to 1e9",
        _is_list(lambda v: _is_number(v) and 1e-20 <= v <= 1e9),
    ),
    "shares": (
        "a list of numbers from 0 to 1",
        _is_list(lambda v: _is_number(v) and 0 <= v <= 1),
    ),
    "columns": ("a list of columns", _is_list(lambda value: isinstance(value, Mapping))),
}


def check_fields(place: str, config: Any, schema: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a config; ValueError unless they are those of the schema."""
    if not isinstance(config, Mapping):
        what = validation.shown(config)
        raise ValueError(f"{place}: got {what}; expected fields by name")  # noqa: TRY004 - a file
    for name in [*schema, *config]:
        if name not in schema or name not in config:
            what = "unknown" if name in config else "missing"
            raise ValueError(
                f"{place}: {what} field {validation.shown(name)}; expected {', '.join(schema)}"
            )
        words, is_valid = CHECKS[schema[name]]
        if not is_valid(config[name]):
            raise ValueError(
                f"{place}, {name}: got {validation.shown(config[name])}; expected {words}"
            )
    return dict(config)


def fields_of(encoder: ColumnEncoder) -> dict[str, Any]:
    """What JSON holds of an encoder."""
    fields = {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(encoder).items()}
    return {"kind": encoder.kind, **fields}


def encoder_of(place: str, config: Mapping[str, Any]) -> ColumnEncoder:
    """The encoder of what `fields_of` returned; ValueError if it is none."""
    kind = config.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(
            f"{place}, kind: got {validation.shown(kind)}; expected one of {', '.join(_KINDS)}"
        )
    encoder: Any = _KINDS[kind]
    fields = check_fields(place, {n: v for n, v in config.items() if n != "kind"}, encoder.SCHEMA)
    wrong = _contradiction(kind, fields)
    if wrong:
        raise ValueError(f"{place}: {wrong}")
    made: ColumnEncoder = encoder(
        **{n: tuple(v) if isinstance(v, list) else v for n, v in fields.items()}
    )
    return made


def _contradiction(kind: str, fields: Mapping[str, Any]) -> str:
    """What is wrong with fields that are valid each by itself; empty if nothing is."""
    if "low" in fields and not fields["low"] <= fields["median"] <= fields["high"]:
        return "expected low, median and high in this order"
    wrong = ""
    is_constant = "low" in fields and fields["low"] == fields["high"]
    if is_constant and not fields["n_missing"]:
        return "expected low below high, where no value is missing"
    if kind in ("category", "boolean"):
        categories = fields["categories"]
        shown = f"got the categories {validation.shown(categories)}; expected"
        if not categories or len(categories) + (fields["n_missing"] > 0) < 2:
            wrong = f"{shown} at least two, missing included"
        if len(fields["shares"]) != len(categories):
            wrong = f"{shown} as many shares"
        if kind == "boolean" and categories != ["False", "True"]:
            wrong = f"{shown} False, True"
    elif kind == "date":
        parts = fields["parts"]
        in_order = [part for part in DATE_PARTS if part in parts]
        if parts != in_order or ("days" in parts) == is_constant or (is_constant and parts):
            wrong = f"got the parts {validation.shown(parts)}; expected of {', '.join(DATE_PARTS)}"
            wrong += " the last and others, in this order"
        elif not len(parts) == len(fields["centers"]) == len(fields["scales"]):
            wrong = "expected as many centers and scales as parts"
    elif kind == "number":
        distance = abs(fields["median"] - fields["center"]) / fields["scale"]
        if not distance <= MAX_INPUT:
            wrong = "expected a median that is scaled to a number in range"
    return wrong
