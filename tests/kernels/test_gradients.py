"""Equations 1 to 8 as a whole: C and its gradients, against differences, oracle and autodiff."""

import numpy as np
import pytest
from helpers.comparison import STEP, assert_close, assert_same_gradients, central_differences
from helpers.grids import grid
from helpers.oracle import (
    ACTIVATIONS,
    COSTS,
    Oracle,
    huber,
    quantile,
    random_targets,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from helpers.run_mode import PLAIN
from hypothesis import given
from hypothesis import strategies as st

import fastgrad as fg

SIZES = [[1, 3], [3, 7, 1], [17, 3, 7], [7, 1, 3, 3], [3, 17, 17], [33, 7, 3], [7, 33, 17]]
BATCHES = [1, 2, 15, 16, 17, 33, 100]
MARGIN = 3e-4  # no u and no output comes nearer to a kink: a difference never reaches across one

CASES = [
    pytest.param(f, cost, sizes, S, id=f"{f}-{cost}-{'-'.join(map(str, sizes))}-{S}")
    for f, cost, sizes, S in grid(ACTIVATIONS, COSTS, SIZES, BATCHES)
]
FUSED = ("softmax_cross_entropy", "sigmoid_cross_entropy", "poisson")


def setting(f, cost, sizes, S, dtype="float64", margin=MARGIN):
    """A network with non-zero biases, its oracle, and S samples away from every kink."""
    if cost == "softmax_cross_entropy":
        sizes = [*sizes[:-1], max(sizes[-1], 2)]
    rng = np.random.default_rng([len(f), len(cost), S, *sizes])
    output = "identity" if cost in FUSED else f
    names = [f] * (len(sizes) - 2) + [output]
    net = fg.Network(sizes, activations=names, cost=cost, dtype=dtype, seed=1)
    for layer in net.layers:
        layer.W[:] = rng.normal(size=layer.W.shape) / np.sqrt(layer.W.shape[1])
        layer.b[:] = rng.normal(size=layer.b.shape) / 2
    oracle = Oracle.of(net)
    found = []
    while sum(len(x) for x, _ in found) < S:  # hardly ever twice: hard_tanh ends at hinge's kink
        X = rng.normal(size=(4 * S + 40, sizes[0])).astype(dtype)
        Y = random_targets(rng, cost, len(X), sizes[-1]).astype(dtype)
        far = oracle.smooth(X, Y, margin)
        found.append((X[far], Y[far]))
    X, Y = (np.concatenate(arrays)[:S] for arrays in zip(*found, strict=True))
    return net, oracle, X, Y


def some_of(array, rng, most=4 if PLAIN else 40):
    """Positions in an array: all, or a random draw of many."""
    positions = list(np.ndindex(array.shape))
    if len(positions) <= most:
        return positions
    return [positions[k] for k in rng.choice(len(positions), most, replace=False)]


@pytest.mark.parametrize(("f", "cost", "sizes", "S"), CASES)
def test_gradients_equal_the_oracle(f, cost, sizes, S):
    net, oracle, X, Y = setting(f, cost, sizes, min(S, 17) if PLAIN else S)
    assert_close(net.forward(X), oracle.forward(X), 1e-13, "forward")
    assert_close(net.predict(X), oracle.predict(X), 1e-13, "predict")
    assert_close(net.cost(X, Y), oracle.cost(X, Y), 1e-12, "cost")
    assert_same_gradients(net.gradients(X, Y), oracle.gradients(X, Y), 1e-12)


# As plain Python one case for each activation is enough, and each cost has its turn.
@pytest.mark.parametrize(("f", "cost", "sizes", "S"), CASES[::11] if PLAIN else CASES)
def test_gradients_equal_central_differences(f, cost, sizes, S):
    net, _, X, Y = setting(f, cost, SIZES[1] if PLAIN else sizes, 2 if PLAIN else S)
    rng = np.random.default_rng(2)
    g = net.gradients(X, Y)
    arrays = [(layer.W, dC_dW) for layer, dC_dW in zip(net.layers, g.dC_dW, strict=True)]
    arrays += [(layer.b, dC_db) for layer, dC_db in zip(net.layers, g.dC_db, strict=True)]
    for array, gradient in [*arrays, (X, g.dC_da0)]:
        positions = some_of(array, rng)
        differences = central_differences(lambda: net.cost(X, Y), array, positions)
        error = np.abs(differences - [gradient[position] for position in positions]).max()
        rounding = np.finfo(float).eps * (1 + g.C) / STEP  # of the difference: 4e-11 where C is 0
        assert error <= 1e-7 * np.abs(gradient).max() + rounding


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_float32_gradients_are_near_the_float64_oracle(f):
    net, oracle, X, Y = setting(f, "mse", [17, 33, 7], 33, dtype="float32", margin=1e-4)
    assert net.gradients(X, Y).dC_dW[0].dtype == np.float32
    assert_same_gradients(net.gradients(X, Y), oracle.gradients(X, Y), 5e-6)


@given(
    sizes=st.lists(st.integers(1, 12 if PLAIN else 40), min_size=2, max_size=4),
    S=st.integers(1, 20 if PLAIN else 70),
    f=st.sampled_from(list(ACTIVATIONS)),
    cost=st.sampled_from(list(COSTS)),
    dtype=st.sampled_from(["float64", "float32"]),
)
def test_any_shape_equals_the_oracle(sizes, S, f, cost, dtype):
    net, oracle, X, Y = setting(f, cost, sizes, S, dtype, margin=1e-5)
    rtol = 1e-12 if dtype == "float64" else 2e-5
    assert_close(net.forward(X), oracle.forward(X), rtol, "forward")
    assert_same_gradients(net.gradients(X, Y), oracle.gradients(X, Y), rtol)


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (fg.costs.huber(delta=0.4), huber(0.4)),
        (fg.costs.quantile(q=0.9), quantile(0.9)),
        (fg.costs.softmax_cross_entropy(label_smoothing=0.1), softmax_cross_entropy(0.1)),
        (fg.costs.sigmoid_cross_entropy(label_smoothing=0.1), sigmoid_cross_entropy(0.1)),
    ],
)
def test_costs_with_parameters_equal_the_oracle(cost, expected, rng):
    net = fg.Network([3, 7, 5], activations="tanh", cost=cost, dtype="float64", seed=0)
    oracle = Oracle.of(net, cost=expected)
    X, Y = rng.normal(size=(18, 3)), rng.dirichlet(np.ones(5), size=18)
    assert_same_gradients(net.gradients(X, Y), oracle.gradients(X, Y), 1e-12)


@pytest.mark.torch
@pytest.mark.parametrize(("f", "cost", "sizes", "S"), CASES[::7] if PLAIN else CASES)
def test_gradients_and_oracle_equal_automatic_differentiation(f, cost, sizes, S):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    F = torch.nn.functional
    functions = {
        "identity": lambda u: u,
        "gelu_tanh": lambda u: F.gelu(u, approximate="tanh"),
        "hard_sigmoid": lambda u: F.relu6(u + 3) / 6,  # F.hardsigmoid has a float32 constant
        "hard_tanh": F.hardtanh,
        "sin": torch.sin,
    }
    costs = {
        "squared_error": lambda a, y: ((a - y) ** 2 / 2).sum(dim=1).mean(),
        "mse": F.mse_loss,
        "mae": F.l1_loss,
        "huber": F.huber_loss,
        "log_cosh": lambda a, y: torch.log(torch.cosh(a - y)).mean(),
        "quantile": lambda a, y: torch.maximum((y - a) / 2, (a - y) / 2).mean(),
        "poisson": F.poisson_nll_loss,
        "hinge": lambda a, y: torch.relu(1 - y * a).mean(),
        "softmax_cross_entropy": F.cross_entropy,
        "sigmoid_cross_entropy": lambda a, y: (
            F.binary_cross_entropy_with_logits(a, y, reduction="none").sum(dim=1).mean()
        ),
    }
    net, oracle, X, Y = setting(f, cost, sizes, S)
    weights = [torch.tensor(layer.W, requires_grad=True) for layer in net.layers]
    biases = [torch.tensor(layer.b, requires_grad=True) for layer in net.layers]
    inputs = torch.tensor(X, requires_grad=True)
    a = inputs
    for name, W, b in zip(net.activations, weights, biases, strict=True):
        a = functions.get(name, getattr(F, name, None))(F.linear(a, W, b))
    C = costs[cost](a, torch.tensor(Y))
    C.backward()
    for g in (net.gradients(X, Y), oracle.gradients(X, Y)):
        assert_close(g.C, C.item(), 1e-12, "C")
        for dC_dW, W in zip(g.dC_dW, weights, strict=True):
            assert_close(dC_dW, W.grad.numpy(), 1e-12, "dC_dW")
        for dC_db, b in zip(g.dC_db, biases, strict=True):
            assert_close(dC_db, b.grad.numpy(), 1e-12, "dC_db")
        assert_close(g.dC_da0, inputs.grad.numpy(), 1e-12, "dC_da0")


@pytest.mark.parametrize("sizes", [[7, 1, 3, 3], [17, 3, 7]])
def test_a_gradient_from_elsewhere_goes_through_the_network(sizes):
    fed = fg.Cost("fed", C=lambda a, y: a * y, dC_da=lambda a, y: y)
    net, oracle, X, Y = setting("tanh", "squared_error", sizes, 17)
    fed_net = fg.Network(sizes, net.activations, cost=fed, dtype="float64")
    fed_net.parameters[:] = net.parameters
    expected, g = oracle.gradients(X, Y), fed_net.gradients(X, net.forward(X) - Y)
    assert_same_gradients(g._replace(C=expected.C), expected, 1e-12)
