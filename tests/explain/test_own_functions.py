"""Explanations of rules, costs and activations of a user: what the engine does, or no lines."""

import copy
import dataclasses
import re

import numba
import numpy as np
import pytest
from helpers.explanations import assert_each_number_follows, small

import fastgrad as fg
from fastgrad.kernels.update_rules import Rule
from fastgrad.optim.base import Optimizer


def _prepare(h, m, c, t):
    c[0] = h[0] / t


def _update(w, g, x, y, z, c, n):
    for k in range(n):
        x[k] += g[k]
        w[k] -= c[0] * x[k]


def test_rules_costs_and_activations_of_a_user():
    double = fg.Activation("double<b>", f=lambda u: 2 * u, df=lambda u: 2 + 0 * u)
    cost = fg.Cost("quartic", C=lambda a, y: (a - y) ** 4, dC_da=lambda a, y: 4 * (a - y) ** 3)
    net, x, y = small(cost, [double] * 3)
    optimizer = Optimizer(0.1, Rule(_prepare, _update, slots=1))
    explanation = net.explain(x, y, 1, 0, 0, optimizer=optimizer)
    assert "x = x + g" in str(explanation)
    assert "double<b>(" in str(explanation)
    assert "double&lt;b&gt;(" in explanation.to_html()
    assert "quartic'(a, y)" in str(explanation)  # a lambda has no lines of its own


def _decay_last(w, g, x, y, z, c, n):
    for k in range(n):
        w[k] -= c[0] * x[k]
        x[k] = 0.9 * x[k] + g[k]


def _twice(w, g, x, y, z, c, n):
    for k in range(n):
        w[k] *= 0.5
        w[k] -= c[0] * g[k]


def _of_all(w, g, x, y, z, c, n):
    s = 0.0
    for k in range(n):
        s += g[k] * g[k]
    for k in range(n):
        w[k] -= c[0] * g[k] / np.sqrt(s)


def _in_a_while(w, g, x, y, z, c, n):
    k = 0
    while k < n:
        w[k] -= c[0] * g[k]
        k += 1


@pytest.mark.parametrize(
    ("update", "is_followed"),
    [
        (_decay_last, True), (_twice, True), (_of_all, False), (_in_a_while, False),
    ],
)  # fmt: skip
def test_any_rule_leads_to_the_weight_that_a_step_gives(update, is_followed):
    net, x, y = small(S=3)
    optimizer = Optimizer(0.1, Rule(_prepare, update, slots=1))
    net.step(x, y, optimizer)
    explanation = net.explain(x, y, 1, 1, 2, optimizer=optimizer, digits=17)
    lines = [step for step in explanation.steps if step.part == "Update"]
    twin, its = copy.deepcopy((net, optimizer))
    twin.step(x, y, its)
    assert explanation.next_value == twin.layers[0].W[1, 2]
    assert (lines[0].symbols != "w = update(w, g)") == is_followed
    if is_followed:
        assert_each_number_follows(explanation, 1e-11)


def _repeated(a, y):
    r = 0.0
    for _ in range(3):
        r += a - y
    return r


def _swapped(y, a):
    return y - a


@numba.njit
def sigmoid(u):
    return 3 * u


def _by_a_name_of_ours(a, y):
    return sigmoid(a - y)


_ONE, _OTHER = lambda a, y: 2 * (a - y), 1  # fmt: skip
_TWO = lambda a, y: 2 * (a - y); _LATER = 1  # fmt: skip # noqa: E702, E731


@pytest.mark.parametrize(
    ("dC_da", "slope"),
    [(_repeated, 3), (_swapped, 1), (_by_a_name_of_ours, 3), (_ONE, 2), (_TWO, 2)],
)
def test_derivatives_of_a_users_cost_are_those_of_its_function(dC_da, slope):
    cost = fg.Cost("own", lambda a, y: slope / 2 * (a - y) ** 2, dC_da)
    net, x, y = small(cost)
    explanation = net.explain(x, y, 3, 1, 0, digits=17)
    of_others = [step for step in explanation.steps if "sigmoid(" not in step.numbers]
    assert_each_number_follows(dataclasses.replace(explanation, steps=tuple(of_others)))
    (found,) = [step.value for step in explanation.steps if step.symbols.startswith("dC/da")]
    assert found == pytest.approx(slope * (net.forward(x) - y)[0, 1], rel=1e-12)


def _asymmetric(a, y):
    d = a - y
    if d < 0:
        return d * d
    return 2 * d * d


def _asymmetric_da(a, y):
    d = a - y
    if d < 0:
        return 2 * d
    return 4 * d


def test_a_cost_with_cases():
    net, x, y = small(fg.Cost("asymmetric", _asymmetric, _asymmetric_da), S=4)
    for sample in range(4):
        explanation = net.explain(x, y, 1, 0, 0, sample=sample, digits=17)
        assert_each_number_follows(explanation)
        found = [s.symbols for s in explanation.steps if s.symbols.startswith("dC/da_0,s = w_s")]
        a = net.forward(x)[sample, 0]
        assert found == [f"dC/da_0,s = w_s/S·({2 if a < y[sample, 0] else 4}·d)"]


def test_names_of_a_user_are_escaped_in_latex():
    for name in ("x#1", "50%", "$x$", "a&b", "{c}", "c^2", "~d", "e\\f"):
        cost = fg.Cost(name, lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y))
        net, x, y = small(cost)
        latex = net.explain(x, y, 1, 0).to_latex()
        found = re.search(r"C &= (.*)\(a, y\)", latex)[1]
        for k, letter in enumerate(found):
            assert letter not in "#$%&~" or found[k - 1] == "\\", found
