"""The compiled prediction of a single row, where the time of a call itself counts.

Equations 1 and 2 as in online_pass.py, from x at any address to the prediction at another. Each
call takes a free slot, a descriptor with memory of its own, so that threads need not wait.
"""

from typing import Any

import numpy as np

from ..codegen.intrinsics import (
    atomic_add,
    atomic_set_if_zero,
    call,
    flush_denormals,
    record_at,
    restore_fp_mode,
    view,
    yield_processor,
)
from ..codegen.jit import kernel
from ..codegen.signatures import Address, Array, int64
from .descriptor import HEAD, Context, context, layer_at, vector_at
from .online_pass import forward_layers

__all__ = ["SLOT", "predict_row", "row_pass"]

_FIELDS = (
    "is_taken", "descriptor", "layers", "n_layers",
    "run", "n_slots", "n_inputs", "n_outputs", "target_mean", "target_scale",
)  # fmt: skip
#: A slot; of a cache line, and one more that processors fetch along with it. The first says what
#: all of them share: the loop, and how many slots and numbers there are.
SLOT = np.dtype([*((name, np.int64) for name in _FIELDS), ("padding", np.int64, 6)])
_BYTES = SLOT.itemsize


@kernel
def _take_slot(slots: Address) -> int:
    """Take a free slot, or wait for one."""
    n_slots, k = record_at(slots, int64(0), SLOT).n_slots, int64(0)
    while not atomic_set_if_zero(view(slots + k * _BYTES, (1,), np.int64), 1):
        k += 1
        if k == n_slots:
            k = int64(0)
            yield_processor()
    return k


@kernel
def _apply_links(ctx: Context) -> None:
    """Apply the links of the costs to the outputs."""
    outputs, descriptor = layer_at(ctx, ctx.n_layers - 1), ctx.descriptor
    a = vector_at(ctx, outputs, outputs.a)
    for head in view(descriptor.heads, (descriptor.n_heads,), HEAD):
        if head.loop:
            call(head.loop, (a[head.first :],), (head.nodes,))


def row_pass(dtype: Any) -> Any:
    """The prediction of one row by a network of np.float32 or np.float64.

    It is written in its dtype or, as that of standardised targets is, in float64.
    """

    def run(x: Array, prediction: Array, slots: Address) -> None:
        k = _take_slot(slots)
        slot, shared = record_at(slots, k, SLOT), record_at(slots, int64(0), SLOT)
        ctx = context(0, slot.descriptor, slot.layers, slot.n_layers, dtype)
        inputs, outputs = layer_at(ctx, 0), layer_at(ctx, ctx.n_layers - 1)
        input_mean = vector_at(ctx, inputs, ctx.descriptor.input_mean)
        input_scale = vector_at(ctx, inputs, ctx.descriptor.input_scale)
        fp_mode = flush_denormals()
        a = vector_at(ctx, inputs, inputs.a)
        for j in range(a.size):
            a[j] = (x[j] - input_mean[j]) * input_scale[j]
        forward_layers(ctx, 0)
        _apply_links(ctx)
        a = vector_at(ctx, outputs, outputs.a)
        mean = view(shared.target_mean, (a.size,), np.float64)
        scale = view(shared.target_scale, (a.size,), np.float64)
        for i in range(a.size):
            prediction[i] = a[i] * scale[i] + mean[i]
        restore_fp_mode(fp_mode)
        atomic_add(view(slots + k * _BYTES, (1,), np.int64), -1)

    return run


def predict_row(slots: Address, x: Array, prediction: Array) -> bool:
    """Write the prediction of a row, unless a number in it is not finite or a shape is wrong."""
    shared = record_at(slots, 0, SLOT)
    n, m = shared.n_inputs, shared.n_outputs
    if x.shape[-1] != n or x.size != n or prediction.shape[-1] != m or prediction.size != m:
        return False
    not_finite = 0
    for x_j in x.reshape(-1):
        not_finite += not np.isfinite(x_j)
    if not_finite:
        return False
    call(shared.run, (x, prediction), (slots,))
    return True
