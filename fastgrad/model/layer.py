"""What a network shows of itself: each layer's parameters and training settings, and gradients."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import validation
from .settings import Flag, Number, TrainingSettings, View, is_as_before
from .standardization import Inputs, Targets

__all__ = [
    "ArrayShape", "Arrays", "Gradients", "Layer", "assign_dropout", "assign_per_layer",
    "named_arrays",
]  # fmt: skip

Array = np.ndarray[Any, Any]

#: Arrays by the names that they have in a file.
Arrays = dict[str, Array]

#: Name in a file, dtype and shape of an array.
ArrayShape = tuple[str, np.dtype[Any], tuple[int, ...]]


class Layer(TrainingSettings):
    """One layer: its weights and biases, views of the network's parameters, and its training.

    Assigning to `W` or `b`, as in ``layer.W -= 0.1 * g``, writes in place.

    Parameters
    ----------
    W : ndarray
        (n_l, n_(l-1)): weights.
    b : ndarray
        (n_l,): biases.
    is_output : bool, default False
        Whether it is the last layer.

    Attributes
    ----------
    trainable : bool, default True
        False: training leaves W and b unchanged.
    lr_scale : float, default 1
        Factor of the learning rate for this layer.
    l1, l2 : float, default 0
        The cost is C + l1 sum |W| + l2/2 sum W^2, equation (10).
    penalize_biases : bool, default False
        Whether the sums include the biases.
    dropout : float, default 0
        Probability with which an activation of this layer is set to 0 in training, equation (9);
        for hidden layers only.
    max_norm : float, default infinity
        Largest norm of the weights of a node: larger ones are scaled down after each step.
    """

    W, b = View("Weights, (n_l, n_(l-1))."), View("Biases, (n_l,).")
    dropout = Number(0.0, least=0, below=1)
    l1 = Number(0.0, least=0)
    l2 = Number(0.0, least=0)
    penalize_biases = Flag(False)
    max_norm = Number(float("inf"), above=0)
    trainable = Flag(True)
    lr_scale = Number(1.0, least=0)

    _aliases = MappingProxyType({"learningrate": "lr_scale", "lr": "lr_scale"})

    def __init__(self, W: Array, b: Array, is_output: bool = False) -> None:
        self._W, self._b, self._is_output = W, b, is_output

    def __setattr__(self, name: str, value: Any) -> None:
        """Set; but the outputs take no dropout."""
        if name == "dropout" and self._is_output and np.any(value):
            received = validation.shown(value)
            raise ValueError(
                f"dropout: got {received} at the output; expected it at a hidden layer"
            )
        super().__setattr__(name, value)

    @property
    def _shape(self) -> str:
        return f"{self.W.shape[1]}-{self.W.shape[0]}"

    @property
    def penalty(self) -> float:
        """l1 sum |W| + l2/2 sum W^2."""
        if not (self.l1 or self.l2):
            return 0.0
        arrays = (self.W, self.b) if self.penalize_biases else (self.W,)
        total = 0.0
        for p in arrays:
            squares = float(np.square(p, dtype=np.float64).sum()) if self.l2 else 0.0
            total += self.l1 * float(np.abs(p).sum()) + self.l2 / 2 * squares
        return total


def assign_per_layer(layers: Sequence[Layer], **given: Any) -> None:
    """Assign each setting: a list has one value per layer, anything else is for all layers."""
    for name, value in given.items():
        value = value.tolist() if isinstance(value, np.ndarray) else value
        values = value if isinstance(value, list | tuple) else [value] * len(layers)
        if len(values) != len(layers):
            expected = f"one value, or a list of {len(layers)}"
            raise ValueError(f"{name}: got a list of {len(values)}; expected {expected}")
        for layer, one in zip(layers, values, strict=True):
            if not is_as_before(layer, name, one):
                setattr(layer, name, one)
    if np.any(given.get("penalize_biases", False)) and not any(
        layer.penalize_biases and (layer.l1 or layer.l2) for layer in layers
    ):
        raise ValueError("penalize_biases: got True without a penalty; expected l1 or l2 above 0")


def assign_dropout(layers: Sequence[Layer], dropout: Any) -> None:
    """Assign the dropout of the hidden layers: a list has one value for each of them."""
    if len(layers) == 1 and np.any(dropout):
        raise ValueError(f"dropout: got {dropout!r} without a hidden layer; expected 0")
    assign_per_layer(layers[:-1], dropout=dropout)


def named_arrays(inputs: Inputs, targets: Targets, layers: Sequence[Layer]) -> Arrays:
    """All numbers of a network by their names in a file, as views."""
    named = {"input.mean": inputs.mean, "input.scale": inputs.scale}
    if targets.standardize:
        named |= {"target.mean": targets.mean, "target.scale": targets.scale}
    for l, layer in enumerate(layers, start=1):
        named |= {f"layer.{l}.W": layer.W, f"layer.{l}.b": layer.b}
    return named


class Gradients(NamedTuple):
    """The gradient of the mean cost of a batch.

    Attributes
    ----------
    C : float
        The mean cost itself.
    dC_dW, dC_db : tuple of ndarray
        Per layer, in the shapes of W and b.
    dC_da0 : ndarray
        (S, n_0): with respect to the inputs.
    """

    C: float
    dC_dW: tuple[Array, ...]
    dC_db: tuple[Array, ...]
    dC_da0: Array
