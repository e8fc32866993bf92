"""How many samples and nodes go together on this processor: panels and tiles."""

import llvmlite.binding as llvm
import numpy as np
from numba.core.registry import cpu_target

#: Samples in a panel: the numbers of one node that stand side by side in vector registers.
LANES = {np.dtype("float32"): 16, np.dtype("float64"): 8}


def _register_bytes() -> int:
    """Size of the processor's vector registers: LLVM is asked by compiling one addition."""
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features)
    addition = "%y = fadd <16 x float> %x, %x\nret <16 x float> %y"
    module = f"define <16 x float> @add(<16 x float> %x) {{\n{addition}\n}}"
    assembly = machine.emit_assembly(llvm.parse_assembly(module))
    return 64 if "zmm" in assembly else (32 if "ymm" in assembly else 16)


#: Bytes of a vector register. A processor has 32 registers of 64 bytes, or 16 smaller ones.
REGISTER = _register_bytes()

#: Numbers of nodes and of panels in a tile, largest first; each kind is a multiple of the last.
#: As many as leave registers for the operands. With two panels each weight that is loaded serves
#: twice: loads, not sums, would limit the speed.
HEIGHTS, WIDTHS = {64: ((8, 4), (2, 1)), 32: ((6, 4, 2), (1,)), 16: ((2,), (1,))}[REGISTER]

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
