"""The syntax trees of Python functions, however they are made."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ...kernels import elementary

__all__ = ["UntranslatableError", "definition_of", "python_of"]


class UntranslatableError(ValueError):
    """A function has lines that this translator does not know, or whose source cannot be read."""


def python_of(function: Any) -> Callable[..., Any]:
    """The Python of a function that may be compiled.

    Raises
    ------
    UntranslatableError
        If it is something else that can be called.
    """
    plain: Any = getattr(function, "py_func", function)
    if vars(elementary).get(getattr(plain, "__name__", "")) is plain:
        plain = getattr(plain, "__wrapped__", plain)  # where numba is off: see `_elementary`
    if not isinstance(plain, FunctionType):
        raise UntranslatableError(f"{plain!r} is no function of Python")
    return plain


def definition_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The syntax tree of a function or of a lambda."""
    code: Any = getattr(function, "__code__", None)  # of the function, not of what it wraps
    try:
        if function.__name__ == "<lambda>":
            return _lambda(function)
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(code))).body
    except (OSError, TypeError, ValueError, SyntaxError) as error:
        raise UntranslatableError(f"its source cannot be read ({error})") from None
    assert isinstance(definition, ast.FunctionDef)
    _check_unchanged(compile(ast.Module([definition], []), "", "exec"), code)
    return definition


def _check_unchanged(source: Any, code: Any) -> None:
    """Raise if the source has other names or numbers than the code: it was edited since."""
    (now,) = [c for c in source.co_consts if getattr(c, "co_name", None) == code.co_name]
    known, found = (
        ({*c.co_names, *c.co_freevars}, c.co_varnames, [x for x in c.co_consts if _is_number(x)])
        for c in (code, now)
    )
    if known != found:
        raise UntranslatableError("its source is not what it was when it was imported")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _lambda(function: Callable[..., Any]) -> ast.FunctionDef:
    """A lambda of a file: the one within which all of its code is."""
    lines, _ = inspect.findsource(function)
    at = [place for place in function.__code__.co_positions() if None not in place[:4] and place[3]]
    if not at:
        raise ValueError("Python was started without the positions of code")
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.Lambda):
            body = node.body
            first, last = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
            if all(first <= (line, a) and (end, b) <= last for line, end, a, b in at):
                _check_unchanged(compile(ast.Expression(node), "", "eval"), function.__code__)
                return ast.FunctionDef("f", node.args, [ast.Return(body)], [])
    raise ValueError("no such lambda")
