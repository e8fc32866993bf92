"""The compiled fits of a fleet: whole fits of small networks, one after another, on one thread.

Each is the same as a fit of its network alone. A worker has the arrays of one network, its pass and
its optimizer; the parameters of each job are copied there, trained, and copied back.
"""

from typing import Any

import numpy as np

from ..codegen.intrinsics import atomic_load, call, record_at, view
from ..codegen.jit import kernel
from ..codegen.signatures import Address, Array, int64
from ..kernels.update_rules import HYPERPARAMETERS
from .descriptor import DESCRIPTOR, TOTALS, Context, context, numbers
from .fleet_monitor import SUMS, evaluate, improves, monitored
from .minibatch import draw_permutation
from .weight_update import begin_penalty
from .words import clear_words, copy_words

__all__ = ["DONE", "JOB", "NOT_FINITE", "WORKER", "fleet_pass"]

DONE, NOT_FINITE = map(int64, (1, 2))  # what became of a job; 0: it has not been trained

_WORKER_FIELDS = (
    "run", "descriptor", "layers", "n_layers",
    "epochs",
    "piece",  # samples after which it looks whether it must stop
    "stop",  # address of a number that is not 0 if it must
    "permutation",  # (most samples of a job,) uint32
    "one", "penalty",  # (1,) float64: 1, and the penalty of an epoch; 0 if there is none
    # Words of 8 bytes: parameters, mean and scale of the inputs, and all that an optimizer keeps
    "parameters", "n_parameters", "input_mean", "input_scale", "n_inputs",
    "slot_0", "slot_1", "slot_2", "memory", "n_memory", "steps", "frozen_steps",
    # The pass over the validation samples, as that over the others; 0: there are none
    "val_run", "val_descriptor", "val_layers", "val_piece", "val_permutation",
    "monitor",  # which metric, see fleet_monitor.py; 0: none
    "sign",  # -1 if more of it is better
    "is_relative", "patience",
    "best_parameters",  # (n_parameters,): of the best epoch; 0: they are not restored
    "min_delta", "best_value",
)  # fmt: skip
_JOB_FIELDS = (
    "X", "Y", "ids", "sample_weights", "n_rows",
    "subset",  # (n_samples,) int64: its rows; 0: all
    "n_samples",
    "parameters", "input_mean", "input_scale",
    "keys",  # (epochs, 2) int64: of noise and of the permutation, at each epoch
    "hyperparameters",  # (HYPERPARAMETERS,) float64: of its optimizer
    "rates", "rates_per_epoch",  # learning rates, and from one epoch's to the next
    "val_X", "val_Y", "val_ids", "val_rows",
    "val_subset",  # (n_val_samples,) int64: rows of val_X; 0: all
    "n_val_samples",
    # To be written
    "sums",  # (epochs, SUMS) float64
    "n_epochs", "best_epoch", "outcome",
)  # fmt: skip
_FLOATS = {"min_delta", "best_value"}
WORKER, JOB = (
    np.dtype([(name, np.float64 if name in _FLOATS else np.int64) for name in fields])
    for fields in (_WORKER_FIELDS, _JOB_FIELDS)
)


@kernel
def order_samples(permutation: Address, subset: Address, n: int, key: int) -> None:
    """Draw the order of an epoch, of all rows or of a subset; key 0: as they are."""
    order = view(permutation, (n,), np.uint32)
    if key:
        draw_permutation(order, key)
    else:
        for k in range(n):
            order[k] = np.uint32(k)
    if subset:
        rows = view(subset, (n,), np.int64)
        for k in range(n):
            order[k] = np.uint32(rows[order[k]])


@kernel
def begin_job(w: Any, passed: Any, job: Any) -> None:
    """Let the worker be the network of a job, with an optimizer that has made no step."""
    copy_words(job.parameters, w.parameters, w.n_parameters)
    copy_words(job.input_mean, w.input_mean, w.n_inputs)
    copy_words(job.input_scale, w.input_scale, w.n_inputs)
    for slot in (w.slot_0, w.slot_1, w.slot_2):
        if slot:
            clear_words(slot, w.n_parameters)
    copy_words(job.hyperparameters, passed.hyperparameters, int64(HYPERPARAMETERS))
    clear_words(w.memory, w.n_memory)
    clear_words(w.steps, int64(1))
    clear_words(w.frozen_steps, w.n_layers)
    passed.X, passed.Y, passed.ids = job.X, job.Y, job.ids
    passed.sample_weights, passed.n_samples = job.sample_weights, job.n_rows
    w.best_value, job.best_epoch = np.inf, int64(-1)
    if job.val_subset:
        order_samples(w.val_permutation, job.val_subset, job.n_val_samples, int64(0))


@kernel
def penalty_of_epoch(ctx: Context, w: Any, passed: Any) -> float:
    """Return the penalty of the weights as they are, equation (10), if there is one."""
    if not w.penalty:
        return 0.0
    passed.penalty_shares, passed.penalties = w.one, w.penalty
    begin_penalty(ctx, int64(0))
    passed.penalty_shares = 0
    penalty: float = view(w.penalty, (1,), np.float64)[0]
    return penalty


@kernel
def are_finite(ctx: Context) -> bool:
    """Return whether all weights are finite."""
    n_wrong = 0
    for w_k in numbers(ctx, ctx.descriptor.parameters, ctx.descriptor.n_parameters):
        n_wrong += not np.isfinite(w_k)
    return n_wrong == 0


@kernel
def train_epoch(w: Any, passed: Any, job: Any, epoch: int) -> bool:
    """Train on all samples once; returns whether the worker must stop."""
    totals, stop = view(passed.totals, (TOTALS,), np.float64), view(w.stop, (1,), np.int64)
    keys = view(job.keys, (w.epochs, 2), np.int64)
    S = job.n_samples
    totals[:] = 0
    passed.noise_key = keys[epoch, 0]
    order_samples(w.permutation, job.subset, S, keys[epoch, 1])
    for done in range(0, S, w.piece):
        passed.first, passed.last = done, min(done + w.piece, S)
        step = epoch * job.rates_per_epoch
        step += done // passed.batch_size if job.rates_per_epoch else 0
        passed.rates = job.rates + step * 8
        call(w.run, (), (0, w.descriptor, w.layers, w.n_layers))
        if atomic_load(stop):
            return True
        if not np.isfinite(totals[0]):
            break
    return False


@kernel
def is_over(w: Any, job: Any, sums: Array, epoch: int) -> bool:
    """Note whether an epoch is the best; returns whether the fit ends, as too many were not."""
    if not w.monitor:
        return False
    value = w.sign * monitored(w.monitor, sums, job.n_samples, job.n_val_samples)
    if improves(value, w.best_value, w.min_delta, w.is_relative):
        w.best_value, job.best_epoch = value, epoch
        if w.best_parameters:
            copy_words(w.parameters, w.best_parameters, w.n_parameters)
    ends: bool = epoch - job.best_epoch >= w.patience
    return ends


def fleet_pass(dtype: Any) -> Any:
    """The fits of some jobs by a worker, for np.float32 or np.float64."""

    def run(worker: Address, jobs: Address, first: int, last: int) -> None:
        w = record_at(worker, 0, WORKER)
        passed = record_at(w.descriptor, 0, DESCRIPTOR)
        evaluated = record_at(w.val_descriptor, 0, DESCRIPTOR)  # not read if there is none
        ctx = context(0, w.descriptor, w.layers, w.n_layers, dtype)
        totals = view(passed.totals, (TOTALS,), np.float64)
        for k in range(first, last):
            job = record_at(jobs, k, JOB)
            begin_job(w, passed, job)
            sums = view(job.sums, (w.epochs, SUMS), np.float64)
            penalty, outcome = penalty_of_epoch(ctx, w, passed), DONE
            for epoch in range(w.epochs):
                if train_epoch(w, passed, job, epoch):
                    return
                sums[epoch, 0], sums[epoch, 1], sums[epoch, 2] = totals[0], totals[1], penalty
                if not (np.isfinite(totals[0]) and are_finite(ctx)):
                    outcome = NOT_FINITE
                    break
                penalty, job.n_epochs = penalty_of_epoch(ctx, w, passed), epoch + 1
                if job.n_val_samples:
                    if evaluate(w, evaluated, job):
                        return
                    val = view(evaluated.totals, (TOTALS,), np.float64)
                    sums[epoch, 3], sums[epoch, 4], sums[epoch, 5] = val[0], val[1], penalty
                if is_over(w, job, sums[epoch], epoch):
                    break
            if outcome == DONE:
                is_kept = w.best_parameters != 0 and job.best_epoch >= 0
                kept = w.best_parameters if is_kept else w.parameters
                copy_words(kept, job.parameters, w.n_parameters)
            job.outcome = outcome

    return run
