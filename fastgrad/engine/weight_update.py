"""The second half of a step: the gradient is reduced and exchanged, then the update is applied.

1. *Reduce*: equations (6) and (7) for this thread's nodes, summed over all samples, or the sum of
   the gradients of the two halves of the samples, for all nodes; and equation (10).
2. *Exchange*: the gradient is complete and no weight has changed; all threads wait for each other,
   and what depends on the whole gradient is computed. Without such a need there is no exchange.
3. *Apply*: clipping, update rule, max-norm and moving average for this thread's parameters.

Without an exchange, a layer is updated as soon as its gradient is reduced, while it is cached.
"""

import numpy as np

from ..codegen.intrinsics import call, view
from ..codegen.jit import array_kernel, kernel
from ..codegen.signatures import Address, Array, Range, int64
from ..kernels.regularizers import L1, L2, SHARE
from ..kernels.update_rules import CONSTANTS, HYPERPARAMETERS, RULE_MEMORY
from .barrier import barrier_wait
from .descriptor import (
    CLIP_STRIDE,
    OPTIONS,
    Context,
    LayerRecord,
    biases_of,
    layer_at,
    numbers,
    parameters_at,
    weights_of,
)
from .layer_kinds import dense
from .minibatch import Microbatch
from .partition import full_range, half_range, node_range

__all__ = [
    "accumulate_half_gradients", "add_penalty_gradient", "begin_penalty", "begin_step",
    "exchange_and_apply", "needs_gradient", "update_weights",
]  # fmt: skip


_LIMITS = int64(3)  # numbers of clip_limits that are used, see _clip_limits


@kernel
def begin_step(ctx: Context, step: int) -> None:
    """Compute the update rule's constants of a step of the pass; per layer, if they differ."""
    descriptor = ctx.descriptor
    steps = view(descriptor.steps, (1,), np.int64)
    h = view(descriptor.hyperparameters, (HYPERPARAMETERS,), np.float64)
    rates = view(descriptor.rates, (step + 1,), np.float64)
    lr_scales = view(descriptor.lr_scales, (ctx.n_layers,), np.float64)
    frozen_steps = view(descriptor.frozen_steps, (ctx.n_layers,), np.int64)
    steps[0] += 1
    for l in range(1, ctx.n_layers if descriptor.per_layer else 2):
        layer = layer_at(ctx, l)
        if not layer.is_trained:
            frozen_steps[l] += 1
            continue
        h[0] = rates[step] * lr_scales[l]
        memory = view(layer.rule_memory, (RULE_MEMORY,), np.float64)
        constants = numbers(ctx, layer.constants, CONSTANTS)
        call(descriptor.prepare_loop, (h, memory, constants), (steps[0] - frozen_steps[l],))
    h[0] = rates[step]
    if descriptor.average:
        state = view(descriptor.average_state, (2,), np.float64)  # share of new weights, steps
        numbers(ctx, descriptor.average_rate, int64(1))[0] = state[0] if state[1] else 1.0
        state[1] += 1


@kernel
def begin_penalty(ctx: Context, step: int) -> None:
    """Set the share of the penalty at a step of the pass, if it varies, and write its value."""
    descriptor = ctx.descriptor
    if descriptor.penalty_shares:
        share = view(descriptor.penalty_shares, (step + 1,), np.float64)[step]
        total = 0.0
        for l in range(1, ctx.n_layers):
            layer = layer_at(ctx, l)
            if layer.penalty:
                options = numbers(ctx, layer.options, OPTIONS)
                options[SHARE] = share
                total += _penalty_of(ctx, layer.W_offset, layer.rows * layer.row_stride, options)
                if layer.penalizes_biases:
                    total += _penalty_of(ctx, layer.b_offset, layer.rows, options)
        if ctx.t == 0:
            view(descriptor.penalties, (step + 1,), np.float64)[step] = total


@kernel
def _penalty_of(ctx: Context, first: int, n: int, options: Array) -> float:
    """Return share (l1 sum |w| + l2/2 sum w^2) over n parameters."""
    absolutes = squares = 0.0
    for w_k in parameters_at(ctx, ctx.descriptor.parameters, first, n):
        absolutes += abs(w_k)
        squares += w_k * w_k
    penalty: float = options[SHARE] * (options[L1] * absolutes + options[L2] / 2 * squares)
    return penalty


# --- Reduce -------------------------------------------------------------------------------------


@kernel
def needs_gradient(ctx: Context, layer: LayerRecord) -> bool:
    """Return whether the gradient of a layer's parameters is needed: not to update a frozen one."""
    return layer.is_trained != 0 or ctx.descriptor.updates == 0


@kernel
def _compute_gradient(
    ctx: Context, l: int, dC: Address, nodes: Range, panels: Range, accumulates: bool
) -> None:
    """Equations (6) and (7) for some nodes and panels, into the gradient or that of a half."""
    if layer_at(ctx, l).gradient:
        integers = (
            ctx.t, ctx.descriptor_address, ctx.layers, ctx.n_layers, l, dC,
            nodes[0], nodes[1], panels[0], panels[1], int64(accumulates),
        )  # fmt: skip
        call(layer_at(ctx, l).gradient, (), integers)
    else:
        dense.parameter_gradient(ctx, l, dC, nodes, panels, accumulates)


@kernel
def _half_at(ctx: Context, step: int, half: int) -> Address:
    """Return where two threads find the gradient of a half of the samples, at a step."""
    return ctx.descriptor.halves + (step % 2 * 2 + half) * ctx.descriptor.half_bytes


@kernel
def accumulate_half_gradients(ctx: Context, micro: Microbatch) -> None:
    """Compute the gradients of this thread's halves of the samples.

    Where both are this thread's, the second is added to the first at once: the sum of the halves is
    the same, whichever thread adds them.
    """
    halves, is_alone = half_range(ctx), ctx.descriptor.threads == 1
    for half in range(halves[0], halves[1]):
        dC = ctx.descriptor.dC if is_alone else _half_at(ctx, micro.step, half)
        panels = (micro.n_panels * half // 2, micro.n_panels * (half + 1) // 2)
        for l in range(ctx.descriptor.first_trained, ctx.n_layers):
            if needs_gradient(ctx, layer_at(ctx, l)):
                nodes = full_range(layer_at(ctx, l).rows)
                _compute_gradient(ctx, l, dC, nodes, panels, is_alone and half == 1)


@kernel
def add_halves(ctx: Context, step: int) -> None:
    """Sum the gradients of both halves, unless this thread has computed them as one."""
    if ctx.descriptor.threads > 1:
        n = ctx.descriptor.n_parameters
        dC = numbers(ctx, ctx.descriptor.dC, n)
        first = numbers(ctx, _half_at(ctx, step, int64(0)), n)
        second = numbers(ctx, _half_at(ctx, step, int64(1)), n)
        for k in range(n):
            dC[k] = first[k] + second[k]


@kernel
def add_penalty_gradient(ctx: Context, layer: LayerRecord, first: int, n: int) -> None:
    """Equation (10), for n parameters of a layer."""
    w = parameters_at(ctx, ctx.descriptor.parameters, first, n)
    g = parameters_at(ctx, ctx.descriptor.dC, first, n)
    call(layer.penalty, (w, g, numbers(ctx, layer.options, OPTIONS)), (n,))


@kernel
def _reduce_gradient(ctx: Context, l: int, nodes: Range, micro: Microbatch) -> None:
    """Complete the gradient of some nodes of a layer, unless more microbatches follow."""
    layer = layer_at(ctx, l)
    W, b = _weight_range(layer, nodes), _bias_range(layer, nodes)
    if not ctx.descriptor.in_halves:
        panels = full_range(micro.n_panels)
        _compute_gradient(ctx, l, ctx.descriptor.dC, nodes, panels, micro.accumulates)
    if micro.completes and layer.penalty:
        add_penalty_gradient(ctx, layer, W[0], W[1])
        if layer.penalizes_biases:
            add_penalty_gradient(ctx, layer, b[0], b[1])


@kernel
def update_weights(ctx: Context, micro: Microbatch) -> None:
    """Reduce, exchange and apply, for this thread's share of every layer."""
    descriptor = ctx.descriptor
    exchanges = descriptor.clips_norm != 0  # the norm needs every node's gradient
    applies = micro.completes and descriptor.updates != 0
    if descriptor.in_halves:
        add_halves(ctx, micro.step)
        if descriptor.is_uniform and not exchanges:
            if applies:
                exchange_and_apply(ctx)
            return
    for l in range(descriptor.first_trained, ctx.n_layers):
        if needs_gradient(ctx, layer_at(ctx, l)):
            nodes = node_range(ctx, l)
            _reduce_gradient(ctx, l, nodes, micro)
            if applies and not exchanges:
                _apply_update_to_nodes(ctx, layer_at(ctx, l), nodes)
    if applies and exchanges:
        exchange_and_apply(ctx)


# --- Exchange -----------------------------------------------------------------------------------


@kernel
def exchange_gradient(ctx: Context) -> None:
    """Wait for the complete gradient, and compute the factor that limits its norm."""
    row_square_sums(ctx)
    if not ctx.descriptor.in_halves:  # there each thread has those of all nodes
        barrier_wait(ctx)
    _clip_limits(ctx)[0] = clip_factor(ctx)


@kernel
def row_square_sums(ctx: Context) -> None:
    """Compute the squared norm of the gradient of each node of this thread."""
    squares, row = view(ctx.descriptor.row_squares, (ctx.descriptor.n_rows,), np.float64), 0
    for l in range(ctx.descriptor.first_trained, ctx.n_layers):
        layer = layer_at(ctx, l)
        nodes = node_range(ctx, l)
        dC_dW = weights_of(ctx, ctx.descriptor.dC, layer)
        dC_db = biases_of(ctx, ctx.descriptor.dC, layer)
        for i in range(nodes[0], nodes[1]):
            square = np.float64(dC_db[i]) ** 2  # in float32 it may be infinite
            for j in range(layer.row_stride):
                square += np.float64(dC_dW[i, j]) ** 2
            squares[row + i] = square if layer.is_trained else 0
        row += layer.rows


@kernel
def clip_factor(ctx: Context) -> float:
    """Return the factor that limits the norm of the gradient to the largest one allowed."""
    total = 0.0
    for square in view(ctx.descriptor.row_squares, (ctx.descriptor.n_rows,), np.float64):
        total += square
    largest_norm = _clip_limits(ctx)[2]
    factor: float = largest_norm / (np.sqrt(total) + 1e-6)  # as PyTorch's clip_grad_norm_
    return min(1.0, factor)


@array_kernel
def _clip_limits(ctx: Context) -> Array:
    """For this thread: the factor of this step, the largest number and the largest norm allowed."""
    return parameters_at(ctx, ctx.descriptor.clip_limits, ctx.t * CLIP_STRIDE, _LIMITS)


# --- Apply --------------------------------------------------------------------------------------


@kernel
def exchange_and_apply(ctx: Context) -> None:
    """Exchange the complete gradient where that is needed, and apply the update."""
    descriptor = ctx.descriptor
    if descriptor.clips_norm:
        exchange_gradient(ctx)
    # Where all layers are treated alike, the constants of layer 1 are those of all.
    if descriptor.is_uniform and (descriptor.in_halves or descriptor.threads == 1):
        apply_update(ctx, layer_at(ctx, 1), int64(0), descriptor.n_parameters, int64(0))
        return
    for l in range(descriptor.first_trained, ctx.n_layers):
        _apply_update_to_nodes(ctx, layer_at(ctx, l), node_range(ctx, l))


@kernel
def _weight_range(layer: LayerRecord, nodes: Range) -> Range:
    """Return the first weight of some nodes among the parameters, and how many there are."""
    return layer.W_offset + nodes[0] * layer.row_stride, (nodes[1] - nodes[0]) * layer.row_stride


@kernel
def _bias_range(layer: LayerRecord, nodes: Range) -> Range:
    """Return the same of their biases."""
    return layer.b_offset + nodes[0], nodes[1] - nodes[0]


@kernel
def _apply_update_to_nodes(ctx: Context, layer: LayerRecord, nodes: Range) -> None:
    if layer.is_trained:
        W, b = _weight_range(layer, nodes), _bias_range(layer, nodes)
        apply_update(ctx, layer, W[0], W[1], nodes[1] - nodes[0])
        apply_update(ctx, layer, b[0], b[1], int64(0))


@kernel
def apply_update(ctx: Context, layer: LayerRecord, first: int, n: int, n_rows: int) -> None:
    """Clip, apply the update rule, limit the norms of rows of W if any, and move the average."""
    descriptor = ctx.descriptor
    w = parameters_at(ctx, descriptor.parameters, first, n)
    g = parameters_at(ctx, descriptor.dC, first, n)
    if descriptor.clip_loop:
        call(descriptor.clip_loop, (g, _clip_limits(ctx)), (n,))
    x = parameters_at(ctx, descriptor.slot_0, first, n)
    y = parameters_at(ctx, descriptor.slot_1, first, n)
    z = parameters_at(ctx, descriptor.slot_2, first, n)
    constants = numbers(ctx, layer.constants, CONSTANTS)
    call(descriptor.update_loop, (w, g, x, y, z, constants), (n,))
    if n_rows and layer.max_norm:
        call(layer.max_norm, (w, numbers(ctx, layer.options, OPTIONS)), (n_rows, layer.row_stride))
    if descriptor.average:
        average = parameters_at(ctx, descriptor.average, first, n)
        rate = numbers(ctx, descriptor.average_rate, int64(1))
        call(descriptor.average_loop, (average, w, rate), (n,))
