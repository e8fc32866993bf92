"""Networks as nodes of ONNX: layers, links, the mean of several."""

from typing import Any

import numpy as np

from ...model.output_heads import OutputHeads
from ..portable import PortableModel, PortableNetwork
from .activations import add_activation
from .graph import Graph

__all__ = ["add_networks"]

_LINKS: dict[str, tuple[str, dict[str, Any]]] = {
    "softmax": ("Softmax", {"axis": -1}),
    "sigmoid": ("Sigmoid", {}),
    "exp": ("Exp", {}),
}


def add_networks(graph: Graph, model: PortableModel, x: str, dtype: str) -> tuple[str, str]:
    """Add the nodes of all networks, and return the name and dtype of the mean prediction.

    Parameters
    ----------
    graph : Graph
        Where the nodes are added.
    model : PortableModel
        Whose networks they are.
    x : str
        The name of the inputs, [N, n_0].
    dtype : str
        Of the inputs.
    """
    predictions = [_add_network(graph, network, x, dtype) for network in model.networks]
    widest = str(np.result_type(*(of for _, of in predictions)))
    mean = ""
    for (p, of), weight in zip(predictions, model.weights, strict=True):
        if of != widest:
            p = graph.cast(p, widest)
        if len(predictions) > 1:
            p = graph.node("Mul", p, graph.constant("weight", weight, widest))
        mean = graph.node("Add", mean, p) if mean else p
    if model.limits is not None:
        low, high = (graph.constant("limit", limit, widest) for limit in model.limits)
        mean = graph.node("Clip", mean, low, high)
    return mean, widest


def _add_network(graph: Graph, network: PortableNetwork, x: str, dtype: str) -> tuple[str, str]:
    """Add the nodes of one network, and return the name and dtype of its prediction."""
    of = network.spec.dtype
    if dtype != of:
        x = graph.cast(x, of)
    if network.of_inputs is not None:
        mean, scale = network.of_inputs
        x = graph.node("Sub", x, graph.constant("input.mean", mean))
        x = graph.node("Mul", x, graph.constant("input.scale", scale))
    for l, layer in enumerate(network.layers, start=1):
        W = graph.constant(f"layer.{l}.W", layer.W)
        b = graph.constant(f"layer.{l}.b", layer.b)
        u = graph.node("Gemm", x, W, b, alpha=1.0, beta=1.0, transA=0, transB=1)
        x = add_activation(graph, u, layer.f, of)
    x = _linked(graph, x, network.spec.heads)
    if network.of_targets is None:
        return x, of.name
    mean, scale = network.of_targets
    x = graph.node("Mul", graph.cast(x, "float64"), graph.constant("target.scale", scale))
    return graph.node("Add", x, graph.constant("target.mean", mean)), "float64"


def _linked(graph: Graph, a: str, heads: OutputHeads) -> str:
    """The prediction of the outputs a: the link of each head in its place."""
    if len({head.cost.link for head in heads}) == 1 and heads[0].cost.link != "softmax":
        return _link(graph, a, heads[0].cost.link)
    parts = [a]
    if len(heads) > 1:
        nodes = graph.constant("nodes", [head.nodes for head in heads], np.int64)
        parts = [graph.name("head") for _ in heads]
        graph.nodes("Split", a, nodes, names=parts, axis=1)
    parts = [_link(graph, p, head.cost.link) for p, head in zip(parts, heads, strict=True)]
    return graph.node("Concat", *parts, axis=1) if len(heads) > 1 else parts[0]


def _link(graph: Graph, a: str, link: str) -> str:
    if link == "identity":
        return a
    operator, attributes = _LINKS[link]
    return graph.node(operator, a, **attributes)
