"""Libraries that only some features need, imported when these are used."""

from contextlib import suppress
from importlib import import_module
from typing import Any

__all__ = ["import_extra"]


def import_extra(module: str, extra: str, needed_by: str) -> Any:
    """Return a module of a library that an extra installs.

    Parameters
    ----------
    module : str
        Its full name.
    extra : str
        The extra of fastgrad's that it is part of, such as "plot".
    needed_by : str
        What needs it, for the error.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message names the command that installs it.
    """
    if module.startswith("pyarrow"):  # which imports pandas later, from C, where Ctrl-C is lost
        with suppress(ImportError):
            import_module("pandas")
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        library = {"sklearn": "scikit-learn"}.get(name, name)
        message = f"{needed_by} needs {library}: pip install {library} (extra '{extra}')"
        raise ModuleNotFoundError(message, name=error.name) from None
