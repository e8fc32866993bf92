"""Networks from models of Keras and from .keras files, by what they say of their layers.

Of a model Keras itself is asked, of a file nothing but its JSON and its arrays is read: no class of
either is made, and nothing is run.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...extras import import_extra
from ...kernels.costs import Cost
from ...validation import shown
from ..chain import Chain
from ..portable import PortableNetwork
from .layers import EXPECTED, Layer, tell
from .model_file import ArraysOf, ModelFile

__all__ = ["read"]

Array = np.ndarray[Any, Any]

_MODELS = ("Sequential", "Functional")
_MAX_DEPTH = 20


def read(source: Any, cost: str | Cost | None = None) -> PortableNetwork:
    """The network of a model of Keras or of a .keras file.

    Parameters
    ----------
    source : keras.Model or path-like
        A chain of layers: a Sequential or functional model, built, or its file.
    cost : str or Cost, optional
        As for `Chain.network`.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If a layer cannot be carried over, which the message names; or the file is damaged.
    """
    if hasattr(source, "layers") and hasattr(source, "get_config"):
        keras = import_extra("keras", "keras", "from_keras")
        chain = Chain("model")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of custom functions, which are errors below
            config = keras.saving.serialize_keras_object(source)
        _tell_all(chain, config, _arrays_of_object(source))
        return chain.network(cost)
    with ModelFile(source) as file:
        chain = Chain(str(source))
        try:
            _tell_all(chain, file.config, file.arrays)
        except (AttributeError, KeyError, TypeError, IndexError, OverflowError) as error:
            raise file.damaged(f"{type(error).__name__}: {error}") from None
        return chain.network(cost)


def _arrays_of_object(model: Any) -> ArraysOf:
    """The arrays of the layers of a model."""

    def arrays(path: tuple[str, ...], shapes: list[tuple[int | None, ...]]) -> list[Array]:
        layer = model
        for step in path:
            layer = layer.get_layer(step.partition("/")[2])
        return [np.asarray(values) for values in layer.get_weights()[: len(shapes)]]

    return arrays


def _tell_all(chain: Chain, config: Any, arrays: ArraysOf) -> None:
    for layer in _layers(chain, config, arrays, (), 0):
        tell(chain, layer)


def _layers(
    chain: Chain, model: Any, arrays: ArraysOf, path: tuple[str, ...], depth: int
) -> Iterator[Layer]:
    """The layers of a model in their order, those of models within it in their place."""
    if model["class_name"] not in _MODELS or depth > _MAX_DEPTH:
        received = shown(model["class_name"])
        which = "/".join(path) or "the model"
        raise chain.error(which, f"a model {received}", "a Sequential or functional one")
    described = model["config"]["layers"]
    counts: dict[str, int] = {}
    named = {}
    for layer in described:
        kind = layer["class_name"]
        k = counts[kind] = counts.get(kind, -1) + 1
        name = str(layer["config"]["name"])
        named[name] = layer, (*path, f"{_snake_case(kind)}{f'_{k}' if k else ''}/{name}")
    order = (
        named if model["class_name"] == "Sequential" else _chained(chain, model["config"], named)
    )
    for name in order:
        layer, place = named[name]
        if layer["class_name"] in _MODELS:
            yield from _layers(chain, layer, arrays, place, depth + 1)
            continue
        kind, module = layer["class_name"], str(layer.get("module"))
        if not (module == "keras" or module.startswith("keras.")):
            raise chain.error(name, f"a custom layer {shown(kind)}", EXPECTED)
        kind = f"ops.{kind}" if ".ops" in module else kind
        yield Layer(name, kind, layer["config"], _of_place(arrays, place))


def _of_place(
    arrays: ArraysOf, place: tuple[str, ...]
) -> Callable[[list[tuple[int | None, ...]]], list[Array]]:
    return lambda shapes: arrays(place, shapes)


def _snake_case(kind: str) -> str:
    """The name of a class in the file of the weights, which has no names of layers."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).strip("_")


def _chained(chain: Chain, config: Any, named: Mapping[str, Any]) -> list[str]:
    """The names of a functional model's layers, each of which takes what the one before gives."""
    after: dict[str | None, str] = {}
    for name, (layer, _) in named.items():
        calls = layer["inbound_nodes"]
        if not calls and layer["class_name"] == "InputLayer":
            before = None
        else:
            taken = [_history(node) for node in calls]
            if len(taken) != 1 or taken[0] is None:
                raise chain.error(name, "a branch, or a layer that is used twice", EXPECTED)
            before = taken[0]
        if before in after:
            raise chain.error(name, f"a second layer after {before or 'the inputs'}", EXPECTED)
        after[before] = name
    order: list[str] = []
    at: str | None = None
    while at in after and len(order) < len(named):
        at = after[at]
        order.append(at)
    outputs = config["output_layers"]
    last = outputs[0] if isinstance(outputs[0], str) else outputs[0][0]
    if len(order) < len(named) or last != order[-1]:
        raise chain.error(shown(last), "an output that is not the last layer", EXPECTED)
    return order


def _history(node: Any) -> str | None:
    """The layer whose output a call takes; None if it takes several, or none."""
    given = [*node["args"], *(v for v in node["kwargs"].values() if isinstance(v, Mapping))]
    if len(given) != 1 or not isinstance(given[0], Mapping):
        return None
    name, _, k = given[0]["config"]["keras_history"]
    return str(name) if k == 0 else None
