"""The compiled pass over the data one sample at a time, for online learning and single rows."""

from typing import Any

from .jit import kernel
from .kernels import affine, backpropagate, differentiate, gradient
from .machine import call, view
from .task import LAYER, TASK, numbers, rows_of
from .training import add_up, is_right, prepare, sample_at, shuffle, target, update, weight_of


@kernel
def learn_singly(task: Any, layers: Any, real: Any) -> None:
    """Equations (3) to (5) for every layer, from the last to the first, and the update."""
    for l in range(layers.size - 1, 0, -1):
        layer, before = layers[l], layers[l - 1]
        dC_da = numbers(layer.d, layer.nodes, real)
        df = numbers(layer.u, layer.nodes, real)  # it stands where u was
        differentiate(df, dC_da, layer.nodes)
        dC_db = numbers(layer.dC_db, layer.nodes, real)
        dC_db[:] = dC_da
        dC_dW = view(layer.dC_dW, (layer.rows, layer.leading), real.dtype)
        gradient(dC_db, numbers(before.a, before.nodes, real), dC_dW)
        if l > 1 or task.input_gradient:
            W = view(layer.W, (layer.rows, layer.leading), real.dtype)
            backpropagate(dC_db, W, numbers(before.d, before.nodes, real))
    if task.update:
        prepare(task, real)
        update(task, 0, task.n_parameters, real)


def pass_over_samples(dtype: Any) -> Any:
    """A pass over the samples one by one, each a mini-batch of its own."""

    def work(t: int, tasks: int, table: int, n_layers: int) -> None:
        task, layers = view(tasks, (1,), TASK)[0], view(table, (n_layers,), LAYER)
        real = view(tasks, (1,), dtype)  # stands for the dtype
        first, last = layers[0], layers[layers.size - 1]
        mean = numbers(task.input_mean, first.nodes, real)
        scale = numbers(task.input_scale, first.nodes, real)
        if task.shuffle:
            shuffle(task)
        for k in range(task.first, task.last):
            sample = sample_at(task, k)
            X = rows_of(task.X, sample + 1, first.nodes, real)
            a = numbers(first.a, first.nodes, real)
            for j in range(a.size):
                a[j] = (X[sample, j] - mean[j]) * scale[j]
            for l in range(1, layers.size):
                layer = layers[l]
                W = view(layer.W, (layer.rows, layer.leading), real.dtype)
                u = numbers(layer.u, layer.nodes, real)
                affine(W, numbers(layer.b, layer.nodes, real), a, u)
                a = numbers(layer.a, layer.nodes, real)
                call(layer.f, (u, a), (layer.nodes,))
            if task.output:
                rows_of(task.output, k + 1, last.nodes, real)[k] = a
            if task.cost:
                y, w = numbers(task.y, last.nodes, real), numbers(task.w, 1, real)
                for i in range(last.nodes):
                    y[i] = target(task, sample, i, last.nodes, real)
                w[0] = weight_of(task, sample, 1, real)
                C = view(task.C_lanes, (3, 1), real.dtype)
                operands = (a, y, w, numbers(last.d, last.nodes, real), C[0], C[1], C[2])
                call(task.cost_loop, operands, (last.nodes, 1))
                right = (
                    is_right(a.reshape((last.nodes, 1)), y.reshape((last.nodes, 1)), last.nodes, 0)
                    if task.accuracy
                    else False
                )
                add_up(task, C[0, 0], 1.0 if right else 0.0)
            if task.gradient:
                learn_singly(task, layers, real)
            if task.input_gradient:
                row = rows_of(task.input_gradient, k + 1, first.nodes, real)[k]
                row[:] = numbers(first.d, first.nodes, real)

    return work
