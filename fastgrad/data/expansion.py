"""How much larger than a file its content may be, decompressed or written out as a table."""

import io
from typing import Any

__all__ = ["LimitedReader", "check_cells", "check_expansion"]

_TIMES = 100
# To which anything may expand: arrays, which take no longer than to copy them; text; cells.
_SMALL_ARRAYS, _SMALL_TEXT, _SMALL_CELLS = 2**30, 2**28, 2**22


def check_expansion(name: str, n_bytes: int, expanded: int, small: int = _SMALL_ARRAYS) -> None:
    """Raise ValueError if a file of `n_bytes` expands to too many."""
    if expanded > max(small, _TIMES * n_bytes):
        raise ValueError(
            f"{name}: expands to {expanded >> 20:,} MiB or more; expected at most {small >> 20:,}"
            f" MiB, or {_TIMES} times the file (decompress it first, if you trust it)"
        )


def check_cells(name: str, n_given: int, n_cells: int) -> None:
    """Raise ValueError if a table with `n_given` values has too many cells without one."""
    if n_cells > max(_SMALL_CELLS, _TIMES * n_given):
        raise ValueError(
            f"{name}: a table of {n_cells:,} cells, of which {n_given:,} hold a value; expected"
            f" at most {_TIMES} times as many as these"
        )


class LimitedReader(io.RawIOBase):
    """A file of text that is decompressed while it is read, up to what it may expand to.

    Parameters
    ----------
    file : file
        The decompressed content, for reading bytes.
    name : str
        For the error message.
    n_bytes : int
        The size of what is compressed.
    """

    def __init__(self, file: Any, name: str, n_bytes: int) -> None:
        self._file, self._name, self._n_bytes, self._expanded = file, name, n_bytes, 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; ValueError if the content is too large."""
        part = self._file.read(len(buffer))
        buffer[: len(part)] = part
        self._expanded += len(part)
        check_expansion(self._name, self._n_bytes, self._expanded, _SMALL_TEXT)
        return len(part)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
