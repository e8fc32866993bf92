"""ONNX files: models as graphs that onnxruntime and others run, and networks from them."""

from .reader import read
from .writer import write

__all__ = ["read", "write"]
