"""Data sets and tables: from files to arrays."""

from .chunks import Chunks
from .dataset import Dataset, load_digits, read, split

__all__ = ["Chunks", "Dataset", "load_digits", "read", "split"]
