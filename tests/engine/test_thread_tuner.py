"""The choice between one thread and all, with a simulated clock."""

import pytest

from fastgrad.engine.thread_tuner import ThreadTuner, TrialBudget

OPERATIONS, BATCH = 1e5, 64


class Fit:
    """Passes whose seconds per sample depend on the threads; sums the seconds of each choice."""

    def __init__(self, **options):
        self.tuner = ThreadTuner(
            **{"choices": (1, 4), "operations": OPERATIONS, "batch_size": BATCH}
            | {"budget": TrialBudget()}
            | options
        )
        self.spent = {1: 0.0, 4: 0.0}
        self.samples = 0

    def work(self, pace, passes, samples=None):
        for _ in range(passes):
            threads, ahead = self.tuner.next_pass(samples)
            seconds = ahead * pace[threads]
            self.tuner.record(threads, ahead, seconds)
            self.spent[threads] += seconds
            self.samples += ahead


@pytest.mark.parametrize("faster", [1, 4])
def test_trying_the_slower_choice_costs_less_than_5_percent(faster):
    pace = {1: 2e-6, 4: 2e-6, faster: 1e-6}
    fit = Fit()
    fit.work(pace, 200)
    assert sum(fit.spent.values()) < 1.05 * fit.samples * pace[faster]
    assert min(fit.spent.values()) > 0  # the other was tried


def test_it_follows_a_machine_that_changes():
    fit = Fit()
    fit.work({1: 1e-6, 4: 2e-6}, 50)
    before = dict(fit.spent)
    fit.work({1: 1e-6, 4: 3e-7}, 200)
    assert fit.spent[4] - before[4] > 0.9 * (sum(fit.spent.values()) - sum(before.values()))


@pytest.mark.parametrize("operations", [OPERATIONS, 1e3])  # all threads or one are tried first
def test_a_disturbed_first_trial_is_soon_corrected(operations):
    fit = Fit(operations=operations)
    fit.work({1: 2e-6, 4: 8e-6}, 2)
    fit.work({1: 2e-6, 4: 1e-6}, 5)  # 0.35 s
    before = dict(fit.spent)
    fit.work({1: 2e-6, 4: 1e-6}, 20)
    assert fit.spent[4] - before[4] > 10 * (fit.spent[1] - before[1])


@pytest.mark.parametrize("stall", [0.05, 0.4])
def test_a_stall_in_the_first_trial_is_soon_corrected(stall):
    fit = Fit(operations=1e3)  # one thread is tried first
    pace = {1: 2e-6, 4: 1e-6}
    while (choice := fit.tuner.next_pass())[0] == 1:
        fit.tuner.record(*choice, choice[1] * pace[1])
    threads, ahead = choice
    fit.tuner.record(threads, ahead, ahead * pace[4] + stall)
    fit.work(pace, 40)  # 2 s or more
    before = dict(fit.spent)
    fit.work(pace, 40)
    assert fit.spent[4] - before[4] > 10 * (fit.spent[1] - before[1])


def test_a_trial_with_a_slow_barrier_ends_at_once():
    fit = Fit()
    pace = {1: 2e-6, 4: 2e-5}  # of 64 samples a step, 1.3 ms
    fit.work(pace, 30)
    assert 0 < fit.spent[4] < 0.02 * fit.spent[1]


def test_a_single_disturbance_changes_nothing():
    fit = Fit()
    fit.work({1: 2e-6, 4: 1e-6}, 20)
    fit.work({1: 2e-6, 4: 4e-6}, 1)
    before = fit.spent[1]
    fit.work({1: 2e-6, 4: 1e-6}, 20)
    assert fit.spent[1] - before < 0.05 * fit.spent[4]


def test_long_passes_are_no_trials():
    fit = Fit(batch_size=1_000_000)
    fit.work({1: 1e-6, 4: 2e-6}, 10, samples=1_000_000)
    assert fit.spent[1] == 0


def test_a_disturbed_trial_of_long_passes_is_corrected():
    fit = Fit()
    fit.work({1: 12e-6, 4: 7e-6}, 1, samples=1000)
    fit.work({1: 12e-6, 4: 25e-6}, 1, samples=1000)  # longer than a trial may be
    fit.work({1: 12e-6, 4: 7e-6}, 100, samples=1000)
    before = dict(fit.spent)
    fit.work({1: 12e-6, 4: 7e-6}, 200, samples=1000)
    assert fit.spent[4] - before[4] > 5 * (fit.spent[1] - before[1])


def test_long_steps_use_all_threads_until_a_trial_is_cheap():
    fit = Fit(operations=1e7)
    fit.work({1: 1e-4, 4: 2e-4}, 5)
    assert fit.spent[1] == 0
    fit.work({1: 1e-4, 4: 2e-4}, 100)  # disturbed: one thread is faster
    before = fit.spent[4]
    fit.work({1: 1e-4, 4: 2e-4}, 100)
    assert fit.spent[4] - before < 0.05 * fit.spent[1]


def test_a_requested_number_of_threads_is_used():
    tuner = ThreadTuner((3,), OPERATIONS, BATCH)
    assert {tuner.next_pass()[0] for _ in range(5)} == {3}


def test_a_pass_is_recorded_under_the_threads_used():
    fit = Fit()
    pace = {1: 2e-6, 4: 1e-6}
    fit.work(pace, 20)  # all threads are faster
    for _ in range(20):  # another network has them
        threads, ahead = fit.tuner.next_pass()
        fit.tuner.record(threads, ahead, ahead * pace[1], used=1)
    before = dict(fit.spent)
    fit.work(pace, 20)
    assert fit.spent[1] - before[1] < 0.05 * (fit.spent[4] - before[4])


def test_a_trial_without_available_threads_ends():
    tuner = ThreadTuner((1, 4), OPERATIONS, BATCH, budget=TrialBudget())
    choices = []
    for _ in range(30):
        choices.append(tuner.next_pass())
        tuner.record(*choices[-1], choices[-1][1] * 2e-6, used=1)
    assert 4 in {threads for threads, _ in choices}
    assert sum(samples for threads, samples in choices if threads == 4) < 0.05 * sum(
        samples for _, samples in choices
    )


def test_a_requested_number_of_threads_may_be_unavailable():
    tuner = ThreadTuner((3,), OPERATIONS, BATCH)
    tuner.record(*tuner.next_pass(), 0.1, used=1)
    assert tuner.next_pass()[0] == 3


@pytest.mark.parametrize("networks", [1, 20])
def test_short_fits_on_busy_processors_lose_little(networks):
    budget = TrialBudget()
    one = spent = 0.0
    for _ in range(networks):
        fit = Fit(budget=budget)
        while fit.samples < 15_000:  # 30 ms on one thread
            threads, ahead = fit.tuner.next_pass()
            steps = -(-ahead // BATCH)
            seconds = 2e-6 * ahead if threads == 1 else 6e-3 * steps
            fit.tuner.record(threads, ahead, seconds)
            fit.samples += ahead
            one, spent = one + 2e-6 * ahead, spent + seconds
    assert spent < 1.5 * one


def test_a_network_tries_all_threads_soon_if_the_one_before_gained():
    budget = TrialBudget()
    pace = {1: 2e-6, 4: 1e-6}
    first, second = Fit(budget=budget), Fit(budget=budget)
    first.work(pace, 20)
    second.work(pace, 12)
    assert second.spent[1] < 0.02
    assert second.spent[4] > 0.2


def test_a_requested_number_is_used_while_it_is_not_much_slower():
    fit = Fit(is_requested=True)
    fit.work({1: 1e-6, 4: 1.3e-6}, 100)
    assert fit.spent[4] > 0.9 * sum(fit.spent.values())
    assert fit.spent[1] > 0


def test_a_requested_number_is_left_where_the_processors_are_busy_and_taken_again():
    fit = Fit(is_requested=True)
    fit.work({1: 1e-6, 4: 6e-6}, 100)
    busy = sum(fit.spent.values())
    assert fit.spent[1] > 0.8 * busy
    fit.work({1: 1e-6, 4: 5e-7}, 300)
    assert fit.spent[4] > 0.7 * (sum(fit.spent.values()) - busy)
