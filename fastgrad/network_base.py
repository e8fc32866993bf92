"""What a network consists of: spec, arrays, engine; and its copies."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self, cast

import numpy as np

from .engine.engine import Engine, new_parameters
from .engine.forks import Locks
from .kernels.activations import Activation
from .kernels.costs import Cost
from .model.initializers import Scheme
from .model.layer import Arrays, Layer, named_arrays
from .model.output_heads import OutputHeads
from .model.settings import apply_settings, training_settings
from .model.spec import NetworkSpec
from .model.standardization import Inputs, Targets
from .optim.base import NetworkKey
from .validation import NoNewAttributes

__all__ = ["NetworkBase"]

Array = np.ndarray[Any, Any]


class Late:
    """An attribute that an object makes when it is first read, by a method of the name given."""

    def __init__(self, make: str) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn its name."""
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Make it; from then on the object has it, and this is no longer called."""
        if instance is None:
            return self
        getattr(instance, self._make)()
        return vars(instance)[self._name]


#: Held while a network makes its numbers or its engine.
_making = Locks()


class NetworkBase(NoNewAttributes):
    """Base of `Network`: all but what it computes.

    Weights are drawn when they are first used, and likewise the engine is made: thousands of
    networks may wait for their training.
    """

    _made_last = "metadata"
    _spec: NetworkSpec  # as it was made: `spec` is as it is
    _seed: int | None
    _schemes: Sequence[Scheme]  # of the initial weights; empty: they are 0
    _key: NetworkKey
    metadata: dict[str, Any]
    rng: np.random.Generator = cast("Any", Late("_draw"))
    _parameters: Array = cast("Any", Late("_draw"))
    engine: Engine = cast("Any", Late("_build"))
    layers: tuple[Layer, ...] = cast("Any", Late("_build"))
    inputs: Inputs = cast("Any", Late("_build"))
    targets: Targets = cast("Any", Late("_build"))

    @classmethod
    def from_spec(cls, spec: NetworkSpec) -> Self:
        """The network of a spec, with weights and biases of 0.

        Parameters
        ----------
        spec : fastgrad.model.spec.NetworkSpec
            As the property `spec` returns it.
        """
        net = object.__new__(cls)
        net._describe(spec)
        net._build()
        return net

    def _describe(
        self, spec: NetworkSpec, seed: int | None = None, schemes: Sequence[Scheme] = ()
    ) -> None:
        """Set what all else is made from."""
        self._spec, self._seed, self._schemes, self._key = spec, seed, schemes, NetworkKey()
        self.metadata = dict(spec.metadata)

    def _draw(self) -> None:
        """Draw the initial weights, unless another thread has."""
        with _making.passes:
            if "_parameters" not in vars(self):
                self._draw_now()

    def _draw_now(self) -> None:
        """Draw them without a lock, which a user's function must not be called under."""
        rng = np.random.default_rng(self._seed)
        parameters, layers = new_parameters(self._spec)
        for (W, _), draw in zip(layers, self._schemes, strict=bool(self._schemes)):
            W[...] = draw(W.shape, rng)
        vars(self).update({"rng": rng, "_parameters": parameters} | vars(self))

    def _build(self) -> None:
        """Make the engine, and what shows its arrays."""
        with _making.passes:
            if self.is_built:
                return
            spec = self._spec
            engine = Engine(spec, self._key, self._parameters)
            targets = Targets(spec.are_numbers)
            apply_settings(targets, spec.targets)
            vars(self).update(
                engine=engine, layers=engine.layers, inputs=engine.inputs, targets=targets
            )

    def __getstate__(self) -> dict[str, Any]:
        """Everything except addresses, which mean nothing in a copy or another process."""
        with self.engine.locks.queue, self.engine.locks.passes:
            arrays = {name: array.copy() for name, array in self.arrays.items()}
        kept = {"rng": self.rng, "_key": self._key, "metadata": self.metadata}
        return {**kept, "spec": self.spec, "arrays": arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Allocate new arrays, and fill them."""
        self._describe(state.pop("spec"))
        arrays = state.pop("arrays")
        vars(self).update(state)
        self._build()
        for name, array in self.arrays.items():
            array[...] = arrays[name]

    __copy__ = copy.deepcopy  # two networks of one key would share the states of optimizers

    def __repr__(self) -> str:
        """Sizes, activations and cost on one line."""
        shape, names = "-".join(map(str, self.sizes)), ", ".join(self.activations)
        costs = ", ".join(head.cost.name for head in self.heads)
        return f"<Network {shape}: {names}; {costs}; {self.dtype}>"

    def _repr_html_(self) -> str:
        from .model.spec_html import spec_html  # noqa: PLC0415 - for notebooks alone

        drawn = "_parameters" in vars(self)
        is_new = not any(layer.b.any() for layer in self.layers) if self.is_built else not drawn
        return spec_html(self.spec, "biases are 0, as before training" if is_new else "")

    @property
    def is_built(self) -> bool:
        """Whether its engine has been made: until then it is as its constructor was told."""
        return "engine" in vars(self)

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_0 ... n_L."""
        return self._spec.sizes

    @property
    def n_inputs(self) -> int:
        """n_0."""
        return self._spec.sizes[0]

    @property
    def n_outputs(self) -> int:
        """n_L."""
        return self._spec.sizes[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of all numbers."""
        return self._spec.dtype

    @property
    def activation_functions(self) -> tuple[Activation, ...]:
        """f_1 ... f_L."""
        return self._spec.activations

    @property
    def heads(self) -> OutputHeads:
        """The costs of the outputs."""
        return self._spec.heads

    @property
    def cost_function(self) -> Cost:
        """The cost, or the first of several."""
        return self.heads[0].cost

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
        return self._parameters

    @property
    def penalty(self) -> float:
        """The terms of l1 and l2 in the cost: equation (10) is its gradient."""
        return self.engine.penalty

    @property
    def spec(self) -> NetworkSpec:
        """All that describes the network apart from its arrays: functions, settings, metadata."""
        if not self.is_built:
            layers = tuple(map(dict, self._spec.layers))
            inputs, targets = dict(self._spec.inputs), dict(self._spec.targets)
            return replace(
                self._spec, inputs=inputs, targets=targets, layers=layers, metadata=self.metadata
            )
        parts = (self.inputs, self.targets, *self.layers)
        of_inputs, of_targets, *of_layers = map(training_settings, parts)
        return NetworkSpec(
            self.sizes, self.activation_functions, self.heads, self.dtype, of_inputs, of_targets,
            tuple(of_layers), self.metadata,
        )  # fmt: skip

    @property
    def common_spec(self) -> NetworkSpec:
        """The same but for the metadata, not to be changed: equal networks may share it."""
        return self.spec if self.is_built else self._spec

    @property
    def arrays(self) -> Arrays:
        """All numbers by their names in a file, such as "layer.1.W", as writable views."""
        return named_arrays(self.inputs, self.targets, self.layers)
