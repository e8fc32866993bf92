"""The threads of the process, which serve one pass at a time."""

import os
import threading
import time

import numba

from ..codegen.jit import PLAIN_PYTHON, run
from ..codegen.loop_errors import PASS
from ..codegen.numba_compat import threads_were_started
from . import barrier
from .batch_pass import run_on_threads
from .descriptor_builder import PassDescriptor

__all__ = ["is_started", "most_threads", "run_pass"]

# A thread that yields may lose its processor for milliseconds if others want it, so threads spin
# for about 0.1 ms first. With more threads than processors, spinning would be in vain.
_LONG_SPIN, _SHORT_SPIN = 131_072, 64
# Until threads that the system did not provide are requested again: they may have been kept waiting
# by others for a moment, or for good. Each time twice as long.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds

_in_use = threading.Lock()  # some threading layers run one pass at a time, and two would compete
_is_started = False
_is_lost = False  # in a fork of a process that had threads, where OpenMP would end the process
_unavailable_until, _pause = 0.0, _SHORTEST_PAUSE


def _note_fork() -> None:
    global _in_use, _is_lost
    # Threads do not exist in the child: neither numba's, whoever started them, nor one that trains.
    _in_use, _is_lost = threading.Lock(), _is_lost or threads_were_started()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def most_threads(requested: int | None) -> int:
    """Return how many threads a pass can have.

    Parameters
    ----------
    requested : int or None
        None: those of numba, but no more than there are processors; and one beside the main thread
        if the threading layer is "workqueue", which ends a process in which two threads of Python
        run parallel functions at once, such as a user's own in the main thread.
    """
    if PLAIN_PYTHON or _is_lost:
        return 1
    threads = requested or min(numba.get_num_threads(), _n_processors())
    if requested is None and numba.threading_layer() == "workqueue":
        threads = threads if threading.current_thread() is threading.main_thread() else 1
    return int(min(threads, numba.config.NUMBA_NUM_THREADS))


def is_started() -> bool:
    """Return whether the threads run; to start them takes longer than a short pass."""
    return _is_started


def run_pass(address: int, descriptor: PassDescriptor, threads: int) -> tuple[int, float]:
    """Run the pass at an address.

    Parameters
    ----------
    address : int
        Of the compiled pass.
    descriptor : PassDescriptor
        What it computes.
    threads : int
        How many to use, if they are available.

    Returns
    -------
    int
        How many were used: as requested, or 1.
    float
        Seconds that the pass took on these, without waiting for others.
    """
    global _unavailable_until, _pause  # noqa: PLW0603
    if threads > 1 and time.monotonic() >= _unavailable_until and not _in_use.locked():
        with _in_use:  # not acquire() and try: an interrupt between them would leave it locked
            begin = time.perf_counter()
            if _try_on_threads(address, descriptor, threads):
                _pause = _SHORTEST_PAUSE
                return threads, time.perf_counter() - begin
        _unavailable_until = time.monotonic() + _pause
        _pause = min(2 * _pause, _LONGEST_PAUSE)
    descriptor.set(threads=1)
    begin = time.perf_counter()
    barrier.reset(descriptor.barrier)
    with PASS:
        run(address, 0, *descriptor.addresses)
    return 1, time.perf_counter() - begin


def _try_on_threads(address: int, descriptor: PassDescriptor, threads: int) -> bool:
    """Return whether all threads ran at the same time: otherwise nothing was computed."""
    global _is_started  # noqa: PLW0603
    spin_limit = _LONG_SPIN if threads <= _n_processors() else _SHORT_SPIN
    descriptor.set(threads=threads, spin_limit=spin_limit)
    barrier.reset(descriptor.barrier)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(threads)
        with PASS:
            run_on_threads(address, threads, *descriptor.addresses)
    finally:
        numba.set_num_threads(before)
    _is_started = True
    return barrier.ran_concurrently(descriptor.barrier)


def _n_processors() -> int:
    """Return how many processors the process may use now."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
