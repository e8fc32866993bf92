"""Tables as inputs: against scikit-learn and pandas, and column by column."""

import copy
import json
import pickle
import warnings
from datetime import date, datetime

import numpy as np
import pytest
from helpers.tables import excerpt, table, text

from fastgrad.data import TableEncoder
from fastgrad.data.table import read_table

pd = pytest.importorskip("pandas")


# --- against scikit-learn and pandas -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "numbers", "categories"),
    [
        (
            "penguins",
            ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"],
            ["species", "island", "sex", "year"],
        ),
        (
            "msleep",
            ["sleep_total", "sleep_rem", "sleep_cycle", "brainwt"],
            ["vore", "conservation"],
        ),
        ("seattle-weather", ["precipitation", "temp_max", "temp_min", "wind"], ["weather"]),
    ],
)
def test_inputs_are_those_of_scikit_learn(name, numbers, categories):
    sklearn = pytest.importorskip("sklearn")
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

    assert sklearn
    frame = excerpt(name)
    encoder = TableEncoder(categorical=categories, dtype="float64")
    X = encoder.fit_transform(frame[numbers + categories])
    imputed = SimpleImputer(strategy="median", add_indicator=True).fit_transform(frame[numbers])
    scaled = StandardScaler().fit_transform(imputed[:, : len(numbers)])
    indicators = iter(imputed[:, len(numbers) :].T)
    expected = []
    for x, column in zip(scaled.T, numbers, strict=True):
        expected += [x] + ([next(indicators)] if frame[column].isna().any() else [])
    for column in categories:
        values = frame[column].astype(object)
        n = values.nunique()
        missing = [] if not values.isna().any() else [None]
        levels = [[*sorted(values.dropna().unique()), *missing]]
        onehot = OneHotEncoder(categories=levels, sparse_output=False)
        Y = onehot.fit_transform(values.where(values.notna(), None).to_numpy()[:, None])
        expected += list(Y.T[1:] if n == 2 else Y.T)
    assert next(indicators, None) is None
    np.testing.assert_allclose(X, np.array(expected).T, rtol=0, atol=1e-12)
    assert X.flags.c_contiguous
    assert X.shape[1] == len(encoder.input_names)


@pytest.mark.parametrize("hours", [24, 7, 31 * 24])
def test_parts_of_dates_are_those_of_pandas(hours):
    dates = pd.Series(pd.date_range("1968-02-27 03:10:11.5", periods=300, freq=f"{hours}h"))
    encoder = TableEncoder(dtype="float64").fit(pd.DataFrame({"d": dates}))
    X = encoder.transform(pd.DataFrame({"d": dates}))
    parts = {
        "d: year": dates.dt.year,
        "d: month": dates.dt.month,
        "d: day of week": dates.dt.day_of_week,
        "d: hour": dates.dt.hour,
        "d: days": (dates - dates[0]) / pd.Timedelta(days=1),
    }
    varying = {name: x for name, x in parts.items() if x.nunique() > 1}
    assert encoder.input_names == list(varying)
    for x, expected in zip(X.T, varying.values(), strict=True):
        np.testing.assert_allclose(
            x, (expected - expected.mean()) / expected.std(ddof=0), atol=1e-10
        )


def test_robust_scaling_is_that_of_scikit_learn_bent_at_three():
    from sklearn.preprocessing import RobustScaler  # noqa: PLC0415

    x = np.random.default_rng(0).standard_cauchy(500)
    z = RobustScaler().fit_transform(x[:, None])[:, 0]
    X = TableEncoder(scaling="robust", dtype="float64").fit_transform(table(x=x))
    np.testing.assert_allclose(X[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-12, atol=1e-12)
    mostly_zero = np.r_[np.zeros(90), np.arange(1, 11.0)]
    X = TableEncoder(scaling="robust", dtype="float64").fit_transform(table(x=mostly_zero))
    z = mostly_zero / 5  # the quartiles are equal: half the range
    np.testing.assert_allclose(X[:, 0], z / np.sqrt(1 + (z / 3) ** 2))
    rounded = np.r_[np.full(50, 14.62), np.full(50, 14.62 * (1 + 4e-16)), 114.62]
    X = TableEncoder(scaling="robust", dtype="float64").fit_transform(table(x=rounded))
    np.testing.assert_allclose(X[:-1, 0], 0, atol=1e-15)
    assert X[-1, 0] == pytest.approx(2 / np.sqrt(1 + 4 / 9))


# --- what becomes of a column --------------------------------------------------------------------


def encoder_of(values, name="x", **options):
    encoder = TableEncoder(**options).fit(
        table(**{name: values}, other=np.arange(len(values)) % 3.0)
    )
    return encoder.columns[0]


def test_report():
    columns = ["rownames", "name", "vore", "conservation", "sleep_rem", "bodywt"]
    frame = excerpt("msleep")[columns].assign(
        bodywt=lambda d: d.bodywt > 1, tame=[0, 1, 1] * 27 + [0, 1]
    )
    assert str(TableEncoder(categorical=["tame"]).fit(frame)).splitlines() == [
        "column        kind      inputs  values",
        "rownames      left out       0  it only counts the rows",
        "name          left out       0  text unlike a category: 83 different values in 83 rows; to"
        " keep it, categorical=['name'] (--categorical name)",
        "vore          category       5  4 categories: carni, herbi, insecti, omni; 7 missing: a"
        " category of its own",
        "conservation  category       7  6 categories: cd, domesticated, en, lc, nt, vu; 29"
        " missing: a category of its own",
        "sleep_rem     number         2  from 0.1 to 6.6; 22 missing: the median, 1.5",
        "bodywt        boolean        1  2 categories: False, True",
        "tame          category       1  2 categories: 0, 1",
        "5 of 7                      16",
    ]


def test_text_unlike_a_category_is_left_out_unless_it_is_named():
    names = text(*(f"name {k}" for k in range(20)))
    assert encoder_of(names).kind == "left out"
    assert "--categorical 'the name'" in encoder_of(names, "the name").description
    assert len(encoder_of(names, categorical=["x"]).input_names) == 20
    assert encoder_of(names[:19]).kind == "category"
    assert encoder_of(text(*"abcdefghij" * 2)).kind == "category"
    many = text(*(f"name {k}" for k in range(301)))
    for n, times, kind in (
        (100, 2, "category"), (101, 4, "left out"), (101, 5, "category"), (300, 5, "category"),
        (301, 5, "left out"),
    ):  # fmt: skip
        assert encoder_of(np.tile(many[:n], times)).kind == kind


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full(1000, 14.62), "all are 14.62"),
        (14.62 * (1 + np.arange(1000) % 2 * 4e-16), "all are 14.62"),
        (np.full(5, np.nan), "all are missing"),
        (text(None, None, None), "all are missing"),
        (text("a", "a", "a"), "all have 'a'"),
        (np.full(4, "2012-01-01", "datetime64[us]"), "all are 2012-01-01"),
        (np.full(4, "NaT", "datetime64[us]"), "all are missing"),
    ],
)
def test_constant_columns_are_left_out(values, reason):
    assert encoder_of(values).description == f"nothing to learn from: {reason}"


@pytest.mark.parametrize("name", ["", "column 1", "rownames", "index", "ID", "Unnamed: 0"])
def test_a_first_column_that_counts_the_rows_is_left_out(name):
    counts = np.arange(5, 45.0)
    assert encoder_of(counts, name).kind == "left out"
    some = np.random.default_rng(0).permutation(counts)[:32]  # the training part
    assert encoder_of(some, name).kind == "left out"
    assert encoder_of(some, "rooms").kind == "number"
    assert encoder_of(some**2, name).kind == "number"
    assert encoder_of(np.r_[some, some], name).kind == "number"
    assert encoder_of(some + 0.5, name).kind == "number"
    second = TableEncoder().fit(table(x=np.arange(4) % 2.0, **{name: np.arange(4.0)}))
    assert second.columns[1].kind == "number"


@pytest.mark.parametrize(
    "values",
    [
        np.array([3, np.nan, 3, 3]),
        np.array([0.3, np.nan, 0.1 + 0.2, 0.3]),
        np.array(["2012", "NaT", "2012", "2012"], "datetime64[us]"),
        text("a", None, "a", "a"),
    ],
)
@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_of_a_single_value_only_where_it_is_missing_is_an_input(values, scaling):
    encoder = TableEncoder(scaling=scaling)
    X = encoder.fit_transform(table(x=values))
    assert encoder.input_names == ["x is missing"]
    assert X.tolist() == [[0], [1], [0], [0]]
    assert [encoder.encode_row({"x": x}).tolist() for x in values.tolist()] == X.tolist()
    twin = TableEncoder.from_config(encoder.to_config())
    assert twin.transform(table(x=values)).tolist() == X.tolist()
    back = encoder.inverse(X)["x"].tolist()
    assert back[1] is None or back[1] != back[1]
    assert back[2:] == [values.tolist()[0]] * 2
    assert "1 missing" in encoder.columns[0].description


@pytest.mark.parametrize(
    ("values", "new"),
    [
        (np.array([3, np.nan, 3]), [4, 1e300, "5"]),
        (np.array(["2012", "NaT", "2012"], "datetime64[us]"), ["2013-01-01", datetime(1999, 1, 1)]),
    ],
)
def test_of_a_single_value_no_other_number_or_date_counts_as_missing(values, new):
    encoder = TableEncoder().fit(table(x=values))
    for value in new:
        assert encoder.encode_row({"x": value}).tolist() == [0]
        assert encoder.transform([{"x": value}]).tolist() == [[0]]


def test_large_offsets_keep_their_digits():
    ns = 1.7e18 + np.arange(0, 1000, dtype=np.float64) * 1e9
    X = TableEncoder().fit_transform(table(t=ns))
    seconds = np.arange(1000) - 499.5
    np.testing.assert_allclose(X[:, 0], seconds / seconds.std(), rtol=1e-6)
    for tiny in (1e-300, 1e-200, 1e200):
        x = np.array([0, 0, 1, 2]) * tiny
        z = TableEncoder().fit_transform(table(x=x))[:, 0]
        np.testing.assert_allclose(z, (np.array([0, 0, 1, 2]) - 0.75) / np.sqrt(0.6875), rtol=1e-6)


def test_ordered_categories_keep_their_order():
    grades = pd.Categorical(
        ["good", "bad", "fair"] * 9, ["bad", "fair", "good", "best"], ordered=True
    )
    encoder = TableEncoder().fit(pd.DataFrame({"g": grades}))
    assert encoder.input_names == ["g = bad", "g = fair", "g = good"]


def test_dates_as_categories_are_the_same_from_every_source(tmp_path):
    times = [*pd.date_range("2020-01-01", periods=2), pd.Timestamp("2020-01-01 10:30")]
    frame = pd.DataFrame({"d": times * 3})
    encoder = TableEncoder(categorical=["d"])
    X = encoder.fit_transform(frame)
    labels = ["2020-01-01", "2020-01-01 10:30:00", "2020-01-02"]
    assert encoder.input_names == [f"d = {label}" for label in labels]
    assert X[:3].tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert np.array_equal(encoder.transform(read_table(frame)), X)
    for value in (date(2020, 1, 2), datetime(2020, 1, 2), times[1], "2020-01-02"):
        assert encoder.encode_row({"d": value}).tolist() == [0, 0, 1]
    pd.DataFrame({"d": labels * 3}).to_csv(tmp_path / "d.csv")
    assert encoder.transform(tmp_path / "d.csv")[:3].tolist() == np.eye(3).tolist()


def test_numbers_as_categories_are_in_the_order_of_their_values():
    encoder = TableEncoder(categorical=["hr"]).fit(table(hr=np.array([10.0, 9, 2, 2.5])))
    assert encoder.input_names == ["hr = 2", "hr = 2.5", "hr = 9", "hr = 10"]
    assert encoder.text_columns == ["hr"]


@pytest.mark.parametrize(
    ("training", "cells", "codes"),
    [
        (text("1", "2", "3"), np.array([1, 2, 3.0]), [0, 1, 2]),
        (text("1", "2", "3"), text("1.0", "2e0", " 3 "), [0, 1, 2]),
        (np.array([1, 2, 3.0]), text("1", "2.0", "+3"), [0, 1, 2]),
        (np.array([1, 2, 3.0]), text("1", "02", "3"), [0, -1, 2]),
        (
            text("9", "9007199254740993", "1" * 400),
            text("1" * 400, "9", "9007199254740993"),
            [2, 0, 1],
        ),
        (text("9", "9007199254740993", "1" * 400), np.array([9, 2.0**53, 1e300]), [0, -1, -1]),
        (text("042", "42", "7"), text("42", "042", "42.0"), [1, 0, -1]),
        (text("4", "f", "r"), np.array([4.0, 5.0, 4.0]), [0, -1, 0]),
        (text("4", "f", "r"), text("4", "4.0", "r"), [0, -1, 2]),
        (text("a", "b", "c"), text(" a", "B", "NA"), [0, -1, -1]),
        (text("a", "NA", "c"), text("NA", "a", "c"), [0, 1, 2]),
        (
            text("True", "False", "maybe"),
            {"values": np.array([1, 0, 1.0]), "is_boolean": True},
            None,
        ),
        (text("1", "0", "2"), {"values": np.array([1, 0, 1.0]), "is_boolean": True}, [1, 0, 1]),
    ],
)
def test_spellings_of_categories(training, cells, codes):
    encoder = TableEncoder(categorical=["x"]).fit(table(x=training))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X = encoder.transform(table(x=cells))
    codes = [1, 0, 1] if codes is None else codes
    if training[0] == "True":
        assert encoder.input_names == ["x = False", "x = True", "x = maybe"]
    rows = [*np.eye(3), encoder.columns[0].shares]  # the last of what is no category
    np.testing.assert_allclose(X, [rows[code] for code in codes], rtol=1e-6)


def test_booleans_are_one_input_however_they_are_written():
    values = np.array([1, 0, 1, 1.0])
    encoder = TableEncoder().fit(table(x={"values": values, "is_boolean": True}))
    assert encoder.input_names == ["x = True"]
    assert encoder.text_columns == []
    for cells in (values, text("True", "False", "true", "TRUE"), text("1", "0", "1.0", "1")):
        assert encoder.transform(table(x=cells))[:, 0].tolist() == [1, 0, 1, 1]
    assert encoder.inverse([[1], [0]])["x"].tolist() == [True, False]
    trues = {"values": np.array([1, np.nan, 1]), "is_boolean": True}
    some = TableEncoder()
    assert some.fit_transform(table(x=trues)).tolist() == [[1, 0], [0, 1], [1, 0]]
    assert some.input_names == ["x = True", "x is missing"]
    assert some.encode_row({"x": True}).tolist() == [1, 0]
    assert some.encode_row({"x": False}).tolist() == [0, 0]
    numbers = TableEncoder().fit(table(x=values))
    cells = text("True", "False", "true", "1")
    assert (numbers.transform(table(x=cells)) == numbers.transform(table(x=values))).all()
    with pytest.warns(UserWarning, match="not seen in training: '2' \\(1 row\\); its input is 0"):
        encoder.transform(table(x=np.array([2.0])))


# --- missing and unseen --------------------------------------------------------------------------


def test_unseen_categories_and_missing_values_warn_once_per_column():
    encoder = TableEncoder().fit(
        table(
            a=text("x", "y", "z", None),
            b=text("x", "y", "z", "z"),
            c=np.arange(4.0),
            d=np.arange(4.0),
        )
    )
    new = table(
        a=text("x", "Q", None, "R"), b=text("q", "r", "s", "t"), c=np.array([np.nan] * 4),
        d=text("1", None, "?", "2"),
    )  # fmt: skip
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        X = encoder.transform(new)
    assert [str(w.message) for w in caught] == [
        "column 'a': not seen in training: 'Q', 'R' (2 rows); counts as missing",
        "column 'b': not seen in training: 'q', 'r', 's', ... (4 rows); its inputs are the"
        " shares of the categories in training",
        "column 'c': missing values, in training there were none (4 rows); the median, 1.5",
        "column 'd': missing values, in training there were none (2 rows); the median, 1.5",
    ]
    assert {w.filename for w in caught} == {__file__}
    assert X[:, :4].tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert (X[:, 4:7] == [0.25, 0.25, 0.5]).all()
    assert X[1, 8] == X[2, 8]


def test_missing_dates_are_the_median_and_marked():
    days = np.array(["2012-01-01", "NaT", "2012-01-03", "2012-01-09"], "datetime64[us]")
    encoder = TableEncoder().fit(table(d=days))
    X = encoder.transform(table(d=days))
    assert encoder.input_names == ["d: day of week", "d: days", "d is missing"]
    assert X[:, -1].tolist() == [0, 1, 0, 0]
    assert (X[1, :-1] == X[2, :-1]).all()
    assert np.array_equal(encoder.inverse(X)["d"], days, equal_nan=True)


def test_columns_are_taken_by_name(frame):
    encoder = TableEncoder()
    X = encoder.fit_transform(frame)
    shuffled = frame[frame.columns[::-1]].assign(another="text")
    assert np.array_equal(encoder.transform(shuffled), X)
    assert np.array_equal(encoder.transform(frame[encoder.names]), X)
    assert np.array_equal(TableEncoder().fit(frame).transform(frame), X)


def test_encoders_can_be_pickled(frame):
    encoder = TableEncoder().fit(frame)
    row = frame.iloc[[0]]
    expected = encoder.encode_row(row)
    for twin in (pickle.loads(pickle.dumps(encoder)), copy.deepcopy(encoder)):
        assert np.array_equal(twin.encode_row(row), expected)


def test_columns_may_be_called_as_what_a_frame_has():
    names = ["read", "name", "row", "keys", "columns", "iloc", "values"]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(9, len(names))), columns=names)
    encoder = TableEncoder()
    X = encoder.fit_transform(frame)
    assert encoder.names == names
    for row in (frame.iloc[[3]], frame.iloc[3], frame.to_dict("records")[3]):
        assert np.array_equal(encoder.encode_row(row), X[3])


# --- inverse -------------------------------------------------------------------------------------


def test_inverse_of_inputs_far_from_those_of_training():
    days = np.array(["2012-01-01", "2012-01-03", "2012-01-09"], "datetime64[us]")
    encoder = TableEncoder().fit(table(d=days))
    back = encoder.inverse([[0, 1e30], [0, -1e30]])["d"]
    assert back.astype("datetime64[D]").astype(str).tolist() == ["9999-12-31", "0001-01-01"]


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_inverse_returns_the_columns(frame, scaling):
    encoder = TableEncoder(scaling=scaling, dtype="float64")
    back = encoder.inverse(encoder.fit_transform(frame))
    assert list(back) == encoder.names
    for name, values in back.items():
        expected = read_table(frame).columns[name].values
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)
        elif values.dtype.kind == "M":
            assert np.array_equal(values, expected)
        else:
            assert values.tolist() == expected.tolist()


def test_times_with_and_without_a_zone_are_told_apart():
    naive = pd.DataFrame({"t": pd.date_range("2020-01-01", periods=30, freq="7h")})
    aware = naive.assign(t=naive["t"].dt.tz_localize("Europe/Berlin"))
    for one, other, what in (
        (naive, aware, "with a time zone, in training they had none"),
        (aware, naive, "with no time zone, in training they had one"),
    ):
        encoder = TableEncoder().fit(one)
        assert (" in UTC" in str(encoder)) is (one is aware)
        loaded = TableEncoder.from_config(json.loads(json.dumps(encoder.to_config())))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            encoder.transform(one)
            loaded.encode_row(one[:1])
            loaded.transform(one.astype(str))
        for call in (
            lambda e=loaded, t=other: e.transform(t),
            lambda e=loaded, t=other: e.transform(t.astype(str)),
            lambda e=loaded, t=other: e.encode_row(t[:1]),
            lambda e=loaded, t=other: e.encode_row({"t": str(t["t"][5])}),
        ):
            with pytest.warns(UserWarning, match=f"^column 't': times {what}"):
                call()
