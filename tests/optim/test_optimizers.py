"""Every update rule over many steps, against the oracle and PyTorch."""

import pickle

import numpy as np
import pytest
from helpers import oracle_optimizers
from helpers.comparison import assert_same_parameters, parameters
from helpers.oracle import Oracle
from helpers.run_mode import PLAIN, jitted_only
from helpers.torch_twin import TorchTwin, random_batches

import fastgrad as fg
from fastgrad.kernels.update_rules import CONSTANTS, HYPERPARAMETERS, RULE_MEMORY, RULES
from fastgrad.optim.base import Optimizer

STEPS = 7 if PLAIN else 100  # RAdam is rectified from the sixth
HIDDEN = 2 if PLAIN else 17
SETTINGS = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.02, "momentum": 0.9}),
    ("SGD", {"lr": 0.02, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.02, "momentum": 0.7, "nesterov": True}),
    ("SGD", {"lr": 0.02, "momentum": 0.7, "nesterov": True, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 1e-3, "momentum": 0.9}),
    ("RMSprop", {"lr": 1e-3, "centered": True}),
    ("RMSprop", {"lr": 1e-3, "centered": True, "momentum": 0.7, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.6), "amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "betas": (0.8, 0.6), "weight_decay": 0.2, "amsgrad": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.01, "momentum_decay": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01, "betas": (0.9, 0.5)}),  # never rectified
    ("Lion", {}),
    ("Lion", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.02, "etas": (0.7, 1.1), "step_sizes": (0.01, 0.03)}),
]
NAMES = list(dict.fromkeys(name for name, _ in SETTINGS))
SETTINGS_OF_PYTORCH = [setting for setting in SETTINGS if setting[0] != "Lion"]


def network(dtype="float64"):
    return fg.Network([5, HIDDEN, 3], "tanh", cost="mse", dtype=dtype, seed=0)


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_a_hundred_steps_equal_the_oracle(name, options, rng):
    net = network()
    expected = Oracle.of(net)
    ours, theirs = getattr(fg, name)(**options), getattr(oracle_optimizers, name)(**options)
    for step in range(STEPS):
        S = 1 + step % 20
        x, y = rng.normal(size=(S, 5)), rng.normal(size=(S, 3))
        net.step(x, y, ours)
        expected.step(x, y, theirs)
    assert_same_parameters(net, expected, 1e-10)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_updates_as_many_parameters_as_it_is_given(name, rng):
    arrays = w, _, *slots = np.zeros((5, 9))
    arrays[1][:] = rng.normal(size=9)
    c = np.zeros(CONSTANTS)
    RULES[name].prepare(np.full(HYPERPARAMETERS, 0.5), np.zeros(RULE_MEMORY), c, 1)
    RULES[name].update(*arrays, c, 7)
    assert (w != 0).tolist() == [True] * 7 + [False] * 2
    assert not np.any(slots, axis=0)[7:].any()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_pickled_by_its_name(name):
    assert pickle.loads(pickle.dumps(RULES[name])) is RULES[name]


@pytest.fixture
def torch():
    """PyTorch in float64; NAdam's product of mu would else be float32."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "options"), SETTINGS_OF_PYTORCH)
def test_a_hundred_steps_equal_pytorch(name, options, torch, rng):
    net = network()
    twin = TorchTwin(torch, net)
    ours = getattr(fg, name)(**options)
    theirs = getattr(torch.optim, name)(twin.parameters, **options)
    for x, y in random_batches(rng, STEPS, 5, 3):
        net.step(x, y, ours)
        twin.differentiate(x, y)
        theirs.step()
    assert_same_parameters(net, twin, 1e-10)


@jitted_only
@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_float32_is_near(name, options, rng):
    net = network("float32")
    expected = Oracle.of(net)
    ours, theirs = getattr(fg, name)(**options), getattr(oracle_optimizers, name)(**options)
    for _ in range(8):
        x, y = rng.normal(size=(16, 5)), rng.normal(size=(16, 3))
        net.step(x, y, ours)
        expected.step(x, y, theirs)
    assert_same_parameters(net, expected, 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_each_step_takes_the_learning_rate_that_is_set(name, rng):
    net = network()
    expected = Oracle.of(net)
    ours, theirs = getattr(fg, name)(), getattr(oracle_optimizers, name)()
    for step in range(10):
        ours.lr = theirs.lr = 0.01 / (1 + step)
        x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
        net.step(x, y, ours)
        expected.step(x, y, theirs)
    assert_same_parameters(net, expected, 1e-10)


def test_a_constant_gradient_has_no_negative_variance(rng):
    net = fg.Network([16, 1], cost="mae", dtype="float32", seed=0)
    X = np.repeat(rng.normal(size=(1, 16)), 1000, axis=0)
    optimizer = fg.RMSprop(1e-6, alpha=0.9, centered=True)
    with pytest.warns(RuntimeWarning, match="standardize_targets"):
        net.fit(X, np.full(1000, 1e6), epochs=1, batch_size=1, optimizer=optimizer)
    assert np.isfinite(net.layers[0].W).all()


def test_optimizers_do_not_share_their_state(rng):
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    used = fg.Adam(0.01)
    network().step(x, y, used)
    first, second = network(), network()
    first.step(x, y, fg.Adam(0.01))
    second.step(x, y, fg.Adam(0.01))
    assert all(np.array_equal(p.W, q.W) for p, q in zip(first.layers, second.layers, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_keeps_a_state_for_each_network(name, rng):
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    shared, *ours = (getattr(fg, name)(0.01) for _ in range(3))
    first, second = [network(), network()], [network(), network()]
    for _ in range(3):
        for net, own, k in zip(first, ours, (0, 1), strict=True):
            net.step(x, (k + 1) * y, own)
        for k, net in enumerate(second):
            net.step(x, (k + 1) * y, shared)
    for net, other in zip(first, second, strict=True):
        assert np.array_equal(net.layers[0].W, other.layers[0].W)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.SGD(-0.1), ["lr", "-0.1"]),
        (lambda: fg.SGD(float("nan")), ["lr", "nan"]),
        (lambda: fg.SGD(float("inf")), ["lr", "inf"]),
        (lambda: fg.SGD("fast"), ["lr", "fast"]),
        (lambda: fg.SGD(0.1, momentum=-0.5), ["momentum", "-0.5"]),
        (lambda: fg.SGD(0.1, momentum=1.5), ["momentum", "1.5"]),
        (lambda: fg.SGD(0.1, nesterov=True), ["nesterov", "momentum"]),
        (lambda: fg.SGD(0.1, 0.9, True, dampening=0.1), ["nesterov", "dampening", "0.1"]),
        (lambda: fg.SGD(0.1, 0.9, dampening="some"), ["dampening", "some"]),
        (lambda: fg.SGD(0.1, dampening=0.1), ["dampening", "0.1", "a momentum above 0"]),
        (lambda: fg.SGD(0.1, weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.Adagrad(lr_decay=-1), ["lr_decay", "-1"]),
        (lambda: fg.Adagrad(weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.Adagrad(initial_accumulator_value=-1), ["initial_accumulator_value", "-1"]),
        (lambda: fg.Adagrad(eps=0), ["eps", "0"]),
        (lambda: fg.Adadelta(rho=1.5), ["rho", "1.5"]),
        (lambda: fg.Adadelta(eps=-1), ["eps", "-1"]),
        (lambda: fg.Adadelta(weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.RMSprop(alpha=-0.1), ["alpha", "-0.1"]),
        (lambda: fg.RMSprop(eps=-1), ["eps", "-1"]),
        (lambda: fg.RMSprop(weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.RMSprop(momentum=float("nan")), ["momentum", "nan"]),
        (lambda: fg.Adam(-1e-3), ["lr", "-0.001"]),
        (lambda: fg.Adam(betas=(0.9, 1.0)), ["betas", "1.0"]),
        (lambda: fg.Adam(betas=(-0.1, 0.9)), ["betas", "-0.1"]),
        (lambda: fg.Adam(betas=0.9), ["betas", "float"]),
        (lambda: fg.Adam(eps=-1e-8), ["eps", "-1e-08"]),
        (lambda: fg.Adam(weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.AdamW(weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.NAdam(momentum_decay=-1), ["momentum_decay", "-1"]),
        (lambda: fg.NAdam(betas=(0.9,)), ["betas", "1"]),
        (lambda: fg.RAdam(betas=(0.9, 2)), ["betas[1]", "2"]),
        (lambda: fg.Lion(betas=(1, 0.9)), ["betas[0]", "1"]),
        (lambda: fg.Lion(weight_decay=-1), ["weight_decay", "-1"]),
        (lambda: fg.SGD(10**400), ["lr", "10000"]),
        (lambda: fg.Rprop(fg.schedules.Cosine(0.1)), ["lr", "Cosine", "a finite number"]),
        (lambda: fg.Rprop(lambda t: 0.1), ["lr", "function", "a finite number"]),
        (lambda: fg.Rprop(etas=(1.2, 0.5)), ["etas[0]", "1.2"]),
        (lambda: fg.Rprop(etas=(0.5, 0.9)), ["etas[1]", "0.9"]),
        (lambda: fg.Rprop(step_sizes=(-1, 1)), ["step_sizes[0]", "-1"]),
        (lambda: fg.Rprop(step_sizes=(1, 0.1)), ["step_sizes[1]", "0.1"]),
        (lambda: fg.SGD(0.1, 0.9, nesterov="no"), ["nesterov", "'no'", "True or False"]),
        (lambda: fg.Adam(amsgrad="no"), ["amsgrad", "'no'", "True or False"]),
        (
            lambda: fg.NAdam(decoupled_weight_decay=2),
            ["decoupled_weight_decay", "2", "True or False"],
        ),
        (lambda: fg.RMSprop(centered="no"), ["centered", "'no'", "True or False"]),
        (lambda: fg.Adam().clip(norm=True), ["norm", "True"]),
        (lambda: setattr(fg.Adam(), "schedule", "fast"), ["lr", "'fast'", "a schedule such as"]),
    ],
)
def test_bad_settings_are_named(make, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    for part in [*parts, "expected"]:
        assert part in message


@pytest.mark.parametrize(
    ("make", "name", "value", "expected"),
    [
        (fg.Rprop, "schedule", fg.schedules.Cosine(1.0), "Cosine.*a finite number at least 0"),
        (fg.Rprop, "schedule", lambda t: 0.1, "function.*a finite number at least 0"),
        (fg.Rprop, "lr", -1.0, "-1.0; expected a finite number at least 0"),
        (fg.LBFGS, "schedule", fg.schedules.Linear(1.0, steps=2), "Linear.*a finite number above"),
        (fg.LBFGS, "schedule", 0, "0.0; expected a finite number above 0"),
        (fg.LBFGS, "lr", 0.0, "0.0; expected a finite number above 0"),
    ],
)
def test_bad_learning_rates_cannot_be_assigned(make, name, value, expected):
    optimizer = make(0.5)
    with pytest.raises((ValueError, TypeError), match=rf"^lr: got .*{expected}"):
        setattr(optimizer, name, value)
    assert (optimizer.lr, optimizer.schedule) == (0.5, fg.schedules.Constant(0.5))
    setattr(optimizer, name, 0.25)
    assert optimizer.schedule(0) == 0.25


@pytest.mark.parametrize("use", ["fit", "step", "stream"])
def test_rprop_has_no_rate_that_a_layer_could_scale(use, rng):
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    net, optimizer = network(), fg.Rprop()
    net.layers[1].lr_scale = 0.5
    before = net.parameters.copy()
    calls = {
        "fit": lambda: net.fit(x, y, optimizer=optimizer),
        "step": lambda: net.step(x, y, optimizer),
        "stream": lambda: net.fit_stream([(x, y)], optimizer=optimizer),
    }
    with pytest.raises(ValueError, match=r"^optimizer: got Rprop with an lr_scale other than 1"):
        calls[use]()
    assert np.array_equal(net.parameters, before)
    net.layers[1].lr_scale = 1
    calls[use]()
    assert not np.array_equal(net.parameters, before)


def test_an_optimizer_shows_its_class_and_learning_rate():
    assert repr(fg.Adam(1e-3)) == "Adam(lr=0.001)"
    falling = fg.SGD(fg.schedules.Step(0.1, every=5), momentum=0.9)
    assert repr(falling) == "SGD(lr=Step(lr=0.1, every=5, gamma=0.1))"
    falling.lr = 0.5
    assert repr(falling) == "SGD(lr=0.5)"


def test_before_a_step_the_rate_is_that_of_a_long_fit():
    rising = fg.schedules.Warmup(fg.schedules.OneCycle(1.0), steps=1000, start=0.5)
    assert fg.Adam(rising).lr == pytest.approx(0.5 / 25, rel=1e-12)


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_the_settings_are_those_that_were_given(name, options):
    pairs = {
        "betas": ("beta1", "beta2"),
        "etas": ("shrink", "grow"),
        "step_sizes": ("least", "most"),
    }
    given = {}
    for key, value in options.items():
        if key in pairs:
            given |= dict(zip(pairs[key], value, strict=True))
        elif key not in {"amsgrad", "centered", "nesterov"}:  # these choose the rule
            given[key] = value
    assert getattr(fg, name)(**options).settings.items() >= given.items()


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_a_learning_rate_of_0_changes_nothing(name, options, rng):
    least = {"step_sizes": (0.0, 1.0)} if name == "Rprop" else {}  # else a step is never 0
    optimizer = getattr(fg, name)(**{**options, "lr": 0, **least})
    net = fg.Network([3, 4, 2], activations="tanh", cost="mse", seed=0)
    before = parameters(net)
    net.fit(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), epochs=2, optimizer=optimizer)
    for array, was in zip(parameters(net), before, strict=True):
        assert np.array_equal(array, was)


def test_adam_with_eps_at_the_uncorrected_root(rng):
    """The faster order of computation at the end of section 2 of the paper."""
    net = network()
    ours = Optimizer(
        0.01, RULES["adam_eps_hat"], beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0, decoupled=0
    )
    w, m, v = net.parameters.copy(), 0, 0
    for t in range(1, STEPS + 1):
        x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
        g, gradients = np.zeros_like(w), net.gradients(x, y)
        for (W, b), dC_dW, dC_db in zip(
            net.engine.workspace.views(g), gradients.dC_dW, gradients.dC_db, strict=True
        ):
            W[:], b[:] = dC_dW, dC_db
        net.step(x, y, ours)
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        rate = 0.01 * np.sqrt(1 - 0.95**t) / (1 - 0.8**t)
        w = w - rate * m / (np.sqrt(v) + 1e-3)
        assert np.allclose(net.parameters, w, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: fg.SGD(0.1).clip(norm=1),
        lambda: fg.Adam(0.1),
        lambda: fg.RMSprop(0.1, alpha=0.999, eps=1e-8),
    ],
    ids=["clip", "Adam", "RMSprop"],
)
def test_squares_beyond_float32_do_not_stop_a_step(optimizer, batch_size):
    net = fg.Network([1, 1], cost="mae", dtype="float32", seed=0)
    before = net.layers[0].W.copy()
    net.fit(np.full((4, 1), 1e20), np.zeros(4), 1, batch_size, optimizer())
    assert 0.05 < np.abs(net.layers[0].W - before)[0, 0] < 20


def test_max_norm_of_squares_beyond_float32():
    net = fg.Network([2, 1], cost="mae", dtype="float32", seed=0, max_norm=1.0)
    net.layers[0].W[:] = 3e20, 4e20
    net.fit(np.zeros((4, 2)), np.zeros(4), 1, 4, fg.SGD(0.1))
    np.testing.assert_allclose(net.layers[0].W, [[0.6, 0.8]], rtol=1e-6)
