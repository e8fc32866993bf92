"""Averages of the weights, which often predict better than the weights of the last step."""

import copy
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation

if TYPE_CHECKING:
    from ..network import Network

__all__ = ["EMA", "SWA", "resolve"]

Array = np.ndarray[Any, Any]


class _Average:
    """What both keep: an average of one network's parameters, and what went into it."""

    def __init__(self, number: float) -> None:
        self.number = number  # that it was made with
        self._net: Any = None
        self.average: Array | None = None
        self.follows = np.zeros(2)  # the share of new weights, and how many there were

    def __repr__(self) -> str:
        """As it was made."""
        (argument,) = signature(type(self)).parameters
        return f"{type(self).__name__}({argument}={self.number!r})"

    def of(self, net: "Network") -> Array:
        """The average of a network: its weights as they are, if it has not followed it before.

        Parameters
        ----------
        net : Network
            What is trained.

        Returns
        -------
        ndarray
            The average, as long as the parameters.

        Raises
        ------
        ValueError
            If it has followed another one.
        """
        if self._net is not None and self._net is not net:
            raise ValueError("average: got one of another network; expected one for each")
        if self.average is None:
            self._net, self.average = net, net.parameters.copy()
        return self.average

    def begin(self, net: "Network") -> None:
        """Note that a fit begins: no step will follow what a frozen layer may have been set to.

        Parameters
        ----------
        net : Network
            What will be trained.
        """
        for layer, (W, b) in zip(net.layers, net.engine.workspace.views(self.of(net)), strict=True):
            if not layer.trainable:
                W[:], b[:] = layer.W, layer.b

    @property
    def network(self) -> "Network":
        """A copy of the network with the averaged weights."""
        if not self.follows[1]:
            raise ValueError("network: got no fit yet; expected one with this average")
        if isinstance(self, SWA) and self.follows[1] <= self.number:
            raise ValueError(f"network: got no epoch after the {self.number} that start leaves out")
        averaged: Network = copy.deepcopy(self._net)
        averaged.parameters[:] = self.average
        return averaged


class EMA(_Average):
    """Exponential moving average of the weights, inside the compiled epoch.

    After each step average := decay average + (1 - decay) w; after the first it is w. As
    `average=fg.EMA()` in `Network.fit`; then `ema.network` is the network with these weights. Where
    training comes to NaN, so does the average: it follows within the epoch.

    Parameters
    ----------
    decay : float, default 0.999
        Share of the old average that stays, from 0 to below 1.
    """

    def __init__(self, decay: float = 0.999) -> None:
        super().__init__(validation.fraction("decay", decay))
        self.follows[0] = 1 - self.number


class SWA(_Average):
    """Mean of the weights after each epoch (P. Izmailov et al., arXiv:1803.05407).

    As `average=fg.SWA(start=10)` in `Network.fit`; then `swa.network` has these weights. An epoch
    whose cost or weights are not finite is left out.

    Parameters
    ----------
    start : int, default 0
        Epochs that it leaves out before the first one that goes into the mean.
    """

    def __init__(self, start: int = 0) -> None:
        super().__init__(validation.integer("start", start, least=0))

    def include(self, net: "Network") -> None:
        """Let the weights go into the mean, if it is time and they are finite.

        Parameters
        ----------
        net : Network
            With its weights after an epoch.
        """
        if not np.isfinite(net.parameters).all():
            return
        self.follows[1] += 1
        epochs = self.follows[1] - self.number
        if epochs > 0 and self.average is not None:
            self.average += (net.parameters - self.average) / epochs


def resolve(average: Any) -> EMA | SWA | None:
    """The average that came, if there is one."""
    if average is not None and not isinstance(average, EMA | SWA):
        raise TypeError(f"average: got {validation.shown(average)}; expected fg.EMA() or fg.SWA()")
    return average
