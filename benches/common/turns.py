"""Processes that take turns: what disturbs the machine meanwhile disturbs all of them alike."""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool


class Trainer:
    """A process of its own that trains a network of `kind`, a class of `benches.common.peers`.

    It starts with environment variables of its own and calls `start` with `arguments`. A turn takes
    about `turn_seconds`, by the clock `clock`, and is followed by a pause, for threads spin for a
    while before they yield the processor.
    """

    turn_seconds, pause = 0.1, 0.1
    clock = staticmethod(time.perf_counter)

    def __init__(self, kind, threads, variables, start, *arguments):
        self.kind, self.threads = kind, threads
        os.environ.update(variables)
        self.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), start, arguments)
        self.pool.submit(os.getpid).result()  # the process starts now, with these variables

    def prepare(self, case):
        """Build, compile and warm up; returns a description of the error, or None."""
        self.seconds = []
        arguments = self.kind, case, self.threads, self.turn_seconds
        first, problem = self._result_of(_prepare, *arguments)
        self.epochs = 0 if problem else max(1, round(self.turn_seconds / first))
        return problem

    def take_turn(self):
        """Train for one turn; returns a description of the error, or None."""
        seconds, problem = self._result_of(_run, self.epochs, self.clock)
        self.seconds += [] if problem else [seconds / self.epochs]
        time.sleep(self.pause)
        return problem

    def _result_of(self, function, *arguments):
        """(result of the function in the process, None), or (None, description of the error)."""
        try:
            return self.pool.submit(function, *arguments).result(), None
        except BrokenProcessPool:
            return None, "its process died"
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is reported
            lines = str(error).splitlines()
            return None, f"{type(error).__name__}: {lines[0] if lines else ''}"


_subject = None


def _prepare(kind, case, threads, least):
    global _subject  # noqa: PLW0603 - what this process trains
    _subject = kind(case, threads)
    seconds = [_run(1, time.perf_counter)]
    while sum(seconds[1:]) < least:  # the first compiles
        seconds.append(_run(1, time.perf_counter))
    return min(seconds)


def _run(epochs, clock):
    begin = clock()
    _subject.run(epochs)
    return clock() - begin
