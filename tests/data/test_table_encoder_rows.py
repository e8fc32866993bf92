"""Single rows as inputs: the same, to the last bit, as those of a table."""

import math
import warnings
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from helpers.error_messages import error_of
from helpers.tables import table, text
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgrad.data import TableEncoder

pd = pytest.importorskip("pandas")


def test_rows_equal_those_of_transform(frame):
    for options in ({}, {"scaling": "robust"}, {"dtype": "float64"}):
        encoder = TableEncoder(**options)
        X = encoder.fit_transform(frame)
        out = np.empty(len(encoder.input_names), encoder.dtype)
        for s, row in enumerate(frame.to_dict("records")):
            assert np.array_equal(encoder.encode_row(row), X[s])
            assert encoder.encode_row(frame.iloc[[s]], out=out) is out
            assert np.array_equal(out, X[s])
        assert np.array_equal(encoder.encode_row(frame.iloc[3]), X[3])


def test_rows_of_polars(frame):
    pl = pytest.importorskip("polars")
    encoder = TableEncoder().fit(frame)
    row = frame.iloc[[4]].astype(object).where(frame.iloc[[4]].notna(), None).to_dict("list")
    assert np.array_equal(encoder.encode_row(pl.DataFrame(row)), encoder.transform(frame)[4])


def test_integers_beside_floats_keep_their_digits():
    frame = pd.DataFrame({"code": 2**53 + np.arange(6) % 3, "x": np.arange(6) / 7})
    encoder = TableEncoder(categorical=["code"])
    X = encoder.fit_transform(frame)
    for s in range(6):
        assert np.array_equal(encoder.encode_row(frame.iloc[[s]]), X[s])


def test_names_that_are_no_text():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 3)))
    encoder = TableEncoder()
    X = encoder.fit_transform(frame)
    for row in (frame.iloc[[3]], frame.iloc[3], frame.to_dict("records")[3]):
        assert np.array_equal(encoder.encode_row(row), X[3])


def test_times_of_day_are_seconds():
    frame = pd.DataFrame({"t": [time(3), time(4, 5, 6, 700000), None, time(23, 59)]})
    encoder = TableEncoder(dtype="float64")
    X = encoder.fit_transform(frame)
    assert encoder.columns[0].high == 86340
    for row, x in zip(frame.to_dict("records"), X, strict=True):
        assert np.array_equal(encoder.encode_row(row), x)


NUMBERS = st.one_of(
    st.none(),
    st.floats(-1e30, 1e30),
    st.integers(-(2**60), 2**60),
    st.just(math.nan),
    st.booleans(),
    st.floats(-1e6, 1e6).map(np.float64),
    st.floats(-1e6, 1e6, width=32).map(np.float32),
    st.integers(-9, 9).map(np.int8),
    st.floats(-1e9, 1e9).map(repr),
    st.integers(-5, 5).map(str),
    st.sampled_from(["NA", "", " 3 ", "1e3", Decimal("2.5"), np.True_, "True"]),
    st.sampled_from([pd.NA, pd.NaT]),
)
CATEGORIES = st.one_of(
    st.sampled_from(["a", "b", "1", "2", " a", "c", "unseen", "NA", "", None, True, False]),
    st.integers(-2, 3),
    st.floats(-2, 3),
    st.sampled_from([np.str_("a"), np.int64(1), np.float32(2), np.True_, np.False_, pd.NA, 2.0]),
    st.sampled_from(["1.0", "01", "true", "FALSE", "0"]),
)
DATES = st.one_of(
    st.none(),
    st.datetimes(),
    st.dates(),
    st.datetimes().map(str),
    st.dates().map(str),
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(pd.Timestamp),
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(np.datetime64),
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([pd.NaT, np.datetime64("NaT"), "NA", math.nan, "2012-W01-3", "2012/01/31"]),
)


def any_table(has_missing):
    gone = None if has_missing else "a"
    return table(
        n=np.array([1, 2, 3, 10, math.nan if has_missing else 4.0]),
        c=text("a", "b", "c", "1", gone),
        p=text("1", "2", "3", "1", None if has_missing else "2"),
        b={"values": np.array([0, 1, 0, 1, math.nan if has_missing else 1.0]), "is_boolean": True},
        d=np.array(
            [
                "2012-01-01",
                "2013-05-07T03",
                "2011-12-12",
                "2012-03-03",
                "NaT" if has_missing else "2012",
            ],
            "datetime64[us]",
        ),
    )


ENCODERS = [
    TableEncoder(scaling=scaling, dtype=dtype).fit(any_table(has_missing))
    for scaling, dtype, has_missing in [
        ("standard", "float32", True), ("robust", "float64", True), ("standard", "float64", False),
        ("robust", "float32", False),
    ]
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.* got .* text")
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ENCODERS), NUMBERS, CATEGORIES, CATEGORIES, CATEGORIES, DATES)
def test_any_row_equals_that_of_transform(encoder, n, c, p, b, d):
    row = {"n": n, "c": c, "p": p, "b": b, "d": d}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        expected = encoder.transform([row])[0]
        n_expected = len(caught)
        assert encoder.encode_row(row).tobytes() == expected.tobytes()
        assert [str(w.message) for w in caught[n_expected:]] == [
            str(w.message) for w in caught[:n_expected]
        ]


@pytest.mark.parametrize(
    "value",
    [
        "x", math.inf, 2**1024, 1e300, [1], object(), date(2012, 1, 1), Decimal("sNaN"),
        Decimal("1e400"), Fraction(10**400), 1j, 10**400,
    ],
)  # fmt: skip
def test_rows_that_are_wrong_are_errors(value):
    encoder = ENCODERS[0]
    row = {"n": 1, "c": "a", "p": "1", "b": True, "d": datetime(2012, 1, 1)}
    assert "column 'n'" in error_of(encoder.encode_row, {**row, "n": value})
    assert "too large to be shown" in error_of(encoder.encode_row, {**row, "n": 10**5000})
    with pytest.raises(TypeError, match="expected a dict or a DataFrame"):
        encoder.encode_row([1, 2])
    with pytest.raises(ValueError, match="got 2 rows"):
        encoder.encode_row(pd.DataFrame([row, row]))
    twice = pd.DataFrame([[1, 2]], columns=["n", "n"])
    assert "two columns of one name" in error_of(encoder.encode_row, twice)
    assert "out: got shape (3,)" in error_of(encoder.encode_row, row, out=np.empty(3))


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00+05:00", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        np.datetime64(2**62, "s"), np.datetime64("30000-01-01"), "20120131", 5, time(3),
    ],
)  # fmt: skip
def test_dates_that_are_wrong_are_errors(value):
    row = {"n": 1, "c": "a", "p": "1", "b": True, "d": value}
    for encoder in ENCODERS:
        assert "column 'd'" in error_of(encoder.encode_row, row)
        with pytest.raises(ValueError, match="column 'd'"):
            encoder.transform([row])


def test_all_problems_of_a_row_are_reported_at_once():
    row = {"n": "many", "c": "a", "p": [1], "d": "soon"}
    lines = error_of(ENCODERS[0].encode_row, row).splitlines()
    assert len(lines) == 4
    for line, words in zip(
        lines, ["'p': got [1]", "no column 'b'", "'many'", "'soon'"], strict=True
    ):
        assert words in line
