"""dC/da of the outputs of a sample, by the cost of each head."""

from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

import numpy as np

from ..kernels.costs import Cost, linked
from ..model.output_heads import OutputHead, OutputHeads
from .formulas import Formatter
from .loops import Loop, loop_of, loop_of_function
from .steps import Step
from .tracing import UntraceableError, trace

__all__ = ["output_derivatives"]

Array = np.ndarray[Any, Any]


def output_derivatives(
    heads: OutputHeads, a: Array, y: Array, share: float, nodes: Sequence[int], layer: int,
    of_sample: str, write: Formatter,
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
    of_sample : str
        The index of the sample in symbols: ",s", or "" where there is one sample.
    write : Formatter
        Of the numbers.
    """
    first = 0
    for head in heads:
        last = first + head.nodes
        factor, symbol = _factor(head, share)
        for i in (i for i in nodes if first <= i < last):
            loop: Loop | None
            if head.cost.link == "softmax":
                of_head = a[first:last], y[first:last]
                symbols, numbers, value, loop = _of_softmax(head, *of_head, i - first, i, write)
            else:
                symbols, numbers, value, loop = _of_node(head.cost, float(a[i]), float(y[i]), write)
            if symbol:
                symbols = f"{symbol}·({symbols})"
                numbers = f"{write.number(factor)}·({numbers})"
            shown = f"dC/da_{i}{of_sample} = {symbols}"
            equation = loop.equation if loop else "12"
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
) -> tuple[str, str, float, Loop]:
    """Equation (8) for output k of a head, which is node i."""
    p_i, smoothing = float(linked(a[None].copy(), "softmax")[0][k]), head.cost.label_smoothing
    y_i = (1 - smoothing) * float(y[k]) + smoothing / head.nodes
    numbers = f"{write.number(p_i)} - {write.factor(y_i)}"
    return f"p_{i} - y_{i}", numbers, p_i - y_i, loop_of("8")


def _of_node(
    cost: Cost, a_i: float, y_i: float, write: Formatter
) -> tuple[str, str, float, Loop | None]:
    """dC/da of a cost that is a sum over nodes, by the lines of its function if it has any."""
    derivative: Any = cost.dC_da
    arguments = dict(zip(signature(derivative).parameters, (a_i, y_i), strict=False))
    try:
        *_, line = trace(derivative, arguments, write)
        value = line.value if cost.builtin else float(derivative(a_i, y_i))
        if np.isclose(line.value, value, rtol=1e-9, atol=0, equal_nan=True):
            loop = loop_of_function(derivative)._replace(equation=line.equation or "12")
            return line.symbols, line.numbers, line.value, loop
    except (UntraceableError, ValueError):
        value = float(derivative(a_i, y_i))
    return f"{cost.name}'(a, y)", write.number(value), value, None
