"""Epochs of L-BFGS: one line search over all samples each."""

import warnings
from collections.abc import Generator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..extras import import_extra
from ..optim.epoch_position import EpochProgress
from ..optim.lbfgs import LBFGS
from .base import Fit, trained_mask
from .options import FitOptions
from .stream import Source

__all__ = ["LBFGSEpochs"]

Array = np.ndarray[Any, Any]


class _Point(NamedTuple):
    """Parameters, with the cost and the gradient there."""

    w: Array
    C: float  # infinite where it is not a number
    g: Array  # 0 for all that is not trained
    progress: EpochProgress


class LBFGSEpochs:
    """The epochs of a fit with `LBFGS`, of one step each.

    Parameters
    ----------
    fit : Fit
        The fit that is to begin.
    optimizer : LBFGS
        Its optimizer.
    source : Source
        Its samples, which must be in memory.
    options : FitOptions
        Its options.

    Raises
    ------
    ModuleNotFoundError
        If SciPy is not installed.
    ValueError
        If something does not go with a line search over all samples.
    """

    def __init__(self, fit: Fit, optimizer: LBFGS, source: Source, options: FitOptions) -> None:
        net, average = fit.net, fit.average
        for obstacle, is_present in {
            "a stream": source.n_samples is None,
            "dropout": net.inputs.dropout or any(layer.dropout for layer in net.layers),
            "input_noise": net.inputs.noise,
            "l1": any(layer.l1 for layer in net.layers),
            "max_norm": any(layer.max_norm < np.inf for layer in net.layers),
            "clip": optimizer.clips,
            "fg.EMA": average is not None and average.per_step,
        }.items():
            if is_present:
                raise ValueError(f"optimizer: got LBFGS with {obstacle}; expected it without")
        self._line_search = import_extra("scipy.optimize", "lbfgs", "LBFGS").line_search
        self._net, self._optimizer = net, optimizer
        (self.piece,) = source
        self._shuffle, self._threads = options.shuffle, options.threads
        self._pairs = optimizer.pairs(net.engine.key)
        self._versions: list[int] = []
        self._here: _Point
        optimizer.begin(net.engine.state(optimizer), None)

    def epoch(self, fit: Fit) -> Generator[EpochProgress]:
        """Take one step; the progress that it yields is that of the samples after the step."""
        optimizer, pairs, net = self._optimizer, self._pairs, self._net
        if self._shuffle:
            net.rng.integers(1, 2**63)  # as any epoch: later random numbers do not depend on which
        versions = [layer.version for layer in net.layers]
        if versions != self._versions or not np.array_equal(self._here.w, net.parameters):
            self._versions, self._here = versions, self._evaluate(net.parameters)
        before, t = self._here, 0.0
        if not self._has_converged():
            t = self._step()
            if not t and pairs:
                pairs.clear()  # they mislead: retry along -g
                t = self._step()
        here, optimizer.h[0] = self._here, t
        if t:
            s = here.w - before.w
            optimizer.remember(pairs, s, here.g - before.g)
            change = min(before.C - here.C, np.abs(s).max())
        yield here.progress
        if self._has_converged():
            fit.stop(f"converged: no derivative is above {optimizer.tolerance_grad:g}")
        elif not t:
            fit.stop("no step reduces the cost")
        elif change < optimizer.tolerance_change:
            fit.stop(f"converged: a step changed less than {optimizer.tolerance_change:g}")

    def _has_converged(self) -> bool:
        return bool(np.abs(self._here.g).max() <= self._optimizer.tolerance_grad)

    def _evaluate(self, w: Array) -> _Point:
        """Assign the parameters, and compute the cost and the gradient there."""
        net, S = self._net, len(self.piece.X)
        with net.engine.locks.queue, net.engine.locks.passes:  # another thread may predict
            net.parameters[:] = w
            C, right, dC = net.engine.gradients(self.piece, threads=self._threads)
            rounded = net.parameters.astype(np.float64)
        return _Point(
            rounded,
            C if np.isfinite(C) else np.inf,
            np.where(trained_mask(net), dC.astype(np.float64), 0),
            EpochProgress(1, S, C * S, right * S),
        )

    def _step(self) -> float:
        """Move to where the line search leads; the length along d, 0 if it finds none."""
        here, d = self._here, self._optimizer.direction(self._here.g, self._pairs)
        first = self._optimizer.schedule(0)
        if not self._pairs:
            first /= max(1.0, float(np.linalg.norm(here.g)))
        at = lru_cache(maxsize=1)(lambda alpha: self._evaluate(here.w + alpha * first * d))
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # SciPy's, that it finds no step
                alpha, *_ = self._line_search(
                    lambda alpha: at(float(alpha[0])).C,
                    lambda alpha: first * (at(float(alpha[0])).g @ d)[None],
                    np.zeros(1), np.ones(1), first * (here.g @ d)[None], here.C,
                )  # fmt: skip
                if alpha is not None and at(float(alpha)).C <= here.C:
                    self._here = at(float(alpha))
        finally:
            with self._net.engine.locks.queue, self._net.engine.locks.passes:
                self._net.parameters[:] = self._here.w
        return 0.0 if self._here is here else float(first * alpha)
