"""A callback that records how large the gradients of each layer are."""

from typing import Any

import numpy as np

from .base import Callback, Fit
from .inputs import as_batch

__all__ = ["GradientFlow"]

Array = np.ndarray[Any, Any]

_EDGES = np.linspace(-12, 4, 161)


class GradientFlow(Callback):
    """Record how large dC/dW is in each layer, before the first epoch and after each.

    `fastgrad.plot.gradient_flow` draws it: gradients that vanish from layer to layer, that explode,
    or that are 0, as those of nodes that are off for every sample. Training is not changed.

    Parameters
    ----------
    X, Y, sample_weight : array_like
        The samples of whose cost the gradient is taken, as for `Network.gradients`: some hundred
        are enough, and always the same ones are without the noise of mini-batches.

    Attributes
    ----------
    edges : (B + 1,) ndarray
        Where the bins of ``log10(|dC/dW_ij|)`` begin and end: 0.1 apart, from -12 to 4. What is
        beyond is in the first or the last one.
    counts : list of (L, B) ndarray
        For each record and layer the number of derivatives in each bin.
    zeros : list of (L,) ndarray
        For each record and layer the number of those that are 0, which are in no bin.

    Examples
    --------
    >>> import fastgrad as fg
    >>> X, y = fg.load_digits()
    >>> net = fg.Network([64, 32, 10], cost="softmax_cross_entropy", seed=0)
    >>> flow = fg.GradientFlow(X[:500], y[:500])
    >>> history = net.fit(X, y, epochs=3, callbacks=[flow])
    >>> len(flow.counts), flow.counts[0].shape
    (4, (2, 160))
    """

    def __init__(self, X: Any, Y: Any, sample_weight: Any = None) -> None:
        self._samples = X, Y, sample_weight
        self.edges = _EDGES
        self.counts: list[Array] = []
        self.zeros: list[Array] = []

    def check(self, fit: Fit) -> None:
        """Raise unless the samples are such as the network takes."""
        names = tuple(f"{name} of GradientFlow" for name in ("X", "Y", "sample_weight"))
        as_batch(fit.net, *self._samples, names=names)

    def on_train_begin(self, fit: Fit) -> None:
        """Begin with the weights as they are."""
        self.counts, self.zeros = [], []
        self._record(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Add a record."""
        self._record(fit)

    def _record(self, fit: Fit) -> None:
        sizes = [np.abs(g) for g in fit.net.gradients(*self._samples).dC_dW]
        self.counts.append(np.array([_histogram(g[g > 0]) for g in sizes]))
        self.zeros.append(np.array([np.count_nonzero(g == 0) for g in sizes]))


def _histogram(sizes: Array) -> Array:
    """How many of some numbers above 0 are in each bin."""
    inside = np.clip(np.log10(sizes[np.isfinite(sizes)]), _EDGES[0], _EDGES[-1])
    return np.histogram(inside, _EDGES)[0]
