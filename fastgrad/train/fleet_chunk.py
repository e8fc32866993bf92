"""Whole fits of some members of a fleet in one compiled call."""

import copy
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.batch import Batch
from ..engine.fleet_monitor import MONITORED, SUMS
from ..engine.fleet_pass import DONE, JOB
from ..engine.fleet_worker import FleetWorker, Monitor
from ..engine.workspace import address_of
from ..model.spec import NetworkSpec
from ..model.standardization import Targets
from .base import TrainableNetwork
from .callbacks import EarlyStopping
from .evaluation import accuracy_or_nan, rmse_of, squares_per_cost
from .fit import that_count
from .fleet_members import Member
from .history import History
from .options import FitOptions

__all__ = ["can_monitor", "monitor_of", "train_chunk"]

Array = np.ndarray[Any, Any]

_BATCH = "X", "Y", "ids", "sample_weights", "n_rows"


def can_monitor(spec: NetworkSpec, stopping: EarlyStopping | None) -> bool:
    """Whether compiled fits can stop as the callback does."""
    if stopping is None:
        return True
    # the penalty's last digits differ, and so might the epoch
    is_exact = stopping.monitor.endswith("accuracy") or not spec.is_penalized
    return stopping.monitor in MONITORED and is_exact


def monitor_of(stopping: EarlyStopping) -> Monitor:
    """The same for compiled fits."""
    return Monitor(
        stopping.monitor, stopping.sign, stopping.min_delta,
        stopping.min_delta_mode == "relative", stopping.patience, stopping.restore_best_weights,
    )  # fmt: skip


class _Standardization:
    """How inputs and targets are standardised, computed once for those who share samples."""

    def __init__(self) -> None:
        self._inputs: dict[int, tuple[Array, Array]] = {}
        self._targets: dict[int, Targets] = {}
        self._encoded: dict[Any, Array] = {}

    def of_inputs(self, member: Member) -> bool:
        """Standardise the inputs of a network; returns whether that has changed them."""
        if not member.spec.inputs["standardize"] or member.spec.inputs["standardized"]:
            return False
        inputs, batch = member.net.inputs, member.samples.batch
        if member.rows is None and id(batch) in self._inputs:
            inputs.mean, inputs.scale = self._inputs[id(batch)]
            inputs.standardized = True
            return True
        X = member.samples.batch.X
        X, weights = (
            a if member.rows is None or not len(a) else a[member.rows] for a in (X, batch.weights)
        )
        inputs.standardize_by_pieces([X if weights.all() else X[weights > 0]])
        if member.rows is None:
            self._inputs[id(batch)] = inputs.mean.copy(), inputs.scale.copy()
        return True

    def targets(self, member: Member) -> Targets | None:
        """How the targets of a network are standardised: as before, or by those of now, or not."""
        if not member.spec.targets["standardize"]:
            return None
        targets, batch = member.net.targets, member.samples.batch
        if targets.standardized:
            return targets
        if member.rows is not None:
            own = member.batch
            return targets.fitted_to([that_count(own.Y, own)])
        if id(batch) not in self._targets:
            self._targets[id(batch)] = targets.fitted_to([that_count(batch.Y, batch)])
        return copy.deepcopy(self._targets[id(batch)])

    def encoded(self, batch: Batch, targets: Targets | None, dtype: Any) -> Array:
        """The targets as the cost compares with them."""
        if targets is None:
            return batch.Y
        key = id(batch), targets.mean.tobytes(), targets.scale.tobytes()
        if key not in self._encoded:
            self._encoded[key] = targets.encode(batch.Y, dtype)
        return self._encoded[key]


def train_chunk(
    worker: FleetWorker,
    members: Sequence[Member],
    options: FitOptions,
    stopping: EarlyStopping | None,
) -> list[History | None]:
    """Train networks that one worker can train; None for those that are as they were before.

    These have diverged, or the worker has been stopped.

    Whatever raises does so before anything is changed: targets that cannot be standardised, or the
    learning rate of a user's function.
    """
    epochs, n = options.epochs, len(members)
    nets = [member.net for member in members]
    sizes = np.array([member.n_samples for member in members])
    val_sizes = np.array([member.n_val_samples for member in members])
    standardization = _Standardization()
    targets = [standardization.targets(member) for member in members]
    rates = [
        worker.rates(member.optimizer, S) for member, S in zip(members, sizes.tolist(), strict=True)
    ]
    states = [net.rng.bit_generator.state for net in nets]
    keys, sums = np.zeros((n, epochs, 2), np.int64), np.zeros((n, epochs, SUMS))
    for net, own in zip(nets, keys, strict=True):
        _draw_keys(net, own, worker.is_noisy, options.shuffle)
    is_new = [standardization.of_inputs(member) for member in members]
    jobs = _jobs(worker, members, targets, standardization)
    # whether they are is the same for all networks of a fleet
    own_weights = [m.weights for m in members if m.samples.are_balanced]
    if own_weights:
        jobs["sample_weights"] = [*map(address_of, own_weights)]
    jobs["n_samples"], jobs["n_val_samples"] = sizes, val_sizes
    jobs["keys"] = address_of(keys) + keys.strides[0] * np.arange(n)
    jobs["sums"] = address_of(sums) + sums.strides[0] * np.arange(n)
    jobs["rates"] = [of.address for of in rates]
    jobs["rates_per_epoch"] = [of.per_epoch for of in rates]
    begin = time.perf_counter()
    worker.train(jobs)
    seconds = (time.perf_counter() - begin) / max(int(jobs["n_epochs"].sum()), 1)
    outcomes, last_epochs, best_epochs = (
        jobs[name].tolist() for name in ("outcome", "n_epochs", "best_epoch")
    )
    columns = _columns(sums[:, : max(last_epochs)], sizes, val_sizes)
    histories: list[History | None] = []
    for row, (member, net) in enumerate(zip(members, nets, strict=True)):
        history, n_epochs = None, last_epochs[row]
        if outcomes[row] != DONE or n_epochs < epochs:
            net.rng.bit_generator.state = states[row]
        if outcomes[row] == DONE:
            if n_epochs < epochs:  # only what has been drawn in a fit of its own
                _draw_keys(net, keys[row, :n_epochs], worker.is_noisy, options.shuffle)
            if member.spec.inputs["names"] != member.samples.names:
                net.inputs.names = member.samples.names
            of_targets = targets[row]
            if of_targets is not None and net.targets is not of_targets:
                net.targets = of_targets
            metrics = {name: of[row][:n_epochs] for name, of in columns.items()}
            history = History(
                member.n_samples, metrics["cost"], lr=rates[row].of_epochs[:n_epochs],
                seconds=[seconds] * n_epochs,
            )  # fmt: skip
            _add_metrics(history, member, of_targets, metrics)
            if stopping:
                history.stopped = _reason(history, stopping, best_epochs[row])
        elif is_new[row]:
            net.inputs.mean, net.inputs.scale, net.inputs.standardized = 0, 1, False
        histories.append(history)
    return histories


def _jobs(
    worker: FleetWorker,
    members: Sequence[Member],
    targets: Sequence[Targets | None],
    standardization: _Standardization,
) -> Array:
    """The jobs with the addresses of samples and networks."""
    jobs, dtype = np.zeros(len(members), JOB), members[0].net.dtype
    places: dict[Any, tuple[int, ...]] = {}

    def placed(batch: Batch, of: Targets | None) -> tuple[int, ...]:
        """The addresses of a batch, and its samples."""
        if of is None and id(batch) in places:
            return places[id(batch)]
        Y = standardization.encoded(batch, of, dtype)
        arrays = batch.X, Y, batch.ids, batch.weights
        places[id(batch)] = (*map(address_of, arrays), len(batch.X))
        return places[id(batch)]

    training = [
        placed(member.samples.batch, of) for member, of in zip(members, targets, strict=True)
    ]
    for name, values in zip(_BATCH, zip(*training, strict=True), strict=True):
        jobs[name] = values
    jobs["hyperparameters"] = [address_of(member.optimizer.h) for member in members]
    jobs["subset"] = [address_of(member.rows) for member in members]
    jobs["parameters"] = [address_of(member.net.parameters) for member in members]
    jobs["input_mean"], jobs["input_scale"] = np.transpose(
        [
            member.net.engine.workspace.inputs_at
            if member.net.is_built
            else worker.unchanged_inputs
            for member in members
        ]
    )
    for job, member, of in zip(jobs, members, targets, strict=True):
        if member.validates and member.samples.validation:
            place = placed(member.samples.validation.batch, of)
            job["val_X"], job["val_Y"], job["val_ids"], _, job["val_rows"] = place
            job["val_subset"] = address_of(member.val_rows)
    return jobs


def _draw_keys(net: TrainableNetwork, keys: Array, is_noisy: bool, shuffles: bool) -> None:
    """Draw the keys of noise and permutation of each epoch, in the order of a fit."""
    epochs = len(keys)
    if is_noisy and shuffles:
        keys[:] = net.rng.integers(1, np.array([2**62, 2**63], np.uint64), (epochs, 2))
    elif is_noisy:
        keys[:, 0] = net.rng.integers(1, 2**62, epochs)
    elif shuffles:
        keys[:, 1] = net.rng.integers(1, 2**63, epochs)


def _columns(sums: Array, sizes: Array, val_sizes: Array) -> dict[str, list[list[float]]]:
    """The metrics of each network and epoch, from the sums of its samples."""
    S, n_val = sizes[:, None], np.maximum(val_sizes, 1)[:, None]
    C, right, penalty = np.moveaxis(sums[:, :, :3], 2, 0)
    found = {"cost": (C + penalty * S) / S, "accuracy": right / S, "penalty": penalty}
    if val_sizes.any():
        C, right, penalty = np.moveaxis(sums[:, :, 3:], 2, 0)
        of_validation = C / n_val + penalty, right / n_val, penalty
        found |= zip(("val_cost", "val_accuracy", "val_penalty"), of_validation, strict=True)
    return {name: values.tolist() for name, values in found.items()}


def _add_metrics(
    history: History, member: Member, targets: Targets | None, of: dict[str, list[float]]
) -> None:
    """Add the metrics besides the cost, in the order of a fit."""
    net, prefixes = member.net, ["", "val_"] if member.validates else [""]
    squares = squares_per_cost(net, targets) if targets else 0.0
    if member.validates:
        history.val_cost = of["val_cost"]
    for prefix in prefixes:
        costs = of[f"{prefix}cost"]
        if net.heads.classifies:
            pairs = zip(of[f"{prefix}accuracy"], costs, strict=True)
            history.metrics[f"{prefix}accuracy"] = [accuracy_or_nan(*pair) for pair in pairs]
        elif squares:
            pairs = zip(costs, of[f"{prefix}penalty"], strict=True)
            history.metrics[f"{prefix}rmse"] = [rmse_of(C - p, squares) for C, p in pairs]


def _reason(history: History, stopping: EarlyStopping, best_epoch: int) -> str | None:
    """Why a fit was stopped early, in the words of the callback; None if it was not."""
    own, n_epochs = copy.copy(stopping), len(history.cost)
    own.best, own.best_epoch, own.waited = None, best_epoch, n_epochs - 1 - best_epoch
    if best_epoch >= 0:
        own.best = own.sign * history.columns()[own.monitor][best_epoch]
    return own.reason if own.is_over else None
