"""What a network is, apart from its numbers: the description that every file format shares."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np

from .. import validation
from ..kernels.activations import Activation, activation
from ..kernels.costs import Cost
from .function_names import function_of, name_in_file
from .layer import ArrayShape, Layer
from .output_heads import OutputHeads, output_heads
from .settings import Settings, checked_settings, training_settings
from .standardization import Inputs, Targets

__all__ = ["NetworkSpec"]


def _finite(settings: Settings) -> dict[str, Any]:
    """Settings but for infinite limits, which JSON cannot hold and are the default."""
    return {name: value for name, value in settings.items() if value != float("inf")}


@dataclass(frozen=True)
class NetworkSpec:
    """A network's shape, functions and training settings; with its arrays, all of it.

    Parameters
    ----------
    sizes : tuple of int
        n_0 ... n_L.
    activations : tuple of Activation
        f_1 ... f_L.
    heads : OutputHeads
        The costs of the outputs, each with its link.
    dtype : numpy.dtype
        float32 or float64.
    inputs : mapping
        All settings of the inputs by name, such as "noise".
    targets : mapping
        All settings of the targets by name, such as "standardize".
    layers : tuple of mappings
        All settings of each layer by name, such as "dropout".
    metadata : mapping
        `Network.metadata`.
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    heads: OutputHeads
    dtype: np.dtype[Any]
    inputs: Settings
    targets: Settings
    layers: tuple[Settings, ...]
    metadata: Mapping[str, Any]

    @classmethod
    def create(cls, sizes: Any, activations: Any, cost: Any, dtype: Any) -> Self:
        """The spec of these arguments of `Network`, validated, with default settings."""
        sizes, dtype = validation.network_sizes(sizes), validation.real_dtype(dtype)
        kinds = (str, Activation)
        names = validation.one_per_layer(
            "activations", activations, kinds, len(sizes) - 1, "identity"
        )
        if isinstance(activations, str):
            activation(activations)  # validated although there may be no hidden layer to use it
        functions = tuple(map(activation, names))
        heads = output_heads(cost, sizes[-1], functions[-1].name)
        inputs, targets = training_settings(Inputs), training_settings(Targets)
        layers = (training_settings(Layer),) * len(functions)
        return cls(sizes, functions, heads, dtype, inputs, targets, layers, {})

    @property
    def functions(self) -> list[Activation | Cost]:
        """All activations and costs: what a file holds only the names of."""
        return [*self.activations, *(head.cost for head in self.heads)]

    @cached_property
    def kind(self) -> Hashable:
        """The same for networks that differ in their numbers and metadata alone."""
        settings = repr((self.inputs, self.targets, self.layers))
        return self.sizes, self.dtype, self.activations, self.heads, settings

    @property
    def are_numbers(self) -> np.ndarray[Any, Any]:
        """Which outputs are numbers that can be any, so that targets are standardised: (n_L,)."""
        return self.heads.are_numbers & (self.activations[-1].name == "identity")

    @cached_property
    def is_builtin(self) -> bool:
        """Whether no activation or cost is a user's own function, which may raise."""
        return all(function.builtin for function in self.functions)

    @cached_property
    def is_penalized(self) -> bool:
        """Whether a layer has l1 or l2."""
        return any(layer["l1"] or layer["l2"] for layer in self.layers)

    def shapes(self) -> Iterator[ArrayShape]:
        """Name in a file, dtype and shape of each array of the network."""
        for name in ("input.mean", "input.scale"):
            yield name, self.dtype, self.sizes[:1]
        if self.targets["standardize"]:
            for name in ("target.mean", "target.scale"):
                yield name, np.dtype(np.float64), self.sizes[-1:]
        for l, (n_in, n_out) in enumerate(pairwise(self.sizes), start=1):
            yield f"layer.{l}.W", self.dtype, (n_out, n_in)
            yield f"layer.{l}.b", self.dtype, (n_out,)

    @property
    def linear(self) -> Self:
        """The same without hidden layers."""
        ends, last = (self.sizes[0], self.sizes[-1]), self.layers[-1:]
        return replace(self, sizes=ends, activations=self.activations[-1:], layers=last)

    def config(self) -> dict[str, Any]:
        """The spec as JSON can hold it, functions by name; `from_config` is the reverse."""
        return {
            "sizes": self.sizes,
            "activations": [name_in_file(f) for f in self.activations],
            "cost": [[name_in_file(cost), nodes, weight] for cost, nodes, weight in self.heads],
            "dtype": str(self.dtype),
            "training": {
                "inputs": self.inputs,
                "targets": self.targets,
                "layers": [_finite(layer) for layer in self.layers],
            },
            "metadata": self.metadata,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Activation | Cost]
    ) -> Self:
        """The spec that a `config` describes.

        Parameters
        ----------
        config : mapping
            As `config` returns it.
        custom_objects : mapping
            Custom activations and costs by their names in a file.

        Raises
        ------
        KeyError, TypeError, ValueError
            An entry is missing or wrong, or a custom function is not among those given.
        """
        activations = [function_of(name, custom_objects) for name in config["activations"]]
        costs = [(function_of(cost, custom_objects), *rest) for cost, *rest in config["cost"]]
        spec = cls.create(config["sizes"], activations, costs, config["dtype"])
        given = config["training"]
        for name in given:
            validation.choice("training", name, ("inputs", "targets", "layers"))
        pairs = zip(spec.layers, given["layers"], strict=True)
        return replace(
            spec,
            inputs=checked_settings(Inputs, spec.inputs, given["inputs"]),
            targets=checked_settings(Targets, spec.targets, given.get("targets", {})),
            layers=tuple(checked_settings(Layer, *pair) for pair in pairs),
            metadata=config["metadata"],
        )
