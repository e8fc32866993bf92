"""Arrays on disk, or too large to copy, in chunks for `Network.fit_stream`."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import validation

__all__ = ["Chunks"]


class Chunks:
    """Arrays in chunks of rows; each epoch reads every chunk once.

    The rows of a chunk are contiguous, so that a disk reads them at once. The chunks are in a new
    random order in each epoch; `fit_stream` shuffles the rows within each chunk.

    Parameters
    ----------
    X, Y : array_like
        (S, n_0) and the targets, such as numpy.memmap or an h5py dataset: anything with a length
        and slices. For a network with several costs Y is a list of arrays, one per cost.
    rows : int, default 65536
        Rows of a chunk. Unless it is a multiple of the batch size, the last mini-batch of each
        chunk is smaller.
    sample_weight : array_like, optional
        (S,).
    shuffle : bool, default True
        Whether the chunks are in a new random order in each epoch.
    seed : int, optional
        Seed of these orders.

    Attributes
    ----------
    position : int
        The chunk of the epoch that is being read, counted from 0; between two epochs 0, or where
        the next one begins.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, or an array has no length or cannot be sliced.

    Examples
    --------
    >>> import numpy as np, fastgrad as fg
    >>> X, Y = np.zeros((1000, 3), "float32"), np.zeros(1000, "float32")
    >>> [len(chunk[0]) for chunk in fg.Chunks(X, Y, rows=400, shuffle=False)]
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
        is_list = isinstance(Y, list | tuple) and len(Y) != _rows("X", X)  # not one per row
        self._n_costs = len(Y) if is_list and all(getattr(part, "shape", ()) for part in Y) else 0
        targets = {f"Y[{k}]": part for k, part in enumerate(Y)} if self._n_costs else {"Y": Y}
        named = {"X": X, **targets}
        if sample_weight is not None:
            named["sample_weight"] = sample_weight
        self._arrays = list(named.values())
        lengths = [_rows(name, array) for name, array in named.items()]
        if len(set(lengths)) > 1:
            received = ", ".join(map(str, lengths))
            raise ValueError(f"{', '.join(named)}: got {received} rows; expected as many of each")
        if seed is not None:
            validation.integer("seed", seed, least=0, most=np.inf)
        self._rng = np.random.default_rng(seed) if validation.flag("shuffle", shuffle) else None
        self.position = 0
        self._before: dict[str, Any] | None = None  # the random state before this epoch

    def __repr__(self) -> str:
        """The numbers of rows, in all and per chunk."""
        shuffled = ", shuffled" if self._rng else ""
        return f"<Chunks {len(self._arrays[0])} rows, {self.rows} at a time{shuffled}>"

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Read each chunk once."""
        starts = np.arange(0, len(self._arrays[0]), self.rows)
        first = 0 if self._before else self.position  # 0 beside another iteration
        self._before = self._random()
        if self._rng:
            self._rng.shuffle(starts)
        try:
            for position, start in enumerate(starts[first:].tolist(), first):
                self.position = position
                chunk: list[Any] = [np.asarray(a[start : start + self.rows]) for a in self._arrays]
                if self._n_costs:
                    chunk[1 : 1 + self._n_costs] = [chunk[1 : 1 + self._n_costs]]
                yield tuple(chunk)
        finally:
            self.position, self._before = 0, None

    def _random(self) -> dict[str, Any]:
        return {"random": self._rng.bit_generator.state if self._rng else None}

    def state_dict(self) -> dict[str, Any]:
        """The random state before the order of this epoch was drawn, and the position in it."""
        rows = [len(self._arrays[0]), self.rows]
        return {**(self._before or self._random()), "position": self.position, "rows": rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume the sequence of orders from a state, in the middle of an epoch too.

        Parameters
        ----------
        state : mapping
            As `state_dict` returns it, of chunks with the same `shuffle` and, in the middle of an
            epoch, of the same numbers of rows.

        Raises
        ------
        ValueError
            If one of them differs.
        """
        shuffles = state["random"] is not None
        if shuffles != bool(self._rng):
            raise ValueError(f"shuffle: got {bool(self._rng)}; expected {shuffles}")
        position = validation.integer("position", state.get("position", 0), least=0)
        received = [len(self._arrays[0]), self.rows]
        if position and received != state["rows"]:
            total, rows = state["rows"]
            raise ValueError(
                f"rows: got {received[0]} with {received[1]} at a time; expected {total} with"
                f" {rows} at a time, as in the epoch that is resumed"
            )
        if self._rng:
            self._rng.bit_generator.state = state["random"]
        self.position = position


def _rows(name: str, array: Any) -> int:
    try:
        array[:0]
        return len(array)
    except (TypeError, KeyError, IndexError):
        kind = type(array).__name__
        raise TypeError(f"{name}: got {kind}; expected rows with a length and slices") from None
