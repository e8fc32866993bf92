"""Samples divided at random: parts and folds."""

import numpy as np
import pytest
from helpers.error_messages import error_of

from fastgrad.data.splitting import folds, split


def test_split_keeps_the_share_of_each_class():
    y = np.repeat([0, 1, 2, 3], [500, 300, 190, 10])
    train, test = split(y, 0.2, seed=1, stratify=True)
    assert np.bincount(y[test]).tolist() == [100, 60, 38, 2]
    assert sorted([*train, *test]) == list(range(1000))
    assert not np.array_equal(test, np.sort(test))
    again = split(y, 0.2, seed=1, stratify=True)
    assert np.array_equal(train, again[0])
    assert not np.array_equal(test, split(y, 0.2, seed=2, stratify=True)[1])


def test_split_of_few_samples():
    train, test = split(np.array([0, 0, 0, 1, 1, 1]), 0.34, stratify=True)
    assert (len(train), len(test)) == (4, 2)
    assert split(np.arange(5), 0.0)[1].size == 0
    assert sorted(np.concatenate(split(np.arange(5), 0.4)).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rows", "size", "message"),
    [
        (10, 1, "test_size: got 1; expected a finite number at least 0 and below 1"),
        (10, -0.1, "test_size: got -0.1; expected a finite number at least 0 and below 1"),
        (2, 0.1, "test_size: 0.1 of 2 samples is 0; expected at least one sample in either part"),
    ],
)
def test_split_sizes_that_do_not_fit(rows, size, message):
    assert error_of(split, np.zeros(rows), size) == message


def test_split_needs_a_seed_that_is_not_negative():
    assert (
        error_of(split, np.zeros(9), 0.5, seed=-1)
        == "seed: got -1; expected an integer of at least 0"
    )


def test_split_takes_the_targets_alone():
    message = error_of(split, np.zeros((9, 2)), 0.5)
    assert message == "y: got shape (9, 2); expected the targets, of shape (S,)"


def test_folds_hold_out_each_row_once_and_keep_the_classes():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    parts = folds(y, 5, seed=1, stratify=True)
    assert sorted(np.concatenate([test for _, test in parts])) == [*range(100)]
    for train, test in parts:
        assert np.bincount(y[test]).tolist() == [10, 6, 4]
        assert not {*train} & {*test}
    assert [len(test) for _, test in folds(np.zeros(11), 3)] == [4, 4, 3]


@pytest.mark.parametrize("n_folds", [1, 10])
def test_folds_need_two_parts_of_samples(n_folds):
    assert error_of(folds, np.zeros(9), n_folds).startswith(f"n_folds: got {n_folds}; expected")
