"""Writing a file atomically: the result is the whole new file or the old one."""

import glob
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["atomic_write", "previous"]

_ABANDONED = 86400.0  # seconds without a change after which a temporary file has no writer


@contextmanager
def atomic_write(path: Path, keep: bool = False) -> Iterator[Path]:
    """Give a temporary file to write to, which replaces `path` when the block ends without error.

    It is in the same folder, since a move within a file system is atomic, and has the same suffix,
    from which some writers infer the format. File and folder are synced to the disk, so that even a
    power failure leaves no partial file. A file that is replaced keeps its permissions, and a
    symbolic link its place: what it points to is replaced. A process that is killed leaves its
    temporary file; the first writer of the same path after a day removes it.

    Parameters
    ----------
    path : Path
        The file to write or to replace.
    keep : bool, default False
        Whether the replaced file remains as `previous(path)`.

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
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        temporary, second = _temporary(target), _temporary(target)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(temporary, flags, 0o666 if mode is None else mode))
        try:
            if mode is not None:
                temporary.chmod(mode)  # whatever the umask is
            _remove_abandoned(target, temporary.stat().st_mtime)
            yield temporary
            _sync(temporary, os.O_RDWR)
            if keep and mode is not None:
                _link(target, second)
            temporary.replace(target)
            if keep and mode is not None:
                second.replace(previous(target))
            with suppress(OSError):  # where a folder cannot be opened
                _sync(target.parent, os.O_RDONLY)
        finally:
            temporary.unlink(missing_ok=True)
            second.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def previous(path: Path) -> Path:
    """Where the file that was replaced last remains: "fit.previous.txt" beside "fit.txt".

    Parameters
    ----------
    path : Path
        What `atomic_write` has written with `keep`.
    """
    target = Path(os.path.realpath(path))
    return target.with_name(f"{target.stem}.previous{target.suffix}")


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.stem}.{secrets.token_hex(8)}{target.suffix}")


def _link(path: Path, second: Path) -> None:
    """Give a file a second name, by which it remains when it is replaced."""
    try:
        os.link(path, second)
    except OSError:  # a file system without hard links
        shutil.copy2(path, second)
        _sync(second, os.O_RDWR)


def _remove_abandoned(target: Path, now: float) -> None:
    """Remove the temporary files of writers that were killed; `now` is of the folder's clock."""
    stem, suffix = map(glob.escape, (target.stem, target.suffix))
    for left in target.parent.glob(f".{stem}.{'[0-9a-f]' * 16}{suffix}"):
        with suppress(OSError):
            if left.stat().st_mtime < now - _ABANDONED:
                left.unlink()


def _sync(path: Path, flags: int) -> None:
    """Write a file, or the entries of a folder, to the disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
