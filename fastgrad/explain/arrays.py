"""The arrays that a pass leaves in the engine's memory, read sample by sample."""

from typing import Any, NamedTuple

import numpy as np

from ..engine.batch import Batch
from ..engine.engine import Engine
from ..engine.workspace import address_of
from .steps import Place

__all__ = ["GradientArrays", "gradient_arrays"]

Array = np.ndarray[Any, Any]


class GradientArrays(NamedTuple):
    """What the forward and the backward pass compute, in the dtype of the network.

    Lists begin with that of the inputs, l = 0, which have no u, df and d.

    Attributes
    ----------
    C : float
        Mean of the cost, with the penalty.
    dC : ndarray
        The gradient, flat, as the parameters are.
    u, a, df, d : list of ndarray
        (n_l,): of one sample, u, a, f'(u), and dC/db with the factor w_s / S.
    d_i, a_j : ndarray
        (S,): of all samples, dC/db of node i and a of node j of the layer before; 1 for a bias.
    """

    C: float
    dC: Array
    u: list[Array]
    a: list[Array]
    df: list[Array]
    d: list[Array]
    d_i: Array
    a_j: Array


def gradient_arrays(engine: Engine, batch: Batch, sample: int, place: Place) -> GradientArrays:
    """The arrays of one sample, and of all samples the two numbers that the derivative is made of.

    The caller holds the engine's locks.

    Parameters
    ----------
    engine : Engine
        Of the network.
    batch : Batch
        The mini-batch, which its memory holds at once.
    sample : int
        Which of its samples.
    place : Place
        Which derivative.
    """
    S, L = len(batch.X), len(engine.layers)
    none, first = np.empty(0), min(sample, max(S - 2, 0))
    # two samples, for a single one takes other loops
    engine.forward(batch.X[first : first + 2])
    u = [_of_sample(engine, S, l, "u", sample - first) for l in range(1, L + 1)]
    C, _, dC = engine.gradients(batch, threads=1)
    layers = range(1, L + 1)
    a = [_of_sample(engine, S, l, "a", sample) for l in range(L + 1)]
    df = [_of_sample(engine, S, l, "u", sample) for l in layers]  # where u was
    d = [_of_sample(engine, S, l, "d", sample) for l in layers]
    d_i = _of_node(engine, S, place.l, "d", place.i)
    a_j = np.ones(S, batch.X.dtype)
    if place.j is not None:
        a_j = _of_node(engine, S, place.l - 1, "a", place.j)
    return GradientArrays(C, dC, [none, *u], a, [none, *df], [none, *d], d_i, a_j)


def _panels(engine: Engine, l: int, field: str) -> Array:
    """An array of a layer for the mini-batch, a[p, i, s]."""
    scratch = engine.workspace.scratch
    layer, numbers, lanes = scratch.layers[l], scratch.arrays[0], scratch.layout.lanes
    first = (int(layer[field]) - address_of(numbers)) // numbers.itemsize
    shape = scratch.layout.n_panels, int(layer["padded_nodes"]), lanes
    return numbers[first : first + np.prod(shape)].reshape(shape)


def _of_sample(engine: Engine, S: int, l: int, field: str, sample: int) -> Array:
    """An array of a layer for one sample, a[i]."""
    panels, nodes = _panels(engine, l, field), int(engine.workspace.scratch.layers[l]["nodes"])
    if S == 1:  # one sample's numbers lie side by side
        return panels.reshape(-1)[:nodes].copy()
    lanes = panels.shape[2]
    return panels[sample // lanes, :nodes, sample % lanes].copy()


def _of_node(engine: Engine, S: int, l: int, field: str, i: int) -> Array:
    """An array of a node for all samples, a[s]."""
    panels = _panels(engine, l, field)
    if S == 1:
        return panels.reshape(-1)[i : i + 1].copy()
    return panels[:, i].reshape(-1)[:S].copy()
