"""Tables as inputs of a network that was saved without an encoder: its columns must be numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import Table
from ..network import Network
from ..validation import did_you_mean

__all__ = ["plain_inputs"]


def plain_inputs(table: Table, net: Network, metadata: Mapping[str, Any]) -> NDArray[np.float64]:
    """The inputs of a network, (S, n_0), from a table.

    Parameters
    ----------
    table : Table
        With the columns by whose names the network was trained, `net.inputs.names`; or as many
        columns as it has inputs, perhaps with the target behind them.
    net : Network
        The network.
    metadata : mapping
        Of its file. Models of fastgrad before 0.1 have there the names of their columns as
        "features", and the values of those of text as "categories".

    Raises
    ------
    ValueError
        If a column is missing, or a cell is no number.
    """
    names = metadata.get("features") or net.inputs.names
    categories = metadata.get("categories") or {}
    if not names:
        names, n = [*table.columns], net.n_inputs
        if len(names) not in (n, n + 1):
            raise ValueError(
                f"{table.source}: {len(names)} columns; expected {n}, or {n + 1} with the target"
            )
        names = names[:n]
    for name in names:
        if name not in table.columns:
            hint = did_you_mean(name, table.columns)
            raise ValueError(f"{table.source}: got no column {name!r}; {hint}expected it")
    inputs = [_inputs(table, name, categories.get(name)) for name in names]
    return np.column_stack(inputs)


def _inputs(table: Table, name: str, values: Sequence[str] | None) -> NDArray[np.float64]:
    """One column of numbers; or one for each value of text, 1 where it is that one."""
    cells = table.columns[name].values
    if values is None:
        bad = np.array([True]) if cells.dtype.kind != "f" else ~np.isfinite(cells)
        if bad.any():
            row = int(bad.argmax())
            cell = cells[row]
            what = "nothing" if str(cell) in ("None", "nan") else f"'{cell}'"
            raise ValueError(f"{table.place(row, name)}: got {what}; expected a number")
        return cells[:, None]
    texts = [f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in cells.tolist()]
    for row, text in enumerate(texts):
        if text not in values:
            hint = did_you_mean(text, values)
            raise ValueError(f"{table.place(row, name)}: unknown value {text!r}; {hint}")
    return np.array([[text == value for value in values] for text in texts], np.float64)
