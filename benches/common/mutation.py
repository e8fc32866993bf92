"""Faults to plant in a file of Python, one at a time: mutants."""

import ast
import difflib
import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

__all__ = ["Mutant", "draw"]

#: Each operator, and the one that takes its place.
OPERATORS = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"), ast.BitXor: ("^", "&"), ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
EXTREMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
ANY_ORDER = {*EXTREMES, "add", "multiply", "isinstance"}  # arguments that need not be exchanged

#: Constants that decide how fast a pass is, not what it computes.
SPEED = {
    "CACHE_LINE", "CLIP_STRIDE", "_ALIASING_GAP", "_COST_BATCH", "_LONG_SPIN", "_MOST_KINDS",
    "_MOST_POLLS", "_MOST_SAMPLES", "_NODES_PER_SUM", "_PREFETCH_DISTANCE", "_SCRATCH_BYTES",
    "_SMALL_BYTES", "_SMALL_STEP", "_STRIDE", "_LONGEST_PAUSE", "_SHORTEST_PAUSE",
    # of the thread tuner
    "_ALL_THREADS_ABOVE", "_CLEARLY", "_FIRST_DOUBT", "_LONGEST_TRIAL_PASS", "_LOSS_SHARE",
    "_ONE_THREAD_BELOW", "_OPERATIONS_PER_SECOND", "_PASS_SECONDS", "_SECOND_TRIAL",
    "_TRIAL_SECONDS", "_TRIAL_SHARE", "_TRIAL_STEPS",
    "_OPERATIONS",  # of a fleet's worker
}  # fmt: skip


class Mutant(NamedTuple):
    """A file in which some bytes are replaced."""

    file: Path
    kind: str
    start: int
    end: int
    new: str

    @property
    def content(self) -> bytes:
        """The file with the fault."""
        source = self.file.read_bytes()
        return source[: self.start] + self.new.encode() + source[self.end :]

    def __str__(self) -> str:
        """The number of the line, the line, and what takes its place."""
        source = self.file.read_bytes()
        number = source[: self.start].count(b"\n") + 1
        before, after = (text.decode().split("\n") for text in (source, self.content))
        lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:]
        old, new = (" ".join(k[1:].strip() for k in lines if k[0] == sign) for sign in "-+")
        return f"{number}: `{old}` -> `{new}`"


class _Finder(ast.NodeVisitor):
    """Finds the mutants of a file: see `benches.reports.mutants` for what is left out."""

    def __init__(self, file: Path) -> None:
        self.file, self.source, self.found = file, file.read_bytes(), list[Mutant]()
        lines = self.source.splitlines(keepends=True)
        self.starts = [sum(map(len, lines[:k])) for k in range(len(lines))]
        self.visit(ast.parse(self.source))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Its first byte, and the one behind its last."""
        last, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[last - 1] + end

    def text(self, *nodes: ast.expr | ast.stmt) -> str:
        """A node, or two and all between them, as written."""
        return self.source[self.span(nodes[0])[0] : self.span(nodes[-1])[1]].decode()

    def add(self, kind: str, node: ast.expr | ast.stmt, new: str) -> None:
        """Add the mutant in which something else is in a node's place."""
        self.found.append(Mutant(self.file, kind, *self.span(node), new))

    def add_operator(self, kind: str, left: ast.expr, operator: ast.AST, right: ast.expr) -> None:
        """Add the mutant with another operator between two nodes."""
        start, end = self.span(left)[1], self.span(right)[0]
        between = self.source[start:end].decode()
        if type(operator) in OPERATORS:
            new = between.replace(*OPERATORS[type(operator)], 1)
            self.found.append(Mutant(self.file, kind, start, end, new))

    def remove(self, node: ast.stmt) -> None:
        """Add the mutant without a statement, and look into it."""
        self.add("statement", node, "pass")
        self.generic_visit(node)

    def negate(self, node: ast.If | ast.IfExp | ast.While) -> None:
        """Add the mutant with the opposite condition."""
        self.add("condition", node.test, f"(not ({self.text(node.test)}))")
        self.generic_visit(node)

    visit_AugAssign = visit_Continue = visit_Break = remove  # noqa: N815
    visit_If = visit_IfExp = visit_While = negate  # noqa: N815

    # --- what changes no result, and is not looked into ---------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...

    def visit_Raise(self, node: ast.Raise) -> None:
        self.add("statement", node, "pass")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name not in {"__repr__", "__str__"}:
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            for part in [*filter(None, defaults), *node.body]:
                self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in {"repr", "kw_only"}:
            self.visit(node.value)

    # --- the others ---------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)}
        if isinstance(node.targets[0], ast.Subscript | ast.Attribute):
            self.add("statement", node, "pass")
        if not names & SPEED:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and "prefetch(" not in self.text(node):
            self.remove(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add("constant", node, str(not node.value))
        elif isinstance(node.value, int | float):
            changed = node.value + 1 if isinstance(node.value, int) else node.value * 2 or 1.0
            self.add("constant", node, repr(changed))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self.add("sign", node, f"({self.text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.add_operator("arithmetic", node.left, node.op, node.right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.add_operator("logic", node.values[0], node.op, node.values[1])
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = [node.left, *node.comparators]
        for pair in zip(left, node.ops, node.comparators, strict=False):
            self.add_operator("comparison", *pair)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = self.text(node.func)
        name = function.rpartition(".")[2]
        if name in {"range", "prange"} and len(node.args) < 3:
            first, last = self.text(node.args[0]), self.text(node.args[-1])
            self.add("range", node.args[-1], f"{last} - 1")
            begin = f"{first} + 1" if len(node.args) > 1 else f"1, {first}"
            self.add("range", node.args[0], begin)
        elif name in EXTREMES:
            self.add("extreme", node.func, function.removesuffix(name) + EXTREMES[name])
        pair = node.args[-2:]
        if len(pair) == 2 and name not in ANY_ORDER and not isinstance(pair[-1], ast.Starred):
            old, (one, two) = self.text(*pair), map(self.text, pair)
            if one != two:
                between = old.removeprefix(one).removesuffix(two)
                start, end = self.span(pair[0])[0], self.span(pair[1])[1]
                new = two + between + one
                self.found.append(Mutant(self.file, "arguments", start, end, new))
        self.generic_visit(node)


def draw(file: Path, count: int, seed: int) -> list[Mutant]:
    """Some mutants of a file, at random: of each kind one, then of each a second."""
    mutants, taken = _Finder(file).found, Counter[str]()
    random.Random(f"{seed} {file.name}").shuffle(mutants)
    rounds = []
    for mutant in mutants:
        rounds.append(taken[mutant.kind])
        taken[mutant.kind] += 1
    order = sorted(range(len(mutants)), key=lambda k: rounds[k])
    return [mutants[k] for k in order[:count]]
