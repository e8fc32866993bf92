"""The threads of the process, which serve one pass at a time."""

import os
import threading
import time

import numba
from numba.np.ufunc import parallel

from ..codegen.jit import PLAIN_PYTHON, run
from .batch_pass import sweep
from .descriptor_builder import Order

__all__ = ["most", "run_pass", "started"]

# Who offers its processor gets it back milliseconds later if others want it, so threads wait for
# each other about 0.1 ms before they do; but more threads than processors would wait in vain.
_PATIENT, _IMPATIENT = 131_072, 64
_ALONE_SECONDS = 60.0  # until threads that the system did not give are asked for again

_busy = threading.Lock()  # not every threading layer bears two passes, and no processor
_is_started = False
_is_lost = False  # in a fork of a process that had threads: OpenMP would end it
_alone_until = 0.0


def _note_fork() -> None:
    global _is_lost  # noqa: PLW0603
    # Whoever started them, numba's threads are gone.
    _is_lost = _is_lost or parallel._is_initialized


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def most(asked: int | None) -> int:
    """How many threads can share a pass, if so many are asked for (None: as many as numba has)."""
    if PLAIN_PYTHON or _is_lost:
        return 1
    return int(min(asked or numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS))


def started() -> bool:
    """Whether the threads run; to start them takes longer than a short pass."""
    return _is_started


def run_pass(address: int, order: Order, threads: int) -> int:
    """Run the pass at an address on so many threads, or on this one if they are not to be had.

    Returns how many there were.
    """
    global _is_started, _alone_until  # noqa: PLW0603
    if threads > 1 and time.monotonic() >= _alone_until and _busy.acquire(blocking=False):
        patience = _PATIENT if threads <= _processors() else _IMPATIENT
        order.tell(threads=threads, patience=patience)
        order.arrived[:] = 0
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            sweep(address, threads, *order.where)
        finally:
            numba.set_num_threads(before)
            _busy.release()
        _is_started = True
        if order.arrived[64] >= 0:
            return threads
        _alone_until = time.monotonic() + _ALONE_SECONDS
    order.tell(threads=1)
    order.arrived[:] = 0
    run(address, 0, *order.where)
    return 1


def _processors() -> int:
    """Those that the process may use now."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
