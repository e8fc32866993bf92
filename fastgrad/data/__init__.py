"""Data sets: from files to arrays, and from targets to what a cost compares with."""

from .chunks import Chunks
from .dataset import Dataset, load_digits, load_penguins, read
from .splitting import folds, split
from .table_encoder import TableEncoder
from .targets import TargetEncoder

__all__ = [
    "Chunks", "Dataset", "TableEncoder", "TargetEncoder", "folds", "load_digits", "load_penguins",
    "read", "split",
]  # fmt: skip
