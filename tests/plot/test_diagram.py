"""The chart of the nodes and weights."""

import sys
from itertools import pairwise

import numpy as np
import pytest
from helpers.error_messages import assert_names

import fastgrad as fg
from fastgrad import plot

NET = fg.Network([3, 12, 2], seed=0)


@pytest.mark.parametrize(
    ("sizes", "shown", "labels"),
    [
        ([2, 8, 8, 1], [2, 8, 8, 1], ["2\ninputs", "8\ntanh", "8\ntanh", "1\nidentity"]),
        ([784, 128, 10], [8, 8, 10], ["784\ninputs", "128\ntanh", "10\nidentity"]),
        ([10, 1100], [10, 8], ["10\ninputs", "1,100\nidentity"]),
        ([1, 2], [1, 2], ["1\ninput", "2\nidentity"]),
    ],
)
def test_network(sizes, shown, labels):
    net = fg.Network(sizes, "tanh", seed=0)
    ax = plot.network(net)
    lines = [c for c in ax.collections if hasattr(c, "get_segments")]
    nodes = [c for c in ax.collections if c not in lines]
    assert [len(layer.get_offsets()) for layer in nodes] == shown
    assert [len(layer.get_segments()) for layer in lines] == [n * m for n, m in pairwise(shown)]
    words = [text.get_text() for text in ax.texts]
    assert [word for word in words if word != "\u22ee"] == labels
    assert words.count("\u22ee") == sum(n > m for n, m in zip(sizes, shown, strict=True))


def test_network_shows_each_weight(rng):
    net = fg.Network([12, 3], cost="softmax_cross_entropy", seed=0)
    ax = plot.network(net)
    (lines,) = (c for c in ax.collections if hasattr(c, "get_segments"))
    inputs, outputs = (c.get_offsets()[:, 1] for c in ax.collections if c is not lines)
    assert list(inputs) == [4, 3, 2, 1, -1, -2, -3, -4]
    assert list(outputs) == [1, 0, -1]
    numbers = [0, 1, 2, 3, 8, 9, 10, 11]
    largest = np.abs(net.layers[0].W).max()
    for (start, end), width, color in zip(
        lines.get_segments(), lines.get_linewidths(), lines.get_colors(), strict=True
    ):
        j, i = numbers[list(inputs).index(start[1])], list(outputs).index(end[1])
        w = net.layers[0].W[i, j]
        assert (width - 0.2) / 2.8 == pytest.approx(abs(w) / largest, abs=1e-6)
        assert (color[2] > color[0]) == (w > 0)  # blue or orange
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "positive weight",
        "negative weight",
    ]


def test_inputs_and_outputs_by_name():
    net = fg.Network([12, 3, 2], seed=0)
    net.inputs.names = [f"x{j}" for j in range(12)]
    ax = plot.network(net, labels=["no", "yes"], title="a network")
    beside = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
    shown = [0, 1, 2, 3, 8, 9, 10, 11]
    at_nodes = {f"x{j}": (0, y) for j, y in zip(shown, [4, 3, 2, 1, -1, -2, -3, -4], strict=True)}
    assert beside == {**at_nodes, "no": (2, 0.5), "yes": (2, -0.5)}
    assert ax.get_title("left") == "a network"


def test_long_names_are_inside_the_figure():
    ax = plot.network(NET, names=["a name of some length " * 2] * 3, labels=["another name"] * 2)
    ax.figure.draw_without_rendering()
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= ax.figure.bbox.width


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: plot.network("net"), ["net", "str", "fg.Network"]),
        (lambda: plot.network(NET, ax=3), ["ax", "3", "matplotlib's Axes"]),
        (lambda: plot.network(NET, names=["a"]), ["names", "1", "of the 3 inputs"]),
        (lambda: plot.network(NET, labels=["a"]), ["labels", "1", "of the 2 outputs"]),
        (lambda: plot.network(NET, labels=7), ["labels", "7", "a list"]),
        (lambda: plot.network(NET, title=7), ["title", "7", "a string"]),
    ],
)
def test_arguments(make, parts):
    assert_names(make, parts)


def test_a_network_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match=r"^the network needs matplotlib: pip install"):
        plot.network(NET)
