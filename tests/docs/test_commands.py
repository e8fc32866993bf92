"""What the commands of the pages name exists: modules, their options, environments, extras.

`tests/test_docs.py` runs the Python of every page and its lines of `fastgrad`. The other commands
install packages or measure for minutes.
"""

import configparser
import re
import tomllib
from pathlib import Path

import pytest

from fastgrad.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = "\n".join(page.read_text() for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MODULES = re.findall(r"python -m (benches[\w.]*)", TEXT)
OPTIONS = re.findall(r"(?<= )--[a-z-]+", "\n".join(re.findall(r"python -m benches[^\n`#]*", TEXT)))
ENVIRONMENTS = re.findall(r"tox -e (\w+)", TEXT)
EXTRAS = re.findall(r"pip install [^\n]*\[([\w,]+)\]", TEXT)
COMMANDS = re.findall(r"`fastgrad ([a-z]+)", TEXT)


@pytest.mark.parametrize("module", sorted({*MODULES}))
def test_the_module_exists(module):
    path = ROOT.joinpath(*module.split("."))
    assert path.with_suffix(".py").exists() or (path / "__main__.py").exists()


@pytest.mark.parametrize("option", sorted({*OPTIONS}))
def test_a_report_has_the_option(option):
    assert any(f'"{option}"' in path.read_text() for path in (ROOT / "benches").rglob("*.py"))


@pytest.mark.parametrize("environment", sorted({*ENVIRONMENTS}))
def test_tox_has_the_environment(environment):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    assert f"testenv:{environment}" in tox


@pytest.mark.parametrize("extra", sorted({name for names in EXTRAS for name in names.split(",")}))
def test_the_package_has_the_extra(extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra in project["optional-dependencies"]


@pytest.mark.parametrize("command", sorted({*COMMANDS}))
def test_fastgrad_has_the_command(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert command in capsys.readouterr().out


def test_the_commands_are_found():
    found = (MODULES, OPTIONS, ENVIRONMENTS, EXTRAS, COMMANDS)
    assert [len(names) > 3 for names in found] == [True] * len(found)
