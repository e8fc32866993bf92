"""When training diverges: the weights that come back, and what the cause may have been."""

import math
import time

import numpy as np

from ..engine.batch import Batch
from .base import Array, Fit

__all__ = ["LastGood", "likely_causes"]

_SAMPLES = 4096  # from one copy of the weights to the next: it takes less than 1 % of their time
_SHARE_OF_TIME = 0.005  # for checks within an epoch
_COST_SAMPLES = 4096  # that show whether the weights of a copy are good
_LARGE = 30.0  # in standard deviations: inputs and targets beyond may be a cause
_HIGH_RATE = 1.0


class LastGood:
    """The weights to return to: finite, and of a cost that has not exploded.

    They are kept after an epoch; after several, if these are of few samples. Two copies are kept,
    in case that the last step before one spoiled it. An epoch whose mean cost is more than ten
    times that of the first is left out: a cost that explodes is finite for a while.

    Parameters
    ----------
    fit : Fit
        The fit that is to begin.
    """

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._kept = [(0, [array.copy() for array in self._arrays()])]  # after how many epochs
        self._highest_cost = math.inf
        self._samples, self._next_check = 0, 0.0

    def _arrays(self) -> list[Array]:
        """What a diverging fit spoils, apart from the state of its optimizer."""
        average = self._fit.average
        of_average = [] if average is None else [average.of(self._fit.net), average.share_and_count]
        return [self._fit.net.parameters, *of_average]

    def is_finite(self) -> bool:
        """Whether all weights are finite; a sum is faster, but may overflow."""
        w = self._fit.net.parameters
        with np.errstate(all="ignore"):
            return math.isfinite(w.sum()) or bool(np.isfinite(w).all())

    def is_finite_if_due(self) -> bool:
        """Whether they are, within an epoch; checked as often as that takes little of the time."""
        begin = time.perf_counter()
        if begin < self._next_check:
            return True
        finite = self.is_finite()
        end = time.perf_counter()
        self._next_check = end + (end - begin) / _SHARE_OF_TIME
        return finite

    def on_epoch_end(self) -> bool:
        """Keep the weights if they are good; returns whether they are finite."""
        fit = self._fit
        if fit.epoch == 0:
            self._highest_cost = fit.cost + 9 * abs(fit.cost)
        self._samples += fit.samples_done
        is_last = fit.epoch + 1 == fit.epochs
        if self._samples < _SAMPLES and not is_last:
            return True
        if not self.is_finite():
            return False
        if fit.cost <= self._highest_cost and not is_last:
            self._keep()
        self._samples = 0
        return True

    def _keep(self) -> None:
        current = self._arrays()
        memory = self._kept.pop(0)[1] if len(self._kept) > 1 else [a.copy() for a in current]
        _copy(current, memory)
        self._kept.append((self._fit.epoch + 1, memory))

    def describe(self) -> str:
        """Say which layer's weights are not finite, or else have grown most."""
        views = self._fit.net.engine.workspace.views
        current, good = views(self._fit.net.parameters), views(self._kept[0][1][0])
        found = []
        for l, (now, then) in enumerate(zip(current, good, strict=True), 1):
            largest, before = _largest(now), _largest(then) or 1.0
            if not math.isfinite(largest):
                return f"the weights of layer {l} are not finite"
            found.append((largest / before, largest, l))
        _, largest, l = max(found)
        return f"the weights of layer {l} reach {largest:.3g}"

    def restore(self, batch: Batch) -> int:
        """Return to the last weights whose cost is good, with a new state of the optimizer.

        Parameters
        ----------
        batch : Batch
            Samples of the fit, from which their cost is computed.

        Returns
        -------
        int
            After how many epochs of the fit they were those of the network.
        """
        engine = self._fit.net.engine
        engine.state(self._fit.optimizer).reset()
        X, Y, ids, weights, *_ = batch
        n = _COST_SAMPLES
        some = Batch(X[:n], Y[:n], ids[:n], weights[:n])
        while True:
            epochs, good = self._kept.pop()
            with engine.locks.queue, engine.locks.passes:  # another thread may predict
                _copy(good, self._arrays())
            if not self._kept or engine.cost(some)[0] <= self._highest_cost:
                return epochs


def _copy(arrays: list[Array], to: list[Array]) -> None:
    for array, target in zip(arrays, to, strict=True):
        target[...] = array


def _largest(arrays: tuple[Array, Array]) -> float:
    return max(float(np.abs(array).max()) for array in arrays)


def likely_causes(fit: Fit, batch: Batch) -> str:
    """Name what among samples and learning rate may be the reason.

    Parameters
    ----------
    fit : Fit
        The fit that diverged.
    batch : Batch
        The samples that it was being trained on.
    """
    causes = [*_large_input(fit, batch), *_large_target(fit, batch)]
    rate = fit.optimizer.lr
    if rate > _HIGH_RATE or not causes:
        causes.append(f"the learning rate, {rate:g}" if rate else "the weights that it began with")
    return " and ".join(causes)


def _large_input(fit: Fit, batch: Batch) -> list[str]:
    """The input that is farthest from 0 as the network sees it, if that is far."""
    inputs, X = fit.net.inputs, batch.X
    low, high = X.min(axis=0), X.max(axis=0)
    with np.errstate(all="ignore"):
        size = np.maximum(*(np.abs((x - inputs.mean) * inputs.scale) for x in (low, high)))
    j = int(np.argmax(size))
    if not size[j] > _LARGE:
        return []
    column = repr(inputs.names[j]) if inputs.names else f"{j}"
    text = f"input {column}, from {low[j]:g} to {high[j]:g}"
    row = int(np.argmax(np.abs(X[:, j] - inputs.mean[j])))
    if batch.weights.size and not batch.weights[row]:
        return [f"{text}, in sample {row}, whose weight is 0: leave it out"]
    advice = f"{size[j]:.3g} standard deviations from its mean"
    if not inputs.standardized:
        advice = "standardize=True or a StandardScaler scales it"
    return [f"{text} ({advice})"]


def _large_target(fit: Fit, batch: Batch) -> list[str]:
    """The target that is farthest from 0, if that is far."""
    Y = batch.Y
    if not Y.size:
        return []
    row, i = np.unravel_index(max(Y.argmax(), Y.argmin(), key=lambda k: abs(Y.flat[k])), Y.shape)
    if not abs(Y[row, i]) > _LARGE:
        return []
    if fit.net.targets.standardized:
        how = "is that many standard deviations from the mean"
    else:
        how = "standardize_targets=True or a TransformedTargetRegressor scales it"
    return [f"the target {Y[row, i]:g} of sample {row} ({how})"]
