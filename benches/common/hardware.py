"""What this processor is and the most that it can do."""

import os
import platform
from pathlib import Path

import numpy as np
from llvmlite import binding as llvm
from numba import config, prange

from fastgrad.codegen import limits, tile_shapes
from fastgrad.codegen.dtypes import LANES
from fastgrad.codegen.jit import parallel

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
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


@parallel
def on_threads(a, steps):
    for t in prange(len(a)):
        limits.multiply_and_add(a[t], steps)


def peak(threads: int, turns: int = 100) -> float:
    """GFLOP/s in float32 of fused multiply-adds that touch registers only, on so many threads."""
    if threads == 1:  # no second thread waits beside it
        return limits.peak(turns=turns)
    return limits.best_gflops(on_threads, limits.tiles_in_registers(threads, np.float32), turns)
