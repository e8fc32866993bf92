"""Lanes and tiles: many numbers under one name, in vector registers.

*Lanes* hold one number for each sample of one panel or of two: a panel has 16 samples (8 in
float64). A *tile* holds lanes for each of several nodes. Every operation has two forms here: its
meaning in NumPy, and the LLVM code for it. Plain Python (NUMBA_DISABLE_JIT=1) runs the first,
compiled code the second.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from .dtypes import LANES
from .jit import operation
from .numba_compat import arrayobj, cgutils
from .signatures import Array, Lanes, Shape, Tile
from .vector_emitter import LaneType, VectorEmitter

Index = tuple[int, ...]


def _tile_type(dtype: types.Float, shape: Any) -> types.UniTuple:
    rows, panels = shape
    return types.UniTuple(LaneType(dtype, panels.count), rows.count)


def _numbers(direction: str) -> Callable[..., Any]:
    """LLVM form of one number for each row of a tile, found in that direction of an array."""

    def typing_of(typing: Any, shape: Any, A: Any, index: Any) -> Any:
        numbers = types.UniTuple(A.dtype, shape[0].count)

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = VectorEmitter(context, builder)
            steps = [{direction: r} for r in range(numbers.count)]
            places = [emit.address(A, args[1], args[2], **step) for step in steps]
            return emit.pack(numbers, [builder.load(place) for place in places])

        return numbers(shape, A, index), lower

    return typing_of


def _down(shape: Shape, A: Array, index: Index) -> Tile:
    *front, i, j = index
    place: Any = (*front, slice(i, i + len(shape[0])), j)
    numbers: Array = A[place]
    return numbers[:, None]


def _along(shape: Shape, A: Array, index: Index) -> Tile:
    *front, j = index
    place: Any = (*front, slice(j, j + len(shape[0])))
    numbers: Array = A[place]
    return numbers[:, None]


#: Numbers of a column, A[.., i + r, j], and of a row, A[.., j + r], for each row r of a tile.
down = operation(_down)(_numbers("down"))
along = operation(_along)(_numbers("along"))


def _tile(shape: Shape, A: Array, index: Index) -> Tile:
    (rows, panels), (*front, i, j) = shape, index
    n, count = len(panels), len(panels) * LANES[A.dtype]
    if front:
        p = front[0]
        return np.concatenate(A[p : p + n, i : i + len(rows)], axis=1)
    return A[i : i + len(rows), j : j + count].copy()


@operation(_tile)
def tile(typing: Any, shape: Any, A: Any, index: Any) -> Any:
    """Tile whose row r holds the lanes from A[.., i + r, j] on: A has panels, or rows alone."""
    result = _tile_type(A.dtype, shape)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        return emit.pack(result, emit.load(result.dtype, result.count, A, args[1], args[2]))

    return result(shape, A, index), lower


def _lanes(shape: Shape, A: Array, index: Index) -> Lanes:
    if A.ndim < 3:
        return A[index[0] : index[0] + len(shape[1]) * LANES[A.dtype]]
    p, j, _ = index
    return A[p : p + len(shape[1]), j].reshape(-1)


@operation(_lanes)
def lanes(typing: Any, shape: Any, A: Any, index: Any) -> Any:
    """One row of a tile: A[p, j, :] of its panels or, without panels, the numbers from A[j] on."""
    result = _tile_type(A.dtype, shape).dtype

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return VectorEmitter(context, builder).load(result, 1, A, args[1], args[2])[0]

    return result(shape, A, index), lower


def _store(A: Array, index: Index, values: Tile) -> None:
    (*front, i, j), (rows, count) = index, values.shape
    if front:
        p, width = front[0], LANES[A.dtype]
        A[p : p + count // width, i : i + rows] = values.reshape(rows, -1, width).swapaxes(0, 1)
    else:
        A[i : i + rows, j : j + count] = values


@operation(_store)
def store(typing: Any, A: Any, index: Any, values: Any) -> Any:
    """Write a tile where `tile` finds it."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        emit.store(values.dtype, emit.unpack(args[2], values.count), A, args[0], args[1])
        return context.get_dummy_value()

    return types.void(A, index, values), lower


def _spread(shape: Shape, numbers: Tile) -> Tile:
    return np.repeat(numbers, len(shape[1]) * LANES[numbers.dtype], axis=1)


@operation(_spread)
def spread(typing: Any, shape: Any, numbers: Any) -> Any:
    """Tile whose row r holds number r in every lane."""
    result = _tile_type(numbers.dtype, shape)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        each = emit.unpack(args[1], numbers.count)
        return emit.pack(result, [emit.spread(number, result.dtype.count) for number in each])

    return result(shape, numbers), lower


def _zeros(shape: Shape, A: Array) -> Tile:
    rows, panels = shape
    return np.zeros((len(rows), len(panels) * LANES[A.dtype]), A.dtype)


@operation(_zeros)
def zeros(typing: Any, shape: Any, A: Any) -> Any:
    """Tile of zeros, in the dtype of A."""
    result = _tile_type(A.dtype, shape)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        return emit.pack(result, [ir.Constant(emit.vector(result.dtype), None)] * result.count)

    return result(shape, A), lower


def _fma(x: Tile, y: Lanes, z: Tile) -> Tile:
    return x * y + z


@operation(_fma)
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Tile x * y + z: x has a number for each row, y are lanes, z is a tile.

    `llvm.fmuladd` is one instruction where the processor has it, and not a slow library call
    (as `llvm.fma` is) where it has not.
    """

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        rows = zip(emit.unpack(args[0], z.count), emit.unpack(args[2], z.count), strict=True)
        vector = emit.vector(z.dtype)
        name = f"llvm.fmuladd.v{vector.count}f{z.dtype.dtype.bitwidth}"
        form = ir.FunctionType(vector, [vector] * 3)
        fmuladd = cgutils.get_or_insert_function(builder.module, form, name)
        sums = [builder.call(fmuladd, [emit.spread(a, vector.count), args[1], c]) for a, c in rows]
        return emit.pack(z, sums)

    return z(x, y, z), lower


def _rowwise(instruction: str) -> Callable[..., Any]:
    """LLVM form of a tile combined row by row with another, or with the same lanes each."""

    def typing_of(typing: Any, x: Any, y: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit, combine = VectorEmitter(context, builder), getattr(builder, instruction)
            same = isinstance(y, LaneType)
            others = [args[1]] * x.count if same else emit.unpack(args[1], x.count)
            pairs = zip(emit.unpack(args[0], x.count), others, strict=True)
            return emit.pack(x, [combine(one, other) for one, other in pairs])

        return x(x, y), lower

    return typing_of


def _add(x: Any, y: Any) -> Any:
    return x + y


def _subtract(x: Tile, y: Tile | Lanes) -> Tile:
    return x - y


def _multiply(x: Any, y: Any) -> Any:
    return x * y


#: Tile x + y, x - y and x * y: y is a tile too, or lanes for every row.
add = operation(_add)(_rowwise("fadd"))
subtract = operation(_subtract)(_rowwise("fsub"))
multiply = operation(_multiply)(_rowwise("fmul"))


def _total(x: Tile | Lanes) -> Any:
    return x.sum()


@operation(_total)
def total(typing: Any, x: Any) -> Any:
    """Sum of all numbers of a tile with one row."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit, number = VectorEmitter(context, builder), context.get_value_type(x.dtype.dtype)
        form = ir.FunctionType(number, [number, emit.vector(x.dtype)])
        name = f"llvm.vector.reduce.fadd.v{x.dtype.count}f{x.dtype.dtype.bitwidth}"
        reduce = cgutils.get_or_insert_function(builder.module, form, name)
        operands = [ir.Constant(number, -0.0), builder.extract_value(args[0], 0)]
        return builder.call(reduce, operands, fastmath=("reassoc",))

    return x.dtype.dtype(x), lower


def _transpose(x: Tile) -> Tile:
    return x.T.copy()


@operation(_transpose)
def transpose(typing: Any, x: Any) -> Any:
    """Square tile with rows and lanes exchanged, in squares that fit in registers."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        rows, n, every = emit.unpack(args[0], x.count), emit.in_register(x.dtype), range(x.count)
        turned = rows.copy()
        for j in every[::n]:
            for i in every[::n]:
                square = emit.transpose([emit.part(row, j, n) for row in rows[i : i + n]])
                for r, row in enumerate(square, start=j):
                    turned[r] = emit.insert(turned[r], row, i)
        return emit.pack(x, turned)

    return x(x), lower


def _width(A: Any) -> int:
    return LANES[A.dtype]


@operation(_width)
def width(typing: Any, A: Any) -> Any:
    """Samples of a panel in the dtype of A, an array or a number, known when compiling."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = A.dtype if isinstance(A, types.Array) else A
        return context.get_constant(types.intp, LaneType(element, 1).count)

    return types.intp(A), lower


def _square(A: Array) -> Shape:
    return (0,) * LANES[A.dtype], (0,)


@operation(_square)
def square(typing: Any, A: Any) -> Any:
    """Shape of a tile as high as a panel is wide, in the dtype of A (see SHAPES)."""
    rows = types.UniTuple(types.intp, LaneType(A.dtype, 1).count)
    shape = types.Tuple([rows, types.UniTuple(types.intp, 1)])

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant_undef(shape)

    return shape(A), lower


def _gather(X: Array, samples: Array, s: int, j: int) -> Tile:
    block = X[samples[s : s + LANES[X.dtype]], j : j + LANES[X.dtype]]
    return np.pad(block, ((0, 0), (0, LANES[X.dtype] - block.shape[1])))


@operation(_gather)
def gather(typing: Any, X: Any, samples: Any, s: Any, j: Any) -> Any:
    """Square tile whose row r holds the row samples[s + r] of X from column j on, then zeros."""
    result = types.UniTuple(LaneType(X.dtype, 1), LaneType(X.dtype, 1).count)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = VectorEmitter(context, builder)
        vector = emit.vector(result.dtype)
        n = vector.count
        width = builder.extract_value(arrayobj.make_array(X)(context, builder, args[0]).shape, 1)
        position = ir.Constant(ir.VectorType(ir.IntType(64), n), list(range(n)))
        left = emit.spread(builder.sub(width, args[3]), n)
        inside = builder.icmp_signed("<", position, left)
        form = ir.FunctionType(vector, [vector.as_pointer(), ir.IntType(32), inside.type, vector])
        name = f"llvm.masked.load.v{n}f{X.dtype.bitwidth}.p0"
        masked_load = cgutils.get_or_insert_function(builder.module, form, name)
        rest = ir.Constant(ir.IntType(32), X.dtype.bitwidth // 8), inside, ir.Constant(vector, None)
        rows = []
        for place in emit.rows(X, samples, *args):
            pointer = builder.bitcast(place, vector.as_pointer())
            rows.append(builder.call(masked_load, [pointer, *rest]))
        return emit.pack(result, rows)

    return result(X, samples, types.intp, types.intp), lower


def _prefetch(A: Array, index: Index) -> None:
    pass


@operation(_prefetch)
def prefetch(typing: Any, A: Any, index: Any) -> Any:
    """Start to load the cache line of A[index], which need not exist, into the caches."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        instruction = cgutils.get_or_insert_function(builder.module, form, "llvm.prefetch.p0")
        place = builder.bitcast(VectorEmitter(context, builder).address(A, *args), byte)
        builder.call(instruction, [place, *(ir.Constant(number, k) for k in (0, 3, 1))])  # to read
        return context.get_dummy_value()

    return types.void(A, index), lower
