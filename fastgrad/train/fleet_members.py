"""The members of a fleet: each network with its samples, validated before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import validation
from ..arithmetic import ceil_div
from ..engine.batch import Batch
from ..model.spec import NetworkSpec
from ..model.standardization import Targets
from ..optim.base import Optimizer, resolve_optimizer
from ..optim.lbfgs import LBFGS
from .base import TrainableNetwork
from .callbacks import EarlyStopping
from .evaluation import Evaluation, ValidationSamples
from .fit import that_count
from .fleet_samples import Samples, SharedSamples
from .options import FitOptions

__all__ = [
    "Member", "as_early_stopping", "check_fits", "members_of", "warn_if_targets_are_far"
]  # fmt: skip

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """A network of a fleet, and what it is trained with.

    Attributes
    ----------
    k : int
        Its number.
    net : Network
        The network.
    spec : NetworkSpec
        Of it, as it is before the fit.
    optimizer : Optimizer
        It is trained by one like this.
    samples : Samples
        Shared with others.
    rows : ndarray of int64 or None
        Those of the samples on which it is trained; None: all.
    val_rows : ndarray of int64 or None
        Those of `samples.validation` on which it is validated; None: all.
    validates : bool
        Whether it is validated.
    """

    k: int
    net: TrainableNetwork
    spec: NetworkSpec
    optimizer: Optimizer
    samples: Samples
    rows: Array | None
    val_rows: Array | None
    validates: bool

    @property
    def n_samples(self) -> int:
        """Samples per epoch."""
        return len(self.samples.batch.X) if self.rows is None else len(self.rows)

    @property
    def n_val_samples(self) -> int:
        """Validation samples."""
        if not self.validates or self.samples.validation is None:
            return 0
        if self.val_rows is not None:
            return len(self.val_rows)
        return len(self.samples.validation.batch.X)

    @property
    def validation(self) -> ValidationSamples | None:
        """The validation samples, those of a subset copied."""
        found = self.samples.validation if self.validates else None
        if found is None or self.val_rows is None:
            return found
        return found._replace(batch=found.batch.of_rows(self.val_rows))

    @property
    def batch(self) -> Batch:
        """The training samples, those of a subset copied."""
        batch = self.samples.batch
        return batch if self.rows is None else batch.of_rows(self.rows)


def as_early_stopping(given: Any) -> EarlyStopping | None:
    """The callback, or that of a patience; raise for anything else."""
    if given is None or isinstance(given, EarlyStopping):
        return given
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        received = validation.shown(given)
        raise TypeError(f"early_stopping: got {received}; expected a patience or fg.EarlyStopping")
    return EarlyStopping(patience=validation.integer("early_stopping", given, least=0))


def members_of(
    networks: Sequence[TrainableNetwork],
    shared: Sequence[SharedSamples],
    optimizer: Any,
    subsets: Sequence[Any] | None,
    validation_subsets: Sequence[Any] | None,
) -> list[Member]:
    """The members of a fleet: see `fit_many`."""
    n = len(networks)
    for net in networks:
        if not hasattr(net, "is_built"):
            received = validation.shown(net)
            raise TypeError(f"networks: got {received} among them; expected fg.Network objects")
    if len({id(net) for net in networks}) < n:
        raise ValueError("networks: got one of them twice; expected each once")
    optimizers = optimizer if isinstance(optimizer, list | tuple) else [optimizer] * n
    given = {
        "optimizer": optimizers, "subsets": subsets, "validation_subsets": validation_subsets
    }  # fmt: skip
    for name, values in given.items():
        if values is not None and len(values) != n:
            raise ValueError(f"{name}: got {len(values)}; expected {n}, one for each network")
    members = []
    first: dict[Any, TrainableNetwork] = {}  # of each kind: for it the others' samples are read
    for k, (net, of) in enumerate(zip(networks, shared, strict=True)):
        spec, own = net.spec, resolve_optimizer(optimizers[k])
        samples = of.of(first.setdefault(spec.kind, net), spec)
        if not own.follows_lr:
            own.check_layers(net.layers)
        S = len(samples.batch.X)
        rows = _checked_rows(f"subsets[{k}]", subsets[k], S) if subsets is not None else None
        val_rows, validates = None, samples.validation is not None
        if validation_subsets is not None:
            val_rows = _checked_rows(f"validation_subsets[{k}]", validation_subsets[k], S)
            validates = val_rows is not None
        members.append(Member(k, net, spec, own, samples, rows, val_rows, validates))
    return members


def warn_if_targets_are_far(members: Sequence[Member]) -> None:
    """Warn once if the targets of a network are far from mean 0 and standard deviation 1."""
    checked = set()
    for member in members:
        batch = member.samples.batch
        if id(batch) in checked or member.spec.targets["standardize"] or not len(batch.Y):
            continue
        checked.add(id(batch))
        targets = Targets(member.spec.are_numbers)
        if targets.warn_if_far(that_count(batch.Y, batch), stacklevel=4):
            return


def check_fits(
    members: Sequence[Member], options: FitOptions, stopping: EarlyStopping | None
) -> None:
    """Raise unless schedules suit the fits, metrics the samples, and each has what stops it."""
    checked = set()
    for member in members:
        if options.epochs and not isinstance(member.optimizer, LBFGS):
            n_steps = ceil_div(member.n_samples, options.batch_size or member.n_samples)
            member.optimizer.schedule.check(0, options.epochs * n_steps)
        key = member.spec.kind, member.validation is None
        if key in checked or not (member.validates or options.metrics or stopping):
            continue
        checked.add(key)
        net, samples = member.net, member.validation
        evaluation = Evaluation(net, samples, options.metrics, net.targets, member.samples.names)
        if stopping:
            try:
                stopping.check_metric(evaluation.metric_names)
            except ValueError as error:
                raise ValueError(f"early_stopping of network {member.k}: {error}") from None


def _checked_rows(name: str, rows: Any, S: int) -> Array | None:
    """The rows of a network as integers; raise unless they are rows of X."""
    if rows is None:
        return None
    found = np.asarray(rows)
    if found.dtype == bool and found.shape == (S,):
        found = np.flatnonzero(found)
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "iu":
        raise ValueError(f"{name}: got {validation.shown(rows)}; expected rows from 0 to {S - 1}")
    if found.min() < 0 or found.max() >= S:
        wrong = found.min() if found.min() < 0 else found.max()
        raise ValueError(f"{name}: got row {wrong}; expected rows from 0 to {S - 1}")
    return np.ascontiguousarray(found, np.int64)
