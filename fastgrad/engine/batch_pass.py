"""The compiled pass over mini-batches.

Every thread carries out the same function, in six phases:

1. start: the permutation is drawn;
2. select and gather: the samples of a microbatch, and their inputs;
3. forward, cost, backward: a thread takes some of the samples through all layers (equations 1, 2,
   3, 5 and 8; samples are independent of each other);
4. reduce: a thread sums over all samples, for some of the nodes i of every layer (equations 6, 7);
5. update: it updates their weights;
6. stop.

partition.py says where this differs: in a small network the gradient is partitioned over samples
too, in two halves, and each thread updates weights of its own (replica.py); in a wide first layer
equation 1 is partitioned over nodes. No sum depends on the number of threads, so it does not change
a single bit.
"""

from typing import Any

import numpy as np
from numba import prange

from ..codegen import simd
from ..codegen.intrinsics import call, flush_denormals, restore_fp_mode, view
from ..codegen.jit import array_kernel, kernel, parallel
from ..codegen.signatures import Address, Array, Range, int64
from ..kernels.equations import differentiate, scatter_panels, transpose_panels
from .barrier import barrier_start, barrier_wait
from .descriptor import (
    HEAD,
    OPTIONS,
    TOTALS,
    Context,
    LayerRecord,
    column_blocks_at,
    context,
    gathered_samples,
    gathered_weights,
    layer_at,
    numbers,
    panels_at,
    rows_at,
)
from .layer_kinds import dense
from .minibatch import (
    Microbatch,
    draw_permutation,
    gather,
    microbatch,
    rng_key,
    select_samples,
    set_targets,
)
from .partition import full_range, node_range, panel_range
from .replica import begin_replica
from .weight_update import (
    accumulate_half_gradients,
    begin_penalty,
    begin_step,
    update_weights,
)

__all__ = ["accumulate_totals", "batch_pass", "count_correct", "has_diverged", "run_on_threads"]


# --- 1. Start -----------------------------------------------------------------------------------


@kernel
def own_records(ctx: Context) -> tuple[Address, Address]:
    """Return the addresses of this thread's descriptor and layers: mostly those of all threads."""
    if ctx.descriptor.in_halves and ctx.t > 0:
        return begin_replica(ctx)
    return ctx.descriptor_address, ctx.layers


@kernel
def start(ctx: Context) -> None:
    """Draw a new permutation of the samples, if there is to be one."""
    descriptor = ctx.descriptor
    if descriptor.shuffle_key:
        if ctx.t == 0:
            permutation = view(descriptor.permutation, (descriptor.n_samples,), np.uint32)
            draw_permutation(permutation, descriptor.shuffle_key)
        barrier_wait(ctx)


# --- 2. Select and gather -----------------------------------------------------------------------


@kernel
def select_and_gather(ctx: Context, micro: Microbatch) -> Range:
    """Select the samples of this thread and gather their inputs; returns its panels.

    Where equation 1 of the first layer is partitioned over nodes, each thread gathers all inputs.
    """
    panels = panel_range(ctx, micro.n_panels)
    gathered = full_range(micro.n_panels) if ctx.descriptor.first_by_nodes else panels
    select_samples(ctx, micro, gathered)
    gather(ctx, micro, gathered)
    if ctx.descriptor.first_by_nodes:
        a = layer_at(ctx, 0).a + ctx.t * ctx.descriptor.copy_bytes
        forward(ctx, micro, int64(1), a, node_range(ctx, int64(1)), gathered)
        barrier_wait(ctx)
    return panels


# --- 3. Forward, cost, backward -----------------------------------------------------------------


@kernel
def forward_cost_backward(ctx: Context, micro: Microbatch, panels: Range) -> None:
    """Take the panels of this thread through all layers and back, some at a time.

    As many as the L2 cache holds, if it holds the weights too.
    """
    descriptor, last = ctx.descriptor, ctx.n_layers - 1
    for p in range(panels[0], panels[1], descriptor.panels_per_block):
        block = p, min(p + descriptor.panels_per_block, panels[1])
        forward_layers(ctx, micro, block)
        if descriptor.computes_cost:
            cost(ctx, micro, block)
        if descriptor.computes_gradient:
            backward_layers(ctx, block)
    copy_rows_out(ctx, micro, layer_at(ctx, last), layer_at(ctx, last).a, descriptor.output, panels)
    copy_rows_out(
        ctx, micro, layer_at(ctx, 0), layer_at(ctx, 0).d, descriptor.input_gradient, panels
    )
    if descriptor.computes_gradient and descriptor.in_halves:
        accumulate_half_gradients(ctx, micro)


@kernel
def forward(
    ctx: Context, micro: Microbatch, l: int, a_before: Address, nodes: Range, panels: Range
) -> None:
    """Equations (1), (2) and (9) for some nodes and panels of a layer, from a of the one before."""
    layer = layer_at(ctx, l)
    if layer.forward:
        integers = (
            ctx.t, ctx.descriptor_address, ctx.layers, ctx.n_layers, l, a_before,
            nodes[0], nodes[1], panels[0], panels[1],
        )  # fmt: skip
        call(layer.forward, (), integers)
    else:
        dense.forward(ctx, l, a_before, nodes, panels)
    lanes = simd.width(ctx.dtype_token)
    u = panels_at(ctx, layer, layer.u)
    a = panels_at(ctx, layer, layer.a)
    i, last = nodes[0], min(nodes[1], layer.nodes)
    n, drops = (last - i) * lanes, ctx.descriptor.is_noisy and layer.dropout != 0
    key = rng_key(ctx, micro.step, l) if drops else 0
    for p in range(panels[0], panels[1]):
        call(layer.f, (u[p, i:], a[p, i:]), (n,))
        if drops:
            first = ((micro.panel_offset + p) * layer.nodes + i) * lanes
            options = numbers(ctx, layer.options, OPTIONS)
            call(layer.dropout, (a[p, i:], u[p, i:], options), (n, first, key))


@kernel
def forward_layers(ctx: Context, micro: Microbatch, panels: Range) -> None:
    """Equations (1), (2) and (9) for every layer."""
    for l in range(1, ctx.n_layers):
        layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
        if l > 1 or not ctx.descriptor.first_by_nodes:
            forward(ctx, micro, l, before.a, full_range(layer.rows), panels)
        if ctx.descriptor.computes_gradient and l + 1 < ctx.n_layers:
            a = panels_at(ctx, layer, layer.a)
            transpose_panels(a, column_blocks_at(ctx, layer, layer.aT), panels)


@array_kernel
def sums_of_panels(ctx: Context, micro: Microbatch) -> tuple[Array, Array]:
    """Return the arrays of C and of correct classes by panel: at odd steps others than at even."""
    n_panels = ctx.descriptor.microbatch // simd.width(ctx.dtype_token)
    shape, k = (2, n_panels), micro.step % 2
    C_panels = view(ctx.descriptor.C_panels, shape, np.float64)[k]
    return C_panels, view(ctx.descriptor.correct_panels, shape, np.float64)[k]


@kernel
def cost(ctx: Context, micro: Microbatch, panels: Range) -> None:
    """C of each panel, and dC/da of the last layer."""
    descriptor, lanes = ctx.descriptor, simd.width(ctx.dtype_token)
    layer = layer_at(ctx, ctx.n_layers - 1)
    a = panels_at(ctx, layer, layer.a)
    d = panels_at(ctx, layer, layer.d)
    y = panels_at(ctx, layer, descriptor.y)
    samples, w, n_samples = gathered_samples(ctx), gathered_weights(ctx), micro.last - micro.first
    C_panels, correct_panels = sums_of_panels(ctx, micro)
    heads = view(descriptor.heads, (descriptor.n_heads,), HEAD)
    C = view(descriptor.C_lanes + ctx.t * 4 * lanes * 8, (4, lanes), ctx.dtype_token)
    for p in range(panels[0], panels[1]):
        set_targets(ctx, samples[p * lanes : (p + 1) * lanes], y[p], layer.nodes)
        total = 0.0
        for k in range(descriptor.n_heads):
            head, w_s = heads[k], C[3]
            for s in range(lanes):
                w_s[s] = head.weight * w[p * lanes + s]
            i = head.first
            operands = (a[p, i:], y[p, i:], w_s, d[p, i:], C[0], C[1], C[2])
            call(head.loop, operands, (head.nodes, lanes))
            for s in range(lanes):
                total += C[0, s]
        C_panels[p] = total
        correct_panels[p] = 0
        if descriptor.counts_correct:
            n = min(n_samples - p * lanes, lanes)
            separately = descriptor.are_separate
            correct_panels[p] = count_correct(a[p], y[p], layer.nodes, n, C, separately)


@kernel
def argmax(a: Array, largest: Array, where: Array, n: int) -> None:
    """Find the node of the largest output of each sample, the first of several."""
    for s in range(largest.size):
        largest[s], where[s] = a[0, s], 0
    for i in range(1, n):
        for s in range(largest.size):
            where[s] = i if a[i, s] > largest[s] else where[s]
            largest[s] = max(a[i, s], largest[s])


@kernel
def count_correct(
    a: Array, y: Array, n: int, samples: int, scratch: Array, separately: int
) -> float:
    """Return for how many samples the largest output is at their class.

    Separately, each output is a yes or no, right if its sign is: then a share of each sample.
    """
    correct, guess, truth = 0, scratch[0], scratch[1]
    if separately:
        for i in range(n):
            for s in range(samples):
                correct += (a[i, s] > 0) == (y[i, s] > 0.5)
        return correct / n
    argmax(a, scratch[2], guess, n)
    argmax(y, scratch[2], truth, n)
    for s in range(samples):
        correct += guess[s] == truth[s]
    return float(correct)


@kernel
def backward_layers(ctx: Context, panels: Range) -> None:
    """Equations (3) and (5) for every layer, from the last to the first."""
    last = layer_at(ctx, ctx.n_layers - 1)
    df = panels_at(ctx, last, last.u)  # where u was
    d = panels_at(ctx, last, last.d)
    for p in range(panels[0], panels[1]):
        n = last.nodes * simd.width(ctx.dtype_token)
        differentiate(df[p].reshape(-1), d[p].reshape(-1), n)
    lowest = 0 if ctx.descriptor.input_gradient else ctx.descriptor.first_trained
    for l in range(ctx.n_layers - 1, lowest, -1):
        if layer_at(ctx, l).backward:
            integers = (
                ctx.t, ctx.descriptor_address, ctx.layers, ctx.n_layers, l,
                panels[0], panels[1],
            )  # fmt: skip
            call(layer_at(ctx, l).backward, (), integers)
        else:
            dense.backward(ctx, l, panels)


@kernel
def copy_rows_out(
    ctx: Context, micro: Microbatch, layer: LayerRecord, values: Address, to: Address, panels: Range
) -> None:
    """Copy values of a layer to the rows of an output, if there is one."""
    if to:
        rows = rows_at(ctx, to, micro.last, layer.nodes)
        scatter_panels(panels_at(ctx, layer, values), rows, micro.first, panels)


# --- 4. Reduce and 5. update: see weight_update.py -----------------------------------------------


@kernel
def accumulate_totals(ctx: Context, C: float, correct: float) -> None:
    """Add to the sums of C and of correct classes."""
    totals = view(ctx.descriptor.totals, (TOTALS,), np.float64)
    totals[0] += C
    totals[1] += correct


@kernel
def has_diverged(ctx: Context, last: int) -> bool:
    """Return whether the cost of an update was not finite; the pass ends at that position."""
    if not ctx.descriptor.updates:
        return False
    totals = view(ctx.descriptor.totals, (TOTALS,), np.float64)
    if ctx.t == 0:
        totals[2] = last
    return not np.isfinite(totals[0])


@kernel
def accumulate_panel_totals(ctx: Context, micro: Microbatch) -> None:
    """Add the sums of each panel, where C is a mean over the S samples of the mini-batch."""
    C_panels, correct_panels = sums_of_panels(ctx, micro)
    for p in range(micro.n_panels):
        accumulate_totals(ctx, C_panels[p] * micro.S, correct_panels[p])


# --- All phases ---------------------------------------------------------------------------------

# A pass is called through its address, with integers only, so that `run_on_threads` is quick to
# compile and serves both dtypes.


def batch_pass(dtype: Any) -> Any:
    """Return the pass of one thread over mini-batches, for np.float32 or np.float64."""

    def run(t: int, descriptor: Address, layers: Address, n_layers: int) -> None:
        own = own_records(context(t, descriptor, layers, n_layers, dtype))
        ctx = context(t, own[0], own[1], n_layers, dtype)
        if not barrier_start(ctx):
            return
        passed = ctx.descriptor
        fp_mode = flush_denormals()
        start(ctx)
        keeps_totals = t == 0 or passed.in_halves
        for batch in range(passed.first, passed.last, passed.batch_size):
            batch_last = min(batch + passed.batch_size, passed.last)
            if keeps_totals and passed.updates:
                begin_penalty(ctx, (batch - passed.first) // passed.batch_size)
                begin_step(ctx, (batch - passed.first) // passed.batch_size)
            for first in range(batch, batch_last, passed.microbatch):
                micro = microbatch(ctx, batch, batch_last, first)
                panels = select_and_gather(ctx, micro)
                forward_cost_backward(ctx, micro, panels)
                barrier_wait(ctx)
                if keeps_totals and passed.computes_cost:
                    accumulate_panel_totals(ctx, micro)
                if passed.computes_gradient:
                    update_weights(ctx, micro)
                if not passed.in_halves:
                    barrier_wait(ctx)
            if has_diverged(ctx, batch_last):
                break
        restore_fp_mode(fp_mode)

    return run


@parallel
def run_on_threads(
    run: Address, threads: int, descriptor: Address, layers: Address, n_layers: int
) -> None:
    """Run a pass on all threads."""
    for t in prange(threads):
        call(run, (), (int64(t), descriptor, layers, n_layers))
