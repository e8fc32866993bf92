"""Tables from DataFrames, files of other kinds and Python objects."""

import datetime as dt
import enum
import io
import json
import os
import sys
import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.read_tables import values

from fastgrad.data.table import read_table

pd = pytest.importorskip("pandas", reason="pandas is an extra")
pl = pytest.importorskip("polars", reason="polars is an extra")
pa = pytest.importorskip("pyarrow", reason="pyarrow is an extra")

NOON = dt.datetime(2020, 1, 1, 12)


def refusal(source, **arguments):
    with pytest.raises((ValueError, TypeError)) as caught:
        read_table(source, **arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Species(str, enum.Enum):  # noqa: UP042 - of which str gives the name
    SETOSA = "setosa"


def pandas_frame():
    zone = pd.to_datetime([NOON, None, NOON]).tz_localize("Europe/Rome")
    return pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "float": [1.5, np.nan, -2.0],
            "decimal": [Decimal("1.5"), None, Decimal(2)],
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "ordered": pd.Categorical(["lo", None, "lo"], ["lo", "hi"], ordered=True),
            "category": pd.Categorical(["x", None, "042"]),
            "zone": zone,
            "date": [dt.date(2020, 1, 1), None, dt.date(1969, 1, 1)],
            "time": pd.to_datetime([NOON, None, NOON]),
            "duration": pd.to_timedelta(["1s", None, "2min"]),
            "text": [" 4", "NA", "f"],
            "numbers": ["1", "", "2.5"],
            "codes": ["042", None, "42"],
            "large": pd.array([2**53, None, 2**53 + 1], dtype="Int64"),
            "empty": [None, None, None],
        }
    )


def polars_frame():
    return pl.DataFrame(
        {
            "whole": [1, None, 3],
            "float": [1.5, np.nan, -2.0],
            "decimal": [Decimal("1.5"), None, Decimal(2)],
            "boolean": [True, None, False],
            "ordered": pl.Series(["lo", None, "lo"], dtype=pl.Enum(["lo", "hi"])),
            "category": pl.Series(["x", None, "042"], dtype=pl.Categorical),
            "zone": pl.Series([NOON, None, NOON]).dt.replace_time_zone("Europe/Rome"),
            "date": [dt.date(2020, 1, 1), None, dt.date(1969, 1, 1)],
            "time": [NOON, None, NOON],
            "duration": [dt.timedelta(seconds=1), None, dt.timedelta(minutes=2)],
            "text": [" 4", "NA", "f"],
            "numbers": ["1", "", "2.5"],
            "codes": ["042", None, "42"],
            "large": [2**53, None, 2**53 + 1],
            "empty": [None, None, None],
        }
    )


EXPECTED = {
    "whole": [1, None, 3],
    "float": [1.5, None, -2],
    "decimal": [1.5, None, 2],
    "boolean": [1, None, 0],
    "ordered": ["lo", None, "lo"],
    "category": ["x", None, "042"],
    "zone": [dt.datetime(2020, 1, 1, 11), None, dt.datetime(2020, 1, 1, 11)],
    "date": [dt.datetime(2020, 1, 1), None, dt.datetime(1969, 1, 1)],
    "time": [NOON, None, NOON],
    "duration": [1, None, 120],
    "text": ["4", None, "f"],
    "numbers": [1, None, 2.5],
    "codes": ["042", None, "42"],
    "large": [str(2**53), None, str(2**53 + 1)],
    "empty": [None, None, None],
}

FRAMES = {
    "pandas": pandas_frame,
    "pandas with Arrow": lambda: pandas_frame().convert_dtypes(dtype_backend="pyarrow"),
    "polars": polars_frame,
    "polars, lazy": lambda: polars_frame().lazy(),
    "pyarrow": lambda: polars_frame().to_arrow(),
}


@pytest.mark.parametrize("library", FRAMES)
def test_frames_keep_their_types(library):
    table = read_table(FRAMES[library]())
    assert values(table) == EXPECTED
    columns = table.columns
    assert [name for name in columns if columns[name].is_boolean] == ["boolean"]
    assert {name: c.ordered for name, c in columns.items() if c.ordered} == {
        "ordered": ("lo", "hi")
    }
    kinds = {name: column.values.dtype.kind for name, column in columns.items()}
    times = {"zone", "date", "time"}
    texts = {"ordered", "category", "text", "codes", "large"}
    assert kinds == {n: "M" if n in times else "O" if n in texts else "f" for n in EXPECTED}
    assert {columns[name].values.dtype for name in times} == {np.dtype("datetime64[us]")}
    assert table.place(2, "text").endswith("row 2, column 'text'")
    assert table.take([2, 0]).place(0, "text").endswith("row 2, column 'text'")


def test_files_of_frames(folder):
    frame = polars_frame()
    frame.write_parquet("t.parquet")
    frame.drop("decimal").write_ipc("t.arrow")
    pandas_frame().to_feather("t.feather")
    assert values(read_table("t.parquet")) == EXPECTED
    assert values(read_table("t.feather")) == EXPECTED
    assert values(read_table("t.arrow")) == {k: v for k, v in EXPECTED.items() if k != "decimal"}
    with open("t.parquet", "rb") as file:  # noqa: PTH123
        table = read_table(file)
    assert values(table) == EXPECTED
    assert table.place(1, "text") == "t.parquet, row 1, column 'text'"
    (folder / "bad.parquet").write_bytes(b"PAR1")
    assert refusal("bad.parquet").startswith("bad.parquet: damaged, or not a .parquet file")


def test_columns_that_stay_text():
    frame = pd.DataFrame({"a": [1.0, 2.5, None], "b": [True, False, True], "c": [7, 42, 2**60]})
    expected = {
        "a": ["1", "2.5", None],
        "b": ["True", "False", "True"],
        "c": ["7", "42", str(2**60)],
    }
    assert values(read_table(frame, text=["a", "b", "c"])) == expected


def test_times_that_stay_text():
    times = np.array(["2020-01-31", "NaT", "2020-01-31T14:30"], "datetime64[us]")
    (column,) = read_table(pd.DataFrame({"d": times}), text=["d"]).columns.values()
    assert column.values.tolist() == ["2020-01-31", None, "2020-01-31 14:30:00"]


def test_a_column_may_be_called_read():  # as what an open file has
    table = read_table(pd.DataFrame({"read": [1, 2], "write": [3, 4]}))
    assert list(table.columns) == ["read", "write"]


def test_names_of_columns():
    assert [*read_table(pd.DataFrame(np.zeros((1, 2)))).columns] == ["0", "1"]
    twice = pd.DataFrame(np.zeros((1, 2)), columns=["a", "a"])
    assert refusal(twice) == "DataFrame: Expected unique column names, got: - 'a' 2 times"
    assert [*read_table({"": [1], "a": [2]}).columns] == ["column 1", "a"]


def test_all_problems_are_named_at_once():
    frame = pl.DataFrame(
        {"a": [[1]], "b": [{"x": 1}], "c": [float("inf")], "d": [b"x"], "e": ["$1"], "f": [1]}
    )
    assert refusal(frame) == (
        "DataFrame, column 'a': got values of type large_list<item: int64>; expected numbers, text"
        " or times; DataFrame, column 'b': got values of type struct<x: int64>; expected numbers,"
        " text or times; DataFrame, row 0, column 'c': got inf; expected a finite number;"
        " to take it for missing, name it in missing (--missing);"
        " DataFrame, column 'd': got values of type large_binary; expected numbers, text or times;"
        " DataFrame, row 0, column 'e': got '$1'; expected numbers written plainly, as 1234.5;"
        " to keep it, categorical=['e'] (--categorical e)"
    )
    frame = pd.DataFrame(
        {"a": [1, [1]], "b": [1j, 2], "c": pd.period_range("2020", "2021", freq="Y")}
    )
    assert refusal(frame) == (
        "DataFrame, row 1, column 'a': got [1] (list); expected numbers, text or times;"
        " DataFrame, column 'b': got values of dtype complex128; expected numbers, text or times;"
        " DataFrame, row 0, column 'c': got values of type extension<pandas.period"
        "<ArrowPeriodType>>; expected numbers, text or times"
    ).replace("DataFrame, row 0, column 'c'", "DataFrame, column 'c'")


EXPECTED_SOURCE = "expected a path, an open file, a DataFrame, a mapping or a list of mappings"

# --- objects -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"a": 1, "b": "x", "c": None}, {"a": [1], "b": ["x"], "c": [None]}),
        (
            [{"a": 1, "b": "x"}, {"c": True, "a": "2"}],
            {"a": [1, 2], "b": ["x", None], "c": [None, 1]},
        ),
        ({"a": [1, None], "b": ("x", "4")}, {"a": [1, None], "b": ["x", "4"]}),
        ({"a": np.array([1, 2]), "b": np.array(["x", "NA"])}, {"a": [1, 2], "b": ["x", None]}),
        ({"a": pd.Series([1, 2]), "b": pl.Series(["x", "y"])}, {"a": [1, 2], "b": ["x", "y"]}),
        ({"a": [np.float32(1.5), np.int64(2), Decimal(3)]}, {"a": [1.5, 2, 3]}),
        ({"a": [4, "f", None]}, {"a": ["4", "f", None]}),
        ({"a": [1, "2", np.nan]}, {"a": [1, 2, None]}),
        ({"a": [2**70, 1]}, {"a": [str(2**70), "1"]}),
        ({"a": [np.bool_(1), False]}, {"a": [1, 0]}),
        ({"a": [Decimal(2**53 + 1), Decimal(7)]}, {"a": [str(2**53 + 1), "7"]}),
        ({"a": [Decimal("2.675"), None, Decimal("sNaN")]}, {"a": [2.675, None, None]}),
        ({"a": [Fraction(1, 2), 1, None, "NA"][:3]}, {"a": [0.5, 1, None]}),
        ({"a": [Species.SETOSA, "x"]}, {"a": ["setosa", "x"]}),
        ({"a": np.array([1.5, 2], ">f8")}, {"a": [1.5, 2]}),
        ({"a": pd.Series(np.array([1, 2], ">i4"))}, {"a": [1, 2]}),
        ({"a": np.array([1.5, 2], np.longdouble)}, {"a": [1.5, 2]}),
        (
            {"a": np.array([1, 2], "datetime64[Y]")},
            {"a": [dt.datetime(1971, 1, 1), dt.datetime(1972, 1, 1)]},
        ),
        ({"a": np.array([1, 2], "timedelta64[h]")}, {"a": [3600, 7200]}),
        ({"a": np.ma.array([1.5, 2], mask=[1, 0])}, {"a": [None, 2]}),
        ({"a": pd.Series([pd.Timestamp(NOON) + pd.Timedelta(1, "ns")])}, {"a": [NOON]}),
        ({"a": [NOON, pd.NaT, None]}, {"a": [NOON, None, None]}),
        ({"a": [dt.timedelta(minutes=1), None]}, {"a": [60, None]}),
        ({"a": [dt.time(0, 1), None]}, {"a": [60, None]}),
        (
            {"a": np.array(["2020-01-01", "NaT"], "datetime64[D]")},
            {"a": [dt.datetime(2020, 1, 1), None]},
        ),
        ({"a": pd.Series(pd.arrays.SparseArray([0.0, 1.5]))}, {"a": [0, 1.5]}),
    ],
)
def test_objects(source, expected):
    assert values(read_table(source)) == expected
    if isinstance(source, list):
        assert values(read_table(io.StringIO(json.dumps(source)))) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "dict: got columns of different lengths (a: 2, b: 1)"),
        ([], "list: got 0 columns and 0 rows; expected a table"),
        (pd.DataFrame({"a": []}), "DataFrame: got 1 columns and 0 rows; expected a table"),
        (
            {"a": 1, "b": [1, 2]},
            "dict, row 0, column 'b': got [1, 2] (list); expected numbers, text or times",
        ),
        ([{"a": 1}, 2], f"list, row 1: got 2; {EXPECTED_SOURCE}"),
        (5, f"table: got 5; {EXPECTED_SOURCE}"),
        (
            {"a": np.array(1.5)},
            "dict, row 0, column 'a': got array(1.5) (ndarray); expected numbers, text or times",
        ),
        (
            {"a": [1.5, 10**400]},
            f"dict, row 1, column 'a': got 1{'0' * 76}...; expected a finite number",
        ),
        (
            {"a": ["x", "\ud800"]},
            "dict, row 1, column 'a': got '\\ud800'; expected text of Unicode",
        ),
        (
            {"a": [NOON, NOON.replace(tzinfo=dt.UTC)]},
            "dict, column 'a': got times with and without a time zone; expected one kind",
        ),
    ],
)
def test_what_is_no_table(source, message):
    assert refusal(source) == message


@pytest.mark.skipif(not hasattr(pl, "Int128"), reason="polars has no integers of 128 bits")
def test_a_type_that_arrow_has_not():
    assert refusal(pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)})).startswith("DataFrame: ")


def test_times_that_do_not_fit():
    far = {"a": np.array(["400000-01-01"], "datetime64[s]")}
    assert refusal(far).startswith("dict, column 'a': got values of type timestamp[s] (")


def test_decimals_are_rounded_to_nearest():
    prices = [Decimal(cents).scaleb(-2) for cents in range(10_000)]
    for frame in (
        pl.DataFrame({"a": prices}),
        pa.table({"a": prices}),
        pd.DataFrame({"a": prices}),
    ):
        assert read_table(frame).columns["a"].values.tolist() == [*map(float, prices)]
    identities = pa.table({"a": pa.array([Decimal(2**53), Decimal(2**53 + 1)])})
    assert values(read_table(identities)) == {"a": [str(2**53), str(2**53 + 1)]}


def test_row_numbers_of_pandas_are_no_column(folder):
    frame = pd.DataFrame({"a": [1.5, 2]}, index=[7, 3])
    frame.to_parquet("t.parquet")
    for source in (frame, "t.parquet", pa.Table.from_pandas(frame)):
        assert values(read_table(source)) == {"a": [1.5, 2]}


def test_arguments():
    assert refusal({"a": [1]}, header="no") == "header: got 'no'; expected True or False"
    message = "missing: got -999 in it; expected text, as '-999'"
    assert refusal({"a": [1]}, missing=[-999]) == message


def test_a_list_of_words_is_no_word():
    for argument in ("text", "missing", "expected"):
        message = f"{argument}: got 'ab'; expected a list of text, as ['ab']"
        assert refusal({"a": [1]}, **{argument: "ab"}) == message


def test_arrays_have_no_names():
    sparse = pytest.importorskip("scipy.sparse").eye(2).tocsr()
    assert refusal(np.zeros((2, 2))).endswith("; pd.DataFrame(X) gives its columns names")
    assert refusal(sparse).endswith("; pd.DataFrame(X.toarray()) gives its columns names")


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1, "b": "x", "c": true}, {"a": "NA", "b": "4", "c": null}]',
        '{"a": 1, "b": "x", "c": true}\n\n{"b": 4, "a": null}\n',
        '{"a": [1, null], "b": ["x", "4"], "c": [true, null]}',
    ],
)
def test_json(file, text):
    expected = {"a": [1, None], "b": ["x", "4"], "c": [1, None]}
    for name in ("t.json", "t.jsonl", "t.ndjson"):
        table = read_table(file(name, text))
        assert values(table) == expected
        assert table.columns["c"].is_boolean
        assert table.place(1, "a") == f"{name}, row 1, column 'a'"
    assert values(read_table(io.BytesIO(text.encode()))) == expected


def test_json_that_is_no_table(file):
    for text in ("[1, 2]", "3", '[{"a": 1}, []]', '"a"'):
        message = "t.json: expected an object, or a list of objects, one per row"
        assert refusal(file("t.json", text)) == message
    for text in ("[", "[" * 100_000, '[{"a": 1' + "0" * 5000 + "}]", '[{"a": 1, "a": 2}]', b"\xff"):
        assert refusal(file("t.json", text)).startswith("t.json: not JSON of a table (")
    assert "a name twice: ['a', 'a']" in refusal(file("t.json", '[{"a": 1, "a": 2}]'))
    assert refusal(file("t.json", '[{"a": {"b": 1}}]')) == (
        "t.json, row 0, column 'a': got {'b': 1} (dict); expected numbers, text or times"
    )


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,x\n")))
    table = read_table("-")
    assert values(table) == {"a": [1], "b": ["x"]}
    assert table.place(0, "b").endswith("line 2, column 'b'")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe(folder):
    os.mkfifo("pipe")
    writer = threading.Thread(target=Path("pipe").write_text, args=["a,b\n1,x\n"])
    writer.start()
    assert values(read_table("pipe")) == {"a": [1], "b": ["x"]}
    writer.join()


def test_first_bytes_tell_the_kind(folder):
    polars_frame().write_parquet("t.csv")
    assert values(read_table("t.csv")) == EXPECTED
    (folder / "t.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(9))
    assert refusal("t.xls").endswith("the old kind, .xls; save it as .xlsx or CSV")


def test_open_files(file):
    name = file("t.csv", "a,b\n1,x\n")
    for mode in ("r", "rb"):
        with open(name, mode) as opened:  # noqa: PTH123
            table = read_table(opened)
        assert values(table) == {"a": [1], "b": ["x"]}
        assert table.place(0, "b") == "t.csv, line 2, column 'b'"


def test_files_that_are_not_there(folder):
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read_table("none.csv")
    with pytest.raises(IsADirectoryError):
        read_table(folder)


@pytest.mark.parametrize("library", ["pyarrow", "clevercsv"])
def test_a_missing_library_is_named(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=rf"needs {library}: pip install {library} "):
        read_table(io.StringIO("a,b\n1,2\n"))
