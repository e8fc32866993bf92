"""The range test: with which learning rates the cost falls, and from which on it rises."""

import copy
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import checks, plot
from .adam import Adam
from .callbacks import Callback
from .network import Network
from .optimizer import Optimizer, resolve
from .schedules import Exponential, Function

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .fitting import Fit

__all__ = ["RangeTest", "find_lr"]

Array = np.ndarray[Any, Any]

_STAYS = 0.9  # of the smoothed cost at each step


@dataclass(frozen=True)
class RangeTest:
    """What `fg.find_lr` has seen.

    Attributes
    ----------
    rates : ndarray
        The learning rate of each step, rising.
    costs : ndarray
        The cost of each mini-batch, before its step.
    smoothed : ndarray
        The exponential mean of the costs so far.
    """

    rates: Array
    costs: Array
    smoothed: Array

    @property
    def suggestion(self) -> float:
        """A tenth of the last rate at which the smoothed cost is as good as at its best.

        There the cost is about to rise, which is too late to train with. (Of the two rules in S.
        Gugger, "How Do You Find A Good Learning Rate", 2018, the other one, the rate of the
        steepest descent, is often that of some noise in the first steps.) As good is what noise
        may tell apart: a standard error of the exponential mean, from the median deviation.
        """
        deviation = 1.48 * float(np.median(np.abs(self.costs - self.smoothed)))
        error = deviation * ((1 - _STAYS) / (1 + _STAYS)) ** 0.5
        good = np.flatnonzero(self.smoothed <= self.smoothed.min() + error)
        return float(self.rates[good[-1]]) / 10

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the costs: `fastgrad.plot.range_test`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None: on a figure of its own, the result's `figure`.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return plot.range_test(self, ax)


class _Watch(Callback):
    """Notes the cost of each step, and ends the fit after the last or when it has risen."""

    every = 1

    def __init__(self, steps: int) -> None:
        self.steps, self.mean = steps, 0.0
        self.costs: list[float] = []
        self.smoothed: list[float] = []

    def on_epoch_begin(self, fit: "Fit") -> None:
        """Add up anew."""
        self.done, self.total = 0, 0.0

    def on_batch_end(self, fit: "Fit") -> None:
        """Tell the cost of the last step from the sum over the epoch."""
        done, total = fit.done, fit.cost * fit.done
        cost = (total - self.total) / (done - self.done)
        self.done, self.total = done, total
        if math.isfinite(cost):
            self.costs.append(cost)
            self.mean = _STAYS * self.mean + (1 - _STAYS) * cost
            self.smoothed.append(self.mean / (1 - _STAYS ** len(self.costs)))
            best = min(self.smoothed)
            # four times the best, in a form that holds for costs below 0 too
            risen = self.smoothed[-1] > best + 3 * abs(best)
            if not risen and len(self.costs) < self.steps:
                return
        fit.stop()


def find_lr(
    net: "Network",
    X: Any,
    Y: Any,
    optimizer: Optimizer | None = None,
    batch_size: int = 32,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    *,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> RangeTest:
    """Train a copy of the network while the learning rate rises, to see which rates are useful.

    The range test of L. N. Smith, arXiv:1506.01186. It ends early when the smoothed cost is four
    times its best or not finite. Network and optimizer stay as they are; what the optimizer
    remembers of the network, its copy does too.

    Parameters
    ----------
    net : Network
        What is to be trained.
    X, Y : array_like
        As for `Network.fit`.
    optimizer : Optimizer, default Adam()
        Whose learning rate is looked for; not `LBFGS` or `Rprop`, which find their own steps.
    batch_size : int, default 32
        Samples a step.
    low, high : float, default 1e-6 and 10
        First and last learning rate, above 0.
    steps : int, default 100
        From one to the other, by the same factor each; at least 2.
    sample_weight, class_weight
        As for `Network.fit`.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, what came, what is expected.

    Examples
    --------
    >>> import fastgrad as fg
    >>> X, y = fg.load_digits()
    >>> net = fg.Network([64, 32, 10], cost="softmax_cross_entropy", seed=0)
    >>> found = fg.find_lr(net, X, y, fg.SGD(momentum=0.9))
    >>> 1e-3 < found.suggestion < 1
    True
    """
    checks.instance("net", net, Network)
    probe, optimizer = copy.deepcopy((net, resolve(Adam() if optimizer is None else optimizer)))
    if not optimizer.follows_lr:
        name = type(optimizer).__name__
        raise TypeError(f"optimizer: got {name}; expected one with a learning rate, as fg.SGD()")
    low = checks.number("low", low, above=0)
    high = checks.number("high", high, above=low)
    checks.integer("steps", steps, least=2)
    rising = Exponential(low, high / low, every=steps - 1)
    begun = int(probe.engine.state(optimizer).steps[0])
    optimizer.schedule = Function(lambda step: rising(step - begun))
    watch = _Watch(steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the cost is not finite in the end
        probe.fit(
            X, Y, epochs=steps, batch_size=batch_size, optimizer=optimizer, callbacks=[watch],
            sample_weight=sample_weight, class_weight=class_weight,
        )  # fmt: skip
    if not watch.costs:
        raise ValueError("net: got a cost that is not finite at the start; expected a finite one")
    rates = rising.rates(0, len(watch.costs))
    return RangeTest(rates, np.array(watch.costs), np.array(watch.smoothed))
