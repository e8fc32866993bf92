"""The training curve: what is drawn, with which scale, and what is said without matplotlib."""

import sys
from types import SimpleNamespace

import pytest

from fastgrad import plot

PNG = b"\x89PNG\r\n\x1a\n"


def history(cost, val_cost=(), **metrics):
    return SimpleNamespace(cost=list(cost), val_cost=list(val_cost), metrics=metrics)


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
    figure = plot.history(
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
    figure = plot.history(history([3, 2], [4, 3], val_accuracy=[0.25, 0.5]))
    assert lines(figure.axes[1]) == {"validation": ([1, 2], [25, 50])}


def test_without_accuracy_there_is_one_panel():
    pytest.importorskip("matplotlib")
    figure = plot.history(history([3, 2]))
    assert len(figure.axes) == 1
    assert list(lines(figure.axes[0])) == ["training"]


@pytest.mark.parametrize(
    ("cost", "scale"),
    [([1, 0.9], "linear"), ([1, 0.01], "log"), ([1, 0.01, 0], "linear"), ([1, -20], "linear")],
)
def test_log_scale_where_it_helps(cost, scale):
    assert plot.history(history(cost)).axes[0].get_yscale() == scale


def test_one_epoch_is_a_visible_point():
    (line,) = plot.history(history([1])).axes[0].get_lines()
    assert line.get_marker() == "o"


def test_epochs_are_whole_numbers():
    ticks = plot.history(history([3, 2, 1])).axes[0].get_xticks()
    assert all(tick == round(tick) for tick in ticks)


def test_saves_what_the_suffix_says(tmp_path):
    plot.history(history([3, 2]), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
    plot.history(history([3, 2]), tmp_path / "curve.svg")
    assert "<svg" in (tmp_path / "curve.svg").read_text()


def test_no_epochs():
    with pytest.raises(ValueError, match=r"^history: no epochs; expected at least one$"):
        plot.history(history([]))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        plot.history(history([1]))
    message = "the training curve needs matplotlib: pip install 'fastgrad[plot]'"
    assert str(caught.value) == message
