"""Equations (1) to (10), (12) and (22) as loops, for one sample and for many.

The notation is that of docs/derivation.md: `i` is a node of layer l, `j` a node of layer l-1, `s` a
sample. For one sample the arrays are `a[i]`; for many they come in panels of 16 samples (8 in
float64), `a[p, i, s]`, and each name in an inner loop holds a tile: several nodes of one panel.
`aT[q, s, j]` holds the same activations transposed: as many nodes j of column block q as a panel
has samples, every sample s.

Nodes are padded with zeros to whole tiles and blocks, so there is no code for remainders: weights,
activations and gradients of a padding node are 0 and stay 0.
"""

from typing import Any

from numba import literal_unroll

from ..codegen import simd
from ..codegen.jit import kernel, scalar
from ..codegen.signatures import Array, Range, Shape
from ..codegen.tile_shapes import HEIGHTS, ROW, SHAPES, WIDTHS
from .counter_rng import bits, threshold
from .elementary import exp, log, real, sigmoid
from .regularizers import DROPOUT, KEPT, L1, L2, SHARE

# --- One sample: the derivation as it stands ----------------------------------------------------


@kernel
def affine(W: Array, b: Array, a: Array, u: Array) -> None:
    """u from the activations a of the layer before."""
    for i in range(u.size):  # eq. (1): u_i = b_i + sum_j W_ij a_j
        u_i = b[i]
        for j in range(a.size):
            u_i += W[i, j] * a[j]
        u[i] = u_i


@kernel
def gradient(dC_db: Array, a: Array, dC_dW: Array) -> None:
    """dC/dW from dC/db and the activations a of the layer before."""
    for i in range(dC_db.size):  # eq. (4): dC/dW_ij = dC/db_i a_j
        dC_db_i = dC_db[i]
        for j in range(a.size):
            dC_dW[i, j] = dC_db_i * a[j]


@kernel
def backpropagate(dC_db: Array, W: Array, dC_da: Array) -> None:
    """dC/da of the layer before from dC/db."""
    dC_da[:] = 0  # i outermost, against the order of the sum: W is stored by rows
    for i in range(dC_db.size):  # eq. (5): dC/da_j = sum_i dC/db_i W_ij
        dC_db_i = dC_db[i]
        for j in range(dC_da.size):
            dC_da[j] += dC_db_i * W[i, j]


# --- One sample or many: node by node -----------------------------------------------------------
# k runs over all n numbers of a layer: its nodes or, for a panel, its nodes and samples.


def activation_loop(f: str) -> Any:
    """The loop over (2) for the scalar function named f."""

    def activate(u: Array, a: Array, n: int) -> None:
        for k in range(n):  # eq. (2): a_i = f(u_i)
            a[k] = scalar(f, u[k])

    return activate


def activation_and_derivative_loop(f: str, df: str) -> Any:
    """The loop over (2) for the functions named, which also computes f' for (3)."""

    def activate(u: Array, a: Array, n: int) -> None:
        for k in range(n):  # eq. (2): a_i = f(u_i)
            u_k = u[k]
            a[k] = scalar(f, u_k)
            u[k] = scalar(df, u_k)  # from now on f'(u): most of the work is that of f

    return activate


@kernel
def differentiate(df: Array, d: Array, n: int) -> None:
    """dC/db from df = f'(u): d holds dC/da before, dC/db after."""
    for k in range(n):  # eq. (3): dC/db_i = dC/da_i f'(u_i)
        d[k] *= df[k]


def dropout(a: Array, df: Array, options: Array, n: int, first: int, key: int) -> None:
    """Dropout: m_i is 0 with probability p, otherwise 1 / (1 - p), drawn for each sample."""
    dropped, kept = threshold(options[DROPOUT]), options[KEPT]
    for k in range(n):  # eq. (9): a_i = m_i f(u_i)
        m_k = kept if bits(k, first + key) >= dropped else real(kept, 0)
        a[k] *= m_k
        df[k] *= m_k  # so that (3) is dC/db_i = dC/da_i m_i f'(u_i)


def input_dropout(a: Array, options: Array, n: int, first: int, key: int) -> None:
    """Dropout of inputs, as in (9)."""
    dropped, kept = threshold(options[DROPOUT]), options[KEPT]
    for k in range(n):
        a[k] *= kept if bits(k, first + key) >= dropped else real(kept, 0)


def penalty(w: Array, g: Array, options: Array, n: int) -> None:
    """Gradient of the penalty l1 sum |w| + l2/2 sum w^2, added to that of the cost."""
    l1, l2 = options[SHARE] * options[L1], options[SHARE] * options[L2]
    for k in range(n):  # eq. (10): dC/dW_ij = dC/dW_ij + l1 sign(W_ij) + l2 W_ij
        sign = real(l1, 1) if w[k] > 0 else (real(l1, -1) if w[k] < 0 else real(l1, 0))
        g[k] += l1 * sign + l2 * w[k]


# A cost takes the activations a of the last layer, the targets y and the weights w_s of the
# samples (which contain the factor 1/S of the mean), and writes w_s C_s to C and w_s dC_s/da_i to
# d. Arrays are [i, s], flat, with `width` samples; m and z are scratch of that width.


def cost_loop(C_of: str, dC_da_of: str) -> Any:
    """The loop over a cost that is a sum over the nodes, for the scalar functions named."""

    def cost(
        a: Array, y: Array, w: Array, d: Array, C: Array, m: Array, z: Array, n_out: int, width: int
    ) -> None:
        for s in range(width):
            C[s] = 0
        for i in range(n_out):  # eq. (12): dC/da_is = w_s C'(a_is, y_is)
            for s in range(width):
                k = i * width + s
                C[s] += w[s] * scalar(C_of, a[k], y[k])
                d[k] = w[s] * scalar(dC_da_of, a[k], y[k])

    return cost


def softmax_loop(smoothing: float) -> Any:
    """The loop over (8): softmax and cross-entropy as one, stable for any a.

    p_i = exp(a_i - m) / z with m = max_i a_i and z = sum_i exp(a_i - m);
    C = -sum_i y_i log p_i = sum_i y_i (log z + m - a_i). Smoothing moves a part of y to all nodes.
    """

    def cost(
        a: Array, y: Array, w: Array, d: Array, C: Array, m: Array, z: Array, n_out: int, width: int
    ) -> None:
        for s in range(width):
            m[s] = a[s]
            z[s] = 0
            C[s] = 0
        for i in range(1, n_out):
            for s in range(width):
                m[s] = max(m[s], a[i * width + s])
        for i in range(n_out):
            for s in range(width):
                k = i * width + s
                d[k] = exp(a[k] - m[s])
                z[s] += d[k]
        for s in range(width):
            m[s] += log(z[s])  # now log sum_i exp(a_i)
        # eq. (22): y_i = (1 - eps) y_i + eps / n
        keep, spread = real(w[0], 1 - smoothing), real(w[0], smoothing / n_out)
        for i in range(n_out):  # eq. (8): dC/du_i = p_i - y_i
            for s in range(width):
                k = i * width + s
                p_i, y_i = d[k] / z[s], keep * y[k] + spread
                C[s] += w[s] * y_i * (m[s] - a[k])
                d[k] = w[s] * (p_i - y_i)

    return cost


def sigmoid_link(a: Array, n: int) -> None:
    """p_i = 1 / (1 + exp(-a_i)), in place."""
    for i in range(n):
        a[i] = sigmoid(a[i])


def softmax_link(a: Array, n: int) -> None:
    """p_i = exp(a_i - m) / z as in (8), in place."""
    m, z = a[0], real(a[0], 0)
    for i in range(1, n):
        m = max(m, a[i])
    for i in range(n):
        a[i] = exp(a[i] - m)
        z += a[i]
    for i in range(n):
        a[i] /= z


def exp_link(a: Array, n: int) -> None:
    """exp(a_i), in place."""
    for i in range(n):
        a[i] = exp(a[i])


# --- Many samples: a tile of nodes and samples at a time ------------------------------------------
# `nodes` and `panels` are the ranges that the calling thread works on. Tiles have a few shapes. The
# same lines are compiled for each of them, and each covers what the larger ones have left over.


@kernel
def subrange(size: int, sizes: tuple[int, ...], full: Range) -> Range:
    """Return the part of a range that is left to tiles of one size; sizes come largest first."""
    first, last = full
    for larger in sizes:
        if larger > size:
            first = last - (last - first) % larger
    return first, last - (last - first) % size


@kernel
def affine_panels(
    W: Array, b: Array, a: Array, u: Array, n_in: int, nodes: Range, panels: Range
) -> None:
    """u from the activations a of the layer before, for every sample."""
    for shape in literal_unroll(SHAPES):
        affine_tiles(shape, W, b, a, u, n_in, nodes, panels)


@kernel
def affine_tiles(
    shape: Shape, W: Array, b: Array, a: Array, u: Array, n_in: int, nodes: Range, panels: Range
) -> None:
    """(1) in tiles of that shape, for the nodes and panels left to it."""
    rows, width = len(shape[0]), len(shape[1])
    i_first, i_last = subrange(rows, HEIGHTS, nodes)
    p_first, p_last = subrange(width, WIDTHS, panels)
    for i in range(i_first, i_last, rows):  # eq. (1s): u_is = b_i + sum_j W_ij a_js
        for p in range(p_first, p_last, width):
            u_is = simd.spread(shape, simd.along(shape, b, (i,)))
            for j in range(n_in):
                W_ij, a_js = simd.down(shape, W, (i, j)), simd.lanes(shape, a, (p, j, 0))
                u_is = simd.fma(W_ij, a_js, u_is)
            simd.store(u, (p, i, 0), u_is)


# Equation (5) reads W down its columns: each node i has a cache line of its own, of which a tile
# uses a part. The L1 cache holds this many lines of W, and as many rows of d, until the next tile
# uses the next part; partial sums are stored in d_before.
_NODES_PER_SUM = 128


@kernel
def backpropagate_panels(
    d: Array,
    W: Array,
    df: Array,
    d_before: Array,
    n_out: int,
    nodes: Range,
    panels: Range,
    hidden: bool,
) -> None:
    """d = dC/db of the layer before from that of this one and df = f'(u), for every sample.

    Unless the layer before is `hidden`, it is the inputs, and what is found is their dC/da.
    """
    for i in range(0, n_out, _NODES_PER_SUM):
        summed = i, min(i + _NODES_PER_SUM, n_out)
        differentiates = hidden and summed[1] == n_out
        for shape in literal_unroll(SHAPES):
            backpropagate_tiles(shape, d, W, df, d_before, summed, nodes, panels, differentiates)


@kernel
def backpropagate_tiles(
    shape: Shape, d: Array, W: Array, df: Array, d_before: Array, summed: Range, nodes: Range,
    panels: Range, differentiates: bool,
) -> None:  # fmt: skip
    """(5s), its sum going on over some nodes i, and (3s) in tiles of that shape."""
    rows, width = len(shape[0]), len(shape[1])
    j_first, j_last = subrange(rows, HEIGHTS, nodes)
    p_first, p_last = subrange(width, WIDTHS, panels)
    for j in range(j_first, j_last, rows):  # eq. (5s): dC/da_js = sum_i d_is W_ij
        for p in range(p_first, p_last, width):
            dC_da_js = simd.zeros(shape, d)
            if summed[0] > 0:  # some are summed already
                dC_da_js = simd.tile(shape, d_before, (p, j, 0))
            for i in range(summed[0], summed[1]):
                W_ij, d_is = simd.along(shape, W, (i, j)), simd.lanes(shape, d, (p, i, 0))
                dC_da_js = simd.fma(W_ij, d_is, dC_da_js)
                simd.prefetch(W, (i, j + simd.width(d)))  # hardware prefetchers miss this stride
            d_js = dC_da_js
            if differentiates:  # eq. (3s): d_js = dC/da_js f'(u_js)
                d_js = simd.multiply(dC_da_js, simd.tile(shape, df, (p, j, 0)))
            simd.store(d_before, (p, j, 0), d_js)


# In (6) and (7) the factor 1/S is in d already: the cost has put it there with the weights.


@kernel
def bias_gradient(d: Array, dC_db: Array, panels: Range, nodes: Range, accumulates: bool) -> None:
    """dC/db: the sum of d over the samples, added to the value there if it `accumulates`."""
    for i in range(nodes[0], nodes[1]):  # eq. (6): dC/db_i = (1/S) sum_s d_is
        d_is = simd.zeros(ROW, d)
        for p in range(panels[0], panels[1]):
            d_is = simd.add(d_is, simd.lanes(ROW, d, (p, i, 0)))
        dC_db[i] = simd.total(d_is) + (dC_db[i] if accumulates else 0)


@kernel
def weight_gradient(
    d: Array,
    aT: Array,
    dC_dW: Array,
    panels: Range,
    nodes: Range,
    column_blocks: Range,
    accumulates: bool,
) -> None:
    """dC/dW: the sum of d a over the samples, added to the value there if it `accumulates`."""
    for shape in literal_unroll(SHAPES):
        weight_gradient_tiles(shape, d, aT, dC_dW, panels, nodes, column_blocks, accumulates)


@kernel
def weight_gradient_tiles(
    shape: Shape,
    d: Array,
    aT: Array,
    dC_dW: Array,
    panels: Range,
    nodes: Range,
    column_blocks: Range,
    accumulates: bool,
) -> None:
    """(7) in tiles of that shape, for the nodes i and column blocks q of nodes j left to it."""
    rows, width, lanes = len(shape[0]), len(shape[1]), simd.width(d)
    i_first, i_last = subrange(rows, HEIGHTS, nodes)
    q_first, q_last = subrange(width, WIDTHS, column_blocks)
    for i in range(i_first, i_last, rows):  # eq. (7): dC/dW_ij = (1/S) sum_s d_is a_js
        for q in range(q_first, q_last, width):
            dC_dW_ij = simd.zeros(shape, d)
            for p in range(panels[0], panels[1]):
                for s in range(lanes):
                    d_is = simd.down(shape, d, (p, i, s))
                    a_js = simd.lanes(shape, aT, (q, p * lanes + s, 0))
                    dC_dW_ij = simd.fma(d_is, a_js, dC_dW_ij)
            if accumulates:
                dC_dW_ij = simd.add(dC_dW_ij, simd.tile(shape, dC_dW, (i, q * lanes)))
            simd.store(dC_dW, (i, q * lanes), dC_dW_ij)


# --- Into panels and out of them ------------------------------------------------------------------

# The rows that a shuffle puts side by side are scattered in memory. A load from there takes
# hundreds of cycles, and only a dozen or so are in flight, so each tile prefetches a later one.
_PREFETCH_DISTANCE = 8


@kernel
def gather_panels(
    X: Array, samples: Array, mean: Array, scale: Array, a: Array, aT: Array, panels: Range
) -> None:
    """The rows of X given by `samples`, standardised, as activations of the input layer."""
    lanes, square, blocks = simd.width(X), simd.square(X), a.shape[1] // simd.width(X)
    last = panels[1] * blocks
    for k in range(panels[0] * blocks, last):
        p, q, later = k // blocks, k % blocks, k + _PREFETCH_DISTANCE
        if later < last:
            for s in range(later // blocks * lanes, (later // blocks + 1) * lanes):
                simd.prefetch(X, (samples[s], later % blocks * lanes))
        x = simd.gather(X, samples, p * lanes, q * lanes)
        x = simd.subtract(x, simd.lanes(square, mean, (q * lanes,)))
        x = simd.multiply(x, simd.lanes(square, scale, (q * lanes,)))
        simd.store(aT, (q, p * lanes, 0), x)
        simd.store(a, (p, q * lanes, 0), simd.transpose(x))


@kernel
def transpose_panels(a: Array, aT: Array, panels: Range) -> None:
    """The same activations with one sample per row."""
    lanes, square = simd.width(a), simd.square(a)
    for p in range(panels[0], panels[1]):
        for q in range(a.shape[1] // lanes):
            x = simd.tile(square, a, (p, q * lanes, 0))
            simd.store(aT, (q, p * lanes, 0), simd.transpose(x))


@kernel
def scatter_panels(a: Array, out: Array, first: int, panels: Range) -> None:
    """Write the rows of out from `first` on from panels: out[s, i] = a[p, i, s]."""
    lanes = simd.width(a)
    for p in range(panels[0], panels[1]):
        for s in range(min(lanes, out.shape[0] - first - p * lanes)):
            for i in range(out.shape[1]):
                out[first + p * lanes + s, i] = a[p, i, s]
