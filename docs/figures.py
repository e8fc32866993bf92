"""The figures of the documentation, drawn by matplotlib when it is built."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import fastgrad as fg

mpl.rcParams["svg.hashsalt"] = "fastgrad"  # the same file from the same data


def draw_activations(path):
    """f and f' of every activation, as a network applies them."""
    u = np.linspace(-4, 4, 401)[:, None]
    figure = Figure(figsize=(10, 10), layout="constrained")
    axes = figure.subplots(4, 4, sharex=True)
    for axis, name in zip(axes.flat, fg.activations.ACTIVATIONS, strict=True):
        net = fg.Network([1, 1], activations=[name], cost="squared_error", dtype="float64")
        net.layers[0].W[:] = 1
        a = net.forward(u)
        # With squared_error and y = a - 1, dC/da is 1, so dC/dW = f'(u) u; one sample at a time.
        df = [net.gradients(u[s : s + 1], a[s : s + 1] - 1).dC_db[0][0] for s in range(len(u))]
        axis.plot(u, a, label="f")
        axis.plot(u, df, label="f'", linestyle="--")
        axis.axhline(0, color="grey", linewidth=0.5)
        axis.axvline(0, color="grey", linewidth=0.5)
        axis.set_title(name, family="monospace")
        axis.set_ylim(-1.6, 2.1)
    axes.flat[0].legend()
    figure.savefig(path, metadata={"Date": None})


def draw(app):
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    draw_activations(folder / "activations.svg")


def setup(app):
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True}
