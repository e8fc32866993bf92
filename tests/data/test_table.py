"""Files of text as tables: delimiters, headers, and what each cell is."""

import bz2
import csv
import gzip
import io
import zipfile

import numpy as np
import pytest
from helpers.read_tables import read, refusal, values
from hypothesis import given
from hypothesis import strategies as st

from fastgrad.data.cells import MISSING_WORDS, is_number, is_plain_number
from fastgrad.data.table import read_table

# --- delimiters, quotes, lines -------------------------------------------------------------------

FLOWERS = {"length": [5.1, 6.2], "kind": ["setosa", "virginica"]}


@pytest.mark.parametrize(
    "text",
    [
        "length,kind\n5.1,setosa\n6.2,virginica\n",
        "length;kind\n5.1;setosa\n6.2;virginica\n",
        "length;kind\n5,1;setosa\n6,2;virginica\n",
        "length\tkind\n5.1\tsetosa\n6.2\tvirginica\n",
        "length|kind\n5.1|setosa\n6.2|virginica\n",
        "length kind\n5.1 setosa\n6.2 virginica\n",
        "\ufefflength,kind\r\n5.1,setosa\r\n6.2,virginica",
        "length,kind\r5.1,setosa\r6.2,virginica\r",
        "length, kind\n\n5.1, setosa\n   \n 6.2 , virginica \n\n",
        '"length","kind"\n"5.1","setosa"\n"6.2","virginica"\n',
        'length, "kind"\n5.1, "setosa"\n6.2, "virginica"\n',
        "'length','kind'\n'5.1','setosa'\n'6.2','virginica'\n",
        "sep=;\nlength;kind\n5.1;setosa\n6.2;virginica\n",  # of spreadsheets
        '\ufeff"sep=|"\r\nlength|kind\r\n5.1|setosa\r\n6.2|virginica\r\n',
        'sep=;\nlength; "kind"\n5.1; "setosa"\n6.2; "virginica"\n',
        "length  kind\n5.1     setosa\n6.2     virginica\n",
        "  length      kind\n     5.1    setosa\n     6.2 virginica \n",
        '  length      kind\n     5.1  "setosa"\n     6.2\tvirginica \n',
    ],
)
def test_dialects(text):
    assert read(text) == FLOWERS


def test_delimiters_within_quotes():
    assert read('"height, cm","weight\nkg"\n1.5,"2"\n') == {"height, cm": [1.5], "weight\nkg": [2]}
    assert read('a,b\n1,"say ""hi"", ok"\n2,"two\nlines"\n')["b"] == ['say "hi", ok', "two\nlines"]
    assert read("height, cm\tweight, kg\n1.5\t2\n") == {"height, cm": [1.5], "weight, kg": [2]}
    assert read('a, b\n1, "x, y"\n\n2, "z"\n') == {"a": [1, 2], "b": ["x, y", "z"]}


def test_columns_aligned_with_blanks():
    rows = " 0.006  18.00   2.3  0\n 0.027   0.00   7.1  0\n11.127  10.00   7.1  1\n"
    expected = {"1": [0.006, 0.027, 11.127], "2": [18, 0, 10], "3": [2.3, 7.1, 7.1], "4": [0, 0, 1]}
    assert read(rows) == expected
    assert read('18.0   8   307.0\t"a ""b"" c"\n15.0   8   350.0\t"d"\n') == {
        "1": [18, 15], "2": [8, 8], "3": [307, 350], "4": ['a "b" c', "d"]
    }  # fmt: skip
    assert read("1\t2\t\t3\n4\t5\t6\n") == {"1": [1, 4], "2": [2, 5], "3": [3, 6]}
    assert read("1.5 2.5\n", header=False) == {"1": [1.5], "2": [2.5]}
    # Two blanks with nothing between them
    assert read("a b c\n1  3\n4 5 6\n") == {"a": [1, 4], "b": [None, 5], "c": [3, 6]}
    assert read("a b c\n1  3\n4  6\n") == {"a": [1, 4], "b": [None, None], "c": [3, 6]}
    # Blanks that are no delimiters
    assert read("name\tno\nann lee\t5 6\nbob ray\t7 8 9\n", text=["no"])["no"] == ["5 6", "7 8 9"]
    for text in ("no\n017 123\n017 124\n", "a,no\nann,017 123\nbob,017 124\n"):
        assert "got '017 123'" in refusal(text)
        assert read(text, text=["no"])["no"] == ["017 123", "017 124"]
    assert "got '017 123'" in refusal("ann,017 123\nbob,017 124\n")


def test_long_cells_and_lines(file):
    long = "x" * 200_000
    assert read(f"a,b\n{long},1\ny,2\n") == {"a": [long, "y"], "b": [1, 2]}
    rows = "a,b\n" + "x,1\n" * 2000 + f"{long},1\n"
    assert refusal(f"{rows}x,inf\n").startswith("line 2003, column 'b': got 'inf'")
    assert refusal(f"{rows}x\n").startswith("line 2003: 1 columns")
    table = read_table(file("mac.csv", "a,b\r" + "1,2\r" * 1_100_000))  # no line feed in 4 MB
    assert (table.n_rows, [*table.columns]) == (1_100_000, ["a", "b"])
    wide = ",".join(f"gene{k:0100d}" for k in range(45_000))
    assert len(read_table(file("wide.csv", wide + "\n" + "1," * 44_999 + "1")).columns) == 45_000
    text = "".join(f'{k},"{"line" * 900}\n"\n' for k in range(1200))  # few rows in 4 MB
    assert read_table(file("lines.csv", "n,text\n" + text)).n_rows == 1200


def test_lines_after_the_line_of_the_delimiter():
    assert refusal("sep=;\na;b\n1;2\n1\n").startswith("line 4: 1 columns; expected 2")
    assert refusal("sep=;\na;b\n1;2\ninf;1\n").startswith("line 4, column 'a'")
    assert refusal('sep=;\na; "b"\n1; "2"\n3; "inf"\n').startswith("line 4, column 'b'")


def test_characters_that_are_rarely_quotes():
    text = "a\tb\n" + "".join(f"~~ big {k} ~~\t'tis {k}\n" for k in range(9))
    expected = {"a": [f"~~ big {k} ~~" for k in range(9)], "b": [f"'tis {k}" for k in range(9)]}
    assert read(text) == expected
    assert read('a,b\n"x \\"y\\", z",1\n"w",2\n') == {"a": ['x "y", z', "w"], "b": [1, 2]}
    assert read("a,b\nC:\\x,1\nC:\\y,2\n") == {"a": ["C:\\x", "C:\\y"], "b": [1, 2]}


def test_one_column():
    assert read("a\n1\n2\n") == {"a": [1, 2]}
    assert read('a\n1\n""\n   \n2\n') == {"a": [1, None, 2]}  # a line of blanks is no row
    assert read("name\nann lee\nbob ray\n") == {"name": ["ann lee", "bob ray"]}
    assert read("full name\nann lee\nbob ray\n") == {"full name": ["ann lee", "bob ray"]}
    assert read("1\n2.5\n", header=False) == {"1": [1, 2.5]}


def test_lines_of_the_file_are_those_of_the_rows():
    text = '\n"a\nb",c\n1,x\n\n  \n2,"two\nlines"\n3,y\n'
    table = read_table(io.StringIO(text))
    assert [table.place(row, "c") for row in range(3)] == [
        "StringIO, line 4, column 'c'",
        "StringIO, line 7, column 'c'",
        "StringIO, line 9, column 'c'",
    ]
    chosen = table.take([2, 0])
    assert values(chosen) == {"a\nb": [3, 1], "c": ["y", "x"]}
    assert chosen.place(0, "c") == "StringIO, line 9, column 'c'"
    last = table.take(np.array([False, True, True])).take([1])
    assert (last.n_rows, last.place(0, "a\nb")) == (1, "StringIO, line 9, column 'a\\x0ab'")
    assert values(table.take([])) == {"a\nb": [], "c": []}
    assert values(table.without(["c"])) == {"a\nb": [1, 2, 3]}
    nameless = read_table(io.StringIO("1.5,x\n2.5,y\n"))
    assert nameless.place(1, "2") == "StringIO, line 2, column 2"


def test_encodings(file):
    for encoding in ("utf-16", "utf-8-sig"):
        assert read_table(file("t.csv", "a,b\n1,é\n".encode(encoding))).columns["b"].values == ["é"]
    with pytest.raises(
        ValueError, match=r"^t\.csv: not UTF-8 text \(byte 0xe9\); save it as UTF-8"
    ):
        read_table(file("t.csv", "a,b\n1,é\n".encode("latin-1")))
    late = b"a,b\n" + b"1,x\n" * 2_000_000 + b"1,\xe9\n"
    with pytest.raises(ValueError, match=r"^t\.csv: not UTF-8 text"):
        read_table(file("t.csv", late))
    with pytest.raises(ValueError, match=r"^t\.csv: holds NUL bytes; expected text"):
        read_table(file("t.csv", b"a,y\n1\0,2\n"))


def test_compressed_files(file):
    text = b"a,b\n1,x\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("folder/t.csv", text)
    zstd = pytest.importorskip("pyarrow").Codec("zstd").compress(text, asbytes=True)
    for name, content in {
        "t.csv.gz": gzip.compress(text),
        "t.tsv.bz2": bz2.compress(text),
        "t.txt.zst": zstd,
        "t.zip": archive.getvalue(),
    }.items():
        table = read_table(file(name, content))
        assert values(table) == {"a": [1], "b": ["x"]}
        assert table.place(0, "b") == f"{name}, line 2, column 'b'"
    # The first bytes tell, not the name
    for name, content in {
        "plain.csv.gz": text,
        "gzip.csv": gzip.compress(text),
        "none": bz2.compress(text),
    }.items():
        assert values(read_table(file(name, content))) == {"a": [1], "b": ["x"]}
        assert values(read_table(io.BytesIO(content))) == {"a": [1], "b": ["x"]}
    with pytest.raises(ValueError, match=r"^BytesIO: cut short or damaged"):
        read_table(io.BytesIO(gzip.compress(text)[:-9]))
    for name in ("cut.csv.gz", "cut.zip"):
        with pytest.raises(ValueError, match=rf"^{name}: .*damaged"):
            read_table(file(name, gzip.compress(text)[:-9]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; expected rows of numbers or text"),
        (" \n\n", "the file is empty; expected rows of numbers or text"),
        (
            "a,b\n",
            "no rows below the header; expected at least one, or header=False (--header no) if it"
            " is none",
        ),
        (
            "a,b,y\n1,2,3\n1,2\n1,2,3,4\n4,5,6\n",
            "line 3: 2; line 4: 4 columns; expected 3 in every row, separated by ','",
        ),
        (
            "Report of 2020\n\na,b,y\n1,2,3\n2,3,4\n",
            "line 1: 1 columns; expected 3 in every row, separated by ','; leave out what stands"
            " above the table",
        ),
        ("a,a,b,b\n1,2,3,4\n", "got a, b as the name of several columns"),
        ('a,b\n1,"open\n2,3\n', 'line 2: the quote " is never closed'),
    ],
)
def test_what_is_no_table(text, message):
    assert refusal(text) == message


def test_short_rows_far_down_the_file(file):
    content = "a,b\n" + "1,2\n" * 1_000_000 + "1\n" + "1,2\n" * 10
    with pytest.raises(ValueError, match=r"^t\.csv, line 1000002: 1 columns; expected 2"):
        read_table(file("t.csv", content))


# --- cells ---------------------------------------------------------------------------------------


def one(cells, **arguments):
    """The values of a column of these cells, and whether they are booleans."""
    text = "a,end\n" + "".join(f"{cell},0\n" for cell in cells)
    table = read_table(io.StringIO(text), header=True, **arguments)
    return values(table)["a"]


@pytest.mark.filterwarnings("ignore:.* got .* text")
@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2.5", "+.5", "1e3", "2."], [1, -2.5, 0.5, 1000, 2]),
        (["4", "f", "r"], ["4", "f", "r"]),
        (["1_0", "2"], ["1_0", "2"]),
        (["٣", "4"], ["٣", "4"]),
        (["\uff13", "4"], ["\uff13", "4"]),
        (["0x1", "4"], ["0x1", "4"]),
        (["042", "42", "V27"], ["042", "42", "V27"]),
        (["042", "42"], ["042", "42"]),
        ([" 007", "7"], ["007", "7"]),
        (["-01", "1"], ["-01", "1"]),
        (["0", "0.5", "-0.5", "0e1"], [0, 0.5, -0.5, 0]),
        (["9007199254740992", "-9007199254740992"], [2.0**53, -(2.0**53)]),
        (["9007199254740993", "1"], ["9007199254740993", "1"]),
        (["9007199254740993", "0.5"], [2.0**53, 0.5]),  # not an integer for each
        (["1e20", "1"], [1e20, 1]),
        (["1", "inf", "x"], ["1", "inf", "x"]),
        (["true", "FALSE", "", "True"], [1, 0, None, 1]),
        (["true", "1"], ["true", "1"]),
        (["yes", "no"], ["yes", "no"]),
        (["1", "$5", "x"], ["1", "$5", "x"]),
        (["2020-02-30", "2020-01-01"], ["2020-02-30", "2020-01-01"]),
        (["2020", "2021"], [2020, 2021]),
        (["Na", "Cl"], ["Na", "Cl"]),
        ([" x ", "y"], ["x", "y"]),
    ],
)
def test_what_a_column_is(cells, expected):
    assert one(cells) == expected
    assert one([*cells, *MISSING_WORDS]) == expected + [None] * len(MISSING_WORDS)
    stripped = [cell.strip() or None for cell in cells]
    assert one(cells, text=["a"]) == stripped
    assert one([*cells, "."]) == [*stripped, "."]  # one cell that is text makes all text
    assert one([*cells, "."], missing=["."])[: len(cells)] == expected


def test_booleans():
    columns = read_table({"a": ["true", "False"], "b": [1, 0], "c": ["0", "1"]}).columns
    assert [column.is_boolean for column in columns.values()] == [True, False, False]
    assert columns["a"].values.tolist() == [1, 0]
    assert columns["a"].values.dtype == np.float64


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2020-02-29", "1969-12-31"], ["2020-02-29", "1969-12-31"]),
        (["2020-02-29 10:30", "2020-02-29T10:30:05"], ["2020-02-29T10:30", "2020-02-29T10:30:05"]),
        (["2020-02-29 10:30:05.25"], ["2020-02-29T10:30:05.25"]),
        (["2020-02-29 10:30:05.123456789"], ["2020-02-29T10:30:05.123456"]),
        (
            ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+02:00"],
            ["2020-01-01T00:00", "2019-12-31T23:00"],
        ),
    ],
)
def test_times(cells, expected):
    table = read_table({"a": [*cells, "NA", None]})
    assert table.columns["a"].values.dtype == "datetime64[us]"
    wanted = np.array([*expected, "NaT", "NaT"], "datetime64[us]")
    np.testing.assert_array_equal(table.columns["a"].values, wanted)


def test_missing_words_are_the_same_in_every_column():
    text = "".join(f"{word},{word}\n" for word in MISSING_WORDS)
    table = read_table(io.StringIO(f"a,b\n{text}1,x\n"))
    assert values(table) == {
        "a": [None] * len(MISSING_WORDS) + [1],
        "b": [None] * len(MISSING_WORDS) + ["x"],
    }
    numbers = {"a": [1, None, 3], "b": [1, None, None], "c": [1, 2, 3]}
    text = "a,b,c\n1,1,1\n-999,-999,2\n3,-999.0,3\n"
    assert read(text, missing=["-999"]) == numbers
    assert values(read_table({"a": [1, -999, 3.0]}, missing=["-999"])) == {"a": [1, None, 3]}
    typed = {"a": np.array([1, -999]), "b": [True, False]}
    expected = {"a": ["1", None], "b": [1, 0]}
    assert values(read_table(typed, missing=["-999", "0"], text=["a"])) == expected
    only = read("a,b\n.,.\nNA,1\n,x\n", missing=["."])
    assert only == {"a": [None, "NA", None], "b": [None, "1", "x"]}
    assert read("a,b\nNA,1\n,2\n") == {"a": [None, None], "b": [1, 2]}
    assert read_table(io.StringIO("a,b\nNA,1\n")).columns["a"].values.dtype == np.float64


def test_formatted_numbers_are_refused_at_once():
    go_on = (
        "expected numbers written plainly, as 1234.5; to keep it, categorical=['{0}']"
        " (--categorical {0})"
    )
    text = 'a,b,c,d\n1,"$1,200",30%,x\n2,"41,6",5%,inf\n'
    assert refusal(text) == (
        f"line 2, column 'b': got '$1,200'; {go_on.format('b')}; StringIO, line 2, column 'c':"
        f" got '30%'; {go_on.format('c')}"
    )
    assert values(read_table(io.StringIO(text), text=["b", "c"]))["b"] == ["$1,200", "41,6"]
    for cell in ("($5)", "\u22125", "1\u2019200", "1 200", "5 %"):
        assert refusal(f"a,b\n{cell},1\n5,2\n").startswith(f"line 2, column 'a': got '{cell}'")
    # One plain number, or a missing one, among them changes nothing
    assert refusal("a;b\n1.234,5;1\nNA;2\n2;3\n").startswith("line 2, column 'a': got '1.234,5'")


def test_numbers_that_are_not_finite_are_refused():
    message = (
        "line 3, column 'a': got '{}'; expected a finite number; to take it for missing, name it in"
        " missing (--missing)"
    )
    assert refusal("a,b\n1,2\ninf,3\n") == message.format("inf")
    assert refusal("a,b\n1,2\n1e400,3\n") == message.format("1e400")
    for text in ("a,b\n1,2\ninf,3\n", "a;b\n1,5;2\ninf;3\n", "a,b\nInf,2\n1,3\n"):
        assert None in read(text, missing=["inf", "Inf"])["a"]
    table = read_table({"a": [1.0, np.inf, -np.inf]}, missing=["inf", "-inf"])
    assert values(table) == {"a": [1, None, None]}


def test_missing_numbers_among_decimal_commas():
    assert read("a;b\n1,5;2\n-999;3\n", missing=["-999"])["a"] == [1.5, None]


def test_decimal_commas():
    text = "".join(f"{k},1;{k},5;{'ab'[k % 2]}\n" for k in range(4))
    expected = {"1": [0.1, 1.1, 2.1, 3.1], "2": [0.5, 1.5, 2.5, 3.5], "3": ["a", "b", "a", "b"]}
    assert read(text) == expected
    assert read("5,1;3,5\n6;4,7\n8,3;9,9\n") == {"1": [5.1, 6, 8.3], "2": [3.5, 4.7, 9.9]}
    assert read("a;b\n1,25;2\n;3\n4;5\n") == {"a": [1.25, None, 4], "b": [2, 3, 5]}
    for text in ("a;b\n1,25;2.5\n5,75;3\n", "a;b\n1.234,5;1\n2.345,6;2\n"):
        assert refusal(text).endswith(
            "written plainly, as 1234.5; to keep it, categorical=['a'] (--categorical a)"
        )
    assert "1000 times as large" in refusal("a;b\n1,234;2\n5,678;3\n")


# --- round trips ---------------------------------------------------------------------------------

CELLS = st.one_of(
    st.sampled_from(
        [*MISSING_WORDS, "042", "1", "2.5", "true", "inf", "1_0", "x", "9007199254740993"]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]),
        max_size=6,
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
)


def as_is(cell):
    return None if cell.strip() in MISSING_WORDS else cell.strip()


@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_what_a_writer_writes_is_read(rows, delimiter):
    file = io.StringIO()
    names = ["one", "two", "three"]
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *rows])
    file.seek(0)
    table = read_table(file, header=True, text=names)
    assert values(table) == {name: [as_is(row[c]) for row in rows] for c, name in enumerate(names)}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_read_to_the_last_bit(numbers):
    text = "a,b\n" + "".join(f"{number!r},x\n" for number in numbers)
    assert read(text, header=True)["a"] == numbers


@pytest.mark.filterwarnings("ignore:.* if it is a date, write it as")
@given(st.text(st.sampled_from("0123456789.eE+-_ inftyNa٣x"), min_size=1, max_size=8))
def test_numbers_are_what_is_number_says(cell):
    cell = cell.strip()
    if cell in MISSING_WORDS or (is_number(cell) and abs(float(cell)) >= 2**53):
        return
    expected = float(cell) if is_plain_number(cell) else cell
    if cell.lower().lstrip("+-") in ("inf", "infinity"):
        assert "finite" in refusal(f"a,b\n{cell},x\n", header=True)
    else:
        assert read_table({"a": [cell, "1"]}).columns["a"].values[0] in (expected, cell)
        assert values(read_table({"a": [cell]}))["a"] == [expected]


# --- size ----------------------------------------------------------------------------------------


def test_many_columns(file):
    names = [f"gene{k}" for k in range(30_000)]
    row = ",".join(["1.5"] * 30_000)
    table = read_table(file("wide.csv", ",".join(names) + f"\n{row}\n{row}\n"))
    assert [*table.columns] == names
    assert all(column.values.tolist() == [1.5, 1.5] for column in table.columns.values())


@given(st.text(st.sampled_from("ab1.,;\t|\"'\\ \n\r-é"), max_size=40))
def test_anything_is_read_or_refused(text):
    try:
        table = read_table(io.StringIO(text))
    except ValueError as error:
        assert str(error).startswith("StringIO")  # noqa: PT017 - no error is fine, too
    else:
        names = [*table.columns]
        assert all(len(column.values) == table.n_rows for column in table.columns.values())
        assert "line" in table.place(table.n_rows - 1, names[-1])


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content):
    try:
        read_table(io.BytesIO(content))
    except (ValueError, TypeError) as error:
        assert str(error).startswith("BytesIO")  # noqa: PT017
