"""How far an epoch has come: where a checkpoint in the middle of it resumes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple, Self

from .. import validation
from ..arithmetic import ceil_div

__all__ = ["EpochPosition", "EpochProgress", "PiecePosition"]


class EpochProgress(NamedTuple):
    """Batches and samples so far in an epoch, the sum of C over these, and how many are right."""

    batches: int = 0
    samples: int = 0
    C: float = 0.0
    right: float = 0.0


@dataclass
class PiecePosition:
    """How far the training on a piece of the samples has come, after one of its mini-batches.

    Attributes
    ----------
    n_samples, batch_size : int
        Samples of the piece, and of a mini-batch.
    seed : int or None
        Seed of the order of the samples; None: their own order.
    noise_key : int
        Key of the random numbers of noise and dropout; 0: there are none.
    penalty : float
        Of the weights before the piece.
    done : int
        Samples so far.
    C, right : float
        Sums over these: of the cost without the penalty, and of the answers that are right.
    penalties : float
        What the penalty adds to the sum of the cost.
    """

    n_samples: int
    batch_size: int
    seed: int | None
    noise_key: int
    penalty: float
    done: int = 0
    C: float = 0.0
    right: float = 0.0
    penalties: float = 0.0


@dataclass
class EpochPosition:
    """How far an epoch has come.

    Attributes
    ----------
    pieces : int
        Pieces before the current one; samples in memory are a single piece.
    before : EpochProgress
        The sums over these.
    piece : PiecePosition or None
        How far the current one has come; None before it begins.
    """

    pieces: int = 0
    before: EpochProgress = field(default_factory=EpochProgress)
    piece: PiecePosition | None = None

    @property
    def progress(self) -> EpochProgress:
        """The sums over the epoch so far."""
        before, piece = self.before, self.piece
        if piece is None:
            return before
        return EpochProgress(
            before.batches + ceil_div(piece.done, piece.batch_size),
            before.samples + piece.done,
            before.C + (piece.C + piece.penalties),
            before.right + piece.right,
        )

    def config(self) -> dict[str, Any]:
        """The position as JSON can hold it; `from_config` is the reverse."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The position that a checkpoint holds.

        Raises
        ------
        LookupError, TypeError, ValueError
            If something in it is missing, unknown or out of its range.
        """
        pieces, before, piece = (config[part.name] for part in fields(cls))
        batches, samples, C, right = before
        position = cls(pieces, EpochProgress(batches, samples, C, right))
        numbers = {"pieces": pieces, **position.before._asdict()}
        if piece is not None:
            position.piece = PiecePosition(**piece)
            validation.integer("done", position.piece.done, least=0, most=piece["n_samples"])
            numbers |= piece
        for name, value in numbers.items():
            if name in ("C", "right", "penalty", "penalties"):
                validation.number(name, value)
            elif (name, value) != ("seed", None):
                validation.integer(name, value, least=int(name in ("n_samples", "batch_size")))
        return position
