"""Activations and costs in files: a file holds their names only, and marks the custom ones."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..validation import shortened, shown

__all__ = ["by_name", "function_of", "name_in_file"]

_CUSTOM = "own "  # part of the file format


def name_in_file(function: Activation | Cost) -> str:
    """The name in a file; a custom function is marked, so that no built-in one replaces it."""
    kind = type(function).__name__.lower()
    return function.name if function.builtin else f"{_CUSTOM}{kind} {function.name}"


def _label(name: str) -> str:
    """A name in a file, as error messages show it."""
    return f"custom {name.removeprefix(_CUSTOM)}" if name.startswith(_CUSTOM) else name


def by_name(argument: str, functions: Any) -> dict[str, Activation | Cost]:
    """Activations and costs by their names in a file.

    Parameters
    ----------
    argument : str
        What to name in errors.
    functions : iterable of Activation and Cost

    Raises
    ------
    TypeError
        Anything else.
    ValueError
        Two custom functions share a name and differ: the file could not distinguish them.
    """
    expected = "expected a list of fg.Activation and fg.Cost objects"
    if not isinstance(functions, Iterable):
        raise TypeError(f"{argument}: got {functions!r}; {expected}")
    named: dict[str, Activation | Cost] = {}
    for function in functions:
        if not isinstance(function, Activation | Cost):
            raise TypeError(f"{argument}: got {function!r}; {expected}")
        name = name_in_file(function)
        if _content(named.setdefault(name, function)) != _content(function):
            raise ValueError(
                f"{argument}: got two different functions of the name {function.name!r}"
                f" ({_label(name)}); expected different names, since a file holds only the names"
            )
    return named


def function_of(
    name: str, custom_objects: Mapping[str, Activation | Cost]
) -> str | Activation | Cost:
    """The custom function of a name in a file; the name itself if it is a built-in one."""
    if not isinstance(name, str):
        raise TypeError(f"activations, cost: got {shown(name)}; expected a name")
    if name.startswith(_CUSTOM) and name not in custom_objects:
        received = ", ".join(map(_label, custom_objects)) or "none"
        function = shortened(name.split(maxsplit=2)[-1])
        raise ValueError(
            f"custom_objects: got {received}; expected the {shortened(_label(name))}, as in"
            f" custom_objects=[{function}]"
        )
    return custom_objects.get(name, name)


def _content(function: Activation | Cost) -> list[Any]:
    """What distinguishes it from others of its name; equal if a factory has made it twice."""
    if function.builtin:
        return []
    content = []
    for part in vars(function).values():
        code, cells = getattr(part, "__code__", part), getattr(part, "__closure__", None) or ()
        enclosed = [cell.cell_contents for cell in cells]
        numbers = [x if isinstance(x, int | float) else id(x) for x in enclosed]
        content.append((code, numbers, getattr(part, "__defaults__", None)))
    return content
