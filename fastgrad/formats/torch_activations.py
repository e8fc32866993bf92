"""Activations as PyTorch has them: from fastgrad's to a module, and back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from ..kernels.activations import Activation, activation, elu, leaky_relu
from ..registry import split_name
from .torch_layers import Sin

__all__ = ["activation_of", "module_of"]

#: Those without parameters.
_PLAIN = {
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softsign": nn.Softsign,
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
    "sin": Sin,
}
#: Those of which some parameters or all have a counterpart.
_WITH_PARAMETERS = {
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "gelu_tanh": partial(nn.GELU, "tanh"),
    "softplus": nn.Softplus,
    "hard_tanh": nn.Hardtanh,
}
_MODULES = {**_PLAIN, **_WITH_PARAMETERS}

_NAMES = {kind: name for name, kind in _PLAIN.items()}
_OF_TYPE: dict[type, Callable[[Any], str | Activation | None]] = {
    nn.LeakyReLU: lambda f: leaky_relu(f.negative_slope),
    nn.ELU: lambda f: elu(f.alpha),
    nn.GELU: lambda f: "gelu_tanh" if f.approximate == "tanh" else "gelu",
    # above its threshold Softplus is u, by which log(1 + e^u) is more
    nn.Softplus: lambda f: "softplus" if f.beta == 1 and f.threshold >= 20 else None,
    nn.Hardtanh: lambda f: "hard_tanh" if (f.min_val, f.max_val) == (-1, 1) else None,
}


def module_of(f: Activation) -> nn.Module | None:
    """The module of an activation; None if PyTorch has none, as for a user's own.

    Parameters
    ----------
    f : Activation
        Any but "identity", for which there is no module.
    """
    if not f.builtin:
        return None
    name, parameter = split_name(f.name)
    kind = _MODULES.get(name, lambda *_: None)
    return kind() if parameter is None else kind(parameter)


def activation_of(module: nn.Module) -> Activation | None:
    """The activation that a module computes; None if fastgrad has none with its parameters.

    Parameters
    ----------
    module : torch.nn.Module
        Of exactly one of PyTorch's types: a class derived from it may do anything.
    """
    kind = type(module)
    found = _NAMES.get(kind) or _OF_TYPE.get(kind, lambda _: None)(module)
    return None if found is None else activation(found)
