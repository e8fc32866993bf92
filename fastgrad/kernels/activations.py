"""Activation functions f and their derivatives f', side by side.

A built-in activation is made of the same thing as a user's own: two plain Python functions of one
number u, which numba compiles into the loops over nodes and samples.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..registry import (
    SAMPLE_POINTS,
    check_definition,
    check_derivative,
    check_number,
    from_name,
    full_name,
)
from .elementary import clamp, cos, erf, exp, expm1, log1p, real, sigmoid, sin, tanh

__all__ = ["ACTIVATIONS", "Activation", "activation", "elu", "leaky_relu"]

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function a = f(u) with its derivative.

    Parameters
    ----------
    name : str
        What to call it.
    f : callable
        u -> f(u): a number in, a number out. Written in the Python that numba compiles; the
        functions of `fastgrad.kernels.elementary` are vectorised, those of `math` mostly not.
    df : callable
        u -> f'(u), likewise.

    builtin : bool, default False
        For fastgrad's own, which its tests check and which are kept compiled on disk.

    Raises
    ------
    TypeError
        A name that is not a string, an f or df that cannot be called.
    ValueError
        An empty name, or a df that is not the derivative of f: the two are compared at 100 points
        between -4 and 4. Points where f is not finite, or has a kink, do not count.

    Examples
    --------
    >>> cube = Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)
    """

    name: str
    f: Function
    df: Function
    builtin: bool = field(default=False, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        """Check the arguments; the built-in ones are checked by the tests."""
        check_definition("Activation", self.name, f=self.f, df=self.df)
        if not self.builtin:
            functions = {"f": self.f, "df": self.df}
            check_derivative(f"activation {self.name!r}", functions, [(u,) for u in SAMPLE_POINTS])

    def __reduce__(self) -> Any:
        """Pickle a built-in one by its name."""
        return (activation, (self.name,)) if self.builtin else super().__reduce__()


# --- f and f' of the built-in activations -------------------------------------------------------
# At a kink f' is PyTorch's choice. NaN stays NaN, hence relu's condition, which is not u > 0.


def _identity(u: Any) -> Any:
    """Return u; range R."""
    return u


def _identity_df(u: Any) -> Any:
    return real(u, 1)


def _relu(u: Any) -> Any:
    """Return max(0, u); range [0, inf); f'(0) = 0."""
    return real(u, 0) if u <= 0 else u


def _relu_df(u: Any) -> Any:
    return real(u, 1) if u > 0 else real(u, 0)


def leaky_relu(slope: float = 0.01) -> Activation:
    """Return u for u > 0, else slope u; range R; f'(0) = slope (Maas et al. 2013).

    Parameters
    ----------
    slope : float, default 0.01
        Slope below 0.
    """
    slope = check_number("leaky_relu", "slope", slope)

    def f(u: Any) -> Any:
        return u if u > 0 else real(u, slope) * u

    def df(u: Any) -> Any:
        return real(u, 1) if u > 0 else real(u, slope)

    return _builtin(full_name("leaky_relu", "slope", slope, 0.01), f, df)


def elu(alpha: float = 1.0) -> Activation:
    """Return u for u > 0, else alpha (e^u - 1); range (-alpha, inf) (Clevert et al. 2015).

    Parameters
    ----------
    alpha : float, default 1.0
        What -f tends to far below 0.
    """
    alpha = check_number("elu", "alpha", alpha)

    def f(u: Any) -> Any:
        return u if u > 0 else real(u, alpha) * expm1(u)

    def df(u: Any) -> Any:
        return real(u, 1) if u > 0 else real(u, alpha) * exp(u)

    return _builtin(full_name("elu", "alpha", alpha, 1.0), f, df)


_SELU_SCALE = 1.0507009873554805
_SELU_SLOPE = _SELU_SCALE * 1.6732632423543772  # scale alpha


def _selu(u: Any) -> Any:
    """Return scale u for u > 0, else scale alpha (e^u - 1); range (-1.758, inf).

    Source: Klambauer et al. 2017, "Self-normalizing neural networks".
    """
    return real(u, _SELU_SCALE) * u if u > 0 else real(u, _SELU_SLOPE) * expm1(u)


def _selu_df(u: Any) -> Any:
    return real(u, _SELU_SCALE) if u > 0 else real(u, _SELU_SLOPE) * exp(u)


_SQRT_HALF = 0.5**0.5
_DENSITY_0 = (2 * np.pi) ** -0.5  # of the normal distribution at 0


def _gelu(u: Any) -> Any:
    """Return u Phi(u), Phi normal distribution; range [-0.170, inf) (Hendrycks, Gimpel 2016)."""
    return real(u, 0.5) * u * (real(u, 1) + erf(u * real(u, _SQRT_HALF)))


def _gelu_df(u: Any) -> Any:
    """Return Phi(u) + u phi(u), phi the density."""
    distribution = real(u, 0.5) * (real(u, 1) + erf(u * real(u, _SQRT_HALF)))
    v = clamp(u, -40.0, 40.0)  # so that v^2 stays finite; phi(40) is 0
    return distribution + v * real(u, _DENSITY_0) * exp(real(u, -0.5) * v * v)


_GELU_SLOPE = (8 / np.pi) ** 0.5
_GELU_CUBIC = 0.044715


def _gelu_tanh(u: Any) -> Any:
    """Return u/2 (1 + tanh(w/2)) = u sigmoid(w), w = sqrt(8/pi) (u + 0.044715 u^3); as gelu."""
    v = clamp(u, -30.0, 30.0)  # so that w stays finite; there sigmoid(w) is 0 or 1
    return u * sigmoid(real(u, _GELU_SLOPE) * v * (real(u, 1) + real(u, _GELU_CUBIC) * v * v))


def _gelu_tanh_df(u: Any) -> Any:
    """Return sigmoid(w) (1 + u dw/du sigmoid(-w))."""
    v = clamp(u, -30.0, 30.0)
    cubic = real(u, _GELU_CUBIC) * v * v
    w = real(u, _GELU_SLOPE) * v * (real(u, 1) + cubic)
    dw_du = real(u, _GELU_SLOPE) * (real(u, 1) + real(u, 3) * cubic)
    return sigmoid(w) * (real(u, 1) + v * dw_du * sigmoid(-w))


def _silu(u: Any) -> Any:
    """Return u sigmoid(u); range [-0.278, inf) (Elfwing et al. 2017)."""
    return u * sigmoid(u)


def _silu_df(u: Any) -> Any:
    return sigmoid(u) * (real(u, 1) + u * sigmoid(-u))


def _mish(u: Any) -> Any:
    """Return u tanh(log(1 + e^u)) = u n / (n + 2), n = e^u (e^u + 2); range [-0.309, inf).

    Source: Misra 2019, "Mish: a self regularized non-monotonic activation function".
    """
    v = clamp(u, -1000.0, 20.0)  # keeps every product finite, in whatever order it is taken
    e = exp(v)
    n = e * (e + real(u, 2))
    return u if u > 20 else v * (n / (n + real(u, 2)))


def _mish_df(u: Any) -> Any:
    """Return n / (n + 2) + u 2 n' / (n + 2)^2 with n' = 2 e^u (e^u + 1)."""
    v = clamp(u, -1000.0, 20.0)
    e = exp(v)
    n = e * (e + real(u, 2))
    inverse = real(u, 1) / (n + real(u, 2))
    return n * inverse + v * (real(u, 4) * (e * inverse) * ((e + real(u, 1)) * inverse))


def _softplus(u: Any) -> Any:
    """Return log(1 + e^u) = max(0, u) + log(1 + e^-|u|); range (0, inf)."""
    return (real(u, 0) if u <= 0 else u) + log1p(exp(-abs(u)))


def _softplus_df(u: Any) -> Any:
    return sigmoid(u)


def _softsign(u: Any) -> Any:
    """Return u / (1 + |u|); range (-1, 1)."""
    return u / (real(u, 1) + abs(u))


def _softsign_df(u: Any) -> Any:
    """Return 1 / (1 + |u|)^2."""
    inverse = real(u, 1) / (real(u, 1) + abs(u))
    return inverse * inverse


def _sigmoid(u: Any) -> Any:
    """Return 1 / (1 + e^-u); range (0, 1)."""
    return sigmoid(u)


def _sigmoid_df(u: Any) -> Any:
    """Return e / (1 + e)^2 with e = e^-|u|, which does not cancel as f (1 - f) does."""
    e = exp(-abs(u))
    inverse = real(u, 1) / (e + real(u, 1))
    return e * inverse * inverse


def _hard_sigmoid(u: Any) -> Any:
    """Return (u + 3) / 6 for |u| < 3, else 0 or 1; f'(-3) = f'(3) = 0."""
    return clamp(u + real(u, 3), 0.0, 6.0) / real(u, 6)


def _hard_sigmoid_df(u: Any) -> Any:
    return real(u, 1 / 6) if abs(u) < 3 else real(u, 0)


def _tanh(u: Any) -> Any:
    """Return (e^u - e^-u) / (e^u + e^-u); range (-1, 1)."""
    return tanh(u)


def _tanh_df(u: Any) -> Any:
    """Return 1 - f^2; its error is relative to 1, so that it is 0 where f is rounded to 1."""
    f = tanh(u)
    return real(u, 1) - f * f


def _hard_tanh(u: Any) -> Any:
    """Return u for |u| < 1, else -1 or 1; f'(-1) = f'(1) = 0."""
    return clamp(u, -1.0, 1.0)


def _hard_tanh_df(u: Any) -> Any:
    return real(u, 1) if abs(u) < 1 else real(u, 0)


def _sin(u: Any) -> Any:
    """Return sin u; range [-1, 1]; see `elementary.sin` for its accuracy at large |u|."""
    return sin(u)


def _sin_df(u: Any) -> Any:
    return cos(u)


# --- by name ------------------------------------------------------------------------------------


def _builtin(name: str, f: Function, df: Function) -> Activation:
    return Activation(name, f, df, builtin=True)


#: The built-in activations by name.
ACTIVATIONS: dict[str, Activation] = {
    known.name: known
    for known in (
        _builtin("identity", _identity, _identity_df),
        _builtin("relu", _relu, _relu_df),
        leaky_relu(),
        elu(),
        _builtin("selu", _selu, _selu_df),
        _builtin("gelu", _gelu, _gelu_df),
        _builtin("gelu_tanh", _gelu_tanh, _gelu_tanh_df),
        _builtin("silu", _silu, _silu_df),
        _builtin("mish", _mish, _mish_df),
        _builtin("softplus", _softplus, _softplus_df),
        _builtin("softsign", _softsign, _softsign_df),
        _builtin("sigmoid", _sigmoid, _sigmoid_df),
        _builtin("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_df),
        _builtin("tanh", _tanh, _tanh_df),
        _builtin("hard_tanh", _hard_tanh, _hard_tanh_df),
        _builtin("sin", _sin, _sin_df),
    )
}

_FACTORIES = {"leaky_relu": leaky_relu, "elu": elu}


def activation(spec: str | Activation) -> Activation:
    """Return the activation that a name stands for.

    Parameters
    ----------
    spec : str or Activation
        A name such as "relu", with parameters "leaky_relu(slope=0.2)", or an Activation, which is
        returned as it is.

    Raises
    ------
    TypeError, ValueError
        Something else, or an unknown name; the message gives the nearest known one.
    """
    if isinstance(spec, Activation):
        return spec
    if str(spec).lower() in {"softmax", "logsoftmax", "log_softmax"}:
        raise ValueError(
            f"activation: got {spec!r}; expected 'identity' at the output, with"
            " cost='softmax_cross_entropy', which applies it"
        )
    return from_name("activation", spec, ACTIVATIONS, _FACTORIES)
