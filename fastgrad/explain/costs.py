"""dC/da of the outputs of a sample, by the cost of each head."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..kernels.costs import Cost, linked
from ..model.output_heads import OutputHead, OutputHeads
from .formulas import Formatter
from .loops import loop_of
from .steps import Step
from .tracing import trace

__all__ = ["output_derivatives"]

Array = np.ndarray[Any, Any]


def output_derivatives(
    heads: OutputHeads, a: Array, y: Array, share: float, nodes: Sequence[int], layer: int,
    write: Formatter,
) -> Iterator[tuple[int, Step]]:  # fmt: skip
    """Nodes of the last layer with the steps to their dC/da: equation (8) for softmax.

    Parameters
    ----------
    heads : OutputHeads
        The costs.
    a, y : ndarray
        (n_L,): outputs and targets of the sample.
    share : float
        w_s / S.
    nodes : sequence of int
        Those that are shown.
    layer : int
        L.
    write : Formatter
        Of the numbers.
    """
    first = 0
    for head in heads:
        last = first + head.nodes
        factor, symbol = _factor(head, share)
        for i in (i for i in nodes if first <= i < last):
            equation, symbols, numbers, value = (
                _of_softmax(head, a[first:last], y[first:last], i - first, i, write)
                if head.cost.link == "softmax"
                else ("", *_of_node(head.cost, float(a[i]), float(y[i]), write))
            )
            if symbol:
                symbols = f"{symbol}·({symbols})"
                numbers = f"{write.number(factor)}·({numbers})"
            loop = loop_of(equation) if equation else None
            shown = f"dC/da_{i} = {symbols}"
            yield i, Step("Backward", equation, layer, shown, numbers, factor * value, loop)
        first = last


def _factor(head: OutputHead, share: float) -> tuple[float, str]:
    """What a sample's dC/da is multiplied by, and its symbols; "" where that is 1."""
    symbol = "w_s/S" if share != 1 else ""
    if head.weight != 1:
        symbol, share = f"weight·{symbol}".removesuffix("·"), share * head.weight
    if head.cost.reduction == "mean" and head.nodes > 1:
        symbol, share = f"{symbol or 1}/{head.nodes}", share / head.nodes
    return share, symbol


def _of_softmax(
    head: OutputHead, a: Array, y: Array, k: int, i: int, write: Formatter
) -> tuple[str, str, str, float]:
    """Equation (8) for output k of a head, which is node i."""
    p_i, smoothing = float(linked(a[None].copy(), "softmax")[0][k]), head.cost.label_smoothing
    y_i = (1 - smoothing) * float(y[k]) + smoothing / head.nodes
    numbers = f"{write.number(p_i)} - {write.factor(y_i)}"
    return "8", f"p_{i} - y_{i}", numbers, p_i - y_i


def _of_node(cost: Cost, a_i: float, y_i: float, write: Formatter) -> tuple[str, str, float]:
    """dC/da of a cost that is a sum over nodes, by the lines of its function if it has any."""
    derivative: Any = cost.dC_da
    try:
        *_, line = trace(derivative, {"a": a_i, "y": y_i}, write)
    except (OSError, TypeError, SyntaxError, NotImplementedError, NameError):
        value = float(derivative(a_i, y_i))
        return f"{cost.name}'(a, y)", write.number(value), value
    return line.symbols, line.numbers, line.value
