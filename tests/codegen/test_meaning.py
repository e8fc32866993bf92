"""Functions of the same meaning are compiled once."""

import math

import numpy as np
import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.codegen import jit
from fastgrad.codegen.meaning import meaning

FACTOR = 2.0
TABLE = np.ones(3)


def power(n):
    def half(u):
        return u / FACTOR

    return lambda u: half(u) ** n


def own(n):
    return fg.Activation("own", lambda u: u + n * math.sin(u), lambda u: 1 + n * math.cos(u))


def test_equal_functions_made_anew_mean_the_same():
    assert meaning(power(2)) == meaning(power(2))
    assert meaning(None) is None
    assert meaning(math.sin) == meaning(math.sin)


def test_what_differs_means_something_else(monkeypatch):
    functions = [
        power(2),
        power(3),
        power(2.0),
        power(True),
        lambda u: u / FACTOR,
        lambda u, v=1: u,
    ]
    functions += [lambda u, v=2: u, lambda u: u + 0.0, lambda u: u - 0.0, lambda u: u + -0.0]
    before = [*map(meaning, functions)]
    assert len(set(before)) == len(functions)
    monkeypatch.setitem(globals(), "FACTOR", 4.0)
    assert meaning(power(2)) != before[0]


def test_what_cannot_be_compared_means_itself():
    def make():
        return lambda u: u * TABLE[0]

    one = make()
    assert meaning(one) is one
    assert meaning(make()) is not one


@jitted_only
@pytest.mark.parametrize(
    "options",
    [
        lambda: {"activations": [own(0.5), "identity"]},
        lambda: {"cost": fg.costs.quantile(q=0.3)},
        lambda: {"cost": fg.Cost("own", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3)},
    ],
    ids=["activation", "quantile", "cost"],
)
def test_a_search_compiles_each_function_once(options):
    X = np.random.default_rng(0).normal(size=(20, 3))

    def fit():
        fg.Network([3, 4, 1], seed=0, **options()).fit(X, X[:, 0], epochs=1)

    fit()
    n = len(jit.COMPILED_LOOPS)
    for _ in range(5):
        fit()
    assert len(jit.COMPILED_LOOPS) == n


@jitted_only
def test_functions_of_one_name_and_another_meaning_are_told_apart():
    X = np.random.default_rng(0).normal(size=(20, 3))
    found = [
        fg.Network([3, 4, 1], activations=[own(n), "identity"], seed=0).predict(X)
        for n in (0.5, 0.25, 0.5)
    ]
    np.testing.assert_array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
