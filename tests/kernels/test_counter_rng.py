"""Counter-based random numbers, against the hash as published and the normal distribution."""

import numpy as np
import pytest
from scipy import stats

from fastgrad.kernels.counter_rng import bits, normal, threshold

KEYS = [0, 12345, -1, 2**32 - 1, 2**61 + 12345]


def triple32(x):
    """https://nullprogram.com/blog/2018/07/31/, in uint32 as there."""
    x = np.array(x, np.uint32)
    x ^= x >> 17
    x *= np.uint32(0xED5AD4BB)
    x ^= x >> 11
    x *= np.uint32(0xAC4C1B51)
    x ^= x >> 15
    x *= np.uint32(0x31848BAB)
    return x ^ (x >> 14)


@pytest.mark.parametrize("key", KEYS)
def test_bits_are_those_of_the_hash(key):
    ours = [bits(k, key) for k in range(500)]
    np.testing.assert_array_equal(ours, triple32([(k + key) % 2**32 for k in range(500)]))


# Samples and nodes of a layer are such distances apart; a hash of two multiplications shows it.
@pytest.mark.parametrize("distance", [1, 16, 128, 8192, 24576, 40960])
def test_draws_at_a_distance_do_not_resemble_each_other(distance):
    n = 4_000_000
    kept = (triple32(np.arange(n + distance)) >> 31).astype(np.float32) * 2 - 1
    assert abs(kept[:n] @ kept[distance:]) / np.sqrt(n) < 5


def test_bits_are_below_the_threshold_with_its_probability():
    for p in (0.0, 0.2, 0.9):
        assert threshold(p) == int(p * 2**32)
    assert threshold(1.0) == 2**32 - 1  # what a probability just below 1 is in float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_numbers_follow_the_law_and_do_not_repeat(dtype):
    numbers = np.array([normal(dtype(1), k, first) for first in (7, 1007) for k in range(1000)])
    assert stats.kstest(numbers, "norm").pvalue > 0.01
    assert len(np.unique(numbers)) > 1990  # also not between the two stretches


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-4), (np.float64, 1e-12)])
def test_normal_numbers_are_those_of_box_and_muller(dtype, atol):
    one, other = (triple32(np.arange(500) + key) / 2**32 for key in (7, 7 + 0x5BD1E995))
    expected = np.sqrt(-2 * np.log(one + 0.5 / 2**32)) * np.cos(2 * np.pi * other)
    numbers = [normal(dtype(1), k, 7) for k in range(500)]
    np.testing.assert_allclose(numbers, expected, rtol=0, atol=atol)
