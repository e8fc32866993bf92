"""Several outputs in one network: groups of nodes of the last layer, each with its own cost."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import validation
from ..kernels.costs import Cost, cost, linked

__all__ = ["OutputHead", "output_heads", "prediction"]

_EXPECTED = "a name, a fg.Cost, or a list of (cost, outputs) or (cost, outputs, weight)"


class OutputHead(NamedTuple):
    """Some outputs and their cost, which counts `weight` times in the cost of the whole."""

    cost: Cost
    nodes: int
    weight: float


def output_heads(spec: Any, outputs: int, last: str) -> tuple[OutputHead, ...]:
    """The heads that `cost` stands for: one of all outputs, or those listed."""
    if isinstance(spec, str | Cost):
        return (_head("cost", cost(spec, last), outputs, 1.0),)
    if not isinstance(spec, Sequence) or not spec:
        raise TypeError(f"cost: got {spec!r}; expected {_EXPECTED}")
    made = []
    for k, part in enumerate(spec):
        if not isinstance(part, Sequence) or isinstance(part, str) or len(part) not in {2, 3}:
            raise TypeError(f"cost[{k}]: got {part!r}; expected (cost, outputs[, weight])")
        which, nodes, *weight = part
        made.append(
            _head(
                f"cost[{k}]",
                cost(which, last),
                validation.integer(f"cost[{k}] outputs", nodes, least=1),
                validation.number(f"cost[{k}] weight", weight[0], least=0) if weight else 1.0,
            )
        )
    if sum(head.nodes for head in made) != outputs:
        each = " + ".join(str(head.nodes) for head in made)
        raise ValueError(f"cost: got costs of {each} outputs; expected {outputs} in all")
    if not any(head.weight for head in made):
        raise ValueError("cost: got only weights of 0; expected at least one above 0")
    return tuple(made)


def _head(name: str, of: Cost, nodes: int, weight: float) -> OutputHead:
    if of.link == "softmax" and nodes == 1:
        raise ValueError(
            f"{name}: got {of.name!r} of 1 output, where softmax is always 1; expected"
            " 'sigmoid_cross_entropy', or at least 2 outputs"
        )
    return OutputHead(of, nodes, weight)


def prediction(a: Any, of: Sequence[OutputHead]) -> Any:
    """Outputs with the link of each head's cost applied."""
    if len(of) == 1:
        return linked(a, of[0].cost.link)
    ends = np.cumsum([head.nodes for head in of])[:-1]
    parts = zip(np.split(a, ends, axis=1), of, strict=True)
    return np.concatenate([linked(part, head.cost.link) for part, head in parts], axis=1)
