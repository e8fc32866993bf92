"""A user's own function that raises in a compiled pass ends it with that error."""

import sys

import numpy as np
import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg

X = np.random.default_rng(0).normal(size=(4000, 4)) * 10


def identity_below(limit):
    def f(u):
        if u > limit:
            raise ValueError("too large")
        return u

    return fg.Activation("careful", f, lambda u: 1.0)


def cost_below(limit):
    def C(a, y):
        if a > limit:
            raise ValueError("too large")
        return (a - y) ** 2

    return fg.Cost("careful", C, lambda a, y: 2 * (a - y))


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_an_activation_ends_the_fit(threads):
    net = fg.Network([4, 200, 1], activations=[identity_below(5.0), "identity"], seed=0)
    with pytest.raises(ValueError, match=r"^too large"):
        net.fit(X, X[:, 0], epochs=2, batch_size=1000, threads=threads)
    net = fg.Network([4, 200, 1], activations=[identity_below(5.0), "identity"], seed=0)
    with pytest.raises(ValueError, match="too large"):
        net.predict(X)
    assert np.isfinite(net.predict(X * 1e-3)).all()


@pytest.mark.parametrize("batch_size", [1, 32])
def test_an_error_of_a_cost_ends_the_fit(batch_size):
    net = fg.Network([4, 8, 1], cost=cost_below(5.0), seed=0)
    net.layers[1].b[:] = 10
    with pytest.raises(ValueError, match="too large"):
        net.fit(X[:99], X[:99, 0], epochs=1, batch_size=batch_size)


@jitted_only
def test_errors_that_are_not_of_a_pass_go_where_they_went(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    fg.Network([4, 8, 1], activations=[identity_below(1e9), "identity"], seed=0).predict(X)

    class Thing:
        def __del__(self):
            raise KeyError("of a finalizer")

    thing = Thing()
    del thing
    assert [str(unraisable.exc_value) for unraisable in seen] == ["'of a finalizer'"]
