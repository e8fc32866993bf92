"""A batch of samples, as the compiled passes read it."""

from typing import NamedTuple

from ..codegen.signatures import Array

__all__ = ["Batch"]


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
    """

    X: Array
    Y: Array
    ids: Array
    weights: Array
