"""Networks as safetensors files: layer.1.W, layer.1.b, ..., and the rest as JSON in the header."""

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

if TYPE_CHECKING:
    from .network import Network

__all__ = ["read", "save"]

_FORMAT = "1"


def save(net: "Network", path: Any) -> None:
    """Write a network to `path`, whole or not at all."""
    tensors = {"input.mean": net.input_mean, "input.scale": net.input_scale}
    for l, (W, b) in enumerate(net.layers, start=1):
        tensors[f"layer.{l}.W"], tensors[f"layer.{l}.b"] = W, b
    described = {
        "sizes": net.sizes,
        "activations": net.activations,
        "cost": net.cost_function.name,
        "dtype": str(net.dtype),
        "standardize": net.standardize,
        "metadata": net.metadata,
    }
    header = {"fastgrad": _FORMAT, "network": json.dumps(described)}
    content = to_bytes({k: np.ascontiguousarray(v) for k, v in tensors.items()}, header)
    path = Path(path)
    # written beside its place and moved there in one step, so that no one ever finds half a file
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Any) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """The description and the tensors of a file that `save` has written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not such a file, or cut short.
    """
    path = Path(path)
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
        raise ValueError(f"{path}: got a safetensors file of something else; expected a model saved by fastgrad")
    return json.loads(header["network"]), tensors
