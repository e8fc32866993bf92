"""Fits of many networks at once, each on one thread: see `fit_many`."""

import copy
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import validation as checks
from ..engine.fleet_worker import FleetWorker
from ..optim.adam import Adam
from ..optim.base import Optimizer
from ..optim.lbfgs import LBFGS
from .base import Callback, TrainableNetwork
from .callbacks import INTERRUPTED, EarlyStopping, StopWhen
from .cluster import check_client, fit_on_cluster
from .fit import fit
from .fleet_chunk import can_monitor, monitor_of, train_chunk
from .fleet_members import (
    Member,
    as_early_stopping,
    check_fits,
    members_of,
    warn_if_targets_are_far,
)
from .fleet_samples import Job, SharedSamples, of_jobs
from .history import History
from .options import FitOptions
from .progress import Display, format_metrics
from .reports import silenced, warn_of_failures
from .stream import InMemory
from .waiting import wait

__all__ = ["fit_many"]

_CHUNK_OPERATIONS = 1e8  # of the fits that a thread takes at a time: about 5 ms


def fit_many(
    networks: Iterable[TrainableNetwork | Job],
    X: Any = None,
    Y: Any = None,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    validation: Any = None,
    shuffle: bool = True,
    sample_weight: Any = None,
    callbacks: Callable[[int], Iterable[Callback]] | None = None,
    threads: int | None = None,
    verbose: int = 0,
    *,
    subsets: Sequence[Any] | None = None,
    validation_subsets: Sequence[Any] | None = None,
    early_stopping: EarlyStopping | int | None = None,
    class_weight: Any = None,
    metrics: Iterable[Any] = (),
    on_finished: Callable[[int, History], None] | None = None,
    client: Any = None,
) -> list[History]:
    """Train many networks at once, each on one thread, with the bits of a fit of its own.

    For ensembles, cross-validation, searches and populations: networks of any sizes and settings,
    each on all samples or on rows of its own. Small ones take little more time than their steps: a
    whole fit is one call of compiled code, and threads share nothing but the samples. With
    `callbacks`, `metrics`, `LBFGS`, or activations and costs of your own, each is a fit as by
    `Network.fit`, and several run side by side; likewise if early stopping monitors anything but
    cost and accuracy, or the cost of a network with penalties.

    Parameters
    ----------
    networks : iterable of Network or Job
        Different ones, which nothing else uses meanwhile. Jobs have samples of their own, and X, Y,
        validation, sample_weight and subsets are left out.
    X, Y, epochs, batch_size, validation, shuffle, sample_weight, class_weight, metrics
        As for `Network.fit`.
    optimizer : Optimizer or a sequence of them, default Adam()
        One for all, or one for each network, which is trained by a copy without any steps.
    callbacks : callable, optional
        Returns the callbacks of network k, for k = 0, 1, ...
    threads : int, optional
        How many networks are trained at once; None: as many as there are processors. The result
        does not depend on it.
    verbose : int, default 0
        1 shows how many are trained, and the last metrics of the latest.
    subsets : sequence of array_like, optional
        For each network the rows of X that it is trained on: integers from 0, in any order, also
        several times; or a bool for each row; or None for all.
    validation_subsets : sequence of array_like, optional
        For each network the rows of X that it is validated on, without weights, such as those that
        are not among its `subsets`; or None for no validation.
    early_stopping : EarlyStopping or int, optional
        Stops each network by itself, and restores its best weights; or its patience, with the other
        arguments by default: the cost of the validation samples is monitored.
    on_finished : callable, optional
        Called in a thread that trains with the number of a network and its history. An error that
        it raises ends the fleet: the networks trained so far stay so, and no history is returned.
    client : distributed.Client, optional
        Of a Dask cluster, at whose workers the networks are trained, one on each of their threads:
        see :ref:`clusters`. Without `callbacks` and `threads`.

    Returns
    -------
    list of History
        One for each network. `seconds` are those of networks that were trained together, in equal
        parts. `stopped` says why one ended early: no better epoch, an error, a cost that was not
        finite, "interrupted" after Ctrl-C; the others are trained all the same, and those that
        Ctrl-C found untrained are unchanged. One RuntimeWarning names those with errors or such
        costs.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, the value received, and what is expected.
    KeyboardInterrupt
        After Ctrl-C while the arguments are checked. From the first network on the histories are
        returned, also if none is finished.
    """
    options = FitOptions(
        epochs=epochs, batch_size=batch_size, optimizer=None, validation=validation,
        shuffle=shuffle, callbacks=(), threads=threads, verbose=verbose, metrics=metrics,
        average=None,
    )  # fmt: skip
    checks.integer("batch_size", batch_size, least=1)
    optimizer = Adam() if optimizer is None else optimizer
    if validation is not None and validation_subsets is not None:
        raise ValueError("validation_subsets: got some beside validation; expected one of the two")
    stopping = as_early_stopping(early_stopping)
    expected: dict[str, tuple[Any, str]] = {
        "callbacks": (callbacks, "k"), "on_finished": (on_finished, "k and a history"),
    }  # fmt: skip
    for name, (function, of) in expected.items():
        if function is not None and not callable(function):
            received = checks.shown(function)
            raise TypeError(f"{name}: got {received}; expected a function of {of}")
    nets = _as_list(networks)
    jobs = nets if any(isinstance(net, Job) for net in nets) else []
    if jobs:
        beside = {
            "X": X, "Y": Y, "validation": validation, "sample_weight": sample_weight,
            "subsets": subsets, "validation_subsets": validation_subsets,
        }  # fmt: skip
        nets, samples = of_jobs(jobs, class_weight, beside)
    else:
        is_held_out = validation_subsets is not None
        shared = SharedSamples(
            X, Y, sample_weight, class_weight, options.validation, is_held_out, subsets is not None
        )
        samples = [shared] * len(nets)
    fleet = members_of(nets, samples, optimizer, subsets, validation_subsets)
    check_fits(fleet, options, stopping)
    warn_if_targets_are_far(fleet)
    running = _Fleet(fleet, callbacks, stopping, on_finished, options)
    if client is None:
        histories = running.train(threads or os.cpu_count() or 1)
    else:
        check_client(client, callbacks=callbacks, threads=threads)
        common = {
            "X": X, "Y": Y, "sample_weight": sample_weight, "class_weight": class_weight,
            "epochs": epochs, "batch_size": batch_size, "validation": validation,
            "shuffle": shuffle, "early_stopping": stopping, "metrics": options.metrics,
        }  # fmt: skip
        own: dict[str, Sequence[Any]] = {"optimizer": [member.optimizer for member in fleet]}
        for name, rows in (("subsets", subsets), ("validation_subsets", validation_subsets)):
            if rows is not None:
                own[name] = [*rows]
        if jobs:
            own["samples"] = [job._replace(network=None) for job in jobs]
        histories = running.train_on(client, fleet, _fit_jobs if jobs else fit_many, common, own)
    warn_of_failures("fit_many", histories)
    return histories


def _as_list(networks: Any) -> list[Any]:
    if isinstance(networks, Job) or not isinstance(networks, Iterable):
        received = checks.shown(networks)
        raise TypeError(
            f"networks: got {received}; expected a list of fg.Network or fg.Job objects"
        )
    return [*networks]


def _fit_jobs(
    networks: Sequence[TrainableNetwork], samples: Sequence[Job], **options: Any
) -> list[History]:
    """Train networks, each on the samples of a job without a network."""
    jobs = [job._replace(network=net) for net, job in zip(networks, samples, strict=True)]
    return fit_many(jobs, **options)


@dataclass
class _Group:
    """Members that one worker can train, or else that are trained one by one."""

    is_compiled: bool
    members: list[Member] = field(default_factory=list)


class _Samples(InMemory):
    """Samples of one of many fits, of whose targets there has been a warning already."""


class _Fleet:
    """Networks, their samples, and what has become of them."""

    def __init__(
        self,
        members: list[Member],
        callbacks: Callable[[int], Iterable[Callback]] | None,
        stopping: EarlyStopping | None,
        on_finished: Callable[[int, History], None] | None,
        options: FitOptions,
    ) -> None:
        self._callbacks, self._stopping = callbacks, stopping
        self._on_finished, self._options = on_finished, replace(options, verbose=0)
        self._display = Display("network", len(members)) if options.verbose else None
        self._n_finished, self._finishing = 0, threading.Lock()
        self._stop = np.zeros(1, np.int64)
        self._histories: list[History | None] = [None] * len(members)
        self._workers: dict[Any, FleetWorker] = {}
        self._groups: dict[Any, _Group] = {}
        for member in members:
            key = self._key_of(member)
            if key not in self._groups:
                self._groups[key] = _Group(self._can_be_compiled(member))
            self._groups[key].members.append(member)

    def _can_be_compiled(self, member: Member) -> bool:
        """Whether the whole fit of a network can be compiled code."""
        if self._callbacks is not None or self._options.metrics:
            return False
        is_compiled = member.spec.is_builtin and not isinstance(member.optimizer, LBFGS)
        return is_compiled and can_monitor(member.spec, self._stopping)

    def _key_of(self, member: Member) -> Any:
        """What two networks have in common that one worker can train."""
        # one validation sample is computed by another pass than several
        optimizer = member.optimizer
        how = id(optimizer.rule), type(optimizer), optimizer.clip_norm, optimizer.clip_value
        return member.spec.kind, *how, min(member.n_val_samples, 2)

    def train(self, threads: int) -> list[History]:
        """Train all networks, several at once."""
        chunks = deque(
            (group, chunk)
            for group in self._groups.values()
            for chunk in self._chunks(group, threads)
        )

        def work() -> None:
            while chunks and not self._stop[0]:
                try:
                    group, members = chunks.popleft()
                except IndexError:
                    return
                (self._train_compiled if group.is_compiled else self._train_each)(group, members)

        done: list[Future[None]] = []
        with ThreadPoolExecutor(threads) as pool:
            try:
                done.extend(pool.submit(work) for _ in range(min(threads, len(chunks))))
                wait(done)
            except KeyboardInterrupt:
                self._stop[0] = 1
        if self._display:
            self._display.close()
        for future in done:
            future.result()
        return [history or History(0, stopped=INTERRUPTED) for history in self._histories]

    def train_on(
        self,
        client: Any,
        members: list[Member],
        fit_many: Callable[..., list[History]],
        common: dict[str, Any],
        own: dict[str, Sequence[Any]],
    ) -> list[History]:
        """Train all networks at the workers of a Dask cluster, with these arguments."""
        networks = [member.net for member in members]
        n_samples = [member.n_samples for member in members]
        histories = fit_on_cluster(
            client, fit_many, networks, common, own, n_samples,
            lambda k, history: self._finish(members[k], history),
        )  # fmt: skip
        if self._display:
            self._display.close()
        return histories

    def _chunks(self, group: _Group, threads: int) -> Iterable[list[Member]]:
        """The members of a group in parts that a thread takes at a time."""
        n, members = 1, group.members
        if group.is_compiled:
            samples = sum(3 * member.n_samples + member.n_val_samples for member in members)
            operations = 2 * members[0].net.parameters.size * samples / len(members)
            n = int(_CHUNK_OPERATIONS / (operations * max(self._options.epochs, 1))) + 1
            n = max(min(n, len(members) // (4 * threads)), 1)
        for k in range(0, len(members), n):
            yield members[k : k + n]

    def _train_each(self, _: _Group, members: Sequence[Member]) -> None:
        """Train networks one by one, as `Network.fit` does."""
        for member in members:
            try:
                own = [*self._callbacks(member.k)] if self._callbacks else []
                if self._stopping:
                    own.append(copy.deepcopy(self._stopping))
                options = replace(
                    self._options, optimizer=copy.deepcopy(member.optimizer), threads=1,
                    validation=member.validation,
                    callbacks=[*own, StopWhen(lambda: bool(self._stop[0]))],
                )  # fmt: skip
                with silenced():
                    history = fit(member.net, _Samples(member.batch, member.samples.names), options)
            except Exception as error:  # noqa: BLE001 - of a callback, or of these samples
                history = History(member.n_samples, stopped=f"{type(error).__name__}: {error}")
            self._finish(member, history)

    def _train_compiled(self, group: _Group, members: Sequence[Member]) -> None:
        """Train networks in one call; again as `Network.fit` does what diverges or fails."""
        histories: list[History | None] = [None] * len(members)
        worker = self._worker(group)
        with suppress(Exception):  # such as a user's schedule raises: a fit of its own reports it
            histories = train_chunk(worker, members, self._options, self._stopping)
        for member, history in zip(members, histories, strict=True):
            if history:
                self._finish(member, history)
            elif not self._stop[0]:
                self._train_each(group, [member])

    def _worker(self, group: _Group) -> FleetWorker:
        """The worker of the calling thread for a group."""
        key = id(group), threading.get_ident()
        if key not in self._workers:
            options, first = self._options, group.members[0]
            self._workers[key] = FleetWorker(
                first.spec, first.optimizer, options.epochs, options.batch_size or 1,
                max(member.n_samples for member in group.members), self._stop,
                max(member.n_val_samples for member in group.members),
                monitor_of(self._stopping) if self._stopping else None,
            )  # fmt: skip
        return self._workers[key]

    def _finish(self, member: Member, history: History) -> None:
        self._histories[member.k] = history
        if self._display:
            with self._finishing:
                text, seconds = format_metrics(history), sum(history.seconds)
                self._display.end(self._n_finished, text, seconds)
                self._n_finished += 1
        if self._on_finished:
            self._on_finished(member.k, history)
