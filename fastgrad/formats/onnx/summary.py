"""What is in a file of ONNX, whether or not it is a network that can be read."""

from collections import Counter
from typing import Any

from ... import validation
from .foreign_graph import parse
from .graph import import_onnx
from .reader import read

__all__ = ["summary"]

_MAX_SHOWN = 200  # tensors, and kinds of operators


def summary(path: Any) -> dict[str, Any]:
    """Describe a file of ONNX.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    dict
        Versions, producer, inputs and outputs with dtypes and shapes, the number of each operator,
        and whether `fastgrad.from_onnx` reads it: True or the reason.

    Raises
    ------
    FileNotFoundError, ValueError, ModuleNotFoundError
        There is no such file, it is damaged or of another kind; the library is not installed.
    """
    model = parse(path)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    operators = Counter(_text(node.op_type) for node in graph.node)
    try:
        read(path)
        readable: bool | str = True
    except ValueError as error:
        readable = str(error).removeprefix(f"{path}: ")
    return {
        "format": "onnx",
        "IR": model.ir_version,
        "opsets": {
            _text(entry.domain) or "ai.onnx": entry.version
            for entry in model.opset_import[:_MAX_SHOWN]
        },
        "producer": f"{_text(model.producer_name)} {_text(model.producer_version)}".strip(),
        "inputs": _described(value for value in graph.input if value.name not in constants),
        "outputs": _described(graph.output),
        "operators": dict(operators.most_common(_MAX_SHOWN)),
        "readable": readable,
    }


def _described(values: Any) -> dict[str, str]:
    """Dtype and shape of tensors by name; an axis of any length is "N" or as it is named."""
    names = import_onnx().TensorProto.DataType
    described = {}
    for value, _ in zip(values, range(_MAX_SHOWN), strict=False):
        name = _text(value.name)
        if value.type.WhichOneof("value") != "tensor_type":
            described[name] = "no tensor"
            continue
        tensor = value.type.tensor_type
        axes = (_text(axis.dim_param) or (axis.dim_value if axis.HasField("dim_value") else "N")
                for axis in tensor.shape.dim)  # fmt: skip
        known = tensor.elem_type in names.values()
        dtype = names.Name(tensor.elem_type).lower() if known else "unknown"
        described[name] = f"{dtype} ({', '.join(map(str, axes))})"
    return described


def _text(name: Any) -> str:
    """A name in short; the library gives bytes where it is no Unicode."""
    return validation.shortened(str(name), 80)
