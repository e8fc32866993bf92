"""Several networks in one safetensors file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..checkpoint import MEMBER, load, networks_of
from ..formats import safetensors
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..model.function_names import by_name
from ..model.layer import Arrays
from ..model.spec import NetworkSpec
from ..network import Network
from ..validation import shown

__all__ = ["read_networks", "write_networks"]


def write_networks(path: Any, networks: Sequence[Network], metadata: Mapping[str, Any]) -> None:
    """Write networks atomically; the metadata take the place of the first one's.

    The header describes the first network, and in its metadata those that do not follow from it.
    """
    by_name(str(path), [function for net in networks for function in net.spec.functions])
    spec = networks[0].spec
    described = {**metadata, "members": len(networks)}
    if len(networks) > 1:
        first = replace(spec, metadata={})
        configs = [net.spec.config() for net in networks]
        if configs != [
            (first if len(net.layers) > 1 else first.linear).config() for net in networks
        ]:
            described["networks"] = configs
    safetensors.write(path, replace(spec, metadata=described), _named_arrays(networks))


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
    metadata, functions = safetensors.read_metadata(path), [*custom_objects]
    members, configs = metadata.pop("members", 1), metadata.pop("networks", None)
    if members == 1:
        return [load(path, functions)], metadata
    spec, arrays, _ = safetensors.read(path, functions)
    if type(members) is not int or not 1 < members <= len(arrays):
        raise ValueError(f"{path}: got {shown(members)} members; expected one per network")
    begins = [f"{MEMBER}{k}." for k in range(members)]
    if configs is None:
        first, last = replace(spec, metadata={}), f"layer.{len(spec.layers)}.W"
        specs = [first if begin + last in arrays else first.linear for begin in begins]
    else:
        specs = _specs(path, configs, members, functions)
    return networks_of(path, dict(zip(begins, specs, strict=True)), arrays), metadata


def _specs(
    path: Any, configs: Any, members: int, functions: Iterable[Activation | Cost]
) -> list[NetworkSpec]:
    """The specs of networks that do not follow from the first one's."""
    if not isinstance(configs, list) or len(configs) != members:
        raise ValueError(f"{path}: networks: got {shown(configs)}; expected {members} descriptions")
    try:
        custom = by_name("custom_objects", functions)
        return [NetworkSpec.from_config(config, custom) for config in configs]
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _named_arrays(networks: Sequence[Network]) -> Arrays:
    """The arrays of all networks by their names in a file."""
    if len(networks) == 1:
        return networks[0].arrays
    return {
        f"{MEMBER}{k}.{name}": array
        for k, net in enumerate(networks)
        for name, array in net.arrays.items()
    }
