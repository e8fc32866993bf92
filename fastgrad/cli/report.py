"""What commands print: tables of text, and the same as JSON."""
# ruff: noqa: T201 - a command prints

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.cells import escaped
from ..data.table_encoder import TableEncoder
from ..network import Network
from ..tables.scores import Score

__all__ = [
    "as_json", "finite", "layout", "print_columns", "print_confusion", "print_cross_validation",
    "print_json", "print_lines", "print_scores", "scores_as_json",
]  # fmt: skip

_WIDTH = 20
_FRACTIONS = ("accuracy", "balanced accuracy")
_MOST_COLUMNS = 40
_MOST_CLASSES = 12  # of a confusion table on a terminal


def print_lines(lines: Mapping[str, Any]) -> None:
    """One line per entry: its name, then the value."""
    for name, value in lines.items():
        text = escaped(str(value))
        print(f"{name:<{_WIDTH}}{text}\n", end="", flush=True)  # whole, whatever thread prints


def print_scores(title: str, scores: Sequence[Score], classes: Sequence[Any] | None) -> None:
    """A line per metric: its value, the interval of 95 %, and that of a known baseline."""
    is_known = any(math.isfinite(score.baseline) for score in scores)
    baseline = "most frequent" if classes else "mean"
    print(_row(f"\n{title:<{_WIDTH + 1}}", "", "95 % interval", baseline if is_known else ""))
    for score in scores:
        value, low, high, of_baseline = (
            _formatted(score.name, x) for x in (score.value, score.low, score.high, score.baseline)
        )
        shown = of_baseline if is_known else ""
        print(_row(f"{score.name:<{_WIDTH}}", value, f"{low} to {high}", shown))


def _row(name: str, value: str, interval: str, baseline: str) -> str:
    return f"{name}{value:>12}  {interval:^23}  {baseline:>14}".rstrip()


def scores_as_json(scores: Sequence[Score]) -> dict[str, dict[str, float | None]]:
    """The scores by name, as JSON can hold them."""
    return finite({name: dict(zip(Score._fields[1:], rest, strict=True)) for name, *rest in scores})


def print_cross_validation(summary: Mapping[str, Mapping[str, float]]) -> None:
    """The mean of each metric over the folds, and its standard error."""
    print(f"\n{'cross-validation':<{_WIDTH}}{'mean':>12}  standard error")
    for name, value in summary.items():
        mean, error = (_formatted("", value[k]) for k in ("mean", "standard error"))
        print(f"{name:<{_WIDTH}}{mean:>12}  {error}")


def finite(summary: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Numbers by two names, as JSON can hold them: None for what is undefined."""
    return {
        name: {k: v if math.isfinite(v) else None for k, v in values.items()}
        for name, values in summary.items()
    }


def print_confusion(counts: np.ndarray[Any, Any], classes: Sequence[Any]) -> None:
    """The rows of each class (down) that are predicted to be of each class (across)."""
    if len(classes) > _MOST_CLASSES:
        print(f"\nconfusion of {len(classes):,} classes: --json has it, and fastgrad.plot draws it")
        return
    names = [str(label) for label in classes]
    first = max(len("true"), *map(len, names))
    widths = [
        max(len(name), len(f"{column.max():,}"))
        for name, column in zip(names, counts.T, strict=True)
    ]
    print(f"\n{'true':<{first}}  predicted")
    print("  ".join([" " * first, *(f"{n:>{w}}" for n, w in zip(names, widths, strict=True))]))
    for name, row in zip(names, counts.tolist(), strict=True):
        cells = (f"{count:>{w},}" for count, w in zip(row, widths, strict=True))
        print("  ".join([f"{name:<{first}}", *cells]))


def print_columns(encoder: TableEncoder) -> None:
    """What became of each column, of very many those that come first."""
    lines = str(encoder).splitlines()
    if len(lines) > _MOST_COLUMNS:
        left = len(lines) - _MOST_COLUMNS
        lines[_MOST_COLUMNS - 1 : -1] = [f"... {left:,} more columns; `fastgrad info` lists all"]
    print("\n".join(lines), flush=True)


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(as_json(content))


def as_json(content: Any) -> str:
    """JSON, readable; dates as text."""
    return json.dumps(content, indent=2, allow_nan=False, default=str)


def _formatted(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "undefined"
    return f"{value:.2%}" if name in _FRACTIONS else f"{value:,.5g}"


def layout(net: Network) -> str:
    """Sizes, activations, cost and number of parameters of a network."""
    sizes = "-".join(map(str, net.sizes))
    activations = ", ".join(dict.fromkeys(net.activations))
    return f"{sizes}, {activations}; {net.cost_function.name}; {net.n_parameters:,} parameters"
