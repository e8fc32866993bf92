"""Equation 7, dC/dW_ij = sum_s d_is a_js, in five stages; the factor 1/S is in d already."""

import numpy as np
from numba import njit, prange

from fastgrad.codegen import simd
from fastgrad.codegen.jit import standalone
from fastgrad.codegen.tile_shapes import ROW
from fastgrad.kernels.equations import weight_gradient


# [plain Python]
def gradient(d, a, dC_dW):
    for i in range(len(dC_dW)):
        for j in range(dC_dW.shape[1]):
            dC_dW_ij = np.float32(0)
            for s in range(len(d)):
                dC_dW_ij += d[s, i] * a[s, j]
            dC_dW[i, j] = dC_dW_ij


# [compiled]
compiled = njit(gradient)
reordered = njit(fastmath=True)(gradient)


# [parallel]
@njit(parallel=True, fastmath=True)
def parallel(d, a, dC_dW):
    for i in prange(len(dC_dW)):
        for j in range(dC_dW.shape[1]):
            dC_dW_ij = np.float32(0)
            for s in range(len(d)):
                dC_dW_ij += d[s, i] * a[s, j]
            dC_dW[i, j] = dC_dW_ij


# [lanes]
@standalone
def lanes(d, aT, dC_dW):
    lanes = simd.width(d)
    for i in range(len(dC_dW)):
        for q in range(len(aT)):
            dC_dW_ij = simd.zeros(ROW, d)
            for p in range(len(d)):
                for s in range(lanes):
                    d_is = simd.down(ROW, d, (p, i, s))
                    a_js = simd.lanes(ROW, aT, (q, p * lanes + s, 0))
                    dC_dW_ij = simd.fma(d_is, a_js, dC_dW_ij)
            simd.store(dC_dW, (i, q * lanes), dC_dW_ij)


# [tiles]
@standalone
def tiles(d, aT, dC_dW):
    panels, nodes, column_blocks = (0, len(d)), (0, len(dC_dW)), (0, len(aT))
    weight_gradient(d, aT, dC_dW, panels, nodes, column_blocks, False)
