"""How fastgrad compiles: the one place that holds numba's options.

The epoch is compiled once for all networks of a dtype. What differs between networks (layer kind,
activation, cost, update rule) it calls through an address, so that only what a network uses is
compiled, the user's own functions are as fast as the built-in ones, and everything built in is
cached on disk.
"""

import gc
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numba
from numba import types
from numba.extending import intrinsic, overload

from . import loop_errors, numba_compat

__all__ = [
    "COMPILED_LOOPS", "KERNELS", "PLAIN_PYTHON", "SCALAR_FUNCTIONS", "array_kernel",
    "compile_for", "compile_loop", "exact", "kernel", "kernel_named", "macro", "operation",
    "parallel", "run", "scalar", "standalone", "strict",
]  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., Any])

#: True where NUMBA_DISABLE_JIT=1 makes every loop run as ordinary Python.
PLAIN_PYTHON: bool = bool(numba.config.DISABLE_JIT)

_OPTIMIZES = numba_compat.IS_TESTED and not PLAIN_PYTHON

# Never 'nnan' or 'ninf': they would delete the checks for NaN and infinity.
_REORDER = {"contract", "reassoc", "nsz", "arcp", "afn"}


def _njit(function: Function, fastmath: set[str], **options: Any) -> Function:
    compiled: Any = numba.njit(error_model="numpy", fastmath=fastmath, **options)
    result: Function = compiled(function)
    return result


if _OPTIMIZES:
    from .disk_cache import WRITABLE, Cache
    from .inline_compiler import InlineCompiler

    class _Kernel(numba_compat.CPUDispatcher):  # type: ignore[misc]
        """A kernel: Python calls it through a compiled call, made anew in each process."""

        def __call__(self, *args: Any, **named: Any) -> Any:
            given = inspect.signature(self.py_func).bind(*args, **named)
            return _call_of(self)(*given.args)

    @cache
    def _call_of(kernel: Any) -> Any:
        def call(*args: Any) -> Any:
            return kernel(*args)

        return _njit(call, _REORDER)

    def _inlined(function: Function, fastmath: set[str], **options: Any) -> Function:
        """Compile a function into its callers."""
        compiled: Any = _njit(
            function, fastmath, no_cfunc_wrapper=True, no_cpython_wrapper=True,
            pipeline_class=InlineCompiler, **options,
        )  # fmt: skip
        compiled.__class__ = _Kernel
        result: Function = compiled
        return result

    def _cached(function: Function, **options: Any) -> Function:
        """Compile a function for calls from Python, and cache it on disk."""
        compiled: Any = _njit(function, _REORDER, **options)
        compiled._cache = Cache(function)
        result: Function = compiled
        return result

else:
    WRITABLE = False

    def _inlined(function: Function, fastmath: set[str], **options: Any) -> Function:
        options.pop("_nrt", None)
        return _njit(function, fastmath, **options)

    def _cached(function: Function, **options: Any) -> Function:
        return _njit(function, _REORDER, **options)


def kernel(function: Function) -> Function:
    """Compile a loop of the passes, whose sums may be reordered and contracted to vectorise."""
    return _inlined(function, _REORDER)


def array_kernel(function: Function) -> Function:
    """Compile a kernel that returns arrays, which numba allows only where it counts references.

    Other kernels count them if their caller does; a pass does not (see `compile_loop`).
    """
    return _inlined(function, _REORDER, _nrt=True)


def macro(function: Function) -> Function:
    """Insert a function's statements into its callers before types are inferred.

    For what numba cannot return from a function, such as a tuple with a record.
    """
    return _njit(function, _REORDER, inline="always")


def standalone(function: Function) -> Function:
    """Compile a loop that Python calls, with the options of a kernel."""
    return _cached(function, no_cfunc_wrapper=True)


def exact(function: Function) -> Function:
    """Compile arithmetic that must be carried out in the order in which it is written.

    It is always inlined: a loop that contains a call is not vectorised.
    """
    return _inlined(function, {"contract"}, forceinline=True)


def strict(function: Function) -> Function:
    """Compile arithmetic that must have the bits that Python's has."""
    return _inlined(function, set())


def parallel(function: Function) -> Function:
    """Compile a function whose `prange` runs on several threads."""
    return _cached(function, parallel=True)


def operation(meaning: Function) -> Callable[[Callable[..., Any]], Function]:
    """Pair the LLVM form of an operation, which this decorates, with its meaning in NumPy."""
    return lambda lowering: meaning if PLAIN_PYTHON else intrinsic(lowering)


#: Scalar functions by name: f and f' of activations, C and dC/da of costs.
SCALAR_FUNCTIONS: dict[str, Callable[..., Any]] = {}

#: Loops by address; compiled ones stay in memory for as long as they are here.
COMPILED_LOOPS: dict[int, Any] = {}


def scalar(name: str, *args: Any) -> Any:
    """Value of the scalar function of that name."""
    return SCALAR_FUNCTIONS[name](*args)


_FORCE_INLINE = {"fastmath": _REORDER, "error_model": "numpy", "forceinline": True}


@overload(scalar, strict=False, jit_options=_FORCE_INLINE)  # type: ignore[untyped-decorator]
def _scalar(name: Any, *args: Any) -> Any:
    if not isinstance(name, types.StringLiteral):
        return None
    # a plain njit function, not a kernel: the user's own may print
    function = _njit(SCALAR_FUNCTIONS[name.literal_value], _REORDER, forceinline=True)
    return lambda name, *args: function(*args)


#: Kernels by name.
KERNELS: dict[str, Callable[..., Any]] = {}


def kernel_named(name: str, *args: Any) -> None:
    """Call the kernel of that name.

    A loop that closes over a name is found on disk again; one that closes over a kernel is not.
    """
    KERNELS[name](*args)


@overload(kernel_named, strict=False, jit_options=_FORCE_INLINE)  # type: ignore[untyped-decorator]
def _kernel_named(name: Any, *args: Any) -> Any:
    if not isinstance(name, types.StringLiteral):
        return None
    function = KERNELS[name.literal_value]
    return lambda name, *args: function(*args)


@cache
def _say_that_it_compiles() -> None:
    cached = "and caching it on disk; `fastgrad warmup` does this ahead of time"
    lost = "for this process alone: no folder for compiled code can be written to"
    text = f"fastgrad: compiling new code, {cached if WRITABLE else lost}"
    print(text, file=sys.stderr)  # noqa: T201


@contextmanager
def _compiling() -> Iterator[threading.Timer]:
    """Pause the garbage collector; and yield the timer that prints why the user waits.

    The compiler's lock is held meanwhile: the collector is never paused at a fork.

    The caller starts it when code must be compiled; to read it from disk is no reason to wait.
    numba makes hundreds of thousands of objects, nearly all of which live on: to look through them
    for garbage again and again takes a tenth of the time.
    """
    timer = threading.Timer(1.0, _say_that_it_compiles)
    timer.daemon = True
    collects = gc.isenabled()
    gc.disable()
    try:
        yield timer
    finally:
        if collects:
            gc.enable()
        timer.cancel()


def compile_loop(loop: Callable[..., Any], arguments: list[Any], cached: bool) -> int:
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
        COMPILED_LOOPS[id(loop)] = loop
        return id(loop)
    if not cached:
        loop_errors.expect()
    pointers = [types.CPointer(t) if isinstance(t, types.Float) else t for t in arguments]
    signature = tuple(pointers), types.void
    compiled: Any
    with numba_compat.global_compiler_lock, _compiling() as timer:
        if not (cached and _OPTIMIZES):
            timer.start()
        if _OPTIMIZES:
            options = {
                "error_model": "numpy",
                "fastmath": _REORDER,
                "nopython": True,
                "_nrt": not cached,  # only a user's own function may make arrays, to be counted
            }
            compiled = numba_compat.CFunc(loop, signature, {}, options)
            if cached:
                compiled._cache = Cache(loop, on_miss=timer.start)
            compiled.compile()
        else:
            cfunc: Any = numba.cfunc
            plain = cfunc(types.void(*pointers), error_model="numpy", fastmath=_REORDER)
            compiled = plain(loop)
    COMPILED_LOOPS[compiled.address] = compiled
    return int(compiled.address)


def _expecting(function: Function, signatures: Any) -> Any:
    """The function as it is, for arguments of these types."""

    def call(*args: Any) -> Any:
        try:
            received = tuple(map(numba.typeof, args))
        except ValueError:
            received = ()
        if received not in signatures:
            raise TypeError(f"got {received}; expected {signatures}")
        return function(*args)

    return call


def compile_for(function: Function, *signatures: Any) -> Function:
    """Compile a function that Python calls for arguments of these types; others are a TypeError."""
    if PLAIN_PYTHON:
        plain: Function = _expecting(function, signatures)
        return plain
    compiled: Any = _cached(function)
    with numba_compat.global_compiler_lock, _compiling() as timer:
        timer.start()
        for signature in signatures:
            compiled.compile(signature)
    compiled.disable_compile()
    result: Function = compiled
    return result


def run(address: int, *integers: int) -> None:
    """Call the loop at an address, which takes integers only."""
    loop = COMPILED_LOOPS[address]
    (loop if PLAIN_PYTHON else loop.ctypes)(*integers)
