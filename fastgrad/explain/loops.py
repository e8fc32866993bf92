"""Where the loop of an equation is: its file, its line, and its text."""

import inspect
import re
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..kernels import equations, regularizers

__all__ = ["Loop", "loop_of", "loop_of_function", "tags_of"]

_ROOT = Path(__file__).parents[2]


class Loop(NamedTuple):
    """A loop of the source.

    Attributes
    ----------
    file : str
        Path from the folder of the package on, such as "fastgrad/kernels/equations.py".
    line : int
        Of its first line, from 1.
    text : str
        Its lines, without the indentation of the first.
    equation : str, default ""
        The number in its tag.
    """

    file: str
    line: int
    text: str
    equation: str = ""

    def __str__(self) -> str:
        """The file and the line."""
        return f"{self.file}:{self.line}"


@cache
def loop_of(equation: str) -> Loop:
    """The loop with the tag of an equation, such as "1" or "5s"."""
    places = (
        (Path(inspect.getfile(module)), lines, k)
        for module in (equations, regularizers)
        for lines in [inspect.getsourcelines(module)[0]]
        for k, line in enumerate(lines)
        if f"# eq. ({equation}): " in line
    )
    return _from(*next(places))._replace(equation=equation)


def loop_of_function(function: Callable[..., Any]) -> Loop:
    """The first loop of a function, or all of it if there is none.

    Raises
    ------
    OSError, TypeError
        If its source cannot be read.
    """
    lines, first = inspect.getsourcelines(function)
    loops = (k for k, line in enumerate(lines) if line.lstrip().startswith("for "))
    path = Path(inspect.getsourcefile(function) or "")
    loop = _from(path, lines, next(loops, 0))
    return loop._replace(line=loop.line + first - 1)


def tags_of(function: Callable[..., Any]) -> list[str]:
    """The numbers of the equations whose tags are in a function."""
    try:
        return re.findall(r"# eq\. \((\w+)\): ", inspect.getsource(function))
    except (OSError, TypeError):
        return []


def _from(path: Path, lines: list[str], first: int) -> Loop:
    """The block that begins at a line, which ends before the next one that is no deeper."""

    def depth(line: str) -> int:
        return len(line) - len(line.lstrip())

    last = first + 1
    while last < len(lines) and (
        not lines[last].strip() or depth(lines[last]) > depth(lines[first])
    ):
        last += 1
    text = textwrap.dedent("".join(lines[first:last])).rstrip()
    inside = path.is_relative_to(_ROOT)
    return Loop(path.relative_to(_ROOT).as_posix() if inside else path.name, first + 1, text)
