"""The dtypes that a network can have."""

from typing import Any, NamedTuple

import numpy as np
from numba import types

__all__ = ["DTYPES", "LANES", "numba_type"]


class _DType(NamedTuple):
    """A row of the table."""

    numba_type: types.Float
    lanes: int  # samples in a panel: numbers of one node side by side in vector registers


#: Everything that depends on the dtype alone, one row for each.
DTYPES = {
    np.dtype("float32"): _DType(types.float32, lanes=16),
    np.dtype("float64"): _DType(types.float64, lanes=8),
}

#: Samples in a panel, by dtype.
LANES = {dtype: row.lanes for dtype, row in DTYPES.items()}


def numba_type(dtype: Any) -> types.Float:
    """numba's name of a dtype."""
    return DTYPES[np.dtype(dtype)].numba_type
