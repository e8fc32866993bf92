"""The chart of a prediction over two inputs."""

import numpy as np
import pytest
from helpers.drawn import legend
from helpers.error_messages import assert_names
from helpers.ten_samples import X as X10
from helpers.ten_samples import y as y10

import fastgrad as fg
from fastgrad import plot


def test_decision_boundary_of_classes(three_classes):
    net, X, y = three_classes
    ax = plot.decision_boundary(net, X, y, features=(2, 0), resolution=30)
    lines, points = ax.collections[:-3], ax.collections[-3:]
    for k in range(3):
        np.testing.assert_allclose(points[k].get_offsets(), X[y == k][:, [2, 0]], rtol=1e-6)
        assert points[k].get_label() == f"class {k}"
    assert lines
    assert len(ax.get_legend().get_texts()) == 3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input 2", "input 0")
    assert "median" in ax.get_title("left")
    # Each pixel has the colour of the class that is predicted there, the others at their median.
    colors = ax.images[0].get_array()
    assert colors.shape == (30, 30, 4)
    left, right, low, high = ax.images[0].get_extent()
    for row, column in ((0, 29), (29, 0), (0, 0), (20, 10)):
        across, up = np.linspace(left, right, 30)[column], np.linspace(low, high, 30)[row]
        (p,) = net.predict([[up, np.median(X[:, 1]), across]])
        color = points[p.argmax()].get_facecolor()[0, :3]
        np.testing.assert_allclose(colors[row, column, :3], color, atol=1e-6)
        assert 0.1 <= colors[row, column, 3] <= 0.5


def test_decision_boundary_of_a_logistic_output(rng):
    net = fg.Network([2, 1], cost="sigmoid_cross_entropy", seed=0)
    X = rng.normal(size=(20, 2))
    ax = plot.decision_boundary(net, X, rng.integers(2, size=20), resolution=20)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["class 0", "class 1"]
    assert ax.get_title("left") == ""


@pytest.mark.parametrize(("n", "columns"), [(10, 1), (20, 2), (31, 0)])
def test_the_classes_of_a_decision_boundary_are_named(n, columns, rng):
    net = fg.Network([2, n], cost="softmax_cross_entropy", seed=0)
    ax = plot.decision_boundary(net, rng.normal(size=(40, 2)), np.arange(40) % n, resolution=5)
    legend = ax.get_legend()
    if columns:
        assert legend._ncols == columns
        assert [text.get_text() for text in legend.get_texts()][-1] == f"class {n - 1}"
    else:
        assert legend is None


def test_decision_boundary_without_a_boundary(rng):
    net = fg.Network([2, 2], cost="softmax_cross_entropy", init="zeros")
    net.layers[0].b[0] = 1
    ax = plot.decision_boundary(net, rng.normal(size=(9, 2)), [0] * 9, resolution=5)
    assert len(ax.collections) == 2  # the samples of each class, and no line


def test_decision_boundary_of_a_number(rng):
    net = fg.Network([2, 1], seed=0)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20) * 9
    ax = plot.decision_boundary(net, X, y, resolution=10)
    (points,) = ax.collections
    np.testing.assert_allclose(points.get_array(), y, rtol=1e-6)
    (image,) = ax.images
    limits = min(y.min(), image.get_array().min()), max(y.max(), image.get_array().max())
    assert points.get_clim() == image.get_clim() == pytest.approx(limits)
    left, right, low, high = image.get_extent()
    corners = net.predict([[left, low], [right, high]])[:, 0]
    np.testing.assert_allclose(image.get_array()[[0, -1], [0, -1]], corners, rtol=1e-6)
    assert len(ax.figure.axes) == 2  # with the scale of the colours


def test_features_and_classes_by_name(three_classes):
    net, X, y = three_classes
    net.inputs.names = ["width", "height", "mass"]
    ax = plot.decision_boundary(
        net, X, y, ("mass", 0), 5, labels=["red", "green", "blue"], title="a flower"
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mass", "width")
    assert legend(ax) == ["red", "green", "blue"]
    assert ax.get_title("left") == "a flower"
    assert [text.get_text() for text in ax.texts] == ["all other inputs at their median"]
    points = np.concatenate([c.get_offsets() for c in ax.collections[-3:]])
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(X[:, 2]), rtol=1e-6)
    renamed = plot.decision_boundary(net, X, y, ("c", "a"), 5, names=["a", "b", "c"])
    assert (renamed.get_xlabel(), renamed.get_ylabel()) == ("c", "a")


def test_the_columns_of_a_dataframe_are_names(three_classes):
    pd = pytest.importorskip("pandas")
    net, X, y = three_classes
    table = pd.DataFrame(X, columns=["width", "height", "mass"])
    ax = plot.decision_boundary(net, table, y, ("height", "mass"), 5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("height", "mass")
    net.inputs.names = ["width", "height", "mass"]
    shuffled = plot.decision_boundary(net, table[["mass", "height", "width"]], y, (1, 2), 5)
    for one, other in zip(ax.collections[-3:], shuffled.collections[-3:], strict=True):
        np.testing.assert_array_equal(one.get_offsets(), other.get_offsets())


def test_the_name_of_a_number_labels_the_colours():
    net = fg.Network([2, 1], seed=0)
    ax = plot.decision_boundary(net, X10[:, :2], y10, resolution=5, labels=["price"])
    assert ax.figure.axes[1].get_ylabel() == "price"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"features": (0, 3)}, ["features", "[0, 3]", "from 0 to 2"]),
        ({"features": (1, 1)}, ["features", "[1, 1]", "two inputs"]),
        ({"features": 1}, ["features", "int", "a pair"]),
        ({"features": "ab"}, ["features", "str", "a pair"]),
        ({"features": (0, 0.5)}, ["features", "0.5", "an integer"]),
        ({"features": ("a", "b")}, ["features", "'a'", "have no names; or names="]),
        (
            {"features": ("width", "mas"), "names": ["width", "height", "mass"]},
            ["features", "'mas'", "did you mean 'mass'?", "width, height, mass"],
        ),
        ({"features": ("a", 0), "names": ["a", "b", "c"]}, ["features", "['a', 0]", "two inputs"]),
        ({"names": ["a"]}, ["names", "1", "of the 3 inputs"]),
        ({"names": "abc"}, ["names", "'abc'", "a list"]),
        ({"labels": ["a", "b"]}, ["labels", "2", "of the 3 classes"]),
        ({"labels": 3}, ["labels", "3", "a list"]),
        ({"resolution": 1}, ["resolution", "1", "at least 2"]),
        ({"title": 3}, ["title", "3", "a string"]),
        ({"ax": 3}, ["ax", "3", "matplotlib's Axes"]),
    ],
)
def test_bad_arguments(three_classes, options, parts):
    assert_names(lambda: plot.decision_boundary(*three_classes, **options), parts)


def test_a_network_is_a_network():
    assert_names(
        lambda: plot.decision_boundary(fg.Network, X10, y10), ["net", "type", "fg.Network"]
    )


def test_targets_that_cannot_be_drawn(rng):
    X, Y = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    with pytest.raises(ValueError, match=r"^net: got 1 input; expected two or more$"):
        plot.decision_boundary(fg.Network([1, 1], seed=0), X[:, :1], Y[:, 0])
    with pytest.raises(ValueError, match=r"^net: got 2 outputs; expected one, or"):
        plot.decision_boundary(fg.Network([2, 2], seed=0), X, Y)
    answers = fg.Network([2, 2], cost="sigmoid_cross_entropy", seed=0)
    with pytest.raises(ValueError, match=r"^Y: got 2 labels per sample.* one class per sample$"):
        plot.decision_boundary(answers, X, np.ones((5, 2)))
