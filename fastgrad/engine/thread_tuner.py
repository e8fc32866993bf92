"""One thread or all, by measurement: whichever has been faster recently."""

from collections import deque

_TRIAL_SECONDS = 0.010  # long compared with waking a thread, short compared with a fit
# Where the processors are busy, threads wait milliseconds for each other: the first pass of a trial
# is short, each further one four times as long, and one that loses more than this ends the trial.
_TRIAL_STEPS, _TRIAL_LOSS = 1, 0.002
_LONGEST_TRIAL_PASS = 0.020  # seconds of a pass of given length, beyond which it is no trial
_PASS_SECONDS = 0.070  # so that Python runs, and handles interrupts, every 50 to 100 ms
_SOON = 0.020  # the same while a trial is due and waits for the budget
_LOSS_SHARE = 0.01  # of all time that may be lost by trying the slower choice again,
_TRIAL_SHARE = 0.1  # and that trials may take, even if nothing is lost
_OPERATIONS_PER_SECOND = 1e11  # until something has been measured
_ALL_THREADS_ABOVE = 3e8  # operations per step, about a millisecond: all are faster if undisturbed
_SECOND_TRIAL = 0.2  # seconds of work, at most, until a choice that was tried once is tried again
_BUDGET_SHARE = 0.1  # of the work of all networks that their trials of several threads may lose
_FIRST_LOSS = 0.010  # seconds that the first trial in a process may lose, where processors are few
_CLEARLY = 1.4  # times as fast, one thread is used where more were requested,
_FIRST_DOUBT = 0.03  # seconds of work after which it is tried
_MOST_LOSS = 0.050  # a trial that loses more was stopped by something else


class TrialBudget:
    """What trials of several threads may lose, for all networks of a process together.

    Many a fit takes less time than one trial does on busy processors. So the first network begins
    on one thread; others try all at once if that was good for the one before.
    """

    def __init__(self) -> None:
        self._worked = self._lost = 0.0
        self._expected = _FIRST_LOSS

    def allows_a_trial(self) -> bool:
        """Return whether one that loses as much as the last would be within the budget."""
        return self._lost + self._expected <= _BUDGET_SHARE * self._worked

    def record_work(self, seconds: float) -> None:
        """Note how long a pass took."""
        self._worked += seconds

    def record_trial(self, lost: float) -> None:
        """Note how many seconds a trial has lost."""
        self._expected = min(lost, _MOST_LOSS)
        self._lost += self._expected


_budget = TrialBudget()


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
    is_requested : bool, default False
        Whether the largest number was requested: then it is used from the beginning, and for as
        long as one thread is not clearly faster, as where other programs want the processors.
    budget : TrialBudget
        What trials may lose; by default that of the process.
    """

    def __init__(
        self,
        choices: tuple[int, ...],
        operations: float,
        batch_size: int,
        is_requested: bool = False,
        budget: TrialBudget = _budget,
    ) -> None:
        self._seconds: dict[int, deque[float]] = {n: deque(maxlen=3) for n in choices}
        self._guess = operations / _OPERATIONS_PER_SECOND
        self._worked = self._next_trial = 0.0  # seconds of work: so far, and at the next trial
        self._likely, self._requested = choices[0], choices[-1] if is_requested else None
        if is_requested:
            self._likely, self._next_trial = choices[-1], _FIRST_DOUBT
        elif operations * batch_size > _ALL_THREADS_ABOVE:
            self._likely = choices[-1]
            # a trial takes at least a step, and loses one
            self._next_trial = self._guess * batch_size / _LOSS_SHARE
        self._batch_size, self._budget = batch_size, budget
        self._trying, self._tried = 0, 0.0  # threads on trial, 0 for none, and seconds
        self._steps = 0  # at most, in the next pass of the trial
        self._trials = dict.fromkeys(choices, 0)

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
                if (not seconds or threads != best) and self._affords(threads):
                    self._trying, self._tried, self._steps = threads, 0.0, _TRIAL_STEPS
                    break
        if self._trying and self._may_try(samples or 0, best):
            some = min(
                int(_TRIAL_SECONDS / self._pace(self._trying)), self._steps * self._batch_size
            )
            return self._trying, samples or some
        is_due = self._worked >= self._next_trial
        return best, samples or int((_SOON if is_due else _PASS_SECONDS) / self._pace(best))

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
        if len(self._seconds) > 1:
            self._budget.record_work(seconds)
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
                if threads > 1:
                    self._budget.record_trial(lost)
                pause = max(lost / _LOSS_SHARE, self._tried / _TRIAL_SHARE)
                if not all(self._seconds.values()):
                    pause = 0.0
                elif self._trials[threads] < 2:  # the first may have been disturbed
                    pause = min(pause, _SECOND_TRIAL)
                self._next_trial = self._worked + pause

    def _affords(self, threads: int) -> bool:
        return threads in {1, self._likely} or self._budget.allows_a_trial()

    def _may_try(self, samples: int, best: int) -> bool:
        """Return whether a pass of that length is short, or will lose little."""
        pace, known = self._pace(self._trying), bool(self._seconds[self._trying])
        lost = samples * (pace - self._pace(best))
        return samples * pace < _LONGEST_TRIAL_PASS or (known and lost < _LOSS_SHARE * self._worked)

    def _best(self) -> int:
        tried = [threads for threads, seconds in self._seconds.items() if seconds]
        return min(tried, key=self._compared, default=self._likely)

    def _compared(self, threads: int) -> float:
        """Return what to compare: the pace, in favour of the number that was requested."""
        return self._pace(threads) * (1 if threads == self._requested else _CLEARLY)

    def _pace(self, threads: int) -> float:
        """Return seconds per sample: of three passes the middle one, of two the faster one."""
        seconds = sorted(self._seconds[threads])
        return seconds[(len(seconds) - 1) // 2] if seconds else self._guess
