"""The compiled pass over the data: gather, forward, backward, update; and who works on what.

Every thread carries out the same function. In the first half of a step a thread takes part of the
samples through all layers (equations 1, 2, 3, 5 and 8: the samples are independent). In the second
it takes part of the nodes i of every layer, sums over all samples (equations 6 and 7) and updates
its weights. plan.py says where this differs: in a small network the gradient is summed by samples
too, in two halves; in a wide first layer equation 1 is shared by nodes. No sum depends on the
number of threads, so it does not change a single bit.
"""

from typing import Any

import numpy as np
from numba import prange

from ..codegen import simd
from ..codegen.intrinsics import call, flush_tiny, restore, view
from ..codegen.jit import kernel, parallel
from ..kernels.equations import (
    affine_panels,
    backpropagate_panels,
    differentiate,
    scatter_panels,
    transpose_panels,
)
from .descriptor import (
    BLOCK,
    LAYER,
    TASK,
    assemble,
    blocks_of,
    meet,
    numbers,
    panels_of,
    rows_of,
    samples_of,
    share_of_nodes,
    weights_of,
    whole,
)
from .minibatch import choose, gather, key_of, share_of_panels, shuffle, targets
from .weight_update import at_once, learn, learn_by_samples, prepare


@kernel
def forward(
    task: Any, layers: Any, l: int, a_before: int, nodes: Any, panels: Any, step: int, at: int,
    real: Any,
) -> None:  # fmt: skip
    """Equations (1), (2) and (9) for some nodes and panels of a layer, from a of the one before."""
    layer, before = layers[l], layers[l - 1]
    lanes = simd.width(real)
    W = view(layer.W, (layer.rows, layer.leading), real.dtype)
    b = numbers(layer.b, layer.rows, real)
    u = panels_of(layer.u, layer.padded, task, real)
    a = panels_of(layer.a, layer.padded, task, real)
    a_before = panels_of(a_before, before.padded, task, real)
    together = at_once(before.nodes, real)
    for p in range(panels[0], panels[1], together):
        some = p, min(p + together, panels[1])
        affine_panels(W, b, a_before, u, before.nodes, nodes, some)
    i, last = nodes[0], min(nodes[1], layer.nodes)
    n, drops = (last - i) * lanes, task.disturbs and layer.drop != 0
    key = key_of(task, step, l) if drops else 0
    for p in range(panels[0], panels[1]):
        call(layer.f, (u[p, i:], a[p, i:]), (n,))
        if drops:
            counted = (n, ((at + p) * layer.nodes + i) * lanes, key)
            call(layer.drop, (a[p, i:], u[p, i:], numbers(layer.options, 16, real)), counted)


@kernel
def forward_all(task: Any, layers: Any, panels: Any, step: int, at: int, real: Any) -> None:
    """Equations (1), (2) and (9) for every layer, at a step of the epoch, from panel `at` on."""
    for l in range(1, layers.size):
        layer, before = layers[l], layers[l - 1]
        if l > 1 or not task.first_by_nodes:
            forward(task, layers, l, before.a, whole(layer.rows), panels, step, at, real)
        if task.gradient and l + 1 < layers.size:
            a = panels_of(layer.a, layer.padded, task, real)
            transpose_panels(a, blocks_of(layer.aT, layer.padded, task, real), panels)


@kernel
def write(
    task: Any, layer: Any, values: int, to: int, first: int, last: int, panels: Any, real: Any
) -> None:
    """Values of a layer as rows, where they are asked for."""
    if to:
        values_of = panels_of(values, layer.padded, task, real)
        scatter_panels(values_of, rows_of(to, last, layer.nodes, real), first, panels)


@kernel
def largest(a: Any, most: Any, where: Any, n: int) -> None:
    """The node of the largest output of each sample, the first of several."""
    for s in range(most.size):
        most[s], where[s] = a[0, s], 0
    for i in range(1, n):
        for s in range(most.size):
            where[s] = i if a[i, s] > most[s] else where[s]
            most[s] = max(a[i, s], most[s])


@kernel
def count_right(a: Any, y: Any, n: int, samples: int, scratch: Any) -> Any:
    """Of how many samples the largest output is at their class; of one output, the sign right."""
    right, guess, truth = 0, scratch[0], scratch[1]
    if n > 1:
        largest(a, scratch[2], guess, n)
        largest(y, scratch[2], truth, n)
    for s in range(samples):
        right += guess[s] == truth[s] if n > 1 else (a[0, s] > 0) == (y[0, s] > 0.5)
    return right


@kernel
def cost(task: Any, layers: Any, t: int, panels: Any, S: int, real: Any) -> None:
    """C of each panel, of S samples in all, and dC/da of the last layer."""
    lanes = simd.width(real)
    layer = layers[layers.size - 1]
    a = panels_of(layer.a, layer.padded, task, real)
    d = panels_of(layer.d, layer.padded, task, real)
    y = panels_of(task.y, layer.padded, task, real)
    samples, w = samples_of(task, t), weights_of(task, t, real)
    C_panels = view(task.C_panels, (task.slab // lanes,), np.float64)
    right_panels = view(task.right_panels, (task.slab // lanes,), np.float64)
    blocks = view(task.blocks, (task.n_blocks,), BLOCK)
    C = view(task.C_lanes + t * 4 * lanes * 8, (4, lanes), real.dtype)
    for p in range(panels[0], panels[1]):
        targets(task, samples[p * lanes : (p + 1) * lanes], y[p], layer.nodes, real)
        total = 0.0
        for k in range(task.n_blocks):
            block, w_s = blocks[k], C[3]
            for s in range(lanes):
                w_s[s] = block.weight * w[p * lanes + s]
            i = block.first
            operands = (a[p, i:], y[p, i:], w_s, d[p, i:], C[0], C[1], C[2])
            call(block.loop, operands, (block.nodes, lanes))
            for s in range(lanes):
                total += C[0, s]
        C_panels[p] = total
        right_panels[p] = 0
        if task.accuracy:
            right_panels[p] = count_right(a[p], y[p], layer.nodes, min(S - p * lanes, lanes), C)


@kernel
def backward(task: Any, layers: Any, panels: Any, real: Any) -> None:
    """Equations (3) and (5) for every layer, from the last to the first."""
    last = layers[layers.size - 1]
    df = panels_of(last.u, last.padded, task, real)  # it stands where u was
    d = panels_of(last.d, last.padded, task, real)
    for p in range(panels[0], panels[1]):
        differentiate(df[p].reshape(-1), d[p].reshape(-1), last.nodes * simd.width(real))
    for l in range(layers.size - 1, 0 if task.input_gradient else task.lowest, -1):
        layer, before = layers[l], layers[l - 1]
        W = view(layer.W, (layer.rows, layer.leading), real.dtype)
        d = panels_of(layer.d, layer.padded, task, real)
        df = panels_of(before.u, before.padded, task, real)
        d_before = panels_of(before.d, before.padded, task, real)
        nodes, together = whole(before.rows), at_once(layer.nodes, real)
        for p in range(panels[0], panels[1], together):
            some = p, min(p + together, panels[1])
            backpropagate_panels(d, W, df, d_before, layer.nodes, nodes, some, l > 1)


@kernel
def add_up(task: Any, C: float, right: float) -> None:
    """Add to the sums of C and of right classes."""
    sums = view(task.C, (2,), np.float64)
    sums[0] += C
    sums[1] += right


@kernel
def add_up_panels(task: Any, count: int, S: int) -> None:
    """Add the sums of each panel, where C is a mean over S samples."""
    C_panels = view(task.C_panels, (count,), np.float64)
    right_panels = view(task.right_panels, (count,), np.float64)
    for p in range(count):
        add_up(task, C_panels[p] * S, right_panels[p])


# A pass is called through its address, with nothing but integers: so that `sweep` has little to
# compile, and serves both dtypes.


def pass_over_batches(dtype: Any) -> Any:
    """All that thread t does in a pass over mini-batches, for np.float32 or np.float64."""

    def work(t: int, tasks: int, table: int, n_layers: int) -> None:
        task, layers = view(tasks, (1,), TASK)[0], view(table, (n_layers,), LAYER)
        real = view(tasks, (1,), dtype)  # stands for the dtype
        if not assemble(task):
            return
        lanes, inputs, outputs = simd.width(real), layers[0], layers[layers.size - 1]
        crossing, before = 1, flush_tiny()
        if task.shuffle:
            if t == 0:
                shuffle(task)
            crossing += 1
            meet(task, crossing)
        for batch in range(task.first, task.last, task.batch):
            end = min(batch + task.batch, task.last)
            step = batch // task.batch
            if t == 0 and task.update:
                prepare(task, layers, step - task.first // task.batch, real)
            for first in range(batch, end, task.slab):
                last = min(first + task.slab, end)
                count, at = (last - first + lanes - 1) // lanes, (first - batch) // lanes
                panels = share_of_panels(task, count, t)
                known = whole(count) if task.first_by_nodes else panels
                choose(task, first, last, end - batch, t, known, real)
                gather(task, inputs, t, known, step, at, real)
                if task.first_by_nodes:
                    a, nodes = inputs.a + t * task.copies_apart, share_of_nodes(task, layers[1], t)
                    forward(task, layers, np.int64(1), a, nodes, known, step, at, real)
                    crossing += 1
                    meet(task, crossing)
                for p in range(panels[0], panels[1], task.together):
                    some = p, min(p + task.together, panels[1])
                    forward_all(task, layers, some, step, at, real)
                    if task.cost:
                        cost(task, layers, t, some, last - first, real)
                    if task.gradient:
                        backward(task, layers, some, real)
                write(task, outputs, outputs.a, task.output, first, last, panels, real)
                write(task, inputs, inputs.d, task.input_gradient, first, last, panels, real)
                if task.gradient and task.halves:
                    learn_by_samples(task, layers, count, t, real)
                crossing += 1
                meet(task, crossing)
                if t == 0 and task.cost:
                    add_up_panels(task, count, end - batch)
                if task.gradient:
                    complete = last == end
                    crossing += task.clips_norm and complete
                    learn(task, layers, count, t, first > batch, complete, crossing, real)
                crossing += 1
                meet(task, crossing)
        restore(before)

    return work


@parallel
def sweep(run: int, threads: int, tasks: int, layers: int, n_layers: int) -> None:
    """A pass over the samples in mini-batches, on all threads of the task."""
    for t in prange(threads):
        call(run, (), (np.int64(t), tasks, layers, n_layers))
