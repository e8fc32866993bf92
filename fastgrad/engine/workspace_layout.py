"""Where a network's arrays lie, as pure functions of its sizes: no memory is touched here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arithmetic import ceil_div
from ..codegen.dtypes import LANES
from ..codegen.signatures import Array
from ..codegen.tile_shapes import HEIGHTS, fits_in_l2, panels_in_l2
from .descriptor import LAYER
from .layer_kinds.base import LayerKind, PaddedSize
from .partition import Plan, plan

__all__ = ["CACHE_LINE", "ParameterLayout", "WorkspaceLayout", "round_up"]

CACHE_LINE = 64  # bytes
_NODE_UNIT = 16  # nodes in whole column blocks: of 16 in float32, of 8 in float64
# Gap between arrays that would otherwise begin at the same offset of a page: a store to one and a
# load from another then seem to have the same address to the processor, and wait.
_ALIASING_GAP = 5 * CACHE_LINE
_SCRATCH_BYTES = 62 << 20  # at most, unless one panel needs more
_MOST_SAMPLES = 1 << 13  # of a microbatch: each thread notes their rows and weights, 0.1 MiB


def round_up(count: int, unit: int) -> int:
    """Return the next multiple of the unit."""
    return ceil_div(count, unit) * unit


def padded(nodes: int) -> PaddedSize:
    """Return a number of nodes, as it is and rounded up."""
    return PaddedSize(nodes, round_up(nodes, HEIGHTS[-1]), round_up(nodes, _NODE_UNIT))


class ParameterLayout:
    """Where the weights and biases of each layer lie in a network's flat vector of parameters.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    kinds : sequence of LayerKind
        Of layers 1 to L.

    Attributes
    ----------
    layers : ndarray of LAYER
        Sizes and offsets of the inputs and of each layer; no addresses.
    n_parameters : int
        Numbers in the flat vector, padding included.
    """

    def __init__(self, sizes: Sequence[int], kinds: Sequence[LayerKind]) -> None:
        self.layers = np.zeros(len(sizes), LAYER)
        self._views: list[tuple[int, ...]] = []  # of W: first, last, shape, columns; of b likewise
        offset, before = 0, padded(sizes[0])
        for layer, size, kind in zip(self.layers, sizes, [None, *kinds], strict=True):
            here = padded(size)
            layer["nodes"], layer["rows"], layer["padded_nodes"] = here
            if kind:
                columns = kind.columns(before)
                layer["row_stride"], layer["W_offset"] = columns.row_stride, offset
                weights = round_up(int(layer["rows"] * layer["row_stride"]), _NODE_UNIT)
                first = layer["b_offset"] = offset + weights
                last = offset + size * columns.row_stride
                shape = size, columns.row_stride, columns.used
                self._views.append((offset, last, *shape, first, first + size))
                offset += weights + here.padded_nodes
            before = here
        self.n_parameters = offset

    def views(self, flat: Array) -> list[tuple[Array, Array]]:
        """Return W and b (n_l,) of each layer in a flat vector, without padding.

        W is (n_l, n_(l-1)) for a dense layer.
        """
        return [
            (flat[first:last].reshape(n, stride)[:, :used], flat[first_b:last_b])
            for first, last, n, stride, used, first_b, last_b in self._views
        ]


@dataclass(frozen=True)
class WorkspaceLayout:
    """How large the scratch memory of a mini-batch is, and where its arrays begin.

    Parameters
    ----------
    parameters : ParameterLayout
        The network's.
    dtype : numpy.dtype
        float32 or float64.
    threads : int
        The most that a pass can have.
    microbatch : int, default 0
        Samples for which there is memory at a time, a multiple of the lanes.
    copies : int, default 0
        Of a and aT of the inputs: 1, or one for each thread.
    """

    parameters: ParameterLayout
    dtype: Any
    threads: int
    microbatch: int = 0
    copies: int = 0

    @property
    def lanes(self) -> int:
        """Samples in a panel."""
        return LANES[self.dtype]

    @property
    def n_panels(self) -> int:
        """Panels of a microbatch."""
        return self.microbatch // self.lanes

    @property
    def largest_microbatch(self) -> int:
        """Samples that the scratch memory may hold: the same for any number of threads."""
        # or sums, which are taken microbatch by microbatch, would depend on it
        most = min(_SCRATCH_BYTES // self.bytes_per_sample(1), _MOST_SAMPLES)
        return max(most // self.lanes, 1) * self.lanes

    def plan(self, batch_size: int) -> Plan:
        """Return how a step on mini-batches of that size is partitioned."""
        sizes = self.parameters.layers["nodes"].tolist()
        return plan(sizes, batch_size, self.largest_microbatch, self.lanes)

    def microbatch_for(self, batch_size: int) -> int:
        """Return how many samples of a mini-batch of that size are processed at a time."""
        return min(round_up(batch_size, self.lanes), self.largest_microbatch)

    def copies_for(self, batch_size: int, gradient: bool, microbatch: int) -> int:
        """Return the copies of the inputs: one per thread, if the plan says so and they fit."""
        fits = self.bytes_per_sample(self.threads) * microbatch <= _SCRATCH_BYTES
        by_nodes = gradient and self.plan(batch_size).first_by_nodes and fits
        return self.threads if by_nodes else 1

    def fields_of(self, l: int) -> tuple[str, ...]:
        """Return the arrays that a layer needs of each sample, as fields of its record."""
        if l == 0:
            return ("a", "aT", "d")
        is_output = l == len(self.parameters.layers) - 1
        return ("u", "a", "d") if is_output else ("u", "a", "aT", "d")

    def bytes_per_sample(self, copies: int) -> int:
        """Return the scratch memory of one sample: arrays of all layers, copies, targets."""
        nodes = self.parameters.layers["padded_nodes"].tolist()
        owned = sum(n * len(self.fields_of(l)) for l, n in enumerate(nodes))
        numbers = owned + 2 * (copies - 1) * nodes[0] + nodes[-1]
        return int(numbers * self.dtype.itemsize)

    @property
    def panels_per_block(self) -> int:
        """Panels that go through all layers and back together."""
        if fits_in_l2(self.parameters.n_parameters):
            numbers_per_sample = self.bytes_per_sample(1) // self.dtype.itemsize
            return panels_in_l2(numbers_per_sample * self.lanes)
        return self.n_panels  # the weights are loaded anew for each block, so let there be one

    @property
    def copy_bytes(self) -> int:
        """Bytes from one copy of the inputs to the next; 0 where there is one."""
        n = int(self.parameters.layers["padded_nodes"][0])
        return n * self.microbatch * self.dtype.itemsize if self.copies > 1 else 0

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the scratch memory, in the network's dtype."""
        weights = self.threads * self.microbatch * self.dtype.itemsize
        gaps = 4 * len(self.parameters.layers) * _ALIASING_GAP
        return int(self.bytes_per_sample(self.copies) * self.microbatch + weights + gaps)

    def place(self, address: int) -> tuple[Array, dict[str, int]]:
        """Lay the arrays out in scratch memory.

        Parameters
        ----------
        address : int
            Of the scratch memory.

        Returns
        -------
        ndarray of LAYER
            A table of layers with the addresses of their arrays.
        dict of str to int
            The addresses of y and w, by field of the descriptor.
        """
        layers = self.parameters.layers.copy()
        per_node = self.microbatch * self.dtype.itemsize
        for l, layer in enumerate(layers):
            for name in self.fields_of(l):
                layer[name] = address
                copies = self.copies if l == 0 and name in {"a", "aT"} else 1
                address += int(layer["padded_nodes"]) * per_node * copies + _ALIASING_GAP
        return layers, {"y": address, "w": address + int(layers[-1]["padded_nodes"]) * per_node}
