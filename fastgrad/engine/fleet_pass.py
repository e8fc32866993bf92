"""The compiled fits of a fleet: whole fits of small networks, one after another, on one thread.

Each is the same as a fit of its network alone. A worker has the arrays of one network, its pass and
its optimizer; the parameters of each job are copied there, trained, and copied back.
"""

from typing import Any

import numpy as np

from ..codegen.intrinsics import atomic_load, call, record_at, view
from ..codegen.jit import kernel
from ..codegen.signatures import Address, int64
from .descriptor import DESCRIPTOR, TOTALS, Context, context, numbers
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
)  # fmt: skip
_JOB_FIELDS = (
    "X", "Y", "ids", "sample_weights", "n_rows",
    "subset",  # (n_samples,) int64: its rows; 0: all
    "n_samples",
    "parameters", "input_mean", "input_scale",
    "keys",  # (epochs, 2) int64: of noise and of the permutation, at each epoch
    "rates", "rates_per_epoch",  # learning rates, and from one epoch's to the next
    "sums",  # (epochs, 3) float64: sums of C and of correct classes, penalty; to be written
    "outcome",  # to be written
)  # fmt: skip
WORKER, JOB = (
    np.dtype([(name, np.int64) for name in fields]) for fields in (_WORKER_FIELDS, _JOB_FIELDS)
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
    clear_words(w.memory, w.n_memory)
    clear_words(w.steps, int64(1))
    clear_words(w.frozen_steps, w.n_layers)
    passed.X, passed.Y, passed.ids = job.X, job.Y, job.ids
    passed.sample_weights, passed.n_samples = job.sample_weights, job.n_rows


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


def fleet_pass(dtype: Any) -> Any:
    """The fits of some jobs by a worker, for np.float32 or np.float64."""

    def run(worker: Address, jobs: Address, first: int, last: int) -> None:
        w = record_at(worker, 0, WORKER)
        passed = record_at(w.descriptor, 0, DESCRIPTOR)
        ctx = context(0, w.descriptor, w.layers, w.n_layers, dtype)
        stop = view(w.stop, (1,), np.int64)
        totals = view(passed.totals, (TOTALS,), np.float64)
        for k in range(first, last):
            job = record_at(jobs, k, JOB)
            S, outcome = job.n_samples, DONE
            begin_job(w, passed, job)
            keys = view(job.keys, (w.epochs, 2), np.int64)
            sums = view(job.sums, (w.epochs, 3), np.float64)
            for epoch in range(w.epochs):
                penalty = penalty_of_epoch(ctx, w, passed)
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
                        return
                    if not np.isfinite(totals[0]):
                        break
                sums[epoch, 0], sums[epoch, 1], sums[epoch, 2] = totals[0], totals[1], penalty
                if not (np.isfinite(totals[0]) and are_finite(ctx)):
                    outcome = NOT_FINITE
                    break
            if outcome == DONE:
                copy_words(w.parameters, job.parameters, w.n_parameters)
            job.outcome = outcome

    return run
