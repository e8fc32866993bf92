"""Chunks: bad arguments. (train/test_stream.py trains on them.)"""

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.ten_samples import X, Y

import fastgrad as fg


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.Chunks(3, 4), ["X", "int", "length and slices"]),
        (lambda: fg.Chunks(X, {0: 1}), ["Y", "dict", "length and slices"]),
        (lambda: fg.Chunks(X, np.array(3)), ["Y", "ndarray", "length and slices"]),
        (lambda: fg.Chunks(X, Y, sample_weight=2), ["sample_weight", "int", "length and slices"]),
        (lambda: fg.Chunks(X, Y, seed="a"), ["seed", "'a'"]),
        (lambda: fg.Chunks(X, Y, rows=2**70), ["rows", str(2**63 - 1)]),
        (lambda: fg.Chunks(X, Y, shuffle="no"), ["shuffle", "'no'", "True or False"]),
    ],
)
def test_bad_chunks_are_named(make, parts):
    assert_names(make, parts)
