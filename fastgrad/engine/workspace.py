"""The arrays of a network: parameters and scratch memory, with their addresses.

What belongs to one optimizer, such as its slots, is in optim/base.py and descriptor_builder.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np

from ..codegen.signatures import Array
from ..kernels.regularizers import SHARE
from ..kernels.update_rules import CONSTANTS
from .barrier import barrier_array
from .descriptor import OPTIONS
from .layer_kinds.base import LayerKind
from .partition import Plan
from .workspace_layout import CACHE_LINE, ParameterLayout, WorkspaceLayout

__all__ = ["Scratch", "Workspace", "address_of", "aligned", "parameter_layout"]

_SMALL_BYTES = 4 << 20  # of scratch memory that is kept for smaller mini-batches too
_HALVES = 4  # gradients of halves of the samples: two, of even and of odd steps
_HALF_GAP = 256  # numbers between them: processors read ahead, also what another one writes


def aligned(count: int, dtype: Any) -> Array:
    """Return zeros that start at a cache line."""
    dtype = np.dtype(dtype)
    memory = np.zeros(count * dtype.itemsize + CACHE_LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % CACHE_LINE
    return memory[start : start + count * dtype.itemsize].view(dtype)


def address_of(array: Array | None) -> int:
    """Return the address of an array's first number; 0 for none.

    Compiled code reads row by row without gaps: see `validation.contiguous`.
    """
    if array is None or not array.size:
        return 0
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned and array.dtype.isnative):
        received = f"strides {array.strides}, dtype {array.dtype.str}"
        raise ValueError(f"array: got {received}; expected contiguous, aligned and native numbers")
    return int(array.__array_interface__["data"][0])


@lru_cache
def parameter_layout(sizes: tuple[int, ...], kinds: tuple[LayerKind, ...]) -> ParameterLayout:
    """Return the layout of a kind of network, which nothing changes."""
    return ParameterLayout(sizes, kinds)


class Scratch(NamedTuple):
    """Memory for mini-batches: replaced as a whole, never changed."""

    layout: WorkspaceLayout
    layers: Array  # LAYER, with the addresses of arrays of a microbatch
    fields: dict[str, int]  # addresses of the other arrays, by field of the descriptor
    gradient: Array
    arrays: tuple[Array, ...] = ()  # to which the addresses belong


class Workspace:
    """The arrays of a network, and where they are.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    kinds : sequence of LayerKind
        Of layers 1 to L.
    dtype : numpy.dtype
        float32 or float64.
    parameters : ndarray
        As many as the layout of these has.

    Attributes
    ----------
    parameters : ndarray
        All weights and biases, with zeros between: see `ParameterLayout`.
    mean, scale : ndarray
        Of the inputs, padded.
    options, constants : ndarray
        (L + 1, 16): the numbers of each layer's loops, and of the update rule at this step.
    average_rate, barrier : ndarray
        As the fields of the descriptor.
    scratch : Scratch
        Memory for the mini-batches so far.
    """

    def __init__(
        self, sizes: Sequence[int], kinds: Sequence[LayerKind], dtype: Any, parameters: Array
    ) -> None:
        threads = numba.config.NUMBA_NUM_THREADS
        self.parameter_layout = parameter_layout(tuple(sizes), tuple(kinds))
        layers = self.parameter_layout.layers
        n_0 = int(layers["padded_nodes"][0])
        self.parameters = parameters
        self.mean, self.scale = aligned(n_0, dtype), aligned(n_0, dtype)
        self.scale[: sizes[0]] = 1
        self.options = aligned(len(sizes) * OPTIONS, dtype).reshape(-1, OPTIONS)
        self.options[:, SHARE] = 1
        self.constants = aligned(len(sizes) * CONSTANTS, dtype).reshape(-1, CONSTANTS)
        self.average_rate = np.zeros(1, dtype)
        self.barrier = barrier_array(threads)
        layout = WorkspaceLayout(self.parameter_layout, dtype, threads)
        self.scratch = Scratch(layout, layers, {}, aligned(0, dtype))

    @property
    def inputs_at(self) -> tuple[int, int]:
        """The addresses of mean and scale."""
        return address_of(self.mean), address_of(self.scale)

    def views(self, flat: Array) -> list[tuple[Array, Array]]:
        """Return W and b of each layer in a flat vector: see `ParameterLayout.views`."""
        return self.parameter_layout.views(flat)

    def plan(self, batch_size: int) -> Plan:
        """Return how a step on mini-batches of that size is partitioned."""
        return self.scratch.layout.plan(batch_size)

    def reserve(self, batch_size: int, gradient: bool) -> Scratch:
        """Return memory for mini-batches of that size: what there is, or else new.

        Everything that can fail comes before the one assignment: after an interrupt or a lack of
        memory the scratch memory is as it was, and whole.
        """
        scratch, layout = self.scratch, self.scratch.layout
        microbatch = layout.microbatch_for(batch_size)
        copies = layout.copies_for(batch_size, gradient, microbatch)
        is_small = layout.bytes_per_sample(copies) * layout.microbatch < _SMALL_BYTES
        is_enough = microbatch <= layout.microbatch
        fits = is_enough and (layout.microbatch <= 4 * microbatch or is_small)
        fits = fits or (layout.microbatch > 0 and not gradient)  # in parts, if need be
        if copies > layout.copies or not fits:
            larger = replace(layout, microbatch=microbatch, copies=copies)
            scratch = _allocate_scratch(larger, scratch.gradient)
        halves = _HALVES if layout.plan(batch_size).in_halves else 0
        n_parameters = len(self.parameters)
        numbers = n_parameters + halves * (n_parameters + _HALF_GAP) if gradient else 0
        if len(scratch.gradient) < numbers:
            scratch = scratch._replace(gradient=aligned(numbers, layout.dtype))
        self.scratch = scratch
        return scratch

    def row_scratch(self) -> Scratch:
        """Return memory for one sample, apart from that of all other passes."""
        layout = replace(self.scratch.layout, threads=1, microbatch=1, copies=1)
        return _allocate_scratch(layout, aligned(0, layout.dtype))

    def descriptor_fields(
        self, scratch: Scratch, batch_size: int, gradient: bool
    ) -> dict[str, int]:
        """Return what a descriptor says of the memory that is reserved for it, by field."""
        layout = scratch.layout
        by_nodes = layout.copies_for(batch_size, gradient, layout.microbatch) > 1
        dC = address_of(scratch.gradient)
        return {
            **scratch.fields,
            "dC": dC,
            "halves": dC + self.parameters.nbytes,
            "half_bytes": self.parameters.nbytes + _HALF_GAP * self.parameters.itemsize,
            "n_parameters": len(self.parameters),
            "microbatch": layout.microbatch,
            "panels_per_block": layout.panels_per_block,
            "in_halves": gradient and layout.plan(batch_size).in_halves,
            "first_by_nodes": by_nodes,
            "copy_bytes": layout.copy_bytes if by_nodes else 0,
        }


def _allocate_scratch(layout: WorkspaceLayout, gradient: Array) -> Scratch:
    threads, lanes, n_panels = layout.threads, layout.lanes, layout.n_panels
    numbers = aligned(layout.scratch_bytes // layout.dtype.itemsize, layout.dtype)
    samples = aligned(layout.microbatch * threads, np.int64)
    costs = aligned(4 * n_panels + 4 * lanes * threads, np.float64)
    layers, fields = layout.place(address_of(numbers))
    C_panels = address_of(costs)
    fields |= {
        "samples": address_of(samples),
        "C_panels": C_panels,
        "correct_panels": C_panels + 2 * n_panels * costs.itemsize,
        "C_lanes": C_panels + 4 * n_panels * costs.itemsize,
    }
    return Scratch(layout, layers, fields, gradient, (numbers, samples, costs))
