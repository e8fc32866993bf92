"""The chart of activation functions and their derivatives."""

import numpy as np
import pytest
from helpers import oracle
from helpers.drawn import legend, lines
from helpers.error_messages import assert_names

import fastgrad as fg
from fastgrad import plot


def cube():
    return fg.Activation("cube", lambda u: u**3, lambda u: 3 * u * u)


def test_every_activation_with_its_derivative():
    axes = plot.activations().axes
    assert [ax.get_title() for ax in axes] == list(fg.activations.ACTIVATIONS)
    for ax in axes:
        name, drawn = ax.get_title(), lines(ax)
        (f, df), kinks = oracle.ACTIVATIONS[name], oracle.KINKS.get(name, ())
        u = np.array(drawn["f"][0])
        assert (u.min(), u.max()) == (-4, 4)
        np.testing.assert_allclose(drawn["f"][1], f(u), atol=1e-6)
        far = np.all([np.abs(u - kink) > 1e-9 for kink in kinks], axis=0)
        np.testing.assert_allclose(np.array(drawn["f'"][1])[far], df(u)[far], atol=1e-6)
    assert legend(axes[0]) == ["f", "f'"]


def test_one_scale_that_shows_the_middle():
    figure = plot.activations(["elu(alpha=2)", cube()], title="two")
    first, second = figure.axes
    assert [ax.get_title() for ax in figure.axes] == ["elu(alpha=2.0)", "cube"]
    assert first.get_ylim() == second.get_ylim()
    low, high = first.get_ylim()
    assert -10 < low < -8
    assert 12 < high < 14
    assert figure.get_suptitle() == "two"


def test_one_name_and_constants_are_drawn():
    assert len(plot.activations("relu").axes) == 1
    zero = fg.Activation("zero", lambda u: 0 * u, lambda u: 0 * u)
    low, high = plot.activations(zero).axes[0].get_ylim()
    assert low < 0 < high


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ("rleu", ["activation", "'rleu'", "'relu'"]),
        (["relu", "softmax"], ["'softmax'", "identity"]),
        ([], ["names", "got none", "at least one"]),
        (3, ["names", "3", "names of activations"]),
        ([3], ["activation", "3"]),
    ],
)
def test_bad_names(names, parts):
    assert_names(lambda: plot.activations(names), parts)


def test_the_lowest_chart_of_each_column_has_numbers():
    figure = plot.activations(["relu", "elu", "gelu", "silu", "mish"])
    numbered = [ax.xaxis.get_tick_params()["labelbottom"] for ax in figure.axes]
    assert numbered == [False, True, True, True, True]
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "u", "u", "u", "u"]
