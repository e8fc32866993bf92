"""LLVM code for lanes: vectors, and how they are loaded from memory and stored."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import models, register_model

from .dtypes import LANES
from .numba_compat import arrayobj
from .tile_shapes import REGISTER_BYTES

__all__ = ["LaneType", "VectorEmitter"]


class LaneType(types.Type):
    """The numba type of lanes: one number for each sample of one or more panels."""

    def __init__(self, dtype: types.Float, panels: int) -> None:
        self.dtype = dtype
        self.count = panels * LANES[np.dtype(str(dtype))]
        super().__init__(name=f"lanes({dtype} x {self.count})")


@register_model(LaneType)
class _LaneModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: LaneType) -> None:
        element = manager.lookup(lanes.dtype).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(element, lanes.count))


class VectorEmitter:
    """Writes LLVM for one call of an operation."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def address(
        self, array_type: Any, array: Any, index: Any, panel: int = 0, down: int = 0, along: int = 0
    ) -> Any:
        """Pointer to the element at `index`, moved along the last axis, down the one before."""
        struct = arrayobj.make_array(array_type)(self.context, self.builder, array)
        place = [self.builder.extract_value(index, axis) for axis in range(array_type.ndim)]
        across = LaneType(array_type.dtype, 1).count
        if array_type.ndim < 3:
            panel, along = 0, along + panel * across
        for axis, steps in (0, panel), (-2, down), (-1, along):
            if steps:
                place[axis] = self.builder.add(place[axis], ir.Constant(place[axis].type, steps))
        offset = place[0]
        for axis in range(1, array_type.ndim):
            size = self.builder.extract_value(struct.shape, axis)
            if axis == 2:  # a[p, i, s]: a panel is as wide as the lanes, which LLVM should know
                size = ir.Constant(size.type, across)
            offset = self.builder.add(self.builder.mul(offset, size), place[axis])
        return self.builder.gep(struct.data, [offset])

    def rows(self, X_type: Any, samples_type: Any, X: Any, samples: Any, s: Any, j: Any) -> Any:
        """Pointers to X[samples[s + r], j], one for each lane r."""
        list_of = arrayobj.make_array(samples_type)(self.context, self.builder, samples)
        for r in range(LaneType(X_type.dtype, 1).count):
            where = self.builder.gep(list_of.data, [self.builder.add(s, ir.Constant(s.type, r))])
            index = self.pack(types.UniTuple(types.intp, 2), [self.builder.load(where), j])
            yield self.address(X_type, X, index)

    def vector(self, lanes: LaneType) -> ir.VectorType:
        """LLVM's type of lanes."""
        return self.context.get_value_type(lanes)

    def places(self, lanes: LaneType, rows: int, array_type: Any, array: Any, index: Any) -> Any:
        """Where the numbers of each row are, register by register: row, first lane, pointer."""
        across, n = LaneType(lanes.dtype, 1).count, self.in_register(lanes)
        register = ir.VectorType(self.vector(lanes).element, n).as_pointer()
        for first in range(0, lanes.count, n):
            where = {"panel": first // across, "along": first % across}
            for r in range(rows):
                pointer = self.address(array_type, array, index, down=r, **where)
                yield r, first, self.builder.bitcast(pointer, register)

    def load(
        self, lanes: LaneType, rows: int, array_type: Any, array: Any, index: Any
    ) -> list[Any]:
        """Rows of lanes from `index` on: of 3 axes the first is that of the panels."""
        values = [ir.Constant(self.vector(lanes), ir.Undefined)] * rows
        for r, first, place in self.places(lanes, rows, array_type, array, index):
            part = self.builder.load(place, align=lanes.dtype.bitwidth // 8)
            values[r] = self.insert(values[r], part, first)
        return values

    def store(
        self, lanes: LaneType, values: list[Any], array_type: Any, array: Any, index: Any
    ) -> None:
        """Write rows of lanes where `load` finds them."""
        for r, first, place in self.places(lanes, len(values), array_type, array, index):
            part = self.part(values[r], first, place.type.pointee.count)
            self.builder.store(part, place, align=lanes.dtype.bitwidth // 8)

    def part(self, vector: Any, first: int, n: int) -> Any:
        """n of its numbers."""
        return self.shuffle(vector, vector, list(range(first, first + n)))

    def insert(self, vector: Any, part: Any, first: int) -> Any:
        """The vector with other numbers from `first` on."""
        n, count = part.type.count, vector.type.count
        wide = self.shuffle(part, part, [k % n for k in range(count)])
        inside = range(first, first + n)
        return self.shuffle(vector, wide, [k + count * (k in inside) for k in range(count)])

    def in_register(self, lanes: LaneType) -> int:
        """How many of the lanes a vector register holds."""
        return REGISTER_BYTES // (int(lanes.dtype.bitwidth) // 8)

    def spread(self, number: Any, count: int) -> Any:
        """A vector of one number, so many times."""
        vector = ir.VectorType(number.type, count)
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), count), None)
        return self.builder.shuffle_vector(first, undefined, mask)

    def shuffle(self, one: Any, other: Any, positions: list[int]) -> Any:
        """Numbers of two vectors, which count on from one to the other."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(positions)), positions)
        return self.builder.shuffle_vector(one, other, mask)

    def transpose(self, rows: list[Any]) -> list[Any]:
        """A square of vectors turned: stage by stage, larger blocks change sides."""
        rows, n, block = rows.copy(), len(rows), 1
        while block < n:
            lower_half = [k if not k & block else n + k - block for k in range(n)]
            upper_half = [k + block if not k & block else n + k for k in range(n)]
            for r in range(n):
                if not r & block:
                    one, other = rows[r], rows[r + block]
                    rows[r] = self.shuffle(one, other, lower_half)
                    rows[r + block] = self.shuffle(one, other, upper_half)
            block *= 2
        return rows

    def unpack(self, values: Any, count: int) -> list[Any]:
        """The values of a tuple."""
        return [self.builder.extract_value(values, r) for r in range(count)]

    def pack(self, tuple_type: types.UniTuple, values: list[Any]) -> Any:
        """A tuple of values."""
        return self.context.make_tuple(self.builder, tuple_type, values)
