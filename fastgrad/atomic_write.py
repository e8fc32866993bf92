"""Writing a file atomically: the result is the whole new file or the old one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary file to write to, which replaces `path` when the block ends without error.

    It is in the same folder, since a move within a file system is atomic, and has the same suffix,
    from which some writers infer the format. It is synced to the disk before it is moved, so that
    even a power failure leaves no partial file.

    Parameters
    ----------
    path : Path
        The file to write or to replace.

    Yields
    ------
    Path
        The temporary file, empty; removed if the block raises.

    Raises
    ------
    OSError
        If it cannot be written or moved; the error names `path` instead of the temporary file.
    """
    try:
        handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}.", path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())  # mkstemp lets the owner alone read it
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
