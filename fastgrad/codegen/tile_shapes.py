"""From the processor's vector registers to the shapes of tiles."""

import llvmlite.binding as llvm

from .numba_compat import target_processor


def _register_bytes() -> int:
    """Size of the processor's vector registers, found by compiling one addition with LLVM."""
    triple, cpu, features = target_processor()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features)
    addition = "%y = fadd <16 x float> %x, %x\nret <16 x float> %y"
    module = f"define <16 x float> @add(<16 x float> %x) {{\n{addition}\n}}"
    assembly = machine.emit_assembly(llvm.parse_assembly(module))
    return 64 if "zmm" in assembly else (32 if "ymm" in assembly else 16)


#: Bytes of a vector register. A processor has 32 registers of 64 bytes, or 16 smaller ones.
REGISTER_BYTES = _register_bytes()

#: Nodes and panels in a tile, largest first; each is a multiple of the last. As many as leave
#: registers for the operands. With two panels each weight that is loaded is used twice; otherwise
#: loads, not multiplications, would limit the speed.
HEIGHTS, WIDTHS = {64: ((8, 4), (2, 1)), 32: ((6, 4, 2), (1,)), 16: ((2,), (1,))}[REGISTER_BYTES]

#: Shapes of tiles: for nodes and for panels a tuple of that length, whose values mean nothing.
SHAPES = tuple(((0,) * height, (0,) * width) for width in WIDTHS for height in HEIGHTS)

#: One node of one panel.
ROW = ((0,), (0,))

_L2_NUMBERS = 1 << 17  # that fit in the L2 cache beside others: half a MiB of float32


def panels_in_l2(numbers: int) -> int:
    """Return how many panels of that many numbers each fit in the L2 cache: an even number."""
    return max(_L2_NUMBERS // numbers, 2) // 2 * 2


def fits_in_l2(numbers: int) -> bool:
    """Return whether that many numbers fit in the L2 cache beside others."""
    return numbers <= _L2_NUMBERS
