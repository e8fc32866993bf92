"""Expressions of Python as expressions of C."""

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...kernels import elementary
from .literals import C_TYPES, number
from .python_source import UntranslatableError

__all__ = ["Expressions", "Scope", "Value", "bare", "words"]

#: What the functions of NumPy and math are, by their names, where C or `elementary` has another.
_ALIASES = {"absolute": "abs", "fabs": "abs", "maximum": "max", "minimum": "min", "power": "pow"}
_ELEMENTARY = ("cos", "exp", "expm1", "log", "log1p", "sin", "tanh", "erf")
#: Functions of `elementary` that numba compiles by the type of their first argument.
_BY_TYPE = ("real", "_bits", "_from_bits", "_constants")
_OPERATORS: dict[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add), ast.Sub: ("-", operator.sub), ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv), ast.Pow: ("", operator.pow),
    ast.LShift: ("<<", operator.lshift), ast.RShift: (">>", operator.rshift),
    ast.BitAnd: ("&", operator.and_), ast.BitOr: ("|", operator.or_),
    ast.Lt: ("<", operator.lt), ast.LtE: ("<=", operator.le), ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge), ast.Eq: ("==", operator.eq), ast.NotEq: ("!=", operator.ne),
}  # fmt: skip
_MAX_POWER = 8  # as repeated products


class Value(NamedTuple):
    """An expression of C with its type, or a constant of Python.

    Attributes
    ----------
    text : str
        The expression; "" for a constant.
    type : str
        "real", "double", "int", "bits" (an integer as wide as a real), "real*" or "double*"; or
        "constant".
    constant : object
        Its value.
    """

    text: str
    type: str
    constant: Any = None


@dataclass
class Scope:
    """Names of a function while its lines are translated."""

    values: dict[str, Value]
    outside: dict[str, Any]
    declared: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    returns: tuple[str, ...] = ()
    depth: int = 0  # of blocks that may run or not, or several times


class Expressions:
    """Translates expressions; numbers whose type numba would decide are of a dtype.

    Parameters
    ----------
    prefix : str
        What names in C begin with.
    dtype : numpy.dtype
        Of real numbers.
    """

    def __init__(self, prefix: str, dtype: Any) -> None:
        self.prefix, self._dtype = prefix, np.dtype(dtype)
        self.types = {
            "real": C_TYPES[self._dtype.name],
            "double": "double",
            "int": "int",
            "bits": "int32_t" if self._dtype == np.float32 else "int64_t",
        }
        self._wide = "real" if self._dtype == np.float64 else "double"  # of np.float64
        self.types |= {f"{name}*": f"{self.types[name]} *" for name in ("real", "double")}

    def function(
        self, function: Callable[..., Any], given: Sequence[Value], name: str = ""
    ) -> tuple[str, tuple[str, ...]]:
        """The name in C and the types of the results of a function for arguments of these types."""
        raise NotImplementedError

    def named_object(self, expression: ast.expr, scope: Scope) -> Any:
        """What a name outside of the function stands for."""
        match expression:
            case ast.Name(id=name) if name in scope.outside:
                return scope.outside[name]
            case ast.Attribute(value=of, attr=name):
                return getattr(self.named_object(of, scope), name)
        raise UntranslatableError(ast.unparse(expression))

    def square_root(self, dtype: Any) -> str:
        """The name in C of the square root of numbers of a dtype."""
        raise NotImplementedError

    def value(self, expression: ast.expr, scope: Scope) -> Value:  # noqa: PLR0911 - one per kind
        """The expression, where the names of the scope stand for something."""
        match expression:
            case ast.Constant(value=bool() | int() | float() as constant):
                return Value("", "constant", constant)
            case ast.Name(id=name) if name in scope.values:
                return scope.values[name]
            case ast.Attribute(value=ast.Call() | ast.Name() as of, attr=attribute) if (
                isinstance(of, ast.Call) or of.id in scope.values
            ):
                return Value("", "constant", getattr(self.value(of, scope).constant, attribute))
            case ast.Name() | ast.Attribute():
                return Value("", "constant", self.named_object(expression, scope))
            case ast.Subscript(value=of, slice=index):
                return self._element(self.value(of, scope), self.value(index, scope))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                found = self.value(operand, scope)
                if found.type == "constant":
                    return Value("", "constant", -found.constant)
                return Value(f"(-{found.text})", found.type)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._negated(self.value(operand, scope))
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.value(left, scope), self.value(right, scope))
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [self.value(side, scope) for side in (left, *others)]
                pairs = [self._binary(op, *sides[k : k + 2]) for k, op in enumerate(ops)]
                return self._all_of(" && ", pairs)
            case ast.BoolOp(op=op, values=values):
                joint = " && " if isinstance(op, ast.And) else " || "
                return self._all_of(joint, [self.value(value, scope) for value in values])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                found = self.value(test, scope)
                if found.type == "constant":
                    return self.value(body if found.constant else orelse, scope)
                either = self.value(body, scope), self.value(orelse, scope)
                return self._selected(self.condition(found), *either)
            case ast.Call(func=called, args=arguments, keywords=[]):
                given = [self.value(argument, scope) for argument in arguments]
                return self._call(self.named_object(called, scope), given)
        raise UntranslatableError(ast.unparse(expression))

    def _element(self, array: Value, index: Value) -> Value:
        if array.type == "constant":
            return Value("", "constant", array.constant[index.constant])
        return Value(f"{array.text}[{self.as_type(index, 'int')}]", array.type.removesuffix("*"))

    def _negated(self, condition: Value) -> Value:
        if condition.type == "constant":
            return Value("", "constant", not condition.constant)
        return Value(f"(!{self.condition(condition)})", "int")

    def condition(self, value: Value) -> str:
        """A value where there must be a condition: a number is one unless it is 0."""
        return value.text if value.type == "int" else f"({value.text} != 0)"

    def _all_of(self, joint: str, conditions: Sequence[Value]) -> Value:
        """Conditions joined by "and" or "or"."""
        if len(conditions) == 1:
            return conditions[0]
        texts = []
        for condition in conditions:
            is_flag = isinstance(condition.constant, bool)
            if condition.type != "int" and not is_flag:
                raise UntranslatableError("numbers as conditions")
            texts.append(str(int(condition.constant)) if is_flag else condition.text)
        return Value(f"({joint.join(texts)})", "int")

    def _binary(self, op: ast.AST, left: Value, right: Value) -> Value:
        symbol, compute = _OPERATORS.get(type(op), ("", None))
        if compute is None:
            raise UntranslatableError(f"the operator {type(op).__name__}")
        if left.type == right.type == "constant":
            return Value("", "constant", compute(left.constant, right.constant))
        if isinstance(op, ast.Pow):
            return self._power(left, right)
        type_ = self._common(left, right)
        if isinstance(op, ast.LShift):  # which C does not define for signed numbers
            shifted = f"(u{self.types['bits']}){left.text} << {self.as_type(right, 'int')}"
            return Value(f"(({self.types['bits']})({shifted}))", "bits")
        if isinstance(op, ast.RShift):
            type_, sides = left.type, (left.text, self.as_type(right, "int"))
        else:
            if isinstance(op, ast.Div) and type_ == "int":
                type_ = self._wide
            sides = self.as_type(left, type_), self.as_type(right, type_)
        result = "int" if isinstance(op, ast.cmpop) else type_
        return Value(f"({sides[0]} {symbol} {sides[1]})", result)

    def _power(self, base: Value, exponent: Value) -> Value:
        n = exponent.constant
        if exponent.type == "constant" and n in range(2, _MAX_POWER + 1):
            return Value(f"({' * '.join([base.text] * int(n))})", base.type)
        type_ = (
            "real" if base.type == "real" and exponent.type in ("real", "constant") else self._wide
        )
        return self._of_c("pow", [base, exponent], type_)

    def _of_c(self, name: str, given: Sequence[Value], type_: str) -> Value:
        """A function of the standard library, in the form for the type."""
        suffix = "f" if self.types[type_] == "float" else ""
        return Value(
            f"{name}{suffix}({', '.join(bare(self.as_type(v, type_)) for v in given)})", type_
        )

    def _selected(self, condition: str, if_true: Value, if_false: Value) -> Value:
        """One of two numbers; by their bits, since a compiler may make two paths of a condition."""
        type_ = self._common(if_true, if_false)
        yes, no = self.as_type(if_true, type_), self.as_type(if_false, type_)
        if type_ == "real":
            sides = ", ".join(map(bare, (condition, yes, no)))
            return Value(f"{self.prefix}_select({sides})", type_)
        return Value(f"({condition} ? {yes} : {no})", type_)

    def _call(self, called: Any, given: Sequence[Value]) -> Value:
        name = getattr(called, "__name__", "")
        module = (getattr(called, "__module__", None) or "").partition(".")[0]
        if called in (np.float64, float):
            return Value(f"({self.as_type(given[0], self._wide)})", self._wide)
        if module in ("numpy", "math", "builtins") or isinstance(called, np.ufunc):
            return self._standard(_ALIASES.get(name, name), given)
        if name in _BY_TYPE and vars(elementary).get(name) is called:
            return self._by_type(name, given)
        c_name, types = self.function(called, given)
        passed = [bare(v.text) for v in given if v.type != "constant"]
        return Value(f"{c_name}({', '.join(passed)})", types[0] if types else "void")

    def _by_type(self, name: str, given: Sequence[Value]) -> Value:
        """What in elementary.py depends on the type of its first argument."""
        type_ = "double" if given[0].type == "double" else "real"
        if name == "_constants":
            one = np.float64(1) if type_ == "double" else self._dtype.type(1)
            return Value("", "constant", vars(elementary)[name](one))
        if name == "real":
            return Value(self.as_type(given[1], type_), type_)
        if type_ == "double" and self._dtype == np.float32:
            raise UntranslatableError("bits of a float64 in a function of float32")
        if name == "_bits":
            return Value(f"{self.prefix}_bits({bare(self.as_type(given[0], type_))})", "bits")
        return Value(f"{self.prefix}_from_bits({self.as_type(given[1], 'bits')})", type_)

    def _standard(  # noqa: PLR0911 - one per kind
        self, name: str, given: Sequence[Value]
    ) -> Value:
        """A function of Python, math or NumPy."""
        type_ = "double" if any(v.type == "double" for v in given) else "real"
        if name == "len":
            return Value("", "constant", len(given[0].constant))
        if all(v.type == "constant" for v in given):
            known: dict[str, Callable[..., Any]] = {"abs": abs, "max": max, "min": min}
            of = known.get(name, getattr(math, name, None))
            if of is None:
                raise UntranslatableError(f"the function {name}")
            return Value("", "constant", of(*(v.constant for v in given)))
        if name in ("max", "min") and len(given) == 2:
            first, second = (self.as_type(v, type_) for v in given)
            return self._selected(f"{first} {'>' if name == 'max' else '<'} {second}", *given)
        if name == "sign":
            (x,) = (v.text for v in given)
            return Value(f"({self.types[type_]})(({x} > 0) - ({x} < 0))", type_)
        if name == "sqrt" and type_ == "real":
            return Value(
                f"{self.square_root(self._dtype)}({bare(self.as_type(given[0], type_))})", type_
            )
        if name in ("abs", "copysign", "sqrt", "pow", "floor", "ceil"):
            return self._of_c("fabs" if name == "abs" else name, given, type_)
        if name in _ELEMENTARY and type_ == "real":
            return self._call(getattr(elementary, name), given)
        raise UntranslatableError(f"the function {name}")

    # --- types ---------------------------------------------------------------------------------

    def type_of(self, value: Value) -> str:
        """The type of C; of a constant that of real numbers."""
        return "real" if value.type == "constant" else value.type

    def _common(self, left: Value, right: Value) -> str:
        """The type of what two values make."""
        types = [v.type for v in (left, right) if v.type != "constant"]
        constants = [v.constant for v in (left, right) if v.type == "constant"]
        if "double" in types:
            return "double"
        if "real" in types or any(isinstance(c, float) for c in constants):
            return "double" if types == ["int"] else "real"
        return types[0] if types else "real"

    def as_type(self, value: Value, type_: str) -> str:
        """The expression of C for a value where a type is expected."""
        if value.type != "constant":
            if value.type == type_ or (value.type, type_) == ("int", "bits"):
                return value.text
            return f"({self.types[type_]}){value.text}"
        if isinstance(value.constant, bool | int | float | np.number):
            if type_ in ("int", "bits"):
                return str(int(value.constant))
            dtype = self._dtype if type_ == "real" else np.dtype(np.float64)
            with np.errstate(over="ignore"):
                rounded = dtype.type(value.constant)
            is_out = np.isinf(rounded) or (rounded == 0 and value.constant != 0)
            if is_out and np.isfinite(value.constant):
                raise UntranslatableError(f"{value.constant}, which {dtype} does not have")
            text = number(value.constant, dtype)
            return f"({text})" if text.startswith("-") else text
        raise UntranslatableError(f"{value.constant!r} as a number")


def bare(text: str) -> str:
    """An expression without parentheses around all of it."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth and place < len(text) - 1:
            return text
    return text[1:-1] if text[:1] == "(" else text


def words(text: str) -> set[str]:
    """The names in a text of C."""
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())
