"""Output files of commands: checks before any work is done, and text written atomically."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..atomic_write import atomic_write
from ..formats import safetensors

__all__ = ["check_overwrite", "text"]


def check_overwrite(
    name: str, path: Path, pictures: Sequence[Path], metadata: Mapping[str, Any]
) -> None:
    """Raise if the file exists, unless it is a model of the same data, target and task.

    The pictures of such a model may be replaced, too, but no others.
    """
    remedy = "expected another name, or --overwrite to replace it"
    if not path.exists():
        for picture in pictures:
            if picture.exists():
                raise ValueError(f"{name}: {picture}, for a picture, exists; {remedy}")
        return
    try:
        existing = safetensors.read_metadata(path)
    except ValueError:
        raise ValueError(f"{name}: {path} exists and is not a model; {remedy}") from None
    for key in ("data", "target", "task"):
        if existing.get(key) != metadata[key]:
            other = f"{key} '{existing.get(key)}'"
            raise ValueError(f"{name}: {path} exists, a model of other {other}; {remedy}")


@contextmanager
def text(path: str | None) -> Iterator[TextIO]:
    """A file to write text to; standard output if the path is None."""
    if path is None:
        yield sys.stdout
        return
    with atomic_write(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file
