"""Arrays on disk, or too large to copy, in pieces for `Network.fit_stream`."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import validation

__all__ = ["Chunks"]


class Chunks:
    """Rows of arrays, piece by piece: each epoch reads all pieces once.

    A piece is a run of rows, so a disk reads it in one go. The order of the pieces is new for each
    epoch; `fit_stream` shuffles the rows within each.

    Parameters
    ----------
    X, Y : array_like
        (S, n_0) and the targets, such as numpy.memmap or an h5py dataset: anything with a length
        and slices. For a network with several costs Y is a list of arrays, one for each.
    rows : int, default 65536
        Rows of a piece: best a multiple of the batch size, whose last mini-batch is smaller else.
    sample_weight : array_like, optional
        (S,).
    shuffle : bool, default True
        Whether the pieces come in a new order each epoch.
    seed : int, optional
        Fixes these orders.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, or what came has none.

    Examples
    --------
    >>> import numpy as np, fastgrad as fg
    >>> X, Y = np.zeros((1000, 3), "float32"), np.zeros(1000, "float32")
    >>> [len(piece[0]) for piece in fg.Chunks(X, Y, rows=400, shuffle=False)]
    [400, 400, 200]
    """

    def __init__(
        self,
        X: Any,
        Y: Any,
        rows: int = 65536,
        sample_weight: Any = None,
        shuffle: bool = True,
        seed: int | None = None,
    ) -> None:
        self.rows = validation.integer("rows", rows, least=1)
        listed = isinstance(Y, list | tuple) and len(Y) != _rows("X", X)  # not one for each row
        self._several = len(Y) if listed and all(getattr(part, "shape", ()) for part in Y) else 0
        targets = {f"Y[{k}]": part for k, part in enumerate(Y)} if self._several else {"Y": Y}
        named = {"X": X, **targets}
        if sample_weight is not None:
            named["sample_weight"] = sample_weight
        self._arrays = list(named.values())
        lengths = [_rows(name, array) for name, array in named.items()]
        if len(set(lengths)) > 1:
            came = ", ".join(map(str, lengths))
            raise ValueError(f"{', '.join(named)}: got {came} rows; expected as many of each")
        if seed is not None:
            validation.integer("seed", seed, least=0, most=np.inf)
        self._rng = np.random.default_rng(seed) if validation.flag("shuffle", shuffle) else None

    def __repr__(self) -> str:
        """How many rows, in what pieces."""
        shuffled = ", shuffled" if self._rng else ""
        return f"<Chunks {len(self._arrays[0])} rows, {self.rows} at a time{shuffled}>"

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Read each piece once."""
        starts = np.arange(0, len(self._arrays[0]), self.rows)
        if self._rng:
            self._rng.shuffle(starts)
        for start in starts.tolist():
            piece: list[Any] = [np.asarray(a[start : start + self.rows]) for a in self._arrays]
            if self._several:
                piece[1 : 1 + self._several] = [piece[1 : 1 + self._several]]
            yield tuple(piece)

    def state_dict(self) -> dict[str, Any]:
        """What the orders of further epochs are drawn from, for a checkpoint."""
        return {"random": self._rng.bit_generator.state if self._rng else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Draw the orders of further epochs from a state.

        Parameters
        ----------
        state : mapping
            Of chunks that came in a new order each epoch if these do.

        Raises
        ------
        ValueError
            If only one of both shuffles.
        """
        shuffles = state["random"] is not None
        if shuffles != bool(self._rng):
            raise ValueError(f"shuffle: got {bool(self._rng)}; expected {shuffles}")
        if self._rng:
            self._rng.bit_generator.state = state["random"]


def _rows(name: str, array: Any) -> int:
    try:
        array[:0]
        return len(array)
    except (TypeError, KeyError, IndexError):
        came = type(array).__name__
        raise TypeError(f"{name}: got {came}; expected rows with a length and slices") from None
