"""The rules of the house that a reader relies on: imports, lengths, docstrings."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import fastgrad as fg
from fastgrad import plot

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fastgrad"
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))

LONGEST = 450

#: Lowest first: a module imports from its own level and those before. All others stand above.
LEVELS = [
    ["cache", "checks", "crew", "definitions", "history", "linking", "plan"],
    ["layers", "rates", "schedules"],
    ["averages", "callbacks", "chunks", "files"],
    ["jit", "progress"],
    ["elementary", "machine", "shapes"],
    ["lanes"],
    ["simd"],
    ["randomness"],
    ["regularization"],
    ["activations", "costs", "initial", "kernels", "metric_loops", "rules"],
    ["adam", "blocks", "lbfgs", "metrics", "optimizer", "optimizers", "task"],
    ["gathering", "learning", "memory", "samples"],
    ["training"],
    ["online"],
    ["loops"],
    ["order"],
    ["team"],
    ["passes"],
    ["fitting"],
    ["network"],
]
LEVEL = {module: level for level, modules in enumerate(LEVELS) for module in modules}


def imports(module, nodes=ast.walk):
    """(absolute name of a module, names taken from it) for each import among some nodes."""
    for node in nodes(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = ".".join(["fastgrad"] * node.level + [node.module] * bool(node.module))
            yield source, [alias.name for alias in node.names]


def imported_modules(module):
    """Those of fastgrad's own modules that a module needs to be imported itself."""
    for source, names in imports(module, nodes=ast.iter_child_nodes):
        if source == "fastgrad":
            yield from (name for name in names if name in MODULES)
        elif source.startswith("fastgrad."):
            yield source.split(".")[1]


def public(names, owner):
    """Functions and classes of these names, and the methods that the classes define anew."""
    for name in names:
        thing = getattr(owner, name)
        if inspect.isclass(thing):
            yield name, thing
            methods = [m for m in vars(thing) if inspect.isfunction(vars(thing)[m])]
            for method in methods:
                overrides = any(hasattr(base, method) for base in thing.__bases__)
                if not method.startswith("_") and not overrides:
                    yield f"{name}.{method}", vars(thing)[method]
        elif callable(thing):
            yield name, thing


PUBLIC = {
    f"{owner.__name__}.{name}": thing
    for owner in (fg, fg.activations, fg.costs, fg.metrics, fg.schedules, plot)
    for name, thing in public(owner.__all__, owner)
}


def test_the_levels_name_existing_modules():
    assert set(LEVEL) <= set(MODULES)


@pytest.mark.parametrize("module", LEVEL)
def test_imports_point_one_way(module):
    higher = [m for m in imported_modules(module) if LEVEL.get(m, len(LEVELS)) > LEVEL[module]]
    assert not higher, f"{module} imports {higher}"


def test_no_circle_of_imports():
    done = []
    left = {module: set(imported_modules(module)) - {module} for module in MODULES}
    left.pop("__init__", None)
    while ready := [module for module, needs in left.items() if needs <= set(done)]:
        done += ready
        for module in ready:
            del left[module]
    assert not left, f"these import one another: {left}"


@pytest.mark.parametrize("module", MODULES)
def test_no_private_name_crosses_modules(module):
    private = [
        name
        for source, names in imports(module)
        if source.startswith("fastgrad")
        for name in [*source.split("."), *names]
        if re.match(r"_(?!_)", name)
    ]
    assert not private, f"{module} imports {private}"


def test_only_four_files_know_llvm():
    knowing = [m for m in MODULES if any(s.startswith("llvmlite") for s, _ in imports(m))]
    assert knowing == ["lanes", "machine", "shapes", "simd"]


@pytest.mark.parametrize("folder", ["fastgrad", "tests", "benches"])
def test_no_file_is_too_long_for_one_sitting(folder):
    lines = {
        path.name: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name):
    thing = PUBLIC[name]
    text = inspect.getdoc(thing) or ""
    assert text, f"{name} has no docstring"
    assert sorted(described(text)) == sorted(parameters(thing))


def described(docstring):
    """The names under Parameters, or under the Attributes of a dataclass."""
    titled = re.split(r"^(\w[\w ]*)\n-+$", docstring, flags=re.MULTILINE)
    sections = dict(zip(titled[1::2], titled[2::2], strict=True))
    entries = sections.get("Parameters", sections.get("Attributes", ""))
    names = re.findall(r"^([*\w]+(?:, [*\w]+)*)(?: :|$)", entries, re.MULTILINE)
    return [name.lstrip("*") for line in names for name in line.split(", ")]


def parameters(thing):
    """Names of the parameters, none for exceptions."""
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return []
    return [name for name in inspect.signature(thing).parameters if name not in ("self", "cls")]
