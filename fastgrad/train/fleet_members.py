"""The members of a fleet: each network with its samples, validated before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import frames, validation
from ..engine.batch import Batch
from ..model.spec import NetworkSpec
from ..optim.base import Optimizer, resolve_optimizer
from .base import TrainableNetwork
from .callbacks import EarlyStopping
from .evaluation import Evaluation, ValidationSamples
from .fit import that_count
from .inputs import as_batch
from .options import FitOptions

__all__ = [
    "Member", "Samples", "SharedSamples", "as_early_stopping", "check_metrics", "members_of",
]  # fmt: skip

Array = np.ndarray[Any, Any]


class Samples(NamedTuple):
    """Samples as a kind of network reads them.

    Attributes
    ----------
    batch : Batch
        To be trained on, all or some.
    names : sequence of str or None
        The columns of their inputs.
    validation : ValidationSamples or None
        Those of all networks, or of which each has some rows.
    """

    batch: Batch
    names: Sequence[str] | None
    validation: ValidationSamples | None


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


class SharedSamples:
    """Samples that are validated and converted once for all networks of a kind.

    Parameters
    ----------
    X, Y, sample_weight, class_weight
        As for `Network.fit`.
    validation : (X_val, Y_val) or None
        The validation samples of all networks.
    is_held_out : bool
        Whether networks are validated on rows of X instead.
    """

    def __init__(
        self, X: Any, Y: Any, sample_weight: Any, class_weight: Any, validation: Any,
        is_held_out: bool,
    ) -> None:  # fmt: skip
        self._X, self._Y, self._weights = X, Y, (sample_weight, class_weight)
        self._validation, self._is_held_out = validation, is_held_out
        self._kinds: dict[Any, Samples] = {}
        self._of_specs: dict[Any, Samples] = {}

    def of(self, net: TrainableNetwork, spec: NetworkSpec) -> Samples:
        """The samples as a network reads them."""
        if spec.kind not in self._of_specs:
            read = repr(spec.inputs["names"]), spec.targets["standardize"]
            kind = spec.sizes[0], spec.heads, spec.dtype, *read
            if kind not in self._kinds:
                self._kinds[kind] = self._converted(net)
            self._of_specs[spec.kind] = self._kinds[kind]
        return self._of_specs[spec.kind]

    def _converted(self, net: TrainableNetwork) -> Samples:
        batch = as_batch(net, self._X, self._Y, *self._weights)
        names, samples = net.inputs.names or frames.column_names(self._X), None
        if not net.targets.standardize and len(batch.Y):
            net.targets.warn_if_far(that_count(batch.Y, batch), stacklevel=6)
        if self._is_held_out:
            # without the weights: where they are 0, the targets have been replaced
            unweighted = as_batch(net, batch.X, self._Y) if len(batch.weights) else batch
            is_flat = len(net.heads) == 1 and len(batch.Y) > 0 and np.ndim(self._Y) == 1
            samples = ValidationSamples(unweighted, is_flat)
        elif self._validation is not None:
            samples = ValidationSamples.of(net, self._validation, names)
        return Samples(batch, names, samples)


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
    shared: SharedSamples,
    optimizer: Any,
    subsets: Sequence[Any] | None,
    validation_subsets: Sequence[Any] | None,
) -> list[Member]:
    """The members of a fleet: see `fit_many`."""
    n = len(networks)
    if len({id(net) for net in networks}) < n:
        raise ValueError("networks: got one of them twice; expected each once")
    optimizers = optimizer if isinstance(optimizer, list | tuple) else [optimizer] * n
    given = {
        "optimizer": optimizers, "subsets": subsets, "validation_subsets": validation_subsets
    }  # fmt: skip
    for name, values in given.items():
        if values is not None and len(values) != n:
            raise ValueError(f"{name}: got {len(values)}; expected {n}, one for each network")
    members, checked = [], set()
    for k, net in enumerate(networks):
        spec, own = net.spec, resolve_optimizer(optimizers[k])
        samples = shared.of(net, spec)
        if (spec.kind, id(own)) not in checked:
            own.check_layers(net.layers)
            checked.add((spec.kind, id(own)))
        S = len(samples.batch.X)
        rows = _checked_rows(f"subsets[{k}]", subsets[k], S) if subsets is not None else None
        val_rows, validates = None, samples.validation is not None
        if validation_subsets is not None:
            val_rows = _checked_rows(f"validation_subsets[{k}]", validation_subsets[k], S)
            validates = val_rows is not None
        members.append(Member(k, net, spec, own, samples, rows, val_rows, validates))
    return members


def check_metrics(
    members: Sequence[Member], options: FitOptions, stopping: EarlyStopping | None
) -> None:
    """Raise unless metrics suit the validation samples, and each network has what stops it."""
    checked = set()
    for member in members:
        key = id(member.samples), member.validates
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
