"""How many threads take part in a pass: one or all, whichever has lately been faster."""

from collections import deque

_TRIAL_SECONDS = 0.010  # long against the time in which a thread wakes up, short against the fit
# Where their processors are busy, threads take milliseconds to meet: a trial's first pass is short,
# each further one four times as long, and one that loses more than this is the last.
_TRIAL_STEPS, _TRIAL_LOST = 4, 0.002
_TRIAL_MOST = 0.020  # a pass that cannot be cut is no trial if it takes longer than that
_PASS_SECONDS = 0.070  # so that Python runs, and an interrupt is seen, every 50 to 100 ms
_LOST_SHARE = 0.01  # of the time, at most, is lost by trying the slower one again,
_TRIALS_SHARE = 0.1  # and at most so much spent, even if nothing is lost
_OPERATIONS_A_SECOND = 1e11  # until something was measured
_ALONE_BELOW = 1e6  # operations a step that one thread probably does as fast
_TOGETHER_ABOVE = 3e8  # operations a step, about a millisecond, that all do faster unless disturbed
_SECOND_LOOK = 0.2  # seconds of work, at most, until what was tried but once is tried again


class Crew:
    """Tries one thread and all on the work itself, whose results do not depend on their number.

    What threads need to hear of each other differs tenfold between machines and, on a shared one,
    from minute to minute. So the faster one is not guessed from the sizes, and the slower one is
    tried again from time to time.

    Parameters
    ----------
    choices : tuple of int
        Numbers of threads, the smallest first.
    operations : float
        Multiplications and additions for each sample.
    batch : int
        Samples between which all threads meet.
    """

    def __init__(self, choices: tuple[int, ...], operations: float, batch: int) -> None:
        likely_first = choices[::-1] if operations * batch > _ALONE_BELOW else choices
        self._seconds: dict[int, deque[float]] = {n: deque(maxlen=3) for n in likely_first}
        self._guess = operations / _OPERATIONS_A_SECOND
        self._worked = self._next_trial = 0.0  # seconds of work, so far and then
        if operations * batch > _TOGETHER_ABOVE:  # a trial is a step at least, and loses about one
            self._next_trial = self._guess * batch / _LOST_SHARE
        self._batch = batch
        self._trying, self._tried = 0, 0.0  # threads on trial, 0 for none, and for how long
        self._steps = 0  # that its next pass has at most
        self._trials = dict.fromkeys(likely_first, 0)

    def turn(self, samples: int | None = None) -> tuple[int, int]:
        """Threads for the next pass, and how many samples it should have.

        Parameters
        ----------
        samples : int, optional
            How many it has; None: as many as the crew likes.
        """
        best = self._best()
        if not self._trying and self._worked >= self._next_trial:
            for threads, seconds in self._seconds.items():
                if not seconds or threads != best:
                    self._trying, self._tried, self._steps = threads, 0.0, _TRIAL_STEPS
                    break
        if self._trying and self._may_try(samples or 0, best):
            some = min(int(_TRIAL_SECONDS / self._pace(self._trying)), self._steps * self._batch)
            return self._trying, samples or some
        return best, samples or int(_PASS_SECONDS / self._pace(best))

    def record(self, threads: int, samples: int, seconds: float, used: int | None = None) -> None:
        """Note how long a pass took.

        Parameters
        ----------
        threads, samples : int
            As they were to be.
        seconds : float
            On the clock.
        used : int, optional
            How many threads there were; as many as there were to be, unless given.
        """
        self._worked += seconds
        if used not in {None, threads}:  # the others were not to be had: this tells nothing of them
            if threads == self._trying:
                self._trying, self._next_trial = 0, self._worked + _SECOND_LOOK
            threads = used or 1
        if threads in self._seconds:
            self._seconds[threads].append(seconds / samples)
        if threads == self._trying:
            self._tried += seconds
            self._steps *= 4
            lost = seconds - samples * self._pace(self._best())
            if self._tried >= _TRIAL_SECONDS or lost > _TRIAL_LOST:
                self._trying = 0
                self._trials[threads] += 1
                lost = self._tried * (1 - self._pace(self._best()) / self._pace(threads))
                pause = max(lost / _LOST_SHARE, self._tried / _TRIALS_SHARE)
                if not all(self._seconds.values()):
                    pause = 0.0
                elif self._trials[threads] < 2:  # something may have come between
                    pause = min(pause, _SECOND_LOOK)
                self._next_trial = self._worked + pause

    def _may_try(self, samples: int, best: int) -> bool:
        """Whether a pass of that length is short, or what it will lose is little."""
        pace, known = self._pace(self._trying), bool(self._seconds[self._trying])
        lost = samples * (pace - self._pace(best))
        return samples * pace < _TRIAL_MOST or (known and lost < _LOST_SHARE * self._worked)

    def _best(self) -> int:
        tried = [threads for threads, seconds in self._seconds.items() if seconds]
        return min(tried or self._seconds, key=self._pace)

    def _pace(self, threads: int) -> float:
        """Seconds a sample."""
        return min(self._seconds[threads], default=self._guess)
