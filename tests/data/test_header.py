"""Whether the first row of a file of text is read as names or as data."""

import io

import pytest
from helpers.read_tables import read, refusal

from fastgrad.data.table import read_table

BELOW = "1.5,2,a\n2.5,3,b\n3.5,5,a\n4.5,4,b\n"
WHOLE = "1,2,a\n2,3,b\n3,5,a\n4,4,b\n"


@pytest.mark.filterwarnings("ignore:.* got .* text")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x,y,kind\n" + BELOW, "x,y,kind"),
        ("400,410,kind\n" + BELOW, "400,410,kind"),
        ("2.5,2,b\n" + BELOW, None),
        ("2.5,2,rare\n" + BELOW, None),
        ("1,2,a\n" + WHOLE, None),
        ("name,kind\nann,x\nbob,y\ncid,x\n", "name,kind"),
        ("ann,x\nbob,y\ncid,x\n", None),
        ("0,1,2\n1,2.5,3\n4,5,6\n", "0,1,2"),  # pandas' for columns without names
        (",0,1\n0,5.5,6\n1,3,4\n", "column 1,0,1"),
        ("state,1970,1971,1972,1973,1974\nIT,1,2,3,4,5\n", "state,1970,1971,1972,1973,1974"),
        ("id,1970,1971,1972,1973,1974\nIT,1,2,3,4,x\n", "id,1970,1971,1972,1973,1974"),
        ("IT,1,2,3,4,5\nFR,1,2,3,4,5\n", None),
        ("1,2,3\n4,5,6\n", None),
        ("1,1\n2.5,3\n", None),
        ("-1,2\n2.5,3\n", None),
        ("1,2.0\n2.5,3\n", None),
        ("1,\n2.5,3\n", None),
        ("5,3\n2.5,4\n", None),
        ("Na\n1.5\n2.5\n", "Na"),
        ("5.1,3.5,x\n", None),
        ("flag,y\nTrue,1\nfalse,2\n", "flag,y"),
        (",column 1,\n1,2,3\n", "column 1 (no name),column 1,column 3"),
        ("NA,b\n1,2\n", "NA,b"),
        ("0,1,2,3,4\n0,0,1,0,0\n1,0,0,0,0\n", "0,1,2,3,4"),
        # The first row is like all others, but for digits
        ("2020-01-01,x\n2020-01-02,y\n", None),
        ("31/12/2020,x\n01/02/2021,y\n", None),
        ("10:30,x\n11:15,y\n", None),
        ("V27,x\nV28,y\n", None),
        ("True,x\nFALSE,y\n", None),
        ("2020-01-01,2020-02-01\n1,2\n", "2020-01-01,2020-02-01"),
        ("V1,V2\n250,V28\nE8,x\n", "V1,V2"),
    ],
)
def test_header(text, names):
    table = read_table(io.StringIO(text))
    assert table.has_header == (names is not None)
    width = len(text.split("\n")[0].split(","))
    assert [*table.columns] == (names.split(",") if names else [str(1 + c) for c in range(width)])
    assert len(text.splitlines()) == table.n_rows + table.has_header


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "400,410\n1.5,2\n",
            "whole numbers above others",
        ),
        (
            "400,410,kind\n" + WHOLE.replace("b", "a"),
            "its text occurs in no other row, the text of others does",
        ),
        ("400,410,name\n1.5,2.5,ann\n3.5,4.5,bob\n", "whole numbers above others"),
        (
            "5,rare\n2.5,a\n1.5,a\n",
            "its text occurs in no other row, the text of others does",
        ),
        (
            "5,2,rare\n2.5,3,a\n1.5,4,a\n",
            "its text occurs in no other row, the text of others does",
        ),
        ("0,1\n1,0\n0,0\n1,1\n", "numbers one after another"),
        ("0,1\n1,2\n2,3\n", "numbers one after another"),
        ("0,1,2\n3,4,5\n6,7,8\n", "numbers that go on in the next row"),
        ("1,2,3,4,5\n6,7,8,9,10\n", "numbers that go on in the next row"),
        ("x,5.5\n3,4\n2,1\n", "text above numbers, beside a number that is hardly a name"),
        ("NA\n1\n2\n", "nothing but words for missing values"),
        ("None,-\n1,2\n3,4\n", "nothing but words for missing values"),
    ],
)
def test_what_may_be_a_header_or_not(text, message):
    first = text.split("\n")[0].replace(",", ", ")
    assert refusal(text) == (
        f"the first row, {first}, may be a header or data: {message}; say which with header=True or"
        " header=False (--header yes or no)"
    )
    assert [*read(text, header=True)] == text.split("\n")[0].split(",")
    width = len(first.split(","))
    assert [*read(text, header=False)] == [str(1 + c) for c in range(width)]


def test_expected_names_tell_the_header():
    assert read("410,400\n1,2\n", expected=["400", "410"]) == {"410": [1], "400": [2]}
    assert read("Na\n1\n2\n", expected=["Na"]) == {"Na": [1, 2]}
    assert read("b,new\nx,y\n", expected=["a", "b"]) == {"b": ["x"], "new": ["y"]}
    for text in ("width,y\n1,2\n", "5,6\n7,8\n", "x,y\nz,w\n"):
        first = text.split("\n")[0].replace(",", ", ")
        message = refusal(text, expected=["widht", "length"])
        assert message.startswith(f"got a first row of {first}; ")
        assert message.endswith("expected a header with the names widht, length")
    assert "did you mean 'widht'?" in refusal("width,y\n1,2\n", expected=["widht", "length"])
    # The positions of a file without header
    assert read("400,410\n1.5,2\n", expected=["1", "2"]) == {"1": [400, 1.5], "2": [410, 2]}
    assert read("a,b\nc,d\n", expected=["1", "2"]) == {"1": ["a", "c"], "2": ["b", "d"]}


@pytest.mark.parametrize("header", [None, True])
def test_a_header_in_the_middle_is_refused_with_its_line(header):
    rows = "".join(f"{k},{k % 3},{'xy'[k % 2]}\n" for k in range(1500))
    for n in (3, 1200):
        text = "price,rooms,kind\n" + "".join(rows.splitlines(keepends=True)[:n])
        text += "price,rooms,kind\n" + rows
        message = f"line {n + 2}: repeats the first row, price, rooms, kind; leave it out"
        assert refusal(text, header=header) == message
    categories = "a,b\nx,y\na,b\nx,y\n"
    assert read(categories, header=False) == {"1": list("axax"), "2": list("byby")}
    assert len(read("kind,n\n" + "kind,1\n" * 3)["n"]) == 3
