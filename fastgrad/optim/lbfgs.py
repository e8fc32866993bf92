"""L-BFGS, on full batches: past steps and gradients approximate the curvature.

w are the parameters, C is the cost with its penalties, g = dC/dw, and of each step s is the change
of w, y that of g. Except for C and g all is computed in float64, whatever the network's dtype.
"""

from collections import deque
from typing import Any, ClassVar

import numpy as np

from .. import validation
from .base import NetworkKey, Optimizer, WeakNetworkDict

__all__ = ["LBFGS"]

Array = np.ndarray[Any, Any]
Pairs = deque[tuple[Array, Array, float]]  # s, y and 1 / (s y)


class LBFGS(Optimizer):
    """L-BFGS (D. C. Liu, J. Nocedal, 1989) with a line search, for smooth costs of a few samples.

    It needs SciPy: ``pip install scipy``. An epoch is one step w := w + t d from the
    gradient of all samples, whatever the `batch_size`. The direction d is -H g, with H from the
    last pairs (s, y); the length t satisfies the strong Wolfe conditions. It usually is 1, and the
    epoch one evaluation of the gradient. `History.lr` has the t of each epoch, `History.cost` the
    cost after it.

    Parameters
    ----------
    lr : float, default 1.0
        The first length that the line search tries, above 0.
    history_size : int, default 100
        Number of pairs to store, at least 1; each takes 16 bytes per parameter.
    tolerance_grad : float, default 1e-7
        A fit stops when no component of g is larger; at least 0.
    tolerance_change : float, default 1e-9
        A fit stops when a step changes the cost, or all parameters, by less; at least 0.

    Raises
    ------
    ValueError, TypeError
        A number out of its range; in a fit, anything that makes the cost random or different at
        each evaluation, and l1, with which it is not smooth.
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
        self._pairs = WeakNetworkDict()
        super().__init__(lr, None)

    def pairs(self, network: NetworkKey) -> Pairs:
        """The pairs of a network, oldest first.

        Parameters
        ----------
        network : NetworkKey
            The network's.
        """
        pairs: Pairs = self._pairs.setdefault(network, deque(maxlen=self.history_size))
        return pairs

    @staticmethod
    def direction(g: Array, pairs: Pairs) -> Array:
        """-H g by the two loops of J. Nocedal, Math. Comp. 35, 1980.

        Parameters
        ----------
        g : ndarray
            The gradient, float64.
        pairs : deque
            As `pairs` returns them.
        """
        d, alphas = -g, []  # eq. (41): d = -H g
        for s, y, rho in reversed(pairs):
            alphas.append(rho * (s @ d))
            d -= alphas[-1] * y
        if pairs:
            _, y, rho = pairs[-1]
            d /= rho * (y @ y)
        for s, y, rho in pairs:
            d += (alphas.pop() - rho * (y @ d)) * s
        return d

    @staticmethod
    def remember(pairs: Pairs, s: Array, y: Array) -> None:
        """Append a pair, unless rounding leaves nothing of its curvature.

        Parameters
        ----------
        pairs : deque
            As `pairs` returns them.
        s, y : ndarray
            Changes of the parameters and of the gradient.
        """
        curvature = float(s @ y)
        if curvature > np.finfo(float).eps * (y @ y):
            pairs.append((s, y, 1 / curvature))
