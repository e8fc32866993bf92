"""Writing a file atomically: the result is the whole new file or the old one."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary file to write to, which replaces `path` when the block ends without error.

    It is in the same folder, since a move within a file system is atomic, and has the same suffix,
    from which some writers infer the format. File and folder are synced to the disk, so that even a
    power failure leaves no partial file. A file that is replaced keeps its permissions, and a
    symbolic link its place: what it points to is replaced.

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
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".{target.stem}.{secrets.token_hex(8)}{target.suffix}")
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(temporary, flags, 0o666 if mode is None else mode))
        try:
            if mode is not None:
                temporary.chmod(mode)  # whatever the umask is
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def _sync_folder(folder: Path) -> None:
    """Write the folder's entries to the disk, where a folder can be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
