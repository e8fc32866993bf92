"""The compiled pass over the data: gather, forward, backward, update; and who works on what.

Every thread carries out the same function. In the first half of a step a thread takes part of the
samples through all layers (equations 1, 2, 3, 5 and 8: the samples are independent). In the second
it takes part of the nodes i of every layer, sums over all samples (equations 6 and 7) and updates
its weights. Nothing is added across threads, so their number does not change a single bit.
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


def _record(names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names.split()])


#: Layer l: its nodes, the rows of W (nodes in whole tiles), the nodes in whole blocks of lanes,
#: the leading dimension of W. Addresses of W, b, dC_dW, dC_db and, for a mini-batch, of u, a, aT
#: and d; of the loop over f (and f', where a gradient is wanted). How many parameters stand before
#: W and b.
LAYER = _record("nodes rows padded leading W b dC_dW dC_db u a aT d f W_offset b_offset")

#: What to do. Each 0 or 1: compute the cost, the gradient, update the weights, draw a new order,
#: count the right classes. The samples from `first` to `last` in mini-batches of `batch`, at most
#: `slab` at a time, by so many threads, who look so often for each other before they offer their
#: processor to someone else; over how many outputs the cost is a mean; how many samples and
#: parameters there are. All others are addresses, 0 where there is nothing:
#: the loops of the cost and of the update rule;
#: X (S, n_0), mean and scale of the inputs, Y (S, n_L) or class ids (S,), sample weights (S,), the
#: order of the samples (S,), and a^L (S, n_L) and dC/da0 (S, n_0) to write;
#: parameters, gradient and three slots of optimizer state, the optimizer's numbers h, what follows
#: from them at a step, c, and the steps so far;
#: to work in, for a mini-batch its sample numbers, weights w, targets y, C for each thread, C and
#: right classes of the panels, then the sums of both, the state of the random numbers and the
#: meeting point of the threads.
TASK = _record(
    "cost gradient update shuffle accuracy"
    " first last batch slab threads patience outputs_averaged samples_in_all n_parameters"
    " cost_loop prepare_loop update_loop"
    " X input_mean input_scale Y ids weights order output input_gradient"
    " parameters dC slot_0 slot_1 slot_2 h c steps"
    " samples w y C_lanes C_panels right_panels C random arrived"
)


# --- Where things lie ---------------------------------------------------------------------------


@kernel
def panels_of(address: int, padded: int, task: Any, real: Any) -> Any:
    """u, a, d or y of a layer for the mini-batch: [p, i, s]."""
    lanes = simd.width(real)
    return view(address, (task.slab // lanes, padded, lanes), real.dtype)


@kernel
def blocks_of(layer: Any, task: Any, real: Any) -> Any:
    """aT of a layer for the mini-batch: [q, s, j]."""
    lanes = simd.width(real)
    return view(layer.aT, (layer.padded // lanes, task.slab, lanes), real.dtype)


@kernel
def numbers(address: int, n: int, real: Any) -> Any:
    """n numbers of the network's dtype."""
    return view(address, (n,), real.dtype)


@kernel
def rows_of(address: int, last: int, n: int, real: Any) -> Any:
    """The samples up to the last one of a mini-batch: X, Y or what is written: [s, i]."""
    return view(address, (last, n), real.dtype)


# --- Many samples -------------------------------------------------------------------------------


@kernel
def share(count: int, unit: int, t: int, threads: int) -> Any:
    """Range of thread t when `count` things go to the threads in multiples of `unit`."""
    units = count // unit
    return (units * t // threads * unit, units * (t + 1) // threads * unit)


@kernel
def assemble(task: Any) -> Any:
    """Whether every thread has come: False where the system runs them one after the other."""
    arrived, decision = view(task.arrived, (1,), np.int64), view(task.arrived + 512, (1,), np.int64)
    machine.atomic_add(arrived, 1)
    waits = 0
    while machine.atomic_load(arrived) < task.threads and machine.atomic_load(decision) == 0:
        waits += 1
        if waits % task.patience == 0:
            machine.give_way()
        if waits > 100_000_000:
            machine.atomic_decide(decision, -1)
    machine.atomic_decide(decision, 1)
    return machine.atomic_load(decision) > 0


@kernel
def meet(task: Any, crossing: int) -> None:
    """Wait until every thread has come here for the `crossing`-th time."""
    if task.threads > 1:
        arrived = view(task.arrived, (1,), np.int64)
        machine.atomic_add(arrived, 1)
        waits = 0
        while machine.atomic_load(arrived) < crossing * task.threads:
            waits += 1
            if waits % task.patience == 0:
                machine.give_way()


@kernel
def shuffle(task: Any) -> None:
    """Random permutation (Fisher, Yates) by xorshift (G. Marsaglia, 2003, triple 13, 7, 17)."""
    order, random = (
        view(task.order, (task.samples_in_all,), np.int64),
        view(task.random, (1,), np.uint64),
    )
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
def sample_at(task: Any, position: int) -> int:
    """The sample at that position of the order."""
    return view(task.order, (position + 1,), np.int64)[position] if task.order else position


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
def choose(task: Any, first: int, last: int, S: int, panels: Any, real: Any) -> None:
    """Numbers and weights of the samples; weightless copies of one fill the last panel."""
    lanes = simd.width(real)
    samples, w = view(task.samples, (task.slab,), np.int64), numbers(task.w, task.slab, real)
    for k in range(panels[0] * lanes, panels[1] * lanes):
        samples[k] = sample_at(task, min(first + k, last - 1))
        w[k] = weight_of(task, samples[k], S, real) if first + k < last else 0.0


@kernel
def forward(task: Any, layers: Any, panels: Any, real: Any) -> None:
    """Equations (1) and (2) for every layer."""
    lanes = simd.width(real)
    for l in range(layers.size):
        layer = layers[l]
        a, aT = panels_of(layer.a, layer.padded, task, real), blocks_of(layer, task, real)
        if l == 0:
            X = rows_of(task.X, task.last, layer.nodes, real)
            samples = view(task.samples, (task.slab,), np.int64)
            mean, scale = (
                numbers(task.input_mean, layer.padded, real),
                numbers(task.input_scale, layer.padded, real),
            )
            gather_panels(X, samples, mean, scale, a, aT, panels)
            continue
        before = layers[l - 1]
        W = view(layer.W, (layer.rows, layer.leading), real.dtype)
        u = panels_of(layer.u, layer.padded, task, real)
        a_before = panels_of(before.a, before.padded, task, real)
        nodes = share(layer.rows, 1, 0, 1)
        affine_panels(
            W, numbers(layer.b, layer.rows, real), a_before, u, before.nodes, nodes, panels
        )
        for p in range(panels[0], panels[1]):
            call(layer.f, (u[p], a[p]), (layer.nodes * lanes,))
        if task.gradient and l + 1 < layers.size:
            transpose_panels(a, aT, panels)


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
    samples, w = view(task.samples, (task.slab,), np.int64), numbers(task.w, task.slab, real)
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
            nodes = share(before.rows, 1, 0, 1)
            backpropagate_panels(d, W, dC_da, layer.nodes, nodes, panels)


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
def learn(
    task: Any, layers: Any, count: int, t: int, more: bool, complete: bool, real: Any
) -> None:
    """Equations (6) and (7) for a share of the nodes of every layer, and their update."""
    for l in range(1, layers.size):
        layer, before = layers[l], layers[l - 1]
        nodes = share(layer.rows, HEIGHTS[-1], t, task.threads)
        d = panels_of(layer.d, layer.padded, task, real)
        dC_dW = view(layer.dC_dW, (layer.rows, layer.leading), real.dtype)
        weight_gradient(d, blocks_of(before, task, real), dC_dW, count, nodes, more)
        bias_gradient(d, numbers(layer.dC_db, layer.rows, real), count, nodes, more)
        if complete and task.update:
            n = nodes[1] - nodes[0]
            update(task, layer.W_offset + nodes[0] * layer.leading, n * layer.leading, real)
            update(task, layer.b_offset + nodes[0], n, real)


@kernel
def prepare(task: Any, real: Any) -> None:
    """What the optimizer needs to know at this step."""
    steps = view(task.steps, (1,), np.int64)
    steps[0] += 1
    h, c = view(task.h, (16,), np.float64), numbers(task.c, 16, real)
    call(task.prepare_loop, (h, c), (steps[0],))


@kernel
def add_up(task: Any, C: float, right: float) -> None:
    """Add to the sums of C and of right classes."""
    sums = view(task.C, (2,), np.float64)
    sums[0] += C
    sums[1] += right


# A pass is called through its address, with nothing but integers: so that `sweep` has little to
# compile, and serves both dtypes.


def pass_over_batches(dtype: Any) -> Any:
    """All that thread t does in a pass over mini-batches, for np.float32 or np.float64."""

    def work(t: int, tasks: int, table: int, n_layers: int) -> None:
        task, layers = view(tasks, (1,), TASK)[0], view(table, (n_layers,), LAYER)
        real = view(tasks, (1,), dtype)  # stands for the dtype
        if not assemble(task):
            return
        lanes = simd.width(real)
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
                panels = share(count, 1, t, task.threads)
                choose(task, first, last, end - batch, panels, real)
                forward(task, layers, panels, real)
                if task.output:
                    layer = layers[layers.size - 1]
                    a = panels_of(layer.a, layer.padded, task, real)
                    scatter_panels(a, rows_of(task.output, last, layer.nodes, real), first, panels)
                if task.cost:
                    cost(task, layers, t, panels, real)
                if task.gradient:
                    backward(task, layers, panels, real)
                if task.input_gradient:
                    layer = layers[0]
                    d = panels_of(layer.d, layer.padded, task, real)
                    scatter_panels(
                        d, rows_of(task.input_gradient, last, layer.nodes, real), first, panels
                    )
                crossing += 1
                meet(task, crossing)
                if t == 0 and task.cost:
                    C_panels = view(task.C_panels, (count,), np.float64)
                    right = view(task.right_panels, (count,), np.float64)
                    for p in range(count):
                        add_up(task, C_panels[p] * (end - batch), right[p])
                if task.gradient:
                    learn(task, layers, count, t, first > batch, last == end, real)
                crossing += 1
                meet(task, crossing)

    return work


@parallel
def sweep(run: int, threads: int, tasks: int, layers: int, n_layers: int) -> None:
    """A pass over the samples in mini-batches, on all threads of the task."""
    for t in prange(threads):
        call(run, (), (np.int64(t), tasks, layers, n_layers))
