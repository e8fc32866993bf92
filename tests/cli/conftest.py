"""Tables for the commands."""

import numpy as np
import pytest
from helpers.data_files import write_rows


@pytest.fixture
def houses():
    """A large price, determined by size and place."""
    rng = np.random.default_rng(1)
    size, town = rng.uniform(50, 150, 80), rng.integers(2, size=80)
    price = 100_000 + 2_000 * size + 50_000 * town
    rows = [
        [f"{s:.3f}", ["village", "town"][t], f"{p:.2f}"]
        for s, t, p in zip(size, town, price, strict=True)
    ]
    write_rows("houses.csv", ["size", "place", "price"], rows)
    return rows
