"""A network from a safetensors file of another library: weights and biases by name, no more."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from .. import validation
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from .chain import Chain
from .portable import PortableNetwork

__all__ = ["Tensor", "TensorFile", "read"]

Array = np.ndarray[Any, Any]

_PARAMETER = re.compile(r"(?:(.*)\.)?(weight|bias)", re.DOTALL)
_DTYPES = ("F32", "F64")
_MAX_TENSORS = 5_000  # more are no chain of dense layers


class Tensor:
    """A tensor of a file by what its header says.

    Attributes
    ----------
    name, dtype : str
        The dtype in the words of safetensors, such as "F32".
    shape : tuple of int
    """

    def __init__(self, name: str, content: Any) -> None:
        self.name = name
        self._content = content
        self.dtype: str = content.get_dtype()
        self.shape: tuple[int, ...] = tuple(content.get_shape())

    def array(self) -> Array:
        """Its numbers."""
        # an empty index takes all, whatever the number of dimensions
        array: Array = self._content[...]
        return array


class TensorFile:
    """A safetensors file by whomever, of which the header is read and tensors on demand.

    Attributes
    ----------
    path : Path
    metadata : dict of str to str
    n_tensors : int
    tensors : dict of str to Tensor
        In the natural order of their names; none if there are more than 5,000.
    """

    def __init__(self, path: Any) -> None:
        self.path = Path(validation.path("path", path))
        validation.existing_file(self.path, "a safetensors file")
        try:
            with safe_open(self.path, framework="numpy") as file:
                self.metadata: dict[str, str] = file.metadata() or {}
                names = file.keys()
                self.n_tensors = len(names)
                known = [] if self.n_tensors > _MAX_TENSORS else sorted(names, key=_natural)
                self.tensors = {name: Tensor(name, file.get_slice(name)) for name in known}
        except (SafetensorError, OSError) as error:
            reason = validation.shortened(str(error), 200)
            raise ValueError(
                f"{self.path}: got a file that is damaged, truncated or of another kind"
                f" ({reason}); expected a safetensors file"
            ) from None

    @property
    def is_ours(self) -> bool:
        """Whether fastgrad has written it."""
        return "fastgrad" in self.metadata


def read(
    path: Any,
    activations: str | Activation | Sequence[str | Activation],
    cost: str | Cost | None = None,
) -> PortableNetwork:
    """Read the network of a file with a weight, and mostly a bias, per layer.

    Parameters
    ----------
    path, activations, cost
        `path`, `activation` and `cost` as for `fastgrad.from_safetensors`.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        As for `fastgrad.from_safetensors`.
    """
    file = TensorFile(path)
    source = str(file.path)
    if file.is_ours:
        raise ValueError(f"{source}: got a model of fastgrad; expected a file of another library")
    chain, layers = Chain(source), _layers(file)
    for (name, tensors), f in zip(
        layers.items(), _per_layer(activations, len(layers)), strict=True
    ):
        weight, bias = tensors["weight"], tensors.get("bias")
        chain.layer(name, weight.array(), None if bias is None else bias.array())
        chain.activation(name, f)
    return chain.network(cost)


def _layers(file: TensorFile) -> dict[str, dict[str, Tensor]]:
    """Weight and bias of each layer by its name, in the natural order of the names."""
    layers: dict[str, dict[str, Tensor]] = {}
    for tensor in file.tensors.values():
        place = f"{file.path}: {validation.shown(tensor.name)}"
        found = _PARAMETER.fullmatch(tensor.name)
        if found is None:
            raise ValueError(f"{place}: got an unknown tensor; expected names such as '0.weight'")
        n_axes = 2 if found[2] == "weight" else 1
        is_parameter = len(tensor.shape) == n_axes and 0 not in tensor.shape
        if tensor.dtype not in _DTYPES or not is_parameter:
            raise ValueError(
                f"{place}: got {tensor.dtype} {tensor.shape}; expected F32 or F64 with"
                f" {n_axes} {'axes' if n_axes > 1 else 'axis'}, of a dense layer"
            )
        layers.setdefault(validation.shown(found[1] or ""), {})[found[2]] = tensor
    if file.n_tensors > _MAX_TENSORS:
        raise ValueError(
            f"{file.path}: got {file.n_tensors:,} tensors; expected at most {_MAX_TENSORS:,}"
        )
    if not layers:
        raise ValueError(f"{file.path}: got no tensor; expected the weights of a layer")
    patterns = {re.sub(r"\d+", "#", name) for name in layers}
    if len(layers) > 1 and (len(patterns) > 1 or patterns & {*layers}):
        listed = validation.shortened(", ".join(layers))
        raise ValueError(
            f"{file.path}: got the layers {listed}, whose order their names do not tell; expected"
            " names that differ by a number, as '0', '2' or 'fc1', 'fc2'"
        )
    for name, tensors in layers.items():
        if "weight" not in tensors:
            raise ValueError(f"{file.path}: {name}: got a bias alone; expected a weight with it")
    return layers


def _per_layer(
    activations: str | Activation | Sequence[str | Activation], n_layers: int
) -> list[str | Activation]:
    """The activation of each layer: one for all hidden ones, or one per layer."""
    given = [activations] if isinstance(activations, str | Activation) else list(activations)
    if len(given) == 1:
        given *= n_layers - 1
    if len(given) == n_layers - 1:
        given.append("identity")
    if len(given) != n_layers:
        raise ValueError(
            f"activation: got {len(given)}; expected one, or one for each of the"
            f" {n_layers - 1} hidden layers, or of all {n_layers}"
        )
    return given


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that orders numbers in names by their value: "layer.2" before "layer.10"."""
    parts = re.split(r"(\d+)", name, flags=re.ASCII)
    return [
        (len(part.lstrip("0")) if n % 2 else 0, part.lstrip("0") if n % 2 else part)
        for n, part in enumerate(parts)
    ]
