"""Each equation's loop alone, against NumPy, for shapes that Hypothesis chooses."""

from itertools import pairwise

import numpy as np
from helpers.comparison import assert_close
from helpers.run_mode import PLAIN
from hypothesis import given
from hypothesis import strategies as st

from fastgrad.codegen import tile_shapes
from fastgrad.codegen.dtypes import LANES
from fastgrad.kernels import equations

MOST = 20 if PLAIN else 70  # nodes of a layer
nodes = st.integers(1, MOST)
many_nodes = nodes | st.sampled_from([127, 128, 129, 300])  # more than are summed over at once
panels = st.integers(1, 5)
dtypes = st.sampled_from([np.float32, np.float64])
shares = st.integers(1, 3)  # in how many parts the work is done, as by so many threads


class Layer:
    """Random numbers of a layer, padded with zeros as the loops expect them."""

    def __init__(self, n_in, n_out, dtype, panels=1):
        self.rng = np.random.default_rng([n_in, n_out, panels])
        self.dtype, self.panels = dtype, panels
        self.lanes = LANES[np.dtype(dtype)]
        self.n_in, self.n_out = n_in, n_out
        self.rtol = 1e-13 if dtype == np.float64 else 2e-5
        self.W = self.numbers((n_out, n_in), (self.up(n_out, 1), self.up(n_in, 0)))
        self.b = self.numbers((n_out,), (self.up(n_out, 1),))

    def up(self, n, more):
        """n in whole blocks; with more, past them too: what lies there must not matter."""
        return -(-n // 16) * 16 + 16 * more

    def numbers(self, shape, padded):
        array = np.zeros(padded, self.dtype)
        array[tuple(slice(n) for n in shape)] = self.rng.normal(size=shape)
        return array

    def in_panels(self, n):
        """[p, i, s] and the same numbers as [i, s], in float64."""
        S = self.panels * self.lanes
        flat = self.numbers((n, S), (self.up(n, 0), S))
        in_panels = flat.reshape(len(flat), self.panels, self.lanes).swapaxes(0, 1).copy()
        return in_panels, flat[:n].astype(float)


def flat(in_panels, n):
    """[i, s] of [p, i, s]."""
    return in_panels.swapaxes(0, 1).reshape(in_panels.shape[1], -1)[:n]


def parts(n, unit, shares):
    """n in units, as ranges for that many threads."""
    units = -(-n // unit)
    ends = [units * k // shares * unit for k in range(shares + 1)]
    return list(pairwise(ends))


@given(nodes, nodes, dtypes)
def test_equations_1_4_and_5_of_one_sample(n_in, n_out, dtype):
    layer = Layer(n_in, n_out, dtype)
    W, b = layer.W[:n_out, :n_in], layer.b[:n_out]
    a, d = layer.numbers((n_in,), (n_in,)), layer.numbers((n_out,), (n_out,))
    u, dC_da, dC_dW = np.full_like(d, np.nan), np.full_like(a, np.nan), np.full_like(W, np.nan)
    equations.affine(W, b, a, u)
    equations.gradient(d, a, dC_dW)
    equations.backpropagate(d, W, dC_da)
    wide_W, wide_a, wide_d = W.astype(float), a.astype(float), d.astype(float)
    assert_close(u, b + wide_W @ wide_a, layer.rtol, "u")
    assert_close(dC_dW, np.outer(wide_d, wide_a), layer.rtol, "dC_dW")
    assert_close(dC_da, wide_d @ wide_W, layer.rtol, "dC_da")


@given(nodes, nodes, panels, dtypes, shares)
def test_equation_1_of_many_samples(n_in, n_out, panels, dtype, shares):
    layer = Layer(n_in, n_out, dtype, panels)
    a, expected = layer.in_panels(n_in)
    u = np.full((panels, layer.up(n_out, 0), layer.lanes), np.nan, dtype)
    for some_nodes in parts(n_out, tile_shapes.HEIGHTS[-1], shares):
        for some_panels in parts(panels, 1, shares):
            equations.affine_panels(layer.W, layer.b, a, u, n_in, some_nodes, some_panels)
    W, b = layer.W[:n_out, :n_in].astype(float), layer.b[:n_out, None]
    assert_close(flat(u, n_out), b + W @ expected, layer.rtol)


@given(nodes, many_nodes, panels, dtypes, shares, st.booleans())
def test_equations_5_and_3_of_many_samples(n_in, n_out, panels, dtype, shares, hidden):
    layer = Layer(n_in, n_out, dtype, panels)
    d, expected = layer.in_panels(n_out)
    df, slopes = layer.in_panels(n_in)
    d_before = np.full_like(df, np.nan)
    for some_nodes in parts(n_in, tile_shapes.HEIGHTS[-1], shares):
        for some_panels in parts(panels, 1, shares):
            equations.backpropagate_panels(
                d, layer.W, df, d_before, n_out, some_nodes, some_panels, hidden
            )
    dC_da = layer.W[:n_out, :n_in].astype(float).T @ expected
    assert_close(flat(d_before, n_in), dC_da * slopes if hidden else dC_da, layer.rtol)


@given(nodes, nodes, panels, dtypes, shares, st.booleans())
def test_equations_6_and_7(n_in, n_out, panels, dtype, shares, more):
    layer = Layer(n_in, n_out, dtype, panels)
    a, expected_a = layer.in_panels(n_in)
    d, expected_d = layer.in_panels(n_out)
    aT = np.full((a.shape[1] // layer.lanes, panels * layer.lanes, layer.lanes), np.nan, dtype)
    equations.transpose_panels(a, aT, (0, panels))
    dC_dW, dC_db = layer.W.copy(), layer.b.copy()
    for some_nodes in parts(n_out, tile_shapes.HEIGHTS[-1], shares):
        for some_blocks in parts(len(aT), 1, shares):
            equations.weight_gradient(d, aT, dC_dW, (0, panels), some_nodes, some_blocks, more)
        equations.bias_gradient(d, dC_db, (0, panels), some_nodes, more)
    before_W = layer.W[:n_out, :n_in] if more else 0
    before_b = layer.b[:n_out] if more else 0
    assert_close(dC_dW[:n_out, :n_in], before_W + expected_d @ expected_a.T, layer.rtol)
    assert_close(dC_db[:n_out], before_b + expected_d.sum(axis=1), layer.rtol)
    assert not dC_dW[:n_out, n_in:].any()  # the gradient of padding is 0


@given(nodes, panels, dtypes, shares)
def test_samples_into_panels_and_out_of_them(n, panels, dtype, shares):
    layer = Layer(n, 1, dtype, panels)
    S = panels * layer.lanes - 1  # the last place repeats a sample
    X = layer.rng.normal(size=(S + 9, n)).astype(dtype)
    samples = np.append(order := layer.rng.permutation(len(X))[:S], order[-1])
    mean, scale = layer.numbers((n,), (layer.up(n, 0),)), layer.numbers((n,), (layer.up(n, 0),))
    a = np.full((panels, layer.up(n, 0), layer.lanes), np.nan, dtype)
    aT = np.full((a.shape[1] // layer.lanes, S + 1, layer.lanes), np.nan, dtype)
    out = np.full((S + 2, n), np.nan, dtype)
    for some in parts(panels, 1, shares):
        equations.gather_panels(X, samples, mean, scale, a, aT, some)
        equations.scatter_panels(a, out, 2, some)
    expected = (X[samples] - mean[:n]) * scale[:n]
    np.testing.assert_allclose(flat(a, n).T, expected, rtol=1e-6)
    np.testing.assert_array_equal(aT.swapaxes(0, 1).reshape(S + 1, -1)[:, :n], flat(a, n).T)
    np.testing.assert_array_equal(out[2:], flat(a, n).T[:S])
    assert np.isnan(out[:2]).all()
