"""The networks of a model of tables in one safetensors file."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..checkpoint import MEMBER, load, networks_of
from ..formats import safetensors
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..model.layer import Arrays
from ..network import Network
from ..validation import shown

__all__ = ["read_networks", "write_networks"]


def write_networks(path: Any, networks: Sequence[Network], metadata: dict[str, Any]) -> None:
    """Write networks atomically: of several the deep ones first, linear ones last."""
    spec = replace(networks[0].spec, metadata=metadata | {"members": len(networks)})
    safetensors.write(path, spec, _named_arrays(networks))


def read_networks(
    path: Any, custom_objects: Iterable[Activation | Cost]
) -> tuple[list[Network], dict[str, Any]]:
    """Read the networks of a file, also of a single one, and the metadata.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind.
    """
    metadata = safetensors.read_metadata(path)
    members = metadata.pop("members", 1)
    if members == 1:
        return [load(path, custom_objects)], metadata
    spec, arrays, _ = safetensors.read(path, custom_objects)
    if type(members) is not int or not 1 < members <= len(arrays):
        raise ValueError(f"{path}: got {shown(members)} members; expected one per network")
    last = f"layer.{len(spec.layers)}.W"
    begins = [f"{MEMBER}{k}." for k in range(members)]
    specs = {begin: spec if begin + last in arrays else spec.linear for begin in begins}
    return networks_of(path, specs, arrays), metadata


def _named_arrays(networks: Sequence[Network]) -> Arrays:
    """The arrays of all networks by their names in a file."""
    if len(networks) == 1:
        return networks[0].arrays
    return {
        f"{MEMBER}{k}.{name}": array
        for k, net in enumerate(networks)
        for name, array in net.arrays.items()
    }
