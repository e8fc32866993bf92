"""Translates scalar functions and loops from Python to C.

Activations, costs and update rules are the same plain Python that numba compiles, so that there is
one source of each; their arithmetic and what they call become C line by line. What numba decides
by the type of a number is decided here by the dtype.
"""

import ast
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .expressions import Expressions, Scope, Value, bare, words
from .literals import comment, variable
from .python_source import UntranslatableError, definition_of, python_of
from .square_root import square_root

__all__ = ["Translator", "UntranslatableError"]


#: Names that the header gives itself, or begins with, so that no function may have them.
_OF_THE_HEADER = (
    "bits", "from_bits", "select", "sqrt_float", "sqrt_double", "weights", "exported", "forward",
    "predict", "predict_row", "network", "init", "step", "row", "encode", "scaled", "date_parts",
    "class", "labels", "self_test",
)  # fmt: skip


class Translator(Expressions):
    """Functions of Python as functions of C, each once, in the order in which C needs them.

    Parameters
    ----------
    prefix : str
        What their names in C begin with.
    dtype : numpy.dtype
        Of real numbers.

    Attributes
    ----------
    functions : list of str
        The definitions so far.
    """

    def __init__(self, prefix: str, dtype: Any) -> None:
        super().__init__(prefix, dtype)
        self.functions: list[str] = []
        self._known: dict[Any, tuple[str, tuple[str, ...]]] = {}
        self._at_work: set[Callable[..., Any]] = set()  # functions that call others now
        self._names = {f"{prefix}_{name}" for name in _OF_THE_HEADER}

    def scalar(self, function: Callable[..., Any], name: str) -> str:
        """Translate a function of real numbers; return its name in C.

        Parameters
        ----------
        function : callable
            Of real numbers, as many as it has parameters.
        name : str
            What to call it, without the prefix.

        Raises
        ------
        UntranslatableError
            If it has other than arithmetic, comparisons, conditions and functions of these.
        """
        n = len(_parameters(function)) - len(python_of(function).__defaults__ or ())
        return self.function(function, [Value("", "real")] * n, name)[0]

    def procedure(self, function: Callable[..., Any], types: Sequence[str | int], name: str) -> str:
        """Translate a function that writes to arrays; return its name in C.

        Parameters
        ----------
        function : callable
            Without a result.
        types : sequence of str or int
            Of its parameters, as `Value.type`; or the constant that takes one's place.
        name : str
            As for `scalar`.

        Raises
        ------
        UntranslatableError
            As for `scalar`.
        """
        given = [Value("", t) if isinstance(t, str) else Value("", "constant", t) for t in types]
        return self.function(function, given, name)[0]

    def square_root(self, dtype: Any) -> str:
        """See the base."""
        name, definition = square_root(self.prefix, dtype)
        if definition not in self.functions:
            self.functions.append(definition)
        return name

    def function(
        self, function: Callable[..., Any], given: Sequence[Value], name: str = ""
    ) -> tuple[str, tuple[str, ...]]:
        """The name in C and the types of the results of a function for arguments of these types."""
        function = python_of(function)
        given = [*given, *_defaults(function)[len(given) :]]
        if len(given) != len(_parameters(function)) or any(v.type == "missing" for v in given):
            raise UntranslatableError(f"a call of {function.__name__} with {len(given)} arguments")
        key = (function, *((v.type, repr(v.constant)) for v in given))
        if key not in self._known:
            definition = definition_of(function)
            closure = inspect.getclosurevars(function)
            outside = {**closure.builtins, **closure.globals, **closure.nonlocals}
            stem = name or function.__name__.strip("_")
            c_name, k = f"{self.prefix}_{stem}", 2
            while c_name in self._names:
                c_name, k = f"{self.prefix}_{stem}_{k}", k + 1
            if function in self._at_work:
                raise UntranslatableError(f"{function.__name__}, which calls itself")
            self._names.add(c_name)
            self._at_work.add(function)
            self._known[key] = c_name, self._define(definition, given, outside, c_name)
            self._at_work.remove(function)
        return self._known[key]

    def _define(
        self,
        definition: ast.FunctionDef,
        given: Sequence[Value],
        outside: dict[str, Any],
        name: str,
    ) -> tuple[str, ...]:
        """Add the definition of a function; return the types of its results."""
        names = [argument.arg for argument in definition.args.args]
        scope = Scope({}, outside)
        for argument, value in zip(names, given, strict=True):
            is_constant = value.type == "constant"
            scope.values[argument] = value if is_constant else Value(variable(argument), value.type)
            scope.parameters.add(variable(argument))
        lines = self._block(definition.body, scope, "    ")
        lines = _without_unread(lines, scope)
        used = " ".join(lines)
        parameters = []
        for argument, value in zip(names, given, strict=True):
            if value.type == "constant":
                continue
            argument = variable(argument)
            is_written = f"{argument}[" in used and any(
                line.strip().startswith(f"{argument}[") for line in lines
            )
            const = "const " if value.type.endswith("*") and not is_written else ""
            c_type = self.types[value.type]
            parameters.append(f"{const}{c_type}{'' if c_type.endswith('*') else ' '}{argument}")
            if argument not in words(used):
                lines.insert(0, f"    (void)({argument});")
        parameters += [f"{self.types[t]} *result_{k}" for k, t in enumerate(scope.returns[1:], 2)]
        declared: dict[str, list[str]] = {}
        for local, type_ in scope.declared.items():
            declared.setdefault(self.types[type_], []).append(local)
        head = [f"    {c_type} {', '.join(locals_)};" for c_type, locals_ in declared.items()]
        result = self.types[scope.returns[0]] if scope.returns else "void"
        what = comment((ast.get_docstring(definition) or "").partition("\n")[0])
        about = [f"/* {what} */"] if what else []
        signature = f"static inline {result} {name}({', '.join(parameters)}) {{"
        self.functions.append("\n".join([*about, signature, *head, *lines, "}"]))
        return scope.returns

    # --- statements --------------------------------------------------------------------------

    def _block(self, body: Sequence[ast.stmt], scope: Scope, indent: str) -> list[str]:
        lines: list[str] = []
        for statement in body:
            lines += self._statement(statement, scope, indent)
        return lines

    def _statement(  # noqa: PLR0911 - one per kind
        self, statement: ast.stmt, scope: Scope, indent: str
    ) -> list[str]:
        match statement:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return []
            case ast.Expr(value=ast.Call() as call):
                return [f"{indent}{self.value(call, scope).text};"]
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                found = [self.value(value, scope) for value in values]
                return self._assigned_together(targets, found, scope, indent)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Call() as call):
                return self._results(targets, call, scope, indent)
            case ast.Assign(targets=[target], value=value):
                return self._assigned(target, self.value(value, scope), scope, indent)
            case ast.AugAssign(target=target, op=op, value=value):
                whole = ast.BinOp(_loaded(target), op, value)
                return self._assigned(target, self.value(whole, scope), scope, indent)
            case ast.If(test=test, body=body, orelse=orelse):
                return self._condition(test, body, orelse, scope, indent)
            case ast.For(
                target=ast.Name(id=k), iter=ast.Call(func=ast.Name(id="range"), args=of), orelse=[]
            ):
                return self._loop(k, of, statement.body, scope, indent)
            case ast.Return(value=ast.Tuple(elts=values)):
                found = [self.value(value, scope) for value in values]
                scope.returns = tuple(self.type_of(value) for value in found)
                lines = [
                    f"{indent}*result_{k} = {bare(self.as_type(value, self.type_of(value)))};"
                    for k, value in enumerate(found[1:], 2)
                ]
                return [*lines, f"{indent}return {bare(self.as_type(found[0], scope.returns[0]))};"]
            case ast.Return(value=ast.expr() as value):
                result = self.value(value, scope)
                type_ = "real" if result.type == "int" else self.type_of(result)
                scope.returns = scope.returns or (type_,)
                return [f"{indent}return {bare(self.as_type(result, scope.returns[0]))};"]
        raise UntranslatableError(ast.unparse(statement))

    def _assigned(self, target: ast.expr, value: Value, scope: Scope, indent: str) -> list[str]:
        if isinstance(target, ast.Subscript):
            place = self.value(target, scope)
            return [f"{indent}{place.text} = {bare(self.as_type(value, place.type))};"]
        if not isinstance(target, ast.Name):
            raise UntranslatableError(ast.unparse(target))
        known = scope.values.get(target.id)
        is_number = isinstance(value.constant, int | float | np.number)
        if value.type.endswith("*") or (value.type == "constant" and not is_number):
            if scope.depth:
                raise UntranslatableError(f"{target.id}, which depends on a condition")
            scope.values[target.id] = value  # another name for it
            return []
        type_ = self.type_of(value)
        if known and value.type == "constant":
            is_exact = known.type != "int" or float(value.constant).is_integer()
            type_ = known.type if is_exact else "real"
        if known and known.type != type_ and scope.depth:
            raise UntranslatableError(f"{target.id}, which has two types")
        name = known.text if known and known.type == type_ else variable(target.id)
        if known is None or known.type != type_:
            while name in scope.parameters or scope.declared.get(name, type_) != type_:
                name += "_"  # a name of Python that holds numbers of two types
            scope.declared[name] = type_
        scope.values[target.id] = Value(name, type_)
        return [f"{indent}{name} = {bare(self.as_type(value, type_))};"]

    def _assigned_together(
        self, targets: Sequence[ast.expr], values: Sequence[Value], scope: Scope, indent: str
    ) -> list[str]:
        """Several assignments at once, none of which may change what the next one reads."""
        lines: list[str] = []
        for k, (target, value) in enumerate(zip(targets, values, strict=True)):
            held = scope.values.get(ast.unparse(target))
            name = held.text if held else ast.unparse(target)
            if any(name in words(later.text) for later in values[k + 1 :]):
                raise UntranslatableError(f"an exchange of {name}")
            lines += self._assigned(target, value, scope, indent)
        return lines

    def _results(
        self, targets: Sequence[ast.expr], call: ast.Call, scope: Scope, indent: str
    ) -> list[str]:
        """The results of a function that has several."""
        called = self.named_object(call.func, scope)
        given = [self.value(argument, scope) for argument in call.args]
        name, types = self.function(called, given)
        names = [variable(ast.unparse(target)) for target in targets]
        if scope.depth:
            raise UntranslatableError(f"{names[0]}, which depends on a condition")
        for target, name_, type_ in zip(targets, names, types, strict=True):
            scope.declared[name_] = type_
            scope.values[ast.unparse(target)] = Value(name_, type_)
        passed = [bare(v.text) for v in given if v.type != "constant"]
        passed += [f"&{other}" for other in names[1:]]
        return [f"{indent}{names[0]} = {name}({', '.join(passed)});"]

    def _condition(
        self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], scope: Scope,
        indent: str,
    ) -> list[str]:  # fmt: skip
        found = self.value(test, scope)
        if found.type == "constant":
            return self._block(body if found.constant else orelse, scope, indent)
        scope.depth += 1
        lines = [
            f"{indent}if ({bare(self.condition(found))}) {{",
            *self._block(body, scope, indent + "    "),
        ]
        if orelse:
            lines += [f"{indent}}} else {{", *self._block(orelse, scope, indent + "    ")]
        scope.depth -= 1
        return [*lines, f"{indent}}}"]

    def _loop(
        self, k: str, limits: Sequence[ast.expr], body: Sequence[ast.stmt], scope: Scope,
        indent: str,
    ) -> list[str]:  # fmt: skip
        """A loop over a range; one of a constant length is written out."""
        found = [self.value(limit, scope) for limit in limits]
        if all(value.type == "constant" for value in found):
            lines: list[str] = []
            for n in range(*(value.constant for value in found)):
                scope.values[k] = Value("", "constant", n)
                lines += self._block(body, scope, indent)
            return lines
        first, last = ("0" if len(found) == 1 else self.as_type(found[0], "int")), found[-1].text
        scope.declared[k], scope.values[k] = "int", Value(k, "int")
        head = f"{indent}for ({k} = {first}; {k} < {last}; ++{k}) {{"
        scope.depth += 1
        lines = [head, *self._block(body, scope, indent + "    "), f"{indent}}}"]
        scope.depth -= 1
        return lines


def _parameters(function: Callable[..., Any]) -> list[str]:
    """The names of a function's parameters, which must be plain ones."""
    parameters = inspect.signature(python_of(function), follow_wrapped=False).parameters.values()
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
        raise UntranslatableError("parameters such as *args")
    return [p.name for p in parameters]


def _defaults(function: Callable[..., Any]) -> list[Value]:
    """The values of all parameters that are left out of a call, from the first one on."""
    n, defaults = len(_parameters(function)), python_of(function).__defaults__ or ()
    missing = [Value("", "missing")] * (n - len(defaults))
    return [*missing, *(Value("", "constant", value) for value in defaults)]


def _loaded(target: ast.expr) -> ast.expr:
    """What is assigned to, as an expression that is read."""
    (parsed,) = ast.parse(ast.unparse(target)).body
    assert isinstance(parsed, ast.Expr)
    return parsed.value


def _without_unread(lines: list[str], scope: Scope) -> list[str]:
    """The lines but for assignments to variables that nothing reads, of which compilers warn."""
    for name in [*scope.declared]:
        own = [line for line in lines if line.strip().startswith(f"{name} = ")]
        others = [line.strip().removeprefix(f"{name} = ") for line in lines]
        if own and not any(name in words(line) for line in others):
            del scope.declared[name]
            return _without_unread([line for line in lines if line not in own], scope)
    return lines
