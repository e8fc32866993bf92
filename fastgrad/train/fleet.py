"""Fits of many networks at once, each on one thread: see `fit_many`."""

import copy
import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .. import frames, validation
from ..arithmetic import ceil_div
from ..engine.batch import Batch
from ..engine.fleet_pass import DONE, JOB, NOT_FINITE
from ..engine.fleet_worker import FleetWorker
from ..engine.workspace import address_of
from ..model.settings import changed_settings
from ..optim.adam import Adam
from ..optim.base import Optimizer, resolve_optimizer
from ..optim.lbfgs import LBFGS
from .base import Callback, TrainableNetwork
from .callbacks import INTERRUPTED, StopWhen
from .fit import fit
from .history import History
from .inputs import as_batch
from .options import FitOptions
from .stream import InMemory
from .waiting import wait

__all__ = ["fit_many"]

Array = np.ndarray[Any, Any]

_CHUNK_OPERATIONS = 1e8  # of the fits that a thread takes at a time: about 5 ms


def fit_many(
    networks: Iterable[TrainableNetwork],
    X: Any,
    Y: Any,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    validation: Any = None,
    shuffle: bool = True,
    sample_weight: Any = None,
    callbacks: Callable[[int], Iterable[Callback]] | None = None,
    threads: int | None = None,
    *,
    subsets: Sequence[Any] | None = None,
    class_weight: Any = None,
    metrics: Iterable[Any] = (),
    on_finished: Callable[[int, History], None] = lambda k, history: None,
) -> list[History]:
    """Train many networks at once, each on one thread, with the bits of a fit of its own.

    For ensembles, cross-validation, searches and populations: networks of any sizes and settings,
    each on all samples or on rows of its own. Small ones take little more time than their steps:
    without callbacks, validation and standardised targets a whole fit is one call of compiled code,
    and threads share nothing but the samples.

    Parameters
    ----------
    networks : iterable of Network
        Different ones, which nothing else uses meanwhile.
    X, Y, epochs, batch_size, validation, shuffle, sample_weight, class_weight, metrics
        As for `Network.fit`.
    optimizer : Optimizer or a sequence of them, default Adam()
        One for all, or one for each network, which is trained by a copy without any steps.
    callbacks : callable, optional
        Returns the callbacks of network k, for k = 0, 1, ...
    threads : int, optional
        How many networks are trained at once; None: as many as there are processors. The result
        does not depend on it.
    subsets : sequence of array_like, optional
        For each network the rows of X that it is trained on: integers from 0, in any order, also
        several times; or None for all.
    on_finished : callable, optional
        Called in the thread that trained it with the number of a network and its history.

    Returns
    -------
    list of History
        One for each network. `seconds` are those of networks that were trained together, in equal
        parts. `stopped` says why one ended early: an error, a cost that was not finite,
        "interrupted" after Ctrl-C; the others are trained all the same, and those that Ctrl-C
        found untrained are unchanged.
    """
    samples = X, Y, sample_weight, class_weight
    fleet = _Fleet(
        [*networks], optimizer, callbacks, subsets, samples, on_finished,
        {
            "epochs": epochs, "batch_size": batch_size, "validation": validation,
            "shuffle": shuffle, "threads": threads, "metrics": metrics,
        },
    )  # fmt: skip
    return fleet.train(threads or os.cpu_count() or 1)


class _Group(NamedTuple):
    """Networks that one worker can train."""

    batch: Batch
    names: Sequence[str] | None
    optimizer: Optimizer
    is_compiled: bool
    members: list[int]


class _Fleet:
    """Networks, their samples, and what has become of them."""

    def __init__(
        self,
        networks: list[TrainableNetwork],
        optimizer: Any,
        callbacks: Callable[[int], Iterable[Callback]] | None,
        subsets: Sequence[Any] | None,
        samples: tuple[Any, Any, Any, Any],
        on_finished: Callable[[int, History], None],
        options: dict[str, Any],
    ) -> None:
        n = len(networks)
        if len({id(net) for net in networks}) < n:
            raise ValueError("networks: got one of them twice; expected each once")
        self._networks, self._callbacks, self._on_finished = networks, callbacks, on_finished
        optimizers = (
            [optimizer or Adam()] * n if not isinstance(optimizer, list | tuple) else optimizer
        )
        for name, given in (("optimizer", optimizers), ("subsets", subsets)):
            if given is not None and len(given) != n:
                raise ValueError(f"{name}: got {len(given)}; expected {n}, one for each network")
        self._optimizers = [resolve_optimizer(each) for each in optimizers]
        self._batch_size: int = options["batch_size"]
        self._options = FitOptions(**options, optimizer=None, callbacks=(), verbose=0, average=None)
        self._stop = np.zeros(1, np.int64)
        self._histories: list[History | None] = [None] * n
        self._workers: dict[Any, FleetWorker] = {}
        self._groups = self._grouped(samples)
        S = len(self._groups[0].batch.X) if n else 0
        self._subsets = [
            _checked_subset(k, rows, S) for k, rows in enumerate(subsets or [None] * n)
        ]
        for k, net in enumerate(networks):
            self._optimizers[k].check_layers(net.layers)

    def _grouped(self, samples: tuple[Any, Any, Any, Any]) -> list[_Group]:
        """The networks in groups, with samples that are validated once for all of a kind."""
        groups: dict[Any, _Group] = {}
        batches: dict[Any, Batch] = {}
        X, Y, *weights = samples
        options = self._options
        validates = options.validation is not None or len(tuple(options.metrics)) > 0
        can_be_compiled = self._callbacks is None and not validates
        for k, (net, optimizer) in enumerate(zip(self._networks, self._optimizers, strict=True)):
            standardizes = net.targets.standardize
            names = tuple(net.inputs.names or ())
            kind = net.n_inputs, net.heads, net.dtype, standardizes, names
            if kind not in batches:
                batches[kind] = as_batch(net, X, Y, *weights)
            is_compiled = can_be_compiled and net.engine.is_builtin and not standardizes
            is_compiled = is_compiled and not isinstance(optimizer, LBFGS)
            key = (*kind, id(optimizer), _key_of(net)) if is_compiled else (*kind, None)
            if key not in groups:
                columns = net.inputs.names or frames.column_names(X)
                groups[key] = _Group(batches[kind], columns, optimizer, is_compiled, [])
            groups[key].members.append(k)
        return [*groups.values()]

    def train(self, threads: int) -> list[History]:
        """Train all networks, several at once."""
        chunks = deque(
            (group, chunk) for group in self._groups for chunk in self._chunks(group, threads)
        )

        def work() -> None:
            while chunks and not self._stop[0]:
                try:
                    group, members = chunks.popleft()
                except IndexError:
                    return
                (self._train_compiled if group.is_compiled else self._train_each)(group, members)

        with ThreadPoolExecutor(threads) as pool:
            try:
                wait(done := [pool.submit(work) for _ in range(min(threads, len(chunks)))])
            except KeyboardInterrupt:
                self._stop[0] = 1
        for future in done:
            future.result()
        return [history or History(0, stopped=INTERRUPTED) for history in self._histories]

    def _chunks(self, group: _Group, threads: int) -> Iterable[list[int]]:
        """The members of a group in parts that a thread takes at a time."""
        n = 1
        if group.is_compiled:
            net, epochs = self._networks[group.members[0]], max(self._options.epochs, 1)
            operations = 6 * net.parameters.size * len(group.batch.X) * epochs
            n = int(_CHUNK_OPERATIONS / operations) + 1
            n = max(min(n, len(group.members) // (4 * threads)), 1)
        for first in range(0, len(group.members), n):
            yield group.members[first : first + n]

    def _train_each(self, group: _Group, members: Sequence[int]) -> None:
        """Train networks one by one, as `Network.fit` does."""
        for k in members:
            net, rows, batch = self._networks[k], self._subsets[k], group.batch
            if rows is not None:
                Y, ids, w = (
                    of[rows] if len(of) else of for of in (batch.Y, batch.ids, batch.weights)
                )
                batch = Batch(batch.X[rows], Y, ids, w)
            own = [*self._callbacks(k)] if self._callbacks else []
            options = replace(
                self._options, optimizer=copy.deepcopy(group.optimizer), threads=1,
                callbacks=[*own, StopWhen(lambda: bool(self._stop[0]))],
            )  # fmt: skip
            try:
                history = fit(net, InMemory(batch, group.names), options)
            except Exception as error:  # noqa: BLE001 - of a callback, or of these samples
                history = History(len(batch.X), stopped=f"{type(error).__name__}: {error}")
                warnings.warn(f"network {k}: {history.stopped}", RuntimeWarning, stacklevel=2)
            self._finish(k, history)

    def _train_compiled(self, group: _Group, members: Sequence[int]) -> None:
        """Train networks in one call; again as `Network.fit` does what diverges."""
        epochs, worker, batch = self._options.epochs, self._worker(group), group.batch
        networks, subsets = (
            [self._networks[k] for k in members],
            [self._subsets[k] for k in members],
        )
        sizes = [len(batch.X) if rows is None else len(rows) for rows in subsets]
        rates = [worker.rates(ceil_div(S, self._batch_size)) for S in sizes]
        states = [net.rng.bit_generator.state for net in networks]
        keys = np.zeros((len(members), epochs, 2), np.int64)
        sums = np.zeros((len(members), epochs, 3))
        for net, rows, own in zip(networks, subsets, keys, strict=True):
            self._draw_keys(net, own, worker.is_noisy)
            self._prepare(net, group, rows)
        workspaces = [net.engine.workspace for net in networks]
        jobs = np.zeros(len(members), JOB)
        for name, values in (
            ("X", address_of(batch.X)),
            ("Y", address_of(batch.Y)),
            ("ids", address_of(batch.ids)),
            ("sample_weights", address_of(batch.weights)),
            ("n_rows", len(batch.X)),
            ("subset", [*map(address_of, subsets)]),
            ("n_samples", sizes),
            ("parameters", [address_of(workspace.parameters) for workspace in workspaces]),
            ("input_mean", [address_of(workspace.mean) for workspace in workspaces]),
            ("input_scale", [address_of(workspace.scale) for workspace in workspaces]),
            ("keys", address_of(keys) + keys.strides[0] * np.arange(len(jobs))),
            ("rates", [of.address for of in rates]),
            ("rates_per_epoch", [of.per_epoch for of in rates]),
            ("sums", address_of(sums) + sums.strides[0] * np.arange(len(jobs))),
        ):
            jobs[name] = values
        begin = time.perf_counter()
        worker.train(jobs)
        seconds = (time.perf_counter() - begin) / max(len(jobs) * epochs, 1)
        C, right, penalty = np.moveaxis(sums, 2, 0)
        samples = jobs["n_samples"][:, None]
        costs, accuracies = ((C + penalty * samples) / samples).tolist(), (right / samples).tolist()
        for row, (k, outcome) in enumerate(zip(members, jobs["outcome"].tolist(), strict=True)):
            net = networks[row]
            if outcome != DONE:
                net.rng.bit_generator.state = states[row]
                if outcome == NOT_FINITE:
                    self._train_each(group, [k])
                continue
            history = History(
                sizes[row], costs[row], lr=[*rates[row].of_epochs], seconds=[seconds] * epochs
            )
            if net.heads.classifies:
                history.metrics["accuracy"] = accuracies[row]
            self._finish(k, history)

    def _draw_keys(self, net: TrainableNetwork, keys: Array, is_noisy: bool) -> None:
        """Draw the keys of noise and permutation of each epoch, in the order of a fit."""
        epochs, shuffles = self._options.epochs, self._options.shuffle
        if is_noisy and shuffles:
            keys[:] = net.rng.integers(1, np.array([2**62, 2**63], np.uint64), (epochs, 2))
        elif is_noisy:
            keys[:, 0] = net.rng.integers(1, 2**62, epochs)
        elif shuffles:
            keys[:, 1] = net.rng.integers(1, 2**63, epochs)

    def _prepare(self, net: TrainableNetwork, group: _Group, rows: Array | None) -> None:
        """Standardise the inputs of a network, and note their names."""
        if net.inputs.standardize and not net.inputs.standardized:
            X, weights = group.batch.X, group.batch.weights
            if rows is not None:
                X, weights = X[rows], weights[rows] if len(weights) else weights
            net.inputs.standardize_by_pieces([X if weights.all() else X[weights > 0]])
        if net.inputs.names != group.names:
            net.inputs.names = group.names

    def _worker(self, group: _Group) -> FleetWorker:
        """The worker of the calling thread for a group."""
        key = id(group.members), threading.get_ident()
        if key not in self._workers:
            options, net = self._options, self._networks[group.members[0]]
            sizes = (len(rows) for k in group.members if (rows := self._subsets[k]) is not None)
            self._workers[key] = FleetWorker(
                net.spec, group.optimizer, options.epochs, self._batch_size,
                max(sizes, default=len(group.batch.X)), self._stop,
            )  # fmt: skip
        return self._workers[key]

    def _finish(self, k: int, history: History) -> None:
        self._histories[k] = history
        self._on_finished(k, history)


def _key_of(net: TrainableNetwork) -> Any:
    """What two networks have in common that one worker can train."""
    settings = tuple(changed_settings(part) for part in (net.inputs, *net.layers))
    return net.sizes, net.engine.functions, repr(settings)


def _checked_subset(k: int, rows: Any, S: int) -> Array | None:
    """The rows of a network as integers; raise unless they are rows of X."""
    if rows is None:
        return None
    name, found = f"subsets[{k}]", np.asarray(rows)
    if found.dtype == bool and found.shape == (S,):
        found = np.flatnonzero(found)
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "iu":
        raise ValueError(f"{name}: got {validation.shown(rows)}; expected rows from 0 to {S - 1}")
    if found.min() < 0 or found.max() >= S:
        wrong = found.min() if found.min() < 0 else found.max()
        raise ValueError(f"{name}: got row {wrong}; expected rows from 0 to {S - 1}")
    return np.ascontiguousarray(found, np.int64)
