"""Lanes and tiles: many numbers under one name, in vector registers.

*Lanes* hold one number for each of 16 samples (8 in float64) in vector registers. A *tile* holds
lanes for each of several nodes. Every operation stands here in two forms: what it means, in NumPy,
and what it becomes, in LLVM. Plain Python (NUMBA_DISABLE_JIT=1) runs the first, compiled code the
second.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.core.datamodel.models import PrimitiveModel
from numba.core.registry import cpu_target
from numba.extending import register_model
from numba.np.arrayobj import make_array

from .jit import operation

#: Samples in a panel: the numbers of one node that stand side by side in vector registers.
LANES = {np.dtype("float32"): 16, np.dtype("float64"): 8}


def _tile_heights() -> tuple[int, ...]:
    """Numbers of nodes for a tile: as many as leave vector registers free for the operands.

    LLVM is asked which registers the processor has for 16 float32 by compiling one addition.
    """
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    vector = ir.VectorType(ir.FloatType(), 16)
    module = ir.Module()
    add = ir.Function(module, ir.FunctionType(vector, [vector, vector]), "add")
    builder = ir.IRBuilder(add.append_basic_block())
    builder.ret(builder.fadd(*add.args))
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features)
    assembly = machine.emit_assembly(llvm.parse_assembly(str(module)))
    if "zmm" in assembly:  # 32 registers, one for 16 lanes
        return (16, 8, 4)
    if "ymm" in assembly:  # 16 registers, two for 16 lanes
        return (6, 4, 2)
    return (2,)


#: For each height of a tile, tallest first, a tuple of that length; its values mean nothing.
ROWS = tuple((0,) * height for height in _tile_heights())


class Lanes(types.Type):
    """The numba type of one number for each of `count` samples."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.count = LANES[np.dtype(str(dtype))]
        super().__init__(name=f"lanes({dtype} x {self.count})")


@register_model(Lanes)
class _LanesModel(PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        element = manager.lookup(lanes.dtype).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(element, lanes.count))


class _Emitter:
    """Writes LLVM for one call of an operation."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def address(
        self, array_type: Any, array: Any, index: Any, down: int = 0, along: int = 0
    ) -> Any:
        """Pointer to the element at `index`, moved along the last axis, down the one before."""
        struct = make_array(array_type)(self.context, self.builder, array)
        place = [self.builder.extract_value(index, axis) for axis in range(array_type.ndim)]
        place[-1] = self.builder.add(place[-1], ir.Constant(place[-1].type, along))
        if down:
            place[-2] = self.builder.add(place[-2], ir.Constant(place[-2].type, down))
        offset = place[0]
        for axis in range(1, array_type.ndim):
            size = self.builder.extract_value(struct.shape, axis)
            if axis == 2:  # a[p, i, s]: a panel is as wide as the lanes, which LLVM should know
                size = ir.Constant(size.type, Lanes(array_type.dtype).count)
            offset = self.builder.add(self.builder.mul(offset, size), place[axis])
        return self.builder.gep(struct.data, [offset])

    def vector(self, dtype: types.Float) -> ir.VectorType:
        return self.context.get_value_type(Lanes(dtype))

    def load(self, dtype: types.Float, pointer: Any) -> Any:
        pointer = self.builder.bitcast(pointer, self.vector(dtype).as_pointer())
        return self.builder.load(pointer, align=dtype.bitwidth // 8)

    def store(self, dtype: types.Float, vector: Any, pointer: Any) -> None:
        pointer = self.builder.bitcast(pointer, self.vector(dtype).as_pointer())
        self.builder.store(vector, pointer, align=dtype.bitwidth // 8)

    def spread(self, number: Any, count: int) -> Any:
        vector = ir.VectorType(number.type, count)
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), count), None)
        return self.builder.shuffle_vector(first, undefined, mask)

    def shuffle(self, one: Any, other: Any, positions: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(positions)), positions)
        return self.builder.shuffle_vector(one, other, mask)

    def unpack(self, values: Any, count: int) -> list[Any]:
        return [self.builder.extract_value(values, r) for r in range(count)]

    def pack(self, tuple_type: types.UniTuple, values: list[Any]) -> Any:
        return self.context.make_tuple(self.builder, tuple_type, values)


def _tile_type(dtype: types.Float, height: int) -> types.UniTuple:
    return types.UniTuple(Lanes(dtype), height)


def _down(rows: Any, A: Any, index: Any) -> Any:
    *front, i, j = index
    return A[(*front, slice(i, i + len(rows)), j)][:, None]


@operation(_down)
def down(typing: Any, rows: Any, A: Any, index: Any) -> Any:
    """Numbers of a column: A[.., i + r, j], one for each row r of a tile."""
    numbers = types.UniTuple(A.dtype, rows.count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        places = [emit.address(A, args[1], args[2], down=r) for r in range(rows.count)]
        return emit.pack(numbers, [builder.load(place) for place in places])

    return numbers(rows, A, index), lower


def _along(rows: Any, A: Any, index: Any) -> Any:
    *front, j = index
    return A[(*front, slice(j, j + len(rows)))][:, None]


@operation(_along)
def along(typing: Any, rows: Any, A: Any, index: Any) -> Any:
    """Numbers of a row: A[.., j + r], one for each row r of a tile."""
    numbers = types.UniTuple(A.dtype, rows.count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        places = [emit.address(A, args[1], args[2], along=r) for r in range(rows.count)]
        return emit.pack(numbers, [builder.load(place) for place in places])

    return numbers(rows, A, index), lower


def _lanes(A: Any, index: Any) -> Any:
    *front, j = index
    return A[(*front, slice(j, j + LANES[A.dtype]))]


@operation(_lanes)
def lanes(typing: Any, A: Any, index: Any) -> Any:
    """The numbers that stand side by side from A[index] on, one for each sample."""
    result = Lanes(A.dtype)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        return emit.load(A.dtype, emit.address(A, args[0], args[1]))

    return result(A, index), lower


def _tile(rows: Any, A: Any, index: Any) -> Any:
    *front, i, j = index
    return A[(*front, slice(i, i + len(rows)), slice(j, j + LANES[A.dtype]))].copy()


@operation(_tile)
def tile(typing: Any, rows: Any, A: Any, index: Any) -> Any:
    """Tile whose row r holds the lanes from A[.., i + r, j] on."""
    result = _tile_type(A.dtype, rows.count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        places = [emit.address(A, args[1], args[2], down=r) for r in range(rows.count)]
        return emit.pack(result, [emit.load(A.dtype, place) for place in places])

    return result(rows, A, index), lower


def _store(A: Any, index: Any, values: Any) -> None:
    *front, i, j = index
    A[(*front, slice(i, i + len(values)), slice(j, j + LANES[A.dtype]))] = values


@operation(_store)
def store(typing: Any, A: Any, index: Any, values: Any) -> Any:
    """Write row r of a tile to the lanes from A[.., i + r, j] on."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        for r, row in enumerate(emit.unpack(args[2], values.count)):
            emit.store(A.dtype, row, emit.address(A, args[0], args[1], down=r))
        return context.get_dummy_value()

    return types.void(A, index, values), lower


@operation(lambda numbers: np.repeat(numbers, LANES[numbers.dtype], axis=1))
def spread(typing: Any, numbers: Any) -> Any:
    """Tile whose row r holds number r in every lane."""
    result = _tile_type(numbers.dtype, numbers.count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        each = emit.unpack(args[0], numbers.count)
        return emit.pack(result, [emit.spread(number, result.dtype.count) for number in each])

    return result(numbers), lower


@operation(lambda rows, A: np.zeros((len(rows), LANES[A.dtype]), A.dtype))
def zeros(typing: Any, rows: Any, A: Any) -> Any:
    """Tile of zeros, in the dtype of A."""
    result = _tile_type(A.dtype, rows.count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        return emit.pack(result, [ir.Constant(emit.vector(A.dtype), None)] * rows.count)

    return result(rows, A), lower


@operation(lambda x, y, z: x * y + z)
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Tile x * y + z: x has a number or lanes for each row, y are lanes, z is a tile.

    `llvm.fmuladd` is one instruction where the processor has it, and not a slow library call
    (as `llvm.fma` is) where it has not.
    """

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        rows = zip(emit.unpack(args[0], z.count), emit.unpack(args[2], z.count), strict=True)
        vector = emit.vector(z.dtype.dtype)
        name = f"llvm.fmuladd.v{vector.count}f{z.dtype.dtype.bitwidth}"
        fmuladd = get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), name
        )

        def lanes_of(a: Any) -> Any:
            return a if isinstance(x.dtype, Lanes) else emit.spread(a, vector.count)

        return emit.pack(z, [builder.call(fmuladd, [lanes_of(a), args[1], c]) for a, c in rows])

    return z(x, y, z), lower


def _rowwise(instruction: str) -> Callable[..., Any]:
    """LLVM form of a tile combined, row by row, with lanes or with the rows of another tile."""

    def typing_of(typing: Any, x: Any, y: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = _Emitter(context, builder)
            other = [args[1]] * x.count if isinstance(y, Lanes) else emit.unpack(args[1], x.count)
            rows = zip(emit.unpack(args[0], x.count), other, strict=True)
            return emit.pack(x, [getattr(builder, instruction)(a, b) for a, b in rows])

        return x(x, y), lower

    return typing_of


#: Tile x + y, x - y and x * y: y is a tile, or lanes for every row.
add = operation(lambda x, y: x + y)(_rowwise("fadd"))
subtract = operation(lambda x, y: x - y)(_rowwise("fsub"))
multiply = operation(lambda x, y: x * y)(_rowwise("fmul"))


@operation(lambda x: x.T.copy())
def transpose(typing: Any, x: Any) -> Any:
    """Square tile with rows and lanes exchanged: stage by stage, larger blocks change sides."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        n = x.count
        rows = emit.unpack(args[0], n)
        block = 1
        while block < n:
            lower_half = [k if not k & block else n + k - block for k in range(n)]
            upper_half = [k + block if not k & block else n + k for k in range(n)]
            for r in range(n):
                if not r & block:
                    one, other = rows[r], rows[r + block]
                    rows[r] = emit.shuffle(one, other, lower_half)
                    rows[r + block] = emit.shuffle(one, other, upper_half)
            block *= 2
        return emit.pack(x, rows)

    return x(x), lower


@operation(lambda A: LANES[A.dtype])
def width(typing: Any, A: Any) -> Any:
    """Number of lanes in the dtype of A, known when compiling."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.intp, Lanes(A.dtype).count)

    return types.intp(A), lower


@operation(lambda A: (0,) * LANES[A.dtype])
def square(typing: Any, A: Any) -> Any:
    """Rows of a tile as high as it is wide, in the dtype of A (see ROWS)."""
    rows = types.UniTuple(types.intp, Lanes(A.dtype).count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = context.get_constant(types.intp, 0)
        return _Emitter(context, builder).pack(rows, [zero] * rows.count)

    return rows(A), lower


def _gather(X: Any, samples: Any, s: Any, j: Any) -> Any:
    block = X[samples[s : s + LANES[X.dtype]], j : j + LANES[X.dtype]]
    return np.pad(block, ((0, 0), (0, LANES[X.dtype] - block.shape[1])))


@operation(_gather)
def gather(typing: Any, X: Any, samples: Any, s: Any, j: Any) -> Any:
    """Square tile whose row r holds the row samples[s + r] of X from column j on, then zeros."""
    result = _tile_type(X.dtype, Lanes(X.dtype).count)
    matrix = types.UniTuple(types.intp, 2)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Emitter(context, builder)
        vector = emit.vector(X.dtype)
        n = vector.count
        width = builder.extract_value(make_array(X)(context, builder, args[0]).shape, 1)
        position = ir.Constant(ir.VectorType(ir.IntType(64), n), list(range(n)))
        left = emit.spread(builder.sub(width, args[3]), n)
        inside = builder.icmp_signed("<", position, left)
        flags = ir.VectorType(ir.IntType(1), n)
        masked_load = get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector.as_pointer(), ir.IntType(32), flags, vector]),
            f"llvm.masked.load.v{n}f{X.dtype.bitwidth}.p0",
        )
        list_of = make_array(samples)(context, builder, args[1])
        rows = []
        for r in range(n):
            where = builder.gep(list_of.data, [builder.add(args[2], ir.Constant(args[2].type, r))])
            index = emit.pack(matrix, [builder.load(where), args[3]])
            place = builder.bitcast(emit.address(X, args[0], index), vector.as_pointer())
            aligned = ir.Constant(ir.IntType(32), X.dtype.bitwidth // 8)
            zero = ir.Constant(vector, None)
            rows.append(builder.call(masked_load, [place, aligned, inside, zero]))
        return emit.pack(result, rows)

    return result(X, samples, types.intp, types.intp), lower
