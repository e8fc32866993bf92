"""Initial weights: each layer's scheme follows from its activation unless told otherwise."""

from typing import Any

import numpy as np

__all__ = ["INITS", "draw"]

# variance of a weight, from the nodes of the layer before (n_in) and of its own (n_out)
_VARIANCES = {
    "he": lambda n_in, n_out: 2 / n_in,  # K. He et al., arXiv:1502.01852
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),  # X. Glorot, Y. Bengio, AISTATS 2010
    "lecun": lambda n_in, n_out: 1 / n_in,  # Y. LeCun et al., Efficient BackProp, 1998
}

_HE = {"relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "softplus"}

#: Names that `init` takes.
INITS = (
    "auto",
    "zeros",
    *(f"{scheme}_{shape}" for scheme in _VARIANCES for shape in ("normal", "uniform")),
)


def draw(
    init: str, activation: str, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray[Any, Any]:
    """Weights (n_out, n_in) in float64 by the scheme `init`; "auto" goes by the activation."""
    n_out, n_in = shape
    if init == "zeros":
        return np.zeros((n_out, n_in))
    if init == "auto":
        kind = activation.partition("(")[0]
        init = "he_normal" if kind in _HE else "glorot_uniform"
        init = "lecun_normal" if kind == "selu" else init
    scheme, _, law = init.partition("_")
    deviation = float(_VARIANCES[scheme](n_in, n_out)) ** 0.5
    if law == "normal":
        return rng.normal(scale=deviation, size=(n_out, n_in))
    return rng.uniform(-deviation * 3**0.5, deviation * 3**0.5, size=(n_out, n_in))
