"""Where the threads of a pass wait for each other.

A barrier has a counter that all threads share, and one for each thread of how often it has been
here, each with cache lines of its own. So a kernel that needs one more barrier calls
`barrier_wait(ctx)`, and nothing else has to count along. Every thread must come to it equally
often: it does not belong into ``if ctx.t == 0`` or into a loop over a thread's own panels.
"""

import numpy as np

from ..codegen.intrinsics import (
    atomic_add,
    atomic_load,
    atomic_set_if_zero,
    view,
    yield_processor,
)
from ..codegen.jit import array_kernel, kernel
from ..codegen.signatures import Array, int64
from .descriptor import Context

__all__ = ["barrier_array", "barrier_start", "barrier_wait", "ran_concurrently", "reset"]

_STRIDE = 64  # numbers from one counter to the next: processors prefetch neighbouring lines
_ARRIVED, _DECISION, _FIRST_CROSSING = map(int64, range(3))

_MOST_POLLS = 20_000_000  # after which a thread concludes that the others do not run beside it


def barrier_array(threads: int) -> Array:
    """Return the memory of a barrier for up to that many threads."""
    return np.zeros((_FIRST_CROSSING + threads) * _STRIDE, np.int64)


def reset(barrier: Array) -> None:
    """Prepare a barrier for the next pass, in which no thread has arrived."""
    barrier[::_STRIDE] = 0


def ran_concurrently(barrier: Array) -> bool:
    """Return whether all threads of the last pass ran at the same time: or else it did nothing."""
    return bool(barrier[_DECISION * _STRIDE] >= 0)


@array_kernel
def _counter(ctx: Context, k: int) -> Array:
    return view(ctx.descriptor.barrier + k * _STRIDE * 8, (1,), np.int64)


@kernel
def barrier_start(ctx: Context) -> bool:
    """Return whether all threads run at the same time; the first to know decides for all.

    Where the system runs them one after the other, none could wait for the next.
    """
    threads = ctx.descriptor.threads
    arrived, decision = _counter(ctx, _ARRIVED), _counter(ctx, _DECISION)
    _counter(ctx, _FIRST_CROSSING + ctx.t)[0] = 1
    atomic_add(arrived, 1)
    polls = 0
    while atomic_load(arrived) < threads and atomic_load(decision) == 0:
        polls += 1
        if polls % ctx.descriptor.spin_limit == 0:
            yield_processor()
        if polls > _MOST_POLLS:
            atomic_set_if_zero(decision, -1)
    atomic_set_if_zero(decision, 1)
    return atomic_load(decision) > 0


@kernel
def barrier_wait(ctx: Context) -> None:
    """Wait until every thread has arrived here as often as this one."""
    threads = ctx.descriptor.threads
    if threads == 1:
        return
    arrived, crossings = _counter(ctx, _ARRIVED), _counter(ctx, _FIRST_CROSSING + ctx.t)
    crossings[0] += 1
    all_arrived, polls = crossings[0] * threads, 0
    atomic_add(arrived, 1)
    while atomic_load(arrived) < all_arrived:
        polls += 1
        if polls % ctx.descriptor.spin_limit == 0:
            yield_processor()
