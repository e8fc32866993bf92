"""SGD and Adam over many steps, against the oracle and PyTorch."""

import numpy as np
import oracle
import pytest
from conftest import PLAIN, assert_same_parameters, parameters
from oracle import Oracle

import fastgrad as fg

STEPS = 10 if PLAIN else 100
SETTINGS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.02, "momentum": 0.9}),
    ("SGD", {"lr": 0.02, "momentum": 0.7, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3}),
]


def network():
    return fg.Network([5, 17, 3], "tanh", cost="squared_error", dtype="float64", seed=0)


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_a_hundred_steps_equal_the_oracle(name, options, rng):
    net = network()
    expected = Oracle.of(net)
    ours, theirs = getattr(fg, name)(**options), getattr(oracle, name)(**options)
    for step in range(STEPS):
        S = 1 + step % 20
        x, y = rng.normal(size=(S, 5)), rng.normal(size=(S, 3))
        net.step(x, y, ours)
        expected.step(x, y, theirs)
    assert_same_parameters(net, expected, 1e-10)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_a_hundred_steps_equal_pytorch(name, options, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = network()
    tensors = [torch.tensor(p, requires_grad=True) for l in net.layers for p in (l.W, l.b)]
    W1, b1, W2, b2 = tensors
    ours = getattr(fg, name)(**options)
    theirs = getattr(torch.optim, name)(tensors, **options)
    for step in range(STEPS):
        S = 1 + step % 20
        x, y = rng.normal(size=(S, 5)), rng.normal(size=(S, 3))
        net.step(x, y, ours)
        theirs.zero_grad()
        a = torch.tanh(torch.tensor(x) @ W1.T + b1) @ W2.T + b2
        (((a - torch.tensor(y)) ** 2).sum() / (2 * S)).backward()
        theirs.step()
    expected = Oracle(
        [t.detach().numpy() for t in (W1, W2)], [t.detach().numpy() for t in (b1, b2)], [], "mse"
    )
    assert_same_parameters(net, expected, 1e-10)


def test_optimizers_do_not_share_their_state(rng):
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    used = fg.Adam(0.01)
    network().step(x, y, used)
    first, second = network(), network()
    first.step(x, y, fg.Adam(0.01))
    second.step(x, y, fg.Adam(0.01))
    assert all(np.array_equal(p.W, q.W) for p, q in zip(first.layers, second.layers, strict=True))


def test_an_optimizer_keeps_a_state_for_each_network(rng):
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    shared, ours = fg.Adam(0.01), [fg.Adam(0.01), fg.Adam(0.01)]
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
        (lambda: fg.Adam(-1e-3), ["lr", "-0.001"]),
        (lambda: fg.Adam(betas=(0.9, 1.0)), ["betas", "1.0"]),
        (lambda: fg.Adam(betas=(-0.1, 0.9)), ["betas", "-0.1"]),
        (lambda: fg.Adam(betas=0.9), ["betas", "float"]),
        (lambda: fg.Adam(eps=-1e-8), ["eps", "-1e-08"]),
    ],
)
def test_bad_settings_are_named(make, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    for part in [*parts, "expected"]:
        assert part in message


@pytest.mark.parametrize("optimizer", [fg.SGD(0.0), fg.SGD(0, momentum=0.9), fg.Adam(lr=0)])
def test_a_learning_rate_of_0_changes_nothing(optimizer, rng):
    net = fg.Network([3, 4, 2], activations="tanh", cost="mse", seed=0)
    before = parameters(net)
    net.fit(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), epochs=2, optimizer=optimizer)
    for array, was in zip(parameters(net), before, strict=True):
        assert np.array_equal(array, was)
