"""Averages of the weights, which often predict better than the weights of the last step."""

import copy
from inspect import signature
from typing import Any, ClassVar, Protocol

import numpy as np

from .. import validation

__all__ = ["EMA", "SWA", "resolve_average"]

Array = np.ndarray[Any, Any]


class _HasParameters(Protocol):
    @property
    def parameters(self) -> Array: ...


class _WeightAverage:
    """An average of one network's parameters."""

    #: Whether it is updated after each step, in the compiled epoch, or after each epoch.
    per_step: ClassVar[bool]

    def __init__(self, number: float) -> None:
        self.number = number  # the constructor's argument
        self._net: Any = None
        self.average: Array | None = None
        self.share_and_count = np.zeros(2)  # weight of the newest in the average; updates so far

    def __repr__(self) -> str:
        """As it was constructed."""
        (argument,) = signature(type(self)).parameters
        return f"{type(self).__name__}({argument}={self.number!r})"

    def of(self, net: _HasParameters) -> Array:
        """The average for a network: its current weights if there has been no fit yet.

        Parameters
        ----------
        net : Network
            The network that is trained.

        Returns
        -------
        ndarray
            The average, as long as the parameters.

        Raises
        ------
        ValueError
            If it is the average of another network.
        """
        if self._net is not None and self._net is not net:
            raise ValueError("average: got one of another network; expected one for each")
        if self.average is None:
            self._net, self.average = net, net.parameters.copy()
        return self.average

    def begin(self, net: _HasParameters, trained: Array) -> None:
        """Record that a fit begins: parameters that it does not train are averaged as they are.

        Parameters
        ----------
        net : Network
            The network that is trained.
        trained : ndarray of bool
            As long as the parameters: whether each is trained.
        """
        self.of(net)[~trained] = net.parameters[~trained]

    def on_epoch_end(self, net: _HasParameters) -> None:
        """Update the average after an epoch whose cost is finite.

        Parameters
        ----------
        net : Network
            The network that is trained.
        """

    @property
    def network(self) -> Any:
        """A copy of the network with the averaged weights."""
        if not self.share_and_count[1]:
            raise ValueError("network: got no fit yet; expected one with this average")
        if self._is_empty():
            raise ValueError(f"network: got no epoch after the {self.number} that start leaves out")
        averaged = copy.deepcopy(self._net)
        averaged.parameters[:] = self.average
        return averaged

    def _is_empty(self) -> bool:
        """Whether no weights have been included yet."""
        return False


class EMA(_WeightAverage):
    """Exponential moving average of the weights, updated after each step.

    After each step average := decay average + (1 - decay) w; after the first it is w. Pass it as
    `average=fg.EMA()` to `Network.fit`; then `ema.network` is the network with these weights.

    Parameters
    ----------
    decay : float, default 0.999
        Weight of the old average, from 0 to below 1.
    """

    per_step = True

    def __init__(self, decay: float = 0.999) -> None:
        super().__init__(validation.fraction("decay", decay))
        self.share_and_count[0] = 1 - self.number


class SWA(_WeightAverage):
    """Mean of the weights after each epoch (P. Izmailov et al., arXiv:1803.05407).

    Pass it as `average=fg.SWA(start=10)` to `Network.fit`; then `swa.network` has these weights.
    Epochs whose cost or weights are not finite are excluded.

    Parameters
    ----------
    start : int, default 0
        Number of epochs to exclude at the beginning.
    """

    per_step = False

    def __init__(self, start: int = 0) -> None:
        super().__init__(validation.integer("start", start, least=0))

    def on_epoch_end(self, net: _HasParameters) -> None:
        """Include the weights in the mean, if they are finite and `start` epochs are over.

        Parameters
        ----------
        net : Network
            The network that is trained.
        """
        if not np.isfinite(net.parameters).all():
            return
        self.share_and_count[1] += 1
        included = self.share_and_count[1] - self.number
        if included > 0 and self.average is not None:
            # eq. (43): mean_k = mean_k + share (w_k - mean_k)
            self.average += (net.parameters - self.average) / included

    def _is_empty(self) -> bool:
        return bool(self.share_and_count[1] <= self.number)


def resolve_average(average: Any) -> EMA | SWA | None:
    """The average itself, or None; raise for anything else."""
    if average is not None and not isinstance(average, EMA | SWA):
        raise TypeError(f"average: got {validation.shown(average)}; expected fg.EMA() or fg.SWA()")
    return average
