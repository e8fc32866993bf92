"""Samples at the door: inputs, targets and weights, checked and in the network's dtype."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import checks

if TYPE_CHECKING:
    from .network import Network

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
    names: tuple[str, str] = ("X", "Y"),
) -> Samples:
    """Everything that belongs to the samples; `names` are those of the arguments, for errors."""
    X = checks.matrix(names[0], X, net.dtype, net.n_inputs)
    numbers, ids = np.empty((0, 0), net.dtype), np.empty(0, np.int64)
    if net.cost_function.targets == "distribution" and np.ndim(Y) == 1:
        ids = checks.class_ids(names[1], Y, net.n_outputs, len(X))
    else:
        numbers = checks.matrix(names[1], Y, net.dtype, net.n_outputs, len(X))
        checks.domain(names[1], numbers, net.cost_function.targets)
    weights = np.empty(0, net.dtype)
    if sample_weight is not None:
        weights = checks.weights("sample_weight", sample_weight, net.dtype, len(X))
    return Samples(X, numbers, ids, weights)
