"""Memory and threads: arrays at an address, calls to one, and what threads tell each other.

As in simd.py, each operation stands in two forms, its meaning in Python and LLVM's.
"""

import ctypes
import os
import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import alloca_once, get_or_insert_function, unpack_tuple
from numba.np.arrayobj import make_array, populate_array

from .jit import LOOPS, operation

_IS_X86 = platform.machine() in {"x86_64", "AMD64"}


def _view(address: Any, shape: Any, dtype: Any) -> Any:
    count, dtype = int(np.prod(shape)), np.dtype(dtype)
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(int(address))
    array = np.frombuffer(memory, dtype).reshape(shape)
    return array.view(np.recarray) if dtype.names else array


@operation(_view)
def view(typing: Any, address: Any, shape: Any, dtype: Any) -> Any:
    """Array at an address; whoever gave it keeps the memory."""
    result = types.Array(dtype.dtype, shape.count, "C")

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size_of = context.get_abi_sizeof(context.get_data_type(result.dtype))
        data = builder.inttoptr(args[0], context.get_data_type(result.dtype).as_pointer())
        sizes = unpack_tuple(builder, args[1])
        strides = [context.get_constant(types.intp, size_of)]
        for size in reversed(sizes[1:]):
            strides.insert(0, builder.mul(strides[0], size))
        array = make_array(result)(context, builder)
        populate_array(array, data, sizes, strides, strides[-1], None)
        return array._getvalue()

    return result(types.intp, shape, dtype), lower


def _call(address: Any, arrays: Any, numbers: Any) -> None:
    LOOPS[int(address)](*(array.reshape(-1) for array in arrays), *numbers)


@operation(_call)
def call(typing: Any, address: Any, arrays: Any, numbers: Any) -> Any:
    """Call the loop at an address (`jit.entry`) with pointers to arrays, then the numbers."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = [
            make_array(array)(context, builder, builder.extract_value(args[1], k)).data
            for k, array in enumerate(arrays)
        ]
        integers = [builder.extract_value(args[2], k) for k in range(numbers.count)]
        operands = pointers + integers
        form = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        builder.call(builder.inttoptr(args[0], form.as_pointer()), operands)
        return context.get_dummy_value()

    return types.void(types.intp, arrays, numbers), lower


def _atomic_add(counter: Any, value: Any) -> None:
    counter[0] += value


@operation(_atomic_add)
def atomic_add(typing: Any, counter: Any, value: Any) -> Any:
    """Add to counter[0]; what this thread wrote before is seen by whoever reads the sum."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = make_array(counter)(context, builder, args[0]).data
        builder.atomic_rmw("add", place, args[1], "seq_cst")
        return context.get_dummy_value()

    return types.void(counter, counter.dtype), lower


@operation(lambda counter: counter[0])
def atomic_load(typing: Any, counter: Any) -> Any:
    """Read counter[0]; what its writers wrote before is seen from now on."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = make_array(counter)(context, builder, args[0]).data
        return builder.load_atomic(place, "seq_cst", 8)

    return counter.dtype(counter), lower


def _atomic_decide(counter: Any, value: Any) -> None:
    counter[0] = counter[0] or value


@operation(_atomic_decide)
def atomic_decide(typing: Any, counter: Any, value: Any) -> Any:
    """Set counter[0] to the value if it is 0: of several threads the first one decides."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = make_array(counter)(context, builder, args[0]).data
        builder.cmpxchg(place, ir.Constant(ir.IntType(64), 0), args[1], "seq_cst", "seq_cst")
        return context.get_dummy_value()

    return types.void(counter, counter.dtype), lower


@operation(lambda: None)
def give_way(typing: Any) -> Any:
    """Offer the processor to another thread."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if os.name == "posix":
            form = ir.FunctionType(ir.IntType(32), [])
            builder.call(get_or_insert_function(builder.module, form, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), lower


@operation(lambda A: A.itemsize)
def bytes_of(typing: Any, A: Any) -> Any:
    """Bytes of a number in the dtype of A."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.intp, A.dtype.bitwidth // 8)

    return types.intp(A), lower


_WORD = ir.IntType(32)  # controls the arithmetic of a thread


def _control(builder: Any, instruction: str, place: Any) -> None:
    """Store the word at a place (stmxcsr), or load it from there (ldmxcsr)."""
    byte = ir.IntType(8).as_pointer()
    form, name = ir.FunctionType(ir.VoidType(), [byte]), f"llvm.x86.sse.{instruction}"
    function = get_or_insert_function(builder.module, form, name)
    builder.call(function, [builder.bitcast(place, byte)])


@operation(lambda: 0)
def flush_tiny(typing: Any) -> Any:
    """Take numbers below the smallest normal one for 0 in this thread; returns what to `restore`.

    They are many times as slow, and the means of Adam decay to them where gradients are 0.
    """

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not _IS_X86:
            return ir.Constant(_WORD, 0)
        place, both = alloca_once(builder, _WORD), ir.Constant(_WORD, 0x8040)  # results, operands
        _control(builder, "stmxcsr", place)
        before = builder.load(place)
        builder.store(builder.or_(before, both), place)
        _control(builder, "ldmxcsr", place)
        return before

    return types.int32(), lower


@operation(lambda before: None)
def restore(typing: Any, before: Any) -> Any:
    """Let this thread's arithmetic be as it was."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if _IS_X86:
            place = alloca_once(builder, _WORD)
            builder.store(args[0], place)
            _control(builder, "ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(types.int32), lower
