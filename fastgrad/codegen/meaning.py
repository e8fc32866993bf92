"""What a function means to the compiler, so that equal ones made anew are compiled once."""

from collections.abc import Callable, Hashable
from types import CodeType, FunctionType
from typing import Any

__all__ = ["meaning"]


def meaning(function: Callable[..., Any] | None) -> Hashable:
    """A key that two functions share if they compile to the same code.

    It holds the code and the values that numba takes for constants: those of the enclosing scopes
    and of the module. A function with a value that cannot be compared is a key itself.

    Parameters
    ----------
    function : callable or None
        Of any kind.
    """
    try:
        key = _key(function)
        hash(key)
    except (TypeError, ValueError, RecursionError):  # an array; an empty cell; two that are mutual
        return function
    return key


def _key(value: Any) -> Hashable:
    if isinstance(value, FunctionType):
        code = value.__code__
        cells = tuple(_key(cell.cell_contents) for cell in value.__closure__ or ())
        found = value.__globals__
        names = tuple((name, _key(found[name])) for name in code.co_names if name in found)
        return _key(code), cells, names, _key(value.__defaults__)
    if isinstance(value, CodeType):
        return value.co_code, value.co_names, value.co_varnames, _key(value.co_consts)
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    if isinstance(value, int | float | complex):  # 1, 1.0 and True are equal, -0.0 and 0.0, too
        return type(value), repr(value)
    hashable: Hashable = value
    return hashable
