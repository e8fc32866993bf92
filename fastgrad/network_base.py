"""What a network consists of: spec, arrays, engine; and its copies."""

import copy
from typing import Any, Self

import numpy as np

from .engine.engine import Engine
from .kernels.activations import Activation
from .kernels.costs import Cost
from .model.layer import Arrays, Layer, named_arrays
from .model.output_heads import OutputHeads
from .model.settings import apply_settings, training_settings
from .model.spec import NetworkSpec
from .model.standardization import Inputs, Targets
from .optim.base import NetworkKey
from .validation import NoNewAttributes

__all__ = ["NetworkBase"]

Array = np.ndarray[Any, Any]


class NetworkBase(NoNewAttributes):
    """Base of `Network`: all but what it computes."""

    _made_last = "targets"
    sizes: tuple[int, ...]
    n_inputs: int
    n_outputs: int
    activation_functions: tuple[Activation, ...]
    dtype: np.dtype[Any]
    heads: OutputHeads
    cost_function: Cost
    metadata: dict[str, Any]
    engine: Engine
    layers: tuple[Layer, ...]
    inputs: Inputs
    targets: Targets
    rng: np.random.Generator
    _key: NetworkKey

    @classmethod
    def from_spec(cls, spec: NetworkSpec) -> Self:
        """The network of a spec, with weights and biases of 0.

        Parameters
        ----------
        spec : fastgrad.model.spec.NetworkSpec
            As the property `spec` returns it.
        """
        net = object.__new__(cls)
        net.rng, net._key = np.random.default_rng(), NetworkKey()
        net._build(spec)
        return net

    def _build(self, spec: NetworkSpec) -> None:
        """Set all that a spec describes, and allocate the arrays."""
        engine, is_linear = Engine(spec, self._key), spec.activations[-1].name == "identity"
        vars(self).update(
            sizes=spec.sizes, n_inputs=spec.sizes[0], n_outputs=spec.sizes[-1],
            activation_functions=spec.activations, dtype=spec.dtype,
            heads=spec.heads, cost_function=spec.heads[0].cost, metadata=dict(spec.metadata),
            engine=engine, layers=engine.layers, inputs=engine.inputs,
            targets=Targets(spec.heads.are_numbers & is_linear),
        )  # fmt: skip
        apply_settings(self.targets, spec.targets)

    def __getstate__(self) -> dict[str, Any]:
        """Everything except addresses, which mean nothing in a copy or another process."""
        derived = {"engine", "layers", "inputs", "targets"}
        kept = {name: value for name, value in vars(self).items() if name not in derived}
        with self.engine.locks.queue, self.engine.locks.passes:
            arrays = {name: array.copy() for name, array in self.arrays.items()}
        return {**kept, "spec": self.spec, "arrays": arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Allocate new arrays, and fill them."""
        spec, arrays = state.pop("spec"), state.pop("arrays")
        vars(self).update(state)
        self._build(spec)
        for name, array in self.arrays.items():
            array[...] = arrays[name]

    __copy__ = copy.deepcopy  # two networks of one key would share the states of optimizers

    def __repr__(self) -> str:
        """Sizes, activations and cost on one line."""
        shape, names = "-".join(map(str, self.sizes)), ", ".join(self.activations)
        costs = ", ".join(head.cost.name for head in self.heads)
        return f"<Network {shape}: {names}; {costs}; {self.dtype}>"

    @property
    def activations(self) -> tuple[str, ...]:
        """Names of f_1 ... f_L."""
        return tuple(f.name for f in self.activation_functions)

    @property
    def n_parameters(self) -> int:
        """Total number of weights and biases."""
        return sum(layer.W.size + layer.b.size for layer in self.layers)

    @property
    def parameters(self) -> Array:
        """All weights and biases in one flat vector, padded with zeros: a writable view."""
        return self.engine.workspace.parameters

    @property
    def penalty(self) -> float:
        """The terms of l1 and l2 in the cost: equation (10) is its gradient."""
        return self.engine.penalty

    @property
    def spec(self) -> NetworkSpec:
        """All that describes the network apart from its arrays: functions, settings, metadata."""
        parts = (self.inputs, self.targets, *self.layers)
        inputs, targets, *layers = map(training_settings, parts)
        return NetworkSpec(
            self.sizes, self.activation_functions, self.heads, self.dtype, inputs, targets,
            tuple(layers), self.metadata,
        )  # fmt: skip

    @property
    def arrays(self) -> Arrays:
        """All numbers by their names in a file, such as "layer.1.W", as writable views."""
        return named_arrays(self.inputs, self.targets, self.layers)
