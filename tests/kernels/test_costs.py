"""Costs: C and dC/da against 50-digit arithmetic, at kinks, far out; custom functions; names."""

import pickle

import mpmath
import numba
import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.run_mode import PLAIN

from fastgrad.codegen.jit import kernel
from fastgrad.kernels.costs import COSTS, Cost, cost, huber, quantile, softmax_cross_entropy


def log_probability(a, y):
    p = 1 / (1 + mpmath.exp(-a))
    return -y * mpmath.log(p) - (1 - y) * mpmath.log(1 - p)


def huber_by_cases(delta):
    def C(a, y):
        d = abs(a - y)
        return d**2 / 2 if d <= delta else delta * (d - mpmath.mpf(delta) / 2)

    return C


def pinball(q):
    return lambda a, y: max(mpmath.mpf(q) * (y - a), (mpmath.mpf(q) - 1) * (y - a))


# Name: the textbook definition, how the outputs are combined, the link, the targets.
DEFINITIONS = {
    "squared_error": (lambda a, y: (a - y) ** 2 / 2, "sum", "identity", "real"),
    "mse": (lambda a, y: (a - y) ** 2, "mean", "identity", "real"),
    "mae": (lambda a, y: abs(a - y), "mean", "identity", "real"),
    "huber": (huber_by_cases(1), "mean", "identity", "real"),
    "log_cosh": (lambda a, y: mpmath.log(mpmath.cosh(a - y)), "mean", "identity", "real"),
    "quantile": (pinball(0.5), "mean", "identity", "real"),
    "poisson": (lambda a, y: mpmath.exp(a) - y * a, "mean", "exp", "nonnegative"),
    "hinge": (lambda a, y: max(mpmath.mpf(0), 1 - y * a), "mean", "identity", "sign"),
    "sigmoid_cross_entropy": (log_probability, "sum", "sigmoid", "unit"),
}
# Those that are the difference of two terms: their error is measured on the terms' scale.
CROSSING = {"poisson", "hinge", "sigmoid_cross_entropy"}
LOOPS = {}

every_cost = pytest.mark.parametrize("name", DEFINITIONS)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def values(known, a, y):
    """(C, dC/da) from one loop compiled as the package's kernels are."""
    if known.name not in LOOPS:
        C, dC_da = known.C, known.dC_da
        if not PLAIN:
            fastmath = kernel(lambda: 0).targetoptions["fastmath"]
            options = {"error_model": "numpy", "fastmath": fastmath}
            C, dC_da = numba.njit(C, **options), numba.njit(dC_da, **options)

        def loop(a, y, c, d):
            for i in range(a.size):
                c[i] = C(a[i], y[i])
                d[i] = dC_da(a[i], y[i])

        LOOPS[known.name] = loop if PLAIN else numba.njit(loop, **options)
    c, d = np.empty_like(a), np.empty_like(a)
    LOOPS[known.name](a, y, c, d)
    return c, d


def reference(definition, a, y):
    """(C, dC/da) from the definition, each rounded once."""
    with mpmath.workdps(50):
        pairs = [
            (mpmath.mpf(float(a_i)), mpmath.mpf(float(y_i))) for a_i, y_i in zip(a, y, strict=True)
        ]
        C = [float(definition(a_i, y_i)) for a_i, y_i in pairs]
        slope = [
            float(mpmath.diff(lambda x, y_i=y_i: definition(x, y_i), a_i)) for a_i, y_i in pairs
        ]
    return np.array(C), np.array(slope)


def targets(kind, rng, n):
    return {
        "real": 2 * rng.normal(size=n),
        "nonnegative": rng.poisson(3, n),
        "unit": rng.choice([0, 1, 0.3, 0.9], n),
        "sign": rng.choice([-1, 1], n),
    }[kind]


def test_every_cost_has_a_definition_here():
    assert DEFINITIONS.keys() | {"softmax_cross_entropy"} == COSTS.keys()
    for name, (_, *traits) in DEFINITIONS.items():
        known = COSTS[name]
        assert (known.name, known.builtin) == (name, True)
        assert [known.reduction, known.link, known.targets] == traits


@every_cost
@both_dtypes
def test_cost_and_slope_equal_the_definition(name, dtype):
    definition, *_, kind = DEFINITIONS[name]
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.normal(size=60), rng.uniform(-15, 15, 60)]).astype(dtype)
    y = targets(kind, rng, a.size).astype(dtype)
    if kind == "real":
        y[:10] = a[:10] + rng.normal(size=10).astype(dtype) / 1000  # small differences
    tolerance = 12 * np.finfo(dtype).eps
    for computed, expected in zip(
        values(COSTS[name], a, y), reference(definition, a, y), strict=True
    ):
        assert computed.dtype == dtype
        scale = np.abs(expected) + (1 + np.abs(y * a) if name in CROSSING else 0)
        assert np.all(np.abs(computed - expected) <= tolerance * scale)


@pytest.mark.parametrize(
    ("known", "definition"),
    [(huber(delta=0.4), huber_by_cases(0.4)), (quantile(q=0.9), pinball(0.9))],
)
def test_parameters(known, definition):
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=(2, 60))
    for computed, expected in zip(values(known, a, y), reference(definition, a, y), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "a", "y", "slope"),
    [
        ("mae", 2.0, 2.0, 0.0),
        ("quantile", 2.0, 2.0, 0.0),
        ("huber", 3.0, 2.0, 1.0),
        ("huber", 1.0, 2.0, -1.0),
        ("hinge", 1.0, 1.0, 0.0),
        ("hinge", -1.0, -1.0, 0.0),
    ],
)
def test_slope_at_a_kink(name, a, y, slope):
    assert values(COSTS[name], np.array([a]), np.array([y]))[1][0] == slope


@pytest.mark.parametrize(
    ("name", "a", "y", "C", "slope"),
    [
        ("log_cosh", 1e4, 0, 1e4 - np.log(2), 1),
        ("log_cosh", -1e30, 0, 1e30, -1),
        ("log_cosh", 1e-6, 0, 5e-13, 1e-6),
        ("sigmoid_cross_entropy", 1e4, 1, 0, 0),
        ("sigmoid_cross_entropy", 1e4, 0, 1e4, 1),
        ("sigmoid_cross_entropy", -1e4, 1, 1e4, -1),
        ("sigmoid_cross_entropy", -1e4, 0, 0, 0),
        ("sigmoid_cross_entropy", 30, 1, np.exp(-30), 0),
        ("sigmoid_cross_entropy", 1e30, 0.75, 0.25e30, 0.25),
        ("huber", 1e30, 0, 1e30, 1),
        ("quantile", -1e30, 0, 0.5e30, -0.5),
        ("mae", 1e30, 0, 1e30, 1),
        ("hinge", -1e30, 1, 1e30, -1),
        ("hinge", 1e30, 1, 0, 0),
        ("poisson", -1e4, 3, 3e4, -3),
        ("poisson", 50, 0, np.exp(50), np.exp(50)),
        ("squared_error", 1e15, 0, 0.5e30, 1e15),
    ],
)
@both_dtypes
def test_far_out(name, a, y, C, slope, dtype):
    computed = values(COSTS[name], np.array([a], dtype), np.array([y], dtype))
    np.testing.assert_allclose(computed[0], C, rtol=1e-6, atol=1e-20)
    np.testing.assert_allclose(computed[1], slope, rtol=1e-6, atol=1e-7)


def test_softmax_cross_entropy_is_a_function_of_all_outputs():
    known = cost("softmax_cross_entropy")
    assert (known.C, known.dC_da, known.label_smoothing) == (None, None, 0)
    assert (known.reduction, known.link, known.targets) == ("sum", "softmax", "distribution")
    smooth = softmax_cross_entropy(label_smoothing=0.1)
    assert (smooth.name, smooth.label_smoothing) == (
        "softmax_cross_entropy(label_smoothing=0.1)",
        0.1,
    )


@pytest.mark.parametrize(
    "name",
    ["mse", "huber(delta=0.3)", "quantile(q=0.9)", "softmax_cross_entropy(label_smoothing=0.1)"],
)
def test_a_name_stands_for_itself(name):
    known = cost(name)
    assert known.name == name
    assert cost(known) is known
    again = pickle.loads(pickle.dumps(known))
    assert (again.name, again.label_smoothing) == (name, known.label_smoothing)


def test_torch_agrees():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    F = torch.nn.functional
    rng = np.random.default_rng(0)
    a, count = rng.normal(size=50) * 3, rng.poisson(3, 50).astype(float)
    functions = {
        "mse": F.mse_loss,
        "mae": F.l1_loss,
        "huber": F.huber_loss,
        "poisson": F.poisson_nll_loss,
        "sigmoid_cross_entropy": F.binary_cross_entropy_with_logits,
    }
    for name, function in functions.items():
        y = np.minimum(count, 1) if name == "sigmoid_cross_entropy" else count
        t = torch.tensor(a, requires_grad=True)
        expected = function(t, torch.tensor(y), reduction="none")
        expected.sum().backward()
        C, dC_da = values(COSTS[name], a, y)
        np.testing.assert_allclose(C, expected.detach().numpy(), atol=1e-13, err_msg=name)
        np.testing.assert_allclose(dC_da, t.grad.numpy(), atol=1e-13, err_msg=name)


# --- custom functions ----------------------------------------------------------------------------


def test_a_custom_cost_keeps_its_arguments():
    def C(a, y):
        return (a - y) ** 4

    def dC_da(a, y):
        return 4 * (a - y) ** 3

    own = Cost("quartic", C, dC_da, reduction="mean", link="exp", targets="nonnegative")
    assert (own.name, own.C, own.dC_da) == ("quartic", C, dC_da)
    assert (own.reduction, own.link, own.targets) == ("mean", "exp", "nonnegative")
    assert not own.builtin
    assert (Cost("q", C, dC_da).reduction, Cost("q", C, dC_da).link) == ("sum", "identity")


@pytest.mark.parametrize(
    ("C", "dC_da", "options"),
    [
        (lambda a, y: abs(a - y), lambda a, y: np.sign(a - y), {}),
        (lambda a, y: max(0.9 * (y - a), 0.1 * (a - y)), lambda a, y: -0.9 if a < y else 0.1, {}),
        (
            lambda a, y: -y * np.log(a) - (1 - y) * np.log(1 - a),  # for 0 < a < 1 only
            lambda a, y: (a - y) / (a * (1 - a)),
            {"targets": "unit"},
        ),
        (lambda a, y: a**2 * np.sqrt(y), lambda a, y: 2 * a * np.sqrt(y), {}),  # NaN where y < 0
    ],
)
def test_a_right_derivative_is_accepted(C, dC_da, options):
    assert Cost("own", C, dC_da, **options).C is C


@pytest.mark.parametrize(
    ("C", "dC_da"),
    [
        (lambda a, y: (a - y) ** 2, lambda a, y: a - y),
        (lambda a, y: (a - y) ** 2, lambda a, y: 2 * (y - a)),  # with respect to y
        (lambda a, y: y * a, lambda a, y: 0.42),  # right for one of the targets only
    ],
)
def test_a_wrong_derivative_is_found(C, dC_da):
    with pytest.raises(ValueError, match=r"^cost 'own': dC_da\(.+, .+\) is .+ quotient of C there"):
        Cost("own", C, dC_da)


def test_the_check_draws_targets_of_the_right_kind():
    def C(a, y):
        assert y in {-1, 1}
        return a * y

    with pytest.raises(AssertionError):
        Cost("own", C, lambda a, y: y)
    assert Cost("own", C, lambda a, y: y, targets="sign").targets == "sign"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": None}, TypeError, "name is None, expected a string"),
        ({"C": None}, TypeError, "'own': C is None, expected a function"),
        ({"dC_da": 1}, TypeError, "'own': dC_da is 1, expected a function"),
        ({"reduction": "avg"}, ValueError, "reduction is 'avg', expected one of .'sum', 'mean'"),
        (
            {"link": "log"},
            ValueError,
            "link is 'log', expected one of .'identity', 'sigmoid', 'exp'",
        ),
        ({"link": "softmax"}, ValueError, "link is 'softmax', expected one of"),
        ({"targets": "any"}, ValueError, "targets is 'any', expected one of .'real', "),
        ({"C": lambda a, y: np.log(a - 99)}, ValueError, "C is finite at none of the points"),
    ],
)
def test_wrong_arguments(options, error, message):
    right = {"name": "own", "C": lambda a, y: a * y, "dC_da": lambda a, y: y}
    with pytest.raises(error, match=message) as caught:
        Cost(**(right | options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (
            "crossentropy",
            ValueError,
            "cost: got 'crossentropy'; did you mean 'softmax_cross_ent",
        ),
        ("hubert", ValueError, "did you mean 'huber'"),
        ("qqqqqq", ValueError, "cost: got 'qqqqqq'; expected one of hinge, huber, "),
        ("mse(delta=1)", ValueError, "'mse' takes no parameters"),
        ("huber(1)", ValueError, r"got 'huber\(1\)', expected 'huber\(delta=number\)'"),
        ("huber(delta=0)", ValueError, "huber: delta is 0.0, expected a number above 0"),
        ("huber(delta='a')", ValueError, r"expected 'huber\(delta=number\)'"),
        ("quantile(q=0)", ValueError, "quantile: q is 0.0, expected a number between 0 and 1"),
        ("quantile(q=1)", ValueError, "quantile: q is 1.0, expected a number between 0 and 1"),
        (
            "softmax_cross_entropy(label_smoothing=1)",
            ValueError,
            "label_smoothing is 1.0, expected",
        ),
        ("softmax_cross_entropy(label_smoothing=-0.1)", ValueError, "label_smoothing is -0.1"),
        (3, TypeError, r"cost: got 3, expected a name or a fg\.Cost"),
    ],
)
def test_wrong_names(spec, error, message):
    with pytest.raises(error, match=message) as caught:
        cost(spec)
    assert "\n" not in str(caught.value)


def test_a_function_returns_a_number():
    assert_names(lambda: Cost("own", lambda a, y: "x", max), ["'own': C gives 'x'", "a number"])
