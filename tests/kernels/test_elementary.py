"""exp, log, tanh, erf, sin and others: errors over the whole range, edges, compiled code."""

import platform
import re

import mpmath
import numba
import numpy as np
import pytest
from helpers.run_mode import PLAIN, jitted_only
from scipy import special

from fastgrad.codegen.jit import kernel
from fastgrad.kernels import elementary

# Name: NumPy's or SciPy's float64 function, mpmath's of any precision.
REFERENCES = {
    "exp": (np.exp, mpmath.exp),
    "expm1": (np.expm1, mpmath.expm1),
    "log": (np.log, mpmath.log),
    "log1p": (np.log1p, mpmath.log1p),
    "tanh": (np.tanh, mpmath.tanh),
    "erf": (special.erf, mpmath.erf),
    "sigmoid": (special.expit, lambda u: 1 / (1 + mpmath.exp(-u))),
    "sin": (np.sin, mpmath.sin),
    "cos": (np.cos, mpmath.cos),
}
PERIODIC = ("sin", "cos")
DTYPES = ("float32", "float64")
LOOPS = {}

every_function = pytest.mark.parametrize("name", REFERENCES)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def loop_over(name):
    """The function in a loop compiled as the package's kernels are, reordering of sums allowed."""
    if name not in LOOPS:
        function = getattr(elementary, name)

        def loop(u, a):
            for i in range(u.size):
                a[i] = function(u[i])

        if not PLAIN:
            loop = numba.njit(
                loop, error_model="numpy", fastmath=kernel(lambda: 0).targetoptions["fastmath"]
            )
        LOOPS[name] = loop
    return LOOPS[name]


def apply(name, u):
    a = np.empty_like(u)
    loop_over(name)(u, a)
    return a


def points(dtype, count, name):
    """Numbers of every exponent and sign, more of them where the functions bend, and the edges."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    integer = np.int32 if dtype == "float32" else np.int64
    exponents = np.arange(2 ** (info.bits - info.nmant - 1), dtype=integer) << info.nmant
    mantissas = rng.integers(0, 2**info.nmant, (max(count // 4000, 1), 1), dtype=integer)
    magnitudes = (exponents[:: 97 if PLAIN else 1] | mantissas).ravel().view(dtype)
    some = count // 6
    parts = [
        magnitudes,
        -magnitudes,
        rng.uniform(-1, 1, some),
        rng.uniform(-10, 10, some),
        rng.uniform(-110, 110, some),
        rng.uniform(-750, 750, some),
        1 + rng.normal(size=some) / 100,
        rng.normal(size=some) * info.tiny,  # around the smallest normal number
        np.array([info.max, info.tiny, info.smallest_subnormal]),
        -np.array([info.max, info.tiny, info.smallest_subnormal]),
    ]
    u = np.concatenate([part.astype(dtype) for part in parts])
    return u[np.abs(u) <= 1e4] if name in PERIODIC else u


@every_function
def test_float32_is_within_4_units_in_the_last_place(name):
    u = points("float32", 2_000 if PLAIN else 2_000_000, name)
    a = apply(name, u)
    with np.errstate(all="ignore"):
        expected = REFERENCES[name][0](u.astype(np.float64))
        rounded = expected.astype(np.float32)
        finite = np.isfinite(rounded)
        units = np.abs(a.astype(np.float64) - expected) / np.spacing(np.abs(rounded))
    np.testing.assert_array_equal(a[~finite], rounded[~finite])
    worst = np.argmax(np.where(finite, units, 0))
    assert units[worst] <= 4, f"{name}({u[worst]!r}) is off by {units[worst]:.2f} units"
    assert finite.mean() > 0.3  # and not only infinities were compared


@every_function
def test_float64_is_within_1e_15(name):
    u = points("float64", 600 if PLAIN else 40_000, name)
    domain = {"log": u > 0, "log1p": u > -1}.get(name, np.abs(u) <= 1000)  # beyond: 0, 1, infinity
    u = np.random.default_rng(1).choice(u[domain & np.isfinite(u)], 300 if PLAIN else 4_000)
    info = np.finfo(np.float64)
    with mpmath.workprec(160):
        for u_i, a_i in zip(u.tolist(), apply(name, u).tolist(), strict=True):
            expected = REFERENCES[name][1](mpmath.mpf(u_i))
            if expected > info.max:
                assert a_i == np.inf, f"{name}({u_i!r})"
                continue
            allowed = max(1e-15 * abs(expected), info.smallest_subnormal)
            off = abs(mpmath.mpf(a_i) - expected)
            assert off <= allowed, f"{name}({u_i!r}) is {a_i!r}, not {float(expected)!r}"


@every_function
@both_dtypes
def test_infinity_nan_and_zero(name, dtype):
    u = np.array([np.inf, -np.inf, np.nan, 0.0, -1.0], dtype)
    with np.errstate(all="ignore"):
        expected = REFERENCES[name][0](u)
    np.testing.assert_array_max_ulp(apply(name, u), expected, 4)


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf"])
@both_dtypes
def test_tiny_numbers_keep_value_and_sign(name, dtype):
    tiny = np.finfo(dtype).tiny
    u = np.array([-0.0, 0.0, -tiny / 8, tiny / 8, tiny], dtype)
    a = apply(name, u)
    slope = 2 / np.sqrt(np.pi) if name == "erf" else 1
    np.testing.assert_array_equal(np.signbit(a), np.signbit(u))
    assert np.abs(a - u * slope).max() <= 2 * np.finfo(dtype).smallest_subnormal


@both_dtypes
def test_exp_ends_where_the_type_ends(dtype):
    info = np.finfo(dtype)
    with mpmath.workprec(100):
        last = dtype_below(mpmath.log(mpmath.mpf(float(info.max))), dtype)
        zero = dtype_below(mpmath.log(mpmath.mpf(float(info.smallest_subnormal)) / 2), dtype)
    past_last = np.nextafter(last, last.dtype.type(np.inf))
    before_zero = np.nextafter(zero, zero.dtype.type(np.inf))
    a = apply("exp", np.array([last, past_last, before_zero, zero], dtype))
    assert np.isfinite(a[0])
    assert a[1] == np.inf
    assert a[2] == info.smallest_subnormal
    assert a[3] == 0


def dtype_below(x, dtype):
    """The largest number of the type that is not above x."""
    nearest = np.dtype(dtype).type(float(x))
    is_above = mpmath.mpf(float(nearest)) > x
    return np.nextafter(nearest, nearest.dtype.type(-np.inf)) if is_above else nearest


@pytest.mark.parametrize("name", PERIODIC)
@both_dtypes
def test_sine_and_cosine_near_their_zeros(name, dtype):
    k = np.arange(1, 6366, 97 if PLAIN else 7)
    u = (k * (np.pi / 2)).astype(dtype)
    a = apply(name, u)
    with mpmath.workprec(200):
        for u_i, a_i in zip(u, a, strict=True):
            expected = REFERENCES[name][1](mpmath.mpf(float(u_i)))
            units = abs(mpmath.mpf(float(a_i)) - expected) / float(np.spacing(np.abs(a_i)))
            assert units <= 2.5, f"{name}({u_i!r}) is off by {float(units):.2f} units"


@pytest.mark.parametrize("name", PERIODIC)
@pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-7), ("float64", 3e-16)])
def test_sine_and_cosine_of_large_numbers(name, dtype, error):
    u = np.random.default_rng(0).uniform(-1e6, 1e6, 300).astype(dtype)
    expected = [REFERENCES[name][1](mpmath.mpf(float(u_i))) for u_i in u]
    errors = [abs(mpmath.mpf(float(a)) - e) for a, e in zip(apply(name, u), expected, strict=True)]
    assert max(errors) <= error
    huge = np.logspace(6, np.log10(np.finfo(dtype).max) - 0.1, 300, dtype=dtype)
    assert np.abs(apply(name, huge)).max() <= 1


@both_dtypes
def test_clamp_and_real_keep_the_type(dtype):
    u = np.dtype(dtype).type(5)
    assert elementary.real(u, 0.1).dtype == dtype
    for value, expected in ((5, 1), (-5, 0), (0.5, 0.5), (np.nan, np.nan)):
        np.testing.assert_equal(elementary.clamp(u.dtype.type(value), 0.0, 1.0), expected)
    assert elementary.real(3, 0.1) == np.float64(0.1)


@jitted_only
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86 assembly")
@every_function
@both_dtypes
def test_a_loop_becomes_vector_code(name, dtype):
    loop = loop_over(name)
    array = numba.typeof(np.empty(1, dtype))
    loop.compile((array, array))
    assembly = loop.inspect_asm((array, array))
    packed = "ps" if dtype == "float32" else "pd"
    assert re.search(rf"\bv?(mul|fn?m(add|sub)\d+){packed}\b", assembly), "not vectorised"
    assert "_ZN8fastgrad10elementary" not in assembly, "a call is left in the loop"
