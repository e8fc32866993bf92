"""Equation 1, u_is = b_i + sum_j W_ij a_js, in five stages."""

from numba import njit, prange

from fastgrad.codegen import simd
from fastgrad.codegen.jit import standalone
from fastgrad.codegen.tile_shapes import ROW
from fastgrad.kernels.equations import affine_panels


# [plain Python]
def affine(W, b, a, u):
    for i in range(len(W)):
        for s in range(len(a)):
            u_is = b[i]
            for j in range(W.shape[1]):
                u_is += W[i, j] * a[s, j]
            u[s, i] = u_is


# [compiled]
compiled = njit(affine)
reordered = njit(fastmath=True)(affine)


# [parallel]
@njit(parallel=True, fastmath=True)
def parallel(W, b, a, u):
    for i in prange(len(W)):
        for s in range(len(a)):
            u_is = b[i]
            for j in range(W.shape[1]):
                u_is += W[i, j] * a[s, j]
            u[s, i] = u_is


# [lanes]
@standalone
def lanes(W, b, a, u):
    for i in range(len(W)):
        for p in range(len(a)):
            u_is = simd.spread(ROW, simd.along(ROW, b, (i,)))
            for j in range(W.shape[1]):
                W_ij, a_js = simd.down(ROW, W, (i, j)), simd.lanes(ROW, a, (p, j, 0))
                u_is = simd.fma(W_ij, a_js, u_is)
            simd.store(u, (p, i, 0), u_is)


# [tiles]
@standalone
def tiles(W, b, a, u):
    affine_panels(W, b, a, u, W.shape[1], (0, len(W)), (0, len(a)))
