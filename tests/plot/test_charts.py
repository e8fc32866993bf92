"""What the charts show, with which scale, and the error without matplotlib."""

import sys
from itertools import pairwise

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.ten_samples import IDS, X, y

import fastgrad as fg
from fastgrad.plot import charts

PNG = b"\x89PNG\r\n\x1a\n"


def history(cost, val_cost=(), **metrics):
    return fg.History(100, cost=list(cost), val_cost=list(val_cost), metrics=metrics)


def lines(axes):
    return {
        line.get_label().split(" (")[0]: (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.get_lines()
    }


@pytest.fixture(autouse=True)
def _needs_matplotlib(request):
    if "without" not in request.node.name:
        pytest.importorskip("matplotlib")


def test_cost_and_accuracy():
    figure = charts.history(
        history([3, 2, 1], [4, 3, 2], accuracy=[0.5, 0.6, 0.7], val_accuracy=[0.25, 0.5, 0.625])
    )
    cost, accuracy = figure.axes
    assert lines(cost) == {
        "training": ([1, 2, 3], [3, 2, 1]),
        "validation": ([1, 2, 3], [4, 3, 2]),
    }
    assert lines(accuracy) == {
        "training": ([1, 2, 3], [50, 60, 70]),
        "validation": ([1, 2, 3], [25, 50, 62.5]),
    }
    assert [axes.get_title("left") for axes in figure.axes] == ["Cost", "Accuracy (%)"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]
    texts = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert texts == ["training (last 70)", "validation (last 62.5)"]
    colors = {line.get_color() for line in cost.get_lines()}
    assert len(colors) == len({line.get_linestyle() for line in cost.get_lines()}) == 2


def test_accuracy_of_the_validation_alone():
    figure = charts.history(history([3, 2], [4, 3], val_accuracy=[0.25, 0.5]))
    assert lines(figure.axes[1]) == {"validation": ([1, 2], [25, 50])}


def test_each_metric_has_a_panel_with_its_counterpart():
    own = {"accuracy": [0.5, 0.6], "val_f1": [0.1, 0.2], "mae": [2, 0.1], "val_mae": [3, 0.2]}
    figure = charts.history(history([3, 2], [4, 3], **own))
    panels = {axes.get_title("left"): axes for axes in figure.axes}
    assert list(panels) == ["Cost", "Accuracy (%)", "f1", "mae"]
    assert lines(panels["f1"]) == {"validation": ([1, 2], [0.1, 0.2])}
    assert lines(panels["mae"]) == {
        "training": ([1, 2], [2, 0.1]),
        "validation": ([1, 2], [3, 0.2]),
    }
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "linear", "linear", "log"]


def test_without_metrics_there_is_one_panel():
    figure = charts.history(history([3, 2]))
    assert len(figure.axes) == 1
    assert list(lines(figure.axes[0])) == ["training"]


@pytest.mark.parametrize(
    ("cost", "scale"),
    [
        ([1, 0.9], "linear"),
        ([1, 0.01], "log"),
        ([1, 0.01, 0], "linear"),
        ([1, -20], "linear"),
        ([np.nan, 1, 0.01], "log"),
        ([1, 1.5, np.inf], "linear"),
        ([np.nan], "linear"),
    ],
)
def test_log_scale_where_it_helps(cost, scale):
    assert charts.history(history(cost)).axes[0].get_yscale() == scale


def test_one_epoch_is_a_visible_point():
    (line,) = charts.history(history([1])).axes[0].get_lines()
    assert line.get_marker() == "o"


@pytest.mark.parametrize("epochs", [1, 3, 1000])
def test_epochs_are_whole_numbers(epochs):
    ticks = charts.history(history([1] * epochs)).axes[0].get_xticks()
    assert all(tick == round(tick) for tick in ticks)


def test_saves_what_the_suffix_says(tmp_path):
    charts.history(history([3, 2]), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
    charts.history(history([3, 2]), tmp_path / "curve.svg")
    assert "<svg" in (tmp_path / "curve.svg").read_text()


def test_a_missing_folder_is_refused_before_drawing(tmp_path):
    path = tmp_path / "missing" / "curve.png"
    with pytest.raises(FileNotFoundError) as caught:
        charts.history(history([3, 2]), path)
    assert str(caught.value) == f"path: got {path}; expected it in a folder that exists"
    with pytest.raises(TypeError, match=r"^path: got 3; expected a path$"):
        charts.history(history([3, 2]), 3)


def test_no_epochs():
    with pytest.raises(ValueError, match=r"^history: no epochs; expected at least one$"):
        charts.history(history([]))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        charts.history(history([1]))
    message = "the training curve needs matplotlib: pip install 'fastgrad[plot]'"
    assert str(caught.value) == message


# --- of a network -------------------------------------------------------------------------------


def classifier(*sizes, **options):
    return fg.Network(sizes, cost="softmax_cross_entropy", seed=0, **options)


def texts(ax):
    return {tuple(text.get_position()): text.get_text() for text in ax.texts}


@pytest.fixture
def three_classes(rng):
    """Samples of three inputs whose largest is their class, and a network that predicts it."""
    X = rng.normal(size=(40, 3))
    net = classifier(3, 3)
    net.layers[0].W[...] = 5 * np.eye(3)
    return net, X, X.argmax(axis=1)


def test_confusion(three_classes):
    net, X, y = three_classes
    Y = np.where(np.arange(40) < 5, (y + 1) % 3, y)  # five are wrong
    ax = charts.confusion(net, X, Y, labels=["red", "green", "blue"])
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
    ax = charts.confusion(net, X, y.astype(int))
    assert texts(ax) == {(0, 0): str((~y).sum()), (1, 1): str(y.sum())}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]


def test_confusion_leaves_room_for_long_names(three_classes):
    def width(labels):
        ax = charts.confusion(*three_classes, labels=labels)
        ax.figure.canvas.draw()
        return ax.get_window_extent().width

    assert width(["a name of some length"] * 3) > 0.9 * width(["a"] * 3)


def test_confusion_of_many_classes_has_a_scale_instead_of_numbers(rng):
    ax = charts.confusion(classifier(2, 70), rng.normal(size=(90, 2)), rng.integers(70, size=90))
    assert not ax.texts
    assert len(ax.figure.axes) == 2
    assert [label.get_text() for label in ax.get_xticklabels()][:3] == ["0", "3", "6"]


def test_decision_boundary_of_classes(three_classes):
    net, X, y = three_classes
    ax = charts.decision_boundary(net, X, y, features=(2, 0), resolution=30)
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
    ax = charts.decision_boundary(net, X, rng.integers(2, size=20), resolution=20)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["class 0", "class 1"]
    assert ax.get_title("left") == ""


@pytest.mark.parametrize(("n", "columns"), [(10, 1), (20, 2), (31, 0)])
def test_the_classes_of_a_decision_boundary_are_named(n, columns, rng):
    net = classifier(2, n)
    ax = charts.decision_boundary(net, rng.normal(size=(40, 2)), np.arange(40) % n, resolution=5)
    legend = ax.get_legend()
    if columns:
        assert legend._ncols == columns
        assert [text.get_text() for text in legend.get_texts()][-1] == f"class {n - 1}"
    else:
        assert legend is None


def test_decision_boundary_without_a_boundary(rng):
    net = classifier(2, 2, init="zeros")
    net.layers[0].b[0] = 1
    ax = charts.decision_boundary(net, rng.normal(size=(9, 2)), [0] * 9, resolution=5)
    assert len(ax.collections) == 2  # the samples of each class, and no line


def test_decision_boundary_of_a_number(rng):
    net = fg.Network([2, 1], seed=0)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20) * 9
    ax = charts.decision_boundary(net, X, y, resolution=10)
    (points,) = ax.collections
    np.testing.assert_allclose(points.get_array(), y, rtol=1e-6)
    (image,) = ax.images
    limits = min(y.min(), image.get_array().min()), max(y.max(), image.get_array().max())
    assert points.get_clim() == image.get_clim() == pytest.approx(limits)
    left, right, low, high = image.get_extent()
    corners = net.predict([[left, low], [right, high]])[:, 0]
    np.testing.assert_allclose(image.get_array()[[0, -1], [0, -1]], corners, rtol=1e-6)
    assert len(ax.figure.axes) == 2  # with the scale of the colours


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
    ax = charts.network(net)
    lines = [c for c in ax.collections if hasattr(c, "get_segments")]
    nodes = [c for c in ax.collections if c not in lines]
    assert [len(layer.get_offsets()) for layer in nodes] == shown
    assert [len(layer.get_segments()) for layer in lines] == [n * m for n, m in pairwise(shown)]
    words = [text.get_text() for text in ax.texts]
    assert [word for word in words if word != "\u22ee"] == labels
    assert words.count("\u22ee") == sum(n > m for n, m in zip(sizes, shown, strict=True))


def test_network_shows_each_weight(rng):
    net = classifier(12, 3)
    ax = charts.network(net)
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


def test_on_axes_of_the_user(three_classes):
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    axes = Figure().subplots(1, 3)
    assert charts.confusion(*three_classes, ax=axes[0]) is axes[0]
    assert charts.decision_boundary(*three_classes, resolution=5, ax=axes[1]) is axes[1]
    assert charts.network(three_classes[0], ax=axes[2]) is axes[2]


@pytest.mark.parametrize(
    ("draw", "options", "message"),
    [
        (charts.confusion, {"labels": ["a", "b"]}, "labels: got 2; expected one for each of the 3"),
        (charts.confusion, {"ax": 3}, "ax: got 3; expected matplotlib's Axes"),
        (charts.decision_boundary, {"features": (0, 3)}, r"features: got \[0, 3\]; .* from 0 to 2"),
        (charts.decision_boundary, {"features": (1, 1)}, r"features: got \[1, 1\]; expected two"),
        (charts.decision_boundary, {"features": 1}, r"features: got int; expected a pair"),
        (
            charts.decision_boundary,
            {"features": (0, 0.5)},
            "features: got 0.5; expected an integer",
        ),
        (charts.decision_boundary, {"resolution": 1}, "resolution: got 1; .* at least 2"),
    ],
)
def test_bad_arguments(three_classes, draw, options, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        draw(*three_classes, **options)


def test_targets_that_cannot_be_drawn(rng):
    X, Y = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    with pytest.raises(ValueError, match=r"^net: got 1 input; expected two or more$"):
        charts.decision_boundary(fg.Network([1, 1], seed=0), X[:, :1], Y[:, 0])
    with pytest.raises(ValueError, match=r"^net: got 2 outputs; expected one, or"):
        charts.decision_boundary(fg.Network([2, 2], seed=0), X, Y)
    with pytest.raises(ValueError, match=r"^prediction: got .* expected probabilities of classes"):
        charts.confusion(fg.Network([2, 2], seed=0), 100 * X, Y)
    answers = fg.Network([2, 2], cost="sigmoid_cross_entropy", seed=0)
    with pytest.raises(ValueError, match=r"^Y: got 2 labels per sample.* one class per sample$"):
        charts.decision_boundary(answers, X, np.ones((5, 2)))


def test_a_network_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match=r"^the network needs matplotlib: pip install"):
        charts.network(classifier(2, 3))


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.plot.history([1.0]), ["history", "list", "fg.History"]),
        (lambda: fg.plot.network("net"), ["net", "str", "fg.Network"]),
        (lambda: fg.plot.confusion(None, X, IDS), ["net", "NoneType", "fg.Network"]),
        (lambda: fg.plot.decision_boundary(fg.Network, X, y), ["net", "type", "fg.Network"]),
    ],
)
def test_a_network_is_a_network(make, parts):
    assert_names(make, parts)
