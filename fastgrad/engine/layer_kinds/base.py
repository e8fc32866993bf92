"""What the engine needs to know of a kind of layer."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

from numba import types

from ...codegen.jit import KERNELS, compile_loop, kernel_named
from ...codegen.signatures import Address
from ..descriptor import context

__all__ = ["Columns", "LayerKind", "PaddedSize", "loop_addresses"]


class PaddedSize(NamedTuple):
    """Number of nodes of a layer, as it is and rounded up."""

    nodes: int
    rows: int  # in whole tiles
    padded_nodes: int  # in whole column blocks


class Columns(NamedTuple):
    """Numbers in a row of W, which has a row for each node of the layer."""

    used: int
    row_stride: int  # with padding: numbers from one row to the next


class LayerKind(NamedTuple):
    """A kind of layer: everything in which it may differ from another.

    Activation, dropout, penalty and the update are not its concern: it computes u, and the pass
    a = f(u). Its kernels take the `Context` of the pass and the number l of the layer.

    Parameters
    ----------
    name : str
        What to call it.
    columns : callable
        ``columns(before)``: the `Columns` of W, from the `PaddedSize` of the layer before. b has a
        number for each node.
    forward : kernel
        ``forward(ctx, l, a_before, nodes, panels)``: u of some nodes and panels, from the
        activations at the address a_before.
    backward : kernel
        ``backward(ctx, l, panels)``: from d = dC/db of some panels that of the layer before or, for
        layer 1, dC/da of the inputs.
    gradient : kernel
        ``gradient(ctx, l, dC, nodes, panels, accumulates)``: the gradient of the parameters of
        some nodes, summed over some panels, into that of the network at the address dC; added to
        the gradient there if it `accumulates`.
    forward_one, backward_one, gradient_one : kernel
        ``forward_one(ctx, l)``, ...: the same for one sample, except that `backward_one` computes
        dC/da of the layer before, which the pass multiplies by f'.
    is_compiled_into_passes : bool, default False
        True for the dense layer alone: the passes contain calls of its kernels. Those of other
        kinds they call through addresses, which takes 10 to 20 ns more per call.
    """

    name: str
    columns: Callable[[PaddedSize], Columns]
    forward: Callable[..., None]
    backward: Callable[..., None]
    gradient: Callable[..., None]
    forward_one: Callable[..., None]
    backward_one: Callable[..., None]
    gradient_one: Callable[..., None]
    is_compiled_into_passes: bool = False


# A loop behind an address takes integers: the arguments of `context`, then those of the kernel.


def _forward_loop(name: str, dtype: Any) -> Any:
    def forward(
        t: int, descriptor: Address, layers: Address, n_layers: int, l: int,
        a_before: Address, i_first: int, i_last: int, p_first: int, p_last: int,
    ) -> None:  # fmt: skip
        ctx = context(t, descriptor, layers, n_layers, dtype)
        kernel_named(name, ctx, l, a_before, (i_first, i_last), (p_first, p_last))

    return forward


def _backward_loop(name: str, dtype: Any) -> Any:
    def backward(
        t: int, descriptor: Address, layers: Address, n_layers: int, l: int, p_first: int,
        p_last: int,
    ) -> None:  # fmt: skip
        kernel_named(name, context(t, descriptor, layers, n_layers, dtype), l, (p_first, p_last))

    return backward


def _gradient_loop(name: str, dtype: Any) -> Any:
    def gradient(
        t: int, descriptor: Address, layers: Address, n_layers: int, l: int,
        dC: Address, i_first: int, i_last: int, p_first: int, p_last: int, accumulates: int,
    ) -> None:  # fmt: skip
        ctx, nodes, panels = (
            context(t, descriptor, layers, n_layers, dtype), (i_first, i_last), (p_first, p_last),
        )  # fmt: skip
        kernel_named(name, ctx, l, dC, nodes, panels, accumulates != 0)

    return gradient


def _loop_of_one(name: str, dtype: Any) -> Any:
    def of_one(t: int, descriptor: Address, layers: Address, n_layers: int, l: int) -> None:
        kernel_named(name, context(t, descriptor, layers, n_layers, dtype), l)

    return of_one


@cache
def loop_addresses(kind: LayerKind, is_online: bool, gradient: bool, dtype: Any) -> dict[str, int]:
    """Return the addresses of a kind's compiled loops, by field of `LayerRecord`.

    They are 0 for a kind that is compiled into the passes.
    """
    if kind.is_compiled_into_passes:
        return {}
    if is_online:
        loops = {
            "forward": (kind.forward_one, _loop_of_one),
            "backward": (kind.backward_one, _loop_of_one),
            "gradient": (kind.gradient_one, _loop_of_one),
        }
    else:
        loops = {
            "forward": (kind.forward, _forward_loop),
            "backward": (kind.backward, _backward_loop),
            "gradient": (kind.gradient, _gradient_loop),
        }
    addresses = {}
    for field, (kernel, factory) in loops.items():
        if gradient or field == "forward":
            name = f"{kind.name}.{field}{'_one' * is_online}"
            KERNELS[name] = kernel
            loop = factory(name, dtype.type)
            integers = [types.intp] * len(signature(loop).parameters)
            # the digest of the package does not notice a change outside it
            is_ours = kernel.__module__.startswith("fastgrad.")
            addresses[field] = compile_loop(loop, integers, cached=is_ours)
    return addresses
