"""How fast the loops of each layer are on this processor, for the roofline model."""

import timeit
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types

from ..arithmetic import ceil_div
from ..codegen.dtypes import LANES
from ..codegen.jit import compile_loop, run
from ..codegen.limits import peak
from ..codegen.signatures import Address
from ..optim.base import Optimizer
from .descriptor import TOTALS, context, layer_at
from .engine import Engine
from .layer_kinds import dense
from .partition import full_range

__all__ = ["LayerSpeed", "layer_speeds"]

_TURNS, _TURN_SECONDS = 5, 2e-3


class LayerSpeed(NamedTuple):
    """The speed of one equation of a layer.

    Attributes
    ----------
    equation : int
        1, 5 or 7.
    layer : int
        l, from 1 to L.
    intensity : float
        Operations per byte, each number of the three arrays counted once.
    gflops : float
        10^9 operations per second, a multiplication and an addition counted as two.
    """

    equation: int
    layer: int
    intensity: float
    gflops: float


def _repeated(dtype: Any) -> Any:
    """The loop of one equation of a layer, on all panels of a mini-batch, several times."""

    def repeat(
        equation: int, l: int, n_panels: int, times: int,
        descriptor: Address, layers: Address, n_layers: int,
    ) -> None:  # fmt: skip
        ctx = context(0, descriptor, layers, n_layers, dtype)
        panels, nodes = full_range(n_panels), full_range(layer_at(ctx, l).rows)
        for _ in range(times):
            if equation == 1:
                dense.forward(ctx, l, layer_at(ctx, l - 1).a, nodes, panels)
            elif equation == 5:
                dense.backward(ctx, l, panels)
            else:
                dense.parameter_gradient(ctx, l, ctx.descriptor.dC, nodes, panels, False)

    return repeat


@cache
def _address(dtype: Any) -> int:
    return compile_loop(_repeated(dtype.type), [types.intp] * 7, cached=True)


def layer_speeds(
    engine: Engine, optimizer: Optimizer, batch_size: int
) -> tuple[float, list[LayerSpeed]]:
    """Measure the loops of each layer on random numbers, each repeated alone, on one thread.

    Peak and loops take turns, and the best turn of each counts: other work of the processor is then
    in all or in none. The scratch memory is overwritten.

    Parameters
    ----------
    engine : Engine
        Of a network that is not used meanwhile.
    optimizer : Optimizer
        For which there is memory.
    batch_size : int
        Samples; of a mini-batch that is processed in parts, those of a part.

    Returns
    -------
    float
        The processor's peak in 10^9 operations per second.
    list of LayerSpeed
        Equations 1, 5 (not of layer 1, whose inputs need no gradient) and 7 of each layer.
    """
    descriptor = engine.bind_step(optimizer, batch_size, np.zeros(TOTALS), np.zeros(1))
    scratch = engine.workspace.scratch
    dtype, numbers = scratch.layout.dtype, scratch.arrays[0]
    numbers[:] = np.random.default_rng(0).normal(size=numbers.size)
    S = min(batch_size, scratch.layout.microbatch)
    loops = [
        (equation, l)
        for l in range(1, len(scratch.layers))
        for equation in (1, 5, 7)
        if l > 1 or equation != 5
    ]

    def seconds(equation: int, l: int, times: int) -> float:
        arguments = equation, l, ceil_div(S, LANES[dtype]), times, *descriptor.addresses
        return timeit.timeit(lambda: run(_address(dtype), *arguments), number=1) / times

    times, best, roof = {}, dict.fromkeys(loops, np.inf), 0.0
    for loop in loops:
        seconds(*loop, 1)  # compiles, and reads what it needs into the caches
        times[loop] = max(1, round(_TURN_SECONDS / seconds(*loop, 1)))
    for _ in range(_TURNS):
        roof = max(roof, peak(dtype, turns=2))
        for loop in loops:
            best[loop] = min(best[loop], seconds(*loop, times[loop]))
    nodes = scratch.layers["nodes"].tolist()
    speeds = []
    for (equation, l), elapsed in best.items():
        n_in, n_out = nodes[l - 1], nodes[l]
        operations = 2 * n_in * n_out * S
        numbers_used = n_in * n_out + (n_in + n_out) * S
        intensity = operations / (numbers_used * dtype.itemsize)
        speeds.append(LayerSpeed(equation, l, intensity, operations / elapsed / 1e9))
    return roof, speeds
