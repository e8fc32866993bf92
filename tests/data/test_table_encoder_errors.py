"""What an encoder of tables refuses: tables, options, and hostile model files."""

import json
import math
import warnings

import numpy as np
import pytest
from helpers.error_messages import error_of
from helpers.tables import excerpt, table, text

from fastgrad.data import TableEncoder

# --- errors --------------------------------------------------------------------------------------


def test_all_missing_columns_are_named_at_once():
    encoder = TableEncoder().fit(table(age=np.arange(4.0), sex=text(*"abca"), fare=np.arange(4.0)))
    message = error_of(encoder.transform, table(Age=np.arange(4.0), fare=np.arange(4.0)))
    assert message == (
        "t.csv: no column 'age' (did you mean 'Age'?), 'sex'; expected the 3 columns of training,"
        " in any order"
    )
    assert "no column 'sex', 'fare'" in error_of(encoder.encode_row, {"age": 1})


def test_all_problems_are_reported_at_once():
    encoder = TableEncoder().fit(
        table(
            a=np.arange(4.0), b=np.arange(4.0), d=np.arange(4) + np.datetime64("2012-01-01", "us")
        )
    )
    new = table(
        a=text("1", "x", "y", "2"),
        b=np.array([1, np.inf, 1e300, 2]),
        d=text("2012-01-01", "2012/01/02", "no", None),
    )
    lines = error_of(encoder.transform, new).splitlines()
    assert lines[0] == (
        "t.csv, row 1, column 'a': got 'x'; t.csv, row 2, column 'a': got 'y'; expected numbers,"
        " as in training"
    )
    assert "row 1, column 'b': got inf; expected finite numbers" in lines[1]
    assert "row 2, column 'b': got 1e+300" in lines[2]
    assert "row 2, column 'd': got 'no'; expected dates" in lines[3]
    five = table(a=text(*"vwxyz"), b=np.zeros(5), d=np.full(5, "2012", "datetime64[us]"))
    assert "and 2 more; expected numbers" in error_of(encoder.transform, five)
    renamed = table(A=np.zeros(5), b=text(*"vwxyz"), d=np.full(5, "2012", "datetime64[us]"))
    lines = error_of(encoder.transform, renamed).splitlines()
    assert lines[0].startswith("t.csv: no column 'a' (did you mean 'A'?)")
    assert "column 'b': got 'v'" in lines[1]
    wrong_kinds = table(
        a=np.full(4, "2012", "datetime64[us]"), b=np.zeros(4), d=np.array([1, np.nan, 2, 3.0])
    )
    lines = error_of(encoder.transform, wrong_kinds).splitlines()
    assert "got 2012-01-01" in lines[0]
    assert "got 1.0" in lines[1]


def test_errors_of_fit():
    t = table(hour=np.arange(4.0), b=np.array([np.inf, 1, 2, np.nan]))
    lines = error_of(TableEncoder(categorical=["hours"], ignore=["c"]).fit, t).splitlines()
    assert lines[0] == (
        "categorical: t.csv has no column 'hours'; did you mean 'hour'? expected one of hour, b"
    )
    assert lines[1] == "ignore: t.csv has no column 'c'; expected one of hour, b"
    assert "row 0, column 'b': got inf" in lines[2]
    assert "got 0 rows" in error_of(TableEncoder().fit, table(a=np.zeros(0)))
    left = error_of(TableEncoder(ignore=["b"]).fit, table(a=np.ones(1), b=text("x")))
    assert left.splitlines() == [
        "t.csv: no column is left to learn from",
        "'a': nothing to learn from: all are 1",
        "'b': ignore names it",
    ]
    assert "range" in error_of(TableEncoder().fit, table(a=np.array([-1.7e308, 1.7e308])))
    for options in ({"categorical": "hr"}, {"ignore": [1]}):
        with pytest.raises(TypeError, match="expected"):
            TableEncoder(**options)
    assert "scaling: got 'minmax'" in error_of(TableEncoder, scaling="minmax")
    assert "float32" in error_of(TableEncoder, dtype="int8")
    assert "call fit" in error_of(TableEncoder().transform, t)


def test_options_are_fixed_once_it_is_made():
    encoder = TableEncoder()
    for name in ("scaling", "categorcal"):
        with pytest.raises(AttributeError, match=rf"expected options .*TableEncoder\({name}='x'\)"):
            setattr(encoder, name, "x")
    assert encoder.scaling == "standard"


def test_no_row_and_one_row():
    t = table(a=np.arange(4.0), b=text(*"abca"))
    encoder = TableEncoder().fit(t)
    assert encoder.transform(t.take(np.arange(0))).shape == (0, 4)
    assert np.array_equal(encoder.transform(t.take([2])), encoder.transform(t)[[2]])


# --- JSON ----------------------------------------------------------------------------------------


@pytest.fixture
def fitted():
    frame = excerpt("seattle-weather").assign(rainy=lambda d: d.precipitation > 0)
    return TableEncoder(ignore=["temp_min"]).fit(frame), frame


def test_config_makes_the_same_encoder(frame):
    encoder = TableEncoder(scaling="robust", dtype="float64").fit(frame)
    config = json.loads(json.dumps(encoder.to_config(), allow_nan=False))
    twin = TableEncoder.from_config(config)
    assert twin.to_config() == encoder.to_config()
    assert str(twin) == str(encoder)
    assert repr(twin) == repr(encoder)
    assert np.array_equal(twin.transform(frame), encoder.transform(frame))


HOSTILE = [
    None, True, False, -1, 2**70, 0.5, math.nan, math.inf, 1e999, "", "x", [], [1], ["a", "a"], {},
    {"kind": "number"}, [None], [[]],
]  # fmt: skip


def test_hostile_configs_are_value_errors_or_harmless(fitted):
    encoder, frame = fitted
    good = encoder.to_config()
    paths = [(key,) for key in good]
    paths += [("columns", k) for k in range(len(good["columns"]))]
    paths += [("columns", k, f) for k, column in enumerate(good["columns"]) for f in column]
    refused = 0
    for *parents, key in paths:
        for value in [*HOSTILE, KeyError]:
            config = json.loads(json.dumps(good))
            place = config
            for parent in parents:
                place = place[parent]
            if value is KeyError:
                del place[key]
            else:
                place[key] = value
            try:
                changed = TableEncoder.from_config(config)
            except ValueError as error:
                refused += len(str(error)) < 400
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                json.dumps(changed.to_config(), allow_nan=False)
                assert str(changed)
                try:
                    X = changed.transform(frame)
                except ValueError:
                    continue
                assert np.isfinite(X).all()
    assert refused > 0.8 * len(paths) * len(HOSTILE)
    for config in HOSTILE:
        with pytest.raises(ValueError, match="encoder"):
            TableEncoder.from_config(config)
    number = {**good["columns"][1], "scale": 5e-324}
    with pytest.raises(ValueError, match="column 1: expected a median that is scaled"):
        TableEncoder.from_config({**good, "columns": [number]})
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for key, value in {"median": deep, "high": 10**5000, "name": deep}.items():
        with pytest.raises(ValueError, match="got a value too large to be shown"):
            TableEncoder.from_config({**good, "columns": [{**number, key: value}]})
    same = {"low": 1, "high": 1, "median": 1}
    with pytest.raises(ValueError, match="low below high, where no value is missing"):
        TableEncoder.from_config({**good, "columns": [{**number, "scale": 1, **same}]})
    date = good["columns"][0]
    for changes in ({"parts": []}, {**same, "n_missing": 1}, {"parts": date["parts"][::-1]}):
        with pytest.raises(ValueError, match="got the parts"):
            TableEncoder.from_config({**good, "columns": [{**date, **changes}]})
    with pytest.raises(ValueError, match="two columns of one name"):
        TableEncoder.from_config({**good, "columns": good["columns"][:1] * 2})
    with pytest.raises(ValueError, match="no column that is used"):
        TableEncoder.from_config({**good, "columns": []})
    with pytest.raises(ValueError, match="unknown field 'more'"):
        TableEncoder.from_config({**good, "more": 1})
