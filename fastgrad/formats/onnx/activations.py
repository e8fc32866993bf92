"""Activations as nodes of ONNX: one operator, or several where onnxruntime has none.

For float64, onnxruntime 1.32 has no LeakyRelu (from opset 16 on it has), Elu, Selu, Erf, Softplus,
Softsign, HardSigmoid and Gelu.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels.activations import Activation
from ...kernels.elementary import ERF_FLOAT64
from ...registry import split_name
from .graph import Graph

__all__ = ["add_activation"]

_SELU_ALPHA, _SELU_GAMMA = 1.6732632423543772, 1.0507009873554805


class _Formula:
    """Nodes of elementwise operators, in the notation of formulas.

    Parameters
    ----------
    graph : Graph
        Where the nodes are added.
    dtype : dtype
        Of all numbers.
    """

    def __init__(self, graph: Graph, dtype: np.dtype[Any]) -> None:
        self.graph, self.dtype = graph, dtype

    def __call__(self, operator: str, *operands: str | float, **attributes: Any) -> str:
        """A node; a number among the operands is a constant."""
        names = [x if isinstance(x, str) else self.number(x) for x in operands]
        return self.graph.node(operator, *names, **attributes)

    def number(self, value: float) -> str:
        """A constant without dimensions."""
        return self.graph.constant("constant", value, self.dtype)

    @property
    def is_native(self) -> bool:
        """Whether onnxruntime has the operators that it has for float32 only."""
        return self.dtype == np.float32


def add_activation(graph: Graph, u: str, f: Activation, dtype: np.dtype[Any]) -> str:
    """Add the nodes of f, and return the name of f(u).

    Raises
    ------
    ValueError
        If f is not one of fastgrad's own.
    """
    name, parameter = split_name(f.name) if f.builtin else (f.name, None)
    if not f.builtin or name not in _NODES:
        raise ValueError(
            f"to_onnx: got the activation {f.name!r}, which is not built in; expected one of"
            f" {', '.join(_NODES)}"
        )
    given = () if parameter is None else (parameter,)
    return _NODES[name](_Formula(graph, dtype), u, *given)


def _leaky_relu(op: _Formula, u: str, slope: float = 0.01) -> str:
    if op.is_native:
        return op("LeakyRelu", u, alpha=slope)
    return op("Sub", op("Relu", u), op("Mul", op("Relu", op("Neg", u)), slope))


def _elu(op: _Formula, u: str, alpha: float = 1.0) -> str:
    if op.is_native:
        return op("Elu", u, alpha=alpha)
    return op("Add", op("Relu", u), op("Mul", _negative_expm1(op, u), alpha))


def _negative_expm1(op: _Formula, u: str) -> str:
    """e^min(u, 0) - 1."""
    return op("Sub", op("Exp", op("Min", u, 0.0)), 1.0)


def _selu(op: _Formula, u: str) -> str:
    if op.is_native:
        return op("Selu", u, alpha=_SELU_ALPHA, gamma=_SELU_GAMMA)
    return op("Mul", _elu(op, u, _SELU_ALPHA), _SELU_GAMMA)


def _gelu(op: _Formula, u: str) -> str:
    if op.is_native and op.graph.opset >= 20:
        return op("Gelu", u, approximate="none")
    if op.is_native:
        phi = op("Add", op("Erf", op("Mul", u, 0.5**0.5)), 1.0)
        return op("Mul", op("Mul", u, phi), 0.5)
    # (u + |u| erf(|u| / sqrt(2))) / 2, with erf(x) = 1 - e^-g as in kernels/elementary.py
    positive = op("Abs", u)
    x = op("Min", op("Mul", positive, 0.5**0.5), ERF_FLOAT64.largest)
    first, *others = ERF_FLOAT64.coefficients
    q = op("Mul", x, first)
    for c in others:  # Horner's rule; the last product makes x Q(x) of Q(x)
        q = op("Mul", op("Add", q, c), x)
    erf = op("Sub", 1.0, op("Exp", op("Neg", q)))
    return op("Mul", op("Add", u, op("Mul", positive, erf)), 0.5)


def _gelu_tanh(op: _Formula, u: str) -> str:
    if op.is_native and op.graph.opset >= 20:
        return op("Gelu", u, approximate="tanh")
    slope = (8 / np.pi) ** 0.5
    cubic = op("Add", op("Mul", op("Mul", u, u), slope * 0.044715), slope)
    return op("Mul", u, op("Sigmoid", op("Mul", u, cubic)))


def _silu(op: _Formula, u: str) -> str:
    return op("Mul", u, op("Sigmoid", u))


def _mish(op: _Formula, u: str) -> str:
    if op.is_native and op.graph.opset >= 18:
        return op("Mish", u)
    return op("Mul", u, op("Tanh", _softplus(op, u)))


def _softplus(op: _Formula, u: str) -> str:
    if op.is_native:
        return op("Softplus", u)
    tail = op("Log", op("Add", op("Exp", op("Neg", op("Abs", u))), 1.0))
    return op("Add", op("Relu", u), tail)


def _softsign(op: _Formula, u: str) -> str:
    if op.is_native:
        return op("Softsign", u)
    return op("Div", u, op("Add", op("Abs", u), 1.0))


def _hard_sigmoid(op: _Formula, u: str) -> str:
    if op.is_native:
        return op("HardSigmoid", u, alpha=1 / 6, beta=0.5)
    return op("Clip", op("Add", op("Div", u, 6.0), 0.5), 0.0, 1.0)


#: The nodes of each activation.
_NODES: dict[str, Callable[..., str]] = {
    "identity": lambda op, u: u,
    "relu": lambda op, u: op("Relu", u),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": _silu,
    "mish": _mish,
    "softplus": _softplus,
    "softsign": _softsign,
    "sigmoid": lambda op, u: op("Sigmoid", u),
    "hard_sigmoid": _hard_sigmoid,
    "tanh": lambda op, u: op("Tanh", u),
    "hard_tanh": lambda op, u: op("Clip", u, -1.0, 1.0),
    "sin": lambda op, u: op("Sin", u),
}
