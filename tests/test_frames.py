"""DataFrames as inputs: columns by name, in any order, and errors that name them."""

import re

import numpy as np
import pytest
from helpers.comparison import assert_close

import fastgrad as fg

LIBRARIES = ["pandas", "polars", "pyarrow"]
NAMES = ["length", "width", "mass"]


def frame(library, columns):
    tables = pytest.importorskip(library, reason=f"{library} is an extra")
    return tables.table(columns) if library == "pyarrow" else tables.DataFrame(columns)


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


@pytest.fixture
def columns(rng):
    return {name: rng.normal(size=40) for name in NAMES}


def fitted(columns, library):
    net = fg.Network([3, 4, 1], dtype="float64", seed=0)
    net.fit(frame(library, columns), columns["mass"] ** 2, epochs=2)
    return net


def test_columns_are_taken_by_name(columns, library):
    net = fitted(columns, library)
    X = np.column_stack(list(columns.values()))
    expected = net.predict(X)
    for order in (NAMES, NAMES[::-1], [NAMES[1], NAMES[2], NAMES[0]]):
        for other in (library, "pandas"):
            table = frame(other, {name: columns[name] for name in order})
            assert np.array_equal(net.predict(table), expected)
            assert_close(net.cost(table, X[:, 0]), net.cost(X, X[:, 0]), 1e-14)
    shuffled = frame(library, {name: columns[name] for name in NAMES[::-1]})
    history = net.fit(shuffled, X[:, 0], epochs=1, validation=(shuffled, X[:, 0]), shuffle=False)
    assert_close(history.val_cost[-1], net.cost(X, X[:, 0]), 1e-12)
    assert net.inputs.names == NAMES


def test_names_are_saved(columns, tmp_path):
    net = fitted(columns, "pandas")
    net.save(tmp_path / "net.safetensors")
    loaded = fg.load(tmp_path / "net.safetensors")
    table = frame("pandas", {name: columns[name] for name in NAMES[::-1]})
    assert np.array_equal(loaded.predict(table), net.predict(table))


def test_the_pieces_of_a_stream_are_taken_by_name(columns):
    first = frame("pandas", columns)
    second = first[NAMES[::-1]]
    y = columns["mass"]
    net, other = (fg.Network([3, 4, 1], dtype="float64", seed=0) for _ in range(2))
    net.fit_stream([(first[:20], y[:20]), (second[20:], y[20:])], shuffle=False)
    other.fit_stream([(first[:20], y[:20]), (first[20:], y[20:])], shuffle=False)
    assert np.array_equal(net.parameters, other.parameters)
    assert net.inputs.names == NAMES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mass": None, "maas": 1.0},
            "X: got no column 'mass', column 'maas' (did you mean 'mass'? unknown); expected the 3"
            " columns of training",
        ),
        ({"height": 1.0}, "X: got column 'height' (unknown); expected the 3 columns of training"),
        ({"width": None}, "X: got no column 'width'; expected the 3 columns of training"),
    ],
)
def test_other_columns_are_errors(changes, message, columns, library):
    net = fitted(columns, library)
    changed = columns | {k: np.full(40, v) for k, v in changes.items() if v is not None}
    kept = {k: v for k, v in changed.items() if changes.get(k, 0) is not None}
    with pytest.raises(ValueError, match=re.escape(message)):
        net.predict(frame(library, kept))


def test_columns_that_are_no_numbers_are_all_named(columns, library):
    net = fitted(columns, library)
    text = columns | {"mass": ["heavy"] * 40, "width": ["wide"] * 20 + ["thin"] * 20}
    message = r"X: column 'width' holds str; column 'mass' holds str; expected .*TableEncoder"
    with pytest.raises(TypeError, match=message):
        net.predict(frame(library, text))


def test_missing_values_are_counted(columns, library):
    net = fitted(columns, library)
    columns["mass"][:7] = np.nan
    with pytest.raises(ValueError, match="column 'mass' has 7 values that are missing"):
        net.predict(frame(library, columns))


def test_columns_numbered_by_pandas_have_no_names(columns):
    pd = pytest.importorskip("pandas", reason="pandas is an extra")
    X = np.column_stack(list(columns.values()))
    net = fg.Network([3, 4, 1], seed=0)
    net.fit(pd.DataFrame(X), X[:, 0], epochs=1)
    assert net.inputs.names is None
