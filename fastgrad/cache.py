"""Whether compiled code is kept on disk, and when it is out of date.

numba keeps each function with a stamp of the one file that it stands in. But a kernel is compiled
into every function that calls it, in whatever file, and these share the layout of records: after an
upgrade, code from before would meet code from after. So here the stamp is that of the package.
"""

import hashlib
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl

__all__ = ["WRITABLE"]

_PACKAGE = Path(__file__).parent


def _stamp() -> str:
    content = b"".join(path.read_bytes() for path in sorted(_PACKAGE.glob("*.py")))
    return hashlib.sha256(content).hexdigest()


class _Locator:
    """The folder that numba chooses, with the stamp of the whole package."""

    stamp = _stamp()
    choices = tuple(CompileResultCacheImpl._locator_classes)

    @classmethod
    def from_function(cls, function: Any, path: str) -> Any:
        """For functions of this package; None, which leaves the choice to numba, for others."""
        if Path(path).parent == _PACKAGE:
            for choice in cls.choices:
                locator = choice.from_function(function, path)
                if locator is not None:
                    locator.get_source_stamp = lambda: cls.stamp
                    return locator
        return None


CompileResultCacheImpl._locator_classes.insert(0, _Locator)

#: False where numba finds no folder to write to: then every process compiles for itself.
WRITABLE: bool = _Locator.from_function(_stamp, __file__) is not None
