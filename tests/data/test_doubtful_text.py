"""Text that may be meant as numbers or dates: a warning names the cell that makes it text."""

import io

import numpy as np
import pytest
from helpers.read_tables import read

from fastgrad.data.table import read_table


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*map(str, range(40)), "unknown"], "line 42, .*: got 'unknown' among 40 numbers, so that"),
        (["--", *map(str, range(40)), "."], "line 2, .*: got '--' among 40 numbers"),
        (["2020-01-31"] * 30 + ["2020-13-45"], "line 2, .*: got '2020-01-31', which is no date"),
        (["2020-01-31"] * 30 + ["never"], "line 32, .*: got 'never' among 30 dates"),
        (["31.01.2020", "01.02.2020"] * 3, "got '31.01.2020', which is text; if it is a date"),
        (["31-Jan-2020", "1-Feb-2020"] * 3, "got '31-Jan-2020', which is text; if it is a date"),
    ],
)
def test_text_that_may_be_meant_as_something_else_is_warned_about(cells, message):
    text = "".join(f"{cell},{k}\n" for k, cell in enumerate(cells))
    with pytest.warns(UserWarning, match=message) as caught:
        column = read("a,b\n" + text, header=True)["a"]
    assert column == cells
    assert len(caught) == 1
    assert read("a,b\n" + text, text=["a"], header=True)["a"] == cells


@pytest.mark.parametrize(
    "cells", [["4", "f", "r"] * 9, ["A1", "B2"], ["042", "7"] * 9, ["1/2", "3/4"], ["12:30"] * 3]
)
def test_text_that_is_meant_as_text_is_not(cells):
    assert read("a,b\n" + "".join(f"{cell},x\n" for cell in cells), header=True)["a"] == cells


def test_dates_with_slashes_are_those_with_hyphens():
    cells = ["2020/01/31", "", "2021/05/03 14:30"]
    text = "a,b\n" + "".join(f"{cell},x\n" for cell in cells)
    same = text.replace("/", "-")
    for one, other in ((text, same), (text.replace(" 14:30", ""), same.replace(" 14:30", ""))):
        columns = [read_table(io.StringIO(part)).columns["a"].values for part in (one, other)]
        assert columns[0].dtype.kind == columns[1].dtype.kind == "M"
        np.testing.assert_array_equal(*columns)
