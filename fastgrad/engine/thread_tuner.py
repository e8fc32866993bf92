"""One thread or all, by measurement: whichever has been faster recently."""

from collections import deque

_TRIAL_SECONDS = 0.010  # long compared with waking a thread, short compared with a fit
# Where the processors are busy, threads wait milliseconds for each other: the first pass of a trial
# is short, each further one four times as long, and one that loses more than this ends the trial.
_TRIAL_STEPS, _TRIAL_LOSS = 4, 0.002
_LONGEST_TRIAL_PASS = 0.020  # seconds of a pass of given length, beyond which it is no trial
_PASS_SECONDS = 0.070  # so that Python runs, and handles interrupts, every 50 to 100 ms
_LOSS_SHARE = 0.01  # of all time that may be lost by trying the slower choice again,
_TRIAL_SHARE = 0.1  # and that trials may take, even if nothing is lost
_OPERATIONS_PER_SECOND = 1e11  # until something has been measured
_ONE_THREAD_BELOW = 1e6  # operations per step for which one thread is probably as fast
_ALL_THREADS_ABOVE = 3e8  # operations per step, about a millisecond: all are faster if undisturbed
_SECOND_TRIAL = 0.2  # seconds of work, at most, until a choice that was tried once is tried again


class ThreadTuner:
    """Tries one thread and all on the work itself, whose results do not depend on their number.

    What communication between threads costs differs tenfold between machines and, on a shared one,
    from minute to minute. So the faster choice is not predicted from the sizes, and the slower one
    is tried again from time to time.

    Parameters
    ----------
    choices : tuple of int
        Numbers of threads, the smallest first.
    operations : float
        Multiplications and additions per sample.
    batch_size : int
        Samples between two barriers.
    """

    def __init__(self, choices: tuple[int, ...], operations: float, batch_size: int) -> None:
        likely_first = choices[::-1] if operations * batch_size > _ONE_THREAD_BELOW else choices
        self._seconds: dict[int, deque[float]] = {n: deque(maxlen=3) for n in likely_first}
        self._guess = operations / _OPERATIONS_PER_SECOND
        self._worked = self._next_trial = 0.0  # seconds of work: so far, and at the next trial
        if (
            operations * batch_size > _ALL_THREADS_ABOVE
        ):  # a trial takes at least a step, and loses one
            self._next_trial = self._guess * batch_size / _LOSS_SHARE
        self._batch_size = batch_size
        self._trying, self._tried = 0, 0.0  # threads on trial, 0 for none, and seconds
        self._steps = 0  # at most, in the next pass of the trial
        self._trials = dict.fromkeys(likely_first, 0)

    def next_pass(self, samples: int | None = None) -> tuple[int, int]:
        """Return the threads of the next pass, and how many samples it should have.

        Parameters
        ----------
        samples : int, optional
            How many it has, if that is given.
        """
        best = self._best()
        if not self._trying and self._worked >= self._next_trial:
            for threads, seconds in self._seconds.items():
                if not seconds or threads != best:
                    self._trying, self._tried, self._steps = threads, 0.0, _TRIAL_STEPS
                    break
        if self._trying and self._may_try(samples or 0, best):
            some = min(
                int(_TRIAL_SECONDS / self._pace(self._trying)), self._steps * self._batch_size
            )
            return self._trying, samples or some
        return best, samples or int(_PASS_SECONDS / self._pace(best))

    def record(self, threads: int, samples: int, seconds: float, used: int | None = None) -> None:
        """Note how long a pass took.

        Parameters
        ----------
        threads, samples : int
            As requested.
        seconds : float
            Wall-clock time.
        used : int, optional
            How many threads were used, by default as requested.
        """
        self._worked += seconds
        if used is not None and used != threads:  # the others were not available
            if threads == self._trying:
                self._trying, self._next_trial = 0, self._worked + _SECOND_TRIAL
            threads = used
        if threads in self._seconds:
            self._seconds[threads].append(seconds / samples)
        if threads == self._trying:
            self._tried += seconds
            self._steps *= 4
            lost = seconds - samples * self._pace(self._best())
            if self._tried >= _TRIAL_SECONDS or lost > _TRIAL_LOSS:
                self._trying = 0
                self._trials[threads] += 1
                lost = self._tried * (1 - self._pace(self._best()) / self._pace(threads))
                pause = max(lost / _LOSS_SHARE, self._tried / _TRIAL_SHARE)
                if not all(self._seconds.values()):
                    pause = 0.0
                elif self._trials[threads] < 2:  # the first may have been disturbed
                    pause = min(pause, _SECOND_TRIAL)
                self._next_trial = self._worked + pause

    def _may_try(self, samples: int, best: int) -> bool:
        """Return whether a pass of that length is short, or will lose little."""
        pace, known = self._pace(self._trying), bool(self._seconds[self._trying])
        lost = samples * (pace - self._pace(best))
        return samples * pace < _LONGEST_TRIAL_PASS or (known and lost < _LOSS_SHARE * self._worked)

    def _best(self) -> int:
        tried = [threads for threads, seconds in self._seconds.items() if seconds]
        return min(tried or self._seconds, key=self._pace)

    def _pace(self, threads: int) -> float:
        """Return seconds per sample."""
        return min(self._seconds[threads], default=self._guess)
