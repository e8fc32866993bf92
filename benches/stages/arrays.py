"""A layer of n nodes behind one of n nodes, and a mini-batch, in both layouts of the stages."""

import numpy as np

from fastgrad.codegen.dtypes import LANES

__all__ = ["Layer", "rows_of"]

_WIDTH = LANES[np.dtype(np.float32)]


class Layer:
    """Random numbers in float32; `arguments` gives those of each stage.

    Parameters
    ----------
    n : int
        Nodes of both layers, a multiple of 16.
    samples : int
        Of the mini-batch, likewise.
    """

    def __init__(self, n=256, samples=256):
        rng = np.random.default_rng(0)
        self.n, self.samples = n, samples
        shapes = (n, n), (n,), (samples, n), (samples, n)
        self.W, self.b, self.a, self.d = (_aligned(rng.normal(size=shape)) for shape in shapes)

    def arguments(self, equation, in_panels, samples=None):
        """Arguments of a function of an equation: arrays of rows or of panels, the result last."""
        a, d = self.a[:samples], self.d[:samples]
        aT = a.reshape(len(a), -1, _WIDTH).swapaxes(0, 1)
        if in_panels:
            a, d = map(_panels, (a, d))
        result = _aligned(np.zeros_like(a if equation != 7 else self.W))
        return {
            1: (self.W, self.b, a, result),
            5: (d, self.W, result),
            7: (d, _aligned(aT) if in_panels else a, result),
        }[equation]


def _aligned(values):
    """The values at the beginning of a cache line."""
    memory = np.zeros(values.size + 16, np.float32)
    first = -memory.ctypes.data % 64 // memory.itemsize
    array = memory[first : first + values.size].reshape(values.shape)
    array[...] = values
    return array


def _panels(rows):
    """a[s, j] as a[p, j, s]."""
    return _aligned(rows.reshape(-1, _WIDTH, rows.shape[1]).swapaxes(1, 2))


def rows_of(result):
    """The result of a stage: u[p, i, s] as u[s, i]."""
    return result if result.ndim == 2 else result.swapaxes(1, 2).reshape(-1, result.shape[1])
