"""Layers of Keras, told to a chain."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...kernels.activations import elu, leaky_relu
from ...validation import shown
from ..chain import Chain
from .writer import FUNCTIONS

__all__ = ["EXPECTED", "Layer", "tell"]

Array = np.ndarray[Any, Any]

EXPECTED = (
    "Dense, activations, Dropout, BatchNormalization, Normalization, Rescaling or Flatten, one"
    " after another"
)
_NAMES_HERE = {theirs: here for here, theirs in FUNCTIONS.items()} | {"swish": "silu"}


class Layer(NamedTuple):
    """A layer as Keras describes it, and how its arrays are had."""

    name: str
    kind: str
    config: Mapping[str, Any]
    arrays: Callable[[list[tuple[int | None, ...]]], list[Array]]


def tell(chain: Chain, layer: Layer) -> None:
    """Tell the chain one layer.

    Parameters
    ----------
    chain : Chain
        What the network is made from.
    layer : Layer
        Its kind is the name of the class, of operations with "ops." before it.

    Raises
    ------
    ValueError
        If there is no such layer here.
    """
    if layer.kind in _PASSED_OVER:
        return
    if layer.kind not in _KINDS:
        received = f"a layer {shown(layer.kind.removeprefix('ops.'))}"
        raise chain.error(layer.name, received, EXPECTED)
    _check_dtype(chain, layer.name, layer.config)
    _KINDS[layer.kind](chain, layer)


def _check_dtype(chain: Chain, place: str, config: Mapping[str, Any]) -> None:
    policy = config.get("dtype", "float32")
    if isinstance(policy, Mapping):
        policy = policy["config"]["name"]
    if policy not in ("float32", "float64"):
        raise chain.error(place, f"dtype {shown(policy)}", "float32 or float64")
    if config.get("quantization_config"):
        raise chain.error(place, "quantised weights", "float32 or float64")


def _check_axis(chain: Chain, place: str, axis: Any) -> None:
    """Raise unless it is that of the nodes."""
    if axis not in (-1, 1) and [*axis] not in ([-1], [1]):
        raise chain.error(place, f"axis {shown(axis)}", "axis -1")


def _number(chain: Chain, place: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise chain.error(place, shown(value), "a number")
    return float(value)


def _tell_dense(chain: Chain, layer: Layer) -> None:
    place, config = layer.name, layer.config
    units = config["units"]
    if type(units) is not int or units < 1:
        raise chain.error(place, f"{shown(units)} units", "an integer of at least 1")
    has_bias = bool(config["use_bias"])
    shapes: list[tuple[int | None, ...]] = [(chain.width, units), *[(units,)] * has_bias]
    arrays = layer.arrays(shapes)
    if len(arrays) != len(shapes):
        raise chain.error(place, "a layer without weights", "a model that is built")
    W = np.ascontiguousarray(arrays[0].T)
    chain.layer(place, W, arrays[1] if has_bias else None, bool(config.get("trainable", True)))
    _tell_function(chain, place, config["activation"])


def _tell_function(chain: Chain, place: str, name: Any) -> None:
    """Tell the chain an activation as a configuration names it."""
    if name == "leaky_relu":
        chain.activation(place, leaky_relu(0.2))  # the default of Keras' function
    elif name == "elu":
        chain.activation(place, "elu")
    elif name in ("softmax", "exponential"):
        chain.link(place, "exp" if name == "exponential" else name)
    elif isinstance(name, str) and name in _NAMES_HERE:
        chain.activation(place, _NAMES_HERE[name])
    else:
        expected = f"one of {', '.join(_NAMES_HERE)}"
        raise chain.error(place, f"the activation {shown(name)}", expected)


def _tell_relu(chain: Chain, layer: Layer) -> None:
    place, config = layer.name, layer.config
    slope = _number(chain, place, config.get("negative_slope") or 0.0)
    if config.get("max_value") is not None or config.get("threshold"):
        raise chain.error(place, "ReLU with a limit or a threshold", "ReLU without")
    chain.activation(place, leaky_relu(slope) if slope else "relu")


def _tell_batch_normalization(chain: Chain, layer: Layer) -> None:
    """By its moving averages, as it predicts."""
    place, config, n = layer.name, layer.config, chain.width
    _check_axis(chain, place, config["axis"])
    has_scale, has_center = bool(config["scale"]), bool(config["center"])
    arrays = [*layer.arrays([(n,)] * (2 + has_scale + has_center))]
    if len(arrays) != 2 + has_scale + has_center:
        raise chain.error(place, "a layer without weights", "a model that is built")
    exact = [array.astype(np.float64) for array in arrays]
    gamma = exact.pop(0) if has_scale else 1.0
    beta = exact.pop(0) if has_center else 0.0
    mean, variance = exact
    epsilon = _number(chain, place, config["epsilon"])
    with np.errstate(all="ignore"):  # NaN is an error of the chain's
        chain.scaling(place, mean, gamma / np.sqrt(variance + epsilon), beta)


def _tell_normalization(chain: Chain, layer: Layer) -> None:
    place, config = layer.name, layer.config
    _check_axis(chain, place, config["axis"])
    if config.get("invert"):
        raise chain.error(place, "an inverted Normalization", "invert=False")
    if config.get("mean") is None:
        arrays = layer.arrays([(chain.width,)] * 2)
        if len(arrays) != 2:
            raise chain.error(place, "a layer without mean and variance", "adapt() before")
        mean, variance = (array.astype(np.float64) for array in arrays)
    else:
        mean, variance = (np.asarray(config[n], np.float64) for n in ("mean", "variance"))
    with np.errstate(all="ignore"):
        chain.scaling(place, mean, 1 / np.maximum(np.sqrt(variance), 1e-7))  # as Keras does


def _tell_activation(chain: Chain, layer: Layer) -> None:
    _tell_function(chain, layer.name, layer.config["activation"])


def _tell_elu(chain: Chain, layer: Layer) -> None:
    alpha = _number(chain, layer.name, layer.config.get("alpha", 1.0))
    chain.activation(layer.name, elu(alpha))


def _tell_gelu(chain: Chain, layer: Layer) -> None:
    chain.activation(layer.name, "gelu_tanh" if layer.config["approximate"] else "gelu")


def _tell_softmax(chain: Chain, layer: Layer) -> None:
    _check_axis(chain, layer.name, layer.config["axis"])
    chain.link(layer.name, "softmax")


def _tell_rescaling(chain: Chain, layer: Layer) -> None:
    scale, offset = (np.asarray(layer.config[n], np.float64) for n in ("scale", "offset"))
    if (scale == 1).all():
        chain.scaling(layer.name, -offset, 1.0)
    else:
        chain.scaling(layer.name, 0.0, scale, offset)


#: Layers that are no part of a network, or nothing for inputs of one dimension.
_PASSED_OVER = ("InputLayer", "Flatten", "Identity")

_KINDS: dict[str, Callable[[Chain, Layer], None]] = {
    "Dense": _tell_dense,
    "Activation": _tell_activation,
    **dict.fromkeys(("ReLU", "LeakyReLU", "ops.Relu", "ops.LeakyRelu"), _tell_relu),
    **dict.fromkeys(("ELU", "ops.Elu"), _tell_elu),
    "ops.Gelu": _tell_gelu,
    **dict.fromkeys(("Softmax", "ops.Softmax"), _tell_softmax),
    "ops.Sin": lambda chain, layer: chain.activation(layer.name, "sin"),
    "Dropout": lambda chain, layer: chain.dropout(
        layer.name, _number(chain, layer.name, layer.config["rate"])
    ),
    "GaussianNoise": lambda chain, layer: chain.noise(
        layer.name, _number(chain, layer.name, layer.config["stddev"])
    ),
    "Rescaling": _tell_rescaling,
    "BatchNormalization": _tell_batch_normalization,
    "Normalization": _tell_normalization,
}
