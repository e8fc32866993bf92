"""Which index the threads share in each loop: samples s or nodes i.

A processor waits longest for what another one has just written. So a step is shared such that
little passes between them:

- Activations and d = dC/db stay where they were made if equations 1, 2, 3 and 5 go by samples.
- Equations 6 and 7, if they go by nodes, need the activations of all samples, and the new weights
  pass to all threads. If they go by samples, each half of the samples leaves a gradient, and the
  two are added up: less in a small network, where moreover two threads are enough.
- A first layer may have more weights than activations. They stay put if equation 1 goes by nodes,
  as equation 7 does; then each thread reads all inputs for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_SMALL_STEP = 2e7  # operations; above it, more than two threads pay


@dataclass(frozen=True)
class Plan:
    """How the threads share a step; it depends on sizes and batch, never on their number.

    Attributes
    ----------
    sizes : tuple of int
        n_0 ... n_L.
    batch_size : int
        Samples in a mini-batch.
    halves : bool
        Whether equations 6 and 7 go by samples, in two halves.
    first_by_nodes : bool
        Whether equation 1 of the first layer goes by nodes.
    """

    sizes: tuple[int, ...]
    batch_size: int
    halves: bool
    first_by_nodes: bool

    def __str__(self) -> str:
        """A line for each layer: the index that is shared in each equation."""
        shared = "shared among threads: samples s, nodes i, or parameters k"
        lines = [f"batch of {self.batch_size}; {shared}"]
        lines.append(f"{'layer':8s}{'nodes':16s}eq. 1, 2  eq. 3, 5  eq. 6, 7  update")
        for l in range(1, len(self.sizes)):
            nodes = f"{self.sizes[l - 1]} to {self.sizes[l]}"
            forward = "i" if l == 1 and self.first_by_nodes else "s"
            gradient = "s" if self.halves else "i"
            update = "k" if self.halves else "i"
            lines.append(f"{l:<8d}{nodes:16s}{forward:10s}{'s':10s}{gradient:10s}{update}")
        return "\n".join(lines)


def plan(sizes: Sequence[int], batch_size: int, at_once: int, lanes: int) -> Plan:
    """The plan for mini-batches of that size.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    batch_size : int
        Samples in a mini-batch.
    at_once : int
        Samples for which there is scratch memory.
    lanes : int
        Samples in a panel.
    """
    n_in, n_out = sizes[:-1], sizes[1:]
    weights = sum(n * m for n, m in zip(n_in, n_out, strict=True))
    # What passes between two threads, times four: halves of the gradient and of the weights, or
    # halves of the weights and of the activations, a quarter of d.
    by_samples, by_nodes = 4 * weights, 2 * weights + batch_size * (2 * sum(n_in) + sum(n_out))
    small = 6 * weights * batch_size < _SMALL_STEP and 2 * lanes <= batch_size <= at_once
    halves = small and 4 * by_samples < by_nodes
    # Of the first layer, halves of W and aT by samples, a quarter of a by nodes.
    by_samples, by_nodes = 2 * sizes[0] * (sizes[1] + batch_size), sizes[1] * batch_size
    wide = sizes[1] > batch_size > 1 and by_samples > 4 * by_nodes
    return Plan(tuple(sizes), batch_size, halves, wide and not halves)
