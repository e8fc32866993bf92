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

from . import machine, simd
from .jit import kernel, parallel
from .kernels import (
    affine_panels,
    backpropagate_panels,
    bias_gradient,
    differentiate,
    gather_panels,
    scatter_panels,
    transpose_panels,
    weight_gradient,
)
from .machine import call, view
from .shapes import HEIGHTS
from .task import (
    LAYER,
    TASK,
    assemble,
    blocks_of,
    meet,
    numbers,
    panels_of,
    rows_of,
    samples_of,
    share,
    weights_of,
    whole,
)  # fmt: skip

_CACHED = 1 << 17  # numbers, half a MiB of float32


@kernel
def shuffle(task: Any) -> None:
    """Random permutation (Fisher, Yates) by xorshift (G. Marsaglia, 2003, triple 13, 7, 17)."""
    order, random = (
        view(task.order, (task.samples_in_all,), np.uint32),
        view(task.random, (1,), np.uint64),
    )
    x = random[0]
    for k in range(order.size):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        r = np.int64(((x >> np.uint64(32)) * np.uint64(k + 1)) >> np.uint64(32))
        order[k] = order[r]
        order[r] = np.uint32(k)
    random[0] = x


@kernel
def sample_at(task: Any, position: int) -> Any:
    """The sample at that position of the order."""
    if task.order:
        return np.int64(view(task.order, (position + 1,), np.uint32)[position])
    return position


@kernel
def weight_of(task: Any, sample: int, S: int, real: Any) -> Any:
    """w_s / S, over the outputs too where the cost is a mean over them."""
    w_s = numbers(task.weights, sample + 1, real)[sample] if task.weights else 1.0
    return w_s / (S * task.outputs_averaged)


@kernel
def target(task: Any, sample: int, i: int, n: int, real: Any) -> Any:
    """y_i of a sample: from its row of Y or, with class ids, 1 at the node of its class."""
    if task.ids:
        return 1.0 if view(task.ids, (sample + 1,), np.int64)[sample] == i else 0.0
    return float(numbers(task.Y, sample * n + i + 1, real)[sample * n + i])


@kernel
def share_of_panels(task: Any, count: int, t: int) -> Any:
    """Range of thread t: its halves, where the gradient goes by samples."""
    if task.halves:
        halves = share(2, 1, t, task.threads)
        return count * halves[0] // 2, count * halves[1] // 2
    return share(count, 1, t, task.threads)


@kernel
def choose(task: Any, first: int, last: int, S: int, t: int, panels: Any, real: Any) -> None:
    """Numbers and weights of the samples; weightless copies of one fill the last panel."""
    lanes = simd.width(real)
    samples, w = samples_of(task, t), weights_of(task, t, real)
    for k in range(panels[0] * lanes, panels[1] * lanes):
        samples[k] = sample_at(task, min(first + k, last - 1))
        w[k] = weight_of(task, samples[k], S, real) if first + k < last else 0.0


@kernel
def gather(task: Any, layer: Any, t: int, panels: Any, real: Any) -> None:
    """The inputs of the samples chosen, into the copy of thread t."""
    X = rows_of(task.X, task.samples_in_all, layer.nodes, real)
    samples = samples_of(task, t)
    mean = numbers(task.input_mean, layer.padded, real)
    scale = numbers(task.input_scale, layer.padded, real)
    a = panels_of(layer.a + t * task.copies_apart, layer.padded, task, real)
    aT = blocks_of(layer.aT + t * task.copies_apart, layer.padded, task, real)
    gather_panels(X, samples, mean, scale, a, aT, panels)


@kernel
def at_once(n: int, real: Any) -> Any:
    """Panels of n rows that the second cache holds, while the other operand streams by."""
    return max(_CACHED // (max(n, 1) * simd.width(real)), 2) // 2 * 2


@kernel
def forward(
    task: Any, layer: Any, before: Any, a_before: int, nodes: Any, panels: Any, real: Any
) -> None:
    """Equations (1) and (2) for some nodes and panels of a layer, from a of the one before."""
    lanes = simd.width(real)
    W = view(layer.W, (layer.rows, layer.leading), real.dtype)
    b = numbers(layer.b, layer.rows, real)
    u = panels_of(layer.u, layer.padded, task, real)
    a = panels_of(layer.a, layer.padded, task, real)
    a_before = panels_of(a_before, before.padded, task, real)
    step = at_once(before.nodes, real)
    for p in range(panels[0], panels[1], step):
        some = p, min(p + step, panels[1])
        affine_panels(W, b, a_before, u, before.nodes, nodes, some)
    i, last = nodes[0], min(nodes[1], layer.nodes)
    for p in range(panels[0], panels[1]):
        call(layer.f, (u[p, i:], a[p, i:]), ((last - i) * lanes,))


@kernel
def forward_all(
    task: Any, layers: Any, count: int, t: int, panels: Any, crossing: int, real: Any
) -> None:
    """Equations (1) and (2) for every layer."""
    mine = t * task.copies_apart
    gather(task, layers[0], t, whole(count) if task.first_by_nodes else panels, real)
    for l in range(1, layers.size):
        layer, before = layers[l], layers[l - 1]
        if l == 1 and task.first_by_nodes:
            nodes = share(layer.rows, HEIGHTS[-1], t, task.threads)
            forward(task, layer, before, before.a + mine, nodes, whole(count), real)
            meet(task, crossing)
        else:
            forward(task, layer, before, before.a, whole(layer.rows), panels, real)
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
def is_right(a: Any, y: Any, n: int, s: int) -> Any:
    """Whether the largest output is at the class of sample s; of one output, its sign."""
    if n == 1:
        return (a[0, s] > 0) == (y[0, s] > 0.5)
    guess, truth = 0, 0
    for i in range(1, n):
        if a[i, s] > a[guess, s]:
            guess = i
        if y[i, s] > y[truth, s]:
            truth = i
    return guess == truth


@kernel
def cost(task: Any, layers: Any, t: int, panels: Any, real: Any) -> None:
    """C of each panel, and dC/da of the last layer."""
    lanes = simd.width(real)
    layer = layers[layers.size - 1]
    a = panels_of(layer.a, layer.padded, task, real)
    d = panels_of(layer.d, layer.padded, task, real)
    y = panels_of(task.y, layer.padded, task, real)
    samples, w = samples_of(task, t), weights_of(task, t, real)
    C_panels = view(task.C_panels, (task.slab // lanes,), np.float64)
    right_panels = view(task.right_panels, (task.slab // lanes,), np.float64)
    C = view(task.C_lanes + t * 3 * lanes * 8, (3, lanes), real.dtype)
    for p in range(panels[0], panels[1]):
        for i in range(layer.nodes):
            for s in range(lanes):
                y[p, i, s] = target(task, samples[p * lanes + s], i, layer.nodes, real)
        operands = (a[p], y[p], w[p * lanes : (p + 1) * lanes], d[p], C[0], C[1], C[2])
        call(task.cost_loop, operands, (layer.nodes, lanes))
        C_panels[p] = 0
        right_panels[p] = 0
        for s in range(lanes):
            C_panels[p] += C[0, s]
            if task.accuracy and w[p * lanes + s] and is_right(a[p], y[p], layer.nodes, s):
                right_panels[p] += 1


@kernel
def backward(task: Any, layers: Any, panels: Any, real: Any) -> None:
    """Equations (3) and (5) for every layer, from the last to the first."""
    lanes = simd.width(real)
    for l in range(layers.size - 1, 0, -1):
        layer, before = layers[l], layers[l - 1]
        df = panels_of(layer.u, layer.padded, task, real)  # it stands where u was
        d = panels_of(layer.d, layer.padded, task, real)
        for p in range(panels[0], panels[1]):
            differentiate(df[p].reshape(-1), d[p].reshape(-1), layer.nodes * lanes)
        if l > 1 or task.input_gradient:
            W = view(layer.W, (layer.rows, layer.leading), real.dtype)
            dC_da = panels_of(before.d, before.padded, task, real)
            nodes = whole(before.rows)
            step = at_once(layer.nodes, real)
            for p in range(panels[0], panels[1], step):
                some = p, min(p + step, panels[1])
                backpropagate_panels(d, W, dC_da, layer.nodes, nodes, some)


@kernel
def update(task: Any, first: int, n: int, real: Any) -> None:
    """The optimizer's rule on n parameters."""
    skip = first * machine.bytes_of(real)
    call(
        task.update_loop,
        (
            numbers(task.parameters + skip, n, real),
            numbers(task.dC + skip, n, real),
            numbers(task.slot_0 + skip, n, real),
            numbers(task.slot_1 + skip, n, real),
            numbers(task.slot_2 + skip, n, real),
            numbers(task.c, 16, real),
        ),
        (n,),
    )


@kernel
def weight_gradients(
    task: Any, layers: Any, l: int, t: int, skip: int, nodes: Any, panels: Any, more: bool,
    real: Any,
) -> None:  # fmt: skip
    """Equations (6) and (7) for some nodes and panels of a layer, `skip` numbers on in memory."""
    layer, before = layers[l], layers[l - 1]
    mine = t * task.copies_apart if l == 1 else 0
    skip *= machine.bytes_of(real)
    d = panels_of(layer.d, layer.padded, task, real)
    aT = blocks_of(before.aT + mine, before.padded, task, real)
    dC_dW = view(layer.dC_dW + skip, (layer.rows, layer.leading), real.dtype)
    step = at_once((panels[1] - panels[0]) * simd.width(real), real)
    for q in range(0, len(aT), step):
        weight_gradient(d, aT, dC_dW, panels, nodes, (q, min(q + step, len(aT))), more)
    bias_gradient(d, numbers(layer.dC_db + skip, layer.rows, real), panels, nodes, more)


@kernel
def learn_by_nodes(
    task: Any, layers: Any, count: int, t: int, more: bool, complete: bool, real: Any
) -> None:
    """The gradient for a share of the nodes of every layer, and their update."""
    for l in range(1, layers.size):
        layer = layers[l]
        nodes = share(layer.rows, HEIGHTS[-1], t, task.threads)
        weight_gradients(task, layers, l, t, np.int64(0), nodes, whole(count), more, real)
        if complete and task.update:
            n = nodes[1] - nodes[0]
            update(task, layer.W_offset + nodes[0] * layer.leading, n * layer.leading, real)
            update(task, layer.b_offset + nodes[0], n, real)


# By samples, each half of them has a gradient of its own. If both are the same thread's, it adds
# the second to the first at once: the sum is that of the two, whoever adds them.


@kernel
def learn_by_samples(task: Any, layers: Any, count: int, t: int, real: Any) -> None:
    """The gradients of the halves that are the thread's."""
    halves = share(2, 1, t, task.threads)
    for half in range(halves[0], halves[1]):
        joins = task.threads == 1 and half == 1
        skip = (half - joins) * task.n_parameters
        panels = (count * half // 2, count * (half + 1) // 2)
        for l in range(1, layers.size):
            weight_gradients(task, layers, l, t, skip, whole(layers[l].rows), panels, joins, real)


@kernel
def unite(task: Any, t: int, real: Any) -> None:
    """The sum of both halves for a share of the parameters, and their update."""
    some = share(task.n_parameters, 16, t, task.threads)
    dC = numbers(task.dC, 2 * task.n_parameters, real)
    if task.threads > 1:
        for k in range(some[0], some[1]):
            dC[k] += dC[task.n_parameters + k]
    if task.update:
        update(task, some[0], some[1] - some[0], real)


@kernel
def prepare(task: Any, real: Any) -> None:
    """What the optimizer needs to know at this step."""
    steps = view(task.steps, (1,), np.int64)
    steps[0] += 1
    h, m = view(task.h, (16,), np.float64), view(task.m, (8,), np.float64)
    call(task.prepare_loop, (h, m, numbers(task.c, 16, real)), (steps[0],))


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
        crossing = 1
        if task.shuffle:
            if t == 0:
                shuffle(task)
            crossing += 1
            meet(task, crossing)
        for batch in range(task.first, task.last, task.batch):
            end = min(batch + task.batch, task.last)
            if t == 0 and task.update:
                prepare(task, real)
            for first in range(batch, end, task.slab):
                last = min(first + task.slab, end)
                count = (last - first + lanes - 1) // lanes
                panels = share_of_panels(task, count, t)
                known = whole(count) if task.first_by_nodes else panels
                choose(task, first, last, end - batch, t, known, real)
                crossing += task.first_by_nodes
                forward_all(task, layers, count, t, panels, crossing, real)
                write(task, outputs, outputs.a, task.output, first, last, panels, real)
                if task.cost:
                    cost(task, layers, t, panels, real)
                if task.gradient:
                    backward(task, layers, panels, real)
                write(task, inputs, inputs.d, task.input_gradient, first, last, panels, real)
                if task.gradient and task.halves:
                    learn_by_samples(task, layers, count, t, real)
                crossing += 1
                meet(task, crossing)
                if t == 0 and task.cost:
                    add_up_panels(task, count, end - batch)
                if task.gradient and task.halves:
                    unite(task, t, real)
                elif task.gradient:
                    learn_by_nodes(task, layers, count, t, first > batch, last == end, real)
                crossing += 1
                meet(task, crossing)

    return work


@parallel
def sweep(run: int, threads: int, tasks: int, layers: int, n_layers: int) -> None:
    """A pass over the samples in mini-batches, on all threads of the task."""
    for t in prange(threads):
        call(run, (), (np.int64(t), tasks, layers, n_layers))
