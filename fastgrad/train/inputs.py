"""Inputs, targets and weights from the user: validated, and converted to the network's dtype."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import frames, validation
from ..engine.batch import Batch
from ..model.output_heads import OutputHead, OutputHeads
from ..model.standardization import Targets
from .base import TrainableNetwork

__all__ = ["as_batch", "class_weighted", "encoded", "encoded_batch"]

Array = np.ndarray[Any, Any]


def as_batch(
    net: TrainableNetwork,
    X: Any,
    Y: Any,
    sample_weight: Any = None,
    class_weight: Any = None,
    *,
    input_names: Sequence[str] | None = None,
    names: tuple[str, ...] = ("X", "Y", "sample_weight"),
    is_piece: bool = False,
) -> Batch:
    """Validate samples and convert them to a batch of a network.

    Targets that are to be standardised, by `encoded`, are still as the user passed them, in
    float64.

    Parameters
    ----------
    net : Network
        The network.
    X, Y, sample_weight, class_weight
        As for `Network.fit`.
    input_names : sequence of str, optional
        The columns that a DataFrame must have; by default those of the network, if it has any.
    names : tuple of str
        Names of X, Y and sample_weight in errors.
    is_piece : bool, default False
        Whether it is a part of the samples, whose weights may all be 0.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, the value received, and what is expected.
    """
    heads, dtype = net.heads, net.dtype
    given, columns = X, input_names or net.inputs.names
    X = frames.matrix(names[0], given, dtype, net.n_inputs, columns)
    if X is not given and net.inputs.standardize and not net.inputs.standardized:
        exact = frames.matrix(names[0], given, np.dtype(np.float64), net.n_inputs, columns)
        net.inputs.warn_if_collapsed(exact, X, stacklevel=4)
    of_targets = np.dtype(np.float64) if net.targets.standardize else dtype
    if len(heads) > 1:
        numbers = _targets_of_heads(names[1], Y, heads, of_targets, len(X))
        ids = np.empty(0, np.int64)
    else:
        numbers, ids = _targets(names[1], Y, heads[0], of_targets, len(X))
    weights = np.empty(0, dtype)
    if sample_weight is not None:
        weights = validation.weights(names[2], sample_weight, dtype, len(X), allow_zeros=is_piece)
    if class_weight is not None:
        weights = class_weighted(class_weight, Batch(X, numbers, ids, weights), heads)
    if len(numbers) and not heads.classifies and not weights.all():
        numbers = numbers.copy()
        numbers[weights == 0] = 0  # 0 times the square of a target may be 0 times infinity
    return Batch(X, numbers, ids, weights)


def encoded(batch: Batch, targets: Targets) -> Batch:
    """The batch with its targets standardised, in the dtype of its inputs."""
    if not targets.standardize:
        return batch
    return batch._replace(Y=targets.encode(batch.Y, batch.X.dtype))


def encoded_batch(net: TrainableNetwork, *samples: Any, **options: Any) -> Batch:
    """The batch of `as_batch`, its targets standardised as the network's are."""
    return encoded(as_batch(net, *samples, **options), net.targets)


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


def _targets_of_heads(name: str, Y: Any, heads: OutputHeads, dtype: Any, rows: int) -> Array:
    """The targets of all heads side by side, (S, n_L); class ids one-hot."""
    if not isinstance(Y, list | tuple) or len(Y) != len(heads):
        received = f"{len(Y)} items" if isinstance(Y, list | tuple) else type(Y).__name__
        raise ValueError(
            f"{name}: got {received}; expected a list of {len(heads)}, one for each cost"
        )
    columns = []
    for k, (head, targets) in enumerate(zip(heads, Y, strict=True)):
        numbers, ids = _targets(f"{name}[{k}]", targets, head, dtype, rows)
        columns.append(np.eye(head.nodes, dtype=dtype)[ids] if len(ids) else numbers)
    return validation.contiguous(np.concatenate(columns, axis=1), dtype)


def class_weighted(
    given: Any, batch: Batch, heads: OutputHeads, rows: Array | None = None
) -> Array:
    """The weights of samples, (S,), times those of their classes; balanced by some rows, or all."""
    factors = _class_weights(given, batch, heads, rows)
    with np.errstate(over="ignore"):
        weights = factors * batch.weights if len(batch.weights) else factors
    if not 0 < weights.max() < np.inf:
        raise ValueError(
            f"class_weight: got a largest weight of {weights.max():g} for a sample, times its"
            " sample_weight; expected a finite one above 0"
        )
    return weights


def _class_weights(given: Any, batch: Batch, heads: OutputHeads, rows: Array | None) -> Array:
    """The weight of each sample's class: given, or "balanced", S / (classes x their samples).

    S and samples are those of the rows, if these are not all.
    """
    X, numbers, ids, *_ = batch
    classes, n_outputs = heads.n_classes, sum(head.nodes for head in heads)
    if not classes:
        costs = ", ".join(head.cost.name for head in heads)
        raise ValueError(
            f"class_weight: got it with the cost {costs} of {n_outputs} outputs; expected"
            " samples of one class each"
        )
    if not len(ids):
        ids = (numbers[:, 0] > 0.5).astype(np.int64) if n_outputs == 1 else numbers.argmax(axis=1)
    if isinstance(given, str):
        validation.choice("class_weight", given, ("balanced",))
        counted = ids if rows is None else ids[rows]
        counts = np.bincount(counted, minlength=classes)
        by_class = len(counted) / (classes * np.maximum(counts, 1))
    else:
        if isinstance(given, Mapping):
            if unknown := set(given) - set(range(classes)):
                raise ValueError(
                    f"class_weight: got class {min(unknown, key=str)!r}; expected 0 to"
                    f" {classes - 1}"
                )
            for k, weight in given.items():
                validation.number(f"class_weight[{k}]", weight, least=0)
            given = [given.get(k, 1.0) for k in range(classes)]
        elif not np.iterable(given):
            raise TypeError(
                f"class_weight: got {given!r}; expected {classes} weights, a dict of class ids and"
                " weights, or 'balanced'"
            )
        by_class = validation.weights("class_weight", given, X.dtype, classes)
    weights: Array = by_class.astype(X.dtype)[ids]
    return weights
