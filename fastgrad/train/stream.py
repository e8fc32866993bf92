"""Where the samples of a fit come from: one batch in memory, or a stream of pieces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import isgeneratorfunction
from typing import Any, Protocol

from ..engine.batch import Batch
from ..frames import column_names
from ..model.standardization import Targets
from ..validation import shown
from .inputs import encoded

__all__ = ["RESTARTS", "InMemory", "Source", "Stream"]

#: What a stream of several epochs must be.
RESTARTS = "an iterable that restarts: a list, or an object whose __iter__ yields the pieces"


class Source(Protocol):
    """The samples of a fit, in pieces that are iterated over once per epoch."""

    n_samples: int | None
    input_names: Sequence[str] | None

    @property
    def position(self) -> int:
        """The piece with which the next iteration begins."""

    def __iter__(self) -> Iterator[Batch]:
        """All pieces."""

    def check_restarts(self) -> None:
        """Raise if it is known that the pieces can be iterated over only once."""

    def standardize(self, targets: Targets) -> None:
        """Yield batches with their targets standardised from now on."""


class InMemory:
    """All samples, as one piece.

    Parameters
    ----------
    batch : Batch
        The samples, their targets as the user passed them.
    input_names : sequence of str, optional
        The columns of their inputs.
    """

    def __init__(self, batch: Batch, input_names: Sequence[str] | None = None) -> None:
        self.batch, self.input_names = batch, input_names
        self.n_samples: int | None = len(batch.X)
        self.position = 0

    def __iter__(self) -> Iterator[Batch]:
        """The one piece."""
        return iter([self.batch])

    def check_restarts(self) -> None:
        """Do nothing: arrays can be iterated over again."""

    def standardize(self, targets: Targets) -> None:
        """Replace the targets."""
        self.batch = encoded(self.batch, targets)


class Stream:
    """Samples that arrive in pieces, over which each epoch iterates again.

    Parameters
    ----------
    pieces : iterable
        Of (X, Y) or (X, Y, sample_weight).
    as_batch : callable
        Validates and converts a piece: (X, Y, sample_weight, *, names, input_names, is_piece) ->
        Batch, its targets as the user passed them.
    input_names : sequence of str, optional
        The columns of DataFrames; by default those of the first one.

    Attributes
    ----------
    n_samples : None
        Unknown before the first epoch is over.
    """

    def __init__(
        self,
        pieces: Any,
        as_batch: Callable[..., Batch],
        input_names: Sequence[str] | None = None,
    ) -> None:
        if not isinstance(pieces, Iterable):
            received, hint = shown(pieces), ""
            if isgeneratorfunction(pieces):
                received = f"the function {pieces.__name__}"
                hint = f": {pieces.__name__}() for one epoch; for more, {RESTARTS}"
            raise TypeError(f"batches: got {received}; expected an iterable of (X, Y){hint}")
        self.pieces, self._as_batch = pieces, as_batch
        self.n_samples: int | None = None
        self.input_names = input_names
        self._targets: Targets | None = None

    @property
    def position(self) -> int:
        """That of `Chunks` and the like which have been restored from a checkpoint."""
        position = getattr(self.pieces, "position", 0)
        return position if isinstance(position, int) else 0

    def check_restarts(self) -> None:
        """Raise if it is an iterator: standardising would consume it."""
        if isinstance(self.pieces, Iterator):
            raise TypeError(
                f"batches: got a {type(self.pieces).__name__} to be standardised; expected"
                f" {RESTARTS}, or net.inputs.standardize_by(X) before"
            )

    def standardize(self, targets: Targets) -> None:
        """Standardise the targets of each piece as it arrives."""
        self._targets = targets

    def __iter__(self) -> Iterator[Batch]:
        """Validate and convert each piece as it arrives."""
        for k, piece in enumerate(self.pieces):
            if not isinstance(piece, tuple | list) or len(piece) not in {2, 3}:
                is_sequence = isinstance(piece, tuple | list)
                received = f"{len(piece)} items" if is_sequence else type(piece).__name__
                raise ValueError(
                    f"batches: got {received} as piece {k}; expected (X, Y[, weights])"
                )
            X, Y, *weight = piece
            names = tuple(f"{name} of piece {k}" for name in ("X", "Y", "sample_weight"))
            self.input_names = self.input_names or column_names(X)
            weights = weight[0] if weight else None
            batch = self._as_batch(
                X, Y, weights, names=names, input_names=self.input_names, is_piece=True
            )
            yield encoded(batch, self._targets) if self._targets else batch
