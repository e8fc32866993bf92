"""Locks and forks: a thread that holds a lock does not exist in the child.

So a fork waits until no thread computes or compiles, and the child begins with whole weights, a
whole compiler, and new locks.
"""

import os
import threading
import time
import weakref
from contextlib import suppress
from typing import Any

from ..codegen.numba_compat import COMPILER_LOCKS

__all__ = ["Locks"]

_LONGEST_WAIT = 5.0  # seconds: a pass has 0.1 s, or one step


class Locks:
    """The locks of a network, in the order in which a thread takes them.

    Attributes
    ----------
    fits : RLock
        Held by a fit: of several, one begins when the one before has ended.
    queue : RLock
        Held by whoever waits for `passes`; training lets it go first, between two passes.
    passes : RLock
        Held by a pass, or by several that need the same weights: the workspace serves one at a
        time.
    """

    def __init__(self) -> None:
        self.renew()
        _all[id(self)] = self

    def renew(self) -> None:
        """Make them anew, free."""
        self.fits, self.queue, self.passes = (threading.RLock() for _ in range(3))

    def let_others_go_first(self) -> None:
        """Wait for those that have waited for the end of a pass, before the next."""
        with self.queue:
            pass


_all = weakref.WeakValueDictionary[int, Locks]()
_forks = threading.RLock()  # one fork at a time has the list of locks that are held for it
_held: list[Any] = []


def _before_fork() -> None:
    _forks.acquire()
    until = time.monotonic() + _LONGEST_WAIT
    found = (reference() for reference in _all.valuerefs())
    for lock in (lock for locks in found if locks for lock in (locks.queue, locks.passes)):
        _held.append(lock)  # first, or an interrupt here could leave it locked
        if not lock.acquire(timeout=max(until - time.monotonic(), 0)):
            _held.pop()
    for lock in COMPILER_LOCKS:
        _held.append(lock)
        lock.acquire()


def _after_fork() -> None:
    while _held:
        with suppress(RuntimeError):  # not acquired: there was an interrupt
            _held.pop().release()
    _forks.release()


def _after_fork_in_child() -> None:
    _after_fork()
    for locks in _all.values():
        locks.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
