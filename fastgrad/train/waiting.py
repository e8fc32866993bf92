"""Waiting for threads, so that Ctrl-C is not waited for too."""

from collections.abc import Collection
from concurrent import futures
from typing import Any

__all__ = ["wait"]

_SECONDS = 0.1  # that Ctrl-C may take, where a lock does not let signals through


def wait(those: Collection["futures.Future[Any]"]) -> None:
    """Wait until all are done, or one has raised an error; KeyboardInterrupt may be raised."""
    while True:
        done, others = futures.wait(those, _SECONDS, futures.FIRST_EXCEPTION)
        if not others or any(future.exception() for future in done):
            return
