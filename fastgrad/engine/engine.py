"""The passes over samples: the way from Python into the compiled loops."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.activations import Activation
from ..model.layer import Inputs, Layer
from ..model.output_heads import OutputHead
from ..optim.base import NetworkKey, Optimizer, State
from . import thread_pool
from .batch import Batch
from .descriptor_builder import Order
from .entry_points import pass_address
from .thread_tuner import Crew
from .workspace import Memory, address_of, aligned

__all__ = ["Pass", "Training"]

Array = np.ndarray[Any, Any]

_LOOKED_AT = 1 << 13  # samples at once when there is nothing to learn from them
_KINDS = 64  # of passes that are remembered at most: there may be mini-batches of many sizes


@dataclass
class Training:
    """What an update needs beside the samples.

    Attributes
    ----------
    optimizer : Optimizer
        The update rule.
    key : int
        What noise and dropout are drawn with.
    average : ndarray or None
        The moving average of the parameters.
    follows : ndarray or None
        The share of the new weights in it, and steps so far.
    """

    optimizer: Optimizer
    key: int = 0
    average: Array | None = None
    follows: Array | None = None


class Pass:
    """Owns a network's arrays and runs the compiled passes over them.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    activations : sequence of Activation
        f_1 ... f_L.
    blocks : sequence of OutputHead
        The costs of the outputs.
    dtype : numpy.dtype
        float32 or float64.
    standardize : bool
        Whether the first fit sets mean and scale of the inputs.
    token : NetworkKey
        The network's.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        blocks: Sequence[OutputHead],
        dtype: Any,
        standardize: bool,
        token: NetworkKey,
    ) -> None:
        self.dtype, self.token = dtype, token
        self._activations, self._blocks = activations, blocks
        self.memory = Memory(sizes, dtype)
        arrays, last = self.memory.views(self.memory.parameters), len(sizes) - 2
        self.layers = tuple(Layer(W, b, l == last) for l, (W, b) in enumerate(arrays))
        padded = self.memory.layers[0]["padded"]
        self._mean, self._scale = aligned(padded, dtype), aligned(padded, dtype)
        self._scale[: sizes[0]] = 1
        self.inputs = Inputs(self._mean[: sizes[0]], self._scale[: sizes[0]], standardize)
        self._crews: dict[Any, Crew] = {}
        self._orders: dict[Any, Order] = {}
        self._version = -1
        self._busy = threading.RLock()  # the scratch memory serves one pass at a time

    # --- the passes -----------------------------------------------------------------------------

    def forward(self, X: Array) -> Array:
        """a^L, (S, n_L)."""
        output = np.empty((len(X), self.memory.layers[-1]["nodes"]), self.dtype)
        none = np.empty(0)
        batch = 1 if len(X) == 1 else 256
        self._look(Batch(X, none, none, none), batch=batch, cost=False, output=output)
        return output

    @property
    def penalty(self) -> float:
        """What l1 and l2 add to every C that a pass returns; none is added to sums over samples."""
        return sum(layer.penalty for layer in self.layers)

    def cost(self, samples: Batch) -> tuple[float, float]:
        """The mean of C, and the share of samples whose class is right."""
        S = len(samples.X)
        total, right = self._look(samples, batch=min(S, _LOOKED_AT))
        return total / S + self.penalty, right / S

    def _look(self, samples: Batch, **how: Any) -> tuple[float, float]:
        """Go through all samples without a gradient, in passes that Ctrl-C can come between."""
        sums, total, right, done = np.zeros(2), 0.0, 0.0, 0
        while done < len(samples.X):
            total, right, done = self._run(samples, first=done, cut=True, sums=sums, **how)
        return total, right

    def gradients(
        self, samples: Batch, dC_da0: Array | None = None, threads: int | None = None
    ) -> tuple[float, float, Array]:
        """The mean of C, the share of right classes, and a gradient as long as the parameters.

        That with respect to the inputs is written to dC_da0, if there is such an array.
        """
        S = len(samples.X)
        with self._busy:
            total, right, _ = self._run(
                samples, batch=S, gradient=True, input_gradient=dC_da0, threads=threads
            )
            dC = self.memory.reserved.gradient[: len(self.memory.parameters)].copy()
        if dC_da0 is not None:
            dC_da0 *= self.inputs.scale
        return total / S + self.penalty, right / S, dC

    def step(self, samples: Batch, training: Training) -> float:
        """Update on one mini-batch; the mean of C before it."""
        S, penalty = len(samples.X), self.penalty
        total, *_ = self._run(samples, batch=S, training=training)
        return total / S + penalty

    def compile(
        self, samples: Batch, training: Training, batch: int, threads: int | None = None
    ) -> None:
        """Compile, or read from disk, all that an epoch needs: by a pass over no samples.

        On all threads that may come, unless they run: none of the trials is to take their start.
        """
        most = 1 if thread_pool.started() else thread_pool.most(threads)
        self._run(samples, batch=batch, last=0, training=training, threads=most)

    def epoch(
        self,
        samples: Batch,
        training: Training,
        batch: int,
        seed: int | None,
        threads: int | None,
        every: int = 0,
        before: int = 0,
    ) -> Iterator[tuple[int, float, float]]:
        """Train once on every sample, in an order drawn from the seed (None: as they stand).

        Yields every 50 to 100 ms, and after every so many batches unless that is 0, of which so
        many came before: the number of samples done, the sum of C over them (with the penalty of
        the weights before the first) and how many of them were classified right.
        """
        S, penalty = len(samples.X), self.penalty
        order = np.empty(S if seed is not None else 0, np.uint32)  # 4 bytes a sample
        sums = np.zeros(2)  # added to from call to call: their bits do not depend on the clock
        done = 0
        while done < S:
            left = every - (before + done // batch) % every if every else 0
            stop = min(done + left * batch, S) if every else S
            total, right, done = self._run(
                samples, batch=batch, first=done, last=stop, cut=True, training=training,
                order=order, seed=seed if done == 0 else None, threads=threads, sums=sums,
            )  # fmt: skip
            yield done, total + penalty * done, right

    def _run(
        self,
        samples: Batch,
        *,
        batch: int,
        cost: bool = True,
        first: int = 0,
        last: int | None = None,
        cut: bool = False,
        training: Training | None = None,
        gradient: bool = False,
        output: Array | None = None,
        input_gradient: Array | None = None,
        order: Array | None = None,
        seed: int | None = None,
        threads: int | None = None,
        sums: Array | None = None,
    ) -> tuple[float, float, int]:
        """One compiled pass over the samples from first to last, or, cut, as far as time allows.

        Returns the sum of C over them, how many are classified right, and the end of the pass.
        """
        S, gradient = len(samples.X), gradient or training is not None
        crew = self._crew(batch, gradient, training is not None, threads)
        end = S if last is None else last
        choice, ahead = crew.turn(None if cut else end - first)
        if cut:
            end = min(first + max(ahead // batch, 1) * batch, end)
        sums = np.zeros(2) if sums is None else sums
        with self._busy:
            told = self._order(batch, cost, gradient, training)
            arrays = {
                **samples._asdict(),
                "order": order,
                "output": output,
                "input_gradient": input_gradient,
                "C": sums,
            }
            if training:
                steps = -(-(end - first) // batch)
                arrays["rates"] = training.optimizer.rates(self.state(training.optimizer), steps)
                told.tell(key=training.key, disturbs=training.key != 0)
                if training.average is not None and training.follows is not None:
                    told.follow(training.average, training.follows)
                else:
                    told.tell(average=0)
            told.tell(
                first=first, last=end, samples_in_all=S, shuffle=seed or 0,
                **{name: address_of(array) for name, array in arrays.items()},
            )  # fmt: skip
            begin = time.perf_counter()
            used = thread_pool.run_pass(pass_address(batch == 1, self.dtype), told, choice)
        if end > first:
            if training:
                training.optimizer.h[0] = arrays["rates"][-1]
            crew.record(choice, end - first, time.perf_counter() - begin, used)
        return float(sums[0]), float(sums[1]), end

    def _crew(self, batch: int, gradient: bool, updates: bool, threads: int | None) -> Crew:
        """Who works on passes of that kind."""
        most = 1 if batch == 1 else thread_pool.most(threads)
        kind = (batch, gradient, updates, most, threads is None)
        if kind not in self._crews:
            if len(self._crews) >= _KINDS:
                self._crews.clear()
            choices = (1, most) if threads is None else (most,)
            self._crews[kind] = Crew(choices, 6.0 * len(self.memory.parameters), batch)
        return self._crews[kind]

    def state(self, optimizer: Optimizer) -> State:
        """What an optimizer remembers of this network."""
        return optimizer.state(self.token, self.memory.parameters, len(self.layers))

    def key(self, rng: np.random.Generator) -> int:
        """Draw what noise and dropout are drawn with, if there is any."""
        hidden = any(layer.dropout for layer in self.layers)
        disturbed = hidden or self.inputs.dropout or self.inputs.noise
        return int(rng.integers(1, 2**62)) if disturbed else 0

    def _order(self, batch: int, cost: bool, gradient: bool, training: Training | None) -> Order:
        """What a pass of that kind is told; kept until the network or its memory changes."""
        version = sum(of.version for of in (self.inputs, *self.layers))
        if version != self._version:
            self._orders.clear()
            self._version = version
        optimizer = training.optimizer if training else None
        kind = (batch, cost, gradient, id(optimizer))
        order = self._orders.get(kind)
        reserved = self.memory.reserved
        if order is None or not order.holds_for(optimizer, reserved):
            order = Order(self.memory, batch, gradient, optimizer)
            if len(self._orders) >= _KINDS or self.memory.reserved is not reserved:
                self._orders.clear()  # others keep the memory that was before
            order.keep(input_mean=self._mean, input_scale=self._scale)
            order.describe_layers(self.layers, self.inputs, self._activations)
            if cost:
                order.describe_blocks(self._blocks)
            if optimizer:
                order.describe_training(optimizer, self.state(optimizer), self.layers)
            self._orders[kind] = order
        return order
