"""The parts of dates by integer arithmetic of ONNX."""

from typing import Any

import numpy as np

from ...data.column_values import DAY
from .graph import Graph

__all__ = ["add_date_parts"]


class _Integers:
    """Nodes of int64 arithmetic, in the notation of formulas."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __call__(self, operator: str, *operands: str | int) -> str:
        names = [
            x if isinstance(x, str) else self.graph.constant("integer", x, np.int64)
            for x in operands
        ]
        attributes: dict[str, Any] = {"fmod": 0} if operator == "Mod" else {}
        return self.graph.node(operator, *names, **attributes)

    def divided(self, x: str, by: int) -> tuple[str, str]:
        """Quotient, rounded down, and remainder: the quotient of ONNX is rounded towards 0."""
        rest = self("Mod", x, by)
        return self("Div", self("Sub", x, rest), by), rest


def add_date_parts(graph: Graph, us: str, first: str, wanted: set[str]) -> dict[str, str]:
    """Add the parts of times, float64, and return their names; as `date_parts` of the encoders.

    Year and month are those of H. Hinnant's civil_from_days, "chrono-Compatible Low-Level Date
    Algorithms", https://howardhinnant.github.io/date_algorithms.html, where years begin in March.

    Parameters
    ----------
    graph : Graph
        Where the nodes are added.
    us : str
        Times in microseconds since 1970, int64.
    first : str
        What the days are counted from, likewise.
    wanted : set of str
        Keys of `DATE_PARTS`.
    """
    op = _Integers(graph)
    parts = {}
    if wanted - {"days"}:
        days, of_day = op.divided(us, DAY)
    if "hour" in wanted:
        parts["hour"] = op("Div", of_day, DAY // 24)
    if "day of week" in wanted:
        parts["day of week"] = op("Mod", op("Add", days, 3), 7)
    if wanted & {"year", "month"}:
        era, of_era = op.divided(op("Add", days, 719_468), 146_097)  # from 0000-03-01; 400 years
        leaps = op("Sub", op("Div", of_era, 36_524), op("Div", of_era, 1_460))
        leaps = op("Sub", leaps, op("Div", of_era, 146_096))
        year = op("Div", op("Add", of_era, leaps), 365)
        begin = op("Sub", op("Div", year, 4), op("Div", year, 100))
        begin = op("Add", op("Mul", year, 365), begin)
        month = op("Add", op("Mul", op("Sub", of_era, begin), 5), 2)
        parts["month"] = month = op("Add", op("Mod", op("Add", op("Div", month, 153), 2), 12), 1)
        in_january = graph.cast(op("Less", month, 3), np.int64)
        parts["year"] = op("Add", op("Add", year, op("Mul", era, 400)), in_january)
    parts = {part: graph.cast(x, np.float64) for part, x in parts.items() if part in wanted}
    if "days" in wanted:
        since = graph.cast(graph.node("Sub", us, first), np.float64)
        parts["days"] = graph.node("Div", since, graph.constant("day", DAY, np.float64))
    return parts
