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
from .inputs import class_weighted
from .options import FitOptions

__all__ = [
    "Member", "as_early_stopping", "as_rows", "check_fits", "members_of", "warn_if_targets_are_far"
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
        batch = self.samples.batch._replace(weights=self.weights)
        return batch if self.rows is None else batch.of_rows(self.rows)

    @property
    def weights(self) -> Array:
        """Of all samples, (S,), or empty."""
        batch = self.samples.batch
        if self.samples.are_balanced:
            return class_weighted("balanced", batch, self.spec.heads, self.rows)
        return batch.weights


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
    numbers: dict[int, int] = {}
    for k, net in enumerate(networks):
        first_number = numbers.setdefault(id(net), k)
        if first_number < k:
            raise ValueError(
                f"networks: got the same as number {first_number} and {k}; expected each once"
            )
    optimizers = optimizer if isinstance(optimizer, list | tuple) else [optimizer] * n
    given = {
        "optimizer": optimizers, "subsets": subsets, "validation_subsets": validation_subsets
    }  # fmt: skip
    for name, values in given.items():
        if values is not None and not hasattr(values, "__len__"):
            received = validation.shown(values)
            raise TypeError(f"{name}: got {received}; expected {n}, one for each network")
        if values is not None and len(values) != n:
            raise ValueError(f"{name}: got {len(values)}; expected {n}, one for each network")
    members = []
    first: dict[Any, TrainableNetwork] = {}  # of each kind: for it the others' samples are read
    for k, (net, of) in enumerate(zip(networks, shared, strict=True)):
        spec, own = net.common_spec, resolve_optimizer(optimizers[k])
        try:
            samples = of.of(first.setdefault(spec.kind, net), spec)
        except (TypeError, ValueError) as error:
            if not k or of is not shared[0]:  # of all networks, or of a job, which it names
                raise
            raise type(error)(f"network {k}: {error}") from None
        if not own.follows_lr:
            own.check_layers(net.layers)
        S = len(samples.batch.X)
        rows = val_rows = None
        if subsets is not None and subsets[k] is not None:
            rows = as_rows(f"subsets[{k}]", subsets[k], S)
        validates = samples.validation is not None
        if validation_subsets is not None:
            validates = validation_subsets[k] is not None
            if validates:
                val_rows = as_rows(f"validation_subsets[{k}]", validation_subsets[k], S)
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


def as_rows(name: str, rows: Any, S: int) -> Array:
    """The rows of X as integers; raise unless there is at least one, and all are among the S.

    Parameters
    ----------
    name : str
        The argument, for errors.
    rows : array_like
        Integers from 0, or (S,) bools.
    S : int
        How many rows X has.
    """
    expected = f"rows from 0 to {S - 1}"
    if isinstance(rows, slice):
        raise TypeError(f"{name}: got {rows}, and slices are not accepted; expected {expected}")
    try:
        found = np.asarray(rows)
    except ValueError:  # ragged lists
        found = np.empty((0, 0))
    if found.dtype == bool:
        if found.shape != (S,):
            raise ValueError(f"{name}: got bools of shape {found.shape}; expected ({S},)")
        found = np.flatnonzero(found)
    if found.ndim == 1 and not len(found):
        raise ValueError(f"{name}: got no rows; expected at least one")
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise ValueError(f"{name}: got {validation.shown(rows)}; expected {expected}, integers")
    if found.min() < 0 or found.max() >= S:
        wrong = found.min() if found.min() < 0 else found.max()
        raise ValueError(f"{name}: got row {wrong}; expected {expected}")
    return np.ascontiguousarray(found, np.int64)
