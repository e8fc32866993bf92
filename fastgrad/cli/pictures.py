"""The pictures of a training: its history, and the predictions for the held-out rows."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .. import plot
from ..atomic_write import atomic_write
from ..tables.model import TableModel

__all__ = ["draw", "paths"]

Array = NDArray[Any]


def paths(output: Path) -> dict[str, Path]:
    """The files of the pictures beside a model's."""
    test = output.with_name(f"{output.stem}-test.png")
    return {"training history": output.with_suffix(".png"), "test predictions": test}


def draw(
    model: TableModel, test: tuple[Array, Array] | None, output: Path, name: str
) -> dict[str, str]:
    """Draw the history of the first network, and the predictions for the held-out rows.

    They are given as `TableModel.compared` returns them. Returns what to print: the files of the
    pictures, or why they are not drawn.
    """
    target = str(model.targets.target)
    member, n = model.members[0], len(model.members)
    of = f" (network 1 of {n})" * (n > 1)
    try:
        history = plot.history(
            member.history, best_epoch=member.best_epoch, title=f"{name}, target {target!r}{of}"
        )
        figures: list[Any] = [history]
        if test is not None:
            y, p = test
            title = f"{name}: {len(y):,} held-out rows"
            if model.classes:
                ax = plot.confusion(y, p, labels=[*map(str, model.classes)], title=title)
            else:
                ax = plot.predicted(y, p, name=target, title=title)
            figures.append(ax.figure)
    except ModuleNotFoundError as error:
        return {"pictures": f"not drawn: {error}"}
    drawn = {}
    for (what, path), figure in zip(paths(output).items(), figures, strict=False):
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="png")
        drawn[what] = str(path)
    return drawn
