"""The samples of a fleet, validated and converted once for all networks of a kind."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import frames, validation
from ..engine.batch import Batch
from ..model.spec import NetworkSpec
from .base import TrainableNetwork
from .evaluation import ValidationSamples
from .inputs import as_batch, class_weighted

__all__ = ["Job", "Samples", "SharedSamples", "of_jobs"]


class Job(NamedTuple):
    """A network and samples of its own, for `fit_many`.

    Parameters
    ----------
    network : Network
        The network.
    X, Y : array_like
        As for `Network.fit`: an array of the network's dtype is not copied.
    validation : (X_val, Y_val), optional
        Its validation samples.
    sample_weight : array_like, optional
        (S,): weights of the samples.
    """

    network: TrainableNetwork
    X: Any
    Y: Any
    validation: Any = None
    sample_weight: Any = None


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
    are_balanced : bool
        Whether each network's rows decide the weights of their classes, which `batch` is without.
    """

    batch: Batch
    names: Sequence[str] | None
    validation: ValidationSamples | None
    are_balanced: bool


class SharedSamples:
    """Samples that are validated and converted once for all networks of a kind.

    Parameters
    ----------
    X, Y, sample_weight, class_weight
        As for `Network.fit`.
    validation : (X_val, Y_val) or None
        The validation samples of all networks.
    is_held_out : bool, default False
        Whether networks are validated on rows of X instead.
    are_parted : bool, default False
        Whether networks are trained on rows of X: then each balances its classes by its own.
    whose : str, default ""
        For errors, such as " of job 3".
    """

    def __init__(
        self, X: Any, Y: Any, sample_weight: Any, class_weight: Any, validation: Any,
        is_held_out: bool = False, are_parted: bool = False, whose: str = "",
    ) -> None:  # fmt: skip
        self._X, self._Y, self._sample_weight, self._class_weight = (
            X,
            Y,
            sample_weight,
            class_weight,
        )
        self._are_balanced = are_parted and isinstance(class_weight, str)
        self._validation, self._is_held_out, self._whose = validation, is_held_out, whose
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
        whose = tuple(f"{name}{self._whose}" for name in ("X", "Y", "sample_weight"))
        of_classes = None if self._are_balanced else self._class_weight
        batch = as_batch(net, self._X, self._Y, self._sample_weight, of_classes, names=whose)
        if self._are_balanced:
            class_weighted(self._class_weight, batch, net.heads)  # raises what it would later
        names, samples = net.inputs.names or frames.column_names(self._X), None
        if self._is_held_out:
            # without the weights: where they are 0, the targets have been replaced
            unweighted = as_batch(net, batch.X, self._Y) if len(batch.weights) else batch
            is_flat = len(net.heads) == 1 and len(batch.Y) > 0 and np.ndim(self._Y) == 1
            samples = ValidationSamples(unweighted, is_flat)
        elif self._validation is not None:
            samples = ValidationSamples.of(net, self._validation, names, self._whose)
        return Samples(batch, names, samples, self._are_balanced)


def of_jobs(
    jobs: Sequence[Any], class_weight: Any, beside: Mapping[str, Any]
) -> tuple[list[TrainableNetwork], list[SharedSamples]]:
    """The networks of jobs, and the samples of each; raise if there are others beside these."""
    for name, value in beside.items():
        if value is not None:
            raise ValueError(f"{name}: got some beside jobs; expected those of the jobs alone")
    networks, samples = [], []
    for k, job in enumerate(jobs):
        if not isinstance(job, Job):
            received = validation.shown(job)
            raise TypeError(f"networks[{k}]: got {received} among jobs; expected a fg.Job")
        held_out, whose = job.validation, f" of job {k}"
        if held_out is not None:
            held_out = validation.pair(f"validation{whose}", held_out, of="(X_val, Y_val)")
        own = SharedSamples(
            job.X, job.Y, job.sample_weight, class_weight, held_out, whose=whose
        )  # fmt: skip
        networks.append(job.network)
        samples.append(own)
    return networks, samples
