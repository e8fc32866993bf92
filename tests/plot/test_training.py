"""The charts of training: what they show, with which scale, and the error without matplotlib."""

import sys

import numpy as np
import pytest
from helpers.drawn import legend, lines, tick_labels
from helpers.error_messages import assert_names, message_of

import fastgrad as fg
from fastgrad import plot

PNG = b"\x89PNG\r\n\x1a\n"


def history(cost, val_cost=(), **metrics):
    return fg.History(100, cost=list(cost), val_cost=list(val_cost), metrics=metrics)


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
    assert legend(accuracy) == ["training (last 70)", "validation (last 62.5)"]
    colors = {line.get_color() for line in cost.get_lines()}
    assert len(colors) == len({line.get_linestyle() for line in cost.get_lines()}) == 2


def test_accuracy_of_the_validation_alone():
    figure = plot.history(history([3, 2], [4, 3], val_accuracy=[0.25, 0.5]))
    assert lines(figure.axes[1]) == {"validation": ([1, 2], [25, 50])}


def test_each_metric_has_a_panel_with_its_counterpart():
    own = {"accuracy": [0.5, 0.6], "val_f1": [0.1, 0.2], "mae": [2, 0.1], "val_mae": [3, 0.2]}
    figure = plot.history(history([3, 2], [4, 3], **own))
    panels = {axes.get_title("left"): axes for axes in figure.axes}
    assert list(panels) == ["Cost", "Accuracy (%)", "F1", "MAE"]
    assert lines(panels["F1"]) == {"validation": ([1, 2], [0.1, 0.2])}
    assert lines(panels["MAE"]) == {
        "training": ([1, 2], [2, 0.1]),
        "validation": ([1, 2], [3, 0.2]),
    }
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "linear", "linear", "log"]


def test_without_metrics_there_is_one_panel():
    figure = plot.history(history([3, 2]))
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
    assert plot.history(history(cost)).axes[0].get_yscale() == scale


def test_one_epoch_is_a_visible_point():
    (line,) = plot.history(history([1])).axes[0].get_lines()
    assert line.get_marker() == "o"


@pytest.mark.parametrize("epochs", [1, 3, 1000])
def test_epochs_are_whole_numbers(epochs):
    ticks = plot.history(history([1] * epochs)).axes[0].get_xticks()
    assert all(tick == round(tick) for tick in ticks)


def test_saves_what_the_suffix_says(tmp_path):
    plot.history(history([3, 2]), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)
    plot.history(history([3, 2]), tmp_path / "curve.svg")
    assert "<svg" in (tmp_path / "curve.svg").read_text()


def test_a_missing_folder_is_refused_before_drawing(tmp_path):
    path = tmp_path / "missing" / "curve.png"
    with pytest.raises(FileNotFoundError) as caught:
        plot.history(history([3, 2]), path)
    assert str(caught.value) == f"path: got {path}; expected it in a folder that exists"
    with pytest.raises(TypeError, match=r"^path: got 3; expected a path$"):
        plot.history(history([3, 2]), 3)


def test_no_epochs():
    with pytest.raises(ValueError, match=r"^history: no epochs; expected at least one$"):
        plot.history(history([]))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        plot.history(history([1]))
    message = "the training curve needs matplotlib: pip install matplotlib (extra 'plot')"
    assert str(caught.value) == message


def test_rmse_is_first_and_names_are_those_of_the_field():
    names = ["accuracy", "val_roc_auc", "r2", "rmse", "top_5_accuracy", "my_metric"]
    figure = plot.history(history([1, 0.5], **{name: [1, 2] for name in names}))
    titles = [ax.get_title("left") for ax in figure.axes]
    assert titles == [
        "RMSE", "Cost", "Accuracy (%)", "ROC AUC", "R2", "Top 5 accuracy", "my_metric",
    ]  # fmt: skip


def test_the_epoch_kept_is_marked_in_each_panel():
    figure = plot.history(history([3, 2, 1], accuracy=[0.1, 0.2, 0.3]), best_epoch=2)
    for ax in figure.axes:
        assert lines(ax)["kept: epoch 2"][0] == [2, 2]
        assert legend(ax)[-1] == "kept: epoch 2"


def test_a_title_is_wrapped_to_the_width():
    figure = plot.history(history([1, 2]), title="of data and target " * 10)
    figure.draw_without_rendering()
    assert figure.get_suptitle().count("\n") >= 3
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


@pytest.mark.parametrize(("epochs", "ticks"), [(25, "5 10 15 20 25"), (60, "10 20 30 40 50 60")])
def test_epochs_at_round_numbers(epochs, ticks):
    ax = plot.history(history(range(epochs))).axes[0]
    assert tick_labels(ax.xaxis) == ticks.split()


@pytest.mark.parametrize(
    ("high", "low", "labels"),
    [
        (3, 0.01, "0.01 0.02 0.05 0.1 0.2 0.5 1 2"),
        (3, 0.0011, "0.001 0.01 0.1 1"),
        (30000, 200, "200 500 1,000 2,000 5,000 10,000 20,000"),
        (1, 1e-5, "-5 -4 -3 -2 -1 0"),  # the powers of ten
    ],
)
def test_the_labels_of_a_log_scale_have_one_format(high, low, labels):
    ax = plot.history(history([high, low])).axes[0]
    shown = [
        label.removeprefix("$\\mathdefault{10^{").removesuffix("}}$")
        for label in tick_labels(ax.yaxis)
    ]
    assert [label.replace("\u2212", "-") for label in shown] == labels.split()


def test_large_numbers_are_written_in_full():
    ax = plot.history(history([63018.4, 50123.6])).axes[0]
    assert legend(ax) == ["training (last 50,124)"]
    assert "60,000" in tick_labels(ax.yaxis)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: plot.history([1.0]), ["history", "list", "fg.History"]),
        (lambda: plot.history(history([1]), best_epoch=2), ["best_epoch", "2", "at most 1"]),
        (lambda: plot.history(history([1]), best_epoch=0), ["best_epoch", "0", "at least 1"]),
        (lambda: plot.history(history([1]), title=5), ["title", "5", "a string"]),
    ],
)
def test_arguments_of_a_history(make, parts):
    assert_names(make, parts)


@pytest.mark.parametrize("found", [5, None, [1.0, 2.0]])
def test_a_range_test_is_what_find_lr_returns(found):
    message = message_of(lambda: plot.range_test(found))
    assert message == f"found: got {found}; expected what fg.find_lr returns"
