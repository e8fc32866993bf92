"""The range test: with which learning rates the cost falls, and from which on it rises."""

import copy
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import validation
from ..network import Network
from ..optim.adam import Adam
from ..optim.base import Optimizer, resolve_optimizer
from ..optim.schedules import Exponential, Function
from ..plot import charts
from ..train.base import Callback, Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RangeTest", "find_lr"]

Array = np.ndarray[Any, Any]

_LEAST_ERRORS = 3  # standard errors by which the cost falls: less is noise
_LEAST_FALL = 1e-5  # of the cost at the start: less is rounding


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
        The mean cost at the start, plus the exponential mean, over a tenth of the steps, of how
        much more each mini-batch costs than it would have with the weights of the start. So that
        some mini-batches are harder than others makes no noise, and it is flat until the cost
        really changes.
    errors : ndarray
        The standard error of each of these.
    """

    rates: Array
    costs: Array
    smoothed: Array
    errors: Array

    def __repr__(self) -> str:
        """How many steps, and the suggestion: not all the numbers."""
        return f"<RangeTest {len(self.rates)} steps, suggestion {self.suggestion}>"

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate that has led to the lowest smoothed cost; None if it is below `low`.

        At that rate itself the cost is about to rise, which is too late to train with (S. Gugger,
        "How Do You Find A Good Learning Rate", 2018). None too where the cost falls by no more than
        noise would tell.
        """
        best = int(self.smoothed.argmin())
        start, lowest = self.smoothed[[0, best]]
        noise = max(_LEAST_ERRORS * self.errors[best], _LEAST_FALL * abs(start))
        rate = float(self.rates[best - 1]) / 10  # whose step is the last before the lowest cost
        return rate if start - lowest > noise and rate >= self.rates[0] else None

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
        return charts.range_test(self, ax)


class _Watch(Callback):
    """Notes the cost of each step, and ends the fit after the last or when it has risen."""

    every = 1

    def __init__(self, steps: int, still: Array | None = None) -> None:
        self.steps, self.still = steps, still  # and what they cost with the weights of the start
        self.stays, self.means = max(0.0, 1 - 10 / steps), np.zeros(2)
        self.costs: list[float] = []
        self.smoothed: list[float] = []
        self.errors: list[float] = []

    def on_epoch_begin(self, fit: Fit) -> None:
        """Add up anew."""
        self.done, self.total = 0, 0.0

    def on_batch_end(self, fit: Fit) -> None:
        """Tell the cost of the last step from the sum over the epoch."""
        done, total = fit.samples_done, fit.cost * fit.samples_done
        cost = (total - self.total) / (done - self.done)
        self.done, self.total = done, total
        if math.isfinite(cost):
            self.costs.append(cost)
            if not self._has_risen() and len(self.costs) < self.steps:
                return
        fit.stop()

    def _has_risen(self) -> bool:
        """Smooth the costs; whether they are four times their best by now."""
        if self.still is None:
            return False
        t = len(self.costs)
        more = self.costs[-1] - self.still[t - 1]
        self.means = self.stays * self.means + (1 - self.stays) * np.array([more, more**2])
        mean, square = self.means / (1 - self.stays**t)
        self.smoothed.append(self.still.mean() + mean)
        of_the_mean = (1 - self.stays) / (1 + self.stays)  # its variance, over that of a step
        self.errors.append(np.sqrt(max(square - mean**2, 0.0) * of_the_mean))
        best = min(self.smoothed)
        return self.smoothed[-1] > best + 3 * abs(best)  # which holds for costs below 0 too


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
    times its best, as in fastai, or not finite. Another copy goes through the same mini-batches at
    rate 0, to compare with. Network and optimizer stay as they are; what the optimizer remembers of
    the network, its copies do too.

    A warning tells where there is no suggestion, and where a larger `high` may lead to another.

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
        From one to the other, by the same factor each; at least 2, and few tell little.
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
    validation.instance("net", net, Network)
    optimizer = resolve_optimizer(Adam() if optimizer is None else optimizer)
    if not optimizer.follows_lr:
        name = type(optimizer).__name__
        raise TypeError(f"optimizer: got {name}; expected one with a learning rate, as fg.SGD()")
    low = validation.number("low", low, above=0)
    high = validation.number("high", high, above=low)
    validation.integer("steps", steps, least=2)

    def probe(rate: Callable[[int], float], still: Array | None = None) -> _Watch:
        trained, by = copy.deepcopy((net, optimizer))
        begun = int(trained.engine.state(by).steps[0])
        by.schedule = Function(lambda step: rate(step - begun))
        watch = _Watch(steps, still)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the cost is not finite in the end
            trained.fit(
                X, Y, epochs=steps, batch_size=batch_size, optimizer=by, callbacks=[watch],
                sample_weight=sample_weight, class_weight=class_weight,
            )  # fmt: skip
        return watch

    still = np.array(probe(lambda step: 0.0).costs)
    if len(still) < steps:
        raise ValueError("net: got a cost that is not finite at the start; expected a finite one")
    rising = Exponential(low, high / low, every=steps - 1)
    watch = probe(rising, still)
    rates = rising.rates(0, len(watch.costs))
    found = RangeTest(rates, *map(np.array, (watch.costs, watch.smoothed, watch.errors)))
    advice = ""
    if found.smoothed.argmin() == steps - 1:
        advice = f"the cost is lowest at the last rate, {high:g}; a larger high may find more"
    elif found.suggestion is None:
        advice = f"no suggestion, since at no rate above {10 * low:g} the cost falls by more than"
        advice += " the noise of mini-batches; a larger batch_size has less"
    if advice:
        warnings.warn(f"find_lr: {advice}", RuntimeWarning, stacklevel=2)
    return found
