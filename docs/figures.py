"""The figures of the documentation: `python docs/figures.py` draws them into `docs/_static`.

They are in the repository, so that the pages show them there, too.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import fastgrad as fg
from fastgrad import plot, schedules

mpl.rcParams["svg.hashsalt"] = "fastgrad"  # the same file from the same data


def draw_schedules(path):
    """The learning rate of every schedule over a fit."""
    steps = 1000
    examples = [
        schedules.Constant(1),
        schedules.Step(1, every=250, gamma=0.5),
        schedules.MultiStep(1, milestones=[500, 750], gamma=0.3),
        schedules.Exponential(1, gamma=0.1, every=steps),
        schedules.Linear(1),
        schedules.Polynomial(1, power=2),
        schedules.Cosine(1),
        schedules.CosineRestarts(1, period=150, factor=2),
        schedules.OneCycle(1),
        schedules.Warmup(schedules.Cosine(1), steps=100),
    ]
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots(2, 5, sharex=True, sharey=True)
    for axis, schedule in zip(axes.flat, examples, strict=True):
        axis.plot(schedule.rates(0, steps, steps))
        axis.set_title(type(schedule).__name__, family="monospace")
        axis.set_ylim(0, 1.05)
    figure.supxlabel("step")
    figure.savefig(path, metadata={"Date": None})


def draw_plots(folder):
    """The pictures of plots.md, of its networks."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    y = np.digitize(X[:, 0] + np.sin(2 * X[:, 1]), [-0.7, 0.7])
    net = fg.Network([2, 16, 3], "tanh", cost="softmax_cross_entropy", seed=0)
    held_out = X[400:], y[400:]
    stopping = fg.EarlyStopping("val_accuracy", patience=60)
    history = net.fit(
        X[:400], y[:400], epochs=60, optimizer=fg.Adam(0.01), validation=held_out,
        callbacks=[stopping],
    )  # fmt: skip
    best = stopping.best_epoch + 1
    names, labels = ["width", "height"], ["left", "middle", "right"]
    prices = 300_000 + 50_000 * (X[:, 0] + np.sin(2 * X[:, 1]) + 0.2 * rng.normal(size=600))
    regression = fg.Network([2, 32, 1], "tanh", seed=0, standardize_targets=True)
    regression.fit(X[:400], prices[:400], epochs=60, optimizer=fg.Adam(0.01))
    pixels, digits = fg.load_digits()
    deep = fg.Network([64, 32, 32, 32, 10], "sigmoid", cost="softmax_cross_entropy", seed=0)
    flow = fg.GradientFlow(pixels[:500], digits[:500])
    deep.fit(pixels, digits, epochs=30, callbacks=[flow])
    other = fg.Network([2, 16, 3], "tanh", cost="softmax_cross_entropy", seed=1)
    other.fit(X[:400], y[:400], epochs=60, optimizer=fg.Adam(0.01))
    pictures = {
        "history": plot.history(history, best_epoch=best, title="Three classes"),
        "confusion": plot.confusion(y[400:], net.predict(X[400:]), labels=labels).figure,
        "predicted": plot.predicted(prices[400:], regression.predict(X[400:]), name="price").figure,
        "boundary": plot.decision_boundary(net, *held_out, names=names, labels=labels).figure,
        "network": plot.network(net, names=names, labels=labels, title="After training").figure,
        "flow": plot.gradient_flow(flow, title="Sigmoids: 64-32-32-32-10"),
        "landscape": plot.loss_landscape(net, X[:400], y[:400]).figure,
        "line": plot.loss_landscape(net, X[:400], y[:400], other).figure,
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def draw_range_test(path):
    """The picture of schedules.md."""
    net = fg.Network([64, 128, 10], cost="softmax_cross_entropy", seed=0)
    found = fg.find_lr(net, *fg.load_digits(), fg.SGD(momentum=0.9))
    found.plot().figure.savefig(path, metadata={"Date": None})


def draw_roofline(path):
    """The picture of plots.md that is measured: the page names the processor."""
    net = fg.Network([784, 256, 64, 10], cost="softmax_cross_entropy", seed=0)
    plot.roofline(net, batch_size=64).figure.savefig(path, metadata={"Date": None})


def draw(folder):
    """Every figure, into a folder."""
    plot.activations().savefig(folder / "activations.svg", metadata={"Date": None})
    draw_schedules(folder / "schedules.svg")
    draw_range_test(folder / "range_test.svg")
    draw_plots(folder)
    draw_roofline(folder / "layers.svg")


if __name__ == "__main__":
    draw(Path(__file__).parent / "_static")
