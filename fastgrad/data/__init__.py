"""Data sets: from files to arrays, and from targets to what a cost compares with."""

from .chunks import Chunks
from .dataset import Dataset, load_digits, read, split

__all__ = ["Chunks", "Dataset", "load_digits", "read", "split"]
