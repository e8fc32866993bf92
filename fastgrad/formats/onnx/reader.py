"""Networks from files of ONNX: chains of Gemm, or MatMul and Add, and activations."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import validation
from ...kernels.costs import Cost
from ..chain import Chain
from ..portable import PortableNetwork
from .foreign_graph import ForeignGraph
from .recognition import ELEMENTWISE, Elementwise

__all__ = ["read"]

Array = np.ndarray[Any, Any]

_MAX_BETWEEN = 80  # nodes between two layers


def read(path: Any, cost: str | Cost | None = None) -> PortableNetwork:
    """Read the network of an ONNX file.

    Parameters
    ----------
    path, cost
        As for `fastgrad.from_onnx`.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError, ModuleNotFoundError
        As for `fastgrad.from_onnx`.
    """
    return _Reader(ForeignGraph(path)).network(cost)


def _is_row(array: Array) -> bool:
    """Whether there is one number for each column, or one for all, not one for each row."""
    return array.ndim < 2 or all(n == 1 for n in array.shape[:-1])


class _Reader:
    """Goes along the nodes from the input to the output, and tells a Chain what they are."""

    def __init__(self, graph: ForeignGraph) -> None:
        self._graph = graph
        self._chain = Chain(str(graph.path))
        self._at = graph.input  # the tensor that has been reached
        self._dtype = graph.dtype  # of this tensor
        self._is_of_two = False  # the output is [1 - p, p]
        self._product: tuple[Any, Array] | None = None  # a MatMul, which an Add may follow
        # How many nodes may still be evaluated. Each activation or scaling between two layers is
        # looked for anew: networks have few of them, so that most nodes are evaluated once.
        self._evaluations = 2 * len(graph.nodes) + 100

    def network(self, cost: str | Cost | None) -> PortableNetwork:
        """The network of the whole graph."""
        between: list[Any] = []
        for node in self._without_both_classes():
            if self._product is not None and self._tell_product(node):
                continue
            if node.op_type in ELEMENTWISE and self._graph.is_standard(node):
                between.append(node)
                if len(between) > _MAX_BETWEEN:
                    received = f"more than {_MAX_BETWEEN} nodes between two layers"
                    raise self._graph.error(self._graph.place(node), received, "fewer")
            else:
                self._tell_between(between)
                between = []
                self._tell(node)
        self._tell_product(None)
        self._tell_between(between)
        if self._is_of_two and self._chain.width != 1:
            raise self._graph.error("outputs", "[1 - p, p] of several p", "of one")
        if self._at != self._graph.output:
            raise self._graph.error("outputs", "one beside the chain", "the end of the chain")
        return self._chain.network(cost)

    def _without_both_classes(self) -> list[Any]:
        """The nodes; without the last two of [1 - p, p], where p then is the output."""
        nodes = self._graph.nodes
        last = nodes[-1] if nodes else None
        if last is None or last.op_type != "Concat" or len(last.input) != 2:
            return nodes
        first, p = last.input
        opposite = next((node for node in nodes if first in node.output), None)
        if opposite is None or opposite.op_type != "Sub" or opposite.input[1:] != [p]:
            return nodes
        one = self._graph.constant(opposite.input[0])
        axis = self._graph.attributes(last).get("axis")
        if one is None or (one != 1).any() or axis not in (1, -1):
            return nodes
        self._is_of_two = True
        self._graph.output = p
        return [node for node in nodes if node is not last and node is not opposite]

    def _unknown(self, node: Any, received: str = "an operator that is not read") -> ValueError:
        expected = "Gemm, MatMul and Add, one activation a layer, Softmax at the end"
        return self._graph.error(self._graph.place(node), received, expected)

    # --- layers and what else is one node ---------------------------------------------------------

    def _tell(self, node: Any) -> None:
        """Tell the chain of a node that is not elementwise."""
        tell = _TOLD.get(node.op_type)
        if tell is None or not self._graph.is_standard(node, tell is _Reader._tell_scaler):
            raise self._unknown(node)
        if not node.input or node.input[0] != self._at:
            raise self._unknown(node, "an input from elsewhere than the node before")
        tell(self, node, self._graph.attributes(node))
        self._at = node.output[0]

    def _constants(self, node: Any, *allowed: int) -> list[Array]:
        """The inputs but the first, as many as allowed, all constant."""
        arrays = [self._graph.constant(name) for name in node.input[1:] if name]
        if len(arrays) not in allowed or any(array is None for array in arrays):
            raise self._unknown(node, "inputs that are computed, or too many or few")
        return [array for array in arrays if array is not None]

    def _option(self, node: Any, attributes: dict[str, Any], name: str, default: Any) -> Any:
        """An attribute of the kind of its default: a finite number or an integer."""
        value = attributes.get(name, default)
        if type(value) is not type(default) or not np.isfinite(value):
            raise self._unknown(node, f"{name}={validation.shown(value)}")
        return value

    def _check_axis(self, node: Any, attributes: dict[str, Any], default: int) -> None:
        axis = self._option(node, attributes, "axis", default)
        if axis not in (-1, 1):
            raise self._unknown(node, f"axis={axis}")

    def _tell_gemm(self, node: Any, attributes: dict[str, Any]) -> None:
        W, *biases = self._constants(node, 1, 2)
        if attributes.get("transA") or W.ndim != 2:
            raise self._unknown(node, "a transposed input, or weights that are no matrix")
        W = W if self._option(node, attributes, "transB", 0) else W.T
        alpha, beta = (self._option(node, attributes, name, 1.0) for name in ("alpha", "beta"))
        b = None
        if biases and biases[0].size in (1, len(W)) and _is_row(biases[0]):
            b = beta * np.broadcast_to(biases[0].ravel(), len(W))
        elif biases:
            raise self._unknown(node, f"a bias of shape {biases[0].shape}")
        self._tell_layer(node, alpha * W, b)

    def _tell_matmul(self, node: Any, attributes: dict[str, Any]) -> None:
        (W,) = self._constants(node, 1)
        if W.ndim != 2:
            raise self._unknown(node, f"weights of shape {W.shape}")
        self._product = node, W.T

    def _tell_product(self, following: Any) -> bool:
        """Tell the layer of a MatMul; whether the node that follows is the Add of its bias."""
        if self._product is None:
            return False
        (node, W), self._product = self._product, None
        b = None
        if following is not None and following.op_type == "Add" and len(following.input) == 2:
            x, y = following.input
            b = self._graph.constant(y if x == self._at else x)
        has_bias = b is not None and b.size == len(W) and _is_row(b)
        self._tell_layer(node, W, b.ravel() if b is not None and has_bias else None)
        if has_bias:
            self._at = following.output[0]
        return has_bias

    def _tell_layer(self, node: Any, W: Array, b: Array | None) -> None:
        self._chain.layer(self._graph.place(node), np.ascontiguousarray(W), b)
        self._dtype = W.dtype

    def _tell_softmax(self, node: Any, attributes: dict[str, Any]) -> None:
        self._check_axis(node, attributes, -1)
        self._chain.link(self._graph.place(node), "softmax")

    def _tell_batch_normalization(self, node: Any, attributes: dict[str, Any]) -> None:
        scale, shift, mean, variance = (x.astype(np.float64) for x in self._constants(node, 4))
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = scale / np.sqrt(variance + self._option(node, attributes, "epsilon", 1e-5))
        self._tell_scaling(node, mean, scale, shift)

    def _tell_scaler(self, node: Any, attributes: dict[str, Any]) -> None:
        center, scale = attributes.get("offset", [0.0]), attributes.get("scale", [1.0])
        if not isinstance(center, list) or not isinstance(scale, list):
            raise self._unknown(node, "an offset or a scale that are no numbers")
        self._tell_scaling(node, center, scale)

    def _tell_scaling(self, node: Any, center: Any = 0.0, scale: Any = 1.0, shift: Any = 0) -> None:
        try:
            self._chain.scaling(self._graph.place(node), center, scale, shift)
        except ValueError as error:
            if str(self._graph.path) in str(error):
                raise
            raise self._unknown(node, "numbers of shapes that do not go together") from None

    def _pass_flatten(self, node: Any, attributes: dict[str, Any]) -> None:
        self._check_axis(node, attributes, 1)

    def _pass_reshape(self, node: Any, attributes: dict[str, Any]) -> None:
        (shape,) = self._constants(node, 1)
        width = self._chain.width
        is_known = shape.shape == (2,) and shape[0] in (-1, 0)
        if not is_known or not (shape[1] in (-1, width) or (shape[0] == -1 and not width)):
            raise self._unknown(node, f"the shape {shape.tolist()[:8]}")

    def _pass_dropout(self, node: Any, attributes: dict[str, Any]) -> None:
        if any(array.dtype == np.bool_ and array.any() for array in self._constants(node, 0, 1, 2)):
            raise self._unknown(node, "training_mode")

    # --- activations ------------------------------------------------------------------------------

    def _tell_between(self, nodes: list[Any]) -> None:
        """Tell the chain of elementwise nodes: activations, the longest first, and scalings."""
        while nodes:
            self._evaluations -= len(nodes)
            if self._evaluations < 0:
                raise self._unknown(nodes[0], "many scalings in a row")
            values = Elementwise(self._graph, nodes, self._at, self._dtype)
            for n in reversed(self._ends(nodes)):
                f = values.activation(nodes[n - 1].output[0])
                if f is not None:
                    self._chain.activation(self._graph.place(nodes[n - 1]), f)
                    break
            else:
                n = 1
                self._tell_single(nodes[0])
            self._at = nodes[n - 1].output[0]
            nodes = nodes[n:]

    def _ends(self, nodes: list[Any]) -> list[int]:
        """How many of the first nodes are a function of one number, which alone is used later."""
        last_use = {name: j for j, node in enumerate(nodes) for name in node.input}
        ends, needed = [], last_use.get(self._at, -1)
        for j, node in enumerate(nodes):
            if needed <= j:
                ends.append(j + 1)
            needed = max(needed, last_use.get(node.output[0], -1))
        return ends

    def _tell_single(self, node: Any) -> None:
        """Tell the chain of a node that is no activation."""
        if 1 not in self._ends([node]) or self._at not in node.input:
            raise self._unknown(node, "an input from elsewhere than the node before")
        if node.op_type == "Identity":
            return
        if node.op_type == "Cast":
            self._dtype = self._graph.cast_dtype(node)
        elif node.op_type == "Exp":
            self._chain.link(self._graph.place(node), "exp")
        elif node.op_type in ("Add", "Sub", "Mul", "Div") and len(node.input) == 2:
            self._tell_affine(node)
        else:
            raise self._unknown(node, "no activation of fastgrad, or several")

    def _tell_affine(self, node: Any) -> None:
        x, y = node.input
        c = self._graph.constant(y if x == self._at else x)
        if (
            c is None
            or c.dtype.kind != "f"
            or not _is_row(c)
            or (node.op_type == "Div" and x != self._at)
        ):
            raise self._unknown(node, "two numbers that are computed, or a division by one")
        c = c.astype(np.float64)
        if node.op_type == "Add":
            self._tell_scaling(node, shift=c)
        elif node.op_type == "Sub":
            told: dict[str, Any] = {"center": c} if x == self._at else {"scale": -1.0, "shift": c}
            self._tell_scaling(node, **told)
        else:
            with np.errstate(divide="ignore"):
                self._tell_scaling(node, scale=c if node.op_type == "Mul" else 1 / c)


#: How the chain is told of each operator that is not elementwise.
_TOLD: dict[str, Callable[[_Reader, Any, dict[str, Any]], None]] = {
    "Gemm": _Reader._tell_gemm,
    "MatMul": _Reader._tell_matmul,
    "Softmax": _Reader._tell_softmax,
    "LogSoftmax": _Reader._tell_softmax,
    "BatchNormalization": _Reader._tell_batch_normalization,
    "Scaler": _Reader._tell_scaler,
    "Flatten": _Reader._pass_flatten,
    "Reshape": _Reader._pass_reshape,
    "Dropout": _Reader._pass_dropout,
}
