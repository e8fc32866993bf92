"""Where compiled code is kept on disk, and when it is out of date.

numba keeps each function with a digest of the one file that defines it. But a kernel is compiled
into every function that calls it, in any file, and these share the layout of records: after an
upgrade, old and new code would be mixed. So here the digest is that of the whole package.

numba also numbers the files of functions that are defined on the same line (of which there are many
here, one for each activation), in an index. If two processes write at once, or one is killed while
it writes, the index can name another function's file. Here a file is named after what it holds.

And numba ignores a folder that it cannot write to. Here such a folder is read, so that code that
was compiled when a machine was set up serves all its users.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import numba
from numba import config

from .numba_compat import caching

__all__ = ["WRITABLE", "Cache"]


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _preferred() -> Path:
    """The folder that numba tries first, whether or not it can be written to."""
    if config.CACHE_DIR:
        subfolder = caching._CacheLocator.get_suitable_cache_subpath(__file__)
        return Path(config.CACHE_DIR, subfolder).absolute()
    return Path(__file__).parent / "__pycache__"


def _writable() -> Path | None:
    """The first of numba's folders that can be written to."""
    try:
        return Path(caching.CompileResultCacheImpl(_digest).locator.get_cache_path()).absolute()
    except RuntimeError:  # none can
        return None


def _digest_of_package() -> str:
    """Digest of the path and content of every module of the package, in all its folders."""
    root = Path(__file__).parents[1]
    modules = sorted(root.rglob("*.py"))
    return _digest(*(str(m.relative_to(root)).encode() + m.read_bytes() for m in modules))


_PACKAGE = _digest_of_package()
_WRITABLE = _writable()
#: False where no folder can be written to: each process then compiles what is not on disk.
WRITABLE = _WRITABLE is not None
# Files are read from these, and written to the first.
_FOLDERS = tuple(dict.fromkeys(filter(None, (_WRITABLE, _preferred()))))


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

    def get_source_stamp(self) -> str:
        return _PACKAGE + self._file + str(numba.__version__)

    def get_disambiguator(self) -> str:
        return self._line


class _Format(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes: ClassVar = [_Locator]


class _Files(caching.IndexDataCacheFile):  # type: ignore[misc]
    """The files of a function: one for each key (signature, processor, values of its closure)."""

    def __init__(self, folder: str, name: str, stamp: str) -> None:
        super().__init__(folder, name, stamp)
        self._name, self._code_version = name, _digest(stamp.encode())[:16]

    def _path(self, folder: Path, key: Any) -> Path:
        return folder / f"{self._name}.{self._code_version}.{_digest(repr(key).encode())[:16]}.nbc"

    def load(self, key: Any) -> Any:
        for folder in _FOLDERS:
            # A truncated file only costs the time to compile.
            with suppress(OSError, EOFError, pickle.UnpicklingError):
                return pickle.loads(self._path(folder, key).read_bytes())
        return None

    def save(self, key: Any, data: Any) -> None:
        folder = _FOLDERS[0]
        for path in folder.glob(f"{self._name}.*.nbc"):
            if self._code_version not in path.name:
                path.unlink(missing_ok=True)
        with self._open_for_write(str(self._path(folder, key))) as file:
            file.write(self._dump(data))


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
        stamp = self._impl.locator.get_source_stamp()
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
