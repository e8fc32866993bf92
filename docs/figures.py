"""The figures of the documentation, drawn by matplotlib when it is built."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from fastgrad.activations import ACTIVATIONS

mpl.rcParams["svg.hashsalt"] = "fastgrad"  # the same file from the same data


def draw_activations(path):
    """f and f' of every activation."""
    u = np.linspace(-4, 4, 801)
    figure = Figure(figsize=(10, 10), layout="constrained")
    axes = figure.subplots(4, 4, sharex=True, sharey=True)
    for axis, activation in zip(axes.flat, ACTIVATIONS.values(), strict=True):
        axis.plot(u, [activation.f(x) for x in u], label="f")
        axis.plot(u, [activation.df(x) for x in u], label="f'", linestyle="--")
        axis.axhline(0, color="grey", linewidth=0.5)
        axis.axvline(0, color="grey", linewidth=0.5)
        axis.set_title(activation.name, family="monospace")
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
