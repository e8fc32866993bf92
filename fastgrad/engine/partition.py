"""Which thread works on which samples or nodes.

A processor waits longest for cache lines that another one has just written. So each loop of a step
is partitioned over the index, samples s or nodes i, that moves the fewest lines between processors:

- Activations and d = dC/db stay where they were computed if equations 1, 2, 3 and 5 are
  partitioned over samples.
- Equations 6 and 7, partitioned over nodes, read the activations of all samples, and the new
  weights move to all threads. Partitioned over samples, each half of the samples produces a
  gradient; both threads add the two, and update weights of their own (replica.py): fewer lines and
  one barrier less in a small network, for which two threads are enough anyway.
- A first layer may have more weights than activations. Its weights stay where they are if equation
  1 is partitioned over nodes, as equation 7 is; then each thread gathers all inputs for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..codegen.jit import kernel
from ..codegen.signatures import Range, int64
from ..codegen.tile_shapes import HEIGHTS
from .descriptor import Context, layer_at

__all__ = [
    "Plan",
    "full_range",
    "half_range",
    "node_range",
    "panel_range",
    "partition",
    "plan",
]

# Of type int64: see descriptor.py.
_TWO, _ONE, _TILE = map(int64, (2, 1, HEIGHTS[-1]))

_SMALL_STEP = 2e7  # operations; above it, more than two threads are worth while


@kernel
def partition(count: int, unit: int, t: int, threads: int) -> Range:
    """Return the range of thread t, where `count` items are partitioned in multiples of `unit`."""
    units = count // unit
    return units * t // threads * unit, units * (t + 1) // threads * unit


@kernel
def full_range(count: int) -> Range:
    """Return the range of all; numba would compile kernels again for (0, count), with a literal."""
    return int64(0), count


@kernel
def node_range(ctx: Context, l: int) -> Range:
    """Return the nodes of layer l whose weights this thread updates: in halves, those of all."""
    if ctx.descriptor.in_halves:
        return full_range(layer_at(ctx, l).rows)
    return partition(layer_at(ctx, l).rows, _TILE, ctx.t, ctx.descriptor.threads)


@kernel
def half_range(ctx: Context) -> Range:
    """Return the halves of the samples that this thread works on."""
    return partition(_TWO, _ONE, ctx.t, ctx.descriptor.threads)


@kernel
def panel_range(ctx: Context, n_panels: int) -> Range:
    """Return the panels that this thread works on: those of its halves, where there are halves."""
    if ctx.descriptor.in_halves:
        halves = half_range(ctx)
        return n_panels * halves[0] // 2, n_panels * halves[1] // 2
    return partition(n_panels, _ONE, ctx.t, ctx.descriptor.threads)


@dataclass(frozen=True)
class Plan:
    """How a step is partitioned: by sizes and batch alone, never by the number of threads.

    Attributes
    ----------
    sizes : tuple of int
        n_0 ... n_L.
    batch_size : int
        Samples in a mini-batch.
    in_halves : bool
        Whether equations 6 and 7 are partitioned over samples, in two halves.
    first_by_nodes : bool
        Whether equation 1 of the first layer is partitioned over nodes, if the inputs fit in the
        scratch memory once for each thread.
    """

    sizes: tuple[int, ...]
    batch_size: int
    in_halves: bool
    first_by_nodes: bool

    def __str__(self) -> str:
        """Return a line per layer: the index over which each equation is partitioned."""
        over = "partitioned over samples s or nodes i, - not at all"
        lines = [f"batch of {self.batch_size}; {over}"]
        lines.append(f"{'layer':8s}{'nodes':16s}eq. 1, 2  eq. 3, 5  eq. 6, 7  update")
        for l in range(1, len(self.sizes)):
            nodes = f"{self.sizes[l - 1]} to {self.sizes[l]}"
            forward = "i" if l == 1 and self.first_by_nodes else "s"
            gradient = "s" if self.in_halves else "i"
            update = "-" if self.in_halves else "i"
            lines.append(f"{l:<8d}{nodes:16s}{forward:10s}{'s':10s}{gradient:10s}{update}")
        return "\n".join(lines)


def plan(sizes: Sequence[int], batch_size: int, microbatch: int, lanes: int) -> Plan:
    """Return the plan for mini-batches of that size.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    batch_size : int
        Samples in a mini-batch.
    microbatch : int
        Samples for which there can be scratch memory.
    lanes : int
        Samples in a panel.
    """
    n_in, n_out = sizes[:-1], sizes[1:]
    weights = sum(n * m for n, m in zip(n_in, n_out, strict=True))
    # Numbers that move to a thread from another one, times four: the gradient of the other half of
    # the samples, or halves of the weights and of the activations, a quarter of d.
    by_samples, by_nodes = 4 * weights, 2 * weights + batch_size * (2 * sum(n_in) + sum(n_out))
    small = 6 * weights * batch_size < _SMALL_STEP and 2 * lanes <= batch_size <= microbatch
    # by samples each thread updates all weights, which pays where clearly fewer numbers move
    in_halves = small and 3 * by_samples < 2 * by_nodes
    # Of the first layer, halves of W and aT by samples, a quarter of a by nodes.
    by_samples, by_nodes = 2 * sizes[0] * (sizes[1] + batch_size), sizes[1] * batch_size
    wide = sizes[1] > batch_size > 1 and by_samples > 4 * by_nodes
    return Plan(tuple(sizes), batch_size, in_halves, wide and not in_halves)
