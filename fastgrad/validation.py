"""Argument validation: each error names the argument, the value received and what is expected."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = [
    "NoNewAttributes",
    "betas",
    "choice",
    "class_ids",
    "contiguous",
    "did_you_mean",
    "domain",
    "flag",
    "fraction",
    "in_a_folder",
    "instance",
    "integer",
    "matrix",
    "network_sizes",
    "number",
    "numbers",
    "one_per_layer",
    "pair",
    "path",
    "real_dtype",
    "shortened",
    "shown",
    "single_sample",
    "texts",
    "weights",
]

_MAX_SAMPLES = 2**32 - 1  # the permutation of a shuffle has 4 bytes per sample
_MAX_INTEGER = 2**63 - 1  # of a compiled loop
_MAX_NAME = 100  # characters that are compared with those of similar names, in quadratic time
_MAX_NODES = 2**29  # the bytes of the weights between two layers of this size fit in an integer


def shown(value: Any) -> str:
    """The repr of a value on one line of at most 80 characters, for an error message."""
    try:
        return shortened(repr(value))
    except (RecursionError, ValueError):  # of deeply nested lists, of integers of many digits
        return f"a value too large to be shown ({type(value).__name__})"


def shortened(text: str, most: int = 80) -> str:
    """The text on one line of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _limits(least: float | None, above: float | None, below: float | None) -> str:
    words = [f"at least {least}"] if least is not None else []
    words += [f"above {above}"] if above is not None else []
    words += [f"below {below}"] if below is not None else []
    return " and ".join(words)


def number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Return the value as a float; raise unless it is a finite number within the limits."""
    expected = f"a finite number {_limits(least, above, below)}".rstrip()
    if isinstance(value, bool) or not isinstance(value, Real | np.number):
        raise TypeError(f"{name}: got {shown(value)}; expected {expected}")
    real = float("inf")
    with suppress(OverflowError):  # of an integer beyond any float
        real = float(value)
    if (
        not np.isfinite(real)
        or (least is not None and real < least)
        or (above is not None and real <= above)
        or (below is not None and real >= below)
    ):
        raise ValueError(f"{name}: got {shown(value)}; expected {expected}")
    return real


def integer(name: str, value: Any, *, least: int, most: float = _MAX_INTEGER) -> int:
    """Return the value as an int; raise unless it is an integer within the limits."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: got {shown(value)}; expected an integer of at least {least}")
    if value < least:
        raise ValueError(f"{name}: got {shown(value)}; expected an integer of at least {least}")
    if int(value) > most:
        raise ValueError(f"{name}: got {shown(value)}; expected an integer of at most {most}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """Return the value as a bool; raise unless it is True or False, or 1 or 0."""
    if not isinstance(value, bool | np.bool_ | Integral) or value not in (0, 1):
        raise TypeError(f"{name}: got {shown(value)}; expected True or False")
    return bool(value)


def instance(name: str, value: Any, kind: type) -> None:
    """Raise unless the value is an instance of one of the public classes."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: got {type(value).__name__}; expected a fg.{kind.__name__}")


def path(name: str, value: Any) -> str:
    """Return the value as a string; raise unless it is a path."""
    if not isinstance(value, str | PathLike):
        raise TypeError(f"{name}: got {shown(value)}; expected a path")
    if not fspath(value):
        raise ValueError(f"{name}: got an empty text; expected a path")
    return fspath(value)


def in_a_folder(name: str, path: Any) -> None:
    """Raise unless the folder of the path exists."""
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"{name}: got {path}; expected it in a folder that exists")


def existing_file(path: Any, expected: str) -> None:
    """Raise unless there is a file of that name, with the words for what it should be."""
    if not Path(path).is_file():
        kind = "got a folder" if Path(path).is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {kind}; expected {expected}")


def pair(name: str, value: Any, of: str) -> tuple[Any, Any]:
    """Return the two items of a tuple or list; raise unless it has two."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: got {type(value).__name__}; expected a pair {of}")
    if len(value) != 2:
        raise ValueError(f"{name}: got {len(value)} items; expected a pair {of}")
    return value[0], value[1]


def fraction(name: str, value: Any) -> float:
    """Return the value as a float; raise unless it is at least 0 and below 1."""
    return number(name, value, least=0, below=1)


def betas(value: Any) -> tuple[float, float]:
    """Return the decay rates of the two running means of Adam and the like."""
    beta1, beta2 = pair("betas", value, "(beta1, beta2)")
    return fraction("betas[0]", beta1), fraction("betas[1]", beta2)


def _normalized(name: str) -> str:
    """A name without what libraries spell differently: BCELoss, bce_loss and bce are one."""
    return re.sub(r"[\W_]", "", name.lower()).removesuffix("loss")


def did_you_mean(
    name: str, names: Iterable[str], aliases: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The hint "did you mean 'relu'? " for a name that is not valid; empty if none is similar.

    Parameters
    ----------
    name : str
        The name received.
    names : iterable of str
        The valid names.
    aliases : mapping of str to str
        What other libraries call them, in lower case and without "_" and "loss"; "" for what is
        similar to a valid name but means something else.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - needed for an error only

    names, name = list(names), name[:_MAX_NAME]
    by_normalized = {_normalized(valid): valid for valid in names} | dict(aliases)
    by_normalized.pop("", None)
    similar = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    meant = by_normalized.get(_normalized(name), similar[0] if similar else "")
    return f"did you mean {shown(meant)}? " if meant else ""


def choice(
    name: str, value: Any, names: Iterable[str], aliases: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the value; raise unless it is one of the names. For `aliases` see `did_you_mean`."""
    names = list(names)
    if isinstance(value, str) and value in names:
        return value
    hint = did_you_mean(str(value), names, aliases)
    raise ValueError(f"{name}: got {shown(value)}; {hint}expected one of {_listed(names)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


class NoNewAttributes:
    """Base of objects that take no new public attribute: a misspelt one would have no effect.

    Neither can a method be replaced.
    """

    _made_last = "__class__"  # the last attribute that __init__ sets; by default one always there
    _aliases: Mapping[str, str] = MappingProxyType({})  # for `did_you_mean`

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute that exists; raise AttributeError for any other."""
        cls = type(self)
        exists = hasattr(self, name) and not callable(getattr(cls, name, None))
        if hasattr(self, self._made_last) and not (exists or name.startswith("_")):
            of_class = {k: getattr(cls, k, None) for k in dir(self) if not k.startswith("_")}
            names = [k for k, v in of_class.items() if not callable(v) and getattr(v, "fset", True)]
            hint = did_you_mean(name, names, self._aliases)
            raise AttributeError(
                f"{cls.__name__}: got an attribute {name!r}; {hint}expected one of {_listed(names)}"
            )
        object.__setattr__(self, name, value)


def contiguous(array: np.ndarray[Any, Any], dtype: Any) -> np.ndarray[Any, Any]:
    """The array as compiled code reads it: of that dtype, C-contiguous and aligned.

    Every array whose address is passed to compiled code comes from here or is made by the library.
    A view such as ``table[:, -1]`` or ``y[::-1]`` is copied; an array that fits already is not.
    """
    return np.require(array, dtype, ["C", "A"])


def numbers(name: str, value: Any, expected: str) -> np.ndarray[Any, Any]:
    """Return the value as an array of numbers of any shape; raise if it is none, or is masked."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name}: got masked values; expected {expected}")
    if value is None:
        raise TypeError(f"{name}: got None; expected {expected}")
    try:
        array = np.asarray(value)
    except ValueError:  # ragged lists
        raise ValueError(f"{name}: got rows of different lengths; expected {expected}") from None
    if array.dtype.kind in "OSU":
        others = (x for x in array.flat if not isinstance(x, Real | np.bool_))
        first = next(others, array)
        if hasattr(value, "toarray"):
            kind = type(value).__name__
            raise TypeError(f"{name}: got a sparse {kind}; expected {expected}: {name}.toarray()")
        if first is array and array.dtype.kind == "O":  # numbers of several types
            try:
                return array.astype(np.float64)
            except OverflowError:
                raise ValueError(
                    f"{name}: got an integer beyond any float; expected {expected}"
                ) from None
        kind = f"{type(first).__name__}, in an array of dtype {array.dtype}"
        hint = ""
        if "class ids" in expected and isinstance(first, str):
            hint = f"; labels, ids = np.unique({name}, return_inverse=True) makes ids of labels"
        raise TypeError(f"{name}: got {shown(first)} ({kind}); expected {expected}{hint}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: got an array of dtype {array.dtype}; expected {expected}")
    return array


def _raise_at(name: str, array: np.ndarray[Any, Any], wrong: Any, expected: str) -> None:
    """Raise for the first number for which the mask `wrong` is true, if there is one."""
    if wrong.any():
        index = np.unravel_index(wrong.argmax(), wrong.shape)
        place = ", ".join(map(str, index))
        raise ValueError(f"{name}: got {array[index]} at [{place}]; expected {expected}")


def _check_finite(name: str, array: np.ndarray[Any, Any]) -> None:
    # One number that is not finite makes the sum not finite, so no array as large as X is needed;
    # the sum of finite numbers may overflow, too.
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            doubtful = not np.isfinite(array.sum())
        if doubtful:
            _raise_at(name, array, ~np.isfinite(array), "finite numbers")


def matrix(
    name: str, value: Any, dtype: np.dtype[Any], width: int, rows: int | None = None
) -> np.ndarray[Any, Any]:
    """Return the value as a C-contiguous (S, width) array of the dtype, copied only if needed."""
    flat = f"({rows},) or " if width == 1 and rows is not None else ""
    expected = f"numbers of shape {flat}({'S' if rows is None else rows}, {width})"
    array = numbers(name, value, expected)
    if array.ndim == 1 and width == 1 and rows is not None:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != width or (rows is not None and len(array) != rows):
        shape = np.shape(value)
        hint = f"; a single sample is {name}[None]" if rows is None and shape == (width,) else ""
        raise ValueError(f"{name}: got shape {shape}; expected {expected}{hint}")
    if not len(array):
        raise ValueError(f"{name}: got no samples (shape {array.shape}); expected at least one")
    if len(array) > _MAX_SAMPLES:
        raise ValueError(f"{name}: got {len(array)} samples; expected at most {_MAX_SAMPLES}")
    _check_finite(name, array)
    with np.errstate(over="ignore"):
        converted = contiguous(array, dtype)
    if converted is not array and not np.isfinite(converted).all():
        _raise_at(name, array, ~np.isfinite(converted), f"numbers within {dtype}")
    return converted


def single_sample(name: str, x: Any, y: Any, width: int, parts: int) -> tuple[Any, Any]:
    """Return a single sample (width,) and its target as a batch of one; a batch is not changed.

    A target of several parts is a list with one for each part.
    """
    expected = f"numbers of shape (S, {width}) or ({width},)"
    array = numbers(name, x, expected)
    if array.ndim != 1:
        return x, y
    if array.size != width:
        raise ValueError(f"{name}: got shape {array.shape}; expected {expected}")
    if parts == 1:
        return array[None], _single_target("y", y)
    if not isinstance(y, list | tuple):
        return array[None], y
    return array[None], [_single_target(f"y[{k}]", part) for k, part in enumerate(y)]


def _single_target(name: str, value: Any) -> np.ndarray[Any, Any]:
    array = numbers(name, value, "the numbers of one sample")
    return array.reshape((1, -1) if array.ndim else 1)


def class_ids(name: str, value: Any, classes: int, rows: int) -> np.ndarray[Any, Any]:
    """Return the value as int64 class ids (rows,); raise unless each is from 0 to classes - 1."""
    expected = f"{rows} class ids from 0 to {classes - 1}"
    ids = numbers(name, value, expected)
    if ids.shape != (rows,):
        raise ValueError(
            f"{name}: got shape {ids.shape}; expected {expected}, or ({rows}, {classes})"
        )
    if ids.dtype.kind == "f":
        _raise_at(name, ids, ids != np.floor(ids), expected)
    _raise_at(name, ids, (ids < 0) | (ids >= classes), expected)
    return contiguous(ids, np.int64)


def weights(
    name: str, value: Any, dtype: np.dtype[Any], rows: int, *, allow_zeros: bool = False
) -> np.ndarray[Any, Any]:
    """Return the value as weights (rows,); raise if one is negative, or all are 0."""
    shape = numbers(name, value, f"{rows} weights").shape
    if shape != (rows,):
        raise ValueError(f"{name}: got shape {shape}; expected ({rows},)")
    array = matrix(name, value, dtype, 1, rows)[:, 0]
    _raise_at(name, array, array < 0, "weights of at least 0")
    if not (allow_zeros or array.any()):
        raise ValueError(f"{name}: got only zeros; expected at least one weight above 0")
    return contiguous(array, dtype)


_DOMAINS: dict[str, tuple[str, Any]] = {
    "nonnegative": ("at least 0", lambda y: y < 0),
    "unit": ("from 0 to 1", lambda y: (y < 0) | (y > 1)),
    "sign": ("-1 or 1", lambda y: np.abs(y) != 1),
    "distribution": ("from 0 to 1", lambda y: (y < 0) | (y > 1)),
}


def domain(name: str, array: np.ndarray[Any, Any], kind: str) -> None:
    """Raise unless all numbers are valid targets of a cost; `kind` is its attribute `targets`."""
    if kind not in _DOMAINS:
        return
    expected, is_wrong = _DOMAINS[kind]
    _raise_at(name, array, is_wrong(array), expected)
    if kind == "distribution":
        sums = array.sum(axis=1)
        s = int(np.argmax(np.abs(sums - 1)))
        if abs(sums[s] - 1) > 1e-3:
            raise ValueError(f"{name}: got row {s} with sum {sums[s]:g}; expected rows with sum 1")


def network_sizes(sizes: Any) -> tuple[int, ...]:
    """Return n_0 ... n_L as a tuple; raise unless they are at least two integers above 0."""
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(f"sizes: got {shown(sizes)}; expected a list of integers n_0 ... n_L")
    checked = tuple(
        integer(f"sizes[{l}]", n, least=1, most=_MAX_NODES) for l, n in enumerate(sizes)
    )
    if len(checked) < 2:
        raise ValueError(f"sizes: got {list(checked)}; expected at least 2, inputs and outputs")
    return checked


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Return the value as a tuple; raise unless it is a collection of text."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise TypeError(f"{name}: got {shown(value)}; expected a list of text, as [{shown(value)}]")
    for word in value:
        if not isinstance(word, str):
            raise TypeError(f"{name}: got {shown(word)} in it; expected text, as '{word}'")
    return tuple(value)


def one_per_layer(
    name: str, value: Any, kinds: tuple[Any, ...], n_layers: int, last: str | None = None
) -> list[Any]:
    """Return a list of one value per layer; a single value stands for all layers but `last`."""
    if isinstance(value, kinds):
        return [value] * (n_layers - 1) + [last or value]
    if not isinstance(value, Sequence):
        raise TypeError(f"{name}: got {shown(value)}; expected one name, or a list of {n_layers}")
    if len(value) != n_layers:
        raise ValueError(
            f"{name}: got a list of {len(value)}; expected one, or a list of {n_layers}"
        )
    return list(value)


def real_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype; raise unless it is float32 or float64."""
    try:
        name = np.dtype(dtype).name if dtype is not None else None
    except TypeError:
        name = dtype
    return np.dtype(choice("dtype", name, ("float32", "float64")))
