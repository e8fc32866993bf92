"""One update from Python, where the time of the call itself counts."""

import numpy as np

from ..codegen.intrinsics import call, record_at, view
from ..codegen.signatures import Address, Array
from .descriptor import DESCRIPTOR, TOTALS

__all__ = ["STEP", "train_step"]

#: An update that is bound: its pass, and the shape and targets of its mini-batch.
STEP = np.dtype(
    [(k, np.int64) for k in ("run", "descriptor", "layers", "n_layers")]
    + [(k, np.int64) for k in ("n_samples", "n_inputs", "n_outputs")]
    + [(k, np.float64) for k in ("least", "most")]  # of targets
)


def train_step(step: Address, x: Array, y: Array) -> float | None:
    """Update on x and targets or class ids y; returns the mean of C before.

    None if a shape is wrong, a number is not finite, or a class does not exist: nothing is done.
    """
    bound = record_at(step, 0, STEP)
    n = bound.n_samples
    if x.shape[0] != n or x.shape[1] != bound.n_inputs or y.shape[0] != n:
        return None
    wrong = 0
    for x_k in x.reshape(-1):
        wrong += not np.isfinite(x_k)
    descriptor = record_at(bound.descriptor, 0, DESCRIPTOR)
    if y.ndim == 1:
        for y_s in y:
            wrong += y_s < 0 or y_s >= bound.n_outputs
        descriptor.ids = y.ctypes.data
    else:
        if y.shape[1] != bound.n_outputs:
            return None
        for y_k in y.reshape(-1):
            wrong += not (np.isfinite(y_k) and bound.least <= y_k <= bound.most)
        descriptor.Y = y.ctypes.data
    if wrong:
        return None
    descriptor.X = x.ctypes.data
    totals = view(descriptor.totals, (TOTALS,), np.float64)
    totals[:] = 0
    call(bound.run, (), (0, bound.descriptor, bound.layers, bound.n_layers))
    return float(totals[0] / n)
