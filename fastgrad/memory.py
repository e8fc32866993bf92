"""Where a network's numbers lie: parameters, gradient, and what a mini-batch leaves behind."""

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np

from .plan import Plan, plan
from .shapes import HEIGHTS, LANES, is_cached, panels_cached
from .task import LAYER

__all__ = ["Memory", "address_of", "aligned"]

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
    """Where its numbers begin; 0 for none."""
    return int(array.__array_interface__["data"][0]) if array is not None and array.size else 0


def _up(count: int, unit: int) -> int:
    """The next multiple of the unit."""
    return -(-count // unit) * unit


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
        self._place("W", "b", self.parameters)
        self.gradient = aligned(0, dtype)
        self.pointers: dict[str, int] = {}
        self.version = 0
        self._slab = self._copies = 0
        self._ready_for: tuple[int, bool] | None = None

    def _place(self, W: str, b: str, flat: Array) -> None:
        """Note for each layer where its part of a flat array lies."""
        for layer in self.layers[1:]:
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

    def make_ready(self, batch: int, gradient: bool) -> None:
        """Lay out memory for mini-batches of that size, unless there is; a new version then."""
        if self._ready_for == (batch, gradient):
            return
        self._ready_for = (batch, gradient)
        plan = self.plan(batch)
        if gradient:
            numbers = (1 + plan.halves) * len(self.parameters)
            if len(self.gradient) < numbers:
                self.gradient = aligned(numbers, self.dtype)
                self._place("dC_dW", "dC_db", self.gradient)
                self.version += 1
        slab = min(_up(batch, self.lanes), self._slab_most())
        copies = self._copies_of(plan, gradient, slab)
        is_small = self._numbers_a_sample(copies) * self.dtype.itemsize * self._slab < _SMALL_BYTES
        fits = slab <= self._slab and (self._slab <= 4 * slab or is_small)
        fits = fits or (self._slab > 0 and not gradient)  # in parts, if need be
        if copies > self._copies or not fits:
            self._lay_out(slab, copies)
            self.version += 1

    def described(self, batch: int, gradient: bool) -> dict[str, int]:
        """What a pass must be told of the memory that is ready for it, by name."""
        plan = self.plan(batch)
        told = {"dC": address_of(self.gradient), "slab": self._slab, **self.pointers}
        told["together"] = self._together()
        if gradient:
            told["halves"] = plan.halves
        if self._copies_of(plan, gradient, self._slab) > 1:
            told["first_by_nodes"] = 1
            told["copies_apart"] = self._slab * int(self.layers[0]["padded"]) * self.dtype.itemsize
        return told

    def _together(self) -> int:
        """Panels that go together through all layers and back: those of a part read W anew."""
        if is_cached(len(self.parameters)):
            return panels_cached(self._numbers_a_sample(1) * self.lanes)
        return self._slab // self.lanes

    def _copies_of(self, plan: Plan, gradient: bool, slab: int) -> int:
        """Of the first layer's a and aT: one, or one for each thread if there is room."""
        threads = numba.config.NUMBA_NUM_THREADS
        bytes_with_copies = self._numbers_a_sample(threads) * self.dtype.itemsize * slab
        by_nodes = gradient and plan.first_by_nodes and bytes_with_copies <= _SCRATCH_BYTES
        return threads if by_nodes else 1

    def _lay_out(self, slab: int, copies: int) -> None:
        """Scratch memory for up to that many samples, with copies of the first layer's a and aT."""
        lanes, width = self.lanes, self.dtype.itemsize
        threads = numba.config.NUMBA_NUM_THREADS
        self._slab, self._copies = slab, copies
        layers, panels = self.layers, slab // lanes
        n_y = int(layers[-1]["padded"])
        reals = self._numbers_a_sample(copies) + threads
        self._scratch = aligned(reals * slab + 4 * len(layers) * _APART, self.dtype)
        address = self._scratch.ctypes.data
        for l, layer in enumerate(layers):
            for name in self._held(l):
                layer[name] = address
                repeated = copies if l == 0 and name in {"a", "aT"} else 1
                address += int(layer["padded"]) * slab * width * repeated + _APART
        self._integers = aligned(slab * threads, np.int64)
        self._costs = aligned(2 * panels + 4 * lanes * threads, np.float64)
        C_panels = self._costs.ctypes.data
        self.pointers = {
            "y": address,
            "w": address + n_y * slab * width,
            "samples": self._integers.ctypes.data,
            "C_panels": C_panels,
            "right_panels": C_panels + panels * 8,
            "C_lanes": C_panels + 2 * panels * 8,
        }

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
