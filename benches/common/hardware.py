"""What this processor is and the most that it can do."""

import os
import platform
import timeit
from pathlib import Path

import numpy as np
from llvmlite import binding as llvm
from numba import config, prange

from fastgrad.codegen import simd, tile_shapes
from fastgrad.codegen.dtypes import LANES
from fastgrad.codegen.jit import kernel, parallel, standalone

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
_STEPS = 1_000_000  # about 2 ms: long against the start of the threads
SHAPE = tile_shapes.SHAPES[0]  # of the largest tile
_LANES = LANES[np.dtype(np.float32)]


def processor() -> str:
    """The processor's name, what LLVM calls it, the largest tile, and the number of processors."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    cpu = config.CPU_NAME or llvm.get_host_cpu_name()
    tile = f"{tile_shapes.HEIGHTS[0]} x {tile_shapes.WIDTHS[0] * _LANES}"
    return f"{name} ({cpu}), tiles of {tile}, {ALL} processors"


@kernel
def multiply_and_add(a, steps):
    """As many independent sums as a tile has, in registers."""
    shape = SHAPE
    x, y = simd.tile(shape, a, (0, 0, 0)), simd.lanes(shape, a, (0, 0, 0))
    for _ in range(steps):
        x = simd.add(simd.multiply(x, y), y)  # fused; other operands would be spilled
    simd.store(a, (0, 0, 0), x)


@standalone
def on_this_thread(a, steps):
    multiply_and_add(a[0], steps)


@parallel
def on_threads(a, steps):
    for t in prange(len(a)):
        multiply_and_add(a[t], steps)


def peak(threads: int, turns: int = 100) -> float:
    """GFLOP/s in float32 of fused multiply-adds that touch registers only, on so many threads."""
    a = np.zeros((threads, len(SHAPE[1]), len(SHAPE[0]), _LANES), np.float32)
    loop = on_threads if threads > 1 else on_this_thread  # no second thread waits beside it
    loop(a, 1)
    seconds = min(timeit.repeat(lambda: loop(a, _STEPS), number=1, repeat=turns))
    return 2 * a.size * _STEPS / seconds / 1e9
