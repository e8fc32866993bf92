"""Functions of users in C: they compute what Python does, or are refused."""

import functools
import math

import numpy as np
import pytest
from helpers.c_programs import REALS, inputs, library, near, predictions, predictors
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.formats.c.translate import Translator, UntranslatableError

pytestmark = jitted_only


def bent(u):
    """A function with branches."""
    square = u * u
    if u > 1:
        value = 1 + np.log(square)
        return value  # noqa: RET504 - a line of its own
    return square if u > 0 else np.float64(0)


def bent_slope(u):
    return 2 / u if u > 1 else (2 * u if u > 0 else 0.0)


def test_own_functions_are_translated(tmp_path):
    cube = fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)
    own = fg.Activation("bent", f=bent, df=bent_slope)
    net = fg.Network([5, 7, 7, 2], [cube, own, "identity"], dtype="float64", seed=0)
    run = predictors(tmp_path, {"own": net})
    assert near(predictions(run["own"], inputs(net), 2), net.predict(inputs(net)), 1e-13)


def doubled(function):
    @functools.wraps(function)
    def twice(u):
        return 2 * function(u)

    return twice


@doubled
def decorated(u):
    return u + 1


def select(u):
    return u * u


def other_results(u):
    if u > 1:
        return u > 0
    return u * 0.5


def of_a_branch(u):
    s = 0
    if u > 1:
        s = 0.5
    return s * u


ODD = {
    "other results": other_results,
    "of a branch": of_a_branch,
    "a wrapper": decorated,
    "a default": lambda u, s=3.0: u * s,
    "a chain": lambda u: 1.0 if -1 < u <= 1 else 0.5,
    "and, or": lambda u: u if (u > 0 and u < 2) or u < -3 else -u,
    "a number as condition": lambda u: 1.0 if u else 0.5,
    "a power": lambda u: abs(u) ** 1.5 + u**3 - (abs(u) + 1) ** -2,
    "a sign": lambda u: np.sign(u) * math.sqrt(abs(u)) + max(u, -1) * (u > 0),
    "a name of the header's": lambda u: select(u) + 1,
    "constants": lambda u: u * (math.pi / 3) + 1 / 3,
}


@pytest.mark.parametrize("dtype", REALS)
def test_odd_python_is_translated_as_it_computes(dtype, tmp_path):
    """Compared with Python itself, without numba."""
    translator, real = Translator("f", dtype), REALS[dtype]
    names = {what: translator.scalar(f, f"odd_{k}") for k, (what, f) in enumerate(ODD.items())}
    fg.Network([1, 1], dtype=dtype, seed=0).to_c(tmp_path / "f.h")  # what the functions need
    lines = [f'#include "f.h"\n{chr(10).join(translator.functions)}\n']
    for name in names.values():
        head = f"void run_{name}(const {real} *x, {real} *y)"
        lines.append(f"{head};\n{head} {{ *y = ({real}){name}(*x); }}\n")
    made = library(tmp_path, "".join(lines))
    x = np.array([-5.5, -3.2, -1, -0.7, 0, 0.1, 0.6, 1, 1.7, 2, 4.3], dtype)[:, None]
    for what, name in names.items():
        y = predictions(getattr(made, f"run_{name}"), x, 1)
        expected = [float(ODD[what](float(u))) for u in x[:, 0]]
        assert y[:, 0] == pytest.approx(expected, rel=1e-6, abs=1e-7), what


def sum_of_list(u):
    return sum([u, u])


def two_types(u):
    s = u > 0
    if u > 1:
        s = 0.5
    return s * u


def loop_with_else(u):
    for k in range(2):
        u = u + k
    else:  # noqa: PLW0120 - to be refused
        u = u * 5
    return u


def of_itself(u):
    return of_itself(u - 1) if u > 0 else u


REFUSED = [two_types, loop_with_else, of_itself, lambda u: u or 1.0, lambda u: u * 1e-60, math.exp]


@pytest.mark.parametrize("f", REFUSED)
def test_python_that_would_compute_otherwise_is_refused(f):
    with pytest.raises(UntranslatableError):
        Translator("f", "float32").scalar(f, "f")


@pytest.mark.parametrize(
    ("f", "why"),
    [(sum_of_list, r"\[u, u\]"), (lambda u: 2 * np.arctan(u) * 0 + 2 * u, "arctan")],
)
def test_what_cannot_be_translated_is_named(f, why, tmp_path):
    odd = fg.Activation("odd", f=f, df=lambda u: 2.0)
    net = fg.Network([5, 7, 2], [odd, "identity"], seed=0)
    with pytest.raises(ValueError, match=rf"^layer 1: got the activation 'odd'.*{why}.*expected"):
        net.to_c(tmp_path / "odd.h")
    assert [*tmp_path.iterdir()] == []
