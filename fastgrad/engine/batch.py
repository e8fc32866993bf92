"""A batch of samples, as the compiled passes read it."""

from typing import NamedTuple, Self

from ..codegen.signatures import Array

__all__ = ["Batch", "StepPenalties"]


class StepPenalties(NamedTuple):
    """The penalty of l1 and l2 at each step of an epoch, where it differs between them.

    Attributes
    ----------
    shares : ndarray of float64
        (steps,): the factor of the penalty.
    values : ndarray of float64
        (steps,): the penalty of the weights before the step, written by the epoch.
    """

    shares: Array
    values: Array


class Batch(NamedTuple):
    """Samples as rows: a mini-batch, all samples of an epoch, or those of a test.

    Attributes
    ----------
    X : ndarray
        (S, n_0): inputs.
    Y : ndarray
        (S, n_L): targets; empty where there are class ids instead.
    ids : ndarray of int64
        (S,): class ids; empty where there are targets instead.
    weights : ndarray
        (S,): w_s; empty: all 1.
    order : ndarray of uint32 or None
        (S,): the rows in the order in which an epoch trains on them; None: the epoch decides.
    penalties : StepPenalties or None
        None: in each step of an epoch the penalty has the factor 1.
    """

    X: Array
    Y: Array
    ids: Array
    weights: Array
    order: Array | None = None
    penalties: StepPenalties | None = None

    def of_rows(self, rows: Array) -> Self:
        """Return a copy of some samples.

        Parameters
        ----------
        rows : ndarray
            Their positions.
        """
        Y, ids, weights = (a[rows] if len(a) else a for a in (self.Y, self.ids, self.weights))
        return type(self)(self.X[rows], Y, ids, weights)
