"""The course of a fit: epochs, what is watched between them, and who may end it."""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from inspect import isgeneratorfunction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.batch import Batch, samples
from ..engine.engine import Training
from ..metrics import accuracy
from ..metrics import resolve as resolve_metric
from ..optim.adam import Adam
from ..optim.base import resolve
from ..optim.lbfgs import LBFGS, Descent
from ..optim.weight_averages import EMA, SWA
from ..optim.weight_averages import resolve as resolve_average
from ..validation import flag, integer, pair, shown
from .callbacks import Callback, all_callbacks
from .history import History
from .progress import Progress

if TYPE_CHECKING:
    from ..network import Network
    from ..optim.base import Optimizer

__all__ = ["Fit", "Stream", "fit"]

#: What an epoch yields from time to time: batches and samples done, the sum of C over these, how
#: many are right.
Passed = Iterator[tuple[int, int, float, float]]


#: What a stream of several epochs is.
_AGAIN = "what begins anew each time: a list, or an object whose __iter__ yields the pieces"


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
    average : EMA or SWA, optional
        What follows the weights.
    metric_names : tuple of str, optional
        Names of those that each epoch will have in the history.

    Attributes
    ----------
    epoch : int
        The current one, counted from 0.
    step : int
        Updates so far in this fit.
    samples_done : int
        Samples so far in this epoch.
    cost : float
        Mean cost of these, with the penalty as in `History.cost`.
    callbacks : sequence of Callback
        Who is told of the fit, in this order.
    """

    __slots__ = (  # so that a misspelt attribute is an error
        "average", "callbacks", "cost", "epoch", "epochs", "history", "metric_names", "net",
        "optimizer", "samples_done", "step",
    )  # fmt: skip

    def __init__(
        self,
        net: "Network",
        optimizer: "Optimizer",
        epochs: int,
        history: History,
        average: EMA | SWA | None = None,
        metric_names: tuple[str, ...] = (),
    ) -> None:
        self.net, self.optimizer, self.epochs, self.history = net, optimizer, epochs, history
        self.average, self.metric_names = average, metric_names
        self.callbacks: Sequence[Callback] = ()
        self.epoch = self.step = self.samples_done = 0
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
        evaluate: Callable[[], dict[str, float]],
        callbacks: Sequence[Callback],
    ) -> History:
        """Train epoch by epoch until the last, or until a callback ends it.

        Parameters
        ----------
        an_epoch : callable
            Trains on all samples once; yields now and then how far it is.
        evaluate : callable
            Figures of the validation samples by name, "val_cost" and others.
        callbacks : sequence of Callback
            Told of everything.
        """
        history, self.callbacks = self.history, callbacks
        begun: list[Callback] = []
        try:
            for callback in callbacks:
                callback.on_train_begin(self)
                begun.append(callback)
            for epoch in range(self.epochs):
                if not history.stopped:
                    self.epoch, self.samples_done = epoch, 0
                    for callback in callbacks:
                        callback.on_epoch_begin(self)
                if history.stopped:
                    break
                right = self._train_on(an_epoch(self), callbacks)
                if not math.isfinite(self.cost):
                    self.stop(f"the cost is {self.cost} in epoch {epoch + 1}")
                    advice = f"fit: {history.stopped}; a smaller learning rate may help"
                    warnings.warn(advice, RuntimeWarning, stacklevel=4)
                figures = {}
                if classifies(self.net):
                    figures["accuracy"] = _share(right / self.samples_done, self.cost)
                figures |= evaluate()
                if "val_cost" in figures:
                    history.val_cost.append(figures.pop("val_cost"))
                for name, value in figures.items():
                    history.metrics.setdefault(name, []).append(value)
                for callback in callbacks:
                    callback.on_epoch_end(self)
        except BaseException:
            with contextlib.suppress(BaseException):  # the first error is the one to tell
                self._end(begun)
            raise
        self._end(begun)
        return history

    def _end(self, begun: Sequence[Callback]) -> None:
        """Tell them that training ends, in their order, also where one of them raises."""
        for k, callback in enumerate(begun):
            try:
                callback.on_train_end(self)
            except BaseException:
                with contextlib.suppress(BaseException):
                    self._end(begun[k + 1 :])
                raise

    def _train_on(self, passed: Passed, callbacks: Sequence[Callback]) -> float:
        """Follow an epoch to its end, or until a callback stops it; how many were right."""
        first, right, lr = self.step, 0.0, self.optimizer.lr
        spent, begin = 0.0, time.perf_counter()
        for batches, done, total, right_so_far in passed:
            spent += time.perf_counter() - begin
            right, lr = right_so_far, self.optimizer.lr  # before a callback sets that of the next
            self.samples_done, self.step, self.cost = done, first + batches, total / done
            for callback in callbacks:
                if not callback.every or batches % callback.every == 0:
                    callback.on_batch_end(self)
            if self.history.stopped:
                break
            begin = time.perf_counter()
        self.history.samples = max(
            self.samples_done, self.history.samples
        )  # of a stream: as it turns out
        self.history.seconds.append(spent)
        self.history.cost.append(self.cost)
        self.history.lr.append(lr)
        return right


def classifies(net: "Network") -> bool:
    """Whether right answers are counted."""
    return len(net.heads) == 1 and net.heads[0].cost.classifies


def _share(right: float, C: float) -> float:
    """The share that is right; nan where the cost is: then the outputs are no answers."""
    return math.nan if math.isnan(C) else right


class Stream:
    """Samples that come piece by piece, anew for each epoch.

    Parameters
    ----------
    net : Network
        What they are for.
    pieces : iterable
        Of (X, Y) or (X, Y, sample_weight).
    """

    def __init__(self, net: "Network", pieces: Any) -> None:
        if not isinstance(pieces, Iterable):
            came, hint = shown(pieces), ""
            if isgeneratorfunction(pieces):
                came = f"the function {pieces.__name__}"
                hint = f": {pieces.__name__}() for one epoch; for more, {_AGAIN}"
            raise TypeError(f"batches: got {came}; expected an iterable of (X, Y){hint}")
        self.net, self.pieces = net, pieces

    def must_come_again(self) -> None:
        """Raise if it is known that they come but once: standardising would leave none."""
        if isinstance(self.pieces, Iterator):
            raise TypeError(
                f"batches: got a {type(self.pieces).__name__} with standardize=True; expected"
                f" {_AGAIN}, or net.inputs.standardize_by(X) before"
            )

    def __iter__(self) -> Iterator[Batch]:
        """Check and convert each piece when it comes."""
        for k, piece in enumerate(self.pieces):
            if not isinstance(piece, tuple | list) or len(piece) not in {2, 3}:
                listed = isinstance(piece, tuple | list)
                came = f"{len(piece)} things" if listed else type(piece).__name__
                raise ValueError(f"batches: got {came} as piece {k}; expected (X, Y[, weights])")
            X, Y, *weight = piece
            names = tuple(f"{name} of piece {k}" for name in ("X", "Y", "sample_weight"))
            yield samples(self.net, X, Y, weight[0] if weight else None, names=names, part=True)


def fit(
    net: "Network",
    pieces: Sequence[Batch] | Stream,
    *,
    epochs: int,
    batch_size: int | None,
    optimizer: "Optimizer | None",
    validation: Any,
    shuffle: bool,
    callbacks: Iterable[Any],
    threads: int | None,
    verbose: int,
    metrics: Iterable[Any],
    average: EMA | SWA | None,
) -> History:
    """Train on pieces, of which an ordinary fit has one: see `Network.fit` for the arguments."""
    engine = net.engine
    optimizer = resolve(Adam() if optimizer is None else optimizer, net.layers)
    shuffle = flag("shuffle", shuffle)
    integer("epochs", epochs, least=0)
    if not isinstance(verbose, bool):
        integer("verbose", verbose, least=0)
    if threads is not None:
        integer("threads", threads, least=1)
    average = resolve_average(average)
    figures, evaluate = _evaluation(net, validation, metrics)
    whole = None if isinstance(pieces, Stream) else pieces[0]
    size = 0 if whole is None else len(whole.X)
    course = Fit(net, optimizer, epochs, History(samples=size), average, figures)
    told = all_callbacks(callbacks, course) + ([Progress()] if verbose else [])
    every = math.gcd(*(callback.every for callback in told))  # 0: whenever Python comes in
    descent = None
    if isinstance(optimizer, LBFGS):
        descent, batch_size = optimizer.descent(course, engine, whole, average, threads), None
    steps = epochs * -(-size // batch_size) if whole is not None and batch_size else None
    optimizer.begin(engine.state(optimizer), steps)
    if average is not None:
        average.begin(net)
    if net.inputs.standardize and not net.inputs.standardized:
        if isinstance(pieces, Stream):
            pieces.must_come_again()
        net.inputs.standardize_by_parts(piece.X for piece in pieces)
    if epochs and whole is not None and batch_size:
        engine.compile(whole, Training(optimizer), batch_size, threads)
    an_epoch = partial(
        _pass_over, pieces, descent=descent, batch_size=batch_size, shuffle=shuffle,
        threads=threads, every=every,
    )  # fmt: skip
    return course.run(an_epoch, evaluate, told)


def _pass_over(
    pieces: Iterable[Batch],
    fit: Fit,
    *,
    descent: Descent | None,
    batch_size: int | None,
    shuffle: bool,
    threads: int | None,
    every: int,
) -> Passed:
    """An epoch: one pass over all samples."""
    net, average = fit.net, fit.average
    batches, done, total, right = 0, 0, 0.0, 0.0
    for piece in pieces:
        S = len(piece.X)
        batch = batch_size or S
        if not every and fit.optimizer.schedule.has_own_function:  # better wrong now than later
            fit.optimizer.rates(net.engine.state(fit.optimizer), -(-S // batch))
        training = Training(fit.optimizer, net.engine.draw_noise_key(net.rng))
        if isinstance(average, EMA):
            training.average, training.average_state = average.average, average.follows
        seed = int(net.rng.integers(1, 2**63)) if shuffle else None
        if descent:
            parts = descent.epoch()
        else:
            parts = net.engine.epoch(piece, training, batch, seed, threads, every, batches)
        for part, C, r in parts:
            yield batches - -part // batch, done + part, total + C, right + r
        batches, done, total, right = batches - -S // batch, done + S, total + C, right + r
    if not done:
        expected = _AGAIN if fit.epoch else "at least one (X, Y)"
        if net.inputs.standardize and not fit.epoch:
            expected = f"{_AGAIN}, once before to standardise"
        raise ValueError(f"batches: got none in epoch {fit.epoch + 1}; expected {expected}")
    if isinstance(average, SWA) and math.isfinite(total):
        average.include(net)


def _evaluation(
    net: "Network", validation: Any, metrics: Iterable[Any]
) -> tuple[tuple[str, ...], Callable[[], dict[str, float]]]:
    """Which figures an epoch has, and what computes those of the validation samples."""
    own = ("cost", "accuracy") if classifies(net) else ("cost",)
    functions: dict[str, Any] = {}
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise TypeError(f"metrics: got {metrics!r}; expected a list of names or functions")
    for metric in metrics:
        function = resolve_metric(metric)
        if isinstance(metric, str) and len(net.heads) > 1:
            raise ValueError(
                f"metrics: got {metric!r} with several costs; expected functions of Y and the"
                f" prediction, both of shape (S, {net.n_outputs})"
            )
        name = function.__name__.strip("<>")  # no column or file of a logger is called "<lambda>"
        if f"val_{name}" in functions or (name in own and function is not accuracy):
            raise ValueError(f"metrics: got {name!r} twice; expected functions of different names")
        functions[f"val_{name}"] = function
    if validation is None:
        if functions:
            raise ValueError("metrics: got some without validation; expected samples to compute on")
        return own, dict
    X_val, Y_val = pair("validation", validation, "(X_val, Y_val)")
    held_out = samples(net, X_val, Y_val, names=("validation X", "validation Y"))
    Y = held_out.ids if len(held_out.ids) else held_out.Y
    if len(net.heads) == 1 and np.ndim(Y_val) < Y.ndim:
        Y = Y[:, 0]  # as it came

    def computed() -> dict[str, float]:
        prediction = net.predict(held_out.X)
        if Y.ndim == 1 == prediction.shape[1]:
            prediction = prediction[:, 0]  # (S,) - (S, 1) would be (S, S)
        finite = np.isfinite(prediction).all()
        return {
            name: _number(function, Y, prediction) if finite else math.nan
            for name, function in functions.items()
        }

    if functions:
        computed()  # one that fails had better do so now than after an epoch

    def evaluate() -> dict[str, float]:
        C, right = net.engine.cost(held_out)
        figures = {"val_cost": C}
        if classifies(net):
            figures["val_accuracy"] = _share(right, C)
        return figures | (computed() if functions else {})

    return tuple(dict.fromkeys([*own, *(f"val_{name}" for name in own), *functions])), evaluate


def _number(metric: Callable[..., Any], Y: Any, prediction: Any) -> float:
    """The figure that a metric gives."""
    name = metric.__name__
    try:
        value = metric(Y, prediction)
    except Exception as error:
        if getattr(metric, "__module__", None) == accuracy.__module__:
            raise ValueError(
                f"metrics: got {name!r}; expected one that fits the validation samples ({error})"
            ) from None
        error.add_note(f"This is of the metric {name!r}.")
        raise
    try:
        return float(value)
    except (TypeError, ValueError):
        came = f"{type(value).__name__} from {name}"
        raise TypeError(f"metrics: got {came}; expected a number") from None
