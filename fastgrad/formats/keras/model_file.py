"""A .keras file: a zip archive with JSON and an HDF5 file, read without Keras and with limits."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ... import validation
from ...data.archives import ZIP_ERRORS, open_member
from ...extras import import_extra

__all__ = ["ArraysOf", "ModelFile"]

Array = np.ndarray[Any, Any]

#: From a layer's path and the shapes of its first arrays, None being any size, to these.
ArraysOf = Callable[[tuple[str, ...], list[tuple[int | None, ...]]], list[Array]]

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MAX_EXPANSION = 4  # times the file; Keras does not compress at all
_SMALL = 1 << 20
_HDF5_ERRORS = (
    OSError,
    KeyError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
)


class ModelFile:
    """A .keras file while it is read.

    Parameters
    ----------
    path : path-like
        The file.

    Attributes
    ----------
    config : object
        The JSON that describes the model.

    Raises
    ------
    TypeError, FileNotFoundError
        If it is no path, or there is no such file.
    ValueError
        If the file is damaged or of another kind, or expands to more than 4 times its size.
    """

    def __init__(self, path: Any) -> None:
        if not isinstance(path, str | Path):
            raise TypeError(
                f"model: got {type(path).__name__}; expected a model of Keras, or a .keras file"
            )
        self._path = Path(path)
        validation.existing_file(self._path, "a .keras file")
        self._most = max(_SMALL, _MAX_EXPANSION * self._path.stat().st_size)
        h5py = import_extra("h5py", "keras", "a .keras file")
        try:
            with zipfile.ZipFile(self._path) as archive:
                self.config = json.loads(self._member(archive, _CONFIG))
                content = self._member(archive, _WEIGHTS)
        except (*ZIP_ERRORS, NotImplementedError, OSError, ValueError, RecursionError) as error:
            raise self.damaged(str(error)) from None
        if not isinstance(self.config, dict):
            raise self.damaged("its config.json is no object")
        self._size = len(content)
        self._hard, self._dataset = h5py.HardLink, h5py.Dataset
        try:
            self._weights = h5py.File(io.BytesIO(content), "r")
        except _HDF5_ERRORS as error:
            raise self.damaged(str(error)) from None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        where: TracebackType | None,
    ) -> None:  # fmt: skip
        """Close the file of the weights."""
        self._weights.close()

    def damaged(self, reason: str) -> ValueError:
        """The error that the file is not one that Keras writes."""
        old = "; a .h5 file of Keras 2 becomes one by keras.models.load_model(path).save(...)"
        hint = old if self._path.suffix in (".h5", ".hdf5") else ""
        shown = validation.shortened(" ".join(reason.split()), 100)
        return ValueError(
            f"{self._path}: got a file that is damaged or of another kind ({shown}); expected a"
            f" .keras file{hint}"
        )

    def _member(self, archive: zipfile.ZipFile, name: str) -> bytes:
        found = [member for member in archive.infolist() if member.filename == name]
        if len(found) != 1:
            raise ValueError(f"{len(found)} members {name}")
        if found[0].file_size > self._most:
            raise ValueError(f"{name} of {found[0].file_size:,} bytes")
        with open_member(archive, found[0]) as file:
            content = file.read(self._most + 1)
        if len(content) > self._most:
            raise ValueError(f"{name} of more than {self._most:,} bytes")
        return content

    def arrays(self, path: tuple[str, ...], shapes: list[tuple[int | None, ...]]) -> list[Array]:
        """The first arrays of a layer.

        Parameters
        ----------
        path : tuple of str
            "SAVED/NAME" of each model on the way and of the layer: what the weights are saved as,
            and what the layer is called.
        shapes : list of tuples
            Of the arrays, None being any size.
        """
        group = "".join(f"layers/{step.partition('/')[0]}/" for step in path) + "vars/"
        name = "/".join(step.partition("/")[2] for step in path)
        try:
            return [self._array(f"{group}{k}", shape) for k, shape in enumerate(shapes)]
        except _HDF5_ERRORS as error:
            raise self.damaged(f"{validation.shown(name)}: {error}") from None

    def _array(self, place: str, shape: tuple[int | None, ...]) -> Array:
        """A dataset that lies in the file as it is: no link, no filter, nothing outside."""
        at, steps = self._weights, place.split("/")
        for step in steps:
            link = at.get(step, getlink=True)
            if not isinstance(link, self._hard):
                raise ValueError(f"no {place}")  # noqa: TRY004 - a file
            at = at[step]
        if not isinstance(at, self._dataset) or at.is_virtual or at.external:
            raise ValueError(f"{place} is no array of the file")
        if at.dtype not in (np.float32, np.float64):
            raise ValueError(f"{place} of {at.dtype}")
        if at.id.get_create_plist().get_nfilters() or at.nbytes > self._size:
            raise ValueError(f"{place} is compressed, or larger than the file")
        expected = tuple(n if m is None else m for n, m in zip(at.shape, shape, strict=False))
        if at.shape != expected or len(at.shape) != len(shape):
            raise ValueError(f"{place} of shape {at.shape}")
        array: Array = at[()]
        return array
