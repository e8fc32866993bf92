"""Addresses of the compiled loops that a network, its cost and its training consist of.

Each is compiled when it is first requested, so that only what is used is compiled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

from numba import types

from ..codegen.dtypes import numba_type
from ..codegen.jit import SCALAR_FUNCTIONS, compile_for, compile_loop
from ..codegen.meaning import meaning
from ..codegen.numba_compat import NumbaError
from ..kernels import regularizers
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..kernels.equations import (
    activation_and_derivative_loop,
    activation_loop,
    cost_loop,
    dropout,
    exp_link,
    input_dropout,
    penalty,
    sigmoid_link,
    softmax_link,
    softmax_loop,
)
from .batch_pass import batch_pass
from .fleet_pass import fleet_pass
from .online_pass import online_pass
from .row_pass import predict_row, row_pass
from .step_pass import train_step

__all__ = [
    "LINKS", "REGULARIZERS", "activation_address", "cost_address", "fleet_address", "link_address",
    "pass_address", "regularizer_address", "row_pass_address", "row_predictor", "step_function",
]  # fmt: skip

#: Loops over numbers of a layer, with their numbers of pointers and of integers.
REGULARIZERS: dict[str, tuple[Any, int, int]] = {
    "dropout": (dropout, 3, 3),
    "input_dropout": (input_dropout, 2, 3),
    "noise": (regularizers.add_noise, 2, 3),
    "penalty": (penalty, 3, 1),
    "max_norm": (regularizers.limit_row_norms, 2, 2),
    "clip": (regularizers.clip, 2, 1),
    "average": (regularizers.move_average, 3, 1),
}


#: Links of costs, but for the identity.
LINKS: dict[str, Any] = {"exp": exp_link, "sigmoid": sigmoid_link, "softmax": softmax_link}

#: Addresses of the loops over functions of activations and costs: by the names of built-in ones,
#: which have their parameters, and the meaning of a user's.
_addresses: dict[Any, int] = {}
_numbers = count()  # of users' functions: threads may compile two of one name at once


@contextmanager
def _naming(function: str) -> Iterator[None]:
    """Name a user's function that numba cannot compile, below numba's message."""
    try:
        yield
    except NumbaError as error:
        error.add_note(f"{function}: numba cannot compile it; expected plain arithmetic on numbers")
        raise


@cache
def regularizer_address(name: str, dtype: Any) -> int:
    """Return the address of the compiled loop of that name in REGULARIZERS."""
    loop, pointers, integers = REGULARIZERS[name]
    arguments = [numba_type(dtype)] * pointers + [types.intp] * integers
    return compile_loop(loop, arguments, cached=True)


def activation_address(f: Activation, gradient: bool, dtype: Any) -> int:
    """Return the address of the compiled loop over f, or over f and f'."""
    own = None if f.builtin else (meaning(f.f), meaning(f.df))
    key = f.name, own, gradient, dtype
    if key not in _addresses:
        _addresses[key] = _compiled_activation(f, gradient, dtype)
    return _addresses[key]


def _compiled_activation(f: Activation, gradient: bool, dtype: Any) -> int:
    number = numba_type(dtype)
    name = f.name if f.builtin else f"{f.name}@{next(_numbers)}"
    SCALAR_FUNCTIONS[f"{name}.f"], SCALAR_FUNCTIONS[f"{name}.df"] = f.f, f.df
    loop = (
        activation_and_derivative_loop(f"{name}.f", f"{name}.df")
        if gradient
        else activation_loop(f"{name}.f")
    )
    with _naming(f"activation {f.name!r}"):
        return compile_loop(loop, [number, number, types.intp], cached=f.builtin)


def cost_address(cost: Cost, dtype: Any) -> int:
    """Return the address of the compiled loop over C and dC/da."""
    own = None if cost.builtin else (meaning(cost.C), meaning(cost.dC_da))
    key = cost.name, own, dtype
    if key not in _addresses:
        _addresses[key] = _compiled_cost(cost, dtype)
    return _addresses[key]


def _compiled_cost(cost: Cost, dtype: Any) -> int:
    arguments = [numba_type(dtype)] * 7 + [types.intp] * 2
    if cost.link == "softmax":
        return compile_loop(softmax_loop(cost.label_smoothing), arguments, cached=cost.builtin)
    name = cost.name if cost.builtin else f"{cost.name}@{next(_numbers)}"
    if cost.C and cost.dC_da:
        SCALAR_FUNCTIONS[f"{name}.C"], SCALAR_FUNCTIONS[f"{name}.dC_da"] = cost.C, cost.dC_da
    loop = cost_loop(f"{name}.C", f"{name}.dC_da")
    with _naming(f"cost {cost.name!r}"):
        return compile_loop(loop, arguments, cached=cost.builtin)


@cache
def pass_address(is_online: bool, dtype: Any) -> int:
    """Return the address of the compiled pass, over samples one by one or over mini-batches."""
    run = (online_pass if is_online else batch_pass)(dtype.type)
    return compile_loop(run, [types.intp] * 4, cached=True)


@cache
def fleet_address(dtype: Any) -> int:
    """Return the address of the compiled fits of a fleet."""
    return compile_loop(fleet_pass(dtype.type), [types.intp] * 4, cached=True)


@cache
def link_address(link: str, dtype: Any) -> int:
    """Return the address of the compiled loop over a link; 0 for the identity."""
    if link not in LINKS:
        return 0
    return compile_loop(LINKS[link], [numba_type(dtype), types.intp], cached=True)


@cache
def row_pass_address(dtype: Any, of_result: Any) -> int:
    """Return the address of the compiled prediction of one row."""
    arguments = [numba_type(dtype), numba_type(of_result), types.intp]
    return compile_loop(row_pass(dtype.type), arguments, cached=True)


@cache
def row_predictor(dtype: Any, of_result: Any) -> Any:
    """Return `predict_row` for arrays of these dtypes, of one dimension or two."""
    signatures = [
        (types.intp, *(types.Array(numba_type(k), n, "C") for k in (dtype, of_result)))
        for n in (1, 2)
    ]
    return compile_for(predict_row, *signatures)


@cache
def step_function(dtype: Any, with_ids: bool) -> Any:
    """Return `train_step` for class ids, or targets of the network's dtype."""
    x = types.Array(numba_type(dtype), 2, "C")
    return compile_for(
        train_step, (types.intp, x, types.Array(types.int64, 1, "C") if with_ids else x)
    )
