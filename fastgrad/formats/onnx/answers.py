"""The outputs of a graph: labels and probabilities, numbers, or plain scores."""

from typing import Any, NamedTuple

import numpy as np

from ..portable import PortableModel
from .graph import Graph

__all__ = ["Names", "add_answers", "labels_of", "output_names"]

Array = np.ndarray[Any, Any]


class Names(NamedTuple):
    """The names of the outputs.

    Attributes
    ----------
    label : str or None
        The labels of classes, [N].
    values : str
        Probabilities [N, K], scores or numbers [N, n_L].
    """

    label: str | None
    values: str


def labels_of(model: PortableModel) -> Array:
    """The labels of the classes, (K,): text as objects."""
    labels = np.array(model.targets.classes)
    return labels.astype(object) if labels.dtype.kind == "U" else labels


def output_names(graph: Graph, model: PortableModel, outputs: str) -> Names:
    """Reserve the names of the outputs."""
    if outputs == "scores":
        return Names(None, graph.name("scores"))
    if model.targets.classes is None:
        return Names(None, graph.name(model.targets.target or "prediction"))
    gives_probabilities = model.heads[0].cost.classifies
    label = graph.name("label")
    return Names(label, graph.name("probabilities" if gives_probabilities else "scores"))


def add_answers(graph: Graph, model: PortableModel, names: Names, p: str, dtype: str) -> None:
    """Add the nodes from the mean prediction to the outputs.

    Parameters
    ----------
    graph : Graph
        Where the nodes are added.
    model : PortableModel
        What the outputs mean.
    names : Names
        Of the outputs, reserved.
    p, dtype : str
        The mean prediction, [N, n_L], and its dtype.
    """
    n_outputs = model.networks[0].spec.sizes[-1]
    if names.label is not None:
        _add_labels(graph, model, names.label, p, dtype)
    if names.label is not None and n_outputs == 1 and model.heads[0].cost.classifies:
        first = graph.node("Sub", graph.constant("one", 1, dtype), p)
        graph.node("Concat", first, p, name=names.values, axis=1)
        n_outputs = 2
    else:
        graph.node("Identity", p, name=names.values)
    graph.output(names.values, dtype, n_outputs)


def _add_labels(graph: Graph, model: PortableModel, name: str, p: str, dtype: str) -> None:
    labels = labels_of(model)
    if model.networks[0].spec.sizes[-1] == 1:
        border = 0.0 if model.heads[0].cost.targets == "sign" else 0.5
        second = graph.node("Greater", p, graph.constant("border", border, dtype))
        axes = graph.constant("axes", [1], np.int64)
        ids = graph.node("Squeeze", graph.cast(second, np.int64), axes)
    else:
        ids = graph.node("ArgMax", p, axis=1, keepdims=0, select_last_index=0)
    if labels.dtype == np.int64 and (labels == np.arange(len(labels))).all():
        graph.node("Identity", ids, name=name)
    else:
        graph.node("Gather", graph.constant("labels", labels), ids, name=name, axis=0)
    graph.output(name, labels.dtype)
