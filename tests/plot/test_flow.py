"""The chart of gradients: shares, medians and zeros of counts made by hand."""

import numpy as np
import pytest
from helpers.drawn import lines
from helpers.error_messages import assert_names

import fastgrad as fg
from fastgrad import plot


def flow(counts, zeros):
    """A record whose bins 80, 81, ... have these counts, (E + 1, L, bins)."""
    made = fg.GradientFlow([], [])
    for of_layers, of_zeros in zip(counts, zeros, strict=True):
        record = np.zeros((len(of_layers), len(made.edges) - 1), int)
        record[:, 80 : 80 + len(of_layers[0])] = of_layers
        made.counts.append(record)
        made.zeros.append(np.array(of_zeros))
    return made


def test_shares_and_medians():
    first, second = [[1, 2, 1], [0, 0, 4]], [[0, 3, 1], [3, 1, 0]]
    figure = plot.gradient_flow(flow([first, second], [[0, 0], [0, 1]]), title="two layers")
    layers = figure.axes
    assert figure.get_suptitle() == "two layers"
    assert [ax.get_title("left") for ax in layers] == ["layer 1", "layer 2, 20.0% are 0"]
    assert [ax.get_yscale() for ax in layers] == ["log", "log"]
    shares = [ax.collections[0].get_array().filled(0) for ax in layers]
    np.testing.assert_allclose(shares[0], np.array([[1, 0], [2, 3], [1, 1]]) / 4)
    np.testing.assert_allclose(shares[1], np.array([[0, 3], [0, 1], [4, 0]]) / 4)
    centers = 10 ** (-4 + 0.1 * np.array([0.5, 1.5, 2.5]))  # 80 bins above 1e-12
    for ax, medians in zip(layers, ([1, 1], [2, 0]), strict=True):
        epochs, values = lines(ax)["median"]
        assert list(epochs) == [0, 1]
        np.testing.assert_allclose(values, centers[medians])
        np.testing.assert_allclose(ax.get_ylim(), 10 ** np.array([-4, -3.7]))
        assert ax.get_xlim() == (-0.5, 1.5)


def test_a_training():
    X, y = fg.load_digits()
    net = fg.Network([64, 8, 6, 6, 6, 10], "sigmoid", cost="softmax_cross_entropy", seed=0)
    recorded = fg.GradientFlow(X[:100], y[:100])
    net.fit(X[:200], y[:200], epochs=1, callbacks=[recorded])
    layers = plot.gradient_flow(recorded).axes
    assert len(layers) == 5
    at_start = [lines(ax)["median"][1][0] for ax in layers]
    assert at_start[0] < 0.1 * at_start[-1]  # sigmoids let the gradient vanish


@pytest.mark.parametrize("epochs", [0, 1])
def test_all_gradients_0(epochs):
    record = flow([[[0]]] * (epochs + 1), [[5]] * (epochs + 1))
    (ax,) = plot.gradient_flow(record).axes
    ax.figure.draw_without_rendering()
    assert ax.get_title("left") == "layer 1, 100.0% are 0"


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: plot.gradient_flow(fg.GradientFlow([], [])), ["flow", "no epochs", "a fit"]),
        (lambda: plot.gradient_flow([1]), ["flow", "list", "fg.GradientFlow"]),
        (lambda: plot.gradient_flow(flow([[[1]]], [[0]]), title=3), ["title", "3", "a string"]),
    ],
)
def test_bad_arguments(make, parts):
    assert_names(make, parts)
