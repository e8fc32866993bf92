"""README and docs are correct: equations, examples, commands."""

import doctest
import re
import shlex
import textwrap
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.cli.main import main
from fastgrad.model.initializers import INITS
from fastgrad.optim import adam, first_order, lbfgs

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
}
#: The pages whose code is that of the package, in the order of their equations.
DERIVATIONS = [f"docs/derivation{part}.md" for part in ("", "-costs", "-step")]
DERIVATION = "".join(PAGES[page] for page in DERIVATIONS)
SOURCES = [path.read_text() for path in sorted((ROOT / "fastgrad").rglob("*.py"))]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "fastgrad").rglob("[a-z]*.py"))
]
TAG = re.compile(r"# (eq\. \(\w+\): .+)$", re.MULTILINE)
EQUATION = re.compile(r"^`(eq\. \(\w+\): .+)`$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page, *languages):
    return [text for language, text in BLOCK.findall(PAGES[page]) if language in languages]


def commands(page):
    """The arguments of each `fastgrad ...` line."""
    lines = "".join(blocks(page, "bash")).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("fastgrad ")]


def pages_with(*languages):
    return [page for page in PAGES if blocks(page, *languages)]


def test_each_equation_of_the_derivation_has_its_loop_and_the_reverse():
    assert sorted(set(TAG.findall("".join(SOURCES)))) == sorted(EQUATION.findall(DERIVATION))


def test_the_equations_are_numbered_as_in_the_formulas():
    numbers = re.findall(r"\\tag\{(\w+)\}", DERIVATION)
    assert [n for n in numbers if n.isdigit()] == [str(n) for n in range(1, 44)]
    assert re.findall(r"^`eq\. \((\w+)\): ", DERIVATION, re.MULTILINE) == numbers


def test_a_numbered_formula_has_one_line():
    numbered = [formula for formula in DERIVATION.split("$$")[1::2] if "\\tag" in formula]
    assert [formula for formula in numbered if r"\\" in formula] == []  # Sphinx would drop the \tag


@pytest.mark.parametrize("equation", EQUATION.findall(DERIVATION))
def test_the_loop_stands_under_its_equation(equation):
    language, loop = BLOCK.search(DERIVATION.split(f"`{equation}`")[1]).groups()
    assert language == "python"
    assert f"# {equation}\n" in loop


@pytest.mark.parametrize("page", DERIVATIONS)
def test_the_derivation_shows_the_code_as_it_is(page):
    assert [loop for loop in blocks(page, "python") if not stands_in_package(loop)] == []


@pytest.mark.parametrize(
    ("page", "tag"), [("README.md", "eq. (1)"), ("docs/design.md", "eq. (1s)")]
)
def test_the_page_shows_the_loop_as_it_is(page, tag):
    (loop,) = [text for text in blocks(page, "python") if "# eq." in text]
    assert f"# {tag}: " in loop
    assert stands_in_package(loop)


def stands_in_package(loop):
    indented = [textwrap.indent(loop, " " * width) for width in range(0, 20, 4)]
    return any(lines in source for source in SOURCES for lines in indented)


@jitted_only
def test_the_pages_show_every_figure(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(ROOT / "docs")
    import_module("figures").draw(tmp_path)
    shown = {
        name
        for text in PAGES.values()
        for name in re.findall(r"\]\((?:docs/)?_static/(\w+\.svg)", text)
    }
    assert {path.name for path in tmp_path.iterdir()} <= shown
    assert all((ROOT / "docs" / "_static" / name).exists() for name in shown)


def run_examples(page, but_not):
    names = {}
    for language, text in BLOCK.findall(PAGES[page]):
        if language == "python" and not any(words in text for words in ("# eq.", *but_not)):
            exec(compile(text, page, "exec"), names)
        elif language == "pycon":
            example = doctest.DocTestParser().get_doctest(text, names, page, page, 0)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            assert runner.run(example, clear_globs=False).failed == 0


@jitted_only
@pytest.mark.parametrize("page", sorted({*pages_with("python", "pycon")} - {*DERIVATIONS}))
def test_the_examples_run(page, folder):
    run_examples(page, but_not=["import mlflow", "import torch"])


@jitted_only
@pytest.mark.torch
@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "import torch" in text])
def test_the_examples_with_torch_run(page, folder):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    run_examples(page, but_not=[])


@jitted_only
def test_the_example_with_mlflow_runs(mlflow, folder):
    run_examples("docs/callbacks.md", but_not=[])
    assert len(mlflow.search_runs(experiment_names=["digits"])) == 2


@jitted_only
@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_run(module):
    if module.startswith("fastgrad.formats.torch"):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    module = import_module(module)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


@jitted_only
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_the_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    petals = rng.uniform(1, 7, size=(90, 2)).round(1)
    names = np.array(["setosa", "versicolor", "virginica"])[np.digitize(petals[:, 0], [3, 5])]
    rows = [
        f"{length},{width},{name}\n" for (length, width), name in zip(petals, names, strict=True)
    ]
    Path("flowers.csv").write_text("petal length,petal width,species\n" + "".join(rows))
    for command in commands(page):
        assert main(command) == 0, command


def test_the_command_line_page_has_every_option_of_train(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    options = re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    page = PAGES["docs/command-line.md"].split("## Options of train")[1]
    assert re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE) == options


@pytest.mark.parametrize(
    ("page", "known"),
    [
        ("docs/activations.md", fg.activations.ACTIVATIONS),
        ("docs/costs.md", fg.costs.COSTS),
        ("docs/initializers.md", INITS),
        ("docs/schedules.md", fg.schedules.SCHEDULES),
    ],
)
def test_the_tables_have_every_built_in_one(page, known):
    assert re.findall(r"^\| `(\w+)", PAGES[page], re.MULTILINE) == list(known)


def test_the_table_has_every_optimizer():
    rows = re.findall(r"^\| `(\w+)", PAGES["docs/optimizers.md"], re.MULTILINE)
    assert sorted(rows) == sorted([*adam.__all__, *first_order.__all__, *lbfgs.__all__])


def test_ci_runs_the_test_command_of_the_readme():
    command = re.search(r"^<!-- the test command -->\n```bash\n(.+)\n```$", README, re.MULTILINE)
    assert command[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_options_and_defaults_are_those_of_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split("options:")[1].split())
    table = PAGES["docs/command-line.md"].split("## Options of train")[1]
    rows = re.findall(r"^\| `(--[\w-]+).*?` \| .* \| (.*?) ?\|$", table, re.MULTILINE)
    named = set(re.findall(r"`(--[\w-]+)", table))
    assert named == set(re.findall(r"--[\w-]+", shown)) - {"--help"}
    for name, default in rows:
        about = re.search(rf"{name} [A-Z{{].*?(?=(?<!,) --|$)", shown)
        if re.fullmatch(r"[\d.,]+|[a-z]+\d*", default):
            assert f"(default: {default})" in about[0]
