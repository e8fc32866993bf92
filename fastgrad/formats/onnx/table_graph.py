"""A TableEncoder as nodes of ONNX: an input per column, all columns of a kind at once."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...data.column_encoders import CategoryEncoder, ColumnEncoder, LeftOut
from ...data.number_encoders import FAR, SMOOTH_LIMIT, DateEncoder, NumberEncoder, Scale
from ...data.table_encoder import TableEncoder
from ..example_rows import MISSING_DATE
from .dates import add_date_parts
from .graph import Graph

__all__ = ["add_encoder", "add_inputs"]


@dataclass
class _Parts:
    """Tensors that together are the inputs of the networks.

    Attributes
    ----------
    values : list of str
        Numbers to be scaled, float64.
    scales : list of Scale
        One per number.
    gone : list of str
        Which cells are missing, bool.
    encoded : list of str
        Inputs of categories, in the encoder's dtype.
    places : dict of str to list of (str, int)
        The column and the number among its inputs of each input that these lists hold.
    """

    values: list[str] = field(default_factory=list)
    scales: list[Scale] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    places: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))


def add_inputs(graph: Graph, encoder: TableEncoder, as_codes: bool) -> dict[str, str]:
    """Add an input per column, and return their names by the columns'.

    Parameters
    ----------
    graph : Graph
        Where they are added.
    encoder : TableEncoder
        Fitted.
    as_codes : bool
        Whether categories are given as the int64 of their position rather than as text.
    """
    dtypes: dict[Any, Any] = {NumberEncoder: np.float64, DateEncoder: np.int64}
    category: Any = np.int64 if as_codes else object
    return {
        column.name: graph.input(column.name or "column", dtypes.get(type(column), category), 1)
        for column in encoder.columns
        if not isinstance(column, LeftOut)
    }


def add_encoder(graph: Graph, encoder: TableEncoder, names: dict[str, str], as_codes: bool) -> str:
    """Add the nodes that encode the columns, and return the inputs of the networks, [N, n_0].

    Parameters
    ----------
    graph, encoder, as_codes
        As for `add_inputs`.
    names : dict of str to str
        As `add_inputs` returns them.
    """
    used = [column for column in encoder.columns if column.input_names]
    parts = _Parts()
    _add_numbers(graph, names, [c for c in used if isinstance(c, NumberEncoder)], parts)
    _add_dates(graph, names, [c for c in used if isinstance(c, DateEncoder)], parts)
    categories = [c for c in used if isinstance(c, CategoryEncoder)]
    _add_categories(graph, names, categories, parts, as_codes, encoder.dtype)
    return _joined(graph, parts, encoder)


def _add_numbers(
    graph: Graph, names: dict[str, str], columns: list[NumberEncoder], parts: _Parts
) -> None:
    if not columns:
        return
    x = _concatenated(graph, [names[c.name] for c in columns])
    gone = graph.node("IsNaN", x)
    medians = graph.constant("medians", [[c.median for c in columns]], np.float64)
    varying = [k for k, c in enumerate(columns) if c.low < c.high]
    if varying:
        x = graph.node("Where", gone, medians, x)
        parts.values.append(_columns(graph, x, varying, len(columns)))
        for k in varying:
            column = columns[k]
            parts.scales.append(Scale(column.center, column.scale, column.is_smooth))
            parts.places["values"].append((column.name, 0))
    _add_gone(graph, gone, columns, parts)


def _add_gone(graph: Graph, gone: str, columns: Any, parts: _Parts) -> None:
    """The inputs "is missing" of the columns that have one."""
    marked = [k for k, c in enumerate(columns) if c.n_missing]
    if marked:
        parts.gone.append(_columns(graph, gone, marked, len(columns)))
        parts.places["gone"] += [(columns[k].name, len(columns[k].input_names) - 1) for k in marked]


def _add_dates(
    graph: Graph, names: dict[str, str], columns: list[DateEncoder], parts: _Parts
) -> None:
    if not columns:
        return
    us = _concatenated(graph, [names[c.name] for c in columns])
    missing, medians, first = (
        graph.constant(name, values, np.int64)
        for name, values in (
            ("missing", MISSING_DATE),
            ("medians", [[c.median for c in columns]]),
            ("first", [[c.low for c in columns]]),
        )
    )
    gone = graph.node("Equal", us, missing)
    us = graph.node("Where", gone, medians, us)
    wanted = {part for c in columns for part in c.parts}
    for part, x in add_date_parts(graph, us, first, wanted).items():
        having = [k for k, c in enumerate(columns) if part in c.parts]
        parts.values.append(_columns(graph, x, having, len(columns)))
        for k in having:
            c, j = columns[k], columns[k].parts.index(part)
            parts.scales.append(Scale(c.centers[j], c.scales[j], c.is_smooth))
            parts.places["values"].append((c.name, j))
    _add_gone(graph, gone, columns, parts)


def _add_categories(
    graph: Graph,
    names: dict[str, str],
    columns: list[CategoryEncoder],
    parts: _Parts,
    as_codes: bool,
    dtype: str,
) -> None:
    if not columns:
        return
    received = [names[c.name] for c in columns]
    if as_codes:
        codes = _checked_codes(graph, received, [len(c.categories) for c in columns])
    else:
        codes = [
            graph.codes_of_texts(texts, c.spellings(), len(c.categories))
            for texts, c in zip(received, columns, strict=True)
        ]
    rows = [  # (N, 1, n) each
        graph.node("Gather", graph.constant("rows", c.inputs_by_code(), dtype), code, axis=0)
        for c, code in zip(columns, codes, strict=True)
    ]
    joined = graph.node("Concat", *rows, axis=2) if len(rows) > 1 else rows[0]
    parts.encoded.append(graph.node("Flatten", joined, axis=1))
    parts.places["encoded"] += [place for c in columns for place in _places(c)]


def _checked_codes(graph: Graph, received: list[str], counts: list[int]) -> list[str]:
    """The codes, and where one is no category the number of the categories."""
    codes = _concatenated(graph, received)
    zero = graph.constant("zero", 0, np.int64)
    last = graph.constant("last", [[n - 1 for n in counts]], np.int64)
    none = graph.constant("none", [counts], np.int64)
    within = graph.node("Min", graph.node("Max", codes, zero), last)
    codes = graph.node("Where", graph.node("Equal", codes, within), codes, none)
    if len(counts) == 1:
        return [codes]
    ones = graph.constant("ones", [1] * len(counts), np.int64)
    each = [graph.name("codes") for _ in counts]
    return graph.nodes("Split", codes, ones, names=each, axis=1)


def _joined(graph: Graph, parts: _Parts, encoder: TableEncoder) -> str:
    """All parts in one tensor, the columns in the encoder's order."""
    tensors, places = [], []
    if parts.values:
        values = _scaled(graph, _concatenated(graph, parts.values), parts.scales)
        tensors.append(values if encoder.dtype == "float64" else graph.cast(values, encoder.dtype))
        places += parts.places["values"]
    if parts.gone:
        tensors.append(graph.cast(_concatenated(graph, parts.gone), encoder.dtype))
        places += parts.places["gone"]
    tensors += parts.encoded
    places += parts.places["encoded"]
    at = {place: k for k, place in enumerate(places)}
    order = [at[place] for column in encoder.columns for place in _places(column)]
    return _columns(graph, _concatenated(graph, tensors), order, len(places))


def _places(column: ColumnEncoder) -> list[tuple[str, int]]:
    return [(column.name, j) for j in range(len(column.input_names))]


def _scaled(graph: Graph, x: str, scales: list[Scale]) -> str:
    """Apply each column's Scale."""
    centers = graph.constant("centers", [[s.center for s in scales]], np.float64)
    widths = graph.constant("scales", [[s.scale for s in scales]], np.float64)
    z = graph.node("Div", graph.node("Sub", x, centers), widths)
    smooth = [s.is_smooth for s in scales]
    if not any(smooth):
        return z
    limit, one, low, high = (
        graph.constant("limit", value, np.float64) for value in (SMOOTH_LIMIT, 1.0, -FAR, FAR)
    )
    bent = graph.node("Clip", z, low, high)
    third = graph.node("Div", bent, limit)
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", third, third), one))
    bent = graph.node("Div", bent, root)
    if all(smooth):
        return bent
    return graph.node("Where", graph.constant("smooth", [smooth], np.bool_), bent, z)


def _concatenated(graph: Graph, tensors: list[str]) -> str:
    return graph.node("Concat", *tensors, axis=1) if len(tensors) > 1 else tensors[0]


def _columns(graph: Graph, x: str, wanted: list[int], n: int) -> str:
    """Some columns of the n that a tensor has, in the order wanted."""
    if wanted == [*range(n)]:
        return x
    return graph.node("Gather", x, graph.constant("columns", wanted, np.int64), axis=1)
