"""Records that Python fills and compiled passes read: one field a line, with its meaning.

A pass gets one `Descriptor` and a table with a `LayerRecord` for each layer, not a hundred
arguments. A kernel gets them as a `Context`. The classes below state the fields; `DESCRIPTOR`,
`LAYER` and `HEAD` are the dtypes of the records.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..codegen import intrinsics, simd
from ..codegen.intrinsics import record_at, record_getter, view
from ..codegen.jit import array_kernel, macro
from ..codegen.signatures import Address, Array, Flag, int64

__all__ = [
    "CLIP_STRIDE", "DESCRIPTOR", "HEAD", "LAYER", "OPTIONS", "TOTALS",
    "Context", "Descriptor", "HeadRecord", "LayerRecord", "biases_of",
    "column_blocks_at", "context", "gathered_samples", "gathered_weights", "layer_at",
    "numbers", "panels_at", "parameters_at", "rows_at", "vector_at", "weights_of",
]  # fmt: skip

#: Numbers of a layer's options, see kernels/regularizers.py.
OPTIONS = int64(16)

#: Numbers that a pass returns: see `Descriptor.totals`.
TOTALS = 3

Count = int
Offset = int  # in numbers, from the first parameter of the network


class LayerRecord:
    """Layer l: its sizes, the arrays that it owns, and its loops; layer 0 is the inputs.

    Per sample of a microbatch there are u, a, aT and d = dC/db. They are stored by panels,
    [p, i, s] with p the panel; aT holds the activations with one sample per row, [q, s, j] with q
    the column block of nodes. W and b are parts of the network's flat vector of parameters, and
    their gradients are at the same offsets in the flat gradient.
    """

    nodes: Count  # n_l
    rows: Count  # nodes in whole tiles: rows of W
    padded_nodes: Count  # nodes in whole column blocks
    row_stride: Count  # numbers from one row of W to the next
    W_offset: Offset  # W (rows, row_stride)
    b_offset: Offset  # b (padded_nodes,)
    u: Address  # (panels, padded_nodes, lanes); f'(u) once the activation has been computed
    a: Address  # (panels, padded_nodes, lanes)
    aT: Address  # (column blocks, samples, lanes)
    d: Address  # (panels, padded_nodes, lanes); dC/da until f'(u) is multiplied
    forward: Address  # loops of the layer's kind; 0 if this is compiled into the passes
    backward: Address
    gradient: Address
    f: Address  # loop over the activation, and its derivative where a gradient is computed
    dropout: Address  # loops that are 0 unless the layer uses them
    noise: Address
    penalty: Address
    max_norm: Address
    options: Address  # (OPTIONS,): the numbers of these loops, see kernels/regularizers.py
    rule_memory: Address  # (RULE_MEMORY,) float64
    constants: Address  # (CONSTANTS,)
    is_trained: Flag
    penalizes_biases: Flag


class HeadRecord:
    """Some outputs with a cost of their own."""

    first: Count  # output
    nodes: Count
    loop: Address  # over C and dC/da
    weight: float  # of this cost in the cost of the network


class Descriptor:
    """What a pass computes, on which samples, and where its arrays are; 0 for none."""

    # What to do
    computes_cost: Flag  # C, and dC/da of the last layer
    computes_gradient: Flag
    updates: Flag  # the weights
    counts_correct: Flag  # classes
    are_separate: Flag  # each output is a yes or no by itself
    is_noisy: Flag  # noise and dropout are applied
    clips_norm: Flag  # of the whole gradient, which is therefore complete before any update
    per_layer: Flag  # learning rates and numbers of steps differ between layers
    is_uniform: Flag  # all parameters are treated alike, whatever their layer
    first_by_nodes: Flag  # equation (1) of layer 1 is partitioned over nodes
    in_halves: Flag  # equations (6) and (7) are partitioned over samples, in two halves

    # On which samples, by how many threads
    first: Count  # positions in the permutation
    last: Count
    batch_size: Count
    microbatch: Count  # samples of a mini-batch that the workspace holds at a time
    panels_per_block: Count  # panels that go through all layers and back together
    threads: Count
    spin_limit: Count  # polls of a barrier before the processor is yielded
    first_trained: Count  # lowest layer that is trained
    n_samples: Count
    n_parameters: Count
    n_rows: Count  # of all W together
    n_heads: Count
    shuffle_key: int  # 0: keep the permutation
    noise_key: int  # of noise and dropout

    # Loops
    prepare_loop: Address  # of the update rule, once a step
    update_loop: Address  # of the update rule, over parameters
    clip_loop: Address
    average_loop: Address

    # Data
    X: Address  # (n_samples, n_0)
    input_mean: Address  # (padded n_0,)
    input_scale: Address  # (padded n_0,)
    Y: Address  # (n_samples, n_L)
    ids: Address  # (n_samples,) int64: class ids in place of Y
    sample_weights: Address  # (n_samples,)
    permutation: Address  # (n_samples,) uint32
    output: Address  # (n_samples, n_L): a^L, to be written
    input_gradient: Address  # (n_samples, n_0): dC/da0, to be written
    totals: Address  # (TOTALS,) float64: sums of C and of correct classes, added to; where it ended

    # Parameters and the optimizer
    parameters: Address  # (n_parameters,)
    dC: Address  # (n_parameters,)
    halves: Address  # (2, 2, n_parameters): gradients of the halves, of even and of odd steps
    half_bytes: Count  # from one of these to the next
    replica: Address  # memory of the second thread's own copy: see replica.py
    to_replica: Count  # bytes from a scratch array of samples to that of the second thread
    slot_0: Address  # (n_parameters,): state of the optimizer
    slot_1: Address
    slot_2: Address
    hyperparameters: Address  # (HYPERPARAMETERS,) float64; the learning rate first
    steps: Address  # (1,) int64: steps so far
    frozen_steps: Address  # (L + 1,) int64: steps during which a layer was not trained
    rates: Address  # (steps of the pass,) float64: learning rates
    penalty_shares: Address  # (steps of the pass,) float64: factors of l1 and l2
    penalties: Address  # (steps of the pass,) float64: those of the weights before, to be written
    lr_scales: Address  # (L + 1,) float64: factors of the learning rate
    average: Address  # (n_parameters,): moving average of the parameters
    average_state: Address  # (2,) float64: share of new weights, steps so far
    average_rate: Address  # (1,): share of new weights at this step
    clip_limits: (
        Address  # (threads, CLIP_STRIDE): factor of this step, largest number, largest norm
    )
    row_squares: Address  # (n_rows,) float64: squared norms of the rows of the gradient

    # Scratch memory
    copy_bytes: Count  # from one thread's a and aT of the inputs to the next; 0: they share one
    samples: Address  # (threads, microbatch) int64: rows of X
    w: Address  # (threads, microbatch): weights w_s / S
    y: Address  # (panels, padded n_L, lanes)
    C_lanes: Address  # (threads, 4, lanes): scratch of the cost
    C_panels: Address  # (2, panels) float64, of even and of odd steps where there are halves
    correct_panels: Address  # (2, panels) float64
    heads: Address  # (n_heads,) of HEAD
    barrier: Address  # see barrier.py


#: Numbers from one thread's clip limits to the next: each has cache lines of its own.
CLIP_STRIDE = 64


def _dtype_of(record: type) -> np.dtype[Any]:
    return np.dtype(
        [(k, np.float64 if t is float else np.int64) for k, t in record.__annotations__.items()]
    )


DESCRIPTOR, LAYER, HEAD = _dtype_of(Descriptor), _dtype_of(LayerRecord), _dtype_of(HeadRecord)


class Context(NamedTuple):
    """What the kernels of a pass have in common.

    All of it is passed in registers. numba infers the dtype of a network's arrays from
    `dtype_token`, a number of that dtype whose value means nothing: addresses are integers.
    """

    descriptor: Descriptor
    layers: Address  # of the table of layers
    n_layers: int  # L + 1: the inputs count
    dtype_token: float
    t: int  # the thread
    descriptor_address: Address


@macro
def context(t: int, descriptor: Address, layers: Address, n_layers: int, dtype: Any) -> Context:
    """Return the context of thread t in a pass, from the integers that a loop is called with."""
    passed = record_at(descriptor, 0, DESCRIPTOR)
    return Context(passed, layers, n_layers, dtype(0), t, descriptor)


#: (ctx, l) -> the record of layer l.
layer_at: Callable[[Context, int], LayerRecord] = record_getter("layers", LAYER)


# --- Arrays at their addresses ------------------------------------------------------------------


@array_kernel
def numbers(ctx: Context, address: Address, n: int) -> Array:
    """Return n numbers of the network's dtype."""
    return view(address, (n,), ctx.dtype_token)


@array_kernel
def panels_at(ctx: Context, layer: LayerRecord, address: Address) -> Array:
    """Return u, a, d or y of a layer for the microbatch: [p, i, s]."""
    lanes = simd.width(ctx.dtype_token)
    shape = (ctx.descriptor.microbatch // lanes, layer.padded_nodes, lanes)
    return view(address, shape, ctx.dtype_token)


@array_kernel
def column_blocks_at(ctx: Context, layer: LayerRecord, address: Address) -> Array:
    """Return aT of a layer for the microbatch: [q, s, j]."""
    lanes = simd.width(ctx.dtype_token)
    shape = (layer.padded_nodes // lanes, ctx.descriptor.microbatch, lanes)
    return view(address, shape, ctx.dtype_token)


@array_kernel
def vector_at(ctx: Context, layer: LayerRecord, address: Address) -> Array:
    """Return u, a, d or y of a layer for one sample: [i]."""
    return view(address, (layer.nodes,), ctx.dtype_token)


@array_kernel
def rows_at(ctx: Context, address: Address, n_rows: int, n: int) -> Array:
    """Return the first rows of X, Y or an output: [s, i]."""
    return view(address, (n_rows, n), ctx.dtype_token)


@array_kernel
def parameters_at(ctx: Context, base: Address, offset: int, n: int) -> Array:
    """Return n numbers from an offset on of the parameters, their gradient, or a slot."""
    return view(base + offset * intrinsics.bytes_of(ctx.dtype_token), (n,), ctx.dtype_token)


@array_kernel
def weights_of(ctx: Context, base: Address, layer: LayerRecord) -> Array:
    """Return W of a layer, or dC/dW if the base is the gradient: [i, j]."""
    address = base + layer.W_offset * intrinsics.bytes_of(ctx.dtype_token)
    return view(address, (layer.rows, layer.row_stride), ctx.dtype_token)


@array_kernel
def biases_of(ctx: Context, base: Address, layer: LayerRecord) -> Array:
    """Return b of a layer, or dC/db if the base is the gradient: [i]."""
    return parameters_at(ctx, base, layer.b_offset, layer.rows)


@array_kernel
def gathered_samples(ctx: Context) -> Array:
    """Return the rows of X that this thread has selected for the microbatch."""
    descriptor = ctx.descriptor
    address = descriptor.samples + ctx.t * descriptor.microbatch * 8
    return view(address, (descriptor.microbatch,), np.int64)


@array_kernel
def gathered_weights(ctx: Context) -> Array:
    """Return the weights w_s / S of these samples."""
    descriptor = ctx.descriptor
    offset = ctx.t * descriptor.microbatch
    return parameters_at(ctx, descriptor.w, offset, descriptor.microbatch)
