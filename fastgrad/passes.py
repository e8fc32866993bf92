"""A network's arrays and the passes over samples: the way from Python into the compiled loops."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

from .activations import Activation
from .costs import Cost
from .crew import Crew
from .jit import FUNCTIONS, PLAIN_PYTHON, entry, run
from .kernels import activation_loop, cost_loop, softmax_loop, training_loop
from .online import pass_over_samples
from .optimizer import Optimizer
from .plan import Plan, plan
from .samples import Samples
from .shapes import HEIGHTS, LANES
from .task import LAYER, TASK
from .training import pass_over_batches, sweep

__all__ = ["Pass"]

Array = np.ndarray[Any, Any]

_ALIGNMENT = 64  # bytes of a cache line
# Between arrays that would otherwise begin at the same places of the cache's pages: a store to one
# and a load from another then look like the same address to the processor, and wait.
_APART = 5 * _ALIGNMENT
_SCRATCH_BYTES = 62 << 20  # at most, unless one panel needs more
_PROCESSORS = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
# Who offers its processor gets it back milliseconds later if others want it, so threads wait for
# each other about 0.1 ms before they do; but more threads than processors would wait in vain.
_PATIENT, _IMPATIENT = 131_072, 64
# The process whose threads OpenMP has started. A fork of it has none, and OpenMP would end it.
_team_of: int | None = None


def _aligned(count: int, dtype: Any) -> Array:
    """Zeros that start at a cache line."""
    dtype = np.dtype(dtype)
    memory = np.zeros(count * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + count * dtype.itemsize].view(dtype)


def _unaimed(X: Array) -> Samples:
    """Inputs alone."""
    none = np.empty(0)
    return Samples(X, none, none, none)


def _up(count: int, unit: int) -> int:
    """The next multiple of the unit."""
    return -(-count // unit) * unit


@cache
def _activation_address(f: Activation, gradient: bool, dtype: Any) -> int:
    """Address of the compiled loop over f, or over f and f'."""
    real = types.float32 if dtype == np.float32 else types.float64
    name = f.name if f.builtin else f"{f.name}@{id(f)}"
    FUNCTIONS[f"{name}.f"], FUNCTIONS[f"{name}.df"] = f.f, f.df
    loop = training_loop(f"{name}.f", f"{name}.df") if gradient else activation_loop(f"{name}.f")
    return entry(loop, [real, real, types.intp], cached=f.builtin)


@cache
def _cost_address(cost: Cost, dtype: Any) -> int:
    """Address of the compiled loop over C and dC/da."""
    real = types.float32 if dtype == np.float32 else types.float64
    arguments = [real] * 7 + [types.intp] * 2
    if cost.link == "softmax":
        return entry(softmax_loop(cost.label_smoothing), arguments, cached=cost.builtin)
    name = cost.name if cost.builtin else f"{cost.name}@{id(cost)}"
    if cost.C and cost.dC_da:
        FUNCTIONS[f"{name}.C"], FUNCTIONS[f"{name}.dC_da"] = cost.C, cost.dC_da
    return entry(cost_loop(f"{name}.C", f"{name}.dC_da"), arguments, cached=cost.builtin)


@cache
def _pass_address(singly: bool, dtype: Any) -> int:
    """Address of the compiled pass."""
    work = (pass_over_samples if singly else pass_over_batches)(dtype.type)
    return entry(work, [types.intp] * 4, cached=True)


class Pass:
    """Owns a network's arrays and runs the compiled passes over them.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L.
    activations : sequence of Activation
        f_1 ... f_L.
    cost : Cost
        C.
    dtype : numpy.dtype
        float32 or float64.
    """

    def __init__(
        self, sizes: Sequence[int], activations: Sequence[Activation], cost: Cost, dtype: Any
    ) -> None:
        self.dtype = dtype
        self.lanes = LANES[dtype]
        self._activations, self._cost = activations, cost
        self._layers = np.zeros(len(sizes), LAYER)
        length = 0
        for l, n in enumerate(sizes):
            layer = self._layers[l]
            layer["nodes"], layer["rows"], layer["padded"] = n, _up(n, HEIGHTS[-1]), _up(n, 16)
            if l:
                before = self._layers[l - 1]["padded"]
                # rows of W in whole blocks, and never a power of two apart: (5) reads down a column
                layer["leading"] = before + 16 * (before % 64 == 0)
                layer["W_offset"] = length
                layer["b_offset"] = length + _up(layer["rows"] * layer["leading"], 16)
                length = int(layer["b_offset"] + layer["padded"])
        self.parameters = _aligned(length, dtype)
        self.mean = _aligned(self._layers[0]["padded"], dtype)
        self.scale = _aligned(self._layers[0]["padded"], dtype)
        self.scale[: sizes[0]] = 1
        self._place("W", "b", self.parameters)
        self._dC = _aligned(0, dtype)
        self._c = _aligned(16, dtype)
        self._slab = self._copies = 0
        self._crews: dict[Any, Crew] = {}
        self._busy = threading.Lock()  # the scratch memory serves one pass at a time

    def _place(self, W: str, b: str, flat: Array) -> None:
        """Note for each layer where its part of a flat array lies."""
        for layer in self._layers[1:]:
            layer[W] = flat.ctypes.data + layer["W_offset"] * flat.itemsize
            layer[b] = flat.ctypes.data + layer["b_offset"] * flat.itemsize

    def plan(self, batch: int) -> Plan:
        """How threads share a step on a mini-batch of that size."""
        return plan(self._layers["nodes"].tolist(), batch, self._scratch_most(1), self.lanes)

    def views(self, flat: Array) -> list[tuple[Array, Array]]:
        """W (n_l, n_(l-1)) and b (n_l,) of each layer in a flat array as long as the parameters."""
        views = []
        for before, layer in zip(self._layers[:-1], self._layers[1:], strict=True):
            n, leading = layer["nodes"], layer["leading"]
            at, b_at = layer["W_offset"], layer["b_offset"]
            W = flat[at : at + n * leading].reshape(n, leading)
            views.append((W[:, : before["nodes"]], flat[b_at : b_at + n]))
        return views

    # --- the passes -----------------------------------------------------------------------------

    def forward(self, X: Array) -> Array:
        """a^L, (S, n_L)."""
        output = np.empty((len(X), self._layers[-1]["nodes"]), self.dtype)
        self._run(_unaimed(X), batch=1 if len(X) == 1 else 256, cost=False, output=output)
        return output

    def cost(self, samples: Samples) -> tuple[float, float]:
        """The mean of C, and the share of samples whose class is right."""
        S = len(samples.X)
        total, right, _ = self._run(samples, batch=S)
        return total / S, right / S

    def gradients(self, samples: Samples) -> tuple[float, Array, Array]:
        """The mean of C, its gradient as long as the parameters, and dC/da0."""
        dC_da0 = np.empty_like(samples.X)
        S, n = samples.X.shape
        C, *_ = self._run(samples, batch=S, gradient=True, input_gradient=dC_da0)
        return C / S, self._dC[: len(self.parameters)], dC_da0 * self.scale[:n]

    def step(self, samples: Samples, optimizer: Optimizer) -> float:
        """Update on one mini-batch; the mean of C before it."""
        S = len(samples.X)
        total, *_ = self._run(samples, batch=S, optimizer=optimizer, gradient=True)
        return total / S

    def compile(self, samples: Samples, optimizer: Optimizer, batch: int) -> None:
        """Compile, or read from disk, all that an epoch needs: by a pass over no samples."""
        self._run(samples, batch=batch, last=0, optimizer=optimizer, gradient=True)

    def epoch(
        self,
        samples: Samples,
        optimizer: Optimizer,
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
                samples, batch=batch, first=done, last=stop, cut=True, optimizer=optimizer,
                gradient=True, order=order, seed=seed if done == 0 else None, threads=threads,
                sums=sums,
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
        optimizer: Optimizer | None = None,
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
        crew = self._crew(batch, gradient, optimizer is not None, threads)
        S = len(samples.X)
        end = S if last is None else last
        team, ahead = crew.turn(None if cut else end - first)
        if cut:
            end = min(first + max(ahead // batch, 1) * batch, end)
        task = np.zeros(1, TASK)
        task["cost"], task["gradient"] = cost, gradient
        task["update"], task["shuffle"] = optimizer is not None, seed is not None
        averaged = self._cost.reduction == "mean"
        task["outputs_averaged"] = self._layers[-1]["nodes"] if averaged else 1
        task["batch"], task["samples_in_all"] = batch, S
        task["n_parameters"] = len(self.parameters)
        task["first"], task["last"], task["threads"] = first, end, team
        task["patience"] = _PATIENT if team <= _PROCESSORS else _IMPATIENT
        if cost:
            task["accuracy"] = self._cost.link in {"softmax", "sigmoid"}
            task["cost_loop"] = _cost_address(self._cost, self.dtype)
        C, steps = np.zeros(2) if sums is None else sums, np.zeros(1, np.int64)
        arrived, random = np.zeros(128, np.int64), np.array([seed or 0], np.uint64)
        arrays = {
            **samples._asdict(),
            "order": order,
            "output": output,
            "input_gradient": input_gradient,
            "input_mean": self.mean,
            "input_scale": self.scale,
            "parameters": self.parameters,
            "steps": steps,
            "C": C,
            "arrived": arrived,
            "random": random,
            "c": self._c,
        }
        if optimizer is not None:
            state = optimizer.state(self, self.parameters)
            task["prepare_loop"], task["update_loop"] = optimizer.addresses(self.dtype)
            arrays |= {f"slot_{k}": slot for k, slot in enumerate(state.slots)}
            arrays |= {"h": optimizer.h, "m": state.memory, "steps": state.steps}
        for name, array in arrays.items():
            task[name] = array.ctypes.data if array is not None and array.size else 0
        with self._busy:
            self._make_ready(batch, gradient, task)
            address = _pass_address(batch == 1, self.dtype)
            begin = time.perf_counter()
            self._sweep(address, task, arrived)
        if end > first:
            crew.record(team, end - first, time.perf_counter() - begin)
        return float(C[0]), float(C[1]), end

    def _sweep(self, address: int, task: Array, arrived: Array) -> None:
        where = (task.ctypes.data, self._layers.ctypes.data, len(self._layers))
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
            self._crews[kind] = Crew(choices, 6.0 * len(self.parameters), batch)
        return self._crews[kind]

    def _make_ready(self, batch: int, gradient: bool, task: Array) -> None:
        """Compile what the network needs, and lay out scratch memory for mini-batches."""
        for layer, f in zip(self._layers[1:], self._activations, strict=True):
            layer["f"] = _activation_address(f, gradient, self.dtype)
        plan = self.plan(batch)
        if gradient:
            task["halves"], task["first_by_nodes"] = plan.halves, plan.first_by_nodes
            numbers = (1 + plan.halves) * len(self.parameters)
            if len(self._dC) < numbers:
                self._dC = _aligned(numbers, self.dtype)
                self._place("dC_dW", "dC_db", self._dC)
            task["dC"] = self._dC.ctypes.data
        copies = numba.config.NUMBA_NUM_THREADS if gradient and plan.first_by_nodes else 1
        slab = min(_up(batch, self.lanes), self._scratch_most(copies))
        fits = slab <= self._slab <= 4 * slab or (self._slab and not gradient)
        if copies > self._copies or not fits:
            self._lay_out(slab, copies)
        if copies > 1:
            task["copies_apart"] = self._slab * int(self._layers[0]["padded"]) * self.dtype.itemsize
        for name in ("slab", "samples", "w", "y", "C_lanes", "C_panels", "right_panels"):
            task[name] = getattr(self, f"_{name}")

    def _lay_out(self, slab: int, copies: int) -> None:
        """Scratch memory for up to that many samples, with copies of the first layer's a and aT."""
        lanes, width = self.lanes, self.dtype.itemsize
        threads = numba.config.NUMBA_NUM_THREADS
        self._slab, self._copies = slab, copies
        layers = self._layers
        n_y = int(layers[-1]["padded"])
        reals = self._numbers_a_sample(copies) + threads
        self._scratch = _aligned(reals * slab + 4 * len(layers) * _APART, self.dtype)
        address = self._scratch.ctypes.data
        for l, layer in enumerate(layers):
            for name in self._held(l):
                layer[name] = address
                repeated = copies if l == 0 and name in {"a", "aT"} else 1
                address += int(layer["padded"]) * slab * width * repeated + _APART
        self._y = address
        self._w = address + n_y * slab * width
        self._integers = _aligned(slab * threads, np.int64)
        self._samples = self._integers.ctypes.data
        self._costs = _aligned(2 * (slab // lanes) + 3 * lanes * threads, np.float64)
        self._C_panels = self._costs.ctypes.data
        self._right_panels = self._C_panels + slab // lanes * 8
        self._C_lanes = self._right_panels + slab // lanes * 8

    def _held(self, l: int) -> tuple[str, ...]:
        """What a layer keeps of each sample."""
        if l == 0:
            return ("a", "aT", "d")
        return ("u", "a", "d") if l == len(self._layers) - 1 else ("u", "a", "aT", "d")

    def _numbers_a_sample(self, copies: int) -> int:
        """In scratch memory: what the layers keep, copies of the inputs, targets."""
        padded = self._layers["padded"].tolist()
        held = sum(n * len(self._held(l)) for l, n in enumerate(padded))
        return int(held + 2 * (copies - 1) * padded[0] + padded[-1])

    def _scratch_most(self, copies: int) -> int:
        """Samples that the scratch memory may hold."""
        most = _SCRATCH_BYTES // (self._numbers_a_sample(copies) * self.dtype.itemsize)
        return int(max(most // self.lanes, 1)) * self.lanes
