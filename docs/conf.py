"""Configuration of Sphinx."""

import os
import re
from importlib.metadata import version as installed_version

project = "fastgrad"
author = "The fastgrad developers"
copyright = f"2026, {author}"  # noqa: A001 -- Sphinx's name
version = release = installed_version(project)

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # the pages need no network
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# The notebooks are executed each time, and one that fails is an error.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120  # seconds a cell
nb_output_stderr = "remove"  # that code is being compiled
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # also under tox

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
