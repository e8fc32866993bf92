"""Equation 5, dC/da_js = sum_i d_is W_ij, in five stages."""

import numpy as np
from numba import njit, prange

from fastgrad.codegen import simd
from fastgrad.codegen.jit import standalone
from fastgrad.codegen.tile_shapes import ROW
from fastgrad.kernels.equations import backpropagate_panels


# [plain Python]
def backpropagate(d, W, dC_da):
    for j in range(W.shape[1]):
        for s in range(len(d)):
            dC_da_js = np.float32(0)
            for i in range(len(W)):
                dC_da_js += d[s, i] * W[i, j]
            dC_da[s, j] = dC_da_js


# [compiled]
compiled = njit(backpropagate)
reordered = njit(fastmath=True)(backpropagate)


# [parallel]
@njit(parallel=True, fastmath=True)
def parallel(d, W, dC_da):
    for j in prange(W.shape[1]):
        for s in range(len(d)):
            dC_da_js = np.float32(0)
            for i in range(len(W)):
                dC_da_js += d[s, i] * W[i, j]
            dC_da[s, j] = dC_da_js


# [lanes]
@standalone
def lanes(d, W, dC_da):
    for j in range(W.shape[1]):
        for p in range(len(d)):
            dC_da_js = simd.zeros(ROW, d)
            for i in range(len(W)):
                W_ij, d_is = simd.down(ROW, W, (i, j)), simd.lanes(ROW, d, (p, i, 0))
                dC_da_js = simd.fma(W_ij, d_is, dC_da_js)
            simd.store(dC_da, (p, j, 0), dC_da_js)


# [tiles]
@standalone
def tiles(d, W, dC_da):
    nodes, panels = (0, W.shape[1]), (0, len(d))
    backpropagate_panels(d, W, dC_da, dC_da, len(W), nodes, panels, False)
