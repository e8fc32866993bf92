"""The roofline of a network's layers, drawn from what is measured."""

import numpy as np
import pytest
from helpers.drawn import legend
from helpers.error_messages import assert_names
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad import plot
from fastgrad.engine.layer_speed import LayerSpeed
from fastgrad.plot import speed


@pytest.fixture
def measured(monkeypatch):
    """Speeds and bandwidths that are known."""
    speeds = [
        LayerSpeed(1, 1, 4.0, 50.0), LayerSpeed(7, 1, 4.0, 40.0), LayerSpeed(1, 2, 0.5, 2.0),
        LayerSpeed(5, 2, 0.5, 3.0), LayerSpeed(7, 2, 0.5, 1.0),
    ]  # fmt: skip
    monkeypatch.setattr(speed, "PLAIN_PYTHON", False)
    monkeypatch.setattr(speed, "layer_speeds", lambda *arguments: (100.0, speeds))
    monkeypatch.setattr(speed, "bandwidth", {160: 20.0, 0.4: 80.0}.get)
    return speeds


def test_points_below_the_roof(measured):
    ax = plot.roofline(fg.Network([6, 5, 4]), 32, title="a processor")
    points = [line for line in ax.get_lines() if len(line.get_xdata()) == 1]
    drawn = [(line.get_marker(), line.get_xdata()[0], line.get_ydata()[0]) for line in points]
    markers = {1: "o", 5: "s", 7: "^"}
    assert drawn == [(markers[one.equation], one.intensity, one.gflops) for one in measured]
    assert points[0].get_color() is not points[2].get_color()
    for line, slope in zip(ax.get_lines()[1:3], (20, 80), strict=True):
        x, y = line.get_data()
        np.testing.assert_allclose(y, np.minimum(slope * x, 100))
    assert legend(ax) == [
        "peak, 100 GFLOP/s", "reading 160 MB, 20 GB/s", "reading 0.4 MB, 80 GB/s",
        "equation 1", "equation 5", "equation 7", "6-5", "5-4",
    ]  # fmt: skip
    (low, high), (lowest, highest) = ax.get_xlim(), ax.get_ylim()
    assert low < 0.5
    assert high > 5  # where memory meets the roof
    assert lowest < 1
    assert highest > 100
    assert ax.get_title("left") == "a processor"
    assert [text.get_text() for text in ax.texts] == ["32 samples, float32, one thread"]


@jitted_only
def test_a_measurement_leaves_the_network_unchanged():
    net = fg.Network([6, 5, 4], seed=0)
    before = net.parameters.tobytes()
    ax = plot.roofline(net, 2)
    assert net.parameters.tobytes() == before
    points = [line.get_ydata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1]
    assert len(points) == 5
    assert min(points) > 0


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("net",), ["net", "str", "fg.Network"]),
        ((fg.Network([1, 1]), 1), ["batch_size", "1", "at least 2"]),
        ((fg.Network([1, 1]), 2.5), ["batch_size", "2.5", "an integer"]),
        ((fg.Network([1, 1]), 2, 3), ["ax", "3", "matplotlib's Axes"]),
    ],
)
def test_bad_arguments(arguments, parts, measured):
    assert_names(lambda: plot.roofline(*arguments), parts)


def test_a_title_is_a_string(measured):
    assert_names(lambda: plot.roofline(fg.Network([1, 1]), title=3), ["title", "3", "a string"])


def test_plain_python_is_refused(monkeypatch):
    monkeypatch.setattr(speed, "PLAIN_PYTHON", True)
    with pytest.raises(RuntimeError, match=r"^roofline: got NUMBA_DISABLE_JIT=1; expected comp"):
        plot.roofline(fg.Network([1, 1]))
