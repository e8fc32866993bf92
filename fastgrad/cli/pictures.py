"""The pictures of a training: its history, and the predictions for the held-out rows."""

from pathlib import Path
from typing import Any

import numpy as np

from .. import plot
from ..atomic_write import atomic_write
from ..data.samples import Samples
from ..tables.model import TableModel

__all__ = ["draw", "paths"]


def paths(output: Path) -> dict[str, Path]:
    """The files of the pictures beside a model's."""
    test = output.with_name(f"{output.stem}-test.png")
    return {"training history": output.with_suffix(".png"), "test predictions": test}


def draw(model: TableModel, test: Samples | None, output: Path, name: str) -> dict[str, str]:
    """Draw the history of the first network, and the predictions for the held-out rows.

    Returns what to print: their files, or why they are not drawn.
    """
    target = str(model.targets.target)
    member = model.members[0]
    try:
        history = plot.history(
            member.history, best_epoch=member.best_epoch, title=f"{name}, target {target!r}"
        )
        figures: list[Any] = [history]
        if test is not None and test.labels is not None:
            y = model.targets.transform(test.labels, test.place)
            p = model.outputs(model.encoded(test.inputs))
            title = f"{name}: {len(y):,} held-out rows"
            if model.classes:
                ids = model.targets.class_ids(p, model.networks[0].cost_function)
                predicted = np.eye(len(model.classes))[ids]
                ax = plot.confusion(y, predicted, labels=[*map(str, model.classes)], title=title)
            else:
                ax = plot.predicted(y, p[:, 0], name=target, title=title)
            figures.append(ax.figure)
    except ModuleNotFoundError as error:
        return {"pictures": f"not drawn: {error}"}
    drawn = {}
    for (what, path), figure in zip(paths(output).items(), figures, strict=False):
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="png")
        drawn[what] = str(path)
    return drawn
