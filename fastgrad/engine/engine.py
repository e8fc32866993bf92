"""The engine of a network: from Python into the compiled passes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..arithmetic import ceil_div
from ..codegen.signatures import Array
from ..kernels.regularizers import SHARE
from ..model.layer import Layer
from ..model.settings import Assignments, apply_settings
from ..model.spec import NetworkSpec
from ..model.standardization import Inputs, Targets
from ..optim.base import NetworkKey, Optimizer, State
from ..optim.epoch_position import PiecePosition
from . import thread_pool
from .batch import Batch
from .descriptor import TOTALS
from .descriptor_builder import BoundArrays, PassDescriptor
from .entry_points import pass_address
from .forks import Locks
from .layer_kinds.base import LayerKind
from .layer_kinds.dense import DENSE
from .predictor import Predictor
from .thread_tuner import ThreadTuner
from .workspace import Scratch, Workspace, aligned, parameter_layout

__all__ = ["Engine", "PassRequest", "Totals", "Training", "new_parameters"]

# Samples of a mini-batch when no gradient is computed. Costs are sums per mini-batch: few of them.
_COST_BATCH, _FORWARD_BATCH = 1 << 13, 256
_MOST_KINDS = 64  # of passes that are kept: mini-batches may have many sizes


@dataclass
class Training:
    """What an update needs besides the samples.

    Attributes
    ----------
    optimizer : Optimizer
        The update rule.
    noise_key : int
        Key of the random numbers of noise and dropout; 0: there are none.
    average : ndarray or None
        The moving average of the parameters.
    average_state : ndarray or None
        (2,): the share of the new weights in it, and steps so far.
    """

    optimizer: Optimizer
    noise_key: int = 0
    average: Array | None = None
    average_state: Array | None = None


class PassRequest(NamedTuple):
    """A pass over the samples of a batch from `first` to `last`, by default to the end."""

    batch_size: int
    first: int = 0
    last: int | None = None
    is_time_limited: bool = False  # it may stop sooner, after about 0.1 s
    cost: bool = True
    gradient: bool = False
    training: Training | None = None
    shuffle_key: int = 0
    threads: int | None = None  # None: the tuner decides


def _kind(request: PassRequest) -> Any:
    """What passes that share a descriptor have in common."""
    optimizer = id(request.training.optimizer) if request.training else None
    return request.batch_size, request.cost, request.gradient or optimizer is not None, optimizer


class Totals(NamedTuple):
    """Sums over the samples of a pass, and where it ended."""

    C: float
    correct: float
    last: int


def _kinds(spec: NetworkSpec) -> tuple[LayerKind, ...]:
    return (DENSE,) * len(spec.activations)


def new_parameters(spec: NetworkSpec) -> tuple[Array, list[tuple[Array, Array]]]:
    """Return zeros for the weights and biases of a network, flat, and as W and b of each layer."""
    layout = parameter_layout(spec.sizes, _kinds(spec))
    parameters = aligned(layout.n_parameters, spec.dtype)
    return parameters, layout.views(parameters)


class Engine:
    """Runs the compiled passes over the arrays of a network's `Workspace`.

    Parameters
    ----------
    spec : NetworkSpec
        Sizes, activations, heads, dtype, and settings of inputs and layers.
    key : NetworkKey
        What optimizers keep their state of the network under.
    parameters : ndarray, optional
        Its weights and biases, from `new_parameters`; by default zeros.

    Attributes
    ----------
    workspace : Workspace
        The arrays of the network.
    layers : tuple of Layer
        Views of its parameters.
    inputs : Inputs
        Mean and scale of its inputs.
    locks : Locks
        What passes and fits of the network hold.
    functions : tuple of Activation and Cost
        Of the network.
    is_builtin : bool
        Whether no activation or cost is a user's own function, which may raise.
    """

    def __init__(self, spec: NetworkSpec, key: NetworkKey, parameters: Array | None = None) -> None:
        self.dtype, self.key, sizes = spec.dtype, key, spec.sizes
        self._activations, self._heads = spec.activations, spec.heads
        self._kinds = _kinds(spec)
        self.functions = tuple(spec.functions)
        self.is_builtin = spec.is_builtin
        flat = new_parameters(spec)[0] if parameters is None else parameters
        self.workspace = Workspace(sizes, self._kinds, spec.dtype, flat)
        arrays, last = self.workspace.views(self.workspace.parameters), len(sizes) - 2
        self.layers = tuple(Layer(W, b, l == last) for l, (W, b) in enumerate(arrays))
        mean, scale = self.workspace.mean, self.workspace.scale
        self.inputs = Inputs(mean[: sizes[0]], scale[: sizes[0]])
        apply_settings(self.inputs, spec.inputs)
        for layer, settings in zip(self.layers, spec.layers, strict=True):
            apply_settings(layer, settings)
        self._tuners: dict[Any, ThreadTuner] = {}
        self._descriptors: dict[Any, PassDescriptor] = {}
        self._version = self._latest = -1
        self._predictor: Predictor | None = None
        self._row_shape, self._output_shape = (1, sizes[0]), (1, sizes[-1])
        self.locks = Locks()

    # --- what passes are for ------------------------------------------------------------------

    def forward(self, X: Array) -> Array:
        """Return a^L, (S, n_L)."""
        output = np.empty((len(X), self.layers[-1].b.size), self.dtype)
        none = np.empty(0)
        request = PassRequest(1 if len(X) == 1 else _FORWARD_BATCH, cost=False)
        self._evaluate(Batch(X, none, none, none), request, output=output)
        return output

    def predict_row(self, x: Array, targets: Targets) -> Array | None:
        """Return the prediction of a row, (1, n_L), in the unit of the targets.

        None if x is not (1, n_0), C-contiguous, writable, finite, and of the network's dtype.
        """
        if x.shape != self._row_shape or x.dtype != self.dtype:
            return None
        with self.locks.queue, self.locks.passes:
            predictor = self._predictor
            if predictor is None or not predictor.is_current(targets):
                predictor = self._predictor = self.predictor(targets, 1)
            prediction = np.empty(self._output_shape, predictor.of_result)
            return prediction if predictor.writes(x, prediction) else None

    def predictor(self, targets: Targets, threads: int | None = None) -> Predictor:
        """Return the predictor of rows by the parameters as they are, for threads without waiting.

        By default for one more than numba has.
        """
        descriptors = []
        for _ in range(threads or self.workspace.scratch.layout.threads + 1):
            scratch = self.workspace.row_scratch()
            descriptor = self._described(PassRequest(1, cost=False), scratch)
            descriptor.describe_links(self._heads)
            descriptors.append(descriptor)
        return Predictor(descriptors, self.inputs, targets, not self.is_builtin)

    @property
    def penalty(self) -> float:
        """What l1 and l2 add to the mean cost; sums over samples do not contain it."""
        return sum(layer.penalty for layer in self.layers)

    def cost(self, batch: Batch) -> tuple[float, float]:
        """Return the mean of C, and the share of samples whose class is correct."""
        S = len(batch.X)
        totals = self._evaluate(batch, PassRequest(min(S, _COST_BATCH)), totals=np.zeros(TOTALS))
        return totals.C / S + self.penalty, totals.correct / S

    def _evaluate(
        self, batch: Batch, request: PassRequest, **arrays: Unpack[BoundArrays]
    ) -> Totals:
        """Evaluate all samples, in passes between which Ctrl-C can be handled.

        The weights are the same in all of them: no other thread trains in between.
        """
        totals = Totals(0.0, 0.0, 0)
        with self.locks.queue, self.locks.passes:
            while totals.last < len(batch.X):
                request = request._replace(first=totals.last, is_time_limited=True)
                totals = self._run(batch, request, **arrays)
        return totals

    def gradients(
        self, batch: Batch, dC_da0: Array | None = None, threads: int | None = None
    ) -> tuple[float, float, Array]:
        """Return the mean of C, the share of correct classes, and the gradient, a flat vector.

        The gradient with respect to the inputs is written to dC_da0, if that is an array.
        """
        S = len(batch.X)
        with self.locks.queue, self.locks.passes:
            request = PassRequest(S, gradient=True, threads=threads)
            totals = self._run(batch, request, input_gradient=dC_da0)
            dC = self.workspace.scratch.gradient[: len(self.workspace.parameters)].copy()
        if dC_da0 is not None:
            dC_da0 *= self.inputs.scale
        return totals.C / S + self.penalty, totals.correct / S, dC

    def step(self, batch: Batch, training: Training) -> float:
        """Update on one mini-batch; returns the mean of C before."""
        self.locks.let_others_go_first()
        self.state(training.optimizer).resumes_at = None
        S, penalty = len(batch.X), self.penalty
        return self._run(batch, PassRequest(S, training=training)).C / S + penalty

    def bind_step(
        self, optimizer: Optimizer, batch_size: int, totals: Array, rates: Array
    ) -> PassDescriptor:
        """Return the descriptor of a step on a whole mini-batch, on one thread."""
        self._forget_changed()
        descriptor = self._described(PassRequest(batch_size, training=Training(optimizer)))
        descriptor.set(first=0, last=batch_size, n_samples=batch_size, threads=1)
        descriptor.own(totals=totals, rates=rates)
        return descriptor

    def bind_cost(self, batch_size: int, totals: Array) -> PassDescriptor:
        """Return the descriptor of the cost of samples, without a gradient, on one thread."""
        self._forget_changed()
        descriptor = self._described(PassRequest(min(batch_size, _COST_BATCH)))
        descriptor.set(threads=1)
        descriptor.own(totals=totals)
        return descriptor

    def compile(
        self, batch: Batch, training: Training, batch_size: int, threads: int | None = None
    ) -> None:
        """Compile, or load from disk, everything that an epoch needs, by a pass over no samples.

        On all threads if none has been started yet, so that the tuner does not measure their start.
        """
        most = 1 if thread_pool.is_started() else thread_pool.most_threads(threads)
        request = PassRequest(batch_size, last=0, training=training, threads=most)
        if most > 1 or _kind(request) not in self._descriptors:
            self._run(batch, request)

    def begin_piece(
        self, batch: Batch, batch_size: int, rng: np.random.Generator, shuffle: bool
    ) -> PiecePosition:
        """Draw the random numbers of an epoch over a batch: where it begins."""
        noise_key = self.draw_noise_key(rng)
        seed = int(rng.integers(1, 2**63)) if shuffle else None
        penalty = 0.0 if batch.penalties else self.penalty
        return PiecePosition(len(batch.X), batch_size, seed, noise_key, penalty)

    def epoch(
        self,
        batch: Batch,
        training: Training,
        at: PiecePosition,
        threads: int | None,
        every: int = 0,
        batches_before: int = 0,
    ) -> Iterator[None]:
        """Train once on every sample after a position, which moves along.

        Yields every 50 to 100 ms, and after every `every` mini-batches unless that is 0, counted
        from `batches_before`. The penalty is that of the weights before the first sample, or of
        each step if the batch has such penalties.
        """
        S, batch_size, shuffle_key = at.n_samples, at.batch_size, at.seed or 0
        permutation = np.empty(S, np.uint32) if at.seed is not None else batch.order
        # Added to from pass to pass: their bits do not depend on the clock.
        sums = np.array([at.C, at.right, at.done])
        while at.done < S:
            left = every - (batches_before + at.done // batch_size) % every if every else 0
            request = PassRequest(
                batch_size, first=at.done, last=min(at.done + left * batch_size, S) if every else S,
                is_time_limited=True, training=training, threads=threads, shuffle_key=shuffle_key,
            )  # fmt: skip
            self.locks.let_others_go_first()
            totals = self._run(batch, request, permutation=permutation, totals=sums)
            at.C, at.right, at.done = totals
            shuffle_key = 0  # the order has been drawn
            at.penalties = at.penalty * at.done
            if batch.penalties:
                firsts = np.arange(0, at.done, batch_size)
                sizes = np.minimum(batch_size, at.done - firsts)
                at.penalties = float(batch.penalties.values[: len(firsts)] @ sizes)
            yield

    # --- one pass -----------------------------------------------------------------------------

    def _run(self, batch: Batch, request: PassRequest, **arrays: Unpack[BoundArrays]) -> Totals:
        """Choose the threads and the length of a pass, bind its arrays, launch and record it."""
        first = request.first
        last = len(batch.X) if request.last is None else request.last
        tuner = self._tuner(request)
        threads, n_samples = tuner.next_pass(None if request.is_time_limited else last - first)
        if request.is_time_limited:
            batches = max(n_samples // request.batch_size, 1)
            last = min(first + batches * request.batch_size, last)
        sums = arrays.setdefault("totals", np.zeros(TOTALS))
        if request.training and batch.penalties:
            step = first // request.batch_size
            arrays["penalty_shares"] = batch.penalties.shares[step:]
            arrays["penalties"] = batch.penalties.values[step:]
        with self.locks.passes:
            descriptor = self._descriptor(request)
            if request.training:
                n_steps = ceil_div(last - first, request.batch_size)
                arrays["rates"] = self._bind_training(descriptor, request.training, n_steps)
            descriptor.set(first=first, last=last, shuffle_key=request.shuffle_key)
            descriptor.bind(batch, **arrays)
            loop = pass_address(request.batch_size == 1, self.dtype)
            try:
                used, seconds = thread_pool.run_pass(loop, descriptor, threads)
            finally:
                if "penalties" in arrays:  # the loops have set the share of each step
                    self.workspace.options[:, SHARE] = 1
        if last > first:
            if request.training:
                last = int(sums[2])  # sooner, if the cost was not finite
                n_steps = ceil_div(last - first, request.batch_size)
                request.training.optimizer.h[0] = arrays["rates"][n_steps - 1]
            tuner.record(threads, last - first, seconds, used)
        return Totals(float(sums[0]), float(sums[1]), last)

    def _bind_training(self, descriptor: PassDescriptor, training: Training, n_steps: int) -> Array:
        """Bind what an update needs besides the samples; returns the learning rate of each step."""
        rates = training.optimizer.rates(self.state(training.optimizer), n_steps)
        descriptor.set(noise_key=training.noise_key, is_noisy=training.noise_key != 0)
        descriptor.bind_average(training.average, training.average_state)
        return rates

    def _tuner(self, request: PassRequest) -> ThreadTuner:
        """Return the tuner of passes of that kind."""
        batch_size, updates = request.batch_size, request.training is not None
        most = 1 if batch_size == 1 else thread_pool.most_threads(request.threads)
        is_free = request.threads is None
        kind = (batch_size, request.gradient or updates, updates, most, is_free)
        if kind not in self._tuners:
            if len(self._tuners) >= _MOST_KINDS:
                self._tuners.clear()
            operations = 6.0 * len(self.workspace.parameters)
            if self.workspace.plan(batch_size).in_halves:
                most = min(most, 2)
            self._tuners[kind] = ThreadTuner((1, most), operations, batch_size, not is_free)
        return self._tuners[kind]

    def is_current(self, descriptor: PassDescriptor, optimizer: Optimizer | None) -> bool:
        """Return whether a descriptor is of the network, its memory and an optimizer as now."""
        self._forget_changed()
        is_known = descriptor.version == self._version
        return is_known and descriptor.is_current(optimizer, self.workspace.scratch)

    def _forget_changed(self) -> None:
        """Forget all descriptors if a setting has been assigned to."""
        if Assignments.latest != self._latest:
            self._latest = Assignments.latest
            version = max(of.version for of in (self.inputs, *self.layers))
            if version != self._version:
                self._descriptors.clear()
                self._version = version

    def _descriptor(self, request: PassRequest) -> PassDescriptor:
        """Return the descriptor of passes of that kind, until the network or its memory changes."""
        self._forget_changed()
        optimizer = request.training.optimizer if request.training else None
        kind, scratch = _kind(request), self.workspace.scratch
        descriptor = self._descriptors.get(kind)
        if descriptor is None or not descriptor.is_current(optimizer, scratch):
            descriptor = self._described(request)
            if len(self._descriptors) >= _MOST_KINDS or self.workspace.scratch is not scratch:
                self._descriptors.clear()  # the others hold memory that has been replaced
            self._descriptors[kind] = descriptor
        return descriptor

    def _described(self, request: PassRequest, scratch: Scratch | None = None) -> PassDescriptor:
        """Return a new descriptor of passes of that kind, by default with the common memory."""
        optimizer = request.training.optimizer if request.training else None
        gradient = request.gradient or optimizer is not None
        size = request.batch_size
        descriptor = PassDescriptor(self.workspace, size, gradient, optimizer, scratch)
        descriptor.version = self._version
        descriptor.describe_layers(self.layers, self.inputs, self._activations, self._kinds)
        if request.cost:
            descriptor.describe_heads(self._heads)
        if optimizer:
            descriptor.describe_training(optimizer, self.state(optimizer), self.layers)
        return descriptor

    # --- state --------------------------------------------------------------------------------

    def state(self, optimizer: Optimizer) -> State:
        """Return what an optimizer remembers of this network."""
        return optimizer.state(self.key, self.workspace.parameters, len(self.layers))

    @property
    def is_noisy(self) -> bool:
        """Whether there are noise or dropout in training."""
        hidden = any(layer.dropout for layer in self.layers)
        return bool(hidden or self.inputs.dropout or self.inputs.noise)

    @property
    def is_penalized(self) -> bool:
        """Whether a layer has l1 or l2."""
        return any(layer.l1 or layer.l2 for layer in self.layers)

    def draw_noise_key(self, rng: np.random.Generator) -> int:
        """Draw the key of noise and dropout; 0 if there are none."""
        return int(rng.integers(1, 2**62)) if self.is_noisy else 0
