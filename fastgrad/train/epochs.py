"""One pass over all samples, as a fit makes them: by mini-batches."""

from collections.abc import Generator, Iterator
from typing import Protocol

from ..arithmetic import ceil_div
from ..engine.batch import Batch
from ..engine.engine import Training
from ..optim.epoch_position import EpochPosition, EpochProgress, PiecePosition
from .base import Fit
from .options import FitOptions
from .stream import RESTARTS, Source

__all__ = ["Epochs", "MiniBatchEpochs"]


class Epochs(Protocol):
    """The epochs of a fit, each of which trains its network on all samples once."""

    piece: Batch  # of the samples that it trains on

    def epoch(self, fit: Fit) -> Generator[EpochProgress]:
        """Train on all samples once; yields whenever the compiled pass returns to Python."""


class MiniBatchEpochs:
    """Epochs of one step per mini-batch.

    Constructing them begins the schedule of the optimizer, and compiles what an epoch needs if the
    samples are in memory: the first epoch then times only its run. If the optimizer comes from a
    checkpoint in the middle of an epoch, the first epoch is the rest of that one.

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
        If the schedule must end within the fit and does not, or has no length; if the first epoch
        is the rest of one, and that had other samples or mini-batches.
    """

    piece: Batch

    def __init__(self, fit: Fit, source: Source, options: FitOptions, every: int) -> None:
        self._source, self._batch_size, self._every = source, options.batch_size, every
        self._shuffle, self._threads = options.shuffle, options.threads
        engine, optimizer, n_steps = fit.net.engine, fit.optimizer, None
        self._state = engine.state(optimizer)
        begins_at = self._state.resumes_at or EpochPosition()
        self._check(begins_at.piece, source.n_samples)
        if source.n_samples is not None and options.batch_size is not None:
            n_steps = fit.epochs * ceil_div(source.n_samples, options.batch_size)
            n_steps -= min(begins_at.progress.batches, n_steps)
        optimizer.begin(self._state, n_steps)
        if n_steps and options.batch_size is not None:
            for batch in source:
                engine.compile(batch, Training(optimizer), options.batch_size, options.threads)

    def epoch(self, fit: Fit) -> Generator[EpochProgress]:
        """Train on the mini-batches of all pieces, or of those that are left of the epoch."""
        net, optimizer, average, every = fit.net, fit.optimizer, fit.average, self._every
        resumes_at, self._state.resumes_at = self._state.resumes_at, None
        at, has_begun = resumes_at or EpochPosition(), resumes_at is not None
        try:
            for piece in self._rest(at.pieces):
                self.piece = piece
                if net.inputs.names != self._source.input_names:  # of the first piece of a stream
                    net.inputs.names = self._source.input_names
                S = len(piece.X)
                batch = self._batch_size or S
                if not every and optimizer.schedule.has_own_function:
                    # a user's schedule may raise: better before the first step than between two
                    optimizer.rates(self._state, ceil_div(S, batch))
                self._check(at.piece, S)
                at.piece = at.piece or net.engine.begin_piece(piece, batch, net.rng, self._shuffle)
                training = Training(optimizer, at.piece.noise_key)
                if average is not None and average.per_step:
                    training.average = average.average
                    training.average_state = average.share_and_count
                threads, before = self._threads, at.before.batches
                for _ in net.engine.epoch(piece, training, at.piece, threads, every, before):
                    self._state.position, has_begun = at, False
                    yield at.progress
                at.pieces, at.before, at.piece = at.pieces + 1, at.progress, None
            if not at.before.samples:
                expected = RESTARTS if fit.epoch else "at least one (X, Y)"
                if net.inputs.standardize and not fit.epoch:
                    expected = f"{RESTARTS}, once before to standardise"
                raise ValueError(f"batches: got none in epoch {fit.epoch + 1}; expected {expected}")
            if has_begun:  # and nothing was left of it
                yield at.before
        finally:
            self._state.position = None

    def _rest(self, pieces: int) -> Iterator[Batch]:
        """The pieces of an epoch after the first ones."""
        begin = self._source.position
        if begin > pieces:
            raise ValueError(
                f"batches: got them from piece {begin} on; expected from {pieces} on, as in the"
                " checkpoint of the optimizer"
            )
        source = iter(self._source)
        for found in range(begin, pieces):
            if next(source, None) is None:
                raise ValueError(
                    f"batches: got {found} pieces; expected at least {pieces}, as in the"
                    " checkpoint of the optimizer"
                )
        return source

    def _check(self, at: PiecePosition | None, n_samples: int | None) -> None:
        """Raise unless an epoch can go on from there with these samples and options."""
        if at is None:
            return
        for name, received, expected in (
            ("samples", n_samples, at.n_samples),
            ("batch_size", self._batch_size, at.batch_size),
            ("shuffle", self._shuffle, at.seed is not None),
        ):
            if received not in (None, expected):
                raise ValueError(
                    f"{name}: got {received}; expected {expected}, as in the epoch that the"
                    " checkpoint is from"
                )
