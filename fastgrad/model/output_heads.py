"""Groups of nodes of the last layer, each with a cost: one head, or several kinds of outputs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import validation
from ..kernels.costs import Cost, linked
from ..kernels.costs import cost as resolve_cost

__all__ = ["OutputHead", "OutputHeads", "output_heads"]

Array = np.ndarray[Any, Any]

_ROWS = 1 << 14
_EXPECTED = "a name, a fg.Cost, or a list of (cost, outputs) or (cost, outputs, weight)"


class OutputHead(NamedTuple):
    """A group of outputs, its cost, and the weight of this cost in the total."""

    cost: Cost
    nodes: int
    weight: float


class OutputHeads(tuple[OutputHead, ...]):
    """The heads of a network, in the order of its outputs."""

    __slots__ = ()

    @property
    def classifies(self) -> bool:
        """Whether the network is a classifier, whose accuracy is defined: one head of classes."""
        return len(self) == 1 and self[0].cost.classifies

    @property
    def are_separate(self) -> bool:
        """Whether each output is a yes or no by itself."""
        return self.classifies and self[0].cost.link == "sigmoid"

    @property
    def n_classes(self) -> int:
        """Number of classes, of which each sample has one; 0 if the outputs mean anything else."""
        n = self[0].nodes
        return 0 if not self.classifies or (self.are_separate and n > 1) else max(n, 2)

    @property
    def are_numbers(self) -> Array:
        """Which outputs are compared with real numbers of any size: bool, (n_L,)."""
        flags = [head.cost.targets == "real" and head.cost.link == "identity" for head in self]
        return np.repeat(flags, [head.nodes for head in self])

    def prediction(self, a: Array) -> Array:
        """The outputs a^L, (S, n_L), with the link of each head's cost applied in their place."""
        first = 0
        for head in self:
            if head.cost.link != "identity":
                for s in range(0, len(a), _ROWS):  # in parts, since a link needs several times them
                    part = a[s : s + _ROWS, first : first + head.nodes]
                    part[...] = linked(part, head.cost.link)
            first += head.nodes
        return a


def output_heads(cost: Any, n_outputs: int, last_activation: str) -> OutputHeads:
    """The heads of a network's argument `cost`: one for all outputs, or those listed."""
    if isinstance(cost, str | Cost):
        return OutputHeads([_head("cost", resolve_cost(cost, last_activation), n_outputs, 1.0)])
    if not isinstance(cost, Sequence) or not cost:
        raise TypeError(f"cost: got {validation.shown(cost)}; expected {_EXPECTED}")
    heads = []
    for k, item in enumerate(cost):
        if not isinstance(item, Sequence) or isinstance(item, str) or len(item) not in {2, 3}:
            received = validation.shown(item)
            raise TypeError(f"cost[{k}]: got {received}; expected (cost, outputs[, weight])")
        which, nodes, *weight = item
        heads.append(
            _head(
                f"cost[{k}]",
                resolve_cost(which, last_activation),
                validation.integer(f"cost[{k}] outputs", nodes, least=1),
                validation.number(f"cost[{k}] weight", weight[0], least=0) if weight else 1.0,
            )
        )
    if sum(head.nodes for head in heads) != n_outputs:
        each = " + ".join(str(head.nodes) for head in heads)
        raise ValueError(f"cost: got costs of {each} outputs; expected {n_outputs} in total")
    if not any(head.weight for head in heads):
        raise ValueError("cost: got only weights of 0; expected at least one above 0")
    return OutputHeads(heads)


def _head(name: str, cost: Cost, nodes: int, weight: float) -> OutputHead:
    if cost.link == "softmax" and nodes == 1:
        raise ValueError(
            f"{name}: got {cost.name!r} of 1 output, where softmax is always 1; expected"
            " 'sigmoid_cross_entropy', or at least 2 outputs"
        )
    return OutputHead(cost, nodes, weight)
