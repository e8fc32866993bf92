"""What a fleet's fits monitor: costs and accuracies of each epoch, and which is the best."""

from typing import Any

import numpy as np

from ..codegen.intrinsics import atomic_load, call, view
from ..codegen.jit import kernel, strict
from ..codegen.signatures import Array, int64
from .descriptor import TOTALS

__all__ = ["MONITORED", "SUMS", "evaluate", "improves", "monitored"]

#: Numbers of an epoch: sums of C and of correct classes over the training samples, and the penalty
#: of the weights before; the same for the validation samples and the weights after.
SUMS = 6

_COST, _VAL_COST, _ACCURACY, _VAL_ACCURACY = map(int64, (1, 2, 3, 4))

#: The metrics that a fit can monitor in compiled code, by name.
MONITORED = {
    "cost": int(_COST), "val_cost": int(_VAL_COST),
    "accuracy": int(_ACCURACY), "val_accuracy": int(_VAL_ACCURACY),
}  # fmt: skip


@kernel
def evaluate(w: Any, evaluated: Any, job: Any) -> bool:
    """Compute the cost of the validation samples; returns whether the worker must stop."""
    view(evaluated.totals, (TOTALS,), np.float64)[:] = 0
    evaluated.X, evaluated.Y, evaluated.ids = job.val_X, job.val_Y, job.val_ids
    evaluated.n_samples = job.val_rows
    evaluated.permutation = w.val_permutation if job.val_subset else 0
    stop = view(w.stop, (1,), np.int64)
    for done in range(0, job.n_val_samples, w.val_piece):
        evaluated.first, evaluated.last = done, min(done + w.val_piece, job.n_val_samples)
        call(w.val_run, (), (0, w.val_descriptor, w.val_layers, w.n_layers))
        if atomic_load(stop):
            return True
    return False


@strict
def monitored(which: int, sums: Array, S: int, n_val: int) -> float:
    """Return a metric of an epoch, with the bits that the history has."""
    value: float = np.nan
    if which == _COST:
        value = (sums[0] + sums[2] * S) / S
    elif which == _ACCURACY:
        value = sums[1] / S
    elif which == _VAL_COST:
        value = sums[3] / n_val + sums[5]
    elif not np.isnan(sums[3]):
        value = sums[4] / n_val
    return value


@strict
def improves(value: float, best: float, min_delta: float, is_relative: int) -> bool:
    """Return whether a value is less than the best, by so much; as `EarlyStopping` does."""
    unit = 1.0
    if is_relative:
        unit = abs(best) if best < np.inf else 0.0
    return value < best - min_delta * unit
