"""Rules that a reader relies on: imports, lengths, docstrings."""

import ast
import inspect
import itertools
import re
import subprocess
from pathlib import Path

import pytest
from helpers.public_names import public_names

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fastgrad"


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


#: Path of each module by its dotted name.
MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}

LONGEST = 450


def imports(module, nodes=ast.walk):
    """(absolute name of a module, names taken from it) for each import among some nodes."""
    package = [*module.split(".")][: None if MODULES[module].name == "__init__.py" else -1]
    for node in nodes(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join(above + [node.module] * bool(node.module))
            yield source, [alias.name for alias in node.names]


def imported_modules(module, nodes=ast.walk):
    """Those of fastgrad's own modules that a module imports."""
    for source, names in imports(module, nodes):
        if source.split(".")[0] == "fastgrad":
            taken = [f"{source}.{name}" for name in names]
            yield from (name for name in taken if name in MODULES)
            if not all(name in MODULES for name in taken) or not names:
                yield source


def test_the_modules_are_found():
    assert len(MODULES) > 60


#: Rooms and modules, lowest first: each may import what stands left of it on its own line or on a
#: line above, and, if it is a room, its own modules. Type-only imports count too.
ORDER = [
    [
        "arithmetic",
        "atomic_write",
        "extras",
        "markup",
        "validation",
        "version",
        "frames",
        "codegen",
    ],
    ["registry"],
    ["kernels"],
    ["metrics", "model", "optim"],
    ["data"],
    ["formats"],
    ["engine"],
    ["train"],
    ["explain"],
    ["network_base", "network"],
    ["checkpoint"],
    ["importing"],
    ["fleets"],
    ["tables"],
    ["plot", "sklearn", "tools"],
    ["play"],
    ["cli"],
    ["__main__"],
]
#: What stands beside the line from kernels to network, and what it must not know.
BESIDE = {"data": {"optim", "metrics"}, "formats": {"metrics"}}


def room(module):
    return module.split(".")[1] if "." in module else "fastgrad"


def test_every_room_has_its_place():
    assert {room(module) for module in MODULES} - {"fastgrad"} == {*itertools.chain(*ORDER)}


@pytest.mark.parametrize("module", [module for module in MODULES if module != "fastgrad"])
def test_imports_point_one_way(module):
    places = [name for line in ORDER for name in line]
    allowed = {*places[: places.index(room(module)) + 1]} - BESIDE.get(room(module), set())
    allowed |= {"fastgrad"} if room(module) == "cli" else set()  # the public names
    assert {room(imported) for imported in imported_modules(module)} <= allowed


def test_no_circular_imports():
    done, on_import = {"fastgrad"}, ast.iter_child_nodes
    left = {module: set(imported_modules(module, on_import)) - {module} for module in MODULES}
    left.pop("fastgrad")
    while ready := [module for module, needs in left.items() if needs <= done]:
        done |= set(ready)
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
    stems = [module.rpartition(".")[2] for module in knowing]
    assert stems == ["intrinsics", "simd", "tile_shapes", "vector_emitter"]


@pytest.mark.parametrize("folder", ["fastgrad", "tests", "benches"])
def test_no_file_is_too_long(folder):
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


PUBLIC = {name: thing for name, thing in public_names().items() if callable(thing)}


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


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs git's list; a checkout has it")
def test_no_ignored_file_is_tracked():
    tracked = ["git", "-C", str(ROOT), "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(tracked, capture_output=True, text=True, check=True).stdout == ""
