"""The compiled pass over the data one sample at a time, for online learning and single rows."""

from typing import Any

from ..codegen.intrinsics import call, flush_tiny, restore, view
from ..codegen.jit import kernel
from ..kernels.equations import affine, backpropagate, differentiate, gradient
from .batch_pass import add_up, count_right
from .descriptor import BLOCK, LAYER, TASK, numbers, rows_of, samples_of
from .minibatch import disturb_inputs, key_of, sample_at, shuffle, targets, weight_of
from .weight_update import penalize, prepare, settle, wanted


@kernel
def cost_of(task: Any, layer: Any, sample: int, real: Any) -> None:
    """C of a sample, whether its class is right, and dC/da of the last layer."""
    a, y = numbers(layer.a, layer.nodes, real), numbers(task.y, layer.nodes, real)
    d, samples = numbers(layer.d, layer.nodes, real), samples_of(task, 0)[:1]
    samples[0] = sample
    targets(task, samples, y.reshape((layer.nodes, 1)), layer.nodes, real)
    C = view(task.C_lanes, (4, 1), real.dtype)
    total, w_s = 0.0, weight_of(task.weights, sample, 1, real)
    for block in view(task.blocks, (task.n_blocks,), BLOCK):
        i = block.first
        C[3, 0] = block.weight * w_s
        call(block.loop, (a[i:], y[i:], C[3], d[i:], C[0], C[1], C[2]), (block.nodes, 1))
        total += C[0, 0]
    right = 0
    if task.accuracy:
        shape = (layer.nodes, 1)
        right = count_right(a.reshape(shape), y.reshape(shape), layer.nodes, 1, C)
    add_up(task, total, float(right))


@kernel
def copy(some: Any, to: Any) -> None:
    """Write some numbers elsewhere; `to[:] = some` would make room for them first."""
    for k in range(to.size):
        to[k] = some[k]


@kernel
def learn_singly(task: Any, layers: Any, step: int, real: Any) -> None:
    """Equations (3) to (5) for every layer, from the last to the first, and the update."""
    last = 0 if task.input_gradient else task.lowest - 1
    for l in range(layers.size - 1, last, -1):
        layer, before = layers[l], layers[l - 1]
        dC_db = numbers(layer.d, layer.nodes, real)  # dC/da so far
        df = numbers(layer.u, layer.nodes, real)  # it stands where u was
        differentiate(df, dC_db, layer.nodes)
        if l > task.lowest or task.input_gradient:
            W = view(layer.W, (layer.rows, layer.leading), real.dtype)
            backpropagate(dC_db, W, numbers(before.d, before.nodes, real))
        if not wanted(task, layer):
            continue
        copy(dC_db, numbers(layer.dC_db, layer.nodes, real))
        dC_dW = view(layer.dC_dW, (layer.rows, layer.leading), real.dtype)
        gradient(dC_db, numbers(before.a, before.nodes, real), dC_dW)
        if layer.penalty:
            penalize(task, layer, layer.W_offset, layer.rows * layer.leading, real)
            if layer.penalizes_b:
                penalize(task, layer, layer.b_offset, layer.nodes, real)
    if task.update:
        prepare(task, layers, step, real)
        settle(task, layers, 0, 0, real)


def pass_over_samples(dtype: Any) -> Any:
    """A pass over the samples one by one, each a mini-batch of its own."""

    def work(t: int, tasks: int, table: int, n_layers: int) -> None:
        task, layers = view(tasks, (1,), TASK)[0], view(table, (n_layers,), LAYER)
        real = view(tasks, (1,), dtype)  # stands for the dtype
        first, last = layers[0], layers[layers.size - 1]
        mean = numbers(task.input_mean, first.nodes, real)
        scale = numbers(task.input_scale, first.nodes, real)
        before = flush_tiny()
        if task.shuffle:
            shuffle(task)
        for k in range(task.first, task.last):
            sample = sample_at(task.order, k)
            X = rows_of(task.X, sample + 1, first.nodes, real)
            a = numbers(first.a, first.nodes, real)
            for j in range(a.size):
                a[j] = (X[sample, j] - mean[j]) * scale[j]
            if task.disturbs:
                disturb_inputs(first, a, first.nodes, 0, key_of(task, k, 0), real)
            for l in range(1, layers.size):
                layer = layers[l]
                W = view(layer.W, (layer.rows, layer.leading), real.dtype)
                u = numbers(layer.u, layer.nodes, real)
                affine(W, numbers(layer.b, layer.nodes, real), a, u)
                a = numbers(layer.a, layer.nodes, real)
                call(layer.f, (u, a), (layer.nodes,))
                if task.disturbs and layer.drop:
                    options = numbers(layer.options, 16, real)
                    call(layer.drop, (a, u, options), (layer.nodes, 0, key_of(task, k, l)))
            if task.output:
                copy(a, rows_of(task.output, k + 1, last.nodes, real)[k])
            if task.cost:
                cost_of(task, last, sample, real)
            if task.gradient:
                learn_singly(task, layers, k - task.first, real)
            if task.input_gradient:
                row = rows_of(task.input_gradient, k + 1, first.nodes, real)[k]
                copy(numbers(first.d, first.nodes, real), row)
        restore(before)

    return work
