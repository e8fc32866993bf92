"""Where a command writes: only where a file can go, not over something else, and whole files."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..atomic_write import atomic_write
from ..formats import safetensors

__all__ = ["must_be_its_own", "must_be_writable", "text"]


def must_be_writable(name: str, path: Path) -> None:
    """Raise unless a file can be written there: before the work whose result it is to hold."""
    safetensors.must_have_a_place(name, path)
    try:
        tempfile.TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        raise ValueError(
            f"{name}: got {path}; expected it in a folder that can be written to ({error.strerror})"
        ) from None


def must_be_its_own(name: str, path: Path, curve: Path | None, metadata: Mapping[str, Any]) -> None:
    """Raise if a file is there, unless it is a model of the same data, target, task and features.

    So for its training curve, which was drawn with the model that is there.
    """
    way_out = "expected another name, or --overwrite to replace it"
    if not path.exists():
        if curve and curve.exists():
            raise ValueError(f"{name}: {curve}, for the training curve, is there; {way_out}")
        return
    try:
        known = safetensors.read(path)[0]["metadata"]
    except ValueError:
        raise ValueError(f"{name}: {path} is there and holds no model; {way_out}") from None
    for key in ("data", "target", "task", "features"):
        if known.get(key) != metadata[key]:
            what = "features" if key == "features" else f"{key} '{known.get(key)}'"
            raise ValueError(f"{name}: {path} is there, a model of other {what}; {way_out}")


@contextmanager
def text(path: str | None) -> Iterator[TextIO]:
    """A file to write text into; standard output where there is no path."""
    if path is None:
        yield sys.stdout
        return
    with atomic_write(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file
