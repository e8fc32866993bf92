"""Progress: lines, and a bar on a terminal."""

import importlib.util
import io
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.small_fits import new_fit, run_callback

from fastgrad.train.progress import Progress, format_metrics

needs_rich = pytest.mark.skipif(not importlib.util.find_spec("rich"), reason="rich is an extra")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def last_frame(text):
    """The last line that a terminal shows, without colours and cursor movements."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [frame for frame in re.split(r"[\r\n]", plain) if frame.strip()][-1].rstrip()


def test_one_line_per_epoch_without_a_terminal():
    out = io.StringIO()
    run_callback(Progress(out), epochs=2, progress=[50])
    assert out.getvalue() == (
        "epoch 1/2  cost 0.5000, val 1.000  accuracy 0.5000, val 0.4000  0.25 s\n"
        "epoch 2/2  cost 0.3333, val 0.5000  accuracy 0.6000, val 0.5000  0.25 s\n"
    )


@pytest.mark.parametrize(("seconds", "epochs"), [(np.inf, [1, 120]), (0.0, range(1, 121))])
def test_many_epochs_print_few_lines(seconds, epochs, monkeypatch):
    monkeypatch.setattr("fastgrad.train.progress._SECONDS_BETWEEN_LINES", seconds)
    out = io.StringIO()
    run_callback(Progress(out), epochs=120)
    assert [line.split()[1] for line in out.getvalue().splitlines()] == [f"{n}/120" for n in epochs]


def test_standard_output_by_default(capsys):
    run_callback(Progress(), epochs=1)
    assert capsys.readouterr().out.startswith("epoch 1/1  cost 0.5000")


@pytest.mark.parametrize("missing", ["rich", "colour"])
def test_lines_on_a_terminal_that_cannot_draw_a_bar(missing, monkeypatch):
    if missing == "rich":
        monkeypatch.setitem(sys.modules, "rich.console", None)
    else:
        monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    run_callback(Progress(out), epochs=2)
    assert out.getvalue().count("\n") == 2
    assert "\x1b" not in out.getvalue()


@needs_rich
def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "90")
    out = Terminal()
    run_callback(Progress(out), epochs=3, progress=[50])
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
    monkeypatch.setattr("fastgrad.train.progress._SECONDS_BETWEEN_REFRESHES", 0.0)
    out = Terminal()
    display, fit = Progress(out), new_fit(1)
    display.on_train_begin(fit)
    display.on_epoch_begin(fit)
    lengths = []
    for done in (25, 50, 75):
        fit.samples_done = done
        display.on_batch_end(fit)
        lengths.append(last_frame(out.getvalue()).count("━"))
    display.on_train_end(fit)
    assert lengths[0] < lengths[1] < lengths[2]


@needs_rich
def test_the_bar_leaves_room_for_all_metrics(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    out = Terminal()
    run_callback(Progress(out), epochs=300)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    last = text[text.rindex("epoch 300/300 ━") :]
    for number in ("0.003322", "0.003333", "30.4000", "30.3000", "00:0"):
        assert number in last
    assert "…" not in last
    assert max(map(len, last.splitlines())) <= 60


@needs_rich
def test_the_bar_of_a_stream_of_unknown_length(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setattr("fastgrad.train.progress._SECONDS_BETWEEN_REFRESHES", 0.0)
    out = Terminal()
    display, fit = Progress(out), new_fit(3)
    fit.history.samples, fit.samples_done, fit.cost = 0, 50, 0.25
    display.on_train_begin(fit)
    display.on_epoch_begin(fit)
    display.on_batch_end(fit)
    frame = last_frame(out.getvalue())
    display.on_train_end(fit)
    assert frame.startswith("epoch 1/3 ━")
    assert "cost 0.2500 so far" in frame


@needs_rich
def test_no_bar_over_no_epochs(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    run_callback(Progress(out), epochs=0)
    assert out.getvalue() == ""


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
def test_formatted_metrics(history, text):
    assert format_metrics(history) == text
