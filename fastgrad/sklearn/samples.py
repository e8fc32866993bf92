"""The samples of a fit, in the order and with the weights of scikit-learn's mini-batches."""

from typing import Any

import numpy as np

from ..engine.batch import Batch, StepPenalties
from ..train.stream import InMemory

__all__ = ["Samples"]

Array = np.ndarray[Any, Any]


class Samples(InMemory):
    """All samples, shuffled anew for each epoch.

    The cost of a mini-batch is sum w_s C_s / sum w_s, with a penalty divided by the same sum: so
    both the weights and the penalty's share depend on which samples are together.

    Parameters
    ----------
    batch : Batch
        The samples, with the weights of the user.
    batch_size : int
        Samples per step.
    rng : numpy.random.RandomState or None
        Where the order comes from; None: the samples stay in their order.

    """

    def __init__(self, batch: Batch, batch_size: int, rng: np.random.RandomState | None) -> None:
        super().__init__(batch)
        S = len(batch.X)
        self._rng, self._order, self._weights = rng, np.arange(S), batch.weights
        self._firsts = np.arange(0, S, batch_size)
        self._sizes = np.diff(self._firsts, append=S)
        self._batch_size = batch_size
        self.shuffle(draw=False)

    def shuffle(self, draw: bool = True) -> None:
        """Draw the order of the next epoch, as sklearn.utils.shuffle does, and what follows.

        Parameters
        ----------
        draw : bool, default True
            False: keep the order as it is.
        """
        if draw and self._rng is not None:
            permutation = np.arange(len(self._order))
            self._rng.shuffle(permutation)
            self._order = self._order[permutation]
        weights, sums = self._weights, self._sizes.astype(np.float64)
        if len(weights):
            sums = np.add.reduceat(weights[self._order], self._firsts, dtype=np.float64)
        inverses = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
        if len(weights):
            factors = np.empty_like(weights)
            factors[self._order] = np.repeat(self._sizes * inverses, self._sizes)
            weights = weights * factors
        self._penalties = StepPenalties(self._batch_size * inverses, np.zeros_like(sums))
        self.batch = self.batch._replace(
            weights=weights, order=self._order.astype(np.uint32), penalties=self._penalties
        )

    @property
    def penalty(self) -> float:
        """Mean of the penalty over the samples of the last epoch."""
        return float(self._penalties.values @ self._sizes) / len(self._order)
