"""The thinned grids of the tests themselves (helpers/grids.py)."""

from itertools import combinations, product

import pytest
from helpers.grids import each_value, pairwise


@pytest.mark.parametrize("sizes", [(2, 3), (3, 3, 3), (16, 10, 7, 7), (2, 4, 10, 5), (1, 4, 2)])
def test_each_pair_of_values_occurs(sizes):
    values = [[f"{c}{x}" for x in range(n)] for c, n in enumerate(sizes)]
    rows = pairwise(*values)
    pairs = {pair for row in rows for pair in combinations(row, 2)}
    assert pairs == {pair for two in combinations(values, 2) for pair in product(*two)}
    *_, second, first = sorted(sizes)
    fewest = first * second
    assert fewest <= len(rows) <= 1.25 * fewest
    assert rows == pairwise(*values)


def test_each_value_occurs():
    assert each_value([1, 2, 3], "ab") == [(1, "a"), (2, "b"), (3, "a")]
    assert each_value() == [()]
