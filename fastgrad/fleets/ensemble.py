"""Networks whose predictions are averaged."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from .. import validation
from ..formats.exports import Exports
from ..formats.portable import PortableModel
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..network import Network
from .files import read_networks, write_networks

__all__ = ["Ensemble"]

Array = np.ndarray[Any, Any]


class Ensemble(Exports):
    """Networks whose predictions are averaged.

    They may differ in their hidden layers and in how each standardises inputs and targets.

    Parameters
    ----------
    networks : sequence of Network
        At least one, all with the same inputs and outputs.
    weights : sequence of float, optional
        Of each network in the mean, at least 0; they are divided by their sum. None: all equal.

    Attributes
    ----------
    networks : list of Network
        As given, not copied.
    weights : list of float
        With the sum 1.

    Raises
    ------
    ValueError, TypeError
        There is no network, or the inputs, outputs or links of one are not those of the first.

    Examples
    --------
    >>> import numpy as np, fastgrad as fg
    >>> ensemble = fg.Ensemble([fg.Network([2, 8, 1], seed=k) for k in range(5)])
    >>> X = np.ones((3, 2))
    >>> ensemble.predict(X).shape, ensemble.spread(X).shape
    ((3, 1), (3, 1))
    """

    def __init__(self, networks: Iterable[Network], weights: Sequence[float] | None = None) -> None:
        self.networks = [*networks]
        if not self.networks:
            raise ValueError("networks: got none; expected at least one")
        for k, net in enumerate(self.networks):
            validation.instance(f"networks[{k}]", net, Network)
            if _kind(net) != _kind(self.networks[0]):
                raise ValueError(
                    f"networks[{k}]: got {_kind(net)}; expected {_kind(self.networks[0])}, as of"
                    " networks[0]"
                )
        n = len(self.networks)
        given = [1.0] * n if weights is None else weights
        array = validation.weights("weights", given, np.dtype(np.float64), n)
        total = math.fsum(array)
        # weights that have been divided once, as those of a file, stay as they are
        self.weights: list[float] = (array if abs(total - 1) < 1e-12 else array / total).tolist()

    def __len__(self) -> int:
        """The number of networks."""
        return len(self.networks)

    def __iter__(self) -> Iterator[Network]:
        """The networks."""
        return iter(self.networks)

    def __getitem__(self, k: int) -> Network:
        """Network k."""
        return self.networks[k]

    def __repr__(self) -> str:
        """The number of networks, and the first of them."""
        return f"<Ensemble of {len(self)}: {self.networks[0]!r}, ...>"

    def predict(self, X: Any) -> Array:
        """The weighted mean of the networks' predictions, (S, n_L): of probabilities likewise.

        Parameters
        ----------
        X : array_like
            (S, n_0), as for `Network.predict`.
        """
        first, *others = self.networks
        mean = first.predict(X)
        if not others:
            return mean
        mean = 0.0 + self.weights[0] * mean
        for net, weight in zip(others, self.weights[1:], strict=True):
            mean = mean + weight * net.predict(X)
        return mean

    def spread(self, X: Any) -> Array:
        """The standard deviation of the networks' predictions, weighted as the mean, (S, n_L).

        How much the networks disagree, in the unit of `predict`. The noise of the targets has no
        part in it.

        Parameters
        ----------
        X : array_like
            (S, n_0), as for `Network.predict`.
        """
        predictions = np.stack([net.predict(X) for net in self.networks]).astype(np.float64)
        weights = np.array(self.weights)[:, None, None]
        mean = (weights * predictions).sum(axis=0)
        variance: Array = (weights * np.square(predictions - mean)).sum(axis=0)
        return np.sqrt(variance)

    def portable(self) -> PortableModel:
        """See `Exports`."""
        models = [net.portable() for net in self.networks]
        networks = tuple(network for model in models for network in model.networks)
        weights = tuple(self.weights)
        return replace(models[0], networks=networks, weights=weights, predict=self.predict)

    def save(self, path: Any) -> None:
        """Write all networks to one safetensors file, atomically.

        An ensemble of one network is also a network's file, which `fastgrad.load` reads; of
        several, the tensors of each have names such as "member.2.0.weight".

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced.

        Raises
        ------
        OSError, ValueError, TypeError
            As for `Network.save`.
        """
        own = self.networks[0].metadata if len(self) == 1 else {}
        write_networks(path, self.networks, {**own, "weights": self.weights})

    @classmethod
    def load(cls, path: Any, custom_objects: Iterable[Activation | Cost] = ()) -> Self:
        """Read an ensemble from a file of `save`, or a network from one of `Network.save`.

        Parameters
        ----------
        path : path-like
            The file.
        custom_objects : iterable of Activation and Cost
            The custom functions of the networks: a file holds only their names.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is damaged or of another kind.
        """
        networks, metadata = read_networks(path, custom_objects)
        if "encoder" in metadata:
            raise ValueError(f"{path}: got a model of a table; load it with fg.TableModel.load")
        for net in networks[: len(networks) == 1]:
            net.metadata = {k: v for k, v in metadata.items() if k != "weights"}
        try:
            return cls(networks, metadata.get("weights"))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None


def _kind(net: Network) -> str:
    """What two networks have in common whose predictions can be averaged."""
    outputs = " + ".join(f"{head.nodes} ({head.cost.link})" for head in net.heads)
    return f"{net.n_inputs} inputs and outputs {outputs}"
