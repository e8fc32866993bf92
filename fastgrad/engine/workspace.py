"""Where a network's numbers lie: parameters, gradient, and what a mini-batch leaves behind."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np

from ..codegen.tile_shapes import HEIGHTS, LANES, is_cached, panels_cached
from .descriptor import LAYER
from .partition import Plan, plan

__all__ = ["Memory", "Reserved", "address_of", "aligned"]

Array = np.ndarray[Any, Any]

_ALIGNMENT = 64  # bytes of a cache line
# Between arrays that would otherwise begin at the same places of the cache's pages: a store to one
# and a load from another then look like the same address to the processor, and wait.
_APART = 5 * _ALIGNMENT
_SCRATCH_BYTES = 62 << 20  # at most, unless one panel needs more
_SMALL_BYTES = 4 << 20  # of scratch that is kept for smaller mini-batches too
_SAMPLES_MOST = 1 << 13  # at once: beside the scratch each thread knows them, in 0.1 MiB


def aligned(count: int, dtype: Any) -> Array:
    """Zeros that start at a cache line."""
    dtype = np.dtype(dtype)
    memory = np.zeros(count * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + count * dtype.itemsize].view(dtype)


def address_of(array: Array | None) -> int:
    """Where its numbers begin; 0 for none.

    Compiled code takes them to lie row by row without gaps: see `checks.contiguous`.
    """
    if array is None or not array.size:
        return 0
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned and array.dtype.isnative):
        came = f"strides {array.strides}, dtype {array.dtype.str}"
        raise ValueError(f"array: got {came}; expected contiguous, aligned and native numbers")
    return int(array.__array_interface__["data"][0])


def _up(count: int, unit: int) -> int:
    """The next multiple of the unit."""
    return -(-count // unit) * unit


class Reserved(NamedTuple):
    """Memory for mini-batches, and where it is; replaced as a whole, never changed."""

    layers: Array  # LAYER, with the addresses of what a mini-batch leaves behind
    pointers: dict[str, int]  # the addresses of all else, by field of a task
    gradient: Array
    scratch: tuple[Array, ...]
    slab: int = 0  # samples at a time
    copies: int = 0  # of the first layer's a and aT


class Memory:
    """The arrays of a network, and the table of layers that tells compiled code where they are.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    dtype : numpy.dtype
        float32 or float64.
    """

    def __init__(self, sizes: Sequence[int], dtype: Any) -> None:
        self.dtype, self.lanes = dtype, LANES[dtype]
        self.layers = np.zeros(len(sizes), LAYER)
        length = 0
        for l, n in enumerate(sizes):
            layer = self.layers[l]
            layer["nodes"], layer["rows"], layer["padded"] = n, _up(n, HEIGHTS[-1]), _up(n, 16)
            if l:
                before = self.layers[l - 1]["padded"]
                # rows of W in whole blocks, and not many of them apart: (5) reads down a column,
                # which would fall into few sets of the cache
                layer["leading"] = before + 16 * (before % 64 == 0)
                layer["W_offset"] = length
                layer["b_offset"] = length + _up(layer["rows"] * layer["leading"], 16)
                length = int(layer["b_offset"] + layer["padded"])
        self.parameters = aligned(length, dtype)
        self._place(self.layers, "W", "b", self.parameters)
        self.reserved = Reserved(self.layers, {}, aligned(0, dtype), ())

    def _place(self, layers: Array, W: str, b: str, flat: Array) -> None:
        """Note for each layer where its part of a flat array lies."""
        for layer in layers[1:]:
            layer[W] = flat.ctypes.data + layer["W_offset"] * flat.itemsize
            layer[b] = flat.ctypes.data + layer["b_offset"] * flat.itemsize

    def views(self, flat: Array) -> list[tuple[Array, Array]]:
        """W (n_l, n_(l-1)) and b (n_l,) of each layer in a flat array as long as the parameters."""
        views = []
        for before, layer in zip(self.layers[:-1], self.layers[1:], strict=True):
            n, leading = layer["nodes"], layer["leading"]
            at, b_at = layer["W_offset"], layer["b_offset"]
            W = flat[at : at + n * leading].reshape(n, leading)
            views.append((W[:, : before["nodes"]], flat[b_at : b_at + n]))
        return views

    def plan(self, batch: int) -> Plan:
        """How threads share a step on a mini-batch of that size."""
        return plan(self.layers["nodes"].tolist(), batch, self._slab_most(), self.lanes)

    def reserve(self, batch: int, gradient: bool) -> Reserved:
        """Memory for mini-batches of that size: what there is, or else new.

        All that can fail comes before the one assignment: an interrupt or a lack of memory leaves
        what was there, whole.
        """
        now, plan = self.reserved, self.plan(batch)
        numbers = (1 + plan.halves) * len(self.parameters) if gradient else 0
        slab = min(_up(batch, self.lanes), self._slab_most())
        copies = self._copies_of(plan, gradient, slab)
        is_small = self._numbers_a_sample(copies) * self.dtype.itemsize * now.slab < _SMALL_BYTES
        fits = slab <= now.slab and (now.slab <= 4 * slab or is_small)
        fits = fits or (now.slab > 0 and not gradient)  # in parts, if need be
        if copies > now.copies or not fits:
            now = self._lay_out(now, slab, copies)
        if len(now.gradient) < numbers:
            now = now._replace(gradient=aligned(numbers, self.dtype), layers=now.layers.copy())
            self._place(now.layers, "dC_dW", "dC_db", now.gradient)
        self.reserved = now
        return now

    def described(self, batch: int, gradient: bool) -> dict[str, int]:
        """What a pass must be told of the memory that is reserved for it, by name."""
        plan, now = self.plan(batch), self.reserved
        told = {"dC": address_of(now.gradient), "slab": now.slab, **now.pointers}
        told["together"] = self._together()
        if gradient:
            told["halves"] = plan.halves
        if self._copies_of(plan, gradient, now.slab) > 1:
            told["first_by_nodes"] = 1
            told["copies_apart"] = now.slab * int(self.layers[0]["padded"]) * self.dtype.itemsize
        return told

    def _together(self) -> int:
        """Panels that go together through all layers and back: those of a part read W anew."""
        if is_cached(len(self.parameters)):
            return panels_cached(self._numbers_a_sample(1) * self.lanes)
        return self.reserved.slab // self.lanes

    def _copies_of(self, plan: Plan, gradient: bool, slab: int) -> int:
        """Of the first layer's a and aT: one, or one for each thread if there is room."""
        threads = numba.config.NUMBA_NUM_THREADS
        bytes_with_copies = self._numbers_a_sample(threads) * self.dtype.itemsize * slab
        by_nodes = gradient and plan.first_by_nodes and bytes_with_copies <= _SCRATCH_BYTES
        return threads if by_nodes else 1

    def _lay_out(self, now: Reserved, slab: int, copies: int) -> Reserved:
        """New scratch for up to that many samples, with copies of the first layer's a and aT."""
        lanes, width = self.lanes, self.dtype.itemsize
        threads = numba.config.NUMBA_NUM_THREADS
        layers, panels = now.layers.copy(), slab // lanes
        n_y = int(layers[-1]["padded"])
        reals = self._numbers_a_sample(copies) + threads
        scratch = aligned(reals * slab + 4 * len(layers) * _APART, self.dtype)
        address = scratch.ctypes.data
        for l, layer in enumerate(layers):
            for name in self._held(l):
                layer[name] = address
                repeated = copies if l == 0 and name in {"a", "aT"} else 1
                address += int(layer["padded"]) * slab * width * repeated + _APART
        integers = aligned(slab * threads, np.int64)
        costs = aligned(2 * panels + 4 * lanes * threads, np.float64)
        C_panels = costs.ctypes.data
        pointers = {
            "y": address,
            "w": address + n_y * slab * width,
            "samples": integers.ctypes.data,
            "C_panels": C_panels,
            "right_panels": C_panels + panels * 8,
            "C_lanes": C_panels + 2 * panels * 8,
        }
        return Reserved(layers, pointers, now.gradient, (scratch, integers, costs), slab, copies)

    def _held(self, l: int) -> tuple[str, ...]:
        """What a layer keeps of each sample."""
        if l == 0:
            return ("a", "aT", "d")
        return ("u", "a", "d") if l == len(self.layers) - 1 else ("u", "a", "aT", "d")

    def _numbers_a_sample(self, copies: int) -> int:
        """In scratch memory: what the layers keep, copies of the inputs, targets."""
        padded = self.layers["padded"].tolist()
        held = sum(n * len(self._held(l)) for l, n in enumerate(padded))
        return int(held + 2 * (copies - 1) * padded[0] + padded[-1])

    def _slab_most(self) -> int:
        """Samples that the scratch memory may hold; with any number of threads, as sums follow."""
        bytes_a_sample = self._numbers_a_sample(1) * self.dtype.itemsize
        most = min(_SCRATCH_BYTES // bytes_a_sample, _SAMPLES_MOST)
        return int(max(most // self.lanes, 1)) * self.lanes
