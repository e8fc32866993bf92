"""Where compiled code is kept on disk, and when it is out of date.

numba keeps each function with a digest of the one file that defines it. But a kernel is compiled
into every function that calls it, in any file, and these share the layout of records: after an
upgrade, old and new code would be mixed. So here the digest is that of the whole package.

numba also numbers the files of functions that are defined on the same line (of which there are many
here, one for each activation), in an index. If two processes write at once, or one is killed while
it writes, the index can name another function's file. Here a file is named after what it holds.

numba runs whatever a file holds. Here a file begins with a digest of what it should hold, so that
one that is cut, garbled or another's only costs the time to compile. And it is read only if no
other user can have written it.

And numba ignores a folder that it cannot write to. Here such a folder is read, so that code that
was compiled when a machine was set up serves all its users.
"""

import hashlib
import inspect
import os
import pickle
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np
from numba import config

from .numba_compat import UserWideCacheLocator, caching

__all__ = ["WRITABLE", "Cache"]


_PACKAGE = Path(__file__).parents[1]
_ABANDONED = 3600.0  # seconds after which nobody completes a file any more


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _candidates() -> Iterator[Path]:
    """The folders that numba would try, in its order."""
    if config.CACHE_DIR:
        subfolder = caching._CacheLocator.get_suitable_cache_subpath(__file__)
        yield Path(config.CACHE_DIR, subfolder).absolute()
    yield Path(__file__).parent / "__pycache__"
    yield Path(UserWideCacheLocator(_digest, __file__).get_cache_path()).absolute()


def _make(folder: Path) -> None:
    """Make a folder private to the user; in the package, as readable as Python's own are."""
    mode = 0o777 if folder.is_relative_to(_PACKAGE) else 0o700
    for path in reversed([folder, *folder.parents]):
        if not path.exists():
            path.mkdir(mode, exist_ok=True)


def _is_trusted(found: os.stat_result) -> bool:
    """Whether only this user, root or the package's owner can have written a file or folder."""
    if not hasattr(os, "geteuid"):  # Windows, where users have folders of their own
        return True
    writers = {os.geteuid(), 0, _PACKAGE.stat().st_uid}
    return found.st_uid in writers and not found.st_mode & stat.S_IWOTH


def _is_writable(folder: Path) -> bool:
    with suppress(OSError):
        _make(folder)
        if _is_trusted(folder.stat()):
            tempfile.TemporaryFile(dir=folder).close()
            return True
    return False


def _digest_of_package() -> str:
    """Digest of the path and content of every module of the package, in all its folders."""
    modules = sorted(_PACKAGE.rglob("*.py"))
    return _digest(*(str(m.relative_to(_PACKAGE)).encode() + m.read_bytes() for m in modules))


_VERSIONS = f"{numba.__version__} {np.__version__} {_digest_of_package()}"
_WRITABLE = next(filter(_is_writable, _candidates()), None)
#: False where no folder can be written to: each process then compiles what is not on disk.
WRITABLE = _WRITABLE is not None
# Files are read from these, and written to the first.
_FOLDERS = tuple(dict.fromkeys(filter(None, (_WRITABLE, next(_candidates())))))


class _Locator(caching._CacheLocator):  # type: ignore[misc]
    """The folder and the digest that numba uses."""

    def __init__(self, function: Any, path: str) -> None:
        self._line = str(function.__code__.co_firstlineno)
        self._file = _digest(Path(path).read_bytes())  # may be outside the package

    @classmethod
    def from_function(cls, function: Any, path: str) -> Any:
        return cls(function, path)

    def get_cache_path(self) -> str:
        return str(_FOLDERS[0])

    def ensure_cache_path(self) -> None:
        _make(_FOLDERS[0])  # before each file: it may have vanished

    def get_source_stamp(self) -> str:
        return f"{_VERSIONS}\n{self._file}"

    def get_disambiguator(self) -> str:
        return self._line


class _Format(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes: ClassVar = [_Locator]


class _Files(caching.IndexDataCacheFile):  # type: ignore[misc]
    """The files of a function: one for each key (signature, processor, values of its closure)."""

    def __init__(self, folder: str, name: str, stamp: str) -> None:
        super().__init__(folder, name, stamp)
        self._name, self._stamp = name, stamp
        self._code_version = _digest(stamp.encode())[:16]

    def _file_name(self, key: Any) -> str:
        return f"{self._name}.{self._code_version}.{_digest(repr(key).encode())[:16]}.nbc"

    def _digest_of(self, key: Any, data: bytes) -> bytes:
        """Digest of the code and of what it is the code of."""
        return _digest(f"{self._name}\n{self._stamp}\n{key!r}\n".encode(), data).encode()

    def load(self, key: Any) -> Any:
        for folder in _FOLDERS:
            with suppress(OSError), (folder / self._file_name(key)).open("rb") as file:
                if _is_trusted(os.fstat(file.fileno())):
                    digest, _, data = file.read().partition(b"\n")
                    if digest == self._digest_of(key, data):
                        return pickle.loads(data)
        return None

    def save(self, key: Any, data: Any) -> None:
        folder, name, code = _FOLDERS[0], self._file_name(key), self._dump(data)
        self._remove_old(folder)
        temporary = folder / f"{name}.{secrets.token_hex(8)}.tmp"
        try:
            temporary.touch(0o644, exist_ok=False)
            temporary.write_bytes(self._digest_of(key, code) + b"\n" + code)
            temporary.replace(folder / name)
        finally:
            temporary.unlink(missing_ok=True)

    def _remove_old(self, folder: Path) -> None:
        """Remove this function's files of other versions, and of processes that were killed."""
        for path in folder.glob(f"{self._name}.*"):
            is_old = path.suffix == ".nbc" and self._code_version not in path.name
            with suppress(FileNotFoundError):  # another process removes them, too
                if path.suffix == ".tmp":
                    is_old = time.time() - path.stat().st_mtime > _ABANDONED
                if is_old:
                    path.unlink()


class Cache(caching.FunctionCache):  # type: ignore[misc]
    """The compiled code of a function on disk.

    Parameters
    ----------
    function : callable
        The function.
    on_miss : callable
        Called if its code is not there, so that it must be compiled.
    """

    _impl_class = _Format

    def __init__(self, function: Any, on_miss: Callable[[], None] = lambda: None) -> None:
        super().__init__(function)
        self._on_miss = on_miss
        stamp = _Locator(function, inspect.getfile(function)).get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for a signature; None if it is not there."""
        found = super().load_overload(sig, target_context)
        if found is None:
            self._on_miss()
        return found

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        with suppress(OSError):  # a full disk: the code was compiled all the same
            yield
