"""Samples divided at random: a training part and a held-out part, or folds."""

import numpy as np
from numpy.typing import NDArray

from .. import validation

__all__ = ["folds", "split"]

Indices = NDArray[np.int64]


def split(
    y: NDArray[np.generic], test_size: float, *, seed: int = 0, stratify: bool = False
) -> tuple[Indices, Indices]:
    """Divide samples at random into a training part and a held-out part.

    Parameters
    ----------
    y : (S,) array
        Targets.
    test_size : float
        The fraction that is held out, at least 0 and below 1.
    seed : int
        Of the random permutation.
    stratify : bool
        Hold out that fraction of each class, as nearly as whole samples allow.

    Returns
    -------
    train, test : (S_train,), (S_test,) int64
        Indices, each part in random order.

    Raises
    ------
    ValueError
        If `seed` or `test_size` is out of range, or one part would have no sample.
    """
    validation.number("test_size", test_size, least=0, below=1)
    permutation = _permutation(y, seed)
    n_test = round(test_size * len(y))
    if test_size > 0 and not 0 < n_test < len(y):
        raise ValueError(
            f"test_size: {test_size:g} of {len(y)} samples is {n_test}; "
            "expected at least one sample in either part"
        )
    if stratify:
        is_test = np.zeros(len(y), dtype=bool)
        is_test[np.argsort(_ranks(y[permutation]), kind="stable")[:n_test]] = True
        return permutation[~is_test], permutation[is_test]
    return permutation[n_test:], permutation[:n_test]


def folds(
    y: NDArray[np.generic], n_folds: int, *, seed: int = 0, stratify: bool = False
) -> list[tuple[Indices, Indices]]:
    """Divide samples at random into folds, each of which is held out once.

    Parameters
    ----------
    y : (S,) array
        Targets.
    n_folds : int
        Number of folds, from 2 to S.
    seed : int
        Of the random permutation.
    stratify : bool
        Hold out the same fraction of each class, as nearly as whole samples allow.

    Returns
    -------
    list of (train, test)
        Indices, int64.

    Raises
    ------
    ValueError
        If `seed` or `n_folds` is out of range.
    """
    permutation = _permutation(y, seed)
    validation.integer("n_folds", n_folds, least=2, most=len(y))
    if stratify:
        permutation = permutation[np.argsort(_ranks(y[permutation]), kind="stable")]
    parts = np.array_split(permutation, n_folds)
    return [(np.concatenate(parts[:k] + parts[k + 1 :]), part) for k, part in enumerate(parts)]


def _permutation(y: NDArray[np.generic], seed: int) -> Indices:
    validation.integer("seed", seed, least=0)
    if np.ndim(y) != 1:
        raise ValueError(f"y: got shape {np.shape(y)}; expected the targets, of shape (S,)")
    return np.random.default_rng(seed).permutation(len(y))


def _ranks(y: NDArray[np.generic]) -> NDArray[np.float64]:
    """Each class spread evenly over 0..1, so that any interval has all classes in proportion."""
    rank = np.empty(len(y))
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    return rank
