"""Which activation a part of a foreign graph is: found by its values."""

from functools import cache
from typing import Any

import numpy as np

from ...kernels.activations import ACTIVATIONS, Activation, elu, leaky_relu
from .activations import add_activation
from .foreign_graph import ForeignGraph
from .graph import Graph, import_onnx

__all__ = ["ELEMENTWISE", "Elementwise"]

Array = np.ndarray[Any, Any]

#: Operators that compute each number of their output from numbers at the same place.
ELEMENTWISE = frozenset({
    "Abs", "Add", "And", "Cast", "Celu", "Clip", "Div", "Elu", "Equal", "Erf", "Exp", "Gelu",
    "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Less",
    "LessOrEqual", "Log", "Max", "Min", "Mish", "Mul", "Neg", "Not", "Or", "PRelu", "Pow",
    "Reciprocal", "Relu", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Sub",
    "Swish", "Tanh", "ThresholdedRelu", "Where",
})  # fmt: skip

_FAR_POINTS = [-1e8, -1e5, -1e3, 1e3, 1e5, 1e8]  # where formulas may overflow, but limits show
_NEAR = np.geomspace(1e-5, 0.05, 40)  # where a threshold shows
_POINTS = np.concatenate(
    [np.linspace(-8, 8, 161), -_NEAR, _NEAR, [-30.0, -12.0, 12.0, 30.0], _FAR_POINTS]
)
_POINTS = (_POINTS + 0.0123).astype(np.float32).astype(np.float64)  # exact in both
_FAR = np.abs(_POINTS) > 100
_OPSET = 17  # any that the library knows
_SAME = 4e-6  # of a difference, relative to 1 + |f|: float32, and formulas that cancel


class Elementwise:
    """Nodes between two layers, and their values where the first tensor has sample values.

    Parameters
    ----------
    graph : ForeignGraph
        Whose nodes they are.
    nodes : list of onnx.NodeProto
        All `ELEMENTWISE`, each after those before it.
    start : str
        The tensor that they begin with.
    dtype : dtype
        Of this tensor.

    Raises
    ------
    ValueError
        If they cannot be computed.
    """

    def __init__(self, graph: ForeignGraph, nodes: list[Any], start: str, dtype: Any) -> None:
        self._graph, self._nodes = graph, nodes
        self._values = self._computed(start, np.dtype(dtype)) if nodes else {}

    def _computed(self, start: str, dtype: np.dtype[Any]) -> dict[str, Array]:
        """The value of the output of each node, as long as the constants are scalars."""
        onnx = import_onnx()
        helper, done = onnx.helper, {start}
        constants: dict[str, Any] = {}
        kept = []
        for node in self._nodes:
            self._graph.attributes(node)
            scalars = {n: self._scalar(n) for n in node.input if n and n not in done}
            if any(value is None for value in scalars.values()):
                continue  # and neither what follows from it
            constants |= scalars
            done |= {*node.output}
            kept.append(node)
        if not kept:
            return {}
        shape = [len(_POINTS)]
        number = helper.np_dtype_to_tensor_dtype(dtype)
        made = helper.make_model(
            helper.make_graph(
                kept, "part", [helper.make_tensor_value_info(start, number, shape)],
                [helper.make_empty_tensor_value_info(node.output[0]) for node in kept],
                [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
            ),
            opset_imports=self._graph.opsets,
        )  # fmt: skip
        try:
            evaluator = import_onnx("onnx.reference").ReferenceEvaluator(made)
            with np.errstate(all="ignore"):
                values = evaluator.run(None, {start: _POINTS.astype(dtype)})
        except Exception as error:  # noqa: BLE001 - those of the library have no common base
            reason = " ".join(str(error).split())[:100]
            place = self._graph.place(kept[0])
            raise self._graph.error(place, f"nodes that fail ({reason})", "others") from None
        return {node.output[0]: value for node, value in zip(kept, values, strict=True)}

    def _scalar(self, name: str) -> Array | None:
        """A constant whose numbers are all equal, as a scalar; None if there is none such."""
        array = self._graph.constant(name)
        if array is None or not array.size or (array != array.flat[0]).any():
            return None
        return np.asarray(array.flat[0])

    def activation(self, end: str) -> Activation | None:
        """The activation that leads to a tensor; None if there is none."""
        value = self._values.get(end)
        if value is None or value.shape != _POINTS.shape or value.dtype.kind != "f":
            return None
        if not np.isfinite(value[~_FAR]).all():
            return None
        functions, values = _known()
        found = np.flatnonzero(_same(value, values))
        if found.size:
            return None if functions[found[0]].name == "identity" else functions[found[0]]
        negative = int(np.abs(_POINTS + 1).argmin())
        slope = _rounded(value[negative] / _POINTS[negative], value.dtype)
        if _same(value, np.where(_POINTS > 0, _POINTS, slope * _POINTS)):
            return leaky_relu(slope)
        alpha = _rounded(-value[_POINTS < -29][0], value.dtype)
        if _same(value, np.where(_POINTS > 0, _POINTS, alpha * np.expm1(np.minimum(_POINTS, 0)))):
            return elu(alpha)
        return None


def _rounded(x: float, dtype: Any) -> float:
    """The number with the fewest digits that it is in float32."""
    return float(str(np.float32(x))) if dtype == np.float32 else float(f"{x:.12g}")


@cache
def _known() -> tuple[list[Activation], Array]:
    """The activations, and the values that their own nodes have at the sample points."""
    graph = Graph(_OPSET)
    u = graph.input("u", np.float64, 1)
    functions = list(ACTIVATIONS.values())
    for f in functions:
        graph.output(add_activation(graph, u, f, np.dtype(np.float64)), np.float64, 1)
    evaluator = import_onnx("onnx.reference").ReferenceEvaluator(graph.model("", "", {}))
    with np.errstate(all="ignore"):
        return functions, np.stack(evaluator.run(None, {"u": _POINTS}))


def _same(received: Array, expected: Array) -> Any:
    """Whether values agree at all points, which are the last axis."""
    with np.errstate(invalid="ignore"):
        near = np.abs(received - expected) <= _SAME * (1 + np.abs(expected))
    return (near | (_FAR & ~np.isfinite(received))).all(axis=-1)
