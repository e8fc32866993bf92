"""Memory in words of 8 bytes, which compiled code copies or clears."""

import numpy as np

from ..codegen.intrinsics import view
from ..codegen.jit import kernel
from ..codegen.signatures import Address

__all__ = ["clear_words", "copy_words"]


@kernel
def copy_words(source: Address, target: Address, n: int) -> None:
    """Copy n words of 8 bytes."""
    a, b = view(source, (n,), np.int64), view(target, (n,), np.int64)
    for k in range(n):
        b[k] = a[k]


@kernel
def clear_words(target: Address, n: int) -> None:
    """Set n words of 8 bytes to 0."""
    a = view(target, (n,), np.int64)
    for k in range(n):
        a[k] = 0
