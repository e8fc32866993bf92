"""A graph of ONNX while it is made: nodes, constants, and names that do not collide."""

from collections import Counter
from typing import Any

import numpy as np

from ...extras import import_extra

__all__ = ["Graph", "import_onnx"]

Array = np.ndarray[Any, Any]

_ML = "ai.onnx.ml"


def import_onnx(module: str = "onnx") -> Any:
    """The library, or a module of it."""
    return import_extra(module, "onnx", "an ONNX file")


class Graph:
    """Nodes in their order, the constants that they use, inputs and outputs.

    A tensor is known by its name; each method that makes one returns it. Inputs and outputs are
    named first, so that these names are as asked for.

    Parameters
    ----------
    opset : int
        The version of the operators; some are composed of others before they exist.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self._onnx = import_onnx()
        self._names = {""}  # which means none
        self._counts = Counter[str]()
        self._nodes: list[Any] = []
        self._constants: dict[Any, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._has_ml = False

    def name(self, wanted: str) -> str:
        """The name, with a number at its end if it is taken."""
        name = wanted
        while name in self._names:
            self._counts[wanted] += 1
            name = f"{wanted}_{self._counts[wanted] + 1}"
        self._names.add(name)
        return name

    def input(self, wanted: str, dtype: Any, width: int) -> str:
        """An input of shape [N, width]."""
        name = self.name(wanted)
        self._inputs.append(self._described(name, dtype, ["N", width]))
        return name

    def constant(self, wanted: str, values: Any, dtype: Any = None) -> str:
        """A constant; a single number is held once."""
        array = np.asarray(values, dtype)
        key = (array.dtype, array.tobytes()) if not array.ndim else self.name(wanted)
        if key not in self._constants:
            name = key if isinstance(key, str) else self.name(wanted)
            self._constants[key] = self._onnx.numpy_helper.from_array(array, name)
        return str(self._constants[key].name)

    def node(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """A node with one output, which is named after the operator unless it is given a name."""
        return self.nodes(operator, *inputs, names=[name or self.name(operator)], **attributes)[0]

    def nodes(
        self, operator: str, *inputs: str, names: list[str], domain: str = "", **attributes: Any
    ) -> list[str]:
        """A node whose outputs have these names, each from `name`."""
        self._has_ml |= domain == _ML
        self._nodes.append(
            self._onnx.helper.make_node(operator, inputs, names, domain=domain, **attributes)
        )
        return names

    def cast(self, x: str, dtype: Any) -> str:
        """The tensor in another dtype."""
        return self.node("Cast", x, to=self._number(dtype))

    def codes_of_texts(self, texts: str, codes: dict[str, int], default: int) -> str:
        """The int64 that each text stands for, by the ai.onnx.ml operator that looks it up."""
        return self.nodes(
            "LabelEncoder", texts, names=[self.name("codes")], domain=_ML,
            keys_strings=[*codes], values_int64s=[*codes.values()], default_int64=default,
        )[0]  # fmt: skip

    def output(self, name: str, dtype: Any, *shape: int) -> None:
        """Declare a tensor an output of shape [N, *shape]."""
        self._outputs.append(self._described(name, dtype, ["N", *shape]))

    def _described(self, name: str, dtype: Any, shape: list[Any]) -> Any:
        return self._onnx.helper.make_tensor_value_info(name, self._number(dtype), shape)

    def _number(self, dtype: Any) -> int:
        """The number of a dtype in ONNX; object is text."""
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def model(self, doc: str, version: str, metadata: dict[str, str]) -> Any:
        """The model, an onnx.ModelProto."""
        helper = self._onnx.helper
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(_ML, 3)] * self._has_ml
        graph = helper.make_graph(
            self._nodes, "fastgrad", self._inputs, self._outputs, [*self._constants.values()],
            doc_string=doc,
        )  # fmt: skip
        model = helper.make_model(
            graph, opset_imports=opsets, producer_name="fastgrad", producer_version=version,
            ir_version=max(8, helper.find_min_ir_version_for(opsets)), doc_string=doc,
        )  # fmt: skip
        helper.set_model_props(model, metadata)
        return model
