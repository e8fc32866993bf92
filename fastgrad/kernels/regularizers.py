"""Optional loops of an epoch: noise, limits and averages.

As activations, they are called through their addresses (`jit.compile_loop`); `options` are the
numbers of the layer.
"""

import numpy as np

from ..codegen.signatures import Array
from .counter_rng import normal
from .elementary import real

__all__ = [
    "DROPOUT", "KEPT", "L1", "L2", "MAX_NORM", "NOISE", "SHARE", "add_noise", "clip",
    "limit_row_norms", "move_average",
]  # fmt: skip

#: Positions in the options of a layer; SHARE is the factor of L1 and L2 at the current step.
DROPOUT, KEPT, L1, L2, MAX_NORM, NOISE, SHARE = range(7)


def add_noise(a: Array, options: Array, n: int, first: int, key: int) -> None:
    """Gaussian noise on inputs, n numbers that count from `first` in their mini-batch."""
    deviation = options[NOISE]
    for k in range(n):  # eq. (11): a_j = x_j + sigma z_j
        a[k] += deviation * normal(deviation, k, first + key)


def clip(g: Array, c: Array, n: int) -> None:
    """Limit the gradient: first in its norm, by a factor c[0], then each number to c[1]."""
    scale, most = c[0], c[1]
    for k in range(n):  # eq. (23): g_k = min(1, c / |g|) g_k, then limited to -c and c
        g_k = scale * g[k]
        g[k] = most if g_k > most else (max(g_k, -most))  # NaN stays NaN


def limit_row_norms(W: Array, options: Array, rows: int, n: int) -> None:
    """Shrink the weights of each node to the norm allowed (N. Srivastava et al., 2014)."""
    most = options[MAX_NORM]
    for i in range(rows):  # eq. (42): W_ij = W_ij min(1, c / |W_i|)
        square = 0.0
        for j in range(n):
            square += np.float64(W[i * n + j]) ** 2  # in float32 it may be infinite
        norm = np.sqrt(square)
        if norm > most:
            scale = real(most, most / norm)
            for j in range(n):
                W[i * n + j] *= scale


def move_average(average: Array, w: Array, c: Array, n: int) -> None:
    """Move an average of the weights towards them by a share c[0] of the way."""
    share = c[0]
    for k in range(n):  # eq. (43): mean_k = mean_k + share (w_k - mean_k)
        average[k] += share * (w[k] - average[k])
