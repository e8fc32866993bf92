"""The second half of a step: gradients of the weights, what limits them, and the update."""

from typing import Any

import numpy as np

from ..codegen import intrinsics, simd
from ..codegen.intrinsics import call, view
from ..codegen.jit import array_kernel, kernel
from ..codegen.tile_shapes import panels_cached
from ..kernels.equations import bias_gradient, weight_gradient
from .descriptor import blocks_of, meet, numbers, panels_of, share, share_of_nodes, whole

__all__ = ["at_once", "learn", "learn_by_samples", "penalize", "prepare", "settle"]

_panels_cached = kernel(panels_cached)


@kernel
def at_once(n: int, real: Any) -> Any:
    """Panels of n rows that the second cache holds, while the other operand streams by."""
    return _panels_cached(max(n, 1) * simd.width(real))


@kernel
def prepare(task: Any, layers: Any, step: int, real: Any) -> None:
    """What the optimizer needs to know at a step of the pass; for each layer, if they differ."""
    steps, h = view(task.steps, (1,), np.int64), view(task.h, (16,), np.float64)
    rates = view(task.rates, (step + 1,), np.float64)
    lr_scales = view(task.lr_scales, (layers.size,), np.float64)
    missed = view(task.missed, (layers.size,), np.int64)
    steps[0] += 1
    for l in range(1, layers.size if task.layers_differ else 2):
        if not layers[l].trains:
            missed[l] += 1
            continue
        h[0] = rates[step] * lr_scales[l]
        m, c = view(layers[l].m, (8,), np.float64), numbers(layers[l].c, 16, real)
        call(task.prepare_loop, (h, m, c), (steps[0] - missed[l],))
    h[0] = rates[step]
    if task.average:
        follows = view(task.follows, (2,), np.float64)  # the share of new weights, steps so far
        numbers(task.follow_c, 1, real)[0] = follows[0] if follows[1] else 1.0
        follows[1] += 1


# --- The gradient ---------------------------------------------------------------------------------


@kernel
def weight_gradients(
    task: Any, layers: Any, l: int, t: int, skip: int, nodes: Any, panels: Any, more: bool,
    real: Any,
) -> None:  # fmt: skip
    """Equations (6) and (7) for some nodes and panels of a layer, `skip` numbers on in memory."""
    layer, before = layers[l], layers[l - 1]
    mine = t * task.copies_apart if l == 1 else 0
    skip *= intrinsics.bytes_of(real)
    d = panels_of(layer.d, layer.padded, task, real)
    aT = blocks_of(before.aT + mine, before.padded, task, real)
    dC_dW = view(layer.dC_dW + skip, (layer.rows, layer.leading), real.dtype)
    step = at_once((panels[1] - panels[0]) * simd.width(real), real)
    for q in range(0, len(aT), step):
        weight_gradient(d, aT, dC_dW, panels, nodes, (q, min(q + step, len(aT))), more)
    bias_gradient(d, numbers(layer.dC_db + skip, layer.rows, real), panels, nodes, more)


@kernel
def wanted(task: Any, layer: Any) -> Any:
    """Whether the gradient of a layer's weights is: not for the update of one that is frozen."""
    return layer.trains or not task.update


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
        for l in range(task.lowest, layers.size):
            if wanted(task, layers[l]):
                nodes = whole(layers[l].rows)
                weight_gradients(task, layers, l, t, skip, nodes, panels, joins, real)


@kernel
def unite(task: Any, first: int, n: int, real: Any) -> None:
    """The sum of both halves, for n parameters."""
    if task.threads > 1:
        dC = numbers(task.dC, 2 * task.n_parameters, real)
        for k in range(first, first + n):
            dC[k] += dC[task.n_parameters + k]


@kernel
def penalize(task: Any, layer: Any, first: int, n: int, real: Any) -> None:
    """The penalty's part of the gradient, for n parameters of a layer."""
    skip = first * intrinsics.bytes_of(real)
    w, g = numbers(task.parameters + skip, n, real), numbers(task.dC + skip, n, real)
    call(layer.penalty, (w, g, numbers(layer.options, 16, real)), (n,))


@kernel
def learn(
    task: Any, layers: Any, count: int, t: int, more: bool, complete: bool, crossing: int,
    real: Any,
) -> None:  # fmt: skip
    """The gradient for a share of the nodes of every layer and, once complete, their update."""
    if task.halves and task.uniform and not task.clips_norm:  # whose squares go by nodes
        some = share(task.n_parameters, 16, t, task.threads)
        unite(task, some[0], some[1] - some[0], real)
        if task.update:
            settle(task, layers, t, crossing, real)
        return
    for l in range(task.lowest, layers.size):
        layer = layers[l]
        if not wanted(task, layer):
            continue
        nodes = share_of_nodes(task, layer, t)
        W, b = weights_of_nodes(layer, nodes), biases_of_nodes(layer, nodes)
        if task.halves:
            unite(task, W[0], W[1], real)
            unite(task, b[0], b[1], real)
        else:
            weight_gradients(task, layers, l, t, np.int64(0), nodes, whole(count), more, real)
        if complete and layer.penalty:
            penalize(task, layer, W[0], W[1], real)
            if layer.penalizes_b:
                penalize(task, layer, b[0], b[1], real)
        if complete and task.update and not task.clips_norm:
            update_nodes(task, layer, nodes, t, real)
    if complete and task.update and task.clips_norm:
        settle(task, layers, t, crossing, real)


# --- The update -----------------------------------------------------------------------------------


@kernel
def weights_of_nodes(layer: Any, nodes: Any) -> Any:
    """Where the weights of some nodes begin among the parameters, and how many there are."""
    return layer.W_offset + nodes[0] * layer.leading, (nodes[1] - nodes[0]) * layer.leading


@kernel
def biases_of_nodes(layer: Any, nodes: Any) -> Any:
    """The same of their biases."""
    return layer.b_offset + nodes[0], nodes[1] - nodes[0]


@kernel
def settle(task: Any, layers: Any, t: int, crossing: int, real: Any) -> None:
    """Update a share of all parameters, once the norm of the gradient is known if it is limited."""
    if task.clips_norm:
        measure(task, layers, t, real)
        meet(task, crossing)
        limit(task, t, real)
    # Otherwise a thread had better update what it has the gradient of.
    if task.uniform and (task.halves or task.threads == 1):
        some = share(task.n_parameters, 16, t, task.threads)
        update(task, layers[1], some[0], some[1] - some[0], np.int64(0), t, real)
        return
    for l in range(task.lowest, layers.size):
        nodes = share_of_nodes(task, layers[l], t)
        update_nodes(task, layers[l], nodes, t, real)


@kernel
def measure(task: Any, layers: Any, t: int, real: Any) -> None:
    """The squares of the gradient, added up for each node of the thread."""
    squares, row = view(task.squares, (task.n_rows,), np.float64), 0
    for l in range(task.lowest, layers.size):
        layer = layers[l]
        nodes = share_of_nodes(task, layer, t)
        dC_dW = view(layer.dC_dW, (layer.rows, layer.leading), real.dtype)
        dC_db = numbers(layer.dC_db, layer.rows, real)
        for i in range(nodes[0], nodes[1]):
            square = dC_db[i] * dC_db[i]
            for j in range(layer.leading):
                square += dC_dW[i, j] * dC_dW[i, j]
            squares[row + i] = square if layer.trains else 0
        row += layer.rows


@kernel
def limit(task: Any, t: int, real: Any) -> None:
    """By what the gradient is multiplied so that its norm is at most that allowed."""
    squares, c = view(task.squares, (task.n_rows,), np.float64), clip_numbers(task, t, real)
    total = 0.0
    for square in squares:
        total += square
    c[0] = min(1.0, c[2] / (np.sqrt(total) + 1e-6))  # as PyTorch's clip_grad_norm_


@array_kernel
def clip_numbers(task: Any, t: int, real: Any) -> Any:
    """For thread t: a factor, the largest number and the largest norm allowed."""
    return numbers(task.clip_c + t * 64 * intrinsics.bytes_of(real), 3, real)


@kernel
def update(task: Any, layer: Any, first: int, n: int, rows: int, t: int, real: Any) -> None:
    """The optimizer's rule on n parameters; the norm of these rows of W; the moving average."""
    skip = first * intrinsics.bytes_of(real)
    w, g = numbers(task.parameters + skip, n, real), numbers(task.dC + skip, n, real)
    if task.clip_loop:
        call(task.clip_loop, (g, clip_numbers(task, t, real)), (n,))
    x, y = numbers(task.slot_0 + skip, n, real), numbers(task.slot_1 + skip, n, real)
    z, c = numbers(task.slot_2 + skip, n, real), numbers(layer.c, 16, real)
    call(task.update_loop, (w, g, x, y, z, c), (n,))
    if rows and layer.cap:
        call(layer.cap, (w, numbers(layer.options, 16, real)), (rows, layer.leading))
    if task.average:
        average = numbers(task.average + skip, n, real)
        call(task.follow_loop, (average, w, numbers(task.follow_c, 1, real)), (n,))


@kernel
def update_nodes(task: Any, layer: Any, nodes: Any, t: int, real: Any) -> None:
    """The update of some nodes of a layer."""
    if layer.trains:
        W, b = weights_of_nodes(layer, nodes), biases_of_nodes(layer, nodes)
        update(task, layer, W[0], W[1], nodes[1] - nodes[0], t, real)
        update(task, layer, b[0], b[1], np.int64(0), t, real)
