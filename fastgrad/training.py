"""The compiled pass over the data: gather, forward, backward, update; and who works on what.

Every thread carries out the same function. In the first half of a step a thread takes part of the
samples through all layers (equations 1, 2, 3, 5 and 8: the samples are independent). In the second
it takes part of the nodes i of every layer, sums over all samples (equations 6 and 7) and updates
its weights. Nothing is added across threads, so their number does not change a single bit.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange

from . import simd
from .jit import kernel, parallel
from .kernels import (
    affine,
    affine_panels,
    backpropagate,
    backpropagate_panels,
    bias_gradient,
    gather_panels,
    gradient,
    scatter_panels,
    transpose_panels,
    weight_gradient,
)
from .simd import ROWS, call, view


def _record(names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names.split()])


#: Layer l: its nodes, the rows of W (nodes in whole tiles), the nodes in whole blocks of lanes, the
#: leading dimension of W; offsets of W and b in the parameters and of u, a, aT, d in the scratch
#: memory; the addresses of the loops over f and f'.
LAYER = _record("nodes rows padded leading W b u a aT d f df")

#: What to do, each a 0 or 1: compute the cost, the gradient, update the weights, write a^L and
#: dC/da0, draw a new order. Then: the samples from `first` to `last` in mini-batches of `batch`, at
#: most `slab` at a time; over how many outputs the cost is a mean; the addresses of the loops of
#: the cost and the update rule; offsets of y, w and C in the scratch memory.
TASK = _record(
    "cost gradient update output input_gradient shuffle first last batch slab threads outputs_averaged"
    " cost_loop prepare_loop update_loop y w C"
)


class Data(NamedTuple):
    """What a pass reads and writes that belongs to the samples; an array not in use is empty.

    X (S, n_0); Y (S, n_L) or class ids (S,); sample weights (S,); the order of the samples (S,);
    mean and scale of the inputs, in whole blocks; a^L (S, n_L) and dC/da0 (S, n_0) to write.
    """

    X: Any
    Y: Any
    ids: Any
    weights: Any
    order: Any
    mean: Any
    scale: Any
    output: Any
    input_gradient: Any


class Memory(NamedTuple):
    """What a pass works in: flat arrays, carved up by the offsets in LAYER and TASK.

    Parameters, their gradient and three slots of optimizer state, all of one length; the optimizer's
    numbers h (float64) and what follows from them at a step, c; steps so far; scratch memory;
    the samples of the mini-batch; the cost of each panel and of all; the state of the random numbers;
    the meeting point of the threads.
    """

    parameters: Any
    dC: Any
    slot_0: Any
    slot_1: Any
    slot_2: Any
    h: Any
    c: Any
    steps: Any
    scratch: Any
    samples: Any
    C_panels: Any
    C: Any
    random: Any
    arrived: Any


# --- Where things lie ---------------------------------------------------------------------------


@kernel
def weights_of(memory: Any, flat: Any, layer: Any) -> Any:
    """W and b of a layer in the parameters, or dC/dW and dC/db in their gradient."""
    W = view(flat, layer.W, (layer.rows, layer.leading))
    return W, view(flat, layer.b, (layer.rows,))


@kernel
def panels_of(memory: Any, offset: int, task: Any, padded: int) -> Any:
    """u, a, y or d of a layer: [p, i, s]."""
    lanes = simd.width(memory.scratch)
    return view(memory.scratch, offset, (task.slab // lanes, padded, lanes))


@kernel
def blocks_of(memory: Any, task: Any, layer: Any) -> Any:
    """aT of a layer: [q, s, j]."""
    lanes = simd.width(memory.scratch)
    return view(memory.scratch, layer.aT, (layer.padded // lanes, task.slab, lanes))


@kernel
def vector_of(memory: Any, offset: int, n: int) -> Any:
    """n numbers of the scratch memory."""
    return view(memory.scratch, offset, (n,))


# --- Many samples -------------------------------------------------------------------------------


@kernel
def share(count: int, unit: int, t: int, threads: int) -> Any:
    """Range of thread t when `count` things go to the threads in multiples of `unit`."""
    units = count // unit
    return (units * t // threads * unit, units * (t + 1) // threads * unit)


@kernel
def meet(memory: Any, crossing: int, threads: int) -> None:
    """Wait until every thread has come here for the `crossing`-th time."""
    if threads > 1:
        simd.atomic_add(memory.arrived, 1)
        waits = 0
        while simd.atomic_load(memory.arrived) < crossing * threads:
            waits += 1
            if waits % 4096 == 0:  # more threads than processors: let another run
                simd.give_way()


@kernel
def assemble(memory: Any, threads: int) -> Any:
    """Whether every thread has come: False where the system runs them one after the other."""
    decision = memory.arrived[64:]
    simd.atomic_add(memory.arrived, 1)
    waits = 0
    while simd.atomic_load(memory.arrived) < threads and simd.atomic_load(decision) == 0:
        waits += 1
        if waits % 4096 == 0:
            simd.give_way()
        if waits > 100_000_000:
            simd.atomic_decide(decision, -1)
    simd.atomic_decide(decision, 1)
    return simd.atomic_load(decision) > 0


@kernel
def shuffle(order: Any, random: Any) -> None:
    """Random permutation (Fisher, Yates) by xorshift (G. Marsaglia, 2003, triple 13, 7, 17)."""
    x = random[0]
    for k in range(order.size):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        r = np.int64(((x >> np.uint64(32)) * np.uint64(k + 1)) >> np.uint64(32))
        order[k] = order[r]
        order[r] = k
    random[0] = x


@kernel
def choose(task: Any, data: Any, memory: Any, first: int, last: int, S: int, panels: Any) -> None:
    """Numbers and weights w_s / S of the samples; weightless copies of one fill the last panel."""
    lanes = simd.width(data.X)
    w = vector_of(memory, task.w, task.slab)
    for k in range(panels[0] * lanes, panels[1] * lanes):
        position = first + k if first + k < last else first
        s = data.order[position] if data.order.size else position
        memory.samples[k] = s
        w[k] = (data.weights[s] if data.weights.size else 1) / S if first + k < last else 0


@kernel
def target(data: Any, sample: int, i: int) -> Any:
    """y_i of a sample: from its row of Y or, with class ids, 1 at the node of its class."""
    if data.ids.size:
        return data.X.dtype.type(data.ids[sample] == i)
    return data.Y[sample, i]


@kernel
def forward(task: Any, layers: Any, data: Any, memory: Any, panels: Any) -> None:
    """Equations (1) and (2) for every layer."""
    lanes = simd.width(data.X)
    for l in range(layers.size):
        layer = layers[l]
        a, aT = panels_of(memory, layer.a, task, layer.padded), blocks_of(memory, task, layer)
        if l == 0:
            gather_panels(data.X, memory.samples, data.mean, data.scale, a, aT, panels)
            continue
        before = layers[l - 1]
        W, b = weights_of(memory, memory.parameters, layer)
        u = panels_of(memory, layer.u, task, layer.padded)
        a_before = panels_of(memory, before.a, task, before.padded)
        nodes = share(layer.rows, 1, 0, 1)
        affine_panels(W, b, a_before, u, before.nodes, nodes, panels)
        for p in range(panels[0], panels[1]):
            call(layer.f, (u[p], a[p]), (layer.nodes * lanes,))
        if task.gradient and l + 1 < layers.size:
            transpose_panels(a, aT, panels)


@kernel
def cost(task: Any, layers: Any, data: Any, memory: Any, t: int, panels: Any) -> None:
    """C of each panel, and dC/da of the last layer."""
    lanes = simd.width(data.X)
    layer = layers[layers.size - 1]
    a = panels_of(memory, layer.a, task, layer.padded)
    d = panels_of(memory, layer.d, task, layer.padded)
    y = panels_of(memory, task.y, task, layer.padded)
    C = vector_of(memory, task.C + 3 * lanes * t, lanes)
    m = vector_of(memory, task.C + 3 * lanes * t + lanes, lanes)
    z = vector_of(memory, task.C + 3 * lanes * t + 2 * lanes, lanes)
    for p in range(panels[0], panels[1]):
        for s in range(lanes):
            for i in range(layer.nodes):
                y[p, i, s] = target(data, memory.samples[p * lanes + s], i)
        w = vector_of(memory, task.w + p * lanes, lanes)
        call(task.cost_loop, (a[p], y[p], w, d[p], C, m, z), (layer.nodes, lanes))
        memory.C_panels[p] = 0
        for s in range(lanes):
            memory.C_panels[p] += C[s]


@kernel
def backward(task: Any, layers: Any, memory: Any, panels: Any) -> None:
    """Equations (3) and (5) for every layer, from the last to the first."""
    lanes = simd.width(memory.scratch)
    for l in range(layers.size - 1, 0, -1):
        layer, before = layers[l], layers[l - 1]
        u = panels_of(memory, layer.u, task, layer.padded)
        d = panels_of(memory, layer.d, task, layer.padded)
        for p in range(panels[0], panels[1]):
            call(layer.df, (u[p], d[p]), (layer.nodes * lanes,))
        if l > 1 or task.input_gradient:
            W, _ = weights_of(memory, memory.parameters, layer)
            dC_da = panels_of(memory, before.d, task, before.padded)
            nodes = share(before.rows, 1, 0, 1)
            backpropagate_panels(d, W, dC_da, layer.nodes, nodes, panels)


@kernel
def update(task: Any, memory: Any, first: int, n: int) -> None:
    """The optimizer's rule on n parameters."""
    call(
        task.update_loop,
        (
            view(memory.parameters, first, (n,)),
            view(memory.dC, first, (n,)),
            view(memory.slot_0, first, (n,)),
            view(memory.slot_1, first, (n,)),
            view(memory.slot_2, first, (n,)),
            memory.c,
        ),
        (n,),
    )


@kernel
def learn(
    task: Any, layers: Any, memory: Any, count: int, t: int, more: bool, complete: bool
) -> None:
    """Equations (6) and (7) for a share of the nodes of every layer, and their update."""
    for l in range(1, layers.size):
        layer, before = layers[l], layers[l - 1]
        nodes = share(layer.rows, len(ROWS[-1]), t, task.threads)
        dC_dW, dC_db = weights_of(memory, memory.dC, layer)
        d = panels_of(memory, layer.d, task, layer.padded)
        weight_gradient(d, blocks_of(memory, task, before), dC_dW, count, nodes, more)
        bias_gradient(d, dC_db, count, nodes, more)
        if complete and task.update:
            n = nodes[1] - nodes[0]
            update(task, memory, layer.W + nodes[0] * layer.leading, n * layer.leading)
            update(task, memory, layer.b + nodes[0], n)


@kernel
def prepare(task: Any, memory: Any) -> None:
    """What the optimizer needs to know at this step."""
    memory.steps[0] += 1
    call(task.prepare_loop, (memory.h, memory.c), (memory.steps[0],))


@kernel
def work(t: int, task: Any, layers: Any, data: Any, memory: Any) -> None:
    """All that thread t does in a pass."""
    if not assemble(memory, task.threads):
        return
    lanes = simd.width(data.X)
    crossing = 1
    if task.shuffle:
        if t == 0:
            shuffle(data.order, memory.random)
        crossing += 1
        meet(memory, crossing, task.threads)
    for batch in range(task.first, task.last, task.batch):
        end = min(batch + task.batch, task.last)
        if t == 0 and task.update:
            prepare(task, memory)
        for first in range(batch, end, task.slab):
            last = min(first + task.slab, end)
            count = (last - first + lanes - 1) // lanes
            panels = share(count, 1, t, task.threads)
            choose(task, data, memory, first, last, (end - batch) * task.outputs_averaged, panels)
            forward(task, layers, data, memory, panels)
            if task.output:
                layer = layers[layers.size - 1]
                a = panels_of(memory, layer.a, task, layer.padded)
                scatter_panels(a, data.output, first, last, panels)
            if task.cost:
                cost(task, layers, data, memory, t, panels)
            if task.gradient:
                backward(task, layers, memory, panels)
            if task.input_gradient:
                d = panels_of(memory, layers[0].d, task, layers[0].padded)
                scatter_panels(d, data.input_gradient, first, last, panels)
            crossing += 1
            meet(memory, crossing, task.threads)
            if t == 0 and task.cost:
                for p in range(count):
                    memory.C[0] += memory.C_panels[p] * (end - batch)
            if task.gradient:
                learn(task, layers, memory, count, t, first > batch, last == end)
            crossing += 1
            meet(memory, crossing, task.threads)


@parallel
def sweep(tasks: Any, layers: Any, data: Any, memory: Any) -> None:
    """A pass over the samples in mini-batches, on all threads of the task."""
    for t in prange(tasks[0].threads):
        work(np.int64(t), tasks[0], layers, data, memory)


# --- One sample at a time -----------------------------------------------------------------------


@kernel
def sweep_singly(tasks: Any, layers: Any, data: Any, memory: Any) -> None:
    """A pass over the samples one by one: each a mini-batch of its own."""
    task = tasks[0]
    last = layers[layers.size - 1]
    if task.shuffle:
        shuffle(data.order, memory.random)
    for k in range(task.first, task.last):
        sample = data.order[k] if data.order.size else k
        a = vector_of(memory, layers[0].a, layers[0].nodes)
        for j in range(a.size):
            a[j] = (data.X[sample, j] - data.mean[j]) * data.scale[j]
        for l in range(1, layers.size):
            layer = layers[l]
            W, b = weights_of(memory, memory.parameters, layer)
            u = vector_of(memory, layer.u, layer.nodes)
            affine(W, b, a, u)
            a = vector_of(memory, layer.a, layer.nodes)
            call(layer.f, (u, a), (layer.nodes,))
        if task.output:
            data.output[k] = a
        if not task.cost:
            continue
        d = vector_of(memory, last.d, last.nodes)
        y = vector_of(memory, task.y, last.nodes)
        for i in range(y.size):
            y[i] = target(data, sample, i)
        w = vector_of(memory, task.w, 1)
        w[0] = (data.weights[sample] if data.weights.size else 1) / task.outputs_averaged
        C = vector_of(memory, task.C, 1)
        m, z = vector_of(memory, task.C + 1, 1), vector_of(memory, task.C + 2, 1)
        call(task.cost_loop, (a, y, w, d, C, m, z), (last.nodes, 1))
        memory.C[0] += C[0]
        if not task.gradient:
            continue
        for l in range(layers.size - 1, 0, -1):
            layer, before = layers[l], layers[l - 1]
            dC_db = vector_of(memory, layer.d, layer.nodes)
            call(layer.df, (vector_of(memory, layer.u, layer.nodes), dC_db), (layer.nodes,))
            dC_dW, into = weights_of(memory, memory.dC, layer)
            for i in range(layer.nodes):
                into[i] = dC_db[i]
            gradient(dC_db, vector_of(memory, before.a, before.nodes), dC_dW)
            if l > 1 or task.input_gradient:
                W, _ = weights_of(memory, memory.parameters, layer)
                backpropagate(dC_db, W, vector_of(memory, before.d, before.nodes))
        if task.input_gradient:
            data.input_gradient[k] = vector_of(memory, layers[0].d, layers[0].nodes)
        if task.update:
            prepare(task, memory)
            update(task, memory, 0, memory.parameters.size)
