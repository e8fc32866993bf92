"""How many samples and nodes go together on this processor: panels and tiles."""

import llvmlite.binding as llvm
import numpy as np
from numba.core.registry import cpu_target

#: Samples in a panel: the numbers of one node that stand side by side in vector registers.
LANES = {np.dtype("float32"): 16, np.dtype("float64"): 8}


def _tile_sizes() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Numbers of nodes and of panels for a tile: as many as leave registers for the operands.

    LLVM is asked which registers the processor has for 16 float32 by compiling one addition. With
    two panels each weight that is loaded serves twice: loads, not sums, would limit the speed.
    """
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features)
    addition = "%y = fadd <16 x float> %x, %x\nret <16 x float> %y"
    module = f"define <16 x float> @add(<16 x float> %x) {{\n{addition}\n}}"
    assembly = machine.emit_assembly(llvm.parse_assembly(module))
    if "zmm" in assembly:  # 32 registers, one for 16 lanes
        return (8, 4), (2, 1)
    if "ymm" in assembly:  # 16 registers, two for 16 lanes
        return (6, 4, 2), (1,)
    return (2,), (1,)


#: Numbers of nodes and of panels in a tile, largest first; each kind is a multiple of the last.
HEIGHTS, WIDTHS = _tile_sizes()

#: The shapes of tiles: for nodes and for panels a tuple of that length, whose values mean nothing.
SHAPES = tuple(((0,) * height, (0,) * width) for width in WIDTHS for height in HEIGHTS)

#: One node of one panel.
ROW = ((0,), (0,))

_CACHED = 1 << 17  # numbers that the second cache holds beside others: half a MiB of float32


def panels_cached(numbers: int) -> int:
    """How many panels of so many numbers each the second cache holds, for tiles an even number."""
    return max(_CACHED // numbers, 2) // 2 * 2


def is_cached(numbers: int) -> bool:
    """Whether the second cache holds so many numbers beside others."""
    return numbers <= _CACHED
