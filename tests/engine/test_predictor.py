"""Single rows: `Network.predict` of one, and `Network.predictor`, from Python, numba and C."""

import copy
import ctypes
import pickle

import numba
import numpy as np
import pytest
from helpers.comparison import assert_close
from helpers.oracle import Oracle
from helpers.run_mode import jitted_only

import fastgrad as fg

COSTS = {
    "squared_error": "identity", "sigmoid_cross_entropy": "sigmoid",
    "softmax_cross_entropy": "softmax", "poisson": "exp",
}  # fmt: skip
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}


def network(sizes=(5, 17, 3), dtype="float32", seed=0, **options):
    return fg.Network(sizes, "tanh", dtype=dtype, seed=seed, **options)


@pytest.fixture
def row(rng):
    return rng.normal(size=(1, 5)).astype("float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cost", COSTS)
def test_a_row_is_predicted_as_by_the_oracle(cost, dtype, rng):
    net = network(cost=cost, dtype=dtype)
    p = net.predictor()
    for x in rng.normal(size=(5, 1, 5)):
        expected = Oracle.of(net).predict(x)
        for found in (net.predict(x), net.predict(x.astype(dtype)), p(x), p(x[0])[None]):
            assert found.dtype == dtype
            assert_close(found, expected, TOLERANCE[dtype], cost)


def test_several_costs_have_their_own_links(row):
    net = network((5, 17, 4), cost=[("softmax_cross_entropy", 3), ("squared_error", 1)])
    expected = net.heads.prediction(net.forward(row))
    np.testing.assert_allclose(net.predict(row), expected, rtol=1e-5)
    np.testing.assert_allclose(net.predictor()(row), expected, rtol=1e-5)


def test_the_unit_of_standardised_targets_is_that_of_the_last_fit(rng, row):
    X = rng.normal(size=(50, 5))
    net = network(standardize=True, standardize_targets=True)
    assert net.predict(row).dtype == np.float32
    for shift in (1e9, 5.0):
        Y = X[:, :3] + shift
        net.targets.standardized = False
        net.fit(X, Y, epochs=1)
        expected = net.targets.decode(net.engine.forward(row))
        assert net.predict(row).dtype == np.float64
        np.testing.assert_allclose(net.predict(row), expected, rtol=1e-6)
        np.testing.assert_allclose(net.predictor()(row), expected, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 32, 32, 1), (17, 64, 64, 6), (33, 1, 100)])
def test_sizes(sizes, rng):
    net = network(sizes, dtype="float64")
    x = rng.normal(size=(1, sizes[0]))
    assert_close(net.predictor()(x), Oracle.of(net).predict(x), 1e-13, "sizes")


def test_predict_follows_the_weights_and_a_predictor_does_not(row):
    net = network()
    p, before = net.predictor(), net.predict(row)
    net.layers[0].W *= 2
    net.inputs.mean = np.ones(5)
    net.layers[1].l2 = 0.1  # makes descriptors anew
    now = net.predict(row)
    assert np.array_equal(p(row), before)
    assert not np.array_equal(now, before)
    np.testing.assert_allclose(now, net.forward(row), rtol=1e-6)
    assert np.array_equal(network().predict(row), before)


def test_nothing_is_written_but_the_prediction(row):
    p, out = network().predictor(), np.full((3, 3), 7.0, "float32")
    assert p(row[0], out[1]).base is out
    assert np.array_equal(out[1], p(row)[0])
    assert (out[[0, 2]] == 7).all()
    assert p(row, two := out[2:]) is two
    assert np.array_equal(out[2], out[1])


def test_rows_of_one_or_two_dimensions_take_the_fast_way(row, monkeypatch):
    p = network().predictor()
    expected = p([row[0].tolist()])
    monkeypatch.setattr(p, "_converted", None)  # which takes fifty times as long
    assert np.array_equal(p(row), expected)
    assert np.array_equal(p(row[0]), expected[0])


def test_a_masked_row_is_refused(row):
    p = network().predictor()
    masked = np.ma.array(row, mask=[[True, *[False] * 4]])
    for _ in range(2):  # before the first row and after
        with pytest.raises(ValueError, match="x: got masked values; expected"):
            p(masked)
        p(row)


def test_inputs_of_other_kinds_are_converted(row):
    net = network()
    p, expected = net.predictor(), net.predict(row)
    frozen, wide = row.copy(), np.zeros((5, 2), "float32")
    frozen.flags.writeable = False
    wide[:, 0] = row
    for x in (frozen, row.tolist(), row.astype("float64"), wide[:, :1].T, row[:, ::-1][:, ::-1]):
        assert np.array_equal(net.predict(x), expected)
        assert np.array_equal(p(x), expected)
    for x in (row[0].tolist(), wide[:, 0], frozen[0]):
        assert np.array_equal(p(x), expected[0])


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros(4, "float32"), ValueError, r"x: got shape \(4,\); expected .* \(5,\)$"),
        (np.zeros((5, 1), "float32"), ValueError, r"x: got shape \(5, 1\); expected .* \(S, 5\)"),
        (np.zeros((2, 5), "float32"), ValueError, "x: got 2 rows; expected one, or `predict`"),
        (np.full(5, np.nan, "float32"), ValueError, r"x: got nan at \[0, 0\]; expected finite"),
        ([1e300] * 5, ValueError, "expected numbers within float32"),
        (["a"] * 5, TypeError, "x: got .*'a'"),
    ],
)
def test_wrong_rows(x, error, message):
    p, out = network().predictor(), np.full(3, 7, "float32")
    with pytest.raises(error, match=message):
        p(x, out)
    assert (out == 7).all()


@pytest.mark.parametrize(
    "out", [np.empty(3), np.empty(2, "float32"), np.empty((1, 3), "float32"),
            np.empty(6, "float32")[::2]],
)  # fmt: skip
def test_wrong_outputs(out, row):
    with pytest.raises(ValueError, match=r"out: got shape .* expected a C-contiguous, writable"):
        network().predictor()(row[0], out)


def test_an_output_that_is_no_array(row):
    with pytest.raises(TypeError, match="out: got list; expected an array of float32"):
        network().predictor()(row[0], [0.0, 0.0, 0.0])


def test_names_of_columns_are_checked(rng):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(rng.normal(size=(20, 5)), columns=list("abcde"))
    net = network()
    net.fit(X, X[["a", "b", "c"]], epochs=1)
    p, one = net.predictor(), X.iloc[:1]
    assert np.array_equal(p(one[list("edcba")]), net.predict(one))
    with pytest.raises(ValueError, match="no column 'e'"):
        p(one.rename(columns={"e": "f"}))


@pytest.mark.parametrize("kind", [lambda row: row, lambda row: row.to_dict()])
def test_a_row_is_taken_by_the_names_of_its_values(kind, rng):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(rng.normal(size=(20, 5)), columns=list("abcde"))
    net = network()
    net.fit(X, X[["a", "b", "c"]], epochs=1)
    p, row = net.predictor(), X.iloc[0]
    expected = net.predict(X.iloc[:1])[0]
    assert np.array_equal(p(kind(row)), expected)
    assert np.array_equal(p(kind(row[::-1])), expected)
    assert np.array_equal(p(row.to_numpy()), expected)
    assert np.array_equal(p(row.set_axis(range(5))), expected)  # without names
    for wrong, message in {
        "f": r"x: got no column 'e', column 'f' \(.*unknown\); expected the 5 columns of training",
        "a": "x: got no column 'e', column 'a' twice",
    }.items():
        if wrong == "f" or kind(row) is row:
            with pytest.raises(ValueError, match=message):
                p(kind(row.set_axis([*"abcd", wrong])))
    with pytest.raises(ValueError, match=r"x: got nan"):
        p(kind(row * np.nan))
    with pytest.raises(TypeError, match=r"x: got dict for .* without names .* shape \(5,\)$"):
        network().predictor()(row.to_dict())


def test_the_repr_is_one_line():
    assert repr(network().predictor()) == "<Predictor 5-3: float32 to float32>"


def test_copies_are_made_of_the_network():
    p = network().predictor()
    for duplicate in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="got a Predictor; expected its network"):
            duplicate(p)


@jitted_only
def test_compiled_code_calls_the_kernel_from_several_threads(rng):
    net = network()
    kernel = net.predictor().kernel
    X, out = rng.normal(size=(2000, 5)).astype("float32"), np.empty((2000, 3), "float32")

    @numba.njit(parallel=True)
    def predict(X, out):
        for s in numba.prange(len(X)):
            kernel(X[s], out[s])

    predict(X, out)
    assert np.array_equal(out, np.concatenate([net.predict(x[None]) for x in X]))
    with pytest.raises(ValueError, match="x, out: their sizes are not those of the network"):
        kernel(X[0], np.empty(4, "float32"))
    with pytest.raises(TypeError):
        kernel(X[0].astype("float64"), out[0])


@jitted_only
def test_c_calls_the_address(row):
    p, out = network().predictor(), np.empty(3, "float32")
    pointer = ctypes.POINTER(ctypes.c_float)
    function = ctypes.CFUNCTYPE(None, pointer, pointer)(p.address)
    function(row.ctypes.data_as(pointer), out.ctypes.data_as(pointer))
    assert np.array_equal(out, p(row)[0])
