"""Where compiled code is kept on disk, and when it is out of date.

numba keeps each function with a stamp of the one file that it stands in. But a kernel is compiled
into every function that calls it, in whatever file, and these share the layout of records: after an
upgrade, code from before would meet code from after. So here the stamp is that of the package.

numba also passes over a folder that it cannot write to. Here such a folder is read, so that what
was compiled when a machine was set up serves all its users.
"""

import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from numba import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
)

__all__ = ["WRITABLE", "Cache"]


def _stamp(*files: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _preferred() -> str:
    """The folder that comes first for numba, whether or not it can be written to."""
    if config.CACHE_DIR:
        return str(Path(config.CACHE_DIR, _CacheLocator.get_suitable_cache_subpath(__file__)))
    return str(Path(__file__).parent / "__pycache__")


def _writable() -> str | None:
    """The first that can be."""
    try:
        return str(CompileResultCacheImpl(_stamp).locator.get_cache_path())
    except RuntimeError:  # there is none
        return None


_PACKAGE = _stamp(*sorted(Path(__file__).parent.glob("*.py")))
_PREFERRED, _WRITABLE = _preferred(), _writable()

#: False where numba finds no folder to write to: what is not on disk, every process compiles.
WRITABLE = _WRITABLE is not None


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Tells numba the folder and the stamp."""

    def __init__(self, function: Any, path: str) -> None:
        self._line = str(function.__code__.co_firstlineno)
        self._file = _stamp(Path(path))  # it may stand outside the package

    @classmethod
    def from_function(cls, function: Any, path: str) -> Any:
        return cls(function, path)

    def get_cache_path(self) -> str:
        return _WRITABLE or _PREFERRED

    def get_source_stamp(self) -> str:
        return _PACKAGE + self._file

    def get_disambiguator(self) -> str:
        return self._line


class _Form(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes: ClassVar = [_Locator]


class Cache(FunctionCache):  # type: ignore[misc]
    """The compiled code of a function on disk."""

    _impl_class = _Form

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        preferred = IndexDataCacheFile(_PREFERRED, self._impl.filename_base, stamp)
        self._readable = (self._cache_file, preferred)

    def _load_overload(self, signature: Any, context: Any) -> Any:
        key = self._index_key(signature, context.codegen())
        for file in self._readable:
            data = file.load(key)
            if data is not None:
                return self._impl.rebuild(context, data)
        return None

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        # A full disk or a file cut short costs the time to compile, no more.
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            yield
