"""Initial weights: by default the scheme of each layer follows from its activation."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .. import validation
from ..registry import from_name

__all__ = ["INITS", "Scheme", "schemes"]

Array = np.ndarray[Any, Any]

#: (n_out, n_in) and a generator -> the weights of a layer, in that shape.
Scheme = Callable[[tuple[int, int], np.random.Generator], Array]

# Variance of a weight, from the number of nodes of the previous layer (n_in) and its own (n_out).
_VARIANCES: dict[str, Callable[[int, int], float]] = {
    "he": lambda n_in, n_out: 2 / n_in,  # K. He et al., arXiv:1502.01852
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),  # X. Glorot, Y. Bengio, AISTATS 2010
    "lecun": lambda n_in, n_out: 1 / n_in,  # Y. LeCun et al., Efficient BackProp, 1998
}

_HE = {"relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "softplus"}


def _zeros() -> Scheme:
    return lambda shape, rng: np.zeros(shape)


def _constant(value: float) -> Scheme:
    value = validation.number("value of init", value)
    return lambda shape, rng: np.full(shape, value)


def _uniform(low: float, high: float) -> Scheme:
    low = validation.number("low of init", low)
    high = validation.number("high of init", high, above=low)
    return lambda shape, rng: rng.uniform(low, high, size=shape)


def _normal(std: float) -> Scheme:
    std = validation.number("std of init", std, above=0)
    return lambda shape, rng: rng.normal(scale=std, size=shape)


def _truncated_normal(std: float) -> Scheme:
    std = validation.number("std of init", std, above=0)

    def draw(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        W = rng.normal(size=shape)
        while (far := np.abs(W) > 2).any():
            W[far] = rng.normal(size=np.count_nonzero(far))
        return std * W

    return draw


def _scaled(variance: Callable[[int, int], float], law: str) -> Scheme:
    def draw(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        n_out, n_in = shape
        deviation = float(variance(n_in, n_out)) ** 0.5
        if law == "normal":
            return rng.normal(scale=deviation, size=shape)
        return rng.uniform(-deviation * 3**0.5, deviation * 3**0.5, size=shape)

    return draw


def _orthogonal(gain: float = 1.0) -> Scheme:
    gain = validation.number("gain of init", gain, above=0)

    def draw(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        # Uniform over the orthogonal matrices: a product of reflections, each of which maps an axis
        # to a random direction (G. W. Stewart, SIAM J. Numer. Anal. 17, 1980). Not by QR, since the
        # bits of BLAS depend on the number of its threads.
        W = np.eye(max(shape), min(shape))
        for k in reversed(range(min(shape))):
            v = rng.normal(size=max(shape) - k)
            sign = np.copysign(1, v[0])
            v[0] += sign * np.sqrt(np.sum(v * v))
            W[k, k] = -sign
            block = W[k:, k:]
            block -= (2 / np.sum(v * v) * v)[:, None] * np.einsum("i,ij->j", v, block)
        return gain * (W if shape[0] >= shape[1] else W.T)

    return draw


def _siren(activation: str, first: bool) -> Callable[..., Scheme]:
    def siren(omega: float = 30.0) -> Scheme:
        omega = validation.number("omega of init", omega, above=0)

        def draw(shape: tuple[int, int], rng: np.random.Generator) -> Array:
            n_in = shape[1]
            limit = 1 / n_in if first else (6 / n_in) ** 0.5 / omega
            if activation == "sin":  # the paper's sin(omega u): omega is in W here
                limit *= omega
            return rng.uniform(-limit, limit, size=shape)

        return draw

    return siren


_FACTORIES: dict[str, Callable[..., Scheme]] = {
    "zeros": _zeros,
    "constant": _constant,
    "uniform": _uniform,
    "normal": _normal,
    "truncated_normal": _truncated_normal,
    **{
        f"{name}_{law}": partial(_scaled, variance, law)
        for name, variance in _VARIANCES.items()
        for law in ("normal", "uniform")
    },
    "orthogonal": _orthogonal,
}

#: The names that `init` accepts.
INITS = ("auto", *_FACTORIES, "siren")


def schemes(init: Any, activations: Sequence[str], dtype: np.dtype[Any]) -> list[Scheme]:
    """The functions that draw the weights of each layer.

    Parameters
    ----------
    init : str, callable or a list of them
        A name of `INITS`, with parameters if needed, as "normal(std=0.1)", or a custom function;
        one for all layers, or one per layer.
    activations : sequence of str
        Names of f_1 ... f_L, for "auto" and "siren".
    dtype : numpy.dtype
        In which the weights of a custom function must be finite.

    Raises
    ------
    TypeError, ValueError
        Anything else, an unknown name (the message suggests the nearest one), or wrong parameters.
    """
    chosen = validation.one_per_layer("init", init, (str, Callable), len(activations))
    return [
        _named(choice, activation, l == 0) if isinstance(choice, str) else _checked(choice, dtype)
        for l, (choice, activation) in enumerate(zip(chosen, activations, strict=True))
    ]


def _checked(own: Scheme, dtype: np.dtype[Any]) -> Scheme:
    """A custom function, whose result is validated."""
    if not callable(own):
        raise TypeError(f"init: got {own!r}; expected a name or a function of shape and rng")

    def draw(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        n_out, n_in = shape
        return validation.matrix("init", own(shape, rng), dtype, n_in, n_out)

    return draw


@lru_cache
def _named(name: str, activation: str, first: bool) -> Scheme:
    """The scheme of that name: the same for all networks, since it keeps nothing."""

    def auto() -> Scheme:
        kind = activation.partition("(")[0]
        scheme = "he_normal" if kind in _HE else "glorot_uniform"
        return _FACTORIES["lecun_normal" if kind == "selu" else scheme]()

    siren = _siren(activation, first)
    return from_name("init", name, {}, {"auto": auto, **_FACTORIES, "siren": siren})
