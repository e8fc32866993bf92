"""Settings that are drawn at random, and the functions that they are for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np

from .. import validation

__all__ = ["Settings", "assign", "draw_settings"]

Settings = dict[str, Any]

_COLUMNS = {"score", "epochs", "seconds", "stopped", "seed"}  # of a table, beside the settings


def draw_settings(space: Mapping[str, Any], n: int, rng: np.random.Generator) -> list[Settings]:
    """Draw n settings: of each name one of a list, or a random number of a distribution.

    Raises
    ------
    TypeError, ValueError
        If the space of a name is neither, or empty.
    """
    if not isinstance(space, Mapping):
        raise TypeError(
            f"space: got {type(space).__name__}; expected a dict of names and their values, such"
            " as {'lr': [0.01, 0.001]}"
        )
    for name in space:
        if name in _COLUMNS:
            raise ValueError(
                f"space: got {name!r}, which the table has in any case; expected another name"
            )
    draws = {name: _draw(name, values) for name, values in space.items()}
    return [{name: _plain(draw(rng)) for name, draw in draws.items()} for _ in range(n)]


def _draw(name: str, values: Any) -> Callable[[np.random.Generator], Any]:
    """The function that draws a value."""
    if hasattr(values, "rvs"):
        return lambda rng: values.rvs(random_state=rng)
    if callable(values):
        draw: Callable[[np.random.Generator], Any] = values
        return draw
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
        raise TypeError(
            f"space[{name!r}]: got {validation.shown(values)}; expected a list of values, a"
            " distribution of scipy.stats, or a function of a numpy.random.Generator"
        )
    if not len(values):
        raise ValueError(f"space[{name!r}]: got no values; expected at least one")
    return lambda rng: values[int(rng.integers(len(values)))]


def _plain(value: Any) -> Any:
    """The value as Python's own number, if it is one of NumPy's."""
    is_scalar = isinstance(value, np.generic | np.ndarray) and value.ndim == 0
    return value.item() if is_scalar else value


def assign(
    names: Iterable[str], functions: Mapping[str, Callable[..., Any]]
) -> dict[str, list[str]]:
    """The names that each function takes: its parameters, and what only its ** has room for.

    Parameters
    ----------
    names : iterable of str
        Of settings.
    functions : mapping of str to callable
        By the names of arguments.

    Raises
    ------
    ValueError
        If no function takes one of the names.
    """
    parameters = {of: signature(f).parameters.values() for of, f in functions.items()}
    kinds = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    named = {of: {p.name for p in ps if p.kind in kinds} for of, ps in parameters.items()}
    others = [of for of, ps in parameters.items() if any(p.kind is p.VAR_KEYWORD for p in ps)]
    taken: dict[str, list[str]] = {of: [] for of in functions}
    for name in names:
        takers = [of for of in functions if name in named[of]] or others
        if not takers:
            known = sorted(set().union(*named.values()) - {"seed"})
            hint = validation.did_you_mean(name, known)
            raise ValueError(
                f"space: got {name!r}; {hint}expected parameters of {' or '.join(functions)}:"
                f" {', '.join(known) or 'there are none'}"
            )
        for of in takers:
            taken[of].append(name)
    return taken
