"""The learning-rate range test: at which rates the cost falls, and from which one it rises."""

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
from ..train.base import Callback, Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RangeTest", "find_lr"]

Array = np.ndarray[Any, Any]

_MIN_ERRORS = 3  # standard errors: a smaller decrease of the cost is noise
_MIN_DECREASE = 1e-5  # relative to the initial cost: a smaller decrease is rounding


@dataclass(frozen=True)
class RangeTest:
    """The result of `fg.find_lr`.

    Attributes
    ----------
    rates : (T,) ndarray
        The learning rate of each step, increasing.
    costs : (T,) ndarray
        The cost of each mini-batch, before its step.
    smoothed : (T,) ndarray
        The mean cost with the initial weights, plus an exponential moving average, over a tenth of
        the steps, of the difference between the cost of each mini-batch and its cost with the
        initial weights. The difference removes the noise of mini-batches that are harder than
        others: the curve is flat until the weights change the cost.
    errors : (T,) ndarray
        The standard error of each value of `smoothed`.
    """

    rates: Array
    costs: Array
    smoothed: Array
    errors: Array

    def __repr__(self) -> str:
        """The number of steps and the suggestion."""
        return f"<RangeTest {len(self.rates)} steps, suggestion {self.suggestion}>"

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate that has led to the lowest smoothed cost.

        At that rate itself the cost is about to rise, so that it is too large to train with
        (S. Gugger, "How Do You Find A Good Learning Rate", 2018). None if a tenth of it is below
        `low`, or if the cost does not fall by more than its noise.
        """
        best = int(self.smoothed.argmin())
        initial, lowest = self.smoothed[[0, best]]
        noise = max(_MIN_ERRORS * self.errors[best], _MIN_DECREASE * abs(initial))
        rate = float(self.rates[best - 1]) / 10  # of the last step before the lowest cost
        return rate if initial - lowest > noise and rate >= self.rates[0] else None

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the costs: `fastgrad.plot.range_test`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw on; by default those of a new figure, the result's `figure`.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from ..plot.training import range_test  # noqa: PLC0415 - not needed to train

        return range_test(self, ax)


class _CostRecorder(Callback):
    """Records the cost of each step; ends the fit after the last step, or once the cost has risen.

    Parameters
    ----------
    steps : int
        Number of steps.
    initial_costs : (steps,) ndarray, optional
        The cost of each mini-batch with the initial weights.
    """

    every = 1

    def __init__(self, steps: int, initial_costs: Array | None = None) -> None:
        self.steps, self.initial_costs = steps, initial_costs
        self.decay, self.moments = max(0.0, 1 - 10 / steps), np.zeros(2)
        self.costs: list[float] = []
        self.smoothed: list[float] = []
        self.errors: list[float] = []

    def on_epoch_begin(self, fit: Fit) -> None:
        """Start the sums of the epoch."""
        self.done, self.total = 0, 0.0

    def on_batch_end(self, fit: Fit) -> None:
        """Compute the cost of the step from the sum over the epoch."""
        done, total = fit.samples_done, fit.cost * fit.samples_done
        cost = (total - self.total) / (done - self.done)
        self.done, self.total = done, total
        if math.isfinite(cost):
            self.costs.append(cost)
            if not self._has_risen() and len(self.costs) < self.steps:
                return
        fit.stop()

    def _has_risen(self) -> bool:
        """Smooth the costs; return whether the last one is four times the lowest."""
        if self.initial_costs is None:
            return False
        t = len(self.costs)
        change = self.costs[-1] - self.initial_costs[t - 1]
        self.moments = self.decay * self.moments + (1 - self.decay) * np.array([change, change**2])
        mean, square = self.moments / (1 - self.decay**t)
        self.smoothed.append(self.initial_costs.mean() + mean)
        # The variance of the moving average, relative to that of a single step.
        relative_variance = (1 - self.decay) / (1 + self.decay)
        self.errors.append(np.sqrt(max(square - mean**2, 0.0) * relative_variance))
        lowest = min(self.smoothed)
        return self.smoothed[-1] > lowest + 3 * abs(lowest)  # valid for costs below 0, too


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
    times its lowest value, as in fastai, or not finite. Another copy is run on the same
    mini-batches at rate 0, for comparison. The network and the optimizer are not changed; their
    copies start with the same optimizer state.

    It warns if there is no suggestion, or if a larger `high` may give another one.

    Parameters
    ----------
    net : Network
        The network to train.
    X, Y : array_like
        As for `Network.fit`.
    optimizer : Optimizer, default Adam()
        The optimizer whose learning rate is to be found; not `LBFGS` or `Rprop`, which find their
        own step sizes.
    batch_size : int, default 32
        Samples per step.
    low, high : float, default 1e-6 and 10
        First and last learning rate, above 0.
    steps : int, default 100
        Steps from one to the other, in a geometric progression; at least 2.
    sample_weight, class_weight
        As for `Network.fit`.

    Returns
    -------
    RangeTest

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid.

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

    def run(rate: Callable[[int], float], initial_costs: Array | None = None) -> _CostRecorder:
        trained, its_optimizer = copy.deepcopy((net, optimizer))
        first = int(trained.engine.state(its_optimizer).steps[0])
        its_optimizer.schedule = Function(lambda step: rate(step - first))
        recorder = _CostRecorder(steps, initial_costs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cost may become infinite at the end
            trained.fit(
                X, Y, epochs=steps, batch_size=batch_size, optimizer=its_optimizer,
                callbacks=[recorder], sample_weight=sample_weight, class_weight=class_weight,
            )  # fmt: skip
        return recorder

    initial_costs = np.array(run(lambda step: 0.0).costs)
    if len(initial_costs) < steps:
        raise ValueError("net: got a cost that is not finite at the start; expected a finite one")
    rising = Exponential(low, high / low, every=steps - 1)
    recorder = run(rising, initial_costs)
    rates = rising.rates(0, len(recorder.costs))
    found = RangeTest(rates, *map(np.array, (recorder.costs, recorder.smoothed, recorder.errors)))
    advice = ""
    if found.smoothed.argmin() == steps - 1:
        advice = f"the cost is lowest at the last rate, {high:g}; a larger high may find more"
    elif found.suggestion is None:
        advice = f"no suggestion, since at no rate above {10 * low:g} the cost falls by more than"
        advice += " the noise of mini-batches; a larger batch_size has less"
    if advice:
        warnings.warn(f"find_lr: {advice}", RuntimeWarning, stacklevel=2)
    return found
