"""Networks trained side by side, each stopped early on samples of its own, and their mean."""

import copy
import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.splitting import Indices, folds, split
from ..fleets.ensemble import Ensemble
from ..network import Network
from ..train.base import Callback
from ..train.callbacks import EarlyStopping, StopWhen
from ..train.fleet import fit_many
from ..train.history import History
from ..train.waiting import wait
from ..validation import integer, shown
from .checkpoints import CheckpointFolder, EarlierEpochs
from .recipe import Recipe, deep_share

__all__ = [
    "Member", "averaged", "held_out_share", "mean_of_linear", "of_file", "train_members",
]  # fmt: skip

Array = NDArray[Any]

_LONG = 2e10  # operations of a fit: a second


@dataclass(frozen=True)
class Member:
    """A trained network of an ensemble.

    Attributes
    ----------
    net : Network
        With the weights of its best epoch.
    history : History
        Of its fit.
    best_epoch : int
        The epoch kept, counted from 1.
    held_out : ndarray
        The rows on which it was validated.
    is_linear : bool
        Whether it has no hidden layer.
    """

    net: Network
    history: History
    best_epoch: int
    held_out: Indices
    is_linear: bool


class _Job(NamedTuple):
    """A network to be trained.

    Attributes
    ----------
    recipe : Recipe
        How.
    k : int
        Its number among those of this recipe.
    part : tuple of ndarray
        The rows to be trained on, and those to be validated on.
    """

    recipe: Recipe
    k: int
    part: tuple[Indices, Indices]

    def member(self, net: Network, history: History, best_epoch: int) -> Member:
        """What has become of it."""
        return Member(net, history, best_epoch, self.part[1], not self.recipe.layers)


def train_members(
    make_network: Callable[[Recipe, int], Network],
    X: Array,
    Y: Array,
    strata: Array | None,
    recipe: Recipe,
    seed: int,
    threads: int | None = None,
    on_begin: Callable[[], None] = lambda: None,
    on_finished: Callable[[int, Member], None] = lambda k, member: None,
    checkpoints: CheckpointFolder | None = None,
) -> list[Member]:
    """Train the members of an ensemble, several at once: deep networks, then linear ones.

    A single network is validated on a part of the samples, several each on a fold of its own, and
    each keeps its best epoch; several have as many linear ones beside them. The result does not
    depend on the number of threads.

    Parameters
    ----------
    make_network : callable
        Makes the network of a member, from its recipe and its seed.
    X, Y : (S, n_0) and (S,) or (S, n_L) array
        The samples.
    strata : (S,) array or None
        Class ids, of which each fold has the same share; None for numbers.
    recipe : Recipe
        How to train.
    seed : int
        Of the folds; those of the networks follow from it.
    threads : int, optional
        Number of threads; None: as many as there are cores.
    on_begin : callable
        Called without arguments before the first one is trained.
    on_finished : callable
        Called with the number of a deep network, from 0, and the member, when it is trained.
    checkpoints : CheckpointFolder, optional
        From which they resume, and to which they write.

    Raises
    ------
    ValueError
        If the training of a network diverges.
    SystemExit
        With the code 143 if `checkpoints` are terminated, once they are written.
    KeyboardInterrupt
        After Ctrl-C, if no member has finished an epoch. Else those that have are returned, and
        `history.stopped` of the last ones is "interrupted".
    """
    integer("members", recipe.members, least=1, most=len(X))
    parts = _parts(Y if strata is None else strata, recipe, seed, strata is not None)
    jobs = [_Job(recipe, k, part) for k, part in enumerate(parts)]
    if recipe.layers and len(parts) > 1:
        jobs += [_Job(recipe.linear, k, part) for k, part in enumerate(parts)]
    if checkpoints:
        checkpoints.begin(make_network(recipe, seed), recipe, seed, (X, Y))
    on_begin()

    def network(job: _Job) -> Network:
        return make_network(job.recipe, seed + job.k)

    def finished(job: _Job, member: Member) -> None:
        if job.recipe is recipe:
            on_finished(job.k, member)

    if checkpoints or len(jobs) == 1:
        members = _train_fits(network, X, Y, jobs, threads, finished, checkpoints)
    else:
        members = _train_fleet(network, X, Y, jobs, threads, finished)
    for member in members:
        if not math.isfinite(member.history.cost[-1]):
            raise ValueError(f"fit: {member.history.stopped}")
    return members


def _train_fleet(
    network: Callable[["_Job"], Network],
    X: Array,
    Y: Array,
    jobs: Sequence["_Job"],
    threads: int | None,
    on_finished: Callable[["_Job", Member], None],
) -> list[Member]:
    """Train networks by `fit_many`.

    What takes long is not compiled as a whole, so that an interrupt keeps the epochs until then.
    """
    networks = [network(job) for job in jobs]
    recipe = jobs[0].recipe
    operations = 6 * max(net.n_parameters for net in networks) * len(X) * recipe.epochs

    def member(j: int, history: History) -> Member:
        costs = np.nan_to_num(history.val_cost, nan=np.inf)
        return jobs[j].member(networks[j], history, int(costs.argmin()) + 1)

    def finished(j: int, history: History) -> None:
        if history.cost:
            on_finished(jobs[j], member(j, history))

    histories = fit_many(
        networks, X, Y, recipe.epochs, recipe.batch_size, recipe.optimizer(), threads=threads,
        subsets=[job.part[0] for job in jobs],
        validation_subsets=[job.part[1] for job in jobs],
        early_stopping=recipe.patience,
        callbacks=(lambda _: []) if operations > _LONG else None,
        on_finished=finished,
    )  # fmt: skip
    members = [member(j, history) for j, history in enumerate(histories) if history.cost]
    if not members:
        raise KeyboardInterrupt
    return members


def _train_fits(
    network: Callable[["_Job"], Network],
    X: Array,
    Y: Array,
    jobs: Sequence["_Job"],
    threads: int | None,
    on_finished: Callable[["_Job", Member], None],
    checkpoints: CheckpointFolder | None,
) -> list[Member]:
    """Train networks by fits that may have checkpoints; a single one on all threads."""
    workers = min(len(jobs), threads or os.cpu_count() or 1)
    stop = threading.Event()

    def stops() -> bool:
        return stop.is_set() or (checkpoints is not None and checkpoints.is_terminated)

    def train(job: _Job) -> Member | None:
        n_threads = 1 if workers > 1 else threads
        member = _train(network(job), X, Y, job, stops, n_threads, checkpoints)
        if member is not None:
            on_finished(job, member)
        return member

    futures: list[Future[Member | None]] = []
    with ThreadPoolExecutor(workers) as pool:
        try:
            futures.extend(pool.submit(train, job) for job in jobs)
            wait(futures)
        except KeyboardInterrupt:
            stop.set()
            wait(futures)
            if not any(future.result() for future in futures):
                raise
        finally:
            stop.set()  # after an error in one of them, the others end soon
    if checkpoints and checkpoints.is_terminated:
        raise SystemExit(143)
    return [member for future in futures if (member := future.result()) is not None]


def held_out_share(members: Sequence[Member], X: Array, Y: Array) -> float:
    """The share of the deep networks in the mean with the linear ones, by the held-out rows.

    1, or 0 without deep ones, if there are not both kinds for all of these rows.

    Parameters
    ----------
    members : sequence of Member
        As `train_members` returns them.
    X, Y : (S, n_0) and (S,) or (S, n_L) array
        The samples that they were trained on.
    """
    kinds = [[m for m in members if m.is_linear is is_linear] for is_linear in (False, True)]
    if len(kinds[0]) != len(kinds[1]):
        return float(bool(kinds[0]))
    rows = np.concatenate([member.held_out for member in kinds[0]])
    deep, linear = (np.concatenate([m.net.predict(X[m.held_out]) for m in kind]) for kind in kinds)
    are_ids = Y.ndim == 1 < deep.shape[1]
    return deep_share(Y[rows] if are_ids else Y[rows].reshape(deep.shape), deep, linear)


def averaged(members: Sequence[Member], share: float) -> Ensemble:
    """The mean of the deep networks, and last the mean of the linear ones, if of use.

    Parameters
    ----------
    members : sequence of Member
        As `train_members` returns them.
    share : float
        Of the deep networks: `held_out_share`.
    """
    networks = [member.net for member in members if share and not member.is_linear]
    if share < 1:
        networks.append(mean_of_linear([member.net for member in members if member.is_linear]))
    return Ensemble(networks, _weights(networks, share))


def of_file(networks: Sequence[Network], described: dict[str, Any]) -> Ensemble:
    """The ensemble that the metadata of a file describe, which lose what only it needs.

    Raises
    ------
    TypeError, ValueError
        If the weights are wrong, or the networks do not belong together.
    """
    share = described.pop("share", float(len(networks[0].layers) > 1))  # of earlier versions
    weights = described.pop("weights", None)
    return Ensemble(networks, _weights(networks, share) if weights is None else weights)


def _weights(networks: Sequence[Network], share: Any) -> list[float]:
    """The weight of each network in a mean: those of the deep ones add up to the share."""
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError(f"got {shown(share)} as share; expected a number from 0 to 1")
    deep = [len(net.layers) > 1 for net in networks]
    of_kind = {True: share / max(sum(deep), 1), False: (1 - share) / max(deep.count(False), 1)}
    return [of_kind[is_deep] for is_deep in deep]


def mean_of_linear(networks: Sequence[Network]) -> Network:
    """One linear network whose outputs are the mean of those of several.

    Each may have standardised inputs and targets in its own way.
    """
    mean = copy.deepcopy(networks[0])
    x, y = mean.inputs, mean.targets
    weights, biases = [], []
    for net in networks:
        W, b = (array.astype(np.float64) for array in (net.layers[0].W, net.layers[0].b))
        scale, shift = net.inputs.scale.astype(np.float64), np.subtract(x.mean, net.inputs.mean)
        b = net.targets.decode((b + W @ (shift * scale))[None])[0]
        ratio = net.targets.scale / y.scale
        weights.append(ratio[:, None] * W * (scale / x.scale))
        biases.append((b - y.mean) / y.scale)
    mean.layers[0].W, mean.layers[0].b = np.mean(weights, axis=0), np.mean(biases, axis=0)
    return mean


def _parts(
    y: Array, recipe: Recipe, seed: int, stratify: bool
) -> Sequence[tuple[Indices, Indices]]:
    """Samples to train on and to validate on, per member."""
    y = y if y.ndim == 1 else y[:, 0]
    if recipe.members > 1:
        return folds(y, recipe.members, seed=seed, stratify=stratify)
    return [split(y, recipe.validation_size, seed=seed, stratify=stratify)]


def _train(
    net: Network,
    X: Array,
    Y: Array,
    job: "_Job",
    stops: Callable[[], bool],
    threads: int | None,
    checkpoints: CheckpointFolder | None,
) -> Member | None:
    """Train one member; None if it was interrupted before its first epoch had ended."""
    if stops():
        return None
    recipe, (train, validation) = job.recipe, job.part
    stopping, earlier = EarlyStopping(patience=recipe.patience), EarlierEpochs()
    stops_early = [stopping] if len(validation) else []
    callbacks = list[Callback]([StopWhen(stops), earlier, *stops_early])
    optimizer = recipe.optimizer()
    if checkpoints:
        name = f"{'network' if recipe.layers else 'linear'}-{job.k + 1}"
        net, optimizer, saving = checkpoints.resumed(name, net, optimizer, callbacks)
        callbacks.append(saving)
    history = net.fit(
        X[train], Y[train],
        epochs=recipe.epochs - earlier.count,
        batch_size=recipe.batch_size,
        optimizer=optimizer,
        validation=(X[validation], Y[validation]) if len(validation) else None,
        callbacks=callbacks,
        threads=threads,
    )  # fmt: skip
    if not history.cost:
        return None
    best = stopping.best_epoch + 1 if len(validation) else len(history.cost)
    return job.member(net, history, best)
