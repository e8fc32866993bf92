"""Errors that a user's own function raises in a compiled loop, kept until the pass is over.

A loop that C calls cannot pass an exception on: numba hands it to `sys.unraisablehook`, and the
loop goes on with an undefined number.
"""

import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["PASS", "expect", "guarded"]

_SOURCE = "numba.core.cpu.CPUContext"  # what numba gives as the object of such an error
_are_expected = False  # no function of a user has been compiled
_running = 0  # passes; in others' loops the error is theirs
_kept: dict[int, BaseException] = {}  # by thread, the first one of each
_hook_before: Any = sys.__unraisablehook__


def expect() -> None:
    """Keep the errors of all passes that begin from now on."""
    global _are_expected  # noqa: PLW0603
    _are_expected = True


def _keep(unraisable: "sys.UnraisableHookArgs") -> None:
    """Keep an error if it is of a compiled loop; leave others to the hook before."""
    if _running and unraisable.exc_value is not None and _SOURCE in str(unraisable.object):
        _kept.setdefault(threading.get_ident(), unraisable.exc_value)
    else:
        _hook_before(unraisable)


class _Pass:
    """The time of a pass; at its end the error that this thread has met in it is raised."""

    def __enter__(self) -> None:
        """Keep errors from now on."""
        global _hook_before, _running  # noqa: PLW0603
        if _are_expected:
            _running += 1
            if sys.unraisablehook is not _keep:
                _hook_before, sys.unraisablehook = sys.unraisablehook, _keep

    def __exit__(self, *_: object) -> None:
        """Raise the first error of this thread, or of numba's own threads."""
        global _running  # noqa: PLW0603
        if not _are_expected:
            return
        _running = max(_running - 1, 0)
        if not _kept:
            return
        me, others = threading.get_ident(), {thread.ident for thread in threading.enumerate()}
        errors = [_kept.pop(t) for t in [*_kept] if t == me or t not in others]
        if errors:
            errors[0].add_note(
                "raised by an own function in a compiled pass: what the network has learnt in it"
                " is undefined"
            )
            raise errors[0]


#: ``with PASS:`` around each pass.
PASS = _Pass()


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as a pass, which raises what a user's own function has raised in it."""

    @wraps(function)
    def call(*args: Any) -> Any:
        with PASS:
            return function(*args)

    return call
