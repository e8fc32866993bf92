"""Follows a scalar loop line by line: what is computed, with symbols and with numbers.

The lines are those of the source, so that what is shown is what is compiled, for the functions of a
user too.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from ..kernels import elementary
from .formulas import Formatter

__all__ = ["TracedLine", "UntraceableError", "trace"]

#: What the functions of kernels/elementary.py are in NumPy, in float64.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("cos", "exp", "expm1", "log", "log1p", "sin", "tanh")},
    "clamp": np.clip,
    "real": lambda like, value: value,
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
}


#: The tag of an equation, and what stands before it on its line.
_TAG = re.compile(r"^ *(.*?) *# eq\. \((\w+)\): ")


class UntraceableError(Exception):
    """The lines of a function cannot be read, or are of kinds that cannot be followed."""


class TracedLine(NamedTuple):
    """An assignment, or the value that is returned.

    Attributes
    ----------
    target : str
        The name of what is assigned; "" for what is returned.
    argument : str
        The argument whose element that is, if it is one's, whatever the function calls it.
    symbols, numbers : str
        The expression.
    value : float
        Its value.
    equation : str
        The number of the tag beside the line, above it, or at its loop or case; "" without one.
    """

    target: str
    argument: str
    symbols: str
    numbers: str
    value: float
    equation: str


class _Symbols(ast.NodeTransformer):
    """Leaves away what only the compiler needs: `x[k]` is x, `real(a, 2)` is 2, `np.sqrt` sqrt."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node.value

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Name(node.attr)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_real = isinstance(node.func, ast.Name) and node.func.id == "real"
        return node.args[1] if is_real else node


class _Numbers(_Symbols):
    """Puts numbers in the places of names."""

    def __init__(self, names: dict[str, Any], write: Formatter) -> None:
        self._names, self._write = names, write

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value: Any = self._names.get(node.id)
        if isinstance(value, np.ndarray):
            value = value[0]
        return node if callable(value) else ast.Name(self._write.factor(value))

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        return self.visit(node.value)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return self.visit(node.body if _value(node.test, self._names) else node.orelse)


def trace(
    function: Callable[..., Any], arguments: Mapping[str, Any], write: Formatter
) -> list[TracedLine]:
    """The lines of a function, or of the loop in it, as they are computed in float64.

    Parameters
    ----------
    function : callable
        Plain Python: assignments, conditions, and one loop over k.
    arguments : mapping
        Of the function by name: numbers, and arrays of length 1, which are changed.
    write : Formatter
        Of the numbers.

    Raises
    ------
    UntraceableError
        If its source cannot be read, or has other statements.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
        (definition,) = ast.parse(source).body  # a lambda is a part of a line
        closure = inspect.getclosurevars(function)
        names = {**closure.globals, **closure.nonlocals, **closure.builtins}
        ours = {k for k, value in names.items() if value is vars(elementary).get(k)}
        names |= {k: value for k, value in _FUNCTIONS.items() if k in ours}
        tags = [_TAG.search(line) for line in source.splitlines()]
        tracer = _Tracer(arguments, names | dict(arguments), write, tags)
        return list(tracer.lines(cast("ast.FunctionDef", definition).body, in_loop=False))
    except Exception as error:  # whatever a user's function raises when it is read or computed
        raise UntraceableError(str(error)) from error


class _Tracer:
    """Computes statements, with the values of all names so far."""

    def __init__(
        self, arguments: Mapping[str, Any], names: dict[str, Any], write: Formatter,
        tags: list[re.Match[str] | None],
    ) -> None:  # fmt: skip
        self._arguments, self._names, self._write, self._tags = arguments, names, write, tags
        self._of_block, self._has_returned = "", False

    def lines(self, body: list[ast.stmt], in_loop: bool) -> Iterator[TracedLine]:
        """The lines of some statements; before a loop, only those that return."""
        for statement in body:
            if self._has_returned:
                return
            match statement:
                case ast.Expr():  # the docstring
                    continue
                case ast.For(target=ast.Name(id=k), iter=of) if (
                    not in_loop and self._is_over_parameters(of)
                ):
                    self._names[k], self._of_block = 0, self._equation(statement.lineno)
                    yield from self.lines(statement.body, True)
                case ast.If(test=test):
                    is_so, outside = _value(test, self._names), self._of_block
                    self._of_block = self._equation(statement.lineno) if is_so else outside
                    yield from self.lines(statement.body if is_so else statement.orelse, in_loop)
                    self._of_block = outside
                case ast.Return(value=ast.expr() as value):
                    self._has_returned = True
                    yield self._line(None, value)
                case ast.Assign(targets=[target], value=value):
                    yield from self._assigned([(target, value)], in_loop)
                case ast.AugAssign(target=target, op=op, value=value):
                    yield from self._assigned(
                        [(target, ast.BinOp(target, op, value, lineno=value.lineno))], in_loop
                    )
                case _:
                    raise UntraceableError(ast.unparse(statement))

    def _is_over_parameters(self, of: ast.expr) -> bool:
        """Whether a loop is that of a rule over all parameters, of which there is one here."""
        *_, n = ["", *self._arguments]
        return ast.unparse(of) == f"range({n})" and self._arguments.get(n) == 1

    def _equation(self, line: int) -> str:
        """The number in the tag of a line of the source, from 1."""
        beside, above = self._tags[line - 1], self._tags[line - 2]
        tag = beside or (above if above and not above[1] else None)
        return tag[2] if tag else self._of_block

    def _assigned(
        self, pairs: list[tuple[ast.expr, ast.expr]], in_loop: bool
    ) -> Iterator[TracedLine]:
        """The lines of an assignment, and the assignment; names for the same number are no line."""
        match pairs:
            case [(ast.Tuple(elts=targets), ast.Tuple(elts=values))]:
                pairs = list(zip(targets, values, strict=True))
        found = [_value(value, self._names) for _, value in pairs]
        is_computed = [not isinstance(value, ast.Name | ast.Subscript) for _, value in pairs]
        lines = [
            self._line(target, value)
            for (target, value), shows in zip(pairs, is_computed, strict=True)
            if in_loop and shows
        ]
        for (target, _), number in zip(pairs, found, strict=True):
            if isinstance(target, ast.Subscript):
                self._names[_name(target)][0] = number
            else:
                self._names[_name(target)] = number
        yield from lines

    def _line(self, target: ast.expr | None, value: ast.expr) -> TracedLine:
        name = _name(target) if target else ""
        held = self._names.get(name)
        owners = (n for n, array in self._arguments.items() if array is held is not None)
        symbols, numbers = _Symbols(), _Numbers(self._names, self._write)
        equation = self._equation(value.lineno)
        number = float(_value(value, self._names))
        return TracedLine(
            name, next(owners, ""), _text(symbols, value), _text(numbers, value), number, equation
        )


def _text(change: ast.NodeTransformer, value: ast.expr) -> str:
    """An expression as text, after the change."""
    text = ast.unparse(change.visit(_copy(value)))
    for python, formula in ((" * ", "·"), ("sqrt(", "√("), (" ** 2", "²")):
        text = text.replace(python, formula)
    return re.sub(r"\((\(-[\w.+-]+\))\)", r"\1", text)  # a negative argument of a function


def _copy(value: ast.expr) -> ast.expr:
    copied: Any = ast.parse(ast.unparse(value), mode="eval")
    expression: ast.expr = copied.body
    return expression


def _value(expression: ast.expr, names: dict[str, Any]) -> Any:
    """The value of an expression of the function itself."""
    return eval(compile(ast.Expression(_copy(expression)), "<formula>", "eval"), {}, names)


def _name(target: ast.expr) -> str:
    return ast.unparse(_Symbols().visit(_copy(target)))
