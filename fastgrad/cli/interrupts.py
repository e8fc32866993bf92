"""Ctrl-C on the command line."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["between_imports"]

_SOON = 0.02  # seconds


@contextmanager
def between_imports() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, but never in the middle of an import or a `__del__`.

    Libraries import others at their first use, some of them from C, where the exception is lost.
    What is left is half a module, which raises errors, and a lock on which others wait for ever.
    In a `__del__` it is lost as well.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def interrupt(_: int, frame: FrameType | None) -> None:
        while frame:
            code = frame.f_code
            if code.co_name == "__del__" or code.co_filename.startswith("<frozen importlib"):
                signal.setitimer(signal.ITIMER_REAL, _SOON)  # SIGALRM, then
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    if before[signal.SIGINT] is not signal.default_int_handler:  # ignored, or another program's
        yield
        return
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
