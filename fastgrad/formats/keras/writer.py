"""Models to .keras files, through Keras itself."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ... import validation
from ...atomic_write import atomic_write
from ...extras import import_extra
from ...model.output_heads import OutputHeads
from ...registry import split_name
from ..portable import PortableLayer, PortableModel, PortableNetwork
from ..safetensors import check_path

__all__ = ["FUNCTIONS", "write"]

#: Activations without parameters that are the same functions, by their names here.
FUNCTIONS = {
    "identity": "linear",
    **{
        name: name
        for name in (
            *("relu", "selu", "gelu", "silu", "mish", "softplus", "softsign"),
            *("sigmoid", "hard_sigmoid", "tanh", "hard_tanh"),
        )
    },
}
_LINKS = {"softmax": "softmax", "sigmoid": "sigmoid", "exp": "exponential"}

#: What a tensor of Keras goes through: a layer, or a function that makes an operation of it.
Part = Callable[[Any], Any]


def _imported(needed_by: str) -> Any:
    """The library, which needs one of its backends."""
    try:
        return import_extra("keras", "keras", needed_by)
    except ImportError as error:
        if error.name in (None, "keras"):
            raise
        raise ModuleNotFoundError(
            f"{needed_by}: Keras needs {error.name}: pip install {error.name}, or choose another"
            " backend with the environment variable KERAS_BACKEND (jax, torch, tensorflow)",
            name=error.name,
        ) from None


def write(path: Any, model: PortableModel) -> None:
    """Write a model as a .keras file, atomically.

    Parameters
    ----------
    path : str or path-like
        The file, with the suffix .keras.
    model : PortableModel
        Its encoder is left out: the file takes what that makes of a table.

    Raises
    ------
    ValueError
        If the path has another suffix, or Keras lacks a function; the message names the layer.
    ModuleNotFoundError
        Without Keras or its backend.
    """
    path = Path(validation.path("path", path))
    if path.suffix != ".keras":
        raise ValueError(f"path: got {str(path)!r}; expected the suffix .keras")
    check_path("path", path)
    writer = _Writer(_imported("to_keras"))
    made = writer.model(model)
    with atomic_write(path) as temporary:
        made.save(temporary)


class _Writer:
    """Makes models of Keras.

    Parameters
    ----------
    keras : module
        The library.
    """

    def __init__(self, keras: Any) -> None:
        self._keras, self._layers, self._ops = keras, keras.layers, keras.ops
        self._weights: list[tuple[Any, PortableLayer]] = []

    def model(self, model: PortableModel) -> Any:
        """The model: a Sequential if it is a chain of layers."""
        self._check(model)
        spec = model.networks[0].spec
        x = self._keras.Input((spec.sizes[0],), dtype=str(spec.dtype))
        branches = [self._parts(network) for network in model.networks]
        limits: list[Part] = []
        if model.limits is not None:
            low, high = model.limits
            limits.append(lambda p: self._ops.clip(p, low, high))
        if len(branches) == 1:
            parts = branches[0] + limits
            if all(isinstance(part, self._layers.Layer) for part in parts):
                made = self._keras.Sequential([x, *parts])
                self._set_weights()
                return made
            p = _through(parts, x)
        else:
            dtype = "float64" if model.networks[0].of_targets is not None else str(spec.dtype)
            shares = [
                self._layers.Rescaling(weight, dtype=dtype)(_through(branch, x))
                for branch, weight in zip(branches, model.weights, strict=True)
            ]
            p = _through(limits, self._layers.Add(dtype=dtype)(shares))
        made = self._keras.Model(x, p)
        self._set_weights()
        return made

    def _check(self, model: PortableModel) -> None:
        """Raise for what Keras lacks, before anything is made."""
        model.check_one_dtype("to_keras")
        for network in model.networks:
            for l, layer in enumerate(network.layers, start=1):
                if not layer.f.builtin:
                    raise ValueError(
                        f"to_keras: layer {l}: got the custom activation {layer.f.name!r}; expected"
                        " one of fastgrad's own, which Keras has too"
                    )

    def _set_weights(self) -> None:
        for dense, layer in self._weights:
            dense.set_weights([layer.W.T, layer.b])

    def _parts(self, network: PortableNetwork) -> list[Part]:
        """What a network consists of, from the inputs to the prediction."""
        spec, layers, dtype = network.spec, self._layers, str(network.spec.dtype)
        parts: list[Part] = []
        if network.of_inputs is not None:
            mean, scale = (array.astype(np.float64).tolist() for array in network.of_inputs)
            # one after the other: (x - mean) scale does not cancel as x scale - mean scale does
            parts.append(layers.Rescaling(1.0, [-m for m in mean], dtype=dtype))
            parts.append(layers.Rescaling(scale, dtype=dtype))
        if spec.inputs["noise"]:
            parts.append(layers.GaussianNoise(spec.inputs["noise"], dtype=dtype))
        if spec.inputs["dropout"]:
            parts.append(layers.Dropout(spec.inputs["dropout"], dtype=dtype))
        for layer in network.layers:
            parts += [self._dense(layer, dtype), *self._activation(layer, dtype)]
            if layer.settings["dropout"]:
                parts.append(layers.Dropout(layer.settings["dropout"], dtype=dtype))
        parts += self._links(spec.heads, dtype)
        if network.of_targets is not None:
            mean, scale = (array.tolist() for array in network.of_targets)
            parts.append(layers.Rescaling(scale, mean, dtype="float64"))
        return parts

    def _dense(self, layer: PortableLayer, dtype: str) -> Any:
        l1, l2, regularizer = layer.settings["l1"], layer.settings["l2"], None
        if l1 or l2:  # l2 is of W^2 / 2 here, of W^2 there
            regularizer = self._keras.regularizers.L1L2(l1, l2 / 2)
        dense = self._layers.Dense(
            len(layer.b), dtype=dtype, kernel_regularizer=regularizer,
            trainable=layer.settings["trainable"],
        )  # fmt: skip
        self._weights.append((dense, layer))
        return dense

    def _activation(self, layer: PortableLayer, dtype: str) -> list[Part]:
        """The layers for an activation; an operation where Keras has no layer."""
        name, parameter = split_name(layer.f.name)
        if name == "identity":
            return []
        if name == "leaky_relu":
            slope = 0.01 if parameter is None else parameter
            if slope >= 0:
                return [self._layers.LeakyReLU(slope, dtype=dtype)]
            return [lambda u: self._ops.leaky_relu(u, slope)]
        if name == "elu":
            return [self._layers.ELU(1.0 if parameter is None else parameter, dtype=dtype)]
        if name in ("gelu_tanh", "sin"):
            gelu = partial(self._ops.gelu, approximate=True)
            return [self._ops.sin if name == "sin" else gelu]
        return [self._layers.Activation(FUNCTIONS[name], dtype=dtype)]

    def _links(self, heads: OutputHeads, dtype: str) -> list[Part]:
        """The links of the outputs: a layer for a single one, else operations by head."""
        links = [head.cost.link for head in heads]
        if all(link == "identity" for link in links):
            return []
        if len(heads) == 1:
            return [self._layers.Activation(_LINKS[links[0]], dtype=dtype)]
        ends = np.cumsum([head.nodes for head in heads])[:-1].tolist()

        def linked(a: Any) -> Any:
            applied = [
                self._layers.Activation(_LINKS.get(link, "linear"), dtype=dtype)(part)
                for link, part in zip(links, self._ops.split(a, ends, axis=1), strict=True)
            ]
            return self._layers.Concatenate(dtype=dtype)(applied)

        return [linked]


def _through(parts: list[Part], x: Any) -> Any:
    """A tensor after all parts."""
    for part in parts:
        x = part(x)
    return x
