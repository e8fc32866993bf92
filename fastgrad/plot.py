"""Pictures of training, drawn with matplotlib (the extra `fastgrad[plot]`)."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .history import History

__all__ = ["history"]

# Okabe and Ito's blue and vermilion: told apart by the colour-blind, and by line style in print.
_STYLES = {"training": ("#0072B2", "-"), "validation": ("#D55E00", "--")}
_LOG_SCALE_FROM = 20.0


def history(history: "History", path: str | PathLike[str] | None = None) -> "Figure":
    """Draw the cost of each epoch, and the accuracy beside it where there is one.

    Parameters
    ----------
    history : History
        What `Network.fit` returned.
    path : path, optional
        Where to save the picture; its suffix chooses the format (.png, .svg, .pdf, ...).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the history has no epoch.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        message = "the training curve needs matplotlib: pip install 'fastgrad[plot]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    if not history.cost:
        raise ValueError("history: no epochs; expected at least one")
    accuracy = history.metrics.get("accuracy", [])
    val_accuracy = history.metrics.get("val_accuracy", [])
    panels = 2 if accuracy or val_accuracy else 1
    # Without pyplot: no window, no global state.
    figure = Figure(figsize=(1.0 + 4.6 * panels, 3.8), dpi=150, layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _curves(axes[0], "Cost", history.cost, history.val_cost)
    costs = [*history.cost, *history.val_cost]
    if min(costs) > 0 and max(costs) / min(costs) >= _LOG_SCALE_FROM:
        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_formatter("{x:g}")
    if panels == 2:
        percent = [[100 * a for a in share] for share in (accuracy, val_accuracy)]
        _curves(axes[1], "Accuracy (%)", *percent)
    if path is not None:
        figure.savefig(path)
    return figure


def _curves(
    axes: "Axes", title: str, training: Sequence[float], validation: Sequence[float]
) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    for (name, (color, line)), values in zip(_STYLES.items(), (training, validation), strict=True):
        if len(values):
            axes.plot(
                range(1, 1 + len(values)),
                values,
                color=color,
                linestyle=line,
                linewidth=1.8,
                marker="o" if len(values) == 1 else "",
                label=f"{name} (last {values[-1]:.4g})",
            )
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.02)
    axes.grid(visible=True, which="major", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
