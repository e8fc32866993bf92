"""Tables of workbooks."""

import pytest
from helpers.read_tables import values
from helpers.workbooks import write_book

from fastgrad.data.table import read_table


def test_excel(folder):
    pytest.importorskip("fastexcel")
    write_book("t.xlsx", ["S"])
    expected = {"a": [1.5, None], "b": ["x", None]}
    assert values(read_table("t.xlsx")) == expected
    with open("t.xlsx", "rb") as file:  # noqa: PTH123
        assert values(read_table(file)) == expected
    (folder / "bad.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"^bad.xlsx: damaged, or not a .xlsx file \("):
        read_table("bad.xlsx")
    write_book("two.xlsx", ["S", "notes"])
    with pytest.warns(UserWarning, match=r"^two.xlsx: the sheet 'S' is read, not notes$"):
        assert values(read_table("two.xlsx")) == expected
