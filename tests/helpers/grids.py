"""Grids of parameters: rows with all pairs of values, or all rows where FULL_GRIDS=1."""

import os
from itertools import combinations, product

FULL_GRIDS = os.environ.get("FULL_GRIDS") == "1"


def grid(*values):
    """Rows of one value per parameter: see pairwise; all there are with FULL_GRIDS=1."""
    return list(product(*values)) if FULL_GRIDS else pairwise(*values)


def pairwise(*values):
    """Rows in which each pair of values of any two parameters occurs, the same on every call.

    Most faults show with one value or with two together, whatever the rest. Each row begins with
    a pair that is missing so far and takes for every other parameter the value that adds most.
    """
    values = [list(column) for column in values]
    missing = {
        ((c, x), (d, y))
        for c, d in combinations(range(len(values)), 2)
        for x, y in product(range(len(values[c])), range(len(values[d])))
    }
    rows = []
    while missing:
        row = dict(min(missing))
        for c in range(len(values)):
            if c not in row:
                added = [
                    sum(tuple(sorted([(c, x), place])) in missing for place in row.items())
                    for x in range(len(values[c]))
                ]
                row[c] = added.index(max(added))
        missing -= set(combinations(sorted(row.items()), 2))
        rows.append(tuple(values[c][row[c]] for c in range(len(values))))
    return rows


def each_value(*values):
    """The fewest rows in which each value occurs."""
    most = max(map(len, values), default=1)
    return [tuple(column[k % len(column)] for column in values) for k in range(most)]
