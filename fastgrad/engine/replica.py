"""The second thread's own copy of all that a step changes, in a small network.

Where equations 6 and 7 are partitioned over samples, in two halves, both threads add the two halves
of the gradient, each for itself, and apply the same update, each to weights of its own. So only
halves of the gradient move from one processor to the other, never weights; and as the halves of the
next step have memory of their own, one barrier a step is enough. The copies stay the same, bit for
bit: both come from the same numbers by the same operations.

The scratch arrays of the samples are the thread's own, too: processors read ahead in memory, and in
arrays that two threads share each would take from the other what that one is about to write.

A replica begins with a pass: the network's own arrays are those of thread 0.
"""

import numpy as np

from ..codegen.intrinsics import bytes_of, record_at, view
from ..codegen.jit import kernel
from ..codegen.signatures import Address, Array, int64
from ..kernels.update_rules import CONSTANTS, HYPERPARAMETERS, RULE_MEMORY
from .descriptor import DESCRIPTOR, LAYER, OPTIONS, TOTALS, Context, layer_at
from .words import copy_words

__all__ = ["begin_replica", "replica_bytes"]

# Of type int64: see descriptor.py.
_LINE = int64(64)  # bytes of a cache line
_GAP = 5 * _LINE  # between arrays: their lines begin at different offsets of a page
_VECTORS = 6  # parameters, gradient, three slots, average
_OF_DESCRIPTOR, _OF_LAYER = int64(DESCRIPTOR.itemsize), int64(LAYER.itemsize)
_ONE, _TWO, _TOTALS = map(int64, (1, 2, TOTALS))


def replica_bytes(n_parameters: int, n_layers: int, n_rows: int, itemsize: int) -> int:
    """Return how much memory a replica needs, its records included."""
    records = DESCRIPTOR.itemsize + n_layers * LAYER.itemsize
    numbers = _VECTORS * n_parameters + n_layers * (OPTIONS + CONSTANTS)
    words = n_layers * (RULE_MEMORY + 1) + n_rows + HYPERPARAMETERS + TOTALS
    arrays = _VECTORS + 3 * n_layers + 10
    n_bytes = records + numbers * itemsize + words * 8 + arrays * (_GAP + _LINE)
    return int(n_bytes) // _LINE * _LINE


@kernel
def _take(next_free: Array, n_bytes: int) -> Address:
    """Return the address of so many bytes of the replica's memory."""
    address: Address = next_free[0]
    next_free[0] = address + (n_bytes + _LINE - 1) // _LINE * _LINE + _GAP
    return address


@kernel
def _copied(next_free: Array, source: Address, n_bytes: int) -> Address:
    """Return the address of a copy of so many bytes; 0 if there is no source."""
    if not source:
        return source
    address = _take(next_free, n_bytes)
    copy_words(source, address, n_bytes // 8)
    return address


@kernel
def begin_replica(ctx: Context) -> tuple[Address, Address]:
    """Copy what a step changes; returns the addresses of a descriptor and of layers of its own."""
    original, itemsize = ctx.descriptor, bytes_of(ctx.dtype_token)
    next_free = view(original.replica, (1,), np.int64)
    next_free[0] = original.replica + _LINE
    address = _take(next_free, _OF_DESCRIPTOR)
    layers = _take(next_free, ctx.n_layers * _OF_LAYER)
    copy_words(ctx.descriptor_address, address, _OF_DESCRIPTOR // 8)
    copy_words(ctx.layers, layers, ctx.n_layers * _OF_LAYER // 8)
    own, n_bytes = record_at(address, 0, DESCRIPTOR), original.n_parameters * itemsize
    own.parameters = _copied(next_free, original.parameters, n_bytes)
    own.dC = _take(next_free, n_bytes)
    own.slot_0 = _copied(next_free, original.slot_0, n_bytes)
    own.slot_1 = _copied(next_free, original.slot_1, n_bytes)
    own.slot_2 = _copied(next_free, original.slot_2, n_bytes)
    own.average = _copied(next_free, original.average, n_bytes)
    own.average_state = _copied(next_free, original.average_state, _TWO * 8)
    own.average_rate = _take(next_free, itemsize)
    own.hyperparameters = _copied(next_free, original.hyperparameters, HYPERPARAMETERS * 8)
    own.steps = _copied(next_free, original.steps, _ONE * 8)
    own.frozen_steps = _copied(next_free, original.frozen_steps, ctx.n_layers * 8)
    own.totals = _copied(next_free, original.totals, _TOTALS * 8)
    own.row_squares = _copied(next_free, original.row_squares, original.n_rows * 8)
    own.y = original.y + original.to_replica
    own.w = original.w + original.to_replica
    for l in range(ctx.n_layers):
        layer = record_at(layers, l, LAYER)
        layer.u += original.to_replica
        layer.a += original.to_replica
        layer.aT += original.to_replica
        layer.d += original.to_replica
    constants = _take(next_free, ctx.n_layers * CONSTANTS * itemsize)
    first = layer_at(ctx, 1).constants  # where all layers have the same, each has this address
    for l in range(1, ctx.n_layers):
        layer = record_at(layers, l, LAYER)
        layer.constants += constants - first
        layer.options = _copied(next_free, layer.options, OPTIONS * itemsize)
        if not original.per_layer and l > 1:
            layer.rule_memory = record_at(layers, 1, LAYER).rule_memory
        else:
            layer.rule_memory = _copied(next_free, layer.rule_memory, RULE_MEMORY * 8)
    return address, layers
