"""The course of a fit: epochs, the callbacks between them, and how it ends."""

import contextlib
import math
import time
import weakref
from collections.abc import Sequence

from ..codegen.signatures import Array
from ..engine.batch import Batch
from ..engine.engine import Engine
from ..model.standardization import Targets
from ..optim.adam import Adam
from ..optim.base import State
from ..optim.lbfgs import LBFGS
from .base import Callback, Fit, TrainableNetwork, trained_mask
from .divergence import LastGood, likely_causes
from .epochs import Epochs, MiniBatchEpochs
from .evaluation import Evaluation, accuracy_or_nan
from .history import History
from .lbfgs_epochs import LBFGSEpochs
from .options import FitOptions
from .progress import Progress
from .reports import warn
from .stream import InMemory, Source

__all__ = ["fit", "that_count"]

#: Of networks that were trained without an optimizer: its state lives on, too.
_default_optimizers = weakref.WeakKeyDictionary[Engine, Adam]()


def fit(net: TrainableNetwork, source: Source, options: FitOptions) -> History:
    """Train a network: see `Network.fit`. A fit in another thread waits until this one has ended.

    All checks come first: a fit that raises before its first epoch leaves the network unchanged.
    """
    with net.engine.locks.fits:
        return _run(*_begin(net, source, options))


def _begin(
    net: TrainableNetwork, source: Source, options: FitOptions
) -> tuple[Fit, Epochs, Evaluation]:
    """Check everything, and standardise what is not yet."""
    optimizer = options.optimizer
    if optimizer is None:
        optimizer = _default_optimizers.setdefault(net.engine, Adam())
    optimizer.check_layers(net.layers)
    standardizes = net.inputs.standardize and not net.inputs.standardized
    if standardizes or (net.targets.standardize and not net.targets.standardized):
        source.check_restarts()
    targets = _standardize_targets(net, source)
    names = source.input_names
    evaluation = Evaluation(net, options.validation, options.metrics, targets, names)
    history = History(samples=source.n_samples or 0)
    metric_names = evaluation.metric_names
    fit = Fit(net, optimizer, options.epochs, history, options.average, metric_names)
    fit.callbacks = _checked_callbacks(fit, options)
    epochs = _epochs(fit, source, options)
    if fit.average is not None:
        fit.average.begin(net, trained_mask(net))
    if standardizes:
        net.inputs.standardize_by_pieces((that_count(p.X, p) for p in source), stacklevel=5)
    net.targets = targets
    if net.inputs.names != source.input_names:  # to assign makes descriptors anew
        net.inputs.names = source.input_names
    return fit, epochs, evaluation


def _standardize_targets(net: TrainableNetwork, source: Source) -> Targets:
    """How the targets of this fit are standardised: as in an earlier one, or by those of now."""
    targets = net.targets
    if not targets.standardize:
        if type(source) is InMemory and len(source.batch.Y):  # scikit-learn's does not warn
            targets.warn_if_far(that_count(source.batch.Y, source.batch), stacklevel=6)
    else:
        if not targets.standardized:
            targets = targets.fitted_to(that_count(piece.Y, piece) for piece in source)
        source.standardize(targets)
    return targets


def that_count(rows: Array, batch: Batch) -> Array:
    """The rows of a batch but those of weight 0."""
    return rows if batch.weights.all() else rows[batch.weights > 0]


def _checked_callbacks(fit: Fit, options: FitOptions) -> list[Callback]:
    """The callbacks in the order of their calls, each checked against the fit."""
    for callback in options.callbacks:
        fit.metric_names = (*fit.metric_names, *callback.metric_names)
    for callback in options.callbacks:
        callback.check(fit)
    ordered = sorted(options.callbacks, key=lambda callback: callback.run_last)
    return [*ordered, Progress()] if options.verbose else ordered


def _epochs(fit: Fit, source: Source, options: FitOptions) -> Epochs:
    """The epochs of the fit: its optimizer decides their kind."""
    if isinstance(fit.optimizer, LBFGS):
        return LBFGSEpochs(fit, fit.optimizer, source, options)
    every = math.gcd(*(callback.every for callback in fit.callbacks))
    return MiniBatchEpochs(fit, source, options, every)


def _run(fit: Fit, epochs: Epochs, evaluation: Evaluation) -> History:
    """Train epoch by epoch until the last, or until a callback stops the fit."""
    history, begun = fit.history, list[Callback]()
    state = fit.net.engine.state(fit.optimizer)
    state.epochs_left = fit.epochs
    try:
        for callback in fit.callbacks:
            callback.on_train_begin(fit)
            begun.append(callback)
        good = LastGood(fit)
        for epoch in range(fit.epochs):
            if not history.stopped:
                fit.epoch, fit.samples_done, fit.epoch_ended = epoch, 0, False
                for callback in fit.callbacks:
                    callback.on_epoch_begin(fit)
            if history.stopped:
                break
            evaluation.on_epoch_begin()
            step = fit.step
            accuracy = _train_epoch(fit, epochs, state, good)
            history.append_metrics(evaluation.of_training(fit.cost, accuracy))
            history.append_metrics(evaluation.metrics())
            if not math.isfinite(fit.cost):
                _stop_diverged(fit, epochs, good, fit.step - step)
            for callback in fit.callbacks:
                callback.on_epoch_end(fit)
        if history.stopped and math.isfinite(fit.cost) and not good.is_finite():
            fit.cost = history.cost[-1] = math.nan
            _stop_diverged(fit, epochs, good, fit.step - step)
    except BaseException:
        with contextlib.suppress(BaseException):  # report the first error
            _end(fit, begun)
        raise
    _end(fit, begun)
    return history


def _stop_diverged(fit: Fit, epochs: Epochs, good: LastGood, batches: int) -> None:
    """Say where and why the cost or the weights are not finite, and restore the last good ones."""
    where = f"the cost is {fit.cost} in epoch {fit.epoch + 1}, batch {batches}"
    what = f"{where}; {good.describe()}; likely cause: {likely_causes(fit, epochs.piece)}"
    fit.history.stopped = what
    epoch = good.restore(epochs.piece)
    back = f"the weights after epoch {epoch}" if epoch else "the weights before the fit"
    back = next(filter(None, (callback.restores() for callback in fit.callbacks)), back)
    warn(f"fit: {what}; {back} are back")


def _train_epoch(fit: Fit, epochs: Epochs, state: State, good: LastGood) -> float:
    """Train to the end of an epoch, or until it diverges or a callback stops it; the accuracy."""
    history, step, right, lr = fit.history, fit.step, 0.0, fit.optimizer.lr
    seconds, begin = 0.0, time.perf_counter()
    batches_before = state.resumes_at.progress.batches if state.resumes_at else 0
    with contextlib.closing(epochs.epoch(fit)) as passes:
        for progress in passes:
            seconds += time.perf_counter() - begin
            right, lr = progress.right, fit.optimizer.lr  # before a callback assigns the next rate
            fit.samples_done, fit.step = progress.samples, step + progress.batches
            fit.cost = progress.C / progress.samples
            if not good.is_finite_if_due():
                fit.cost = math.nan
            for callback in fit.callbacks if progress.batches > batches_before else ():
                if not callback.every or progress.batches % callback.every == 0:
                    callback.on_batch_end(fit)
            if history.stopped or not math.isfinite(fit.cost):
                break
            begin = time.perf_counter()
        else:
            fit.epoch_ended, state.epochs_left = True, fit.epochs - fit.epoch - 1
            if fit.average is not None and math.isfinite(fit.cost):
                fit.average.on_epoch_end(fit.net)
    if math.isfinite(fit.cost) and not good.on_epoch_end():
        fit.cost = math.nan
    history.samples = max(fit.samples_done, history.samples)  # now known for a stream, too
    history.seconds.append(seconds)
    history.cost.append(fit.cost)
    history.lr.append(lr)
    return accuracy_or_nan(right / fit.samples_done, fit.cost)


def _end(fit: Fit, begun: Sequence[Callback]) -> None:
    """Call `on_train_end` of all callbacks in their order, even if one of them raises."""
    for k, callback in enumerate(begun):
        try:
            callback.on_train_end(fit)
        except BaseException:
            with contextlib.suppress(BaseException):
                _end(fit, begun[k + 1 :])
            raise
