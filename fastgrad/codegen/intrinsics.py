"""Pointers, atomic operations, yielding, denormals: what kernels need of the machine.

As in simd.py, each operation has two forms: its meaning in Python, and the LLVM code for it.
"""

import ctypes
import math
import os
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types

from .jit import COMPILED_LOOPS, operation
from .numba_compat import arrayobj, cgutils
from .signatures import Address, Array

_IS_X86 = platform.machine() in {"x86_64", "AMD64"}


def _view(address: Address, shape: tuple[int, ...], dtype: Any) -> Array:
    dtype = dtype.dtype if isinstance(dtype, np.generic) else np.dtype(dtype)
    count = math.prod(shape)
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(int(address))
    array = np.frombuffer(memory, dtype).reshape(shape)
    return array.view(np.recarray) if dtype.names else array


def _element(dtype: Any) -> Any:
    """numba's type of an element: of an array or dtype, or of the number that stands for it."""
    return dtype if isinstance(dtype, types.Number) else dtype.dtype


@operation(_view)
def view(typing: Any, address: Any, shape: Any, dtype: Any) -> Any:
    """Array at an address, in memory that something else owns; the dtype may be a number of it."""
    result = types.Array(_element(dtype), shape.count, "C")

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size_of = context.get_abi_sizeof(context.get_data_type(result.dtype))
        data = builder.inttoptr(args[0], context.get_data_type(result.dtype).as_pointer())
        sizes = cgutils.unpack_tuple(builder, args[1])
        strides = [context.get_constant(types.intp, size_of)]
        for size in reversed(sizes[1:]):
            strides.insert(0, builder.mul(strides[0], size))
        array = arrayobj.make_array(result)(context, builder)
        arrayobj.populate_array(array, data, sizes, strides, strides[-1], None)
        return array._getvalue()

    return result(types.intp, shape, dtype), lower


def _record_at(address: Address, k: int, dtype: Any) -> Any:
    return _view(address, (k + 1,), dtype)[k]


@operation(_record_at)
def record_at(typing: Any, address: Any, k: Any, dtype: Any) -> Any:
    """Record k of those at an address; its fields are read and written there."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size = ir.Constant(args[0].type, dtype.dtype.size)
        place = builder.add(args[0], builder.mul(args[1], size))
        return builder.inttoptr(place, context.get_value_type(dtype.dtype))

    return dtype.dtype(types.intp, types.intp, dtype), lower


def record_getter(field: str, dtype: Any) -> Callable[[Any, int], Any]:
    """Operation (t, k) -> record k of those at the address that a named tuple t has in a field."""

    def get(t: Any, k: int) -> Any:
        return _record_at(getattr(t, field), k, dtype)

    @operation(get)
    def record(typing: Any, t: Any, k: Any) -> Any:
        result = from_dtype(dtype)

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            address = builder.extract_value(args[0], t.fields.index(field))
            place = builder.add(
                address, builder.mul(args[1], ir.Constant(address.type, result.size))
            )
            return builder.inttoptr(place, context.get_value_type(result))

        return result(t, types.intp), lower

    return record


def _call(address: Address, arrays: tuple[Array, ...], numbers: tuple[int, ...]) -> None:
    COMPILED_LOOPS[int(address)](*(array.reshape(-1) for array in arrays), *numbers)


@operation(_call)
def call(typing: Any, address: Any, arrays: Any, numbers: Any) -> Any:
    """Call the loop at an address (`jit.compile_loop`) with pointers to arrays, then integers."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = [
            arrayobj.make_array(array)(context, builder, builder.extract_value(args[1], k)).data
            for k, array in enumerate(arrays)
        ]
        integers = [builder.extract_value(args[2], k) for k in range(numbers.count)]
        operands = pointers + integers
        form = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        builder.call(builder.inttoptr(args[0], form.as_pointer()), operands)
        return context.get_dummy_value()

    return types.void(types.intp, arrays, numbers), lower


def _atomic_add(counter: Array, value: int) -> None:
    counter[0] += value


@operation(_atomic_add)
def atomic_add(typing: Any, counter: Any, value: Any) -> Any:
    """Add to counter[0]; a thread that reads the sum also sees what this thread wrote before."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = arrayobj.make_array(counter)(context, builder, args[0]).data
        builder.atomic_rmw("add", place, args[1], "seq_cst")
        return context.get_dummy_value()

    return types.void(counter, counter.dtype), lower


def _atomic_load(counter: Array) -> int:
    return int(counter[0])


@operation(_atomic_load)
def atomic_load(typing: Any, counter: Any) -> Any:
    """Read counter[0]; everything that its writers wrote before is visible afterwards."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = arrayobj.make_array(counter)(context, builder, args[0]).data
        return builder.load_atomic(place, "seq_cst", 8)

    return counter.dtype(counter), lower


def _atomic_set_if_zero(counter: Array, value: int) -> bool:
    was_zero = not counter[0]
    counter[0] = counter[0] or value
    return was_zero


@operation(_atomic_set_if_zero)
def atomic_set_if_zero(typing: Any, counter: Any, value: Any) -> Any:
    """Set counter[0] to the value if it is 0, as the first of several threads; whether it was."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = arrayobj.make_array(counter)(context, builder, args[0]).data
        zero = ir.Constant(ir.IntType(64), 0)
        before = builder.cmpxchg(place, zero, args[1], "seq_cst", "seq_cst")
        return builder.extract_value(before, 1)

    return types.boolean(counter, counter.dtype), lower


def _yield_processor() -> None:
    pass


@operation(_yield_processor)
def yield_processor(typing: Any) -> Any:
    """Let the system run another thread on this processor."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if os.name == "posix":
            form = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, form, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), lower


def _bytes_of(A: Any) -> int:
    return int(A.itemsize)


@operation(_bytes_of)
def bytes_of(typing: Any, A: Any) -> Any:
    """Bytes of a number in the dtype of A, an array or a number."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.intp, _element(A).bitwidth // 8)

    return types.intp(A), lower


_WORD = ir.IntType(32)  # of a thread's floating-point control register, MXCSR


def _control(builder: Any, instruction: str, place: Any) -> None:
    """Store MXCSR to memory (stmxcsr), or load it from there (ldmxcsr)."""
    byte = ir.IntType(8).as_pointer()
    form, name = ir.FunctionType(ir.VoidType(), [byte]), f"llvm.x86.sse.{instruction}"
    function = cgutils.get_or_insert_function(builder.module, form, name)
    builder.call(function, [builder.bitcast(place, byte)])


def _flush_denormals() -> int:
    return 0


@operation(_flush_denormals)
def flush_denormals(typing: Any) -> Any:
    """Treat denormal numbers as 0 in this thread; returns the mode for `restore_fp_mode`.

    They are many times slower, and Adam's means decay to them where gradients are 0.
    """

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not _IS_X86:
            return ir.Constant(_WORD, 0)
        place, both = (
            cgutils.alloca_once(builder, _WORD),
            ir.Constant(_WORD, 0x8040),
        )  # results, operands
        _control(builder, "stmxcsr", place)
        before = builder.load(place)
        builder.store(builder.or_(before, both), place)
        _control(builder, "ldmxcsr", place)
        return before

    return types.int32(), lower


def _restore_fp_mode(mode: int) -> None:
    pass


@operation(_restore_fp_mode)
def restore_fp_mode(typing: Any, mode: Any) -> Any:
    """Set this thread's floating-point mode to what `flush_denormals` returned."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if _IS_X86:
            place = cgutils.alloca_once(builder, _WORD)
            builder.store(args[0], place)
            _control(builder, "ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(types.int32), lower
