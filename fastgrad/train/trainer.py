"""One update per call: `Network.step`, and `Network.trainer` for calls in a loop."""

from typing import Any

import numpy as np

from ..codegen.loop_errors import guarded
from ..engine.descriptor import TOTALS
from ..engine.descriptor_builder import PassDescriptor
from ..engine.engine import Training
from ..engine.entry_points import pass_address, step_function
from ..engine.step_pass import STEP
from ..engine.workspace import address_of
from ..optim.base import Optimizer, resolve_optimizer
from ..optim.schedule_base import Constant, Schedule
from ..validation import integer, single_sample
from .base import TrainableNetwork
from .inputs import encoded_batch

__all__ = ["Trainer", "step"]

Array = np.ndarray[Any, Any]

_NUMBERS = "fiub"  # kinds of dtypes
_MOST_OPERATIONS = 1e7  # of a step that one thread takes: about 0.1 ms

#: Limits of the targets of a cost, where they are what can be checked on the way.
_LIMITS = {
    "real": (-np.inf, np.inf),
    "unit": (0, 1),
    "nonnegative": (0, np.inf),
    "distribution": (0, 1),
}


def step(net: TrainableNetwork, x: Any, y: Any, optimizer: Optimizer) -> float:
    """Update a network on one mini-batch: see `Network.step`."""
    _check(net, resolve_optimizer(optimizer))
    x, y = single_sample("x", x, y, net.n_inputs, len(net.heads))
    batch = encoded_batch(net, x, y, names=("x", "y"))
    return net.engine.step(batch, Training(optimizer, net.engine.draw_noise_key(net.rng)))


def _check(net: TrainableNetwork, optimizer: Optimizer) -> None:
    """Raise if an optimizer cannot update a network, or it has not been standardised."""
    optimizer.check_layers(net.layers)
    net.inputs.check_standardized()
    net.targets.check_standardized()


class Trainer:
    """Updates of a network by an optimizer, bound for a loop: see `Network.trainer`.

    Parameters
    ----------
    net : Network
        What is trained.
    optimizer : Optimizer
        Its learning rate and limits, and the settings of the layers, may change between calls.
    batch_size : int
        Samples of the mini-batches that are trained on without detour.
    """

    def __init__(self, net: TrainableNetwork, optimizer: Optimizer, batch_size: int) -> None:
        self._net, self._optimizer = net, resolve_optimizer(optimizer)
        self._batch_size = integer("batch_size", batch_size, least=1)
        kind = net.heads[0].cost.targets
        with_ids = kind == "distribution"
        self._shape = batch_size, net.n_inputs
        self._dtype = net.dtype
        self._shape_of_y: tuple[int, ...] = (
            (batch_size,) if with_ids else (batch_size, net.n_outputs)
        )
        self._dtype_of_y = np.dtype(np.int64) if with_ids else net.dtype
        self._kinds_of_y = "iu" if with_ids else _NUMBERS
        is_small = 6 * net.parameters.size * batch_size < _MOST_OPERATIONS
        self._is_direct = is_small and len(net.heads) == 1 and kind in _LIMITS
        optimizer.check_layers(net.layers)
        optimizer.addresses(net.dtype)  # raises if there is no rule
        self._descriptor: PassDescriptor | None = None
        self._schedule: Schedule | None = None
        self._totals, self._rates = np.zeros(TOTALS), np.zeros(1)
        self._bound = np.zeros(1, STEP)
        self._address = address_of(self._bound.view(np.uint8))
        bound = self._bound[0]
        bound["n_samples"] = batch_size
        bound["n_inputs"], bound["n_outputs"] = net.n_inputs, net.n_outputs
        if self._is_direct:
            bound["least"], bound["most"] = _LIMITS[kind]
            train = step_function(net.dtype, with_ids)
            self._train = train if net.engine.is_builtin else guarded(train)

    def __repr__(self) -> str:
        """The network, the optimizer and the size of the mini-batches."""
        return f"<Trainer of {self._net!r} by {self._optimizer!r}, batch_size={self._batch_size}>"

    def __reduce__(self) -> Any:
        """Copy and pickle what it was made from, not addresses."""
        return type(self), (self._net, self._optimizer, self._batch_size)

    def __call__(self, x: Any, y: Any) -> float:
        """Update the weights on one mini-batch.

        Parameters
        ----------
        x : array_like
            (S, n_0), or (n_0,) for a single sample.
        y : array_like
            Targets as for `Network.cost`; for a single sample (n_L,) or a number.

        Returns
        -------
        float
            C before the update.
        """
        samples = self._as_compiled(x, y) if self._is_direct else None
        C = self._direct(*samples) if samples else None
        return step(self._net, x, y, self._optimizer) if C is None else C

    def _as_compiled(self, x: Any, y: Any) -> tuple[Array, Array] | None:
        """The samples as the compiled step takes them; None for what `step` converts or refuses."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray or x.shape != self._shape:
            return None
        if y.shape != self._shape_of_y:
            if y.shape != (self._batch_size,) or self._shape_of_y[-1] != 1:
                return None
            y = y[:, None]
        targets = self._net.targets
        if targets.standardize:
            if not targets.standardized or y.dtype.kind not in _NUMBERS:
                return None
            with np.errstate(all="ignore"):  # the compiled step looks for what is not finite
                y = targets.encode(y.astype(np.float64), self._dtype_of_y)
        if not (x.dtype == self._dtype and x.flags.carray):
            if x.dtype.kind not in _NUMBERS:
                return None
            x = _copied(x, self._dtype)
        if not (y.dtype == self._dtype_of_y and y.flags.carray):
            if y.dtype.kind not in self._kinds_of_y:
                return None
            y = _copied(y, self._dtype_of_y)
        return x, y

    def _direct(self, x: Array, y: Array) -> float | None:
        """The same without conversions; None, and nothing is done, if a number is not valid."""
        net, optimizer, engine = self._net, self._optimizer, self._net.engine
        engine.locks.let_others_go_first()
        with engine.locks.passes:
            descriptor = self._descriptor
            if descriptor is None or not engine.is_current(descriptor, optimizer):
                descriptor = self._descriptor = self._bind()
            if optimizer.schedule is not self._schedule:
                self._set_rate()
            if self._is_noisy:
                descriptor.set(noise_key=engine.draw_noise_key(net.rng))
            penalty = engine.penalty if self._is_penalized else 0.0
            C: float | None = self._train(self._address, x, y)
        if C is None:
            return None
        optimizer.h[0] = self._rates[0]
        return C + penalty

    def _bind(self) -> PassDescriptor:
        """Bind the step to the network's settings and memory as they are."""
        net, optimizer, engine = self._net, self._optimizer, self._net.engine
        _check(net, optimizer)
        descriptor = engine.bind_step(optimizer, self._batch_size, self._totals, self._rates)
        self._is_noisy, self._is_penalized = engine.is_noisy, engine.is_penalized
        descriptor.set(is_noisy=self._is_noisy)
        bound = self._bound[0]
        bound["run"] = pass_address(self._batch_size == 1, net.dtype)
        bound["descriptor"], bound["layers"], bound["n_layers"] = descriptor.addresses
        engine.state(optimizer).resumes_at = None
        return descriptor

    def _set_rate(self) -> None:
        """Set the learning rate of the next step, which a constant one remains."""
        schedule = self._optimizer.schedule
        state = self._net.engine.state(self._optimizer)
        self._rates[0] = self._optimizer.rates(state, 1)[0]
        self._schedule = schedule if isinstance(schedule, Constant) else None


def _copied(array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):  # what is beyond the dtype is not finite, and refused
        return np.array(array, dtype, order="C")
