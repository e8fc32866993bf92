"""Files of arrays: .npz, .npy and idx, the format of MNIST; nothing in them is executed.

An array is read when it is asked for, and after its header has been compared with the file's size.
"""

import gzip
import io
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .archives import open_member
from .expansion import check_expansion

__all__ = ["StoredArray", "open_idx", "open_npy", "open_npz"]


_PART = 2**20  # bytes that are read at a time


class _Header(NamedTuple):
    """What the header of an array says."""

    n_bytes: int  # its own
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool = False


class StoredArray:
    """An array in a file, whose header and whose values are read when they are asked for.

    Parameters
    ----------
    path : Path
        The file, for errors.
    opened : callable
        A context with the array's content, for reading bytes.
    header_of : callable
        Reads the header from it.
    size : int, optional
        The size of the content; None if it is not known before it is decompressed.
    is_alone : bool
        Whether nothing may follow the array.
    """

    def __init__(
        self,
        path: Path,
        opened: Callable[[], Any],
        header_of: Callable[[IO[bytes]], _Header],
        size: int | None,
        is_alone: bool = False,
    ) -> None:
        self.path, self._opened, self._header_of = path, opened, header_of
        self._size, self._is_alone = size, is_alone

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self._header.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype, in the byte order of the file."""
        return self._header.dtype

    @cached_property
    def _header(self) -> _Header:
        with _decoding(self.path), self._opened() as file:
            header = self._header_of(file)
        if header.dtype.hasobject:
            raise ValueError(
                f"{self.path}: holds an array of Python objects; expected numbers or text"
            )
        if min(header.shape, default=0) < 0 or not header.dtype.itemsize:
            raise ValueError(f"{self.path}: damaged: the header of an array has no valid size")
        self._check_size(header, self._size)
        return header

    def _check_size(self, header: _Header, size: int | None) -> None:
        """Raise unless the content has the size that its header says, and this is not too much."""
        expected = header.n_bytes + math.prod(header.shape) * header.dtype.itemsize
        if expected >= 2**63:
            raise ValueError(f"{self.path}: damaged: the header of an array has no valid size")
        if size is not None and (size < expected or (self._is_alone and size > expected)):
            state = "cut short" if size < expected else "too long"
            sizes = " x ".join(map(str, header.shape))
            raise ValueError(
                f"{self.path}: {state}: {size} bytes; expected {expected} from the header ({sizes})"
            )
        check_expansion(str(self.path), self.path.stat().st_size, expected)

    def read(self) -> NDArray[Any]:
        """The array, in the byte order of the machine."""
        header = self._header
        with _decoding(self.path), self._opened() as file:
            file.read(header.n_bytes)
            values = np.empty(math.prod(header.shape), header.dtype)
            n_read = _fill(file, values)
            n_more = len(file.read(1)) if self._is_alone else 0  # or the end, with its checksum
            self._check_size(header, header.n_bytes + n_read + n_more)
            array: NDArray[Any] = values.reshape(
                header.shape, order="F" if header.is_fortran else "C"
            )
            if array.dtype.kind == "b":
                array = array.view(np.uint8) != 0  # True is 1, whatever the file has
            return array.astype(header.dtype.newbyteorder("="), copy=False)


def _fill(file: IO[bytes], values: NDArray[Any]) -> int:
    """Read values; return the number of bytes that there were."""
    memory, n_read = values.view(np.uint8), 0
    while part := file.read(min(len(memory) - n_read, _PART)):
        memory[n_read : n_read + len(part)] = np.frombuffer(part, np.uint8)
        n_read += len(part)
    return n_read


# --- npy, npz ------------------------------------------------------------------------------------

_LONGEST = 10_000  # bytes of a header; numpy refuses longer ones too, after it has read them
_PARSERS = {
    (1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0,
}  # fmt: skip


def open_npy(path: Path) -> StoredArray:
    """The array of a .npy file."""
    with _decoding(path):
        size = path.stat().st_size
    return StoredArray(path, partial(path.open, "rb"), _npy_header, size)


def open_npz(path: Path) -> dict[str, StoredArray]:
    """The arrays of a .npz file by name."""
    with _decoding(path), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return {
        member.filename.removesuffix(".npy"): StoredArray(
            path, partial(_unzipped, path, member), _npy_header, member.file_size
        )
        for member in members
    }


def _npy_header(file: IO[bytes]) -> _Header:
    head = io.BytesIO(file.read(_LONGEST))
    with warnings.catch_warnings():  # of odd literals, of files that Python 2 wrote
        warnings.simplefilter("ignore")
        version = np.lib.format.read_magic(head)
        if version not in _PARSERS:
            raise ValueError
        shape, is_fortran, dtype = _PARSERS[version](head)
    return _Header(head.tell(), shape, dtype, is_fortran)


@contextmanager
def _unzipped(path: Path, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, open_member(archive, member) as file:
        yield file


# --- idx -----------------------------------------------------------------------------------------

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def open_idx(path: Path) -> StoredArray:
    """The array of an idx file, the format of MNIST, plain or with gzip.

    Four bytes (0, 0, type, number of dimensions), the dimensions as big-endian 32-bit integers,
    then the values, big-endian, row by row.
    """
    header_of = partial(_idx_header, path)
    if path.suffix == ".gz":
        return StoredArray(path, partial(gzip.open, path), header_of, None, is_alone=True)
    with _decoding(path):
        size = path.stat().st_size
    return StoredArray(path, partial(path.open, "rb"), header_of, size, is_alone=True)


def _idx_header(path: Path, file: IO[bytes]) -> _Header:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES:
        raise ValueError(f"{path}: not an idx file (begins with {head.hex(' ') or 'nothing'})")
    n_bytes = 4 + 4 * head[3]
    sizes = file.read(n_bytes - 4)
    if len(sizes) < n_bytes - 4:
        raise ValueError(f"{path}: cut short within the header; expected {n_bytes} bytes of it")
    return _Header(n_bytes, struct.unpack(f">{head[3]}I", sizes), np.dtype(_IDX_TYPES[head[2]]))


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
