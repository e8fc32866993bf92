"""A network from the layers of another library, which are told one after another."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .. import validation
from ..kernels.activations import Activation, activation
from ..kernels.costs import Cost
from ..kernels.costs import cost as resolve_cost
from ..model.spec import NetworkSpec
from .portable import PortableNetwork

__all__ = ["Chain"]

Array = np.ndarray[Any, Any]

#: The cost of outputs to which this was applied, unless another one is given.
_COST_OF_LINK = {
    "softmax": "softmax_cross_entropy",
    "sigmoid": "sigmoid_cross_entropy",
    "exp": "poisson",
    "identity": "squared_error",
}


class _Scaling(NamedTuple):
    """y = (x - center) scale + shift, float64."""

    center: Array
    scale: Array
    shift: Array

    def then(self, after: "_Scaling") -> "_Scaling":
        """Apply another scaling to its results: one scaling again."""
        shift = (self.shift - after.center) * after.scale + after.shift
        return _Scaling(self.center, self.scale * after.scale, shift)


class Chain:
    """Layers, activations and what else a library has for them, in their order.

    Each method takes first the place, what the library calls the layer, for error messages.

    Parameters
    ----------
    source : str
        What is read, for error messages: a file's name or "module".

    Raises
    ------
    ValueError
        What cannot be a part of a network here, by every method.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._weights: list[tuple[Array, Array]] = []
        self._functions: list[Activation | None] = []  # None: no activation was told yet
        self._settings: list[dict[str, Any]] = []
        self._input: dict[str, Any] = {}
        self._before: _Scaling | None = None  # of the inputs, or between activation and layer
        self._of_inputs: _Scaling | None = None
        self._after: _Scaling | None = None  # of the last layer, which has no activation yet
        self._link = "identity"

    def error(self, place: str, received: str, expected: str) -> ValueError:
        """The error that a layer cannot be carried over."""
        return ValueError(f"{self._source}: {place}: got {received}; expected {expected}")

    @property
    def width(self) -> int | None:
        """Nodes of the last layer; None before the first."""
        return len(self._weights[-1][1]) if self._weights else None

    def layer(self, place: str, W: Array, b: Array | None, trainable: bool = True) -> None:
        """W (n_l, n_(l-1)) and b (n_l,), of float32 or float64; without b it is 0."""
        self._check_open(place)
        if W.ndim != 2 or not W.size or (b is not None and b.shape != W.shape[:1]):
            shape = W.shape if b is None else (W.shape, b.shape)
            raise self.error(place, f"weights of shape {shape}", "a matrix, and a bias per row")
        if W.dtype not in (np.float32, np.float64):
            raise self.error(place, f"weights of {W.dtype}", "float32 or float64")
        if self.width not in (None, W.shape[1]):
            raise self.error(
                place, f"{W.shape[1]} inputs", f"{self.width}, those of the one before"
            )
        b = np.zeros(len(W), W.dtype) if b is None else b
        if not (np.isfinite(W).all() and np.isfinite(b).all()):
            raise self.error(place, "NaN or infinity among the weights", "finite numbers")
        if self._functions and self._functions[-1] is None:
            self._settle()
            self._functions[-1] = activation("identity")
        if self._before is not None:
            W, b = self._joined(place, W, b)
        self._weights.append((W, b.astype(W.dtype)))
        self._functions.append(None)
        self._settings.append({} if trainable else {"trainable": False})

    def _joined(self, place: str, W: Array, b: Array) -> tuple[Array, Array]:
        """The layer with the scaling before it: of the inputs as it is, else in its weights."""
        scaling, self._before = self._before, None
        assert scaling is not None
        if len(scaling.center) not in (1, W.shape[1]):
            expected = f"{W.shape[1]}, as the layer after it"
            raise self.error(place, f"a scaling of {len(scaling.center)} numbers before", expected)
        center, scale, shift = (np.broadcast_to(x, W.shape[1]) for x in scaling)
        exact = W.astype(np.float64)
        if not self._weights:
            self._of_inputs = _Scaling(center, scale, shift)
            return W, (b + exact @ shift).astype(W.dtype) if shift.any() else b
        b = (b + exact @ (shift - center * scale)).astype(W.dtype)
        return (exact * scale).astype(W.dtype), b

    def scaling(self, place: str, center: Any, scale: Any, shift: Any = 0.0) -> None:
        """Of each number y = (x - center) scale + shift; scalars, or as many as there are nodes."""
        self._check_open(place)
        arrays = np.broadcast_arrays(
            *(np.asarray(x, np.float64).ravel() for x in (center, scale, shift))
        )
        if not all(np.isfinite(array).all() for array in arrays):
            raise self.error(place, "NaN or infinity", "finite numbers")
        told = _Scaling(*arrays)
        n, width = len(told.center), self.width
        if width is not None and self._functions[-1] is None:
            if n not in (1, width):
                raise self.error(place, f"{n} numbers", f"{width}, one per node")
            told = _Scaling(*(np.broadcast_to(x, width) for x in told))
            self._after = told if self._after is None else self._after.then(told)
        elif self._before is None:
            self._before = told
        else:
            before = len(self._before.center)
            if n != before and 1 not in (n, before):
                raise self.error(place, f"{n} numbers", f"{before}, as the scaling before it")
            self._before = self._before.then(told)

    def _settle(self) -> None:
        """Make a scaling of the last layer's sums a part of its weights and biases."""
        scaling, self._after = self._after, None
        if scaling is not None:
            W, b = self._weights[-1]
            b = ((b - scaling.center) * scaling.scale + scaling.shift).astype(W.dtype)
            self._weights[-1] = (W * scaling.scale[:, None]).astype(W.dtype), b

    def activation(self, place: str, f: str | Activation) -> None:
        """An activation function, by its name here; "identity" is none."""
        self._check_open(place)
        f = activation(f)
        if f.name == "identity":
            return
        if not self._functions or self._functions[-1] is not None:
            raise self.error(place, f"{f.name} without a layer before it", "one activation a layer")
        self._settle()
        self._functions[-1] = f

    def dropout(self, place: str, p: float) -> None:
        """Dropout with probability p, of the activations told last or of the inputs."""
        self._check_open(place)
        settings = self._settings[-1] if self._settings else self._input
        f = self._functions[-1] if self._functions else activation("identity")
        if "dropout" in settings:
            raise self.error(place, "a second dropout", "one a layer")
        # the mask is not negative, so that max(0, u) may follow it
        settings["dropout"] = validation.number(
            f"{self._source}: {place}: dropout", p, least=0, below=1
        )
        settings["place"] = place if f is None else ""

    def noise(self, place: str, deviation: float) -> None:
        """Normal noise of this standard deviation, added to the inputs in training."""
        self._check_open(place)
        if self._weights or "noise" in self._input:
            raise self.error(place, "noise within the network", "noise of the inputs")
        name = f"{self._source}: {place}: noise"
        self._input["noise"] = validation.number(name, deviation, least=0)

    def link(self, place: str, name: str) -> None:
        """The end: "softmax" or "exp" is applied to the outputs."""
        self._check_open(place)
        if not self._functions or self._functions[-1] is not None:
            raise self.error(place, f"{name} without a layer before it", f"{name} after a layer")
        self._settle()
        self._link = name

    def _check_open(self, place: str) -> None:
        if self._link != "identity":
            raise self.error(place, f"a layer after {self._link}", f"{self._link} as the last one")

    def network(self, cost: str | Cost | None = None) -> PortableNetwork:
        """The network of what was told.

        Parameters
        ----------
        cost : str or Cost, optional
            Its cost; by default that of which the last function is the link, else "squared_error".
        """
        if not self._weights:
            raise ValueError(f"{self._source}: got no layer; expected at least one, W a + b")
        if self._before is not None:
            raise self.error("the end", "a scaling of activations", "a layer after it")
        ends = self._functions[-1]
        chosen = None if cost is None else resolve_cost(cost)
        if (
            ends is not None
            and ends.name == "sigmoid"
            and (chosen is None or chosen.link == "sigmoid")
        ):
            self._functions[-1], self._link = None, "sigmoid"
        chosen = chosen or resolve_cost(_COST_OF_LINK[self._link])
        if self._link not in ("identity", chosen.link):
            raise ValueError(
                f"cost: got {chosen.name!r}, of outputs with {chosen.link}; expected one with"
                f" {self._link}, which {self._source} ends with"
            )
        functions = [f or activation("identity") for f in self._functions]
        dtype = np.result_type(*(W.dtype for W, _ in self._weights))
        sizes = (self._weights[0][0].shape[1], *(len(b) for _, b in self._weights))
        spec = NetworkSpec.create(sizes, functions, chosen, dtype)
        return self._described(spec)

    def _described(self, spec: NetworkSpec) -> PortableNetwork:
        """The spec with the settings, and the arrays."""
        targets, decoded = dict(spec.targets), self._after
        if decoded is not None and not (spec.are_numbers.all() and (decoded.scale > 0).all()):
            self._settle()
            decoded = None
        arrays = {}
        if decoded is not None:
            # a scale + mean, without a center: that of the outputs in the unit of the targets
            arrays["target.mean"] = decoded.shift - decoded.center * decoded.scale
            arrays["target.scale"] = np.array(decoded.scale)
            targets |= {"standardize": True, "standardized": True}
        for l, (W, b) in enumerate(self._weights, start=1):
            arrays[f"layer.{l}.W"] = W.astype(spec.dtype)
            arrays[f"layer.{l}.b"] = b.astype(spec.dtype)
        inputs = dict(spec.inputs) | self._checked(self._input, activation("relu"))
        mean, scale = np.zeros(spec.sizes[0]), np.ones(spec.sizes[0])
        if self._of_inputs is not None:
            mean, scale, _ = self._of_inputs
            inputs |= {"standardize": True, "standardized": True}
        arrays["input.mean"] = mean.astype(spec.dtype)
        arrays["input.scale"] = scale.astype(spec.dtype)
        layers = [
            {**before, **self._checked(told, f)}
            for before, told, f in zip(spec.layers, self._settings, spec.activations, strict=True)
        ]
        if layers[-1]["dropout"]:
            raise ValueError(
                f"{self._source}: got dropout of the outputs; expected it in hidden layers"
            )
        return PortableNetwork(
            replace(spec, inputs=inputs, targets=targets, layers=tuple(layers)), arrays
        )

    def _checked(self, told: dict[str, Any], f: Activation) -> dict[str, Any]:
        """The settings of a layer; dropout before an activation must be the same as after it."""
        place = told.pop("place", "")
        if place and f.name.partition("(")[0] not in ("identity", "relu", "leaky_relu"):
            raise self.error(place, f"dropout before {f.name}", "dropout after the activation")
        return told
