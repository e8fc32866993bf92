"""The loops of the metrics: over samples s and, within, the K classes or n outputs i."""

from typing import Any

import numpy as np

from ..codegen.jit import standalone

__all__ = [
    "count_pairs",
    "largest",
    "roc_areas",
    "share_equal",
    "share_near_the_top",
    "sums_of_errors",
    "tally",
]

Array = np.ndarray[Any, Any]


@standalone
def largest(p: Array) -> Array:
    """The first of the largest in each row."""
    found = np.zeros(len(p), np.int64)
    for s in range(p.shape[0]):
        for i in range(1, p.shape[1]):
            if p[s, i] > p[s, found[s]]:
                found[s] = i
    return found


@standalone
def share_equal(truth: Array, guess: Array) -> float:
    """Share of the places where both are the same."""
    equal = 0
    for s in range(truth.size):
        equal += truth[s] == guess[s]
    return equal / truth.size


@standalone
def share_near_the_top(ids: Array, p: Array, k: int) -> float:
    """Share of the samples with fewer than k classes before theirs, by p and then by number."""
    near = 0
    for s in range(ids.size):
        p_s, above = p[s, ids[s]], 0
        for i in range(p.shape[1]):
            above += p[s, i] > p_s or (p[s, i] == p_s and i < ids[s])
        near += above < k
    return near / ids.size


@standalone
def count_pairs(ids: Array, guess: Array, counts: Array) -> None:
    """Add 1 to the place of each sample's class and guess."""
    for s in range(ids.size):
        counts[ids[s], guess[s]] += 1


@standalone
def tally(truth: Array, guess: Array) -> Array:
    """For each column: how often both are true, the guess is, the truth is."""
    counts = np.zeros((3, truth.shape[1]))
    for s in range(truth.shape[0]):
        for i in range(truth.shape[1]):
            counts[0, i] += truth[s, i] and guess[s, i]
            counts[1, i] += guess[s, i]
            counts[2, i] += truth[s, i]
    return counts


@standalone
def roc_areas(yes: Array, p: Array, order: Array) -> Any:
    """For each column the share of pairs of a yes and a no that p puts in order, and their number.

    `order[i]` has the samples by rising p. A group of equal p is taken at once: each of its yes has
    all the no below it, and half a point for each no of the group.
    """
    S, n = yes.shape
    areas, pairs = np.zeros(n), np.zeros(n)
    for i in range(n):
        first, all_yes, all_no, in_order = 0, 0, 0, 0.0
        while first < S:
            last, more_yes, more_no = first, 0, 0
            while last < S and p[order[i, last], i] == p[order[i, first], i]:
                more_yes += yes[order[i, last], i]
                more_no += not yes[order[i, last], i]
                last += 1
            in_order += more_yes * (all_no + 0.5 * more_no)
            all_yes += more_yes
            all_no += more_no
            first = last
        pairs[i] = all_yes * all_no
        if pairs[i] > 0:
            areas[i] = in_order / pairs[i]
    return areas, pairs


@standalone
def sums_of_errors(Y: Array, a: Array) -> Array:
    """For each output the sums over the samples of |y - a|, (y - a)^2 and (y - mean of y)^2.

    y is taken from the first sample's on, so that the last sum is exactly 0 where y is constant.
    """
    S, n = Y.shape
    sums, mean = np.zeros((3, n)), np.zeros(n)
    for s in range(S):
        for i in range(n):
            error = Y[s, i] - a[s, i]
            sums[0, i] += abs(error)
            sums[1, i] += error * error
            mean[i] += (Y[s, i] - Y[0, i]) / S
    for s in range(S):
        for i in range(n):
            deviation = (Y[s, i] - Y[0, i]) - mean[i]
            sums[2, i] += deviation * deviation
    return sums
