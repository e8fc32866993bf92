"""Charts at the end of a notebook's cell, and on the axes of the user."""

import pickle
import struct

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import plot

NET = fg.Network([2, 1], seed=0)
X, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)

CHARTS = {
    "history": lambda **ax: plot.history(fg.History(10, cost=[2.0, 1.0])),
    "confusion": lambda **ax: plot.confusion([0, 1], [[0.1], [0.9]], **ax),
    "predicted": lambda **ax: plot.predicted(y, y, **ax),
    "decision_boundary": lambda **ax: plot.decision_boundary(NET, X, y, resolution=5, **ax),
    "network": lambda **ax: plot.network(NET, **ax),
    "activations": lambda **ax: plot.activations("relu"),
    "loss_landscape": lambda **ax: plot.loss_landscape(NET, X, y, resolution=3, **ax),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_notebook_shows_it(name):
    drawn = CHARTS[name]()
    for shown in (drawn, pickle.loads(pickle.dumps(drawn))):
        png, size = shown._repr_png_()
        assert png.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", png[16:24])
        assert width / size["width"] == pytest.approx(150 / 96, rel=0.01)
        assert height / size["height"] == pytest.approx(150 / 96, rel=0.01)


def test_ipython_calls_it():
    formatters = pytest.importorskip("IPython.core.formatters")
    data, metadata = formatters.DisplayFormatter().format(CHARTS["network"]())
    assert set(data) == {"image/png", "text/plain"}
    assert set(metadata["image/png"]) == {"width", "height"}


@pytest.mark.parametrize("name", sorted({*CHARTS} - {"history", "activations"}))
def test_on_axes_of_the_user(name):
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    axes = Figure().subplots()
    assert CHARTS[name](ax=axes) is axes
