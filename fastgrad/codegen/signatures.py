"""Types in the signatures of kernels, as plain Python runs them."""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Address", "Array", "Flag", "Lanes", "Range", "Shape", "Tile", "int64"]

Array = np.ndarray[Any, Any]

#: For constants that kernels are called with: numba compiles a kernel once more for each literal.
int64: Callable[[Any], int] = np.int64  # type: ignore[assignment]

#: Position of the first byte of an array, or of the machine code of a loop; 0 for none.
Address = int

#: 0 or 1.
Flag = int

#: First and last, the last excluded: of nodes, panels, parameters.
Range = tuple[int, int]

#: (nodes, lanes): several nodes of one panel or of two, in vector registers.
Tile = np.ndarray[tuple[int, int], Any]

#: (lanes,): one node of them.
Lanes = np.ndarray[tuple[int], Any]

#: Nodes and panels of a tile: two tuples whose lengths count and whose values mean nothing.
Shape = tuple[tuple[int, ...], tuple[int, ...]]
