"""Modules of PyTorch as networks: what `forward` does is traced, and each step of it read."""

import copy
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..extras import import_extra
from ..kernels.costs import Cost
from ..validation import shortened, shown
from .chain import Chain
from .portable import PortableNetwork

import_extra("torch", "torch", "from_torch")  # names the command

import torch  # noqa: E402
from torch import fx, nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.modules.lazy import LazyModuleMixin  # noqa: E402
from torch.nn.utils.parametrize import is_parametrized  # noqa: E402

from . import torch_layers  # noqa: E402
from .torch_activations import activation_of  # noqa: E402

__all__ = ["read"]

_EXPECTED = (
    "Linear, an activation that fastgrad has, Dropout, BatchNorm1d or Flatten, or Softmax at the"
    " end"
)
_A_CHAIN = "a chain, in which each layer takes what the one before it gives"

#: What users' own code may raise when it is traced.
_OF_TRACING = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip


def _dropout(p: float = 0.5, **_: bool) -> nn.Module:
    return nn.Dropout(p)


def _calls() -> dict[Any, Callable[..., nn.Module]]:
    """Functions, and methods of tensors by name: the modules that compute the same."""
    named: dict[Callable[..., nn.Module], tuple[Any, ...]] = {
        nn.ReLU: (functional.relu, functional.relu_, torch.relu, torch.relu_, "relu", "relu_"),
        nn.LeakyReLU: (functional.leaky_relu, functional.leaky_relu_),
        nn.ELU: (functional.elu, functional.elu_),
        nn.SELU: (functional.selu, functional.selu_, torch.selu, torch.selu_),
        nn.GELU: (functional.gelu,),
        nn.SiLU: (functional.silu,),
        nn.Mish: (functional.mish,),
        nn.Softplus: (functional.softplus,),
        nn.Softsign: (functional.softsign,),
        nn.Sigmoid: (torch.sigmoid, torch.sigmoid_, "sigmoid", "sigmoid_"),
        nn.Hardsigmoid: (functional.hardsigmoid,),
        nn.Tanh: (torch.tanh, torch.tanh_, "tanh", "tanh_"),
        nn.Hardtanh: (functional.hardtanh, functional.hardtanh_),
        torch_layers.Sin: (torch.sin, torch.sin_, "sin", "sin_"),
        torch_layers.Exp: (torch.exp, torch.exp_, "exp", "exp_"),
        nn.Softmax: (functional.softmax, torch.softmax, "softmax"),
        nn.LogSoftmax: (functional.log_softmax, torch.log_softmax, "log_softmax"),
        nn.Flatten: (torch.flatten, "flatten"),
        _dropout: (functional.dropout,),
    }
    return {call: module for module, calls in named.items() for call in calls}


_CALLS = _calls()

#: Arithmetic of x with c, a number or a tensor: y = (x - center) scale + shift.
_SCALINGS: dict[Any, Callable[[Any], tuple[Any, Any, Any]]] = {
    **dict.fromkeys((operator.add, torch.add, "add"), lambda c: (0.0, 1.0, c)),
    **dict.fromkeys((operator.sub, torch.sub, "sub"), lambda c: (c, 1.0, 0.0)),
    **dict.fromkeys((operator.mul, torch.mul, "mul"), lambda c: (0.0, c, 0.0)),
    **dict.fromkeys((operator.truediv, torch.div, "div"), lambda c: (0.0, 1 / c, 0.0)),
}

_COMMUTATIVE = {operator.add, torch.add, "add", operator.mul, torch.mul, "mul"}


def read(module: Any, cost: str | Cost | None = None) -> PortableNetwork:
    """The network of a module, which is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        A chain of layers, on any device, in training or evaluation mode.
    cost : str or Cost, optional
        As `Chain.network` takes it.

    Raises
    ------
    TypeError
        Something else than a module.
    ValueError
        What cannot be carried over; the message names the layer.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module: got {shown(module)}; expected a torch.nn.Module")
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    _check_modules(module)
    again, module = copy.copy(module), copy.copy(module)  # which get an attribute per constant
    reader, graph = _Reader(module), _traced(module)
    _traced(again)
    for name, value in vars(module).items():
        if name.startswith("_tensor_constant") and not torch.equal(value, vars(again)[name]):
            received = "a tensor that each call of forward draws anew"
            raise reader.chain.error(name, received, _A_CHAIN)
    reader.read(graph)
    return reader.chain.network(cost)


class _Tracer(fx.Tracer):
    """Traces users' modules, but neither PyTorch's nor those of `torch_layers`."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_ours = m.__module__ == torch_layers.__name__
        return is_ours or bool(super().is_leaf_module(m, module_qualified_name))


def _traced(module: nn.Module) -> fx.Graph:
    parts = [(part, part.training) for part in module.modules()]
    try:
        module.eval()  # what a network predicts
        return _Tracer().trace(module)
    except _OF_TRACING as error:
        reason = shortened(str(error).partition("\n")[0], 80)
        raise ValueError(
            f"module: {type(module).__name__}: got a forward that cannot be traced ({reason});"
            f" expected {_A_CHAIN}"
        ) from None
    finally:
        for part, was_training in parts:
            part.training = was_training


def _check_modules(module: nn.Module) -> None:
    """Raise if the modules do anything that their types do not say, which would be lost."""
    for name, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            change = "TorchScript", "the module that it was made of"
        elif isinstance(part, LazyModuleMixin) and part.has_uninitialized_params():
            change = "a lazy module without weights", "one that was called once"
        elif is_parametrized(part):
            change = "a parametrization", "it removed, by parametrize.remove_parametrizations"
        elif part._forward_hooks or part._forward_pre_hooks:
            change = "a hook, such as weight_norm and pruning have", "it removed"
        elif "forward" in vars(part):
            change = "a forward of this one object", "that of its class"
        else:
            continue
        place = name or type(part).__name__
        raise ValueError(f"module: {place}: got {change[0]}; expected {change[1]}")


def _is_size(node: Any) -> bool:
    """Whether it is the shape of a tensor or a number in it."""
    if not isinstance(node, fx.Node):
        return False
    if node.target is operator.getitem:
        return _is_size(node.args[0])
    return node.target == "size" or (node.target is getattr and node.args[1] == "shape")


def _is_constant(argument: Any) -> bool:
    """Whether it is a number, or a tensor of the module."""
    return not isinstance(argument, fx.Node) or argument.op == "get_attr"


def _place(node: fx.Node) -> str:
    """The dotted name of a layer, or of a call in the module that makes it."""
    if node.op == "call_module":
        return str(node.target)
    owners = [*node.meta.get("nn_module_stack", {})]
    return f"{owners[-1]}.{node.name}" if owners and owners[-1] else node.name


def _name(node: fx.Node) -> str:
    """The name of what is called."""
    return str(getattr(node.target, "__name__", node.target))


class _Reader:
    """Tells a chain what a graph computes.

    Parameters
    ----------
    module : torch.nn.Module
        What was traced.
    """

    def __init__(self, module: nn.Module) -> None:
        self.chain, self._module = Chain("module"), module
        self._layer_of: dict[int, str] = {}  # by the id of each weight
        self._readers: dict[type, Callable[[str, Any], None]] = {
            nn.Linear: lambda place, m: self._linear(place, m.weight, m.bias),
            nn.Dropout: lambda place, m: self.chain.dropout(place, m.p),
            nn.BatchNorm1d: self._batch_norm,
            nn.Identity: lambda _place, _m: None,
            nn.Flatten: self._flatten,
            nn.Softmax: self._softmax,
            nn.LogSoftmax: self._softmax,
            torch_layers.Exp: lambda place, _: self.chain.link(place, "exp"),
            torch_layers.Standardize: self._standardize,
            torch_layers.Destandardize: self._destandardize,
        }

    def read(self, graph: fx.Graph) -> None:
        """Follow the nodes from the input to the output."""
        before: fx.Node | None = None
        for node in graph.nodes:
            if node.op == "get_attr" or _is_size(node):
                continue  # arguments of those that follow
            place = _place(node)
            if node.op == "placeholder":
                if before is not None and node.users:
                    raise self.chain.error(place, "a second input", "one input")
                before = before or node
                continue
            taken = [n for n in node.all_input_nodes if n.op != "get_attr" and not _is_size(n)]
            if taken != [before]:
                raise self.chain.error(place, "a branch or a skip connection", _A_CHAIN)
            if node.op != "output":
                self._step(place, node)
            elif node.args[0] is not before:
                raise self.chain.error("the end", "several outputs", "one tensor")
            before = node

    def _step(self, place: str, node: fx.Node) -> None:
        if node.op == "call_module":
            self._layer(place, self._module.get_submodule(str(node.target)))
        elif node.target is functional.linear:
            weight, bias = self._weights(node)
            self._linear(place, weight, bias)
        elif node.target in ("view", "reshape", torch.reshape):
            self._reshape(place, node.args[1:])
        elif node.target in ("squeeze", torch.squeeze):
            self._squeeze(place, node)
        elif node.target in _SCALINGS:
            self._scale(place, node)
        elif node.target in _CALLS:
            if node.kwargs.get("training"):
                expected = "training=self.training"
                raise self.chain.error(place, "dropout in evaluation mode too", expected)
            self._layer(place, self._equivalent(place, node))
        else:
            raise self.chain.error(place, f"a call of {_name(node)}", _EXPECTED)

    def _scale(self, place: str, node: fx.Node) -> None:
        """Arithmetic with numbers, or with a tensor of the module that has one per column."""
        args = node.args
        if node.target in _COMMUTATIVE and _is_constant(args[0]):
            args = args[::-1]
        x, *constants = args
        if len(constants) != 1 or node.kwargs or _is_constant(x) or not _is_constant(constants[0]):
            received = f"{_name(node)}{node.args}"
            raise self.chain.error(place, received, "x + c, x - c, x * c or x / c")
        (c,) = constants
        if isinstance(c, fx.Node):
            c = self._array(place, self._tensor(c))
            if any(n != 1 for n in c.shape[:-1]):
                raise self.chain.error(place, f"a tensor of shape {c.shape}", "a number per column")
        with np.errstate(divide="ignore"):  # infinity is an error of the chain's
            self.chain.scaling(place, *_SCALINGS[node.target](np.float64(c)))

    def _squeeze(self, place: str, node: fx.Node) -> None:
        """Of one output at the end: the shape (S,) in place of (S, 1) is not kept."""
        dim = [*node.args[1:], *node.kwargs.values()]
        is_last = all(user.op == "output" for user in node.users)
        if self.chain.width != 1 or dim not in ([], [1], [-1]) or not is_last:
            raise self.chain.error(place, "another shape", "squeeze of one output at the end")

    def _tensor(self, node: fx.Node) -> torch.Tensor:
        """A tensor of the module."""
        return operator.attrgetter(str(node.target))(self._module)

    def _weights(self, node: fx.Node) -> list[torch.Tensor | None]:
        """Weight and bias of a call of functional.linear."""
        args = dict(zip(("weight", "bias"), node.args[1:], strict=False)) | node.kwargs
        nodes: list[Any] = [args.get(name) for name in ("weight", "bias")]
        return [n and self._tensor(n) for n in nodes]

    def _equivalent(self, place: str, node: fx.Node) -> nn.Module:
        """The module that computes what a function does with the same arguments."""
        # _stacklevel is of the warning that functional.softmax gives without dim
        kwargs = {k: v for k, v in node.kwargs.items() if k != "_stacklevel" and v is not None}
        try:
            return _CALLS[node.target](*node.args[1:], **kwargs)
        except TypeError:
            given = ", ".join(
                [*map(str, node.args[1:]), *map("{0[0]}={0[1]}".format, kwargs.items())]
            )
            raise self.chain.error(place, f"the arguments {given}", _EXPECTED) from None

    def _layer(self, place: str, module: nn.Module) -> None:
        if reader := self._readers.get(type(module)):
            reader(place, module)
        elif f := activation_of(module):
            self.chain.activation(place, f)
        else:
            parameters = " ".join(module.extra_repr().split())
            received = f"{type(module).__name__}({parameters})"
            raise self.chain.error(place, received, _EXPECTED)

    def _array(self, place: str, tensor: torch.Tensor) -> np.ndarray[Any, Any]:
        if tensor.dtype not in (torch.float32, torch.float64):
            raise self.chain.error(place, f"numbers of {tensor.dtype}", "float32 or float64")
        if tensor.is_meta or tensor.layout is not torch.strided:
            kind = "on the device meta" if tensor.is_meta else f"as {tensor.layout}"
            raise self.chain.error(place, f"numbers {kind}", "a dense tensor")
        array: np.ndarray[Any, Any] = tensor.numpy(force=True)
        return array

    def _linear(self, place: str, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        tensors = [tensor for tensor in (weight, bias) if tensor is not None]
        for tensor in tensors:
            if first := self._layer_of.get(id(tensor)):
                raise self.chain.error(place, f"the weights of {first} again", "its own weights")
            self._layer_of[id(tensor)] = place
        arrays = [self._array(place, tensor) for tensor in tensors]
        self.chain.layer(
            place, arrays[0], arrays[1] if bias is not None else None,
            trainable=any(tensor.requires_grad for tensor in tensors),
        )  # fmt: skip

    def _batch_norm(self, place: str, module: nn.BatchNorm1d) -> None:
        """(x - running mean) / sqrt(running variance + eps) weight + bias."""
        if module.running_mean is None or module.running_var is None:
            raise self.chain.error(place, "no running statistics", "track_running_stats=True")
        mean, variance = (
            self._array(place, x).astype(np.float64)
            for x in (module.running_mean, module.running_var)
        )
        scale, shift = 1 / np.sqrt(variance + module.eps), np.zeros(len(mean))
        if module.affine:
            scale = scale * self._array(place, module.weight)
            shift = self._array(place, module.bias)
        self.chain.scaling(place, mean, scale, shift)

    def _flatten(self, place: str, module: nn.Flatten) -> None:
        if module.start_dim != 1 or module.end_dim not in (-1, 1):
            received = f"Flatten({module.extra_repr()})"
            raise self.chain.error(place, received, "start_dim=1 and end_dim=-1")

    def _reshape(self, place: str, shape: Any) -> None:
        """Rows of numbers, (S, n), remain as they are; anything else changes them."""
        if len(shape) == 1 and isinstance(shape[0], tuple | list):
            (shape,) = shape
        is_flat = len(shape) == 2 and (_is_size(shape[0]) or shape[0] == -1)
        if not is_flat or shape[1] not in (-1, self.chain.width or shape[1]):
            raise self.chain.error(place, f"the shape {shape}", "that of rows, (S, n)")

    def _softmax(self, place: str, module: nn.Softmax | nn.LogSoftmax) -> None:
        if module.dim not in (None, 1, -1):
            raise self.chain.error(place, f"{module} over samples", "dim=1")
        self.chain.link(place, "softmax")

    def _standardize(self, place: str, module: torch_layers.Standardize) -> None:
        mean, scale = (self._array(place, x) for x in (module.mean, module.scale))
        self.chain.scaling(place, mean, scale)

    def _destandardize(self, place: str, module: torch_layers.Destandardize) -> None:
        mean, scale = (self._array(place, x) for x in (module.mean, module.scale))
        self.chain.scaling(place, 0.0, scale, mean)
