"""Fills the descriptor and the table of layers of a pass, once for all passes of one kind."""

import weakref
from collections.abc import Sequence
from typing import TypedDict, Unpack

import numba
import numpy as np

from ..codegen.signatures import Array
from ..kernels.activations import Activation
from ..kernels.regularizers import DROPOUT, KEPT, L1, L2, MAX_NORM, NOISE
from ..model.layer import Layer
from ..model.output_heads import OutputHeads
from ..model.standardization import Inputs
from ..optim.base import Optimizer, State
from .batch import Batch
from .descriptor import CLIP_STRIDE, DESCRIPTOR, HEAD
from .entry_points import activation_address, cost_address, link_address, regularizer_address
from .layer_kinds.base import LayerKind, loop_addresses
from .replica import replica_bytes
from .workspace import Scratch, Workspace, address_of, aligned

__all__ = ["PassDescriptor"]

_FIELD = {name: k for k, name in enumerate(DESCRIPTOR.names or ())}


class BoundArrays(TypedDict, total=False):
    """The arrays of one pass that do not belong to its kind, by field of the descriptor."""

    permutation: Array | None  # (S,) uint32
    output: Array | None  # (S, n_L)
    input_gradient: Array | None  # (S, n_0)
    totals: Array  # (TOTALS,) float64
    rates: Array  # (steps,) float64
    penalty_shares: Array  # (steps,) float64
    penalties: Array  # (steps,) float64


def _limits(optimizer: Optimizer | None) -> tuple[float, float] | None:
    return (optimizer.clip_norm, optimizer.clip_value) if optimizer else None


class PassDescriptor:
    """A descriptor, its table of layers, and the arrays to which their addresses belong.

    Parameters
    ----------
    workspace : Workspace
        The network's; memory for the mini-batches is reserved there.
    batch_size : int
        Samples in a mini-batch.
    gradient : bool
        Whether the passes compute it.
    optimizer : Optimizer or None
        Whose rule updates the weights.
    scratch : Scratch, optional
        Memory for the mini-batches; by default that of the workspace.

    Attributes
    ----------
    addresses : tuple of int
        The arguments of a pass after the thread: descriptor, table of layers, number of layers.
    batch_size : int
        As given.
    version : int
        Of the settings that it describes.
    barrier : ndarray
        Where the threads of the pass wait for each other.
    """

    def __init__(
        self,
        workspace: Workspace,
        batch_size: int,
        gradient: bool,
        optimizer: Optimizer | None,
        scratch: Scratch | None = None,
    ) -> None:
        self._scratch = scratch or workspace.reserve(batch_size, gradient)
        self._optimizer = weakref.ref(optimizer) if optimizer else None
        self._limits = _limits(optimizer)
        self._workspace, self.batch_size, self._gradient = workspace, batch_size, gradient
        self._dtype = self._scratch.layout.dtype
        self._layers = self._scratch.layers.copy()
        self._descriptor = np.zeros(1, DESCRIPTOR)
        self._fields = self._descriptor.view(np.int64)
        self._owned: list[Array] = []
        self.addresses = (
            address_of(self._fields), int(self._layers.ctypes.data), len(self._layers)
        )  # fmt: skip
        self.barrier, self.version = workspace.barrier, 0
        self.set(
            batch_size=batch_size, computes_gradient=gradient, first_trained=1,
            **workspace.descriptor_fields(self._scratch, batch_size, gradient),
        )  # fmt: skip
        parameters = workspace.parameters
        self.own(
            parameters=parameters, barrier=workspace.barrier,
            input_mean=workspace.mean, input_scale=workspace.scale,
            # a rule never reads the slots that it does not use, but gets an address
            slot_0=parameters, slot_1=parameters, slot_2=parameters,
        )  # fmt: skip
        n_rows = int(self._layers["rows"][1:].sum())
        self.set(n_rows=n_rows)
        if self._scratch.layout.threads > 1 and self._descriptor[0]["in_halves"]:
            n_bytes = replica_bytes(
                len(parameters), len(self._layers), n_rows, self._dtype.itemsize
            )
            of_samples = self._scratch.arrays[0]
            memory = aligned(n_bytes + of_samples.nbytes, np.uint8)
            self.own(replica=memory)
            self.set(to_replica=address_of(memory[n_bytes:]) - address_of(of_samples))

    def is_current(self, optimizer: Optimizer | None, scratch: Scratch) -> bool:
        """Return whether it describes passes with this optimizer and memory, as they are now."""
        mine = self._optimizer() if self._optimizer else None
        is_same = mine is optimizer and self._limits == _limits(optimizer)
        return is_same and self._scratch is scratch

    def set(self, **fields: int) -> None:
        """Set fields of the descriptor."""
        for name, value in fields.items():
            self._fields[_FIELD[name]] = value

    def own(self, **arrays: Array) -> None:
        """Set addresses of arrays, and keep these."""
        self._owned += arrays.values()
        self.set(**{name: address_of(array) for name, array in arrays.items()})

    def bind(self, batch: Batch, **arrays: Unpack[BoundArrays]) -> None:
        """Set the addresses of the arrays of one pass, which the caller keeps while it runs."""
        self.set(
            n_samples=len(batch.X),
            X=address_of(batch.X),
            Y=address_of(batch.Y),
            ids=address_of(batch.ids),
            sample_weights=address_of(batch.weights),
            permutation=address_of(arrays.get("permutation")),
            output=address_of(arrays.get("output")),
            input_gradient=address_of(arrays.get("input_gradient")),
            totals=address_of(arrays.get("totals")),
            rates=address_of(arrays.get("rates")),
            penalty_shares=address_of(arrays.get("penalty_shares")),
            penalties=address_of(arrays.get("penalties")),
        )

    def bind_average(self, average: Array | None, state: Array | None) -> None:
        """Let a moving average follow the parameters in the next pass, or none."""
        loop = regularizer_address("average", self._dtype) if average is not None else 0
        self.set(
            average_loop=loop,
            average=address_of(average),
            average_state=address_of(state),
            average_rate=address_of(self._workspace.average_rate),
        )

    def describe_layers(
        self,
        layers: Sequence[Layer],
        inputs: Inputs,
        activations: Sequence[Activation],
        kinds: Sequence[LayerKind],
    ) -> None:
        """Set the loops and options of each layer."""
        table, dtype, options = self._layers, self._dtype, self._workspace.options
        is_online = self.batch_size == 1
        table["options"] = address_of(options) + options.strides[0] * np.arange(len(table))
        everything: list[Inputs | Layer] = [inputs, *layers]
        for record, numbers, of in zip(table, options, everything, strict=True):
            numbers[[DROPOUT, KEPT]] = of.dropout, 1 / (1 - of.dropout)
            loop = "dropout" if isinstance(of, Layer) else "input_dropout"
            record["dropout"] = regularizer_address(loop, dtype) if of.dropout else 0
        options[0, NOISE] = inputs.noise
        table[0]["noise"] = regularizer_address("noise", dtype) if inputs.noise else 0
        for record, numbers, layer, f, kind in zip(
            table[1:], options[1:], layers, activations, kinds, strict=True
        ):
            loops = loop_addresses(kind, is_online, self._gradient, dtype)
            for field, address in loops.items():
                record[field] = address
            record["f"] = activation_address(f, self._gradient, dtype)
            record["is_trained"] = layer.trainable
            record["penalizes_biases"] = layer.penalize_biases
            numbers[[L1, L2, MAX_NORM]] = layer.l1, layer.l2, layer.max_norm
            is_penalized, is_limited = layer.l1 or layer.l2, layer.max_norm < np.inf
            record["penalty"] = regularizer_address("penalty", dtype) if is_penalized else 0
            record["max_norm"] = regularizer_address("max_norm", dtype) if is_limited else 0

    def describe_heads(self, heads: OutputHeads) -> None:
        """Set the costs of the outputs."""
        self._set_heads(heads, [cost_address(head.cost, self._dtype) for head in heads])
        self.set(computes_cost=1)
        self.set(counts_correct=heads.classifies, are_separate=heads.are_separate)

    def describe_links(self, heads: OutputHeads) -> None:
        """Set the links of the costs in their place."""
        self._set_heads(heads, [link_address(head.cost.link, self._dtype) for head in heads])

    def _set_heads(self, heads: OutputHeads, loops: Sequence[int]) -> None:
        records, first = np.zeros(len(heads), HEAD), 0
        for record, head, loop in zip(records, heads, loops, strict=True):
            averaged = head.nodes if head.cost.reduction == "mean" else 1
            record["first"], record["nodes"], record["loop"] = first, head.nodes, loop
            record["weight"] = head.weight / averaged
            first += head.nodes
        self.own(heads=records)
        self.set(n_heads=len(heads))

    def describe_training(
        self, optimizer: Optimizer, state: State, layers: Sequence[Layer]
    ) -> None:
        """Set the update rule, the optimizer's state, and the limits of the gradient."""
        table, dtype, constants = self._layers, self._dtype, self._workspace.constants
        trained = [l for l, layer in enumerate(layers, start=1) if layer.trainable]
        lr_scales = np.array([1.0, *(layer.lr_scale for layer in layers)])
        if (lr_scales != 1).any() or len(trained) < len(layers):
            state.make_per_layer()
        is_limited = table["max_norm"].any() or table["penalty"].any()
        # all layers use the constants and memory of the first, unless each has its own
        rows = np.arange(len(table)) if state.per_layer else np.ones(len(table), np.int64)
        table["constants"] = address_of(constants) + rows * constants.strides[0]
        table["rule_memory"] = address_of(state.memory) + rows * state.memory.strides[0]
        prepare, update = optimizer.addresses(dtype)
        self.set(
            updates=1, first_trained=trained[0] if trained else len(table),
            per_layer=state.per_layer, is_uniform=not (state.per_layer or is_limited),
            prepare_loop=prepare, update_loop=update,
        )  # fmt: skip
        self._owned.append(state.memory)
        self.own(
            hyperparameters=optimizer.h.copy(),  # networks that train at once have their own rates
            steps=state.steps, frozen_steps=state.frozen_steps, lr_scales=lr_scales,
        )  # fmt: skip
        self.own(**{f"slot_{k}": slot for k, slot in enumerate(state.slots)})
        if optimizer.clips:
            limits = np.ones((numba.config.NUMBA_NUM_THREADS, CLIP_STRIDE), dtype)
            limits[:, 1], limits[:, 2] = optimizer.clip_value, optimizer.clip_norm
            loop = regularizer_address("clip", dtype)
            self.set(clip_loop=loop, clips_norm=optimizer.clip_norm < np.inf)
            # made anew when a layer is frozen or not: rows of the lowest frozen layers stay 0
            self.own(clip_limits=limits, row_squares=np.zeros(self._descriptor[0]["n_rows"]))
