"""Activations: f and f' against 50-digit arithmetic, at kinks, far out; custom functions; names."""

import math
import pickle
import re
import subprocess
import sys

import llvmlite.binding
import mpmath
import numba
import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.run_mode import PLAIN, jitted_only
from helpers.ten_samples import X
from numba.core.errors import NumbaError

import fastgrad as fg
from fastgrad.codegen import jit
from fastgrad.codegen.jit import kernel
from fastgrad.engine.entry_points import activation_address
from fastgrad.kernels import elementary
from fastgrad.kernels.activations import ACTIVATIONS, Activation, activation, elu, leaky_relu
from fastgrad.kernels.equations import activation_and_derivative_loop
from fastgrad.registry import SAMPLE_POINTS


def half_line(right, left):
    return lambda u: right(u) if u > 0 else left(u)


def clipped(u, low, high):
    return min(max(u, mpmath.mpf(low)), mpmath.mpf(high))


SELU_SCALE = mpmath.mpf("1.0507009873554804934193349852946")
SELU_ALPHA = mpmath.mpf("1.6732632423543772848170429916717")

# The textbook definitions, to be differentiated numerically in 50 digits.
DEFINITIONS = {
    "identity": lambda u: u,
    "relu": lambda u: max(u, mpmath.mpf(0)),
    "leaky_relu": half_line(lambda u: u, lambda u: u * mpmath.mpf("0.01")),
    "elu": half_line(lambda u: u, mpmath.expm1),
    "selu": half_line(
        lambda u: SELU_SCALE * u, lambda u: SELU_SCALE * SELU_ALPHA * mpmath.expm1(u)
    ),
    "gelu": lambda u: u * mpmath.ncdf(u),
    "gelu_tanh": lambda u: (
        u / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (u + mpmath.mpf("0.044715") * u**3)))
    ),
    "silu": lambda u: u / (1 + mpmath.exp(-u)),
    "mish": lambda u: u * mpmath.tanh(mpmath.log(1 + mpmath.exp(u))),
    "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)),
    "softsign": lambda u: u / (1 + abs(u)),
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "hard_sigmoid": lambda u: clipped((u + 3) / 6, 0, 1),
    "tanh": mpmath.tanh,
    "hard_tanh": lambda u: clipped(u, -1, 1),
    "sin": mpmath.sin,
}

# Where f or f' passes through 0, or falls off as the difference of two near-equal numbers (gelu,
# as in other libraries), its error is measured on the scale of 1.
CROSSING = {"gelu", "gelu_tanh", "silu", "mish", "tanh", "sin"}
LOOPS = {}

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def values(name, u):
    """(f(u), f'(u)) from one loop compiled as the package's kernels are."""
    if name not in LOOPS:
        f, df = ACTIVATIONS[name].f, ACTIVATIONS[name].df
        if not PLAIN:
            options = {
                "error_model": "numpy",
                "fastmath": kernel(lambda: 0).targetoptions["fastmath"],
            }
            f, df = numba.njit(f, **options), numba.njit(df, **options)

        def loop(u, a, da_du):
            for i in range(u.size):
                a[i] = f(u[i])
                da_du[i] = df(u[i])

        LOOPS[name] = loop if PLAIN else numba.njit(loop, **options)
    a, da_du = np.empty_like(u), np.empty_like(u)
    with np.errstate(over="ignore", invalid="ignore"):
        LOOPS[name](u, a, da_du)
    return a, da_du


def reference(name, u):
    """(f(u), f'(u)) from the definition, each rounded once."""
    f = DEFINITIONS[name]
    with mpmath.workdps(50):
        exact = [mpmath.mpf(float(u_i)) for u_i in u]
        return np.array([[float(f(x)), float(mpmath.diff(f, x))] for x in exact]).T


def test_every_activation_has_a_definition_here():
    assert DEFINITIONS.keys() == ACTIVATIONS.keys()
    assert all(ACTIVATIONS[name].name == name for name in ACTIVATIONS)
    assert all(known.builtin for known in ACTIVATIONS.values())


@every_activation
@both_dtypes
def test_f_and_df_equal_the_definition(name, dtype):
    rng = np.random.default_rng(0)
    u = np.concatenate([rng.normal(size=30), rng.uniform(-9, 9, 30), rng.uniform(-30, 30, 20)])
    u = u.astype(dtype)  # none of them is at a kink
    tolerance = 12 * np.finfo(dtype).eps
    for computed, expected in zip(values(name, u), reference(name, u), strict=True):
        assert computed.dtype == dtype
        scale = np.abs(expected) + (np.maximum(1, np.abs(u)) if name in CROSSING else 0)
        floor = 4 * np.finfo(dtype).tiny
        assert np.all(np.abs(computed - expected) <= tolerance * scale + floor)


# Name, u, f'(u): PyTorch's choices.
KINKS = [
    ("relu", 0.0, 0.0),
    ("leaky_relu", 0.0, 0.01),
    ("elu", 0.0, 1.0),
    ("selu", 0.0, 1.0507009873554805 * 1.6732632423543772),
    ("softsign", 0.0, 1.0),
    ("hard_sigmoid", -3.0, 0.0),
    ("hard_sigmoid", 3.0, 0.0),
    ("hard_tanh", -1.0, 0.0),
    ("hard_tanh", 1.0, 0.0),
]


@pytest.mark.parametrize(("name", "u", "slope"), KINKS)
def test_slope_at_a_kink(name, u, slope):
    assert values(name, np.array([u]))[1][0] == pytest.approx(slope, rel=1e-15)


# f and f' for u -> -inf and u -> inf; None: f grows as u does, so a / u is compared with 1.
FAR = {
    "identity": ((None, 1), (None, 1)),
    "relu": ((0, 0), (None, 1)),
    "leaky_relu": ((0.01, 0.01), (None, 1)),
    "elu": ((-1, 0), (None, 1)),
    "selu": ((-float(SELU_SCALE * SELU_ALPHA), 0), (float(SELU_SCALE), float(SELU_SCALE))),
    "gelu": ((0, 0), (None, 1)),
    "gelu_tanh": ((0, 0), (None, 1)),
    "silu": ((0, 0), (None, 1)),
    "mish": ((0, 0), (None, 1)),
    "softplus": ((0, 0), (None, 1)),
    "softsign": ((-1, 0), (1, 0)),
    "sigmoid": ((0, 0), (1, 0)),
    "hard_sigmoid": ((0, 0), (1, 0)),
    "tanh": ((-1, 0), (1, 0)),
    "hard_tanh": ((-1, 0), (1, 0)),
}
GROWING = {("leaky_relu", 0), ("selu", 1)}  # those that grow with another slope than 1


@pytest.mark.parametrize("name", FAR)
@both_dtypes
def test_far_out(name, dtype):
    far = [1e4, 1e7, 1e15, 1e30, float(np.finfo(dtype).max) / 2]
    for side, (limit, slope) in enumerate(FAR[name]):
        u = np.array(far, dtype) * (-1, 1)[side]
        a, da_du = values(name, u)
        grows = limit is None or (name, side) in GROWING
        expected = 1 if limit is None else limit
        tolerance = 2e-4 if name == "softsign" else 1e-6
        np.testing.assert_allclose(a / u if grows else a, expected, rtol=tolerance, atol=1e-12)
        np.testing.assert_allclose(da_du, slope, rtol=1e-6, atol=2e-8)


@both_dtypes
def test_sin_stays_within_1_far_out(dtype):
    u = np.array([1e4, 1e7, 1e15, 1e30, np.finfo(dtype).max], dtype)
    a, da_du = values("sin", u)
    assert np.abs(a).max() <= 1
    assert np.abs(da_du).max() <= 1


@every_activation
@both_dtypes
def test_f_of_nan_is_nan(name, dtype):
    assert np.isnan(values(name, np.array([np.nan], dtype))[0]).all()


@pytest.mark.parametrize(
    ("made", "u", "a", "slope"),
    [
        (leaky_relu(slope=0.2), -2.0, -0.4, 0.2),
        (leaky_relu(slope=0.2), 2.0, 2.0, 1.0),
        (elu(alpha=0.5), -1.0, 0.5 * (math.exp(-1) - 1), 0.5 * math.exp(-1)),
        (elu(alpha=0.5), 3.0, 3.0, 1.0),
    ],
)
def test_parameters(made, u, a, slope):
    assert made.f(np.float64(u)) == pytest.approx(a, rel=1e-14)
    assert made.df(np.float64(u)) == pytest.approx(slope, rel=1e-14)
    assert made.builtin


@pytest.mark.parametrize("name", ["leaky_relu(slope=0.2)", f"elu(alpha={1 / 3})", "relu", "elu"])
def test_a_name_stands_for_itself(name):
    assert activation(name).name == name
    assert activation(f" {name} ").name == name
    assert pickle.loads(pickle.dumps(activation(name))).name == name


def test_default_parameters_give_the_bare_name():
    assert activation("leaky_relu(slope=0.01)").name == leaky_relu().name == "leaky_relu"
    assert activation("elu()").name == "elu"
    known = activation("tanh")
    assert activation(known) is known


def test_torch_agrees():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    F = torch.nn.functional
    u = np.array([-3.0, -1.0, -0.3, 0.0, 0.3, 1.0, 3.0, 7.0])
    names = {
        "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu, "selu": F.selu, "gelu": F.gelu,
        "gelu_tanh": lambda t: F.gelu(t, approximate="tanh"), "silu": F.silu, "mish": F.mish,
        "softplus": lambda t: F.softplus(t, threshold=100), "softsign": F.softsign,
        "sigmoid": torch.sigmoid, "hard_sigmoid": F.hardsigmoid, "tanh": torch.tanh,
        "hard_tanh": F.hardtanh, "sin": torch.sin,
    }  # fmt: skip
    for name, function in names.items():
        t = torch.tensor(u, requires_grad=True)
        function(t).sum().backward()
        a, da_du = values(name, u)
        np.testing.assert_allclose(a, function(t).detach().numpy(), atol=1e-14, err_msg=name)
        np.testing.assert_allclose(da_du, t.grad.numpy(), atol=1e-14, err_msg=name)


# --- custom functions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda u: u**3, lambda u: 3 * u * u),
        (abs, lambda u: 1.0 if u > 0 else -1.0),  # a kink
        (lambda u: max(u, 0.0) ** 2, lambda u: 2 * max(u, 0.0)),
        (lambda u: 0.5 if u > 0 else 0.0, lambda u: 0.0),  # a step
        (math.log, lambda u: 1 / u),  # raises where u <= 0
        (np.sqrt, lambda u: 0.5 / np.sqrt(u)),  # NaN where u < 0
        (lambda u: 1 / u, lambda u: -1 / u**2),
        (lambda u: np.exp(5 * u), lambda u: 5 * np.exp(5 * u)),
        (lambda u: np.sin(30 * u), lambda u: 30 * np.cos(30 * u)),
        (lambda u: 1e6 * u, lambda u: 1e6),
    ],
)
def test_a_right_derivative_is_accepted(f, df):
    own = Activation("own", f, df)
    assert (own.f, own.df, own.builtin) == (f, df, False)


@pytest.mark.parametrize("jump", [0.0, 1.0])
@pytest.mark.parametrize(
    "distance", [0, 1e-6, 1e-5, 5e-5, 6.667e-5, 9e-5, 1e-4, 1.5e-4, 2e-4, 1e-3]
)
def test_a_kink_or_jump_close_to_a_sample_point_is_no_error(distance, jump):
    kink = SAMPLE_POINTS[60] + distance

    def f(u):
        return u - kink + jump if u > kink else 3 * (kink - u)

    def df(u):
        return 1.0 if u > kink else -3.0

    assert Activation("own", f, df).f is f


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda u: u**3, lambda u: 3 * u),
        (lambda u: u * u, lambda u: 2.001 * u),  # off by a thousandth
        (math.tanh, lambda u: 1 - u * u),  # in a instead of u
        (math.log, lambda u: 2 / u),  # wrong where it is defined
        (lambda u: u, lambda u: math.nan),
        (lambda u: max(u, 0.0), lambda u: 1.0),  # wrong on one side of the kink
    ],
)
def test_a_wrong_derivative_is_found(f, df):
    with pytest.raises(ValueError, match=r"^activation 'own': df\(.+\) is .+ quotient of f there"):
        Activation("own", f, df)


def test_the_error_gives_the_point_and_both_values():
    with pytest.raises(ValueError, match="difference quotient") as caught:
        Activation("double", f=lambda u: 2 * u, df=lambda u: 3 * u)
    u, wrong, right = (
        float(number)
        for number in str(caught.value)
        .replace("activation 'double': df(", "")
        .replace(") is ", " ")
        .replace(", but the difference quotient of f there is ", " ")
        .split()
    )
    assert wrong == pytest.approx(3 * u, rel=1e-4)
    assert right == pytest.approx(2, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("far", lambda u: np.log(u - 99), lambda u: 1 / u), ValueError, "f is finite at none"),
        ((3, abs, abs), TypeError, "name is 3, expected a string"),
        (("", abs, abs), ValueError, "name is empty"),
        (("x", "relu", abs), TypeError, "'x': f is 'relu', expected a function"),
        (("x", abs, None), TypeError, "'x': df is None, expected a function"),
        (("x", abs), TypeError, "df"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        Activation(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("rleu", ValueError, "activation: got 'rleu'; did you mean 'relu'"),
        ("ReLU", ValueError, "did you mean 'relu'"),
        ("leaky-relu(slope=0.2)", ValueError, "did you mean 'leaky_relu'"),
        ("qqq", ValueError, "activation: got 'qqq'; expected one of elu, "),
        ("leaky_relu(0.2)", ValueError, r"got 'leaky_relu\(0.2\)', expected 'leaky_relu\(slope="),
        ("leaky_relu(slop=0.2)", ValueError, r"expected 'leaky_relu\(slope=number\)'"),
        ("leaky_relu(slope=u)", ValueError, r"expected 'leaky_relu\(slope=number\)'"),
        ("leaky_relu(slope=0.2", ValueError, r"expected 'leaky_relu\(slope=number\)'"),
        ("leaky_relu(slope=" + "-" * 3000 + "1)", ValueError, r"expected 'leaky_relu\(slope="),
        ("leaky_relu(slope=" + "1" * 10**6 + "x)", ValueError, r"expected 'leaky_relu\(slope="),
        ("leaky_relu(slope=1, slope=2)", ValueError, r"expected 'leaky_relu\(slope=number\)'"),
        ("leaky_relu(slope=1e999)", ValueError, "slope is inf, expected a finite number"),
        ("relu(slope=0.2)", ValueError, "'relu' takes no parameters"),
        ("elu(alpha='1')", ValueError, r"expected 'elu\(alpha=number\)'"),
        ("elu(alpha=1e999)", ValueError, "elu: alpha is inf, expected a finite number"),
        ("log_softmax", ValueError, "got 'log_softmax'; expected 'identity' at the output"),
        (None, TypeError, r"activation: got None, expected a name or a fg\.Activation"),
    ],
)
def test_wrong_names(spec, error, message):
    with pytest.raises(error, match=message) as caught:
        activation(spec)
    assert "\n" not in str(caught.value)


@jitted_only
@every_activation
def test_the_loop_of_a_pass_becomes_vector_code(name):
    activation_address(ACTIVATIONS[name], True, np.dtype("float32"))  # gives f and f' their names
    loop = activation_and_derivative_loop(f"{name}.f", f"{name}.df")
    arguments = [numba.float32, numba.float32, numba.intp]
    llvm = jit.COMPILED_LOOPS[jit.compile_loop(loop, arguments, cached=False)].inspect_llvm()
    assert re.search(r"\bf(add|cmp|div|mul|sub)\b.*<\d+ x float>", llvm) or name == "identity"
    is_masked = name == "selu" and llvmlite.binding.llvm_version_info[0] < 16  # numba 0.61
    assert is_masked or "masked.store" not in llvm, "a branch is left in the loop"


PRINTS = """
import numpy as np, fastgrad as fg
def f(u):
    if u > 5: print("big", u)
    return u
net = fg.Network([1, 1], [fg.Activation("own", f, lambda u: 1.0)])
net.layers[0].W, net.layers[0].b = [[1.0]], [0.0]
print(net.predict(np.array([[7.0], [2.0]])).tolist())
"""


def test_a_custom_function_may_print():
    run = [sys.executable, "-c", PRINTS]
    done = subprocess.run(run, capture_output=True, text=True, timeout=200, check=True)
    assert "big 7.0" in done.stdout
    assert "[[7.0], [2.0]]" in done.stdout


def test_a_kernel_called_from_python_takes_keywords_and_misses_arguments():
    assert elementary.tanh(u=0.5) == pytest.approx(math.tanh(0.5))
    with pytest.raises(TypeError, match=r"required (positional )?argument"):
        elementary.tanh()


def test_a_function_returns_a_number():
    assert_names(
        lambda: Activation("own", lambda u: None, abs), ["'own': f gives None", "a number"]
    )


@jitted_only
def test_a_function_that_numba_cannot_compile_is_named():
    own = Activation("own", f=lambda u: math.fsum([u]), df=lambda u: 1.0)
    with pytest.raises(NumbaError) as caught:
        fg.Network([3, 4, 2], [own, "identity"]).predict(X)
    assert caught.value.__notes__[-1].startswith("activation 'own': numba cannot compile it; exp")
