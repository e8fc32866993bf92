"""L-BFGS, for whole data sets: steps in which the gradients so far stand for the curvature.

w are the parameters, C is the cost with its penalties, g = dC/dw, and of each step s is the change
of w, y that of g. Beyond C and g all is computed in float64, whatever the network's dtype.
"""

import warnings
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from .. import validation
from .base import Optimizer, PerNetwork
from .weight_averages import EMA

if TYPE_CHECKING:
    from ..engine.batch import Batch
    from ..engine.engine import Engine
    from ..train.fit import Fit

__all__ = ["LBFGS"]

Array = np.ndarray[Any, Any]
Pairs = deque[tuple[Array, Array, float]]  # s, y and 1 / (s y)


class LBFGS(Optimizer):
    """L-BFGS (D. C. Liu, J. Nocedal, 1989) with a line search, for smooth costs of a few samples.

    It needs SciPy: ``pip install 'fastgrad[lbfgs]'``. An epoch is one step w := w + t d from the
    gradient of all samples, whatever the `batch_size`. The direction d is -H g, where the last
    pairs (s, y) make H; the length t meets the strong Wolfe conditions. It mostly is 1, and the
    epoch one evaluation of the gradient. `History.lr` has the t of each epoch, `History.cost` the
    cost after it.

    Parameters
    ----------
    lr : float, default 1.0
        The length that is tried first, above 0.
    history_size : int, default 100
        How many pairs are kept, at least 1; each takes 16 bytes a parameter.
    tolerance_grad : float, default 1e-7
        A fit stops when no number in g is larger; at least 0.
    tolerance_change : float, default 1e-9
        A fit stops when a step changes the cost, or all parameters, by less; at least 0.

    Raises
    ------
    ValueError, TypeError
        A number out of its range; in a fit, whatever makes the cost another one at each look, and
        l1, with which it is not smooth.
    """

    follows_lr = False
    _lr_limits: ClassVar[dict[str, float]] = {"above": 0}

    def __init__(
        self,
        lr: float = 1.0,
        *,
        history_size: int = 100,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
    ) -> None:
        self.history_size = validation.integer("history_size", history_size, least=1)
        self.tolerance_grad = validation.number("tolerance_grad", tolerance_grad, least=0)
        self.tolerance_change = validation.number("tolerance_change", tolerance_change, least=0)
        self._pairs = PerNetwork()
        super().__init__(lr, None)

    def descent(
        self, fit: "Fit", engine: "Engine", samples: "Batch | None", average: Any, threads: Any
    ) -> "Descent":
        """The epochs of a fit.

        Parameters
        ----------
        fit : Fit
            Whose network is trained.
        engine : Engine
            The network's.
        samples : Batch or None
            All of them; None: they come piece by piece.
        average : EMA, SWA or None
            What follows the weights.
        threads : int or None
            As for `Network.fit`.

        Raises
        ------
        ModuleNotFoundError
            If SciPy is not installed.
        ValueError
            If something does not go with a line search over all samples.
        """
        inputs, layers = fit.net.inputs, fit.net.layers
        for hindrance, is_there in {
            "a stream": samples is None,
            "dropout": inputs.dropout or any(layer.dropout for layer in layers),
            "input_noise": inputs.noise,
            "l1": any(layer.l1 for layer in layers),
            "max_norm": any(layer.max_norm < np.inf for layer in layers),
            "clip": self.clips,
            "fg.EMA": isinstance(average, EMA),
        }.items():
            if is_there:
                raise ValueError(f"optimizer: got LBFGS with {hindrance}; expected it without")
        pairs = self._pairs.setdefault(engine.token, deque(maxlen=self.history_size))
        return Descent(self, pairs, fit, engine, samples, threads)


class _Point(NamedTuple):
    """Parameters, and what is known there."""

    w: Array
    C: float  # infinite unless it is a number
    g: Array  # 0 for all that is not trained
    passed: tuple[int, float, float]  # samples, the sum of their C, how many of them are right


class Descent:
    """The steps of one fit: see `LBFGS.descent`."""

    def __init__(
        self,
        optimizer: LBFGS,
        pairs: Pairs,
        fit: "Fit",
        engine: "Engine",
        samples: Any,
        threads: Any,
    ) -> None:
        try:
            from scipy.optimize import line_search  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            message = "LBFGS needs scipy: pip install 'fastgrad[lbfgs]'"
            raise ModuleNotFoundError(message, name=error.name) from None
        self._line_search = line_search
        self._optimizer, self._pairs, self._fit = optimizer, pairs, fit
        self._engine, self._samples, self._threads = engine, samples, threads
        self._versions: list[int] = []
        self._here: _Point

    def epoch(self) -> Iterator[tuple[int, float, float]]:
        """One step; yields what `Engine.epoch` does, but of the samples after it."""
        optimizer, pairs, net = self._optimizer, self._pairs, self._fit.net
        versions = [layer.version for layer in net.layers]
        if versions != self._versions or not np.array_equal(self._here.w, net.parameters):
            self._versions, self._here = versions, self._at(net.parameters)
        before, t = self._here, 0.0
        if not self._is_flat():
            t = self._step()
            if not t and pairs:
                pairs.clear()  # they mislead: once more, along -g
                t = self._step()
        here, optimizer.h[0] = self._here, t
        if t:
            s, y = here.w - before.w, here.g - before.g
            gain = min(before.C - here.C, np.abs(s).max())
            if s @ y > np.finfo(float).eps * (y @ y):
                pairs.append((s, y, 1 / (s @ y)))
        yield here.passed
        if self._is_flat():
            self._fit.stop(f"converged: no derivative is above {optimizer.tolerance_grad:g}")
        elif not t:
            self._fit.stop("no step makes the cost less")
        elif gain < optimizer.tolerance_change:
            self._fit.stop(f"converged: a step changed less than {optimizer.tolerance_change:g}")

    def _is_flat(self) -> bool:
        return bool(np.abs(self._here.g).max() <= self._optimizer.tolerance_grad)

    def _at(self, w: Array) -> _Point:
        """Go there, and look."""
        net, S = self._fit.net, len(self._samples.X)
        net.parameters[:] = w
        C, right, dC = self._engine.gradients(self._samples, threads=self._threads)
        trained = np.zeros(len(dC), bool)
        for layer, (W, b) in zip(net.layers, self._engine.workspace.views(trained), strict=True):
            W[:] = b[:] = layer.trainable
        return _Point(
            net.parameters.astype(np.float64),  # as they are after rounding
            C if np.isfinite(C) else np.inf,
            np.where(trained, dC.astype(np.float64), 0),
            (S, C * S, right * S),
        )

    def _step(self) -> float:
        """Go where the line search leads; how far along d, 0 if nowhere."""
        here, d = self._here, _direction(self._here.g, self._pairs)
        first = self._optimizer.schedule(0)
        if not self._pairs:
            first /= max(1.0, float(np.linalg.norm(here.g)))
        at = lru_cache(maxsize=1)(lambda alpha: self._at(here.w + alpha * first * d))
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # that it finds no step
                alpha, *_ = self._line_search(
                    lambda alpha: at(float(alpha[0])).C,
                    lambda alpha: first * (at(float(alpha[0])).g @ d)[None],
                    np.zeros(1), np.ones(1), first * (here.g @ d)[None], here.C,
                )  # fmt: skip
                if alpha is not None and at(float(alpha)).C <= here.C:
                    self._here = at(float(alpha))
        finally:
            self._fit.net.parameters[:] = self._here.w
        return 0.0 if self._here is here else float(first * alpha)


def _direction(g: Array, pairs: Pairs) -> Array:
    """-H g by the two loops of J. Nocedal, Math. Comp. 35, 1980."""
    d, parts = -g, []
    for s, y, rho in reversed(pairs):
        parts.append(rho * (s @ d))
        d -= parts[-1] * y
    if pairs:
        _, y, rho = pairs[-1]
        d /= rho * (y @ y)
    for s, y, rho in pairs:
        d += (parts.pop() - rho * (y @ d)) * s
    return d
