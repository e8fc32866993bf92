"""A worker of a fleet: what the compiled fits of equal networks are carried out with."""

import copy
from typing import NamedTuple

import numpy as np

from ..arithmetic import ceil_div
from ..codegen.jit import run
from ..codegen.signatures import Array
from ..model.spec import NetworkSpec
from ..optim.base import NetworkKey, Optimizer
from ..optim.schedule_base import Constant
from .descriptor import TOTALS
from .engine import Engine
from .entry_points import fleet_address, pass_address
from .fleet_monitor import MONITORED
from .fleet_pass import WORKER
from .workspace import address_of, aligned

__all__ = ["FleetWorker", "Monitor"]

_MOST_RATES = 100  # of optimizers and numbers of steps that are kept
_OPERATIONS = 2e8  # after which it looks whether it must stop: about 10 ms


class Rates(NamedTuple):
    """Learning rates of a fit, and where they are.

    Attributes
    ----------
    values : ndarray
        Of each step, or of those of one epoch if all epochs have the same.
    address : int
        Of these.
    per_epoch : int
        How many of them each epoch uses; 0: the same ones.
    of_epochs : list of float
        Of the last step of each epoch.
    """

    values: Array
    address: int
    per_epoch: int
    of_epochs: list[float]


class Monitor(NamedTuple):
    """When a fit of a worker stops early: see `EarlyStopping`."""

    metric: str  # one of MONITORED
    sign: float
    min_delta: float
    is_relative: bool
    patience: int
    restores: bool


class FleetWorker:
    """Trains networks of one spec, with one rule and batch size, for the thread that calls.

    Parameters
    ----------
    spec : NetworkSpec
        The networks'.
    optimizer : Optimizer
        Each network is trained by one of the same rule and clipping, which has made no step.
    epochs, batch_size, most_samples : int
        Passes, samples per step, and the most samples that a network is trained on.
    stop : ndarray of int64
        (1,): to be set to 1 to end all fits soon.
    most_val_samples : int, default 0
        The most validation samples of a network; 0: none have any. If it is 1, all have one.
    monitor : Monitor, optional
        When the fits stop early.

    Attributes
    ----------
    is_noisy : bool
        Whether there are noise or dropout in training.
    unchanged_inputs : tuple of int
        Addresses of mean and scale of inputs that are not standardised.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        optimizer: Optimizer,
        epochs: int,
        batch_size: int,
        most_samples: int,
        stop: Array,
        most_val_samples: int = 0,
        monitor: Monitor | None = None,
    ) -> None:
        self._engine = engine = Engine(spec, NetworkKey())
        # as the engine's own are before any job has replaced them
        self._unchanged = engine.workspace.mean.copy(), engine.workspace.scale.copy()
        mean, scale = self._unchanged
        self.unchanged_inputs = address_of(mean), address_of(scale)
        self._optimizer = copy.deepcopy(optimizer)
        self._epochs, self._batch_size = epochs, batch_size
        self._rates: dict[tuple[int, int], Rates] = {}
        totals, self._one, self._penalty = np.zeros(TOTALS), np.ones(1), np.zeros(1)
        self._descriptor = engine.bind_step(self._optimizer, batch_size, totals, self._one)
        self._permutation, self._stop = np.empty(most_samples, np.uint32), stop
        self.is_noisy = engine.is_noisy
        self._descriptor.own(permutation=self._permutation)
        self._descriptor.set(is_noisy=self.is_noisy)
        self._record = np.zeros(1, WORKER)
        self._fill(self._record[0])
        if most_val_samples:
            self._validate(self._record[0], most_val_samples)
        if monitor:
            self._monitor(self._record[0], monitor)

    def _fill(self, record: np.void) -> None:
        """Fill the worker's record."""
        engine, workspace = self._engine, self._engine.workspace
        state = engine.state(self._optimizer)
        operations = 6 * workspace.parameters.size * self._batch_size
        fields = {
            "run": pass_address(self._batch_size == 1, engine.dtype),
            "epochs": self._epochs,
            "piece": max(int(_OPERATIONS / operations), 1) * self._batch_size,
            "stop": address_of(self._stop),
            "permutation": address_of(self._permutation),
            "one": address_of(self._one),
            "penalty": address_of(self._penalty) if engine.is_penalized else 0,
            "parameters": address_of(workspace.parameters),
            "n_parameters": workspace.parameters.nbytes // 8,
            "input_mean": address_of(workspace.mean),
            "input_scale": address_of(workspace.scale),
            "n_inputs": workspace.mean.nbytes // 8,
            **{f"slot_{k}": address_of(slot) for k, slot in enumerate(state.slots)},
            "memory": address_of(state.memory),
            "n_memory": state.memory.size,
            "steps": address_of(state.steps),
            "frozen_steps": address_of(state.frozen_steps),
        }
        for name, value in fields.items():
            record[name] = value
        record["descriptor"], record["layers"], record["n_layers"] = self._descriptor.addresses

    def _validate(self, record: np.void, most_samples: int) -> None:
        """Fill the fields of the validation samples."""
        totals, self._val_permutation = np.zeros(TOTALS), np.empty(most_samples, np.uint32)
        self._val_descriptor = self._engine.bind_cost(most_samples, totals)
        record["val_descriptor"], record["val_layers"], _ = self._val_descriptor.addresses
        record["val_permutation"] = address_of(self._val_permutation)
        record["val_run"] = pass_address(most_samples == 1, self._engine.dtype)
        # after whole mini-batches, as `Engine.cost`: sums are the same
        record["val_piece"] = self._val_descriptor.batch_size

    def _monitor(self, record: np.void, monitor: Monitor) -> None:
        """Fill the fields of early stopping."""
        parameters = self._engine.workspace.parameters
        record["monitor"], record["sign"] = MONITORED[monitor.metric], monitor.sign
        record["min_delta"], record["is_relative"] = monitor.min_delta, monitor.is_relative
        record["patience"] = max(monitor.patience, 1)
        if monitor.restores:
            self._best = aligned(len(parameters), parameters.dtype)
            record["best_parameters"] = address_of(self._best)

    def rates(self, optimizer: Optimizer, n_samples: int) -> Rates:
        """The learning rates of a fit on so many samples."""
        n_steps = ceil_div(n_samples, self._batch_size)
        key = id(optimizer), n_steps
        if key not in self._rates:
            if len(self._rates) >= _MOST_RATES:
                self._rates.clear()
            state = self._engine.state(self._optimizer)
            state.reset()  # of what the last job has left
            optimizer.begin(state, self._epochs * n_steps)
            is_constant = isinstance(optimizer.schedule, Constant)
            rates = optimizer.rates(state, n_steps if is_constant else self._epochs * n_steps)
            of_epochs = rates[n_steps - 1 :: n_steps].tolist() if self._epochs else []
            self._rates[key] = Rates(
                rates, address_of(rates), 0 if is_constant else n_steps,
                of_epochs * self._epochs if is_constant else of_epochs,
            )  # fmt: skip
        return self._rates[key]

    def train(self, jobs: Array) -> None:
        """Train all networks of an array of JOB, whose outcomes are written there."""
        worker, first = (address_of(array.view(np.int64)) for array in (self._record, jobs))
        run(fleet_address(self._engine.dtype), worker, first, 0, len(jobs))
