"""Callbacks: the hooks, the bar on a terminal, the lines elsewhere."""

import importlib.util
import io
import re
import sys
from types import SimpleNamespace

import pytest

from fastgrad.callbacks import Callback, Progress, figures

needs_rich = pytest.mark.skipif(not importlib.util.find_spec("rich"), reason="rich is an extra")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def new_history():
    return SimpleNamespace(
        cost=[], val_cost=[], metrics={"accuracy": [], "val_accuracy": []}, seconds=[]
    )


def run(display, epochs, progress=()):
    """What fit does with a callback, with made-up figures."""
    history = new_history()
    display.on_train_begin(None, history)
    for epoch in range(epochs):
        display.on_epoch_begin(None, history, epoch)
        for done in progress:
            display.on_progress(done, 100)
        history.cost.append(1 / (epoch + 2))
        history.val_cost.append(1 / (epoch + 1))
        history.metrics["accuracy"].append(0.5 + epoch / 10)
        history.metrics["val_accuracy"].append(0.4 + epoch / 10)
        history.seconds.append(0.25)
        display.on_epoch_end(None, history, epoch)
    display.on_train_end(None, history)


def last_frame(text):
    """The last line that a terminal shows, without colours and cursor movements."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [frame for frame in re.split(r"[\r\n]", plain) if frame.strip()][-1].rstrip()


def test_a_callback_does_nothing_unless_told():
    run(Callback(), epochs=2, progress=[50])


def test_one_line_an_epoch_where_there_is_no_terminal():
    out = io.StringIO()
    run(Progress(2, out), epochs=2, progress=[50])
    assert out.getvalue() == (
        "epoch 1/2  cost 0.5000, val 1.000  accuracy 0.5000, val 0.4000  0.25 s\n"
        "epoch 2/2  cost 0.3333, val 0.5000  accuracy 0.6000, val 0.5000  0.25 s\n"
    )


def test_standard_output_unless_told(capsys):
    run(Progress(1), epochs=1)
    assert capsys.readouterr().out.startswith("epoch 1/1  cost 0.5000")


@pytest.mark.parametrize("missing", ["rich", "colour"])
def test_lines_on_a_terminal_that_cannot_draw_a_bar(missing, monkeypatch):
    if missing == "rich":
        monkeypatch.setitem(sys.modules, "rich.console", None)
    else:
        monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    run(Progress(2, out), epochs=2)
    assert out.getvalue().count("\n") == 2
    assert "\x1b" not in out.getvalue()


@needs_rich
def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "90")
    out = Terminal()
    run(Progress(3, out), epochs=3, progress=[50])
    frame = last_frame(out.getvalue())
    assert frame.startswith("epoch 3/3 ━")
    assert "cost 0.2500, val 0.3333  accuracy 0.7000, val 0.6000" in frame
    assert len(frame) <= 90
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")  # the cursor


@needs_rich
def test_the_bar_moves_within_an_epoch(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("NO_COLOR", "1")  # then only the part that is done is drawn
    monkeypatch.setattr("fastgrad.callbacks._SECONDS_BETWEEN_REFRESHES", 0.0)
    out = Terminal()
    display, history = Progress(1, out), new_history()
    display.on_train_begin(None, history)
    display.on_epoch_begin(None, history, 0)
    lengths = []
    for done in (25, 50, 75):
        display.on_progress(done, 100)
        lengths.append(last_frame(out.getvalue()).count("━"))
    display.on_train_end(None, history)
    assert lengths[0] < lengths[1] < lengths[2]


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (SimpleNamespace(cost=[], val_cost=[], metrics={}), ""),
        (SimpleNamespace(cost=[1e-5], val_cost=[], metrics={}), "cost 1.000e-05"),
        (
            SimpleNamespace(cost=[2.0, 0.25], val_cost=[3.0, 0.5], metrics={"mae": [2.0, 0.125]}),
            "cost 0.2500, val 0.5000  mae 0.1250",
        ),
        (
            SimpleNamespace(cost=[2.0], val_cost=[3.0], metrics={"val_accuracy": [0.98765]}),
            "cost 2.000, val 3.000  accuracy val 0.9877",
        ),
    ],
)
def test_figures(history, text):
    assert figures(history) == text
