"""exp, log, tanh, erf, sin and others as plain arithmetic, so that loops over them vectorise.

Each is one scalar function for float32 and float64 alike: the type of `u` picks its constants
when numba compiles. None of them branches: where cases differ, both sides are computed and one is
selected. Compiled code and plain Python run the same lines.

Errors, tested over every exponent: float32 below 4 units in the last place, float64 below 1e-15
relative (denormal results: one unit in the last place; a compiled pass treats them as 0, see
intrinsics.py). `sin` and `cos`: see there. Infinity, NaN, overflow and underflow
give what IEEE 754 prescribes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from ..codegen.jit import PLAIN_PYTHON, exact

__all__ = [
    "ERF_FLOAT64", "clamp", "cos", "erf", "exp", "expm1", "log", "log1p", "real", "sigmoid", "sin",
    "tanh",
]  # fmt: skip


class _Constants(NamedTuple):
    """What differs between float32 and float64; polynomials have their highest power first."""

    round: Any  # 1.5 * 2^p, p bits behind the leading one: adding it rounds to an integer
    bias: Any  # exponent bits of 1.0
    p: int
    mantissa: int  # mask of those p bits
    tiny: Any  # smallest normal number
    exp_min: Any  # below it exp is 0, above exp_max infinity
    exp_max: Any
    ln2: tuple[Any, Any]  # ln 2 in two pieces, the first short: n * ln2[0] is exact for integers n
    exp: tuple[Any, ...]  # (exp(r) - 1 - r) / r^2
    tanh_max: Any  # above it tanh is 1
    tanh_p: tuple[Any, ...]  # 2p/u and q in z = u^2, where tanh(u/2) = p/q. Both begin with 15/16:
    tanh_q: tuple[Any, ...]  # below 1 numbers lie twice as close as above it
    log: tuple[Any, ...]  # (2 artanh(s) / s - 2) / z, in z = s^2
    erf_max: Any  # above it erf is 1
    erf_slope: Any  # 2 / sqrt(pi), erf'(0)
    erf_even: tuple[Any, ...]  # -log(1 - erf(x)) / x - erf_slope, the even powers of x and the
    erf_odd: tuple[Any, ...]  # odd: LLVM neither unrolls nor vectorises a loop over all 24 at once
    sin: tuple[Any, ...]  # (sin(r) / r - 1) / z, in z = r^2


def _constants_of(real: Any, **values: Any) -> _Constants:
    """Convert every number but the integers to the type `real`."""

    def convert(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(real(v) for v in value)
        return value if isinstance(value, int) else real(value)

    return _Constants(**{name: convert(value) for name, value in values.items()})


# The polynomials minimise the largest error of the *function*, relative to it: weighted Remez
# exchange in 50 digits, then rounded to the type. Error as a power of two, float32 / float64:
#   exp  degree 4 / 9,  |r| <= 1.01 ln(2)/2:                     -26.0 / -53.6
#   log  degree 2 / 6,  0 <= z <= ((sqrt(2)-1)/(sqrt(2)+1))^2:   -29.2 / -58.5
#   tanh degrees 2, 3 / 5, 6, |u| <= tanh_max, after doubling:   -27.0 / -54.2
#   erf  degree 8 / 23, 0 <= x <= 4 / 6, slope at 0 exact:       -27.6 / -54.7
#   sin  degree 3 / 7,  0 <= z <= (pi/2)^2:                      -27.1 / -57.8
# ln 2 is cut after 16 / 32 bits (W. J. Cody, W. Waite, Software Manual for the Elementary
# Functions, Prentice-Hall 1980, chapter 6).
_FLOAT32 = _constants_of(
    np.float32,
    round=1.5 * 2.0**23,
    bias=127.0,
    p=23,
    mantissa=2**23 - 1,
    tiny=2.0**-126,
    exp_min=-104.0,
    exp_max=89.0,
    ln2=(0.693145751953125, 1.4286068203094173e-06),
    exp=(0.00138414954, 0.00836772099, 0.0416677147, 0.166665345, 0.49999997),
    log=(0.298714459, 0.399775684, 0.666667759),
    tanh_max=9.01,
    tanh_p=(0.000107040214, 0.027909188, 0.9375),
    tanh_q=(1.1508694e-06, 0.0011307584, 0.106034145, 0.9375),
    erf_max=4.0,
    erf_slope=1.1283792,
    erf_even=(-9.341041e-06, -0.0006357669, -0.00016635701, 0.1027768, -5.8635383e-08),
    erf_odd=(0.000118428536, 0.0016726506, -0.019149596, 0.6366195),
    sin=(2.6060643e-06, -0.000198097667, 0.00833306927, -0.166666597),
)  # fmt: skip
_FLOAT64 = _constants_of(
    np.float64,
    round=1.5 * 2.0**52,
    bias=1023.0,
    p=52,
    mantissa=2**52 - 1,
    tiny=2.0**-1022,
    exp_min=-746.0,
    exp_max=710.0,
    ln2=(0.6931471803691238, 1.9082149292705877e-10),
    exp=(
        2.3948302114781832e-08, 2.7628821046278086e-07, 2.756069725463408e-06,
        2.48014985128254e-05, 0.0001984126634834363, 0.0013888888936748733,
        0.008333333334748354, 0.04166666666656398, 0.1666666666666489, 0.5000000000000006,
    ),
    log=(
        0.14798262924764208, 0.15313831894829089, 0.18183572360841022, 0.22222198428932774,
        0.2857142874368647, 0.3999999999940935, 0.6666666666666735,
    ),
    tanh_max=19.06,
    tanh_p=(
        1.7045527171166153e-13, 7.566105227862306e-10, 7.995365315097543e-07,
        0.00028432711061297154, 0.033771962112876724, 0.9375,
    ),
    tanh_q=(
        4.891600423452724e-16, 7.122916007101322e-12, 1.423397587303161e-08, 8.589943608083692e-06,
        0.0017965739533533146, 0.11189696211287627, 0.9375,
    ),
    erf_max=6.0,
    erf_slope=1.1283791670955126,
    erf_even=(
        1.6362556698217508e-13, 4.354799031906992e-11, 2.3888442120072875e-09,
        3.5083552811853136e-08, -8.329719148770788e-09, -2.027890553799077e-06,
        3.179993849628936e-06, 6.442481917155457e-05, -0.0005901318201731848,
        -0.00020919483163914744, 0.10277260330144239, 1.533545961316588e-17,
    ),
    erf_odd=(
        -3.6416673064251825e-15, -3.4072372139248973e-12, -3.8059656055814776e-10,
        -1.0908151007882518e-08, -6.718876872277467e-08, 5.643648219665596e-07,
        3.1219607317694874e-06, -2.958327589941128e-05, 2.5902609503782562e-05,
        0.0016962075287599997, -0.019128446995329833, 0.6366197723675876,
    ),
    sin=(
        2.7215097569534495e-15, -7.643027539052625e-13, 1.6058941297073076e-10,
        -2.5052106909803163e-08, 2.7557319211621244e-06, -0.00019841269841212723,
        0.008333333333333207, -0.16666666666666666,
    ),
)  # fmt: skip


class _Erf(NamedTuple):
    """erf(x) = 1 - e^(-x Q(x)) for 0 <= x, with x at most `largest`; Q's highest power first."""

    largest: float
    coefficients: tuple[float, ...]


def _erf_of(k: _Constants) -> _Erf:
    lowest_first = [c for pair in zip(k.erf_even[::-1], k.erf_odd[::-1], strict=True) for c in pair]
    lowest_first[0] += k.erf_slope
    return _Erf(float(k.erf_max), tuple(float(c) for c in lowest_first[::-1]))


#: For those who compute erf in float64 of other operations than Python's.
ERF_FLOAT64 = _erf_of(_FLOAT64)

# 1 / ln 2, and pi cut twice after 33 bits (Cody and Waite, chapter 8).
_LOG2_E = 1.4426950408889634
_PI = (3.1415926534682512, 1.2154201012607932e-10, 4.044532497591901e-21)


def _elementary(function: Callable[..., Any]) -> Any:
    """Compile without reordering; plain NumPy scalars go through overflow without a warning."""
    if PLAIN_PYTHON:
        return np.errstate(all="ignore")(function)
    return exact(function)


# --- what the type of u decides, when numba compiles --------------------------------------------


def real(u: Any, c: Any) -> Any:
    """Return the number `c` in the floating-point type of `u`: `0.5 * u` alone would be float64."""
    return np.float32(c) if isinstance(u, np.float32) else np.float64(c)


def _constants(u: Any) -> _Constants:
    """Return the constants for the type of u."""
    return _FLOAT32 if isinstance(u, np.float32) else _FLOAT64


def _bits(u: Any) -> Any:
    """Return the integer that has the bits of u."""
    return u.view(np.int32) if isinstance(u, np.float32) else np.float64(u).view(np.int64)


def _from_bits(u: Any, bits: Any) -> Any:
    """Return the number of u's type that has these bits."""
    return bits.view(np.float32) if isinstance(u, np.float32) else bits.view(np.float64)


@overload(real, strict=False)
def _overload_real(u: Any, c: Any) -> Any:
    return (lambda u, c: np.float32(c)) if u == types.float32 else (lambda u, c: np.float64(c))


@overload(_constants, strict=False)
def _overload_constants(u: Any) -> Any:
    return (lambda u: _FLOAT32) if u == types.float32 else (lambda u: _FLOAT64)


@overload(_bits, strict=False)
def _overload_bits(u: Any) -> Any:
    if u == types.float32:
        return lambda u: np.float32(u).view(np.int32)
    return lambda u: np.float64(u).view(np.int64)


@overload(_from_bits, strict=False)
def _overload_from_bits(u: Any, bits: Any) -> Any:
    if u == types.float32:
        return lambda u, bits: np.int32(bits).view(np.float32)
    return lambda u, bits: np.int64(bits).view(np.float64)


# --- building blocks ----------------------------------------------------------------------------


@_elementary
def clamp(u: Any, low: Any, high: Any) -> Any:
    """Return `u` held between the numbers `low` and `high`; NaN stays NaN."""
    u = real(u, low) if u < low else u
    return real(u, high) if u > high else u


@_elementary
def _polynomial(x: Any, coefficients: Any) -> Any:
    """Horner's rule, the highest power first."""
    value = coefficients[0]
    for k in range(1, len(coefficients)):
        value = value * x + coefficients[k]
    return value


@_elementary
def _rounded(u: Any) -> Any:
    """Nearest integer, as a float, for |u| < 2^(p-2): the sum has no bits for fractions."""
    k = _constants(u)
    return (u + k.round) - k.round


@_elementary
def _power_of_2(n: Any) -> Any:
    """2^n for an integer in a float: n plus the bias, its bits shifted to the exponent's place."""
    k = _constants(n)
    return _from_bits(n, _bits(n + (k.round + k.bias)) << k.p)


@_elementary
def _reduced(u: Any) -> Any:
    """Return (n, exp(r) - 1) where u = n ln 2 + r with |r| <= ln(2)/2."""
    k = _constants(u)
    n = _rounded(u * real(u, _LOG2_E))
    r = (u - n * k.ln2[0]) - n * k.ln2[1]
    return n, r + r * r * _polynomial(r, k.exp)


# --- the functions ------------------------------------------------------------------------------


@_elementary
def exp(u: Any) -> Any:
    """Return e^u = 2^n e^r."""
    k = _constants(u)
    n, e = _reduced(clamp(u, k.exp_min, k.exp_max))
    # In two factors, since 2^n itself can be too large or too small while the product is not.
    half = _rounded(n * real(u, 0.5))
    return (e + real(u, 1)) * _power_of_2(half) * _power_of_2(n - half)


@_elementary
def expm1(u: Any) -> Any:
    """Return e^u - 1 = 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)), accurate near 0."""
    k = _constants(u)
    n, e = _reduced(clamp(u, -40.0, k.exp_max))
    scale = _power_of_2(n - real(u, 1))
    value = real(u, 2) * (scale * e + (scale - real(u, 0.5)))
    return u if abs(u) < k.tiny else value  # there scale * e would lose the last bit


@_elementary
def log(u: Any) -> Any:
    """Return the natural logarithm, n ln 2 + log(1 + f) where u = 2^n (1 + f).

    With s = f / (2 + f): log(1 + f) = 2 artanh(s) = f - s (f - R(s^2)), arranged as in FreeBSD's
    e_log.c (Sun Microsystems, 1993), which keeps the rounding error below one unit.
    """
    k = _constants(u)
    # Numbers below the smallest normal one are scaled into the normal range.
    is_tiny = u < k.tiny
    y = u * _power_of_2(real(u, k.p)) if is_tiny else u
    shift = real(u, k.p) if is_tiny else real(u, 0)
    # Bits of the exponent and of the mantissa, 1 <= m < 2; then sqrt(1/2) <= m < sqrt(2).
    n = _from_bits(u, (_bits(y) >> k.p) + _bits(k.round)) - (k.round + k.bias) - shift
    m = _from_bits(u, (_bits(y) & k.mantissa) | _bits(real(u, 1)))
    is_large = m > real(u, 1.4142135623730951)
    m = m * real(u, 0.5) if is_large else m
    n = n + real(u, 1) if is_large else n
    f = m - real(u, 1)
    s = f / (f + real(u, 2))
    z = s * s
    half_f2 = real(u, 0.5) * f * f
    rest = s * (half_f2 + z * _polynomial(z, k.log)) + n * k.ln2[1]
    value = n * k.ln2[0] - ((half_f2 - rest) - f)
    value = value if u < np.inf else u  # infinity and NaN
    value = real(u, np.nan) if u < 0 else value
    return real(u, -np.inf) if u == 0 else value


@_elementary
def log1p(u: Any) -> Any:
    """Return log(1 + u), accurate near 0: the rounding error c of y = 1 + u enters as c / y."""
    y = u + real(u, 1)
    c = u - (y - real(u, 1))
    value = log(y)
    value = value + c / y if (y > 0) & (y < np.inf) else value
    return u if y == 1 else value


@_elementary
def tanh(u: Any) -> Any:
    """Return 2t / (1 + t^2) = 2pq / (p^2 + q^2) where t = p/q = tanh(u/2), a rational function.

    Doubling the angle shrinks the relative error of t by 1 / cosh u, so that low degrees will do.
    """
    k = _constants(u)
    x = clamp(u, -k.tanh_max, k.tanh_max)
    z = x * x
    p = x * _polynomial(z, k.tanh_p)  # 2p
    q = _polynomial(z, k.tanh_q)
    return clamp(p * q / (real(u, 0.25) * p * p + q * q), -1.0, 1.0)


@_elementary
def sigmoid(u: Any) -> Any:
    """Return the logistic function 1 / (1 + e^-u); for u < 0 as e^u / (1 + e^u)."""
    e = exp(-abs(u))
    inverse = real(u, 1) / (e + real(u, 1))  # shared with the derivative
    return e * inverse if u < 0 else inverse


@_elementary
def erf(u: Any) -> Any:
    """Return the error function, 1 - e^-g where g = |u| Q(|u|) is smooth, with the sign of u."""
    k = _constants(u)
    x = clamp(abs(u), 0.0, k.erf_max)
    z = x * x
    g = x * k.erf_slope + x * (_polynomial(z, k.erf_even) + x * _polynomial(z, k.erf_odd))
    return np.copysign(expm1(-g), u)


@_elementary
def _sin(u: Any, shift: Any) -> Any:
    """Return sin(u - shift pi) = +-sin(r), where u - shift pi = n pi + r with |r| <= pi/2.

    r is found in float64 for both types, in three steps whose products are exact.
    """
    x = np.float64(u)
    n = _rounded(x * (1 / np.pi) - shift)
    q = n + shift
    r = ((x - q * _PI[0]) - q * _PI[1]) - q * _PI[2]
    r = 0.0 if abs(r) > 2.0 else r  # |u| is out of reach: stay within [-1, 1]
    r = r * (1.0 - 2.0 * abs(n - 2.0 * _rounded(n * 0.5)))  # n odd: -1
    r = real(u, r)
    z = r * r
    return r + r * z * _polynomial(z, _constants(u).sin)


@_elementary
def sin(u: Any) -> Any:
    """Return the sine.

    Its error is below 2.5 units in the last place for |u| <= 1e4, zeros of the sine included, and
    below 1e-7 (float32) or 3e-16 (float64) for |u| <= 1e6. Beyond, only |sin u| <= 1 is sure.
    """
    return _sin(u, 0.0)


@_elementary
def cos(u: Any) -> Any:
    """Return the cosine, sin(u + pi/2); accuracy and range as in `sin`."""
    return _sin(u, -0.5)
