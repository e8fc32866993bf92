"""Everything that fastgrad uses of numba beyond its documented interface.

numba may change these without notice, so they are imported here alone, with the versions that the
tests have run with. The operations of simd.py and intrinsics.py cannot do without the imports at
the top. Compiling kernels into their callers and keeping compiled code on disk are optimisations,
which need those below `if IS_TESTED`: with another version of numba, functions are compiled by its
plain `njit` and `cfunc`, anew in each process.
"""

import warnings
from typing import Any

import numba
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target
from numba.np import arrayobj
from numba.np.ufunc import parallel as _parallel

__all__ = [
    "COMPILER_LOCKS", "FIRST_TESTED", "IS_TESTED", "LAST_TESTED", "NumbaError", "arrayobj",
    "cgutils", "global_compiler_lock", "target_processor", "threads_were_started",
]  # fmt: skip

#: What a thread holds while it compiles, or starts numba's threads; in the order of acquisition.
COMPILER_LOCKS = (global_compiler_lock, _parallel._backend_init_thread_lock)

#: Minor versions 0.x of numba, first and last, that the tests have run with.
FIRST_TESTED, LAST_TESTED = 61, 68


def _is_tested(version: str) -> bool:
    major, minor, *_ = version.split(".")
    return major == "0" and FIRST_TESTED <= int(minor) <= LAST_TESTED


#: Whether this version of numba is one of them.
IS_TESTED = _is_tested(numba.__version__)

if IS_TESTED:
    from numba.core import caching, compiler, typed_passes
    from numba.core.ccallback import CFunc
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler_machinery import register_pass
    from numba.core.registry import CPUDispatcher

    UserWideCacheLocator: Any = (
        getattr(caching, "UserWideCacheLocator", None) or caching._UserWideCacheLocator
    )  # its name in the first of these versions

    __all__ += ["CFunc", "CPUDispatcher", "JITCodeLibrary", "UserWideCacheLocator", "caching"]
    __all__ += ["compiler"]
    __all__ += ["register_pass", "typed_passes"]
else:
    warnings.warn(
        f"numba: got version {numba.__version__}; expected 0.{FIRST_TESTED} to 0.{LAST_TESTED},"
        " with which fastgrad is tested: it is slower, and compiles anew in each process",
        RuntimeWarning,
        stacklevel=2,
    )


def target_processor() -> tuple[str, str, str]:
    """Triple, name and features of the processor that numba compiles for, as LLVM spells them."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return str(triple), str(name), str(features)


def threads_were_started() -> bool:
    """Whether numba's threads run in this process, whoever started them."""
    started: Any = _parallel
    return bool(started._is_initialized)
