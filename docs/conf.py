"""Configuration of Sphinx."""

import re
from importlib.metadata import version as installed_version

project = "fastgrad"
author = "The fastgrad developers"
copyright = f"2026, {author}"  # noqa: A001 -- Sphinx's name
version = release = installed_version(project)

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # the pages need no network
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's sections name the types
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

copybutton_exclude = ".linenos, .gp"

html_theme = "furo"
html_title = "fastgrad"
html_static_path = ["_static"]
html_css_files = ["custom.css"]


def escape_absolute_values(app, what, name, thing, options, lines):
    """Keep |d| in a docstring from being read as a reStructuredText substitution."""
    lines[:] = [re.sub(r"\|(\w+)\|", r"\|\1\|", line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escape_absolute_values)
