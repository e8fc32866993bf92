"""Files of arrays: .npz, .npy and idx, the format of MNIST; nothing in them is executed."""

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_idx", "read_npy", "read_npz"]


# --- npy, npz ------------------------------------------------------------------------------------


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of a .npy file; an array of Python objects is an error."""
    with _decoding(path), path.open("rb") as file:
        return _array(file)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a .npz file by name; an array of Python objects is an error."""
    arrays = {}
    with _decoding(path), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                arrays[name.removesuffix(".npy")] = _array(file)
    return arrays


def _array(file: IO[bytes]) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


# --- idx -----------------------------------------------------------------------------------------

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[Any]:
    """Read an idx file, the format of MNIST, plain or with gzip.

    Four bytes (0, 0, type, number of dimensions), the dimensions as big-endian 32-bit integers,
    then the values, big-endian, row by row.
    """
    with _decoding(path):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        head = content[:4].hex(" ") or "nothing"
        raise ValueError(f"{path}: not an idx file (begins with {head})")
    dtype, start = np.dtype(_IDX_TYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path}: cut short within the header; expected {start} bytes of it")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        state = "cut short" if len(content) < expected else "too long"
        sizes = " x ".join(map(str, shape))
        raise ValueError(
            f"{path}: {state}: {len(content)} bytes; expected {expected} from the header ({sizes})"
        )
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


# --- errors of decoders --------------------------------------------------------------------------


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Turn the errors of decoders into one line that names the file."""
    try:
        yield
    except gzip.BadGzipFile:
        reason = "not a gzip file"
    except (EOFError, zlib.error, zipfile.BadZipFile):
        reason = "empty, cut short or damaged"
    except (TypeError, SyntaxError, TokenError, RecursionError, OverflowError, MemoryError):
        reason = "damaged: the header of an array is none, or names a size that it cannot have"
    except (NotImplementedError, RuntimeError):  # of zipfile
        reason = "damaged, encrypted, or compressed in a way that is not known"
    except OSError as error:
        if error.filename is not None:
            raise
        reason = "damaged"
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        if str(error).startswith("Object arrays"):
            reason = "holds an array of Python objects; expected numbers or text"
        else:
            reason = f"damaged, or not a {path.suffix} file"
    else:
        return
    raise ValueError(f"{path}: {reason}")
