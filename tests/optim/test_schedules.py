"""Learning-rate schedules: against plain formulas, one step at a time, and against PyTorch."""

import json
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from helpers.ten_samples import X, network, y

import fastgrad as fg
from fastgrad.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    Function,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    Warmup,
)

HORIZON = 100


def cosine(part, first, last):
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * min(part, 1)))


def restarted(t, period, factor):
    while t >= period:
        t, period = t - period, period * factor
    return cosine(t / period, 0.3, 0.01)


def one_cycle(t, steps, warm, first, lr, last):
    top, bottom = warm * steps - 1, steps - 1
    if t <= top:
        return cosine(t / top, first, lr)
    return cosine((t - top) / (bottom - top), lr, last)


def warmed(t, warm, start, after):
    return after(0) * (start + (1 - start) * t / warm) if t < warm else after(t - warm)


#: Each schedule, and its rate of step t in a fit of 100 steps.
CASES = [
    (Constant(0.3), lambda t: 0.3),
    (Step(0.3, 7), lambda t: 0.3 * 0.1 ** (t // 7)),
    (Step(0.3, every=1, gamma=0.5), lambda t: 0.3 * 0.5**t),
    (MultiStep(0.3, [1, 50], 0.5), lambda t: 0.3 * 0.5 ** ((t >= 1) + (t >= 50))),
    (Exponential(0.3, 0.98), lambda t: 0.3 * 0.98**t),
    (Exponential(0.3, gamma=0.5, every=20), lambda t: 0.3 * 0.5 ** (t / 20)),
    (Linear(0.3), lambda t: 0.3 * max(1 - t / 100, 0)),
    (Linear(0.3, steps=40, end=0.1), lambda t: 0.3 - 0.2 * min(t / 40, 1)),
    (Polynomial(0.3, 2), lambda t: 0.3 * max(1 - t / 100, 0) ** 2),
    (Polynomial(0.3, 0.5, 40, 0.1), lambda t: 0.1 + 0.2 * max(1 - t / 40, 0) ** 0.5),
    (Cosine(0.3), lambda t: cosine(t / 100, 0.3, 0)),
    (Cosine(0.3, steps=40, minimum=0.01), lambda t: cosine(t / 40, 0.3, 0.01)),
    (CosineRestarts(0.3, 9, minimum=0.01), lambda t: restarted(t, 9, 1)),
    (CosineRestarts(0.3, 3, factor=3, minimum=0.01), lambda t: restarted(t, 3, 3)),
    (OneCycle(0.3), lambda t: one_cycle(t, 100, 0.3, 0.3 / 25, 0.3, 0.3 / 25e4)),
    (
        OneCycle(0.3, 40, warm=0.5, div_factor=10, final_div_factor=4),
        lambda t: one_cycle(t, 40, 0.5, 0.03, 0.3, 0.0075),
    ),
    (
        Warmup(Cosine(0.3), 10),
        lambda t: warmed(t, 10, 0, lambda k: cosine(k / 90, 0.3, 0)),
    ),
    (
        Warmup(Step(0.3, 20), 7, start=0.25),
        lambda t: warmed(t, 7, 0.25, lambda k: 0.3 * 0.1 ** (k // 20)),
    ),
    (Function(lambda t: 0.3 / (1 + t)), lambda t: 0.3 / (1 + t)),
]


def name_of(value):
    return type(value).__name__


@pytest.mark.parametrize(("schedule", "formula"), CASES, ids=name_of)
def test_the_rates_are_those_of_the_formula(schedule, formula):
    steps = HORIZON + 20  # and what comes after the last step
    expected = [formula(t) for t in range(steps)]
    rates = schedule.rates(0, steps, HORIZON)
    assert (rates.dtype, rates.shape) == (np.float64, (steps,))
    np.testing.assert_allclose(rates, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(schedule.rates(5, 60, HORIZON), rates[5:65])
    assert schedule.rates(5, 0, HORIZON).shape == (0,)
    assert [schedule(t, HORIZON) for t in (0, 6, 7, 99)] == rates[[0, 6, 7, 99]].tolist()


@pytest.mark.parametrize(("schedule", "formula"), CASES, ids=name_of)
@pytest.mark.parametrize("horizon", [0, 1, 2, 3])
def test_the_rates_of_a_short_fit_are_rates(schedule, formula, horizon):
    rates = schedule.rates(0, 5, horizon)
    assert np.isfinite(rates).all()
    assert rates.min() >= 0
    assert rates.max() <= 0.3 * (1 + 1e-15)


def test_restarts_are_found_far_out():
    starts = [(3**n - 1) // 2 * 5 for n in range(20)]  # up to 2.9e9
    schedule = CosineRestarts(0.3, 5, factor=3)
    for start in starts[1:]:
        assert schedule(start) == 0.3
        assert schedule(start - 1) < 0.05


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ours", "name", "options"),
    [
        (Step(0.3, 7, 0.5), "StepLR", {"step_size": 7, "gamma": 0.5}),
        (MultiStep(0.3, [3, 50], 0.5), "MultiStepLR", {"milestones": [3, 50], "gamma": 0.5}),
        (Exponential(0.3, 0.98), "ExponentialLR", {"gamma": 0.98}),
        (Cosine(0.3, minimum=0.01), "CosineAnnealingLR", {"T_max": HORIZON, "eta_min": 0.01}),
        (
            CosineRestarts(0.3, 5, factor=2, minimum=0.01),
            "CosineAnnealingWarmRestarts",
            {"T_0": 5, "T_mult": 2, "eta_min": 0.01},
        ),
        (
            Linear(0.3, 40, end=0.15),
            "LinearLR",
            {"start_factor": 1.0, "end_factor": 0.5, "total_iters": 40},
        ),
        (Polynomial(0.3, 2, 40), "PolynomialLR", {"total_iters": 40, "power": 2}),
        (OneCycle(0.3), "OneCycleLR", {"max_lr": 0.3, "total_steps": HORIZON}),
        (
            OneCycle(0.3, warm=0.55, div_factor=10, final_div_factor=100),
            "OneCycleLR",
            {
                "max_lr": 0.3,
                "total_steps": HORIZON,
                "pct_start": 0.55,
                "div_factor": 10,
                "final_div_factor": 100,
            },
        ),
        (Warmup(Cosine(0.3), 8, start=0.1), "SequentialLR", {"warm": 8, "start": 0.1}),
    ],
    ids=name_of,
)
def test_the_rates_are_those_of_pytorch(ours, name, options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    scheduler = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    if name == "SequentialLR":
        warm = options["warm"]
        up = scheduler.LinearLR(optimizer, options["start"], total_iters=warm)
        down = scheduler.CosineAnnealingLR(optimizer, HORIZON - warm)
        theirs = scheduler.SequentialLR(optimizer, [up, down], milestones=[warm])
    else:
        theirs = getattr(scheduler, name)(optimizer, **options)
    expected = []
    for step in range(HORIZON):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < HORIZON - 1:
            theirs.step()
    np.testing.assert_allclose(ours.rates(0, HORIZON, HORIZON), expected, rtol=1e-10, atol=1e-14)


def test_a_warm_up_is_a_line_up_to_the_first_rate():
    rates = Warmup(Cosine(0.3, minimum=0.01), 50).rates(0, 200, 200)
    np.testing.assert_allclose(np.diff(rates[:51]), 0.3 / 50, rtol=1e-12)
    assert rates[0] == 0
    assert rates[50] == rates.max() == 0.3
    assert (np.diff(rates[50:]) < 0).all()
    np.testing.assert_array_equal(rates[50:], Cosine(0.3, minimum=0.01).rates(0, 150, 150))


# --- bad arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending", [Linear, Cosine, OneCycle, lambda lr, steps=None: Polynomial(lr, 2, steps)]
)
def test_schedules_that_must_end_within_the_fit(ending):
    ending(0.3).check(0, 5000)
    ending(0.3, 5000).check(0, 5000)
    ending(0.3, 10_000).check(5000, 5000)
    ending(0.3, 10_000).check(0, 0)  # a fit without steps
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - all of it is compared
        ending(0.3, 10_000).check(0, 5000)
    assert str(caught.value) == (
        f"{type(ending(0.3)).__name__}: got steps 10000 in a fit that ends at step 5000;"
        " expected at most 5000, or None for the whole fit"
    )


def test_a_warm_up_counts_to_the_end():
    Warmup(Cosine(0.3, 4500), 500).check(0, 5000)
    Warmup(Cosine(0.3), 499).check(0, 500)
    Warmup(0.3, 500).check(0, 100)
    with pytest.raises(ValueError, match=r"Warmup: got steps 500 \+ 4501 .* 5000; expected"):
        Warmup(Cosine(0.3, 4501), 500).check(0, 5000)
    too_long = r"Warmup: got steps 500 \+ None .* 500; expected at most 499 \+ None$"
    with pytest.raises(ValueError, match=too_long):
        Warmup(Cosine(0.3), 500).check(0, 500)


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(0.3),
        Step(0.3, 7),
        MultiStep(0.3, [9000]),
        Exponential(0.3, 0.9),
        CosineRestarts(0.3, 9000),
        Function(lambda t: 0.3),
    ],
    ids=name_of,
)
def test_other_schedules_may_be_longer_than_the_fit(schedule):
    schedule.check(0, 10)


def test_values_that_a_learning_rate_may_have():
    cosine = Cosine(0.3)
    assert fg.schedules.schedule(cosine) is cosine
    assert fg.schedules.schedule(np.float32(0.5)) == fg.schedules.schedule(0.5) == Constant(0.5)
    assert fg.schedules.schedule(lambda t: 1 / (1 + t))(3) == 0.25


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.schedules.schedule("fast"), ["lr", "fast", "fg.schedules.Cosine"]),
        (lambda: fg.schedules.schedule(None), ["lr", "None"]),
        (lambda: fg.schedules.schedule(Cosine), ["lr", "Cosine'>"]),
        (lambda: fg.schedules.schedule(-1), ["lr", "-1", "at least 0"]),
        (lambda: fg.schedules.schedule(float("nan")), ["lr", "nan"]),
        (lambda: fg.schedules.schedule(True), ["lr", "True"]),
        (lambda: Step(0.3, 0), ["every", "0"]),
        (lambda: Step(0.3, 2.5), ["every", "2.5"]),
        (lambda: Step(0.3, 5, gamma=0), ["gamma", "0", "above 0"]),
        (lambda: MultiStep(0.3, 5), ["milestones", "5", "list"]),
        (lambda: MultiStep(0.3, [5, 5]), ["milestones", "[5, 5]", "later"]),
        (lambda: MultiStep(0.3, [0]), ["milestones[0]", "0"]),
        (lambda: Exponential(0.3, None), ["gamma", "None"]),
        (lambda: Linear(0.3, 10, end=-1), ["end", "-1"]),
        (lambda: Polynomial(0.3, 0), ["power", "0"]),
        (lambda: Cosine(0.3, steps=0), ["steps", "0"]),
        (lambda: Cosine(0.3, minimum=math.inf), ["minimum", "inf"]),
        (lambda: Cosine(0.3, minimum=0.4), ["minimum", "0.4", "at most lr, 0.3"]),
        (lambda: CosineRestarts(0.3, 5, minimum=0.4), ["minimum", "0.4", "at most lr, 0.3"]),
        (lambda: CosineRestarts(0.3, None), ["period", "None"]),
        (lambda: CosineRestarts(0.3, 5, factor=1.5), ["factor", "1.5"]),
        (lambda: OneCycle(0.3, warm=1), ["warm", "1", "below 1"]),
        (lambda: OneCycle(0.3, div_factor=0), ["div_factor", "0"]),
        (lambda: Warmup(Cosine(0.3), None), ["steps", "None"]),
        (lambda: Warmup("x", 5), ["schedule", "'x'"]),
        (lambda: Function(0.3), ["f", "0.3", "function"]),
        (lambda: Function(lambda t: -t).rates(0, 3), ["f(1)", "-1"]),
        (lambda: Function(lambda t: math.nan)(7), ["f(7)", "nan"]),
        (lambda: Function(lambda t: None)(7), ["f(7)", "None"]),
        (lambda: Function(math.sqrt).config(), ["sqrt", "saved"]),
        (lambda: Warmup(math.sqrt, 5).config(), ["sqrt", "saved"]),
        (lambda: Cosine(0.3)(5), ["Cosine: got no steps", "steps=1000"]),
        (lambda: Warmup(Linear(0.3), 5)(9), ["Linear: got no steps", "steps=1000"]),
        (lambda: Cosine(0.3).rates(-1, 5, 10), ["first", "-1"]),
        (lambda: Cosine(0.3).rates(0, 1.5, 10), ["count", "1.5"]),
        (lambda: Cosine(0.3).rates(0, 5, -10), ["horizon", "-10"]),
        (lambda: fg.schedules.from_config({"name": "Cosin", "lr": 0.3}), ["Cosin", "'Cosine'"]),
        (lambda: fg.schedules.from_config({"name": "Function"}), ["Function"]),
        (lambda: fg.schedules.from_config({"name": "Cosine", "lr": -1}), ["lr", "-1"]),
        (lambda: fg.schedules.from_config(3), ["config", "3", "mapping"]),
        (lambda: Step(0.3, 2**70), ["every", str(2**70), str(2**63 - 1)]),
    ],
)  # fmt: skip
def test_bad_settings_are_named(make, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    for part in [*parts, "expected"]:
        assert part in message


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"lr": 0.3, "stepz": 3}, "Cosine: got 'stepz'; did you mean 'steps'? expected one of"),
        ({"steps": 3}, "Cosine: got no lr; expected a value for it"),
        ({"lr": "x"}, "lr: got 'x'; expected a finite number"),
        ({"lr": 0.3, "steps": [3]}, "steps: got [3]; expected an integer"),
        ({"name": "Warmup", "steps": 3, "schedule": "x"}, "schedule: got 'x'; expected a number"),
    ],
)
def test_bad_numbers_in_a_config(numbers, message):
    with pytest.raises(ValueError, match="expected") as caught:
        fg.schedules.from_config({"name": "Cosine", **numbers})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("use", ["step", "stream"])
def test_a_schedule_without_a_length_needs_steps(use):
    X, net = np.ones((8, 2)), fg.Network([2, 1], seed=0)
    before, optimizer = net.parameters.copy(), fg.SGD(Warmup(Cosine(0.3), 2))
    calls = {
        "step": lambda: [net.step(X, X[:, 0], optimizer) for _ in range(3)],
        "stream": lambda: net.fit_stream([(X, X[:, 0])], optimizer=optimizer),
    }
    with pytest.raises(ValueError, match=r"^Cosine: got no steps, .*expected Cosine\(.*steps=1000"):
        calls[use]()
    assert np.array_equal(net.parameters, before)


def test_schedules_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Cosine(0.3).lr = 0.1


# --- saved -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule", [case[0] for case in CASES if not isinstance(case[0], Function)], ids=repr
)
def test_a_schedule_comes_back_from_json(schedule):
    written = json.dumps(schedule.config())
    assert fg.schedules.from_config(json.loads(written)) == schedule


def test_numbers_of_numpy_can_be_saved():
    schedule = Cosine(np.float32(0.5), np.int64(7))
    assert json.loads(json.dumps(schedule.config())) == {
        "name": "Cosine", "lr": 0.5, "steps": 7, "minimum": 0.0,
    }  # fmt: skip


def test_every_schedule_has_a_test():
    assert {type(schedule) for schedule, _ in CASES} == {*SCHEDULES.values(), Function}


@pytest.mark.parametrize("rate", [0.1, lambda step: 0.1])
def test_a_schedule_may_be_set_as_it_is_given(rate):
    net, expected, optimizer = network(), network(), fg.SGD(0.5)
    optimizer.schedule = rate
    net.fit(X, y, epochs=1, optimizer=optimizer)
    expected.fit(X, y, epochs=1, optimizer=fg.SGD(0.1))
    assert np.array_equal(net.parameters, expected.parameters)
