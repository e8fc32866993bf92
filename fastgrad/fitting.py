"""The course of a fit: epochs, what is watched between them, and who may end it."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .callbacks import Callback
from .history import History

if TYPE_CHECKING:
    from .network import Network
    from .optimizers import Optimizer

__all__ = ["Fit"]

#: What an epoch yields from time to time: samples done, the sum of C over them, how many are right.
Passed = Iterator[tuple[int, float, float]]


class Fit:
    """A fit as it goes on: what callbacks see of it, and may change.

    Parameters
    ----------
    net : Network
        What is trained.
    optimizer : Optimizer
        Its `lr` may be set at any time.
    epochs : int
        How many there will be.
    history : History
        The figures of the epochs that are over.

    Attributes
    ----------
    epoch : int
        The current one, counted from 0.
    step : int
        Updates so far in this fit.
    done : int
        Samples so far in this epoch.
    cost : float
        Mean cost of these.
    """

    def __init__(
        self, net: "Network", optimizer: "Optimizer", epochs: int, history: History
    ) -> None:
        self.net, self.optimizer, self.epochs, self.history = net, optimizer, epochs, history
        self.epoch = self.step = self.done = 0
        self.cost = float("nan")

    def stop(self, why: str = "asked to") -> None:
        """End training: after the current batches, or now if between epochs.

        Parameters
        ----------
        why : str
            Kept in `history.stopped`, and shown.
        """
        self.history.stopped = why

    def run(
        self,
        an_epoch: Callable[["Fit"], Passed],
        batch_size: int,
        evaluate: Callable[[], dict[str, float]],
        callbacks: Sequence[Callback],
        classifies: bool,
    ) -> History:
        """Train epoch by epoch until the last, or until a callback ends it.

        Parameters
        ----------
        an_epoch : callable
            Trains on all samples once; yields now and then how far it is.
        batch_size : int
            Samples a step.
        evaluate : callable
            Figures of the validation samples by name, "val_cost" and others.
        callbacks : sequence of Callback
            Told of everything.
        classifies : bool
            Whether right answers are counted.
        """
        history = self.history
        try:
            for callback in callbacks:
                callback.on_train_begin(self)
            for epoch in range(self.epochs):
                self.epoch, self.done = epoch, 0
                for callback in callbacks:
                    callback.on_epoch_begin(self)
                right = self._train_on(an_epoch(self), batch_size, callbacks)
                if not math.isfinite(self.cost):
                    self.stop(f"the cost is {self.cost} in epoch {epoch + 1}")
                    warnings.warn(
                        f"fit: {history.stopped}; a smaller learning rate may help",
                        RuntimeWarning,
                        stacklevel=3,
                    )
                history.lr.append(self.optimizer.lr)
                figures = {"accuracy": right / self.done} if classifies else {}
                figures |= evaluate()
                if "val_cost" in figures:
                    history.val_cost.append(figures.pop("val_cost"))
                for name, value in figures.items():
                    history.metrics.setdefault(name, []).append(value)
                for callback in callbacks:
                    callback.on_epoch_end(self)
                if history.stopped:
                    break
        finally:
            for callback in callbacks:
                callback.on_train_end(self)
        return history

    def _train_on(self, passed: Passed, batch_size: int, callbacks: Sequence[Callback]) -> float:
        """Follow an epoch to its end, or until a callback stops it; how many were right."""
        first, spent, begin = self.step, 0.0, time.perf_counter()
        right = 0.0
        for done, total, right_so_far in passed:
            spent += time.perf_counter() - begin
            batches, right = -(-done // batch_size), right_so_far
            self.done, self.step, self.cost = done, first + batches, total / done
            for callback in callbacks:
                if not callback.every or batches % callback.every == 0:
                    callback.on_batch_end(self)
            if self.history.stopped:
                break
            begin = time.perf_counter()
        self.history.seconds.append(spent)
        self.history.cost.append(self.cost)
        return right


def between_calls(callbacks: Sequence[Callback]) -> int:
    """Batches after which Python must come in: the most that serve all callbacks; 0 for any.

    Parameters
    ----------
    callbacks : sequence of Callback
        Whose `every` counts.
    """
    return math.gcd(*(callback.every for callback in callbacks))
