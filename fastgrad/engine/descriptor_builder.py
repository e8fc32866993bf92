"""What a compiled pass is told: task and table of layers, made once for passes of a kind."""

import weakref
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np

from ..kernels.activations import Activation
from ..kernels.regularizers import DROPOUT, KEPT, L1, L2, MAX_NORM, NOISE
from ..model.layer import Inputs, Layer
from ..model.output_heads import OutputHead
from ..optim.base import Optimizer, State
from .descriptor import BLOCK, TASK
from .entry_points import activation_address, address, cost_address
from .workspace import Memory, Reserved, address_of, aligned

__all__ = ["Order"]

Array = np.ndarray[Any, Any]

_PLACE = {name: k for k, name in enumerate(TASK.names or ())}


def _limits(optimizer: Optimizer | None) -> tuple[float, float] | None:
    return (optimizer.clip_norm, optimizer.clip_value) if optimizer else None


class Order:
    """A task, its layers, and the arrays that it names by their addresses.

    Parameters
    ----------
    memory : Memory
        The network's.
    batch : int
        Samples in a mini-batch.
    gradient : bool
        Whether the passes compute it.
    optimizer : Optimizer or None
        Whose rule follows.
    """

    def __init__(
        self, memory: Memory, batch: int, gradient: bool, optimizer: Optimizer | None
    ) -> None:
        self._reserved = memory.reserve(batch, gradient)
        self._optimizer = weakref.ref(optimizer) if optimizer else None
        self._limits = _limits(optimizer)
        self.task, self.layers = np.zeros(1, TASK), self._reserved.layers.copy()
        self.where = self.task.ctypes.data, self.layers.ctypes.data, len(self.layers)
        self._numbers = self.task.view(np.int64)
        self._kept: list[Array] = []
        self._dtype, self._gradient = memory.dtype, gradient
        self._follow_c = np.zeros(1, memory.dtype)
        self.arrived = np.zeros(128, np.int64)
        self.tell(
            batch=batch, gradient=gradient, lowest=1, n_parameters=len(memory.parameters),
            **memory.described(batch, gradient),
        )  # fmt: skip
        # a rule never touches the slots that it does not use; they must only be there
        slots = dict.fromkeys(("slot_0", "slot_1", "slot_2"), memory.parameters)
        self.keep(parameters=memory.parameters, arrived=self.arrived, **slots)

    def holds_for(self, optimizer: Optimizer | None, reserved: Reserved) -> bool:
        """Whether it is that of this optimizer and of this memory, as they now are."""
        mine = self._optimizer() if self._optimizer else None
        is_his = mine is optimizer and self._limits == _limits(optimizer)
        return is_his and self._reserved is reserved

    def tell(self, **fields: int) -> None:
        """Set fields of the task."""
        for name, value in fields.items():
            self._numbers[_PLACE[name]] = value

    def keep(self, **arrays: Array) -> None:
        """Tell where these arrays are, and keep them."""
        self._kept += arrays.values()
        self.tell(**{name: address_of(array) for name, array in arrays.items()})

    def describe_layers(
        self, layers: Sequence[Layer], inputs: Inputs, activations: Sequence[Activation]
    ) -> None:
        """The loops and numbers of each layer."""
        table, dtype = self.layers, self._dtype
        options = aligned(16 * len(table), dtype).reshape(-1, 16)
        self._kept.append(options)
        table["options"] = address_of(options) + options.strides[0] * np.arange(len(table))
        everything: list[Inputs | Layer] = [inputs, *layers]
        for record, numbers, of in zip(table, options, everything, strict=True):
            numbers[[DROPOUT, KEPT]] = of.dropout, 1 / (1 - of.dropout)
            drops = "dropout" if isinstance(of, Layer) else "input_dropout"
            record["drop"] = address(drops, dtype) if of.dropout else 0
        if inputs.noise:
            options[0, NOISE] = inputs.noise
            table[0]["noise"] = address("noise", dtype)
        for record, numbers, layer, f in zip(
            table[1:], options[1:], layers, activations, strict=True
        ):
            record["f"] = activation_address(f, self._gradient, dtype)
            record["trains"], record["penalizes_b"] = layer.trainable, layer.penalize_biases
            numbers[[L1, L2, MAX_NORM]] = layer.l1, layer.l2, layer.max_norm
            record["penalty"] = address("penalty", dtype) if layer.l1 or layer.l2 else 0
            record["cap"] = address("max_norm", dtype) if layer.max_norm < np.inf else 0

    def describe_blocks(self, blocks: Sequence[OutputHead]) -> None:
        """The costs of the outputs."""
        records, first = np.zeros(len(blocks), BLOCK), 0
        for record, block in zip(records, blocks, strict=True):
            averaged = block.nodes if block.cost.reduction == "mean" else 1
            record["first"], record["nodes"] = first, block.nodes
            record["loop"] = cost_address(block.cost, self._dtype)
            record["weight"] = block.weight / averaged
            first += block.nodes
        self.keep(blocks=records)
        accuracy = len(blocks) == 1 and blocks[0].cost.classifies
        self.tell(cost=1, n_blocks=len(blocks), accuracy=accuracy)

    def follow(self, average: Array, follows: Array) -> None:
        """Let a moving average follow the parameters."""
        self.tell(
            follow_loop=address("average", self._dtype), average=address_of(average),
            follows=address_of(follows), follow_c=address_of(self._follow_c),
        )  # fmt: skip

    def describe_training(
        self, optimizer: Optimizer, state: State, layers: Sequence[Layer]
    ) -> None:
        """The update rule, what it remembers, and the limits of the gradient."""
        table, dtype = self.layers, self._dtype
        trained = [l for l, layer in enumerate(layers, start=1) if layer.trainable]
        lr_scales = np.array([1.0, *(layer.lr_scale for layer in layers)])
        if (lr_scales != 1).any() or len(trained) < len(layers):
            state.make_per_layer()
        limited = table["cap"].any() or table["penalty"].any()
        # of c and m: the first layer's for all, or for each its own
        rows = np.arange(len(table)) if state.per_layer else np.ones(len(table), np.int64)
        c = aligned(16 * len(table), dtype).reshape(-1, 16)
        table["c"] = address_of(c) + rows * c.strides[0]
        table["m"] = address_of(state.memory) + rows * state.memory.strides[0]
        prepare, update = optimizer.addresses(dtype)
        self.tell(
            update=1, lowest=trained[0] if trained else len(table), layers_differ=state.per_layer,
            uniform=not (state.per_layer or limited), prepare_loop=prepare, update_loop=update,
        )  # fmt: skip
        self._kept += [c, state.memory]
        h = optimizer.h.copy()  # networks that train at the same time have rates of their own
        self.keep(h=h, steps=state.steps, missed=state.frozen_steps, lr_scales=lr_scales)
        self.keep(**{f"slot_{k}": slot for k, slot in enumerate(state.slots)})
        if optimizer.clips:
            limits = np.ones((numba.config.NUMBA_NUM_THREADS, 64), dtype)
            limits[:, 1], limits[:, 2] = optimizer.clip_value, optimizer.clip_norm
            n_rows = int(table["rows"][1:].sum())
            self.tell(
                clip_loop=address("clip", dtype), clips_norm=optimizer.clip_norm < np.inf,
                n_rows=n_rows,
            )  # fmt: skip
            self.keep(clip_c=limits, squares=np.zeros(n_rows))
