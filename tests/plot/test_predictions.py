"""The charts of predictions beside what is true."""

import numpy as np
import pytest
from helpers.drawn import legend, texts, tick_labels
from helpers.error_messages import assert_names

import fastgrad as fg
from fastgrad import plot

Y, P = [0, 1, 2], np.eye(3)


def test_confusion(three_classes):
    net, X, y = three_classes
    Y = np.where(np.arange(40) < 5, (y + 1) % 3, y)  # five are wrong
    ax = plot.confusion(Y, net.predict(X), labels=["red", "green", "blue"])
    counts = fg.metrics.confusion(Y, net.predict(X))
    nonzero = {(k, i): str(counts[i, k]) for i in range(3) for k in range(3) if counts[i, k]}
    assert texts(ax) == nonzero
    np.testing.assert_allclose(ax.images[0].get_array(), counts / counts.sum(axis=1)[:, None])
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == ["red", "green", "blue"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title("left") == "87.5% of 40 right"


def test_confusion_of_a_logistic_output(rng):
    net = fg.Network([3, 1], cost="sigmoid_cross_entropy", seed=0)
    X = rng.normal(size=(20, 3))
    y = net.predict(X)[:, 0] > 0.5
    ax = plot.confusion(y.astype(int), net.predict(X))
    assert texts(ax) == {(0, 0): str((~y).sum()), (1, 1): str(y.sum())}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]


def test_confusion_leaves_room_for_long_names(three_classes):
    def width(labels):
        net, X, y = three_classes
        ax = plot.confusion(y, net.predict(X), labels=labels)
        ax.figure.draw_without_rendering()
        return ax.get_window_extent().width

    assert width(["a name of some length"] * 3) > 0.9 * width(["a"] * 3)


def test_confusion_of_many_classes_has_a_scale_instead_of_numbers(rng):
    ax = plot.confusion(rng.integers(70, size=90), np.eye(70)[rng.integers(70, size=90)])
    assert not ax.texts
    assert len(ax.figure.axes) == 2
    assert [label.get_text() for label in ax.get_xticklabels()][:3] == ["0", "3", "6"]


def test_the_title_of_a_confusion_stands_above_the_share():
    ax = plot.confusion(Y, P, title="penguins.csv: species")
    assert ax.get_title("left") == "penguins.csv: species"
    assert texts(ax)[0, 6] == "100.0% of 3 right"
    ax.figure.draw_without_rendering()
    (share,) = (text for text in ax.texts if "right" in text.get_text())
    assert share.get_window_extent().y1 <= ax._left_title.get_window_extent().y0
    assert ax._left_title.get_window_extent().y1 <= ax.figure.bbox.height


def test_names_of_classes_are_upright_only_where_they_fit():
    for labels, angle in ((["no", "yes"], 0), (["a long name", "another long name"], 90)):
        ax = plot.confusion([0, 1], [[0.2], [0.9]], labels=labels)
        assert {label.get_rotation() for label in ax.get_xticklabels()} == {angle}


def test_predicted_numbers(rng):
    y = 30000 * rng.normal(size=100)
    guess = y + 2000 * rng.normal(size=100)
    ax = plot.predicted(y, guess[:, None], name="price", title="Housing.csv")
    (points,) = ax.collections
    np.testing.assert_allclose(points.get_offsets(), np.c_[y, guess])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true price", "predicted price")
    assert ax.get_title("left") == "Housing.csv"
    r2 = 1 - np.sum((y - guess) ** 2) / np.sum((y - y.mean()) ** 2)
    rmse = np.sqrt(np.mean((y - guess) ** 2))
    assert legend(ax) == ["predicted = true", f"R2 {r2:.4g}", f"RMSE {rmse:,.4g}"]
    diagonal = ax.get_lines()[0].get_xydata()
    assert (diagonal[:, 0] == diagonal[:, 1]).all()
    assert ax.get_xlim() == ax.get_ylim() == pytest.approx(diagonal[:, 0])
    assert "50,000" in tick_labels(ax.xaxis)


def test_of_many_numbers_the_density_is_drawn(rng):
    y = rng.normal(size=6000)
    ax = plot.predicted(y, y)
    (cells,) = ax.collections
    assert cells.get_array().sum() == 6000
    assert len(ax.figure.axes) == 2  # with the scale of the colours
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true value", "predicted value")
    assert len(plot.predicted(y[:5000], y[:5000]).figure.axes) == 1


def test_one_number():
    assert legend(plot.predicted([2.0], [2.0]))[1:] == ["R2 nan", "RMSE 0"]


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: plot.confusion(None, P), ["Y", "None", "numbers of shape (3, 3)"]),
        (lambda: plot.confusion(Y, None), ["prediction", "None", "numbers"]),
        (lambda: plot.confusion(Y, Y), ["prediction", "probabilities", "not class ids"]),
        (lambda: plot.confusion(Y, P, labels=["a", "b"]), ["labels", "2", "of the 3 classes"]),
        (lambda: plot.confusion(Y, P, labels="abc"), ["labels", "'abc'", "a list"]),
        (lambda: plot.confusion(Y, P, labels=3), ["labels", "3", "a list"]),
        (lambda: plot.confusion(Y, P, ax=3), ["ax", "3", "matplotlib's Axes"]),
        (lambda: plot.confusion(Y, P, title=3), ["title", "3", "a string"]),
        (lambda: plot.predicted("y", P[:, :1]), ["Y", "numbers"]),
        (lambda: plot.predicted(Y, P), ["prediction", "(3, 3)", "one output"]),
        (lambda: plot.predicted(Y, [1.0, 2.0]), ["Y", "(3,)", "(2, 1)"]),
        (lambda: plot.predicted(Y, Y, name=3), ["name", "3", "a string"]),
        (lambda: plot.predicted(Y, Y, ax=3), ["ax", "3", "matplotlib's Axes"]),
        (lambda: plot.predicted(Y, Y, title=3), ["title", "3", "a string"]),
    ],
)
def test_arguments(make, parts):
    assert_names(make, parts)
