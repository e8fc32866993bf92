"""Samples at the door: inputs, targets and weights, checked and in the network's dtype."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import validation
from ..model.output_heads import OutputHead

if TYPE_CHECKING:
    from ..network import Network

__all__ = ["Samples", "samples"]

Array = np.ndarray[Any, Any]


class Samples(NamedTuple):
    """Rows of a mini-batch, an epoch or a test: what the compiled passes read."""

    X: Array  # (S, n_0)
    Y: Array  # (S, n_L), or empty
    ids: Array  # (S,) class ids, or empty
    weights: Array  # (S,) w_s, or empty


def samples(
    net: "Network",
    X: Any,
    Y: Any,
    sample_weight: Any = None,
    class_weight: Any = None,
    names: tuple[str, ...] = ("X", "Y", "sample_weight"),
    part: bool = False,
) -> Samples:
    """Everything that belongs to the samples; `names` are those of the arguments, for errors.

    The weights of a part of the data may all be 0.
    """
    X = validation.matrix(names[0], X, net.dtype, net.n_inputs)
    if len(net.heads) > 1:
        numbers, ids = _targets_of_heads(names[1], Y, net, len(X)), np.empty(0, np.int64)
    else:
        numbers, ids = _targets(names[1], Y, net.heads[0], net.dtype, len(X))
    weights = np.empty(0, net.dtype)
    if sample_weight is not None:
        weights = validation.weights(names[2], sample_weight, net.dtype, len(X), allow_zeros=part)
    if class_weight is not None:
        of_class = _class_weights(class_weight, numbers, ids, net)
        with np.errstate(over="ignore"):
            weights = of_class * weights if len(weights) else of_class
        if not 0 < weights.max() < np.inf:
            raise ValueError(
                f"class_weight: got a largest weight of {weights.max():g} for a sample, times its"
                " sample_weight; expected a finite one above 0"
            )
    return Samples(X, numbers, ids, weights)


def _targets(name: str, Y: Any, head: OutputHead, dtype: Any, rows: int) -> tuple[Array, Array]:
    """Numbers (S, n) or class ids (S,) for the outputs of a head; the other is empty."""
    kind = head.cost.targets
    expected = f"numbers of shape ({rows}, {head.nodes})"
    if kind == "distribution":
        expected = f"{rows} class ids from 0 to {head.nodes - 1}, or {expected}"
    Y = validation.numbers(name, Y, expected)
    if kind == "distribution" and Y.ndim == 1:
        return np.empty((0, 0), dtype), validation.class_ids(name, Y, head.nodes, rows)
    if kind == "distribution" and Y.shape == (rows, 1):
        raise ValueError(
            f"{name}: got shape {Y.shape}; expected class ids of shape ({rows},), or"
            f" distributions of shape ({rows}, {head.nodes})"
        )
    if kind != "distribution" and Y.ndim == 1 and head.nodes > 1:
        raise ValueError(
            f"{name}: got shape {Y.shape} with the cost {head.cost.name!r}; expected {expected},"
            " or for class ids the cost 'softmax_cross_entropy'"
        )
    numbers = validation.matrix(name, Y, dtype, head.nodes, rows)
    validation.domain(name, numbers, kind)
    return numbers, np.empty(0, np.int64)


def _targets_of_heads(name: str, Y: Any, net: "Network", rows: int) -> Array:
    """The targets of all heads side by side, (S, n_L); class ids as rows of 0 and 1."""
    heads = net.heads
    if not isinstance(Y, list | tuple) or len(Y) != len(heads):
        came = f"{len(Y)} things" if isinstance(Y, list | tuple) else type(Y).__name__
        raise ValueError(f"{name}: got {came}; expected a list of {len(heads)}, one for each cost")
    columns = []
    for k, (head, part) in enumerate(zip(heads, Y, strict=True)):
        numbers, ids = _targets(f"{name}[{k}]", part, head, net.dtype, rows)
        columns.append(np.eye(head.nodes, dtype=net.dtype)[ids] if len(ids) else numbers)
    return validation.contiguous(np.concatenate(columns, axis=1), net.dtype)


def _class_weights(spec: Any, numbers: Array, ids: Array, net: "Network") -> Array:
    """The weight of each sample's class: given, or "balanced", S / (classes x their samples)."""
    only, costs = net.heads[0].cost, ", ".join(head.cost.name for head in net.heads)
    one_class = only.link == "softmax" or (only.link == "sigmoid" and net.n_outputs == 1)
    if len(net.heads) > 1 or not one_class:
        raise ValueError(
            f"class_weight: got it with the cost {costs} of {net.n_outputs} outputs; expected"
            " samples of one class each"
        )
    if not len(ids):
        one_output = net.n_outputs == 1
        ids = (numbers[:, 0] > 0.5).astype(np.int64) if one_output else numbers.argmax(axis=1)
    classes = max(net.n_outputs, 2)
    if isinstance(spec, str):
        validation.choice("class_weight", spec, ("balanced",))
        counts = np.bincount(ids, minlength=classes)
        by_class = len(ids) / (classes * np.maximum(counts, 1))
    else:
        if isinstance(spec, Mapping):
            if unknown := set(spec) - set(range(classes)):
                raise ValueError(
                    f"class_weight: got class {min(unknown, key=str)!r}; expected 0 to"
                    f" {classes - 1}"
                )
            for k, weight in spec.items():
                validation.number(f"class_weight[{k}]", weight, least=0)
            spec = [spec.get(k, 1.0) for k in range(classes)]
        elif not np.iterable(spec):
            raise TypeError(
                f"class_weight: got {spec!r}; expected {classes} weights, a dict of class ids and"
                " weights, or 'balanced'"
            )
        by_class = validation.weights("class_weight", spec, net.dtype, classes)
    weights: Array = by_class.astype(net.dtype)[ids]
    return weights
