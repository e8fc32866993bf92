"""Where compiled code is kept on disk, and when it is out of date.

numba keeps each function with a stamp of the one file that it stands in. But a kernel is compiled
into every function that calls it, in whatever file, and these share the layout of records: after an
upgrade, code from before would meet code from after. So here the stamp is that of the package.

numba also numbers the files of functions that stand on one line (of which there are many here, one
for each activation), in an index: of two processes that write at once, or one that ends halfway,
the index can name another function's file. Here the name of a file follows from what it holds.

And numba passes over a folder that it cannot write to. Here such a folder is read, so that what
was compiled when a machine was set up serves all its users.
"""

import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import numba
from numba import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
)

__all__ = ["WRITABLE", "Cache"]


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _preferred() -> Path:
    """The folder that comes first for numba, whether or not it can be written to."""
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR, _CacheLocator.get_suitable_cache_subpath(__file__)).absolute()
    return Path(__file__).parent / "__pycache__"


def _writable() -> Path | None:
    """The first that can be."""
    try:
        return Path(CompileResultCacheImpl(_digest).locator.get_cache_path()).absolute()
    except RuntimeError:  # there is none
        return None


def _digest_of_package() -> str:
    """Of every module of the package, in whatever folder, and of where it stands."""
    root = Path(__file__)
    while (root.parent / "__init__.py").exists():
        root = root.parent
    modules = sorted(root.rglob("*.py"))
    return _digest(*(str(m.relative_to(root)).encode() + m.read_bytes() for m in modules))


_PACKAGE = _digest_of_package()
_WRITABLE = _writable()
#: False where numba finds no folder to write to: what is not on disk, every process compiles.
WRITABLE = _WRITABLE is not None
# Files are read from these, and written to the first.
_FOLDERS = tuple(dict.fromkeys(filter(None, (_WRITABLE, _preferred()))))


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Tells numba the folder and the stamp."""

    def __init__(self, function: Any, path: str) -> None:
        self._line = str(function.__code__.co_firstlineno)
        self._file = _digest(Path(path).read_bytes())  # it may stand outside the package

    @classmethod
    def from_function(cls, function: Any, path: str) -> Any:
        return cls(function, path)

    def get_cache_path(self) -> str:
        return str(_FOLDERS[0])

    def get_source_stamp(self) -> str:
        return _PACKAGE + self._file + str(numba.__version__)

    def get_disambiguator(self) -> str:
        return self._line


class _Form(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes: ClassVar = [_Locator]


class _Files(IndexDataCacheFile):  # type: ignore[misc]
    """The files of a function: one for each key (signature, processor, values of its closure)."""

    def __init__(self, folder: str, name: str, stamp: str) -> None:
        super().__init__(folder, name, stamp)
        self._name, self._version_of_code = name, _digest(stamp.encode())[:16]

    def _path(self, folder: Path, key: Any) -> Path:
        return (
            folder / f"{self._name}.{self._version_of_code}.{_digest(repr(key).encode())[:16]}.nbc"
        )

    def load(self, key: Any) -> Any:
        for folder in _FOLDERS:
            # One cut short costs the time to compile, no more.
            with suppress(OSError, EOFError, pickle.UnpicklingError):
                return pickle.loads(self._path(folder, key).read_bytes())
        return None

    def save(self, key: Any, data: Any) -> None:
        folder = _FOLDERS[0]
        for path in folder.glob(f"{self._name}.*.nbc"):
            if self._version_of_code not in path.name:
                path.unlink(missing_ok=True)
        with self._open_for_write(str(self._path(folder, key))) as file:
            file.write(self._dump(data))


class Cache(FunctionCache):  # type: ignore[misc]
    """The compiled code of a function on disk."""

    _impl_class = _Form

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        with suppress(OSError):  # a full disk: what was compiled is at hand
            yield
