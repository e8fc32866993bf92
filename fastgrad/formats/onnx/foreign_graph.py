"""A graph of ONNX from a file of any origin: checked, in order, its constants read when used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ... import validation
from ..safetensors import check_path
from .graph import import_onnx

__all__ = ["ForeignGraph", "parse"]

Array = np.ndarray[Any, Any]

_MAX_NODES = 2_000
_MAX_DIMS = 32  # of a tensor, as NumPy has
_DTYPES = frozenset({"float32", "float64", "float16", "int64", "int32", "bool"})
_FOLDED = frozenset({"Identity", "Cast", "Transpose"})


def parse(path: Any) -> Any:
    """The onnx.ModelProto in a file, without the data that it may have in others.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    FileNotFoundError, ValueError, ModuleNotFoundError
        There is no such file, it is no model of ONNX, or the library is not installed.
    """
    model = import_onnx().ModelProto()
    decode_error = import_onnx("google.protobuf.message").DecodeError
    path = Path(validation.path("path", path))
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; expected one of ONNX")
    check_path("path", path)
    try:
        model.ParseFromString(path.read_bytes())
    except decode_error:
        model.Clear()
    if not model.graph.node or not model.ir_version:
        raise ValueError(
            f"{path}: got a file that is damaged, truncated or of another kind; expected a model of"
            " ONNX"
        )
    return model


class ForeignGraph:
    """The nodes that an output follows from, and constants.

    Parameters
    ----------
    path : path-like
        The file.

    Attributes
    ----------
    path : Path
    nodes : list of onnx.NodeProto
        Those that the output depends on and that depend on the input, each after those before it.
    input, output : str
        The names of the tensors.
    dtype : dtype
        Of the input.
    opsets : list of onnx.OperatorSetIdProto

    Raises
    ------
    FileNotFoundError, ValueError, ModuleNotFoundError
        There is no such file, or it is no model with one input and one output of numbers; the
        library is not installed.
    """

    def __init__(self, path: Any) -> None:
        self._onnx = import_onnx()
        model = parse(path)
        self.path = Path(path)
        graph = model.graph
        if len(graph.node) > _MAX_NODES:
            raise self.error("graph", f"{len(graph.node):,} nodes", f"at most {_MAX_NODES:,}")
        if not all(isinstance(name, str) for name in _names(graph)):  # bytes that are no UTF-8
            raise self.error("graph", "names that are no text", "text of Unicode")
        self.opsets = list(model.opset_import)
        if model.functions:
            raise self.error("file", "functions", "operators alone")
        self._constants: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
        self._maker = {name: node for node in graph.node for name in node.output if name}
        if len(self._maker) < sum(bool(name) for node in graph.node for name in node.output):
            raise self.error("graph", "two tensors of one name", "each made once")
        for node in graph.node:
            if node.op_type == "Constant" and not node.domain and not node.input:
                self._constants |= dict.fromkeys(node.output, node)
        inputs = [value for value in graph.input if value.name not in self._constants]
        if len(inputs) != 1 or not self._is_of_reals(inputs[0]):
            names = ", ".join(validation.shown(value.name) for value in inputs[:8])
            raise self.error("inputs", names or "none", "one tensor of float32 or float64")
        self.input = inputs[0].name
        is_double = inputs[0].type.tensor_type.elem_type == self._onnx.TensorProto.DOUBLE
        self.dtype = np.dtype(np.float64 if is_double else np.float32)
        self.output = self._output(graph)
        self.nodes = self._ordered()

    def error(self, place: str, received: str, expected: str) -> ValueError:
        """The error that something cannot be read."""
        return ValueError(f"{self.path}: {place}: got {received}; expected {expected}")

    @staticmethod
    def place(node: Any) -> str:
        """Name and operator of a node, for error messages."""
        name = node.name or (node.output[0] if node.output else "")
        return f"node {validation.shown(name)} ({validation.shortened(node.op_type, 30)})"

    def _is_of_reals(self, value: Any) -> bool:
        types = self._onnx.TensorProto
        return value.type.tensor_type.elem_type in (types.FLOAT, types.DOUBLE)

    def _output(self, graph: Any) -> str:
        """The output of numbers: probabilities, beside a label; those of a ZipMap before it."""
        names = []
        for value in graph.output:
            maker = self._maker.get(value.name)
            if maker is not None and maker.op_type == "ZipMap" and maker.input:
                names.append(maker.input[0])
            elif self._is_of_reals(value):
                names.append(value.name)
        if len(names) != 1:
            received = ", ".join(map(validation.shown, names[:8])) or "none"
            raise self.error("outputs of numbers", received, "one")
        return str(names[0])

    def _ordered(self) -> list[Any]:
        """The nodes between input and output, in an order in which they can be computed."""
        ordered, begun, done = [], set(), {self.input, "", *self._constants}
        stack = [self.output]
        while stack:
            name = stack[-1]
            if name in done:
                stack.pop()
                continue
            node = self._maker.get(name)
            if node is None:
                raise self.error("graph", f"no {validation.shown(name)}", "a node that makes it")
            waiting = [n for n in node.input if n not in done]
            if name not in begun:
                begun.add(name)
                stack += waiting
            elif waiting:
                raise self.error(self.place(node), "a cycle", "nodes that follow one another")
            else:
                done.update(node.output)
                ordered.append(node)
        dynamic = {self.input}
        kept = []
        for node in ordered:
            if not dynamic.isdisjoint(node.input):
                dynamic.update(node.output)
                kept.append(node)
        return kept

    def attributes(self, node: Any) -> dict[str, Any]:
        """The attributes of a node; an error if one is a graph or refers to something else."""
        found = {}
        kinds = self._onnx.AttributeProto
        for attribute in node.attribute:
            allowed = (
                kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS, kinds.TENSOR,
            )  # fmt: skip
            if attribute.type not in allowed or attribute.ref_attr_name:
                what = f"the attribute {validation.shown(attribute.name)}"
                raise self.error(self.place(node), what, "numbers, text or a tensor")
            found[attribute.name] = self._onnx.helper.get_attribute_value(attribute)
        return found

    def constant(self, name: str) -> Array | None:
        """The value of a tensor that does not depend on the input; None if it does."""
        path: list[Any] = []  # of nodes that only change the form, such as Transpose
        while name not in self._constants:
            node = self._maker.get(name)
            if node is None or node.op_type not in _FOLDED or node.domain or len(path) > 8:
                return None
            path.append(node)
            name = node.input[0] if node.input else ""
        array = self._array(self._constants[name])
        for node in reversed(path):
            array = self._folded(node, array)
        return array

    def _folded(self, node: Any, array: Array) -> Array:
        attributes = self.attributes(node)
        if node.op_type == "Transpose":
            axes = attributes.get("perm")
            if axes is not None and sorted(axes) != [*range(array.ndim)]:
                raise self.error(self.place(node), f"perm={axes}", "all axes once")
            return array.transpose(axes)
        return array.astype(self.cast_dtype(node)) if node.op_type == "Cast" else array

    def cast_dtype(self, node: Any) -> np.dtype[Any]:
        """The dtype that a Cast makes, float32 or float64."""
        kinds, to = self._onnx.TensorProto, self.attributes(node).get("to")
        if to not in (kinds.FLOAT, kinds.DOUBLE):
            raise self.error(self.place(node), "another type", "float32 or float64")
        return np.dtype(np.float64 if to == kinds.DOUBLE else np.float32)

    @staticmethod
    def is_standard(node: Any, is_ml: bool = False) -> bool:
        """Whether a node is of ONNX's own operators, or of its machine learning ones."""
        return node.domain == "ai.onnx.ml" if is_ml else node.domain in ("", "ai.onnx")

    def _array(self, of: Any) -> Array:
        if of.DESCRIPTOR.name == "NodeProto":
            attributes = self.attributes(of)
            if len(attributes) != 1 or not {*attributes} & {
                "value",
                "value_float",
                "value_floats",
                "value_int",
                "value_ints",
            }:
                raise self.error(self.place(of), "no value", "a tensor or numbers")
            ((name, value),) = attributes.items()
            if name == "value":
                return self._tensor(value)
            return np.array(value, np.float32 if "float" in name else np.int64)
        return self._tensor(of)

    def _tensor(self, tensor: Any) -> Array:
        """The array of a tensor, whose data must be in the file and as many as its shape says."""
        place = f"tensor {validation.shown(tensor.name)}"
        if tensor.data_location != self._onnx.TensorProto.DEFAULT or tensor.external_data:
            raise self.error(place, "data in another file", "data in the file itself")
        helper = self._onnx.helper
        try:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
        except (KeyError, ValueError, TypeError):
            dtype = np.dtype(object)
        if dtype.name not in _DTYPES:
            raise self.error(place, f"type {tensor.data_type}", "numbers")
        if tensor.HasField("raw_data"):
            held: float = len(tensor.raw_data) / dtype.itemsize
        else:
            held = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type)))
        count = 1
        for n in tensor.dims[:_MAX_DIMS]:
            count = min(count * n, 2**62)  # and no larger one, which would take long
        if any(n < 0 for n in tensor.dims) or held != count or len(tensor.dims) > _MAX_DIMS:
            shape = "x".join(map(str, tensor.dims[:8]))
            raise self.error(place, f"{held:g} numbers of shape ({shape})", "as many as its shape")
        array: Array = self._onnx.numpy_helper.to_array(tensor)
        return array


def _names(graph: Any) -> Iterator[Any]:
    """All text of a graph that is a name."""
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for named in (*graph.initializer, *graph.input, *graph.output):
        yield named.name
