"""The page of the API has every public name."""

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from helpers.public_names import methods, public_names

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
DIRECTIVE = re.compile(r"^\.\. auto(\w+):: ([\w.]+)\n((?:   :.*\n)*)", re.MULTILINE)


def members(thing, options):
    """The methods and properties that autodoc shows of a class."""
    asked = re.search(r":members:(.*)", options)
    inherited = thing.__mro__ if ":inherited-members:" in options else [thing]
    every = [function for base in inherited for _, function in methods(base)]
    names = {name.strip() for name in asked[1].split(",")} - {""} if asked else set()
    return [f for f in every if asked and (not names or f.__name__ in names)]


PUBLIC = public_names()
SHOWN = []
for kind, name, options in DIRECTIVE.findall(PAGE):
    SHOWN.append(resolve_name(f"fastgrad.{name.removeprefix('fastgrad.')}"))
    SHOWN += members(SHOWN[-1], options) if kind == "class" else []


@pytest.mark.parametrize(("name", "thing"), PUBLIC.items(), ids=PUBLIC)
def test_the_page_has_the_public_name(name, thing):
    assert any(shown is thing for shown in SHOWN), f"{name} is not on the page"


def test_the_page_has_each_name_once():
    names = [name for _, name, _ in DIRECTIVE.findall(PAGE)]
    assert len(names) == len({*names})
