"""Tables of workbooks."""

import zipfile

import pytest
from helpers.read_tables import values

from fastgrad.data.table import read_table

SHEET = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c>
<c r="B1" t="inlineStr"><is><t>b</t></is></c></row>
<row r="2"><c r="A2"><v>1.5</v></c><c r="B2" t="inlineStr"><is><t>x</t></is></c></row>
<row r="3"><c r="B3" t="inlineStr"><is><t>NA</t></is></c></row>
</sheetData></worksheet>"""
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def write_book(path, sheets):
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{k}" r:id="r{k}"/>' for k, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="r{k}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        for k in range(1, 1 + len(sheets))
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", SHEET)
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships">{related}</Relationships>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1"'
            f' Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"/>')


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
