"""Output files of commands: checks before any work is done, and text written atomically."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..atomic_write import atomic_write
from ..formats import safetensors

__all__ = ["check_overwrite", "check_writable", "text"]


def check_writable(name: str, path: Path) -> None:
    """Raise unless a file can be written there; called before the work whose result it holds."""
    safetensors.check_path(name, path)
    try:
        tempfile.TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        raise ValueError(
            f"{name}: got {path}; expected it in a folder that can be written to ({error.strerror})"
        ) from None


def check_overwrite(name: str, path: Path, curve: Path | None, metadata: Mapping[str, Any]) -> None:
    """Raise if the file exists, unless it is a model of the same data, target, task and features.

    The training curve of such a model may be replaced, too, but no other picture.
    """
    remedy = "expected another name, or --overwrite to replace it"
    if not path.exists():
        if curve and curve.exists():
            raise ValueError(f"{name}: {curve}, for the training curve, exists; {remedy}")
        return
    try:
        existing = safetensors.read_metadata(path)
    except ValueError:
        raise ValueError(f"{name}: {path} exists and is not a model; {remedy}") from None
    for key in ("data", "target", "task", "features"):
        if existing.get(key) != metadata[key]:
            what = "features" if key == "features" else f"{key} '{existing.get(key)}'"
            raise ValueError(f"{name}: {path} exists, a model of other {what}; {remedy}")


@contextmanager
def text(path: str | None) -> Iterator[TextIO]:
    """A file to write text to; standard output if the path is None."""
    if path is None:
        yield sys.stdout
        return
    with atomic_write(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file
