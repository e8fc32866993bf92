"""Where the samples of a command come from: a file, or the digits of the package."""

import hashlib
from pathlib import Path

import numpy as np

from ..data.dataset import load_digits
from ..data.samples import Samples

__all__ = ["DIGITS", "digest", "digits", "stem"]

#: What the digits of the package are called as data.
DIGITS = "digits"


def stem(path: str | None) -> str:
    """The name of the data without folder and suffixes, for the names of outputs."""
    if not path:
        return DIGITS
    name = Path(path.removesuffix(".gz")).stem
    return "model" if path == "-" else name


def digest(path: str | None) -> str | None:
    """A hash of the content of a file, by which it is recognised; None for standard input."""
    if not path or not Path(path).is_file():
        return DIGITS if not path else None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digits() -> Samples:
    """The digits of the package."""
    X, y = load_digits()
    return Samples(
        X,
        y.astype(np.int64),
        "digit",
        lambda s: f"digits[{s}]",
        is_image=True,
        task="classification",
    )
