"""What every format writes: a model as a specification and arrays, without its engine."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..data.table_encoder import TableEncoder
from ..data.targets import TargetEncoder
from ..kernels.activations import Activation
from ..model.layer import Arrays
from ..model.output_heads import OutputHeads
from ..model.spec import NetworkSpec

__all__ = ["PortableLayer", "PortableModel", "PortableNetwork"]

Array = np.ndarray[Any, Any]


class PortableLayer(NamedTuple):
    """One layer: a = f(W a_before + b).

    Attributes
    ----------
    W, b : ndarray
        (n_l, n_(l-1)) and (n_l,), C-contiguous.
    f : Activation
    settings : mapping
        How it is trained, by the names of the attributes of `Layer`.
    """

    W: Array
    b: Array
    f: Activation
    settings: Mapping[str, Any]


class PortableNetwork(NamedTuple):
    """A network as its specification and its arrays.

    Attributes
    ----------
    spec : NetworkSpec
        What it is.
    arrays : dict of str to ndarray
        Its numbers by their names, as in `Network.arrays`; of an exported network they are copies.
    """

    spec: NetworkSpec
    arrays: Arrays

    @property
    def layers(self) -> Iterator[PortableLayer]:
        """The layers 1 ... L."""
        pairs = zip(self.spec.activations, self.spec.layers, strict=True)
        for l, (f, settings) in enumerate(pairs, start=1):
            W, b = self.arrays[f"layer.{l}.W"], self.arrays[f"layer.{l}.b"]
            yield PortableLayer(W, b, f, settings)

    @property
    def of_inputs(self) -> tuple[Array, Array] | None:
        """Mean and scale where the inputs are (x - mean) scale, (n_0,) each; None if they are x."""
        mean, scale = self.arrays["input.mean"], self.arrays["input.scale"]
        return (mean, scale) if mean.any() or (scale != 1).any() else None

    @property
    def of_targets(self) -> tuple[Array, Array] | None:
        """Mean and scale, float64, where outputs are a^L scale + mean, (n_L,) each; else None."""
        if not self.spec.targets["standardized"]:
            return None
        return self.arrays["target.mean"], self.arrays["target.scale"]


@dataclass(frozen=True)
class PortableModel:
    """A model that leaves fastgrad: networks whose predictions are averaged, and what is around.

    Attributes
    ----------
    networks : tuple of PortableNetwork
        At least one, all with the same inputs, outputs and links.
    weights : tuple of float
        Of the networks in the mean of their predictions, with the sum 1.
    encoder : TableEncoder or None
        From the columns of a table to the inputs; None where the inputs are numbers.
    targets : TargetEncoder
        What the outputs mean: classes with their labels, or numbers.
    limits : (float, float) or None
        Smallest and largest prediction of numbers; None: any.
    predict : callable
        From inputs (S, n_0) to the mean prediction (S, n_L) within the limits, by fastgrad itself:
        what a file that was written is compared with.
    """

    networks: tuple[PortableNetwork, ...]
    weights: tuple[float, ...]
    encoder: TableEncoder | None
    targets: TargetEncoder
    predict: Callable[[Array], Array]
    limits: tuple[float, float] | None = None

    def check_finite(self) -> None:
        """Raise ValueError if there is a NaN or infinity among the weights."""
        for network in self.networks:
            for name, array in network.arrays.items():
                if not np.isfinite(array).all():
                    raise ValueError(f"{name}: got NaN or infinity; expected finite numbers")

    def check_one_dtype(self, argument: str) -> None:
        """Raise ValueError if the networks are of two dtypes; the argument begins the message."""
        dtypes = dict.fromkeys(str(network.spec.dtype) for network in self.networks)
        if len(dtypes) > 1:
            received = " and ".join(dtypes)
            raise ValueError(f"{argument}: got networks of {received}; expected one dtype")

    @property
    def heads(self) -> OutputHeads:
        """The groups of outputs, which are those of the first network."""
        return self.networks[0].spec.heads

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the first network."""
        return self.networks[0].spec.dtype
