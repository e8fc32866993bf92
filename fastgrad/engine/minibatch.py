"""Permutation, selection and gathering: how samples get into a pass."""

from typing import NamedTuple

import numpy as np

from ..codegen import simd
from ..codegen.intrinsics import call, view
from ..codegen.jit import kernel
from ..codegen.signatures import Address, Array, Range, int64
from ..kernels.counter_rng import bits
from ..kernels.equations import gather_panels, transpose_panels
from .descriptor import (
    OPTIONS,
    Context,
    LayerRecord,
    column_blocks_at,
    gathered_samples,
    gathered_weights,
    layer_at,
    numbers,
    panels_at,
    rows_at,
)

__all__ = [
    "Microbatch",
    "draw_permutation",
    "gather",
    "microbatch",
    "perturb_inputs",
    "rng_key",
    "sample_at",
    "sample_weight_of",
    "select_samples",
    "set_targets",
]  # fmt: skip


class Microbatch(NamedTuple):
    """The part of a mini-batch that the workspace holds at a time: mostly all of it."""

    step: int  # of the epoch
    first: int  # position in the permutation
    last: int
    S: int  # samples of the whole mini-batch
    n_panels: int
    panel_offset: int  # panels of the mini-batch before it
    accumulates: bool  # its gradient is added to that of the microbatches before it
    completes: bool  # the gradient of the mini-batch


@kernel
def microbatch(ctx: Context, batch_first: int, batch_last: int, first: int) -> Microbatch:
    """Return the microbatch that begins at a position of a mini-batch."""
    lanes, last = (
        simd.width(ctx.dtype_token),
        min(first + ctx.descriptor.microbatch, batch_last),
    )
    return Microbatch(
        batch_first // ctx.descriptor.batch_size, first, last, batch_last - batch_first,
        (last - first + lanes - 1) // lanes, (first - batch_first) // lanes,
        first > batch_first, last == batch_last,
    )  # fmt: skip


@kernel
def draw_permutation(permutation: Array, shuffle_key: int) -> None:
    """Draw a random permutation (R. A. Fisher, F. Yates), in place."""
    key = bits(shuffle_key, shuffle_key >> 32)
    for k in range(permutation.size):  # all draws first: apart from the exchanges they vectorise
        permutation[k] = np.uint32((np.uint64(bits(k, key)) * np.uint64(k + 1)) >> np.uint64(32))
    for k in range(permutation.size):
        r = permutation[k]
        permutation[k] = permutation[r]
        permutation[r] = np.uint32(k)


@kernel
def rng_key(ctx: Context, step: int, l: int) -> int:
    """Return the key of the random numbers of layer l at a step of the epoch."""
    key = ctx.descriptor.noise_key
    return int64(bits(bits(step, key) + l, key >> 32))


@kernel
def sample_at(permutation: Address, position: int) -> int:
    """Return the row of X at a position of the permutation, if there is one."""
    if permutation:
        return int64(view(permutation, (position + 1,), np.uint32)[position])
    return position


@kernel
def sample_weight_of(ctx: Context, sample_weights: Address, sample: int, S: int) -> float:
    """Return w_s / S, where all w_s are 1 if there are none."""
    w_s = numbers(ctx, sample_weights, sample + 1)[sample] if sample_weights else 1.0
    return w_s / S


@kernel
def select_samples(ctx: Context, micro: Microbatch, panels: Range) -> None:
    """Store rows of X and weights; copies of one sample with weight 0 fill the last panel."""
    lanes = simd.width(ctx.dtype_token)
    samples, w = gathered_samples(ctx), gathered_weights(ctx)
    # read before the loop, since LLVM must assume that the loop changes them
    permutation, weights = ctx.descriptor.permutation, ctx.descriptor.sample_weights
    first, last, n = panels[0] * lanes, panels[1] * lanes, micro.last - micro.first
    for k in range(first, last):
        samples[k] = sample_at(permutation, micro.first + min(k, n - 1))
    for k in range(first, last):
        w[k] = sample_weight_of(ctx, weights, samples[k], micro.S) if k < n else 0.0


@kernel
def set_targets(ctx: Context, samples: Array, y: Array, n: int) -> None:
    """Set y_is of some samples from their rows of Y or, with class ids, to 1 at their class."""
    descriptor, lanes = ctx.descriptor, simd.width(ctx.dtype_token)
    if descriptor.ids:
        ids = view(descriptor.ids, (descriptor.n_samples,), np.int64)
        for i in range(n):
            for s in range(samples.size):
                y[i, s] = 0
        for s in range(samples.size):
            y[ids[samples[s]], s] = 1
        return
    Y = rows_at(ctx, descriptor.Y, descriptor.n_samples, n)
    if n >= lanes and samples.size == lanes:  # a panel in square tiles, which read whole lines
        for i in range(0, n, lanes):
            simd.store(y, (i, 0), simd.transpose(simd.gather(Y, samples, 0, i)))
    else:
        for i in range(n):
            for s in range(samples.size):
                y[i, s] = Y[samples[s], i]


@kernel
def gather(ctx: Context, micro: Microbatch, panels: Range) -> None:
    """Gather the inputs of the selected samples into this thread's copy, with noise and dropout."""
    descriptor, inputs = ctx.descriptor, layer_at(ctx, 0)
    X = rows_at(ctx, descriptor.X, descriptor.n_samples, inputs.nodes)
    mean = numbers(ctx, descriptor.input_mean, inputs.padded_nodes)
    scale = numbers(ctx, descriptor.input_scale, inputs.padded_nodes)
    own_copy = ctx.t * descriptor.copy_bytes
    a = panels_at(ctx, inputs, inputs.a + own_copy)
    aT = column_blocks_at(ctx, inputs, inputs.aT + own_copy)
    gather_panels(X, gathered_samples(ctx), mean, scale, a, aT, panels)
    if descriptor.is_noisy and (inputs.noise or inputs.dropout):
        n, key = inputs.nodes * simd.width(ctx.dtype_token), rng_key(ctx, micro.step, int64(0))
        for p in range(panels[0], panels[1]):
            perturb_inputs(ctx, inputs, a[p], n, (micro.panel_offset + p) * n, key)
        transpose_panels(a, aT, panels)


@kernel
def perturb_inputs(
    ctx: Context, inputs: LayerRecord, a: Array, n: int, first: int, key: int
) -> None:
    """Apply noise and dropout to n inputs, numbered from `first` in their mini-batch."""
    options = numbers(ctx, inputs.options, OPTIONS)
    if inputs.noise:
        call(inputs.noise, (a, options), (n, first, key))
    if inputs.dropout:
        call(inputs.dropout, (a, options), (n, first, int64(bits(1, key))))
