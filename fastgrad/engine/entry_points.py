"""Addresses of the compiled loops that a network, its cost and its training are made of.

Each is compiled when it is first asked for, so that nobody waits for what he does not use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import NumbaError

from ..codegen.jit import FUNCTIONS, entry
from ..kernels import regularizers
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..kernels.equations import (
    activation_loop,
    cost_loop,
    dropout,
    input_dropout,
    penalty,
    softmax_loop,
    training_loop,
)
from .batch_pass import pass_over_batches
from .online_pass import pass_over_samples

__all__ = ["LOOPS", "activation_address", "address", "cost_address", "pass_address"]

#: Loops over numbers of a layer: so many pointers to numbers, so many integers.
LOOPS: dict[str, tuple[Any, int, int]] = {
    "dropout": (dropout, 3, 3),
    "input_dropout": (input_dropout, 2, 3),
    "noise": (regularizers.disturb, 2, 3),
    "penalty": (penalty, 3, 1),
    "max_norm": (regularizers.cap_rows, 2, 2),
    "clip": (regularizers.clip, 2, 1),
    "average": (regularizers.follow, 3, 1),
}


def _real(dtype: Any) -> Any:
    return types.float32 if dtype == np.float32 else types.float64


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Say last, under what numba says, what it cannot compile."""
    try:
        yield
    except NumbaError as error:
        error.add_note(f"{what}: numba cannot compile it; expected plain arithmetic on numbers")
        raise


@cache
def address(name: str, dtype: Any) -> int:
    """Address of the compiled loop of that name in LOOPS."""
    loop, pointers, integers = LOOPS[name]
    return entry(loop, [_real(dtype)] * pointers + [types.intp] * integers, cached=True)


@cache
def activation_address(f: Activation, gradient: bool, dtype: Any) -> int:
    """Address of the compiled loop over f, or over f and f'."""
    real = _real(dtype)
    name = f.name if f.builtin else f"{f.name}@{id(f)}"
    FUNCTIONS[f"{name}.f"], FUNCTIONS[f"{name}.df"] = f.f, f.df
    loop = training_loop(f"{name}.f", f"{name}.df") if gradient else activation_loop(f"{name}.f")
    with _named(f"activation {f.name!r}"):
        return entry(loop, [real, real, types.intp], cached=f.builtin)


@cache
def cost_address(cost: Cost, dtype: Any) -> int:
    """Address of the compiled loop over C and dC/da."""
    arguments = [_real(dtype)] * 7 + [types.intp] * 2
    if cost.link == "softmax":
        return entry(softmax_loop(cost.label_smoothing), arguments, cached=cost.builtin)
    name = cost.name if cost.builtin else f"{cost.name}@{id(cost)}"
    if cost.C and cost.dC_da:
        FUNCTIONS[f"{name}.C"], FUNCTIONS[f"{name}.dC_da"] = cost.C, cost.dC_da
    with _named(f"cost {cost.name!r}"):
        return entry(cost_loop(f"{name}.C", f"{name}.dC_da"), arguments, cached=cost.builtin)


@cache
def pass_address(singly: bool, dtype: Any) -> int:
    """Address of the compiled pass, by samples one by one or in batches."""
    work = (pass_over_samples if singly else pass_over_batches)(dtype.type)
    return entry(work, [types.intp] * 4, cached=True)
