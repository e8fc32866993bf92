"""The training of a page as a Python program that gives the same bits."""

from collections.abc import Sequence
from typing import Any

from ..arithmetic import ceil_div
from .data import BUNDLED, Problem
from .settings import OPTIMIZERS, TABLE, Settings

__all__ = ["as_python"]

_STOP = '''

class StopAfter(fg.Callback):
    """Stops in the middle of an epoch, as the page was."""

    every = 1

    def on_batch_end(self, fit):
        if fit.step == {updates}:
            fit.stop()


'''


def as_python(
    settings: Settings, problem: Problem, course: Sequence[tuple[float, int]], file: str
) -> str:
    """The program.

    Parameters
    ----------
    settings : Settings
        At the beginning.
    problem : Problem
        The samples.
    course : sequence of (float, int)
        Of each part of the training its learning rate and its updates; all but the last part end
        with an epoch.
    file : str
        The name of the table, if the data are one.
    """
    cls, options = OPTIMIZERS[settings.optimizer]
    per_epoch, between = ceil_div(len(problem.X), settings.batch_size), ",\n    "
    lines = [
        f"net = fg.Network(\n    {_arguments(settings.network_arguments(problem), between)},\n)",
        f"optimizer = fg.{cls.__name__}({_arguments({'lr': settings.rate, **options})})",
    ]
    rate, rest = settings.rate, 0
    for part_rate, updates in course:
        epochs, rest = divmod(updates, per_epoch)
        if part_rate != rate:
            rate = part_rate
            lines.append(f"optimizer.lr = {rate!r}")
        options = {"epochs": epochs, "batch_size": settings.batch_size}
        if epochs:
            lines.append(_fit(options))
        if rest:
            lines.append(_fit(options | {"epochs": 1}, ", callbacks=[StopAfter()]"))
    lines += [
        'print("cost of the training samples", net.cost(data.X, data.y))',
        'print("cost of the test samples", net.cost(data.X_test, data.y_test))',
    ]
    head = (
        f"import fastgrad as fg\nfrom fastgrad.play import data as sets\n\n{_load(settings, file)}"
    )
    stop = _STOP.format(updates=rest) if rest else ""
    return f"{head}\n{stop}" + "\n".join(lines) + "\n"


def _load(settings: Settings, file: str) -> str:
    split = {"test_size": settings.test_size, "seed": settings.seed}
    if settings.data == TABLE:
        target = {"target": settings.target} if settings.target else {}
        return f"data = sets.table({file!r}, {_arguments(target | split)})"
    if settings.data in BUNDLED:
        return f"data = sets.bundled({settings.data!r}, {_arguments(split)})"
    of_points = {"samples": settings.samples, "noise": settings.noise}
    return f"data = sets.made({settings.data!r}, {_arguments(of_points | split)})"


def _fit(options: dict[str, Any], more: str = "") -> str:
    return f"net.fit(data.X, data.y, {_arguments(options)}, optimizer=optimizer{more})"


def _arguments(values: dict[str, Any], between: str = ", ") -> str:
    return between.join(f"{name}={value!r}" for name, value in values.items())
