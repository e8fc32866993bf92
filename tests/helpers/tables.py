"""Small tables: made of arrays, and excerpts of public ones."""

from pathlib import Path

import numpy as np
import pytest

from fastgrad.data.table import Column, Table

__all__ = ["EXCERPTS", "excerpt", "table", "text"]

TABLES = Path(__file__).parents[1] / "data" / "tables"


def text(*values):
    """A column of text, None where it is missing."""
    return np.array(values, dtype=object)


def table(**columns):
    """A table of columns given as arrays or as keyword arguments of Column."""
    made = {
        name: Column(name, **values) if isinstance(values, dict) else Column(name, values)
        for name, values in columns.items()
    }
    return Table(made, len(next(iter(made.values())).values), "t.csv")


def excerpt(name):
    """A DataFrame of at most 100 rows of a public table."""
    pd = pytest.importorskip("pandas")
    dates = ["date"] if name == "seattle-weather" else []
    return pd.read_csv(TABLES / f"{name}.csv", parse_dates=dates)


EXCERPTS = ["penguins", "msleep", "seattle-weather"]
