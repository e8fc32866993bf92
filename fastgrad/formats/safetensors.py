"""Networks as safetensors files: 0.weight, 0.bias, ..., and the spec as JSON in the header."""

import json
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .. import validation
from ..atomic_write import atomic_write
from ..model.function_names import by_name
from ..model.layer import Arrays, ArrayShape
from ..model.spec import NetworkSpec
from .tensor_names import from_file, to_file

__all__ = [
    "DamagedError", "NetworkFile", "NotFiniteError", "check_path", "check_shapes",
    "copy_arrays", "read", "read_metadata", "write",
]  # fmt: skip

_FORMAT = "2"
_EARLIER = "1"  # with fastgrad's own names of tensors
_MAX_DEPTH = 100  # of JSON, which code that calls itself goes through

#: Type of each entry of the spec in the header.
_ENTRIES = {
    "sizes": list,
    "activations": list,
    "cost": list,
    "dtype": str,
    "training": dict,
    "metadata": dict,
}


class NotFiniteError(ValueError):
    """There is a NaN or infinity among the numbers to be written or read."""


class DamagedError(ValueError):
    """A file is not as it was written: cut off, or changed."""


class NetworkFile(NamedTuple):
    """The content of a file.

    Attributes
    ----------
    spec : NetworkSpec
        What the network is.
    arrays : dict of str to ndarray
        Its arrays by name, and those of the training state.
    state : dict or None
        The training state, if it is a checkpoint.
    """

    spec: NetworkSpec
    arrays: Arrays
    state: dict[str, Any] | None


def check_path(name: str, path: Path) -> None:
    """Raise unless a file can be there: in a folder that exists, not a folder or device itself."""
    if path.exists() and not path.is_file():
        raise IsADirectoryError(f"{name}: got {path}, a folder or device; expected a file's name")
    validation.in_a_folder(name, path)


def check_writable(name: str, path: Path) -> None:
    """Raise unless a file can be written there; called before the work whose result it holds."""
    check_path(name, path)
    try:
        tempfile.TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        raise type(error)(
            f"{name}: got {path}; expected it in a folder that can be written to ({error.strerror})"
        ) from None


def write(
    path: Any,
    spec: NetworkSpec,
    arrays: Arrays,
    state: dict[str, Any] | None = None,
    keep: bool = False,
) -> None:
    """Write a network atomically: the file is the old one or the complete new one.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced.
    spec : NetworkSpec
        What the network is.
    arrays : dict of str to ndarray
        Its arrays by name, and those of the training state.
    state : dict, optional
        The training state, such as JSON can hold it.
    keep : bool, default False
        Whether the file that is replaced remains under the name of `previous`.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError, TypeError
        If a number is not finite, JSON cannot hold the metadata or the state, or two different
        custom functions have the same name.
    """
    path = Path(validation.path("path", path))
    check_path("path", path)
    by_name(str(path), spec.functions)
    for name, array in arrays.items():
        _check_finite(path, name, array)
    # "pt" is what other readers look for: tensors as PyTorch has them
    header = {"format": "pt", "fastgrad": _FORMAT, "network": _json("metadata", spec.config())}
    header |= {"state": _json("extra_state", state)} if state else {}
    arrays = {name: np.ascontiguousarray(array) for name, array in to_file(arrays).items()}
    header["checksum"] = _checksum(header, arrays)
    content = _ordered(to_bytes(arrays, header))
    with atomic_write(path, keep) as temporary:
        temporary.write_bytes(content)


def _checksum(entries: Mapping[str, str], arrays: Arrays) -> str:
    """CRC-32 of the metadata and the arrays, each in the order of their names."""
    described = [[name, str(array.dtype), array.shape] for name, array in sorted(arrays.items())]
    crc = zlib.crc32(json.dumps([sorted(entries.items()), described]).encode())
    for name in sorted(arrays):
        crc = zlib.crc32(arrays[name].data, crc)
    return f"{crc:08x}"


def _ordered(content: bytes) -> bytes:
    """The file with its header in one order: that of the library varies from run to run."""
    begin, end = 8, 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[begin:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


def _json(name: str, value: dict[str, Any]) -> str:
    """The value as JSON from which it comes back the same, but for tuples, which are lists then."""
    try:
        text = json.dumps(value, allow_nan=False)
        _check_nested(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{name}: got something that JSON cannot hold ({error})") from None
    return text


def _check_nested(value: Any, depth: int = 0) -> None:
    """Raise unless all keys are text, since JSON would make text of others, and it is not deep.

    Text must be Unicode: half of a pair of surrogates is none.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"lists and objects within each other, more than {_MAX_DEPTH}")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r}, which is no text")
            key.encode()
        value = value.values()
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, Iterable):
        for item in value:
            _check_nested(item, depth + 1)


def read(path: Any, custom_objects: Any = ()) -> NetworkFile:
    """Read a file that `write` has written.

    Parameters
    ----------
    path : path-like
        The file.
    custom_objects : iterable of Activation and Cost
        The custom functions of the network: a file holds only their names.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is another kind of file, damaged or truncated, or a custom function is not given.
    """
    functions = by_name("custom_objects", custom_objects)
    config, arrays, state = _read(path)
    try:
        spec = NetworkSpec.from_config(config, functions)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    return NetworkFile(spec, arrays, state)


def read_metadata(path: Any) -> dict[str, Any]:
    """`Network.metadata` from a file, for which no custom functions are needed.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `read`.
    """
    config, _, _ = _read(path)
    metadata: dict[str, Any] = config["metadata"]
    return metadata


def _read(path: Any) -> tuple[dict[str, Any], Arrays, dict[str, Any] | None]:
    """The spec's configuration, the arrays and the training state of a file."""
    path = Path(validation.path("path", path))
    validation.existing_file(path, "a model saved by fastgrad")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = validation.shortened(str(error), 200)
        raise DamagedError(
            f"{path}: got a file that is damaged, truncated or of another kind ({reason}); "
            "expected a model saved by fastgrad"
        ) from None
    checksum = header.pop("checksum", None)
    if checksum not in (None, _checksum(header, arrays)):
        raise DamagedError(
            f"{path}: got a damaged file, whose checksum is not {checksum!r}; expected it as"
            " fastgrad has written it"
        )
    if header.get("fastgrad") not in (_FORMAT, _EARLIER) or "network" not in header:
        raise ValueError(
            f"{path}: got a safetensors file of something else; expected a model saved by fastgrad"
        )
    try:
        config = json.loads(header["network"])
        state = json.loads(header["state"]) if "state" in header else None
        _check_nested([config, state])
    except (ValueError, RecursionError):
        config = state = None
    # Earlier versions wrote no checksum: without one an unknown entry may be what is left of it.
    is_unknown = checksum is None and header.keys() - {"format", "fastgrad", "network", "state"}
    is_unknown = is_unknown or header.get("format", "pt") != "pt"
    is_config = isinstance(config, dict) and {k: type(v) for k, v in config.items()} == _ENTRIES
    if not is_config or not isinstance(state, dict | None) or is_unknown:
        raise DamagedError(f"{path}: got a damaged header; expected a model saved by fastgrad")
    if header["fastgrad"] != _EARLIER:
        arrays = from_file(arrays)
    return config, arrays, state


def check_shapes(path: Any, expected: Iterable[ArrayShape], arrays: Arrays) -> None:
    """Raise ValueError unless the arrays of a file have these names, dtypes and shapes."""
    names = set()
    for name, dtype, shape in expected:
        received = arrays.get(name)
        if received is None or received.shape != shape or received.dtype != dtype:
            what = "nothing" if received is None else f"{received.dtype} {received.shape}"
            raise ValueError(f"{path}: got {what} for {name}; expected {dtype} {shape}")
        names.add(name)
    if unexpected := arrays.keys() - names:
        name = validation.shown(min(unexpected))
        raise ValueError(f"{path}: got a tensor {name}; expected no such tensor")


def copy_arrays(path: Any, into: Arrays, arrays: Arrays) -> None:
    """Copy the arrays of a file into existing ones of the same names.

    Raises
    ------
    ValueError
        If one is missing, unexpected, of another shape or dtype, or not finite; then nothing is
        copied.
    """
    check_shapes(path, ((name, a.dtype, a.shape) for name, a in into.items()), arrays)
    for name in into:
        _check_finite(path, name, arrays[name])
    for name, array in into.items():
        array[...] = arrays[name]


def _check_finite(path: Any, name: str, array: np.ndarray[Any, Any]) -> None:
    if not np.isfinite(array).all():
        raise NotFiniteError(f"{path}: got NaN or infinity in {name}; expected finite numbers")
