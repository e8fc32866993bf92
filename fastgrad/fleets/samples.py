"""The samples of a fleet: one set, of which each network is trained on some rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import frames, validation
from ..data.splitting import split
from ..network import Network
from ..train.inputs import as_batch

__all__ = ["FleetSamples"]

Array = np.ndarray[Any, Any]


class FleetSamples:
    """Samples, validated for networks of one kind.

    Parameters
    ----------
    net : Network
        One of the networks.
    X, Y : array_like
        As for `Network.fit`.
    columns : sequence of str, optional
        The columns that X must have, if it is a DataFrame; None: any.
    prefix : str, default ""
        What the names X and Y begin with in errors.

    Attributes
    ----------
    X : ndarray
        (S, n_0), in the network's dtype.
    targets : ndarray
        (S,) or (S, n_L), as metrics take them.
    given : tuple
        X and Y as `fit_many` takes them: with the names of columns, if they have any.
    labels : ndarray or None
        (S,): the class of each sample; None if there are no classes.
    """

    def __init__(
        self,
        net: Network,
        X: Any,
        Y: Any,
        columns: Sequence[str] | None = None,
        prefix: str = "",
    ) -> None:
        names = f"{prefix}X", f"{prefix}Y", "sample_weight"
        batch = as_batch(net, X, Y, input_names=columns, names=names)
        targets = batch.ids if len(batch.ids) else batch.Y
        labels = targets
        if targets.ndim == 2:
            labels = targets.argmax(axis=1) if net.n_outputs > 1 else targets[:, 0] > 0.5
        if len(net.heads) == 1 and np.ndim(Y) < targets.ndim:
            targets = targets[:, 0]  # in the shape that the user passed
        self.X, self.targets = batch.X, targets
        self.given = X if frames.column_names(X) else batch.X, Y
        self.labels = labels if net.heads.n_classes else None
        self._is_list = len(net.heads) > 1

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.X)

    def part(self, rows: Array) -> tuple[Array, Any]:
        """X and Y of some rows, as `Network.fit` takes them."""
        Y = self.given[1]
        of_heads = [np.asarray(targets)[rows] for targets in (Y if self._is_list else [Y])]
        return self.X[rows], of_heads if self._is_list else of_heads[0]

    def set_aside(
        self, name: str, share: float, rows: Array, seed: int, stratify: bool | None = None
    ) -> tuple[Array, Array]:
        """Divide rows at random: those to be trained on, and a share to be validated on.

        Parameters
        ----------
        name : str
            Of the share, for errors.
        share : float
            At least 0 and below 1.
        rows : ndarray
            Rows of X, each once or several times: all of these are in the same part.
        seed : int
            Of the random numbers.
        stratify : bool or None
            As for `strata`.
        """
        if not share:
            return rows, rows[:0]
        if not 0 < round(share * len(rows)) < len(rows):
            raise ValueError(
                f"{name}: got {share:g}, of {len(rows)} samples; expected at least one in either"
                " part"
            )
        by, stratify = self.strata(stratify)
        different = np.unique(rows)
        _, others = split(by[different], share, seed=seed, stratify=stratify)
        is_other = np.isin(rows, different[others])
        return rows[~is_other], rows[is_other]

    def strata(self, stratify: bool | None) -> tuple[Array, bool]:
        """What samples are divided by, (S,), and whether each part has the same share of each.

        Parameters
        ----------
        stratify : bool or None
            None: where there are classes.
        """
        if stratify is not None:
            stratify = validation.flag("stratify", stratify)
        if self.labels is None and stratify:
            raise ValueError("stratify: got True without classes; expected None or False")
        if self.labels is None or stratify is False:
            return np.zeros(len(self)), False
        return self.labels, True
