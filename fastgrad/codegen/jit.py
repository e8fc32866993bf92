"""How fastgrad compiles: the one place that holds numba's options.

The epoch is compiled once for all networks of a dtype. What differs between networks (activation,
cost, update rule) it calls through an address, so that only what a network uses is compiled, the
user's own functions are as fast as the built-in ones, and everything built in is kept on disk.
"""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
from numba import types
from numba.core.ccallback import CFunc
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic, overload

from .disk_cache import WRITABLE, Cache
from .inline_compiler import Part

__all__ = [
    "FUNCTIONS", "LOOPS", "PLAIN_PYTHON", "array_kernel", "entry", "exact", "kernel", "operation",
    "parallel", "run", "scalar", "standalone",
]  # fmt: skip

#: True where NUMBA_DISABLE_JIT=1 asks that every loop run as ordinary Python.
PLAIN_PYTHON: bool = bool(numba.config.DISABLE_JIT)

# Never 'nnan' or 'ninf': they would delete the checks for NaN and infinity.
_REORDER = {"contract", "reassoc", "nsz", "arcp", "afn"}


def _njit(function: Callable[..., Any], fastmath: set[str], **options: Any) -> Any:
    compiled: Any = numba.njit(error_model="numpy", fastmath=fastmath, **options)
    return compiled(function)


class _Kernel(CPUDispatcher):  # type: ignore[misc]
    """A kernel: Python calls it through a compiled call, made anew in each process."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        given = inspect.signature(self.py_func).bind(*args, **named)
        return _call_of(self)(*given.args)


@cache
def _call_of(kernel: Any) -> Any:
    def call(*args: Any) -> Any:
        return kernel(*args)

    return _njit(call, _REORDER)


def _part(function: Callable[..., Any], fastmath: set[str], **options: Any) -> Any:
    """Compile it into its callers."""
    compiled = _njit(
        function, fastmath, no_cfunc_wrapper=True, no_cpython_wrapper=True, pipeline_class=Part,
        **options,
    )  # fmt: skip
    if not PLAIN_PYTHON:
        compiled.__class__ = _Kernel
    return compiled


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop of the passes, whose sums may be reordered and contracted: it vectorises."""
    return _part(function, _REORDER)


def array_kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel that returns an array, which numba allows only where arrays are counted.

    Other kernels count them if their caller does; a pass does not (see `entry`).
    """
    return _part(function, _REORDER, _nrt=True)


def _kept(function: Callable[..., Any], **options: Any) -> Any:
    """Compile it once, for calls from Python; it is kept on disk."""
    compiled = _njit(function, _REORDER, **options)
    if not PLAIN_PYTHON:
        compiled._cache = Cache(function)
    return compiled


def standalone(function: Callable[..., Any]) -> Any:
    """Compile a loop that Python calls, as a kernel otherwise."""
    return _kept(function, no_cfunc_wrapper=True)


def exact(function: Callable[..., Any]) -> Any:
    """Compile arithmetic that must be carried out in the order in which it is written.

    It is always inlined: a loop with a call left in it is not vectorised.
    """
    return _part(function, {"contract"}, forceinline=True)


def parallel(function: Callable[..., Any]) -> Any:
    """Compile a function whose `prange` runs on several threads."""
    return _kept(function, parallel=True)


def operation(meaning: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Pair the LLVM form of an operation, which this decorates, with its meaning in NumPy."""
    return lambda lowering: meaning if PLAIN_PYTHON else intrinsic(lowering)


#: Scalar functions by name: f and f' of activations, C and dC/da of costs.
FUNCTIONS: dict[str, Callable[..., Any]] = {}

#: Loops by address; compiled ones stay in memory for as long as they are here.
LOOPS: dict[int, Any] = {}


def scalar(name: str, *args: Any) -> Any:
    """Value of the scalar function of that name."""
    return FUNCTIONS[name](*args)


_INLINED = {"fastmath": _REORDER, "error_model": "numpy", "forceinline": True}


@overload(scalar, strict=False, jit_options=_INLINED)  # type: ignore[untyped-decorator]
def _scalar(name: Any, *args: Any) -> Any:
    if not isinstance(name, types.StringLiteral):
        return None
    function = _njit(FUNCTIONS[name.literal_value], _REORDER, forceinline=True)  # may print
    return lambda name, *args: function(*args)


@cache
def _tell() -> None:
    kept = "and keeping it on disk; `fastgrad warmup` does it ahead"
    lost = "for this process alone: no folder for compiled code can be written to"
    text = f"fastgrad: compiling what is new, {kept if WRITABLE else lost}"
    print(text, file=sys.stderr)  # noqa: T201


@contextmanager
def _told_if_long() -> Iterator[None]:
    """Tell who waits for the compiler what for."""
    timer = threading.Timer(1.0, _tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def entry(loop: Callable[..., Any], arguments: list[Any], cached: bool) -> int:
    """Compile a loop over pointers for calls through its address.

    Parameters
    ----------
    loop : callable
        Takes pointers, indexed like one-dimensional arrays, and integers; returns nothing.
    arguments : list of numba types
        A floating type stands for a pointer to it, an integer type for itself.
    cached : bool
        Whether the compiled loop is kept on disk.

    Returns
    -------
    int
        The address.
    """
    if PLAIN_PYTHON:
        LOOPS[id(loop)] = loop
        return id(loop)
    pointers = [types.CPointer(t) if isinstance(t, types.Float) else t for t in arguments]
    options = {
        "error_model": "numpy",
        "fastmath": _REORDER,
        "nopython": True,
        "_nrt": not cached,  # arrays need counting only where a function of the user's makes some
    }
    compiled: Any = CFunc(loop, (tuple(pointers), types.void), {}, options)
    if cached:
        compiled._cache = Cache(loop)
    with _told_if_long():
        compiled.compile()
    LOOPS[compiled.address] = compiled
    return int(compiled.address)


def run(address: int, *integers: int) -> None:
    """Call the loop at an address, which takes integers only."""
    loop = LOOPS[address]
    (loop if PLAIN_PYTHON else loop.ctypes)(*integers)
