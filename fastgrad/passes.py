"""The passes over samples: the way from Python into the compiled loops."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from .activations import Activation
from .costs import Block
from .crew import Crew
from .jit import PLAIN_PYTHON, run
from .layers import Inputs, Layer
from .loops import activation_address, address, cost_address, pass_address
from .memory import Memory, aligned
from .optimizer import Optimizer, State
from .regularization import OPTIONS
from .samples import Samples
from .task import BLOCK, TASK
from .training import sweep

__all__ = ["Pass", "Training"]

Array = np.ndarray[Any, Any]

_PROCESSORS = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
# Who offers its processor gets it back milliseconds later if others want it, so threads wait for
# each other about 0.1 ms before they do; but more threads than processors would wait in vain.
_PATIENT, _IMPATIENT = 131_072, 64
# The process whose threads OpenMP has started. A fork of it has none, and OpenMP would end it.
_team_of: int | None = None


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
    blocks : sequence of Block
        The costs of the outputs.
    dtype : numpy.dtype
        float32 or float64.
    standardize : bool
        Whether the first fit sets mean and scale of the inputs.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        blocks: Sequence[Block],
        dtype: Any,
        standardize: bool,
    ) -> None:
        self.dtype = dtype
        self._activations, self._blocks = activations, blocks
        self.memory = Memory(sizes, dtype)
        self.layers = tuple(Layer(W, b) for W, b in self.memory.views(self.memory.parameters))
        padded = self.memory.layers[0]["padded"]
        self._mean, self._scale = aligned(padded, dtype), aligned(padded, dtype)
        self._scale[: sizes[0]] = 1
        self.inputs = Inputs(self._mean[: sizes[0]], self._scale[: sizes[0]], standardize)
        self._options = aligned(16 * len(sizes), dtype).reshape(-1, 16)
        self._c = aligned(16 * len(sizes), dtype).reshape(-1, 16)
        self._crews: dict[Any, Crew] = {}
        self._busy = threading.Lock()  # the scratch memory serves one pass at a time

    # --- the passes -----------------------------------------------------------------------------

    def forward(self, X: Array) -> Array:
        """a^L, (S, n_L)."""
        output = np.empty((len(X), self.memory.layers[-1]["nodes"]), self.dtype)
        none = np.empty(0)
        batch = 1 if len(X) == 1 else 256
        self._run(Samples(X, none, none, none), batch=batch, cost=False, output=output)
        return output

    def cost(self, samples: Samples) -> tuple[float, float]:
        """The mean of C, and the share of samples whose class is right."""
        S = len(samples.X)
        total, right, _ = self._run(samples, batch=S)
        return total / S, right / S

    def gradients(self, samples: Samples) -> tuple[float, Array, Array]:
        """The mean of C, its gradient as long as the parameters, and dC/da0."""
        dC_da0 = np.empty_like(samples.X)
        S = len(samples.X)
        C, *_ = self._run(samples, batch=S, gradient=True, input_gradient=dC_da0)
        return C / S, self.memory.gradient[: len(self.memory.parameters)], dC_da0 * self.inputs.scale

    def step(self, samples: Samples, training: Training) -> float:
        """Update on one mini-batch; the mean of C before it."""
        S = len(samples.X)
        total, *_ = self._run(samples, batch=S, training=training)
        return total / S

    def compile(self, samples: Samples, training: Training, batch: int) -> None:
        """Compile, or read from disk, all that an epoch needs: by a pass over no samples."""
        self._run(samples, batch=batch, last=0, training=training)

    def epoch(
        self,
        samples: Samples,
        training: Training,
        batch: int,
        seed: int | None,
        threads: int | None,
        every: int = 0,
    ) -> Iterator[tuple[int, float, float]]:
        """Train once on every sample, in an order drawn from the seed (None: as they stand).

        Yields every 50 to 100 ms, and after every so many batches unless that is 0, the number of
        samples done, the sum of C over them and how many of them were classified right.
        """
        S = len(samples.X)
        order = np.empty(S if seed is not None else 0, np.uint32)  # 4 bytes a sample
        sums = np.zeros(2)  # added to from call to call: their bits do not depend on the clock
        done = 0
        while done < S:
            stop = min(done - done % (every * batch) + every * batch, S) if every else S
            total, right, done = self._run(
                samples, batch=batch, first=done, last=stop, cut=True, training=training,
                order=order, seed=seed if done == 0 else None, threads=threads, sums=sums,
            )  # fmt: skip
            yield done, total, right

    def _run(
        self,
        samples: Samples,
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
        team, ahead = crew.turn(None if cut else end - first)
        if cut:
            end = min(first + max(ahead // batch, 1) * batch, end)
        task = np.zeros(1, TASK)
        task["cost"], task["gradient"], task["shuffle"] = cost, gradient, seed is not None
        task["batch"], task["samples_in_all"] = batch, S
        task["n_parameters"] = len(self.memory.parameters)
        task["first"], task["last"], task["threads"] = first, end, team
        task["patience"] = _PATIENT if team <= _PROCESSORS else _IMPATIENT
        C = np.zeros(2) if sums is None else sums
        arrived, random = np.zeros(128, np.int64), np.array([seed or 0], np.uint64)
        arrays = {
            **samples._asdict(),
            "order": order,
            "output": output,
            "input_gradient": input_gradient,
            "input_mean": self._mean,
            "input_scale": self._scale,
            "parameters": self.memory.parameters,
            "C": C,
            "arrived": arrived,
            "random": random,
        }
        with self._busy:
            for name, value in self.memory.make_ready(batch, gradient).items():
                task[name] = value
            self._describe_layers(task, gradient)
            if cost:
                arrays["blocks"] = self._described_blocks(task)
            if training:
                steps = -(-(end - first) // batch)
                arrays |= self._described_training(task, training, steps)
            for name, array in arrays.items():
                task[name] = array.ctypes.data if array is not None and array.size else 0
            begin = time.perf_counter()
            self._sweep(pass_address(batch == 1, self.dtype), task, arrived)
        if end > first:
            crew.record(team, end - first, time.perf_counter() - begin)
        return float(C[0]), float(C[1]), end

    def _sweep(self, address: int, task: Array, arrived: Array) -> None:
        layers = self.memory.layers
        where = (task.ctypes.data, layers.ctypes.data, len(layers))
        threads = int(task["threads"][0])
        if threads > 1:
            global _team_of  # noqa: PLW0603
            _team_of = os.getpid()
            before = numba.get_num_threads()
            numba.set_num_threads(threads)
            try:
                sweep(address, threads, *where)
            finally:
                numba.set_num_threads(before)
            if arrived[64] >= 0:
                return
            # The system has not given each thread its own time.
            task["threads"] = 1
            arrived[:] = 0
        run(address, 0, *where)

    def _crew(self, batch: int, gradient: bool, updates: bool, threads: int | None) -> Crew:
        """Who works on passes of that kind."""
        if PLAIN_PYTHON or batch == 1 or _team_of not in {None, os.getpid()}:
            most = 1
        else:
            most = int(min(threads or numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
        kind = (batch, gradient, updates, most, threads is None)
        if kind not in self._crews:
            choices = (1, most) if threads is None else (most,)
            self._crews[kind] = Crew(choices, 6.0 * len(self.memory.parameters), batch)
        return self._crews[kind]

    # --- what the task is told ------------------------------------------------------------------

    def _describe_layers(self, task: Array, gradient: bool) -> None:
        """The loops and numbers of each layer."""
        table, dtype = self.memory.layers, self.dtype
        for record, layer, f, options in zip(
            table[1:], self.layers, self._activations, self._options[1:], strict=True
        ):
            record["f"] = activation_address(f, gradient, dtype)
            record["trains"], record["penalizes_b"] = layer.trainable, layer.penalize_biases
            penalized, capped = layer.l1 or layer.l2, layer.max_norm < np.inf
            record["drop"] = address("dropout", dtype) if layer.dropout else 0
            record["penalty"] = address("penalty", dtype) if penalized else 0
            record["cap"] = address("max_norm", dtype) if capped else 0
            kept = 1 / (1 - layer.dropout)
            options[: len(OPTIONS)] = (
                layer.dropout, kept, layer.l1, layer.l2, layer.max_norm, 0,
            )  # fmt: skip
        table["options"] = self._options.ctypes.data + self._options.strides[0] * np.arange(
            len(table)
        )
        task["lowest"] = 1

    def _described_blocks(self, task: Array) -> Array:
        """A record for each block of outputs."""
        task["n_blocks"] = len(self._blocks)
        task["accuracy"] = len(self._blocks) == 1 and self._blocks[0].cost.classifies
        blocks, first = np.zeros(len(self._blocks), BLOCK), 0
        for record, block in zip(blocks, self._blocks, strict=True):
            averaged = block.nodes if block.cost.reduction == "mean" else 1
            loop = cost_address(block.cost, self.dtype)
            record[...] = (first, block.nodes, loop, block.weight / averaged)
            first += block.nodes
        return blocks

    def _described_training(
        self, task: Array, training: Training, steps: int
    ) -> dict[str, Array | None]:
        """Optimizer, rates, dropout of inputs, clipping and average: flags, loops and arrays."""
        optimizer, table, dtype = training.optimizer, self.memory.layers, self.dtype
        state = self.state(optimizer)
        inputs = table[0]
        dropout, noise = self.inputs.dropout, self.inputs.noise
        inputs["drop"] = address("input_dropout", dtype) if dropout else 0
        inputs["noise"] = address("noise", dtype) if noise else 0
        self._options[0, : len(OPTIONS)] = (dropout, 1 / (1 - dropout), 0, 0, 0, noise)
        trained = [l for l, layer in enumerate(self.layers, start=1) if layer.trainable]
        lr_scales = np.array([1.0, *(layer.lr_scale for layer in self.layers)])
        task["update"], task["key"] = 1, training.key
        task["disturbs"] = training.key != 0
        task["lowest"] = trained[0] if trained else len(table)
        task["rates_differ"] = bool((lr_scales != 1).any())
        rows = np.arange(len(table)) if task["rates_differ"][0] else np.zeros(len(table), np.int64)
        table["c"] = self._c.ctypes.data + rows * self._c.strides[0]
        table["m"] = state.memory.ctypes.data + rows * state.memory.strides[0]
        task["prepare_loop"], task["update_loop"] = optimizer.addresses(dtype)
        arrays: dict[str, Array | None] = {f"slot_{k}": slot for k, slot in enumerate(state.slots)}
        arrays |= {"h": optimizer.h, "steps": state.steps, "lr_scales": lr_scales}
        arrays["rates"] = optimizer.rates(state, steps)
        if optimizer.clips:
            task["clip_loop"] = address("clip", dtype)
            task["clips_norm"] = optimizer.clip_norm < np.inf
            c = np.ones((numba.config.NUMBA_NUM_THREADS, 64), dtype)
            c[:, 1], c[:, 2] = optimizer.clip_value, optimizer.clip_norm
            task["n_rows"] = table["rows"][1:].sum()
            arrays |= {"clip_c": c, "squares": np.zeros(task["n_rows"][0])}
        if training.average is not None:
            task["follow_loop"] = address("average", dtype)
            arrays |= {"average": training.average, "follows": training.follows}
            arrays["follow_c"] = np.zeros(1, dtype)
        return arrays

    def state(self, optimizer: Optimizer) -> State:
        """What an optimizer remembers of this network."""
        return optimizer.state(self, self.memory.parameters, len(self.layers))

    def key(self, rng: np.random.Generator) -> int:
        """Draw what noise and dropout are drawn with, if there is any."""
        hidden = any(layer.dropout for layer in self.layers)
        disturbed = hidden or self.inputs.dropout or self.inputs.noise
        return int(rng.integers(1, 2**62)) if disturbed else 0
