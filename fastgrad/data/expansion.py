"""How much more than a file its content may be, decompressed or written out."""

import io
from typing import Any

__all__ = ["LimitedReader", "check_expansion", "most_bytes"]

_TIMES = 100  # that zeros and a table of few different cells stay below, unless they are many
_FLOOR = 2**30  # bytes to which everything may expand


def most_bytes(n_bytes: int) -> int:
    """To how many bytes a file of `n_bytes` may expand."""
    return max(_FLOOR, _TIMES * n_bytes)


def check_expansion(name: str, n_bytes: int, expanded: int) -> None:
    """Raise ValueError if a file of `n_bytes` expands to too many."""
    if expanded > most_bytes(n_bytes):
        raise ValueError(
            f"{name}: expands to {expanded / 2**30:.1f} GiB or more; expected at most 1 GiB, or"
            f" {_TIMES} times the file (decompress it first, if you trust it)"
        )


class LimitedReader(io.RawIOBase):
    """A file that is read while it is decompressed, up to what it may expand to.

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
        check_expansion(self._name, self._n_bytes, self._expanded)
        return len(part)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
