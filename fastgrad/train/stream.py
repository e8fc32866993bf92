"""Where the samples of a fit come from: one batch in memory, or a stream of pieces."""

from collections.abc import Callable, Iterable, Iterator
from inspect import isgeneratorfunction
from typing import Any, Protocol

from ..engine.batch import Batch
from ..validation import shown

__all__ = ["RESTARTS", "InMemory", "Source", "Stream"]

#: What a stream of several epochs must be.
RESTARTS = "an iterable that restarts: a list, or an object whose __iter__ yields the pieces"


class Source(Protocol):
    """The samples of a fit, in pieces that are iterated over once per epoch."""

    n_samples: int | None

    def __iter__(self) -> Iterator[Batch]:
        """All pieces."""

    def check_restarts(self) -> None:
        """Raise if it is known that the pieces can be iterated over only once."""


class InMemory:
    """All samples, as one piece.

    Parameters
    ----------
    batch : Batch
        The samples.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.n_samples: int | None = len(batch.X)

    def __iter__(self) -> Iterator[Batch]:
        """The one piece."""
        return iter([self.batch])

    def check_restarts(self) -> None:
        """Do nothing: arrays can be iterated over again."""


class Stream:
    """Samples that arrive in pieces, over which each epoch iterates again.

    Parameters
    ----------
    pieces : iterable
        Of (X, Y) or (X, Y, sample_weight).
    as_batch : callable
        Validates and converts a piece: (X, Y, sample_weight, *, names, is_piece) -> Batch.

    Attributes
    ----------
    n_samples : None
        Unknown before the first epoch is over.
    """

    def __init__(self, pieces: Any, as_batch: Callable[..., Batch]) -> None:
        if not isinstance(pieces, Iterable):
            received, hint = shown(pieces), ""
            if isgeneratorfunction(pieces):
                received = f"the function {pieces.__name__}"
                hint = f": {pieces.__name__}() for one epoch; for more, {RESTARTS}"
            raise TypeError(f"batches: got {received}; expected an iterable of (X, Y){hint}")
        self.pieces, self._as_batch = pieces, as_batch
        self.n_samples: int | None = None

    def check_restarts(self) -> None:
        """Raise if it is an iterator: standardising would consume it."""
        if isinstance(self.pieces, Iterator):
            raise TypeError(
                f"batches: got a {type(self.pieces).__name__} with standardize=True; expected"
                f" {RESTARTS}, or net.inputs.standardize_by(X) before"
            )

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
            yield self._as_batch(X, Y, weight[0] if weight else None, names=names, is_piece=True)
