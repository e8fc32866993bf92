"""Networks as modules of PyTorch, and as programs that run with PyTorch alone."""

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from .. import validation
from ..atomic_write import atomic_write
from ..extras import import_extra
from ..model.output_heads import OutputHeads
from .portable import PortableModel, PortableNetwork
from .safetensors import check_path
from .tensor_names import to_file

import_extra("torch", "torch", "to_torch")  # names the command

import torch  # noqa: E402
from torch import nn  # noqa: E402

from .torch_activations import module_of as module_of_activation  # noqa: E402
from .torch_layers import (  # noqa: E402
    Clamp,
    Destandardize,
    Exp,
    Mean,
    PerHead,
    Standardize,
)

__all__ = ["module_of", "predictor_of", "write"]

Array = np.ndarray[Any, Any]

_LINKS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=1),
    "exp": Exp,
}


def module_of(network: PortableNetwork) -> nn.Sequential:
    """The module that computes what `Network.forward` does, in evaluation mode.

    Its state dict has the names, shapes and numbers of the tensors in the network's safetensors
    file: layer l is "0", "2", ... as in a Sequential of layers and activations by turns, and what
    is not in each network has a name instead of a number: "input", "dropout_1", "target".

    Parameters
    ----------
    network : PortableNetwork
        With activations that PyTorch has.

    Raises
    ------
    ValueError
        A custom activation; the message names its layer.
    """
    spec, arrays = network.spec, to_file(network.arrays)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    if "input.mean" in arrays:
        tensors = (_tensor(arrays[f"input.{name}"]) for name in ("mean", "scale"))
        modules["input"] = Standardize(*tensors)
    if p := spec.inputs["dropout"]:
        modules["dropout_0"] = nn.Dropout(p)
    for l, layer in enumerate(network.layers, start=1):
        modules[str(2 * l - 2)] = _linear(layer.W, layer.b, bool(layer.settings["trainable"]))
        if layer.f.name != "identity":
            f = module_of_activation(layer.f)
            if f is None:
                raise ValueError(
                    f"layer {l}: got the custom activation {layer.f.name!r}; expected one of"
                    " fastgrad's own, for which there are modules of PyTorch"
                )
            modules[str(2 * l - 1)] = f
        if p := layer.settings["dropout"]:
            modules[f"dropout_{l}"] = nn.Dropout(p)
    if "target.mean" in arrays:
        tensors = (_tensor(arrays[f"target.{name}"]) for name in ("mean", "scale"))
        modules["target"] = Destandardize(*tensors)
    return nn.Sequential(modules).eval()


def _linear(W: Array, b: Array, trainable: bool) -> nn.Linear:
    # without drawing initial weights, which takes time and numbers of torch's generator
    linear = nn.utils.skip_init(
        nn.Linear, *reversed(W.shape), dtype=_tensor(W[:0]).dtype, device="cpu"
    )
    with torch.no_grad():
        linear.weight.copy_(_tensor(W))
        linear.bias.copy_(_tensor(b))
    return linear.requires_grad_(trainable)


def _tensor(array: Array) -> torch.Tensor:
    return torch.from_numpy(array.copy())


def predictor_of(model: PortableModel) -> nn.Module:
    """The module that predicts, as `Ensemble.predict` does: links, mean and limits are in it.

    Parameters
    ----------
    model : PortableModel
        Its encoder is left out: the module takes what that makes of a table.

    Raises
    ------
    ValueError
        As for `module_of`.
    """
    limits = Clamp(*model.limits) if model.limits else None
    members = [module_of(network) for network in model.networks]
    if any(head.cost.link != "identity" for head in model.heads):
        for member in members:
            member.add_module("link", _link(model.heads))
    if len(members) > 1:
        return Mean(members, model.weights, limits or nn.Identity()).eval()
    if limits:
        members[0].add_module("limits", limits)
    return members[0].eval()


def _link(heads: OutputHeads) -> nn.Module:
    links = [_LINKS[head.cost.link]() for head in heads]
    return links[0] if len(links) == 1 else PerHead(links, [head.nodes for head in heads])


def write(path: Any, model: PortableModel) -> None:
    """Write a program of `torch.export`, atomically; it needs PyTorch alone and predicts.

    ``torch.export.load(path).module()`` takes any number of rows, (S, n_0), of the model's dtype.

    Parameters
    ----------
    path : path-like
        The file, which PyTorch expects to end in .pt2; an existing one is replaced.
    model : PortableModel
        As for `predictor_of`.

    Raises
    ------
    OSError
        If the file cannot be written; an existing one then is unchanged.
    ValueError
        As for `module_of`.
    """
    path = Path(validation.path("path", path))
    check_path("path", path)
    module = predictor_of(model)
    rows = torch.zeros(
        2, model.networks[0].spec.sizes[0], dtype=_tensor(np.empty(0, model.dtype)).dtype
    )
    program = torch.export.export(module, (rows,), dynamic_shapes=({0: torch.export.Dim("S")},))
    content = io.BytesIO()
    torch.export.save(program, content)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content.getbuffer())
