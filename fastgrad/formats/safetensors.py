"""Networks as safetensors files: layer.1.W, layer.1.b, ..., and the rest as JSON in the header."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .. import validation
from ..atomic_write import atomic_write
from ..model.layer import settings

if TYPE_CHECKING:
    from ..kernels.activations import Activation
    from ..kernels.costs import Cost
    from ..network import Network

__all__ = [
    "NotFiniteError",
    "arrays",
    "by_name",
    "fill",
    "functions",
    "must_have_a_place",
    "name_of",
    "read",
    "save",
    "set_training",
    "training",
]

_FORMAT = "1"

Arrays = dict[str, np.ndarray[Any, Any]]


class NotFiniteError(ValueError):
    """There is a NaN or infinity among numbers to be saved or read."""


def arrays(net: "Network") -> Arrays:
    """All of a network's numbers by their names in a file, as views."""
    named = {"input.mean": net.inputs.mean, "input.scale": net.inputs.scale}
    for l, layer in enumerate(net.layers, start=1):
        named |= {f"layer.{l}.W": layer.W, f"layer.{l}.b": layer.b}
    return named


def training(net: "Network") -> dict[str, Any]:
    """How the inputs and each layer are trained: penalties, dropout and the like."""
    return {"inputs": settings(net.inputs), "layers": [settings(layer) for layer in net.layers]}


def set_training(net: "Network", described: Mapping[str, Any]) -> None:
    """The reverse of `training`."""
    for of, its in zip(
        (net.inputs, *net.layers), (described["inputs"], *described["layers"]), strict=True
    ):
        for name, value in its.items():
            setattr(of, name, value)


def must_have_a_place(name: str, path: Path) -> None:
    """Raise unless the path is that of a file, or of none yet, in a folder that exists."""
    if path.exists() and not path.is_file():
        raise IsADirectoryError(f"{name}: got {path}, a folder or device; expected a file's name")
    validation.in_a_folder(name, path)


def save(
    net: "Network", path: Any, more: Arrays | None = None, state: dict[str, Any] | None = None
) -> None:
    """Write a network to `path`, whole or not at all, and the state of its training, if given."""
    path = Path(validation.path("path", path))
    must_have_a_place("path", path)
    by_name(str(path), functions(net))
    tensors = arrays(net) | (more or {})
    for name, array in tensors.items():
        _must_be_finite(path, name, array)
    described = {
        "sizes": net.sizes,
        "activations": [name_of(f) for f in net.activation_functions],
        "cost": [[name_of(cost), nodes, weight] for cost, nodes, weight in net.heads],
        "dtype": str(net.dtype),
        "training": training(net),
        "metadata": net.metadata,
    }
    header = {"fastgrad": _FORMAT, "network": _json("metadata", described)}
    header |= {"state": _json("extra_state", state)} if state else {}
    content = to_bytes({k: np.ascontiguousarray(v) for k, v in tensors.items()}, header)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _json(name: str, described: dict[str, Any]) -> str:
    try:
        return json.dumps(described)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: got something that JSON cannot hold ({error})") from None


def name_of(function: "Activation | Cost") -> str:
    """Its name, marked where it is the user's own: a built-in one must not stand in for it."""
    kind = type(function).__name__.lower()
    return function.name if function.builtin else f"own {kind} {function.name}"


def functions(net: "Network") -> "list[Activation | Cost]":
    """All that a network is made of and a file holds the names of."""
    return [*net.activation_functions, *(head.cost for head in net.heads)]


def by_name(argument: str, given: "Iterable[Activation | Cost]") -> "dict[str, Activation | Cost]":
    """Activations and costs by their names in a file.

    Raises
    ------
    ValueError
        If two of the user's own have one name and are not the same: a file could not tell which.
    """
    named: dict[str, Activation | Cost] = {}
    for function in given:
        name = name_of(function)
        if _content(named.setdefault(name, function)) != _content(function):
            raise ValueError(
                f"{argument}: got two of the name {function.name!r} ({name}) that differ; expected"
                " a name of its own for each, since a file holds only the names"
            )
    return named


def _content(function: "Activation | Cost") -> list[Any]:
    """What tells it from others of its name; the same where a factory has made it twice."""
    if function.builtin:
        return []
    parts = []
    for part in vars(function).values():
        code, cells = getattr(part, "__code__", part), getattr(part, "__closure__", None) or ()
        around = [cell.cell_contents for cell in cells]
        numbers = [x if isinstance(x, int | float) else id(x) for x in around]
        parts.append((code, numbers, getattr(part, "__defaults__", None)))
    return parts


_ENTRIES = {
    "sizes": list,
    "activations": list,
    "cost": list,
    "dtype": str,
    "training": dict,
    "metadata": dict,
}


def read(path: Any) -> tuple[dict[str, Any], Arrays, dict[str, Any] | None]:
    """The description and the tensors of a file that `save` has written, and the state of training.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not such a file, or cut short.
    """
    path = Path(validation.path("path", path))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a model saved by fastgrad")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: got a file that is damaged, cut short or of another kind ({error}); "
            "expected a model saved by fastgrad"
        ) from None
    if header.get("fastgrad") != _FORMAT or "network" not in header:
        raise ValueError(
            f"{path}: got a safetensors file of something else; expected a model saved by fastgrad"
        )
    try:
        described = json.loads(header["network"])
        state = json.loads(header["state"]) if "state" in header else None
    except ValueError:
        described = None
    if not isinstance(described, dict) or {k: type(v) for k, v in described.items()} != _ENTRIES:
        raise ValueError(f"{path}: got a damaged header; expected a model saved by fastgrad")
    return described, tensors, state


def fill(path: Any, into: Arrays, tensors: Arrays) -> None:
    """Copy the tensors of a file into the network's arrays; raise unless they are just those.

    Raises
    ------
    ValueError
        If one is missing, too many, of another shape or dtype, or not finite.
    """
    if too_many := tensors.keys() - into.keys():
        raise ValueError(f"{path}: got {min(too_many)}; expected no such tensor")
    for name, array in into.items():
        came = tensors.get(name)
        if came is None or came.shape != array.shape or came.dtype != array.dtype:
            what = "nothing" if came is None else f"{came.dtype} {came.shape}"
            raise ValueError(f"{path}: got {what} for {name}; expected {array.dtype} {array.shape}")
        _must_be_finite(path, name, came)
    for name, array in into.items():
        array[...] = tensors[name]


def _must_be_finite(path: Any, name: str, array: np.ndarray[Any, Any]) -> None:
    if not np.isfinite(array).all():
        raise NotFiniteError(f"{path}: got NaN or infinity in {name}; expected finite numbers")
