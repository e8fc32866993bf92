"""The compiled pass over samples one at a time, for online learning and single rows.

Each sample is a mini-batch of its own, in the phases of batch_pass.py, on one thread.
"""

from typing import Any

from ..codegen.intrinsics import call, flush_denormals, restore_fp_mode, view
from ..codegen.jit import kernel
from ..codegen.signatures import Address, Array, int64
from ..kernels.equations import differentiate
from .batch_pass import accumulate_totals, count_correct, has_diverged, start
from .descriptor import (
    HEAD,
    OPTIONS,
    Context,
    context,
    gathered_samples,
    layer_at,
    numbers,
    rows_at,
    vector_at,
)
from .layer_kinds import dense
from .minibatch import perturb_inputs, rng_key, sample_at, sample_weight_of, set_targets
from .weight_update import (
    add_penalty_gradient,
    begin_penalty,
    begin_step,
    exchange_and_apply,
    needs_gradient,
)

__all__ = ["online_pass"]


# --- 2. Select and gather -----------------------------------------------------------------------


@kernel
def gather_one(ctx: Context, position: int, sample: int) -> None:
    """Gather the inputs of a sample, standardised, with noise and dropout."""
    descriptor, inputs = ctx.descriptor, layer_at(ctx, 0)
    X = rows_at(ctx, descriptor.X, sample + 1, inputs.nodes)
    mean = vector_at(ctx, inputs, descriptor.input_mean)
    scale = vector_at(ctx, inputs, descriptor.input_scale)
    a = vector_at(ctx, inputs, inputs.a)
    for j in range(a.size):
        a[j] = (X[sample, j] - mean[j]) * scale[j]
    if descriptor.is_noisy:
        perturb_inputs(ctx, inputs, a, inputs.nodes, int64(0), rng_key(ctx, position, int64(0)))


# --- 3. Forward, cost, backward -----------------------------------------------------------------


@kernel
def _call_loop(ctx: Context, loop: Address, l: int) -> None:
    """Call a loop of a kind that is not compiled into the pass."""
    integers = (ctx.t, ctx.descriptor_address, ctx.layers, ctx.n_layers, l)
    call(loop, (), integers)


@kernel
def forward_layers(ctx: Context, position: int) -> None:
    """Equations (1), (2) and (9) for every layer."""
    for l in range(1, ctx.n_layers):
        layer = layer_at(ctx, l)
        if layer.forward:
            _call_loop(ctx, layer.forward, l)
        else:
            dense.forward_one(ctx, l)
        u, a = vector_at(ctx, layer, layer.u), vector_at(ctx, layer, layer.a)
        call(layer.f, (u, a), (layer.nodes,))
        if ctx.descriptor.is_noisy and layer.dropout:
            options = numbers(ctx, layer.options, OPTIONS)
            call(layer.dropout, (a, u, options), (layer.nodes, 0, rng_key(ctx, position, l)))


@kernel
def cost_of_one(ctx: Context, sample: int) -> None:
    """C of a sample, whether its class is correct, and dC/da of the last layer."""
    descriptor, layer = ctx.descriptor, layer_at(ctx, ctx.n_layers - 1)
    a, y = vector_at(ctx, layer, layer.a), vector_at(ctx, layer, descriptor.y)
    n, d = layer.nodes, vector_at(ctx, layer, layer.d)
    samples = gathered_samples(ctx)[:1]
    samples[0] = sample
    set_targets(ctx, samples, y.reshape((n, 1)), n)
    C = view(descriptor.C_lanes, (4, 1), ctx.dtype_token)
    total, w_s = 0.0, sample_weight_of(ctx, descriptor.sample_weights, sample, 1)
    for head in view(descriptor.heads, (descriptor.n_heads,), HEAD):
        i = head.first
        C[3, 0] = head.weight * w_s
        call(head.loop, (a[i:], y[i:], C[3], d[i:], C[0], C[1], C[2]), (head.nodes, 1))
        total += C[0, 0]
    correct = 0.0
    if descriptor.counts_correct:
        rows, separately = (a.reshape((n, 1)), y.reshape((n, 1))), descriptor.are_separate
        correct = count_correct(*rows, n, 1, C, separately)
    accumulate_totals(ctx, total, correct)


@kernel
def copy(source: Array, target: Array) -> None:
    """Copy numbers; `target[:] = source` would allocate a temporary array."""
    for k in range(target.size):
        target[k] = source[k]


# --- 3. Backward, and 4. reduce -----------------------------------------------------------------


@kernel
def backward_layers(ctx: Context) -> None:
    """Equations (3) to (5) and (10) for every layer, from the last to the first."""
    descriptor = ctx.descriptor
    last = 0 if descriptor.input_gradient else descriptor.first_trained - 1
    for l in range(ctx.n_layers - 1, last, -1):
        layer = layer_at(ctx, l)
        d = vector_at(ctx, layer, layer.d)  # dC/da so far
        df = vector_at(ctx, layer, layer.u)  # where u was
        differentiate(df, d, layer.nodes)
        if l > descriptor.first_trained or descriptor.input_gradient:
            if layer.backward:
                _call_loop(ctx, layer.backward, l)
            else:
                dense.backward_one(ctx, l)
        if not needs_gradient(ctx, layer):
            continue
        if layer.gradient:
            _call_loop(ctx, layer.gradient, l)
        else:
            dense.parameter_gradient_of_one(ctx, l)
        if layer.penalty:
            add_penalty_gradient(ctx, layer, layer.W_offset, layer.rows * layer.row_stride)
            if layer.penalizes_biases:
                add_penalty_gradient(ctx, layer, layer.b_offset, layer.nodes)


# --- All phases ---------------------------------------------------------------------------------


def online_pass(dtype: Any) -> Any:
    """Return the pass over samples one by one, for np.float32 or np.float64."""

    def run(t: int, descriptor: Address, layers: Address, n_layers: int) -> None:
        ctx = context(t, descriptor, layers, n_layers, dtype)
        passed, inputs, outputs = ctx.descriptor, layer_at(ctx, 0), layer_at(ctx, n_layers - 1)
        fp_mode = flush_denormals()
        start(ctx)
        for position in range(passed.first, passed.last):
            sample = sample_at(passed.permutation, position)
            gather_one(ctx, position, sample)
            if passed.updates:
                begin_penalty(ctx, position - passed.first)
            forward_layers(ctx, position)
            if passed.output:
                row = rows_at(ctx, passed.output, position + 1, outputs.nodes)[position]
                copy(vector_at(ctx, outputs, outputs.a), row)
            if passed.computes_cost:
                cost_of_one(ctx, sample)
            if passed.computes_gradient:
                backward_layers(ctx)
            if passed.updates:
                begin_step(ctx, position - passed.first)
                exchange_and_apply(ctx)
            if passed.input_gradient:
                row = rows_at(ctx, passed.input_gradient, position + 1, inputs.nodes)[position]
                copy(vector_at(ctx, inputs, inputs.d), row)
            if has_diverged(ctx, position + 1):
                break
        restore_fp_mode(fp_mode)

    return run
