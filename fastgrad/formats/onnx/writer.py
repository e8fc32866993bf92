"""Models as files of ONNX."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ... import validation
from ...atomic_write import atomic_write
from ...data.column_encoders import CategoryEncoder
from ...data.number_encoders import DateEncoder, NumberEncoder
from ...version import __version__
from ..portable import PortableModel
from ..safetensors import check_path
from .answers import Names, add_answers, output_names
from .graph import Graph, import_onnx
from .network_graph import add_networks
from .self_check import check_by_onnxruntime
from .table_graph import add_encoder, add_inputs

__all__ = ["write"]

_OLDEST = 13  # Softmax of the last axis by itself, axes of Split as an input
_MAX_BYTES = 2**31 - 1  # of a message of protobuf


def write(
    path: Any, model: PortableModel, outputs: str = "labels", opset: int = 17, check: bool = True
) -> None:
    """Write a model to an ONNX file, atomically.

    Parameters
    ----------
    path, outputs, opset, check
        As for `Network.to_onnx`.
    model : PortableModel
        What is written.

    Raises
    ------
    ValueError, TypeError, OSError, ModuleNotFoundError
        As for `Network.to_onnx`; an existing file then is unchanged.
    """
    path = Path(validation.path("path", path))
    check_path("path", path)
    validation.choice("outputs", outputs, ("labels", "scores"))
    newest = import_onnx().defs.onnx_opset_version()
    opset = validation.integer("opset", opset, least=_OLDEST, most=newest)
    _check_numbers(model)
    graph = Graph(opset)
    inputs, names = _add_all(graph, model, outputs)
    doc, metadata = _contract(model, inputs, names, outputs)
    made = graph.model(doc, __version__, metadata)
    import_onnx("onnx.checker").check_model(made, full_check=True)
    content = made.SerializeToString()
    if validation.flag("check", check):
        check_by_onnxruntime(content, model, inputs, names, outputs)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _check_numbers(model: PortableModel) -> None:
    model.check_finite()
    n_bytes = sum(a.nbytes for network in model.networks for a in network.arrays.values())
    if n_bytes > _MAX_BYTES:
        raise ValueError(f"to_onnx: got weights of {n_bytes:,} bytes; expected at most 2 GiB")


def _add_all(graph: Graph, model: PortableModel, outputs: str) -> tuple[dict[str, str], Names]:
    """Add all nodes; return the names of the inputs by their columns, and those of the outputs."""
    if model.encoder is None:
        dtype = np.result_type(*(network.spec.dtype for network in model.networks)).name
        x = graph.input("X", dtype, model.networks[0].spec.sizes[0])
        inputs = {"X": x}
        names = output_names(graph, model, outputs)
    else:
        dtype = model.encoder.dtype
        inputs = add_inputs(graph, model.encoder, as_codes=outputs == "scores")
        names = output_names(graph, model, outputs)
        x = add_encoder(graph, model.encoder, inputs, as_codes=outputs == "scores")
    p, dtype = add_networks(graph, model, x, dtype)
    add_answers(graph, model, names, p, dtype)
    return inputs, names


def _contract(
    model: PortableModel, inputs: dict[str, str], names: Names, outputs: str
) -> tuple[str, dict[str, str]]:
    """What the inputs and outputs are, as text and as JSON."""
    described = [_input(model, column, name, outputs) for column, name in inputs.items()]
    answers: list[dict[str, Any]] = [{"name": names.values}]
    classes = model.targets.classes
    if names.label is not None:
        answers = [{"name": names.label}, {"name": names.values, "columns": classes}]
    text = [f"{one['name']}: {one['what']}" for one in described]
    text.append(f"outputs: {', '.join(filter(None, names))}")
    contract = {
        "task": model.targets.task, "target": model.targets.target, "classes": classes,
        "inputs": described, "outputs": answers,
    }  # fmt: skip
    return "\n".join(text), {"fastgrad": json.dumps(contract)}


def _input(model: PortableModel, column: str, name: str, outputs: str) -> dict[str, Any]:
    """What a user of the file must know of an input."""
    if model.encoder is None:
        spec = model.networks[0].spec
        what = f"{spec.sizes[0]} numbers a row"
        return {"name": name, "kind": "numbers", "what": what, "columns": spec.inputs["names"]}
    encoder = next(c for c in model.encoder.columns if c.name == column)
    told: dict[str, Any] = {"name": name, "column": column, "kind": encoder.kind}
    if isinstance(encoder, NumberEncoder):
        return told | {
            "what": f"numbers, {encoder.description}; NaN is missing",
            "low": encoder.low, "high": encoder.high, "missing": "NaN",
        }  # fmt: skip
    if isinstance(encoder, DateEncoder):
        return told | {
            "what": f"microseconds since 1970, {encoder.description}; -2^63 is missing",
            "unit": "microseconds since 1970-01-01" + " UTC" * encoder.has_zone,
            "low": encoder.low, "high": encoder.high, "missing": "-2^63",
        }  # fmt: skip
    assert isinstance(encoder, CategoryEncoder)
    given = "the position of the category from 0" if outputs == "scores" else "text"
    return told | {
        "what": f"{given}, {encoder.description}; anything else is missing",
        "unit": given, "categories": list(encoder.categories),
    }  # fmt: skip
