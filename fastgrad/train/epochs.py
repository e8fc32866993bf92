"""One pass over all samples, as a fit makes them: by mini-batches."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ..arithmetic import ceil_div
from ..engine.batch import Batch
from ..engine.engine import Training
from .base import Fit
from .options import FitOptions
from .stream import RESTARTS, Source

__all__ = ["EpochProgress", "Epochs", "MiniBatchEpochs"]


class EpochProgress(NamedTuple):
    """Batches and samples so far in an epoch, the sum of C over these, and how many are right."""

    batches: int
    samples: int
    C: float
    right: float


class Epochs(Protocol):
    """The epochs of a fit, each of which trains its network on all samples once."""

    piece: Batch  # of the samples that it trains on

    def epoch(self, fit: Fit) -> Iterator[EpochProgress]:
        """Train on all samples once; yields whenever the compiled pass returns to Python."""


class MiniBatchEpochs:
    """Epochs of one step per mini-batch.

    Constructing them begins the schedule of the optimizer, and compiles what an epoch needs if the
    samples are in memory: the first epoch then times only its run.

    Parameters
    ----------
    fit : Fit
        The fit that is to begin.
    source : Source
        Its samples.
    options : FitOptions
        Its options.
    every : int
        Number of batches between two returns to Python; 0: by time.

    Raises
    ------
    ValueError
        If the schedule must end within the fit and does not, or has no length.
    """

    piece: Batch

    def __init__(self, fit: Fit, source: Source, options: FitOptions, every: int) -> None:
        self._source, self._batch_size, self._every = source, options.batch_size, every
        self._shuffle, self._threads = options.shuffle, options.threads
        engine, optimizer, n_steps = fit.net.engine, fit.optimizer, None
        if source.n_samples is not None and options.batch_size is not None:
            n_steps = fit.epochs * ceil_div(source.n_samples, options.batch_size)
        optimizer.begin(engine.state(optimizer), n_steps)
        if n_steps and options.batch_size is not None:
            for batch in source:
                engine.compile(batch, Training(optimizer), options.batch_size, options.threads)

    def epoch(self, fit: Fit) -> Iterator[EpochProgress]:
        """Train on the mini-batches of all pieces."""
        net, optimizer, average, every = fit.net, fit.optimizer, fit.average, self._every
        batches, samples, C, right = 0, 0, 0.0, 0.0
        for piece in self._source:
            self.piece = piece
            if net.inputs.names != self._source.input_names:  # of the first piece of a stream
                net.inputs.names = self._source.input_names
            S = len(piece.X)
            batch = self._batch_size or S
            if not every and optimizer.schedule.has_own_function:
                # a user's schedule may raise: better before the first step than between two
                optimizer.rates(net.engine.state(optimizer), ceil_div(S, batch))
            training = Training(optimizer, net.engine.draw_noise_key(net.rng))
            if average is not None and average.per_step:
                training.average, training.average_state = average.average, average.share_and_count
            seed = int(net.rng.integers(1, 2**63)) if self._shuffle else None
            passes = net.engine.epoch(piece, training, batch, seed, self._threads, every, batches)
            for done, C_done, right_done in passes:
                yield EpochProgress(
                    batches + ceil_div(done, batch), samples + done, C + C_done, right + right_done
                )
            batches, samples = batches + ceil_div(S, batch), samples + S
            C, right = C + C_done, right + right_done
        if not samples:
            expected = RESTARTS if fit.epoch else "at least one (X, Y)"
            if net.inputs.standardize and not fit.epoch:
                expected = f"{RESTARTS}, once before to standardise"
            raise ValueError(f"batches: got none in epoch {fit.epoch + 1}; expected {expected}")
