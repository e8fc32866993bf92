"""Checks at the door: each says in one line which argument, what came, and what is expected."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
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
    "domain",
    "flag",
    "fraction",
    "in_a_folder",
    "instance",
    "integer",
    "lone_sample",
    "matrix",
    "number",
    "numbers",
    "pair",
    "path",
    "shown",
    "weights",
]

MOST_SAMPLES = 2**32 - 1  # the order of a shuffle has 4 bytes a sample
MOST = 2**63 - 1  # that an integer of a compiled loop holds


def shown(value: Any) -> str:
    """What came, on one line that is not long, for an error."""
    text = " ".join(repr(value).split())  # an array's has many
    return text if len(text) <= 80 else f"{text[:77]}..."


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
    """The finite real number that came, within its limits."""
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
        raise ValueError(f"{name}: got {value!r}; expected {expected}")
    return real


def integer(name: str, value: Any, *, least: int, most: float = MOST) -> int:
    """The integer that came, within its limits."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: got {shown(value)}; expected an integer of at least {least}")
    if value < least:
        raise ValueError(f"{name}: got {value}; expected an integer of at least {least}")
    if int(value) > most:
        raise ValueError(f"{name}: got {value}; expected an integer of at most {most}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """What came as True or False."""
    if not isinstance(value, bool | np.bool_ | Integral) or value not in (0, 1):
        raise TypeError(f"{name}: got {shown(value)}; expected True or False")
    return bool(value)


def instance(name: str, value: Any, kind: type) -> None:
    """Raise unless it is of that kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: got {type(value).__name__}; expected a fg.{kind.__name__}")


def path(name: str, value: Any) -> str:
    """The path that came."""
    if not isinstance(value, str | PathLike):
        raise TypeError(f"{name}: got {shown(value)}; expected a path")
    return fspath(value)


def in_a_folder(name: str, path: Any) -> None:
    """Raise unless the folder of that path exists."""
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"{name}: got {path}; expected it in a folder that exists")


def pair(name: str, value: Any, of: str) -> tuple[Any, Any]:
    """The two things that came, in a tuple or list."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: got {type(value).__name__}; expected a pair {of}")
    if len(value) != 2:
        raise ValueError(f"{name}: got {len(value)} things; expected a pair {of}")
    return value[0], value[1]


def fraction(name: str, value: Any) -> float:
    """The number that came, from 0 to below 1: how much of a mean or velocity stays."""
    return number(name, value, least=0, below=1)


def betas(value: Any) -> tuple[float, float]:
    """The two fractions that came."""
    beta1, beta2 = pair("betas", value, "(beta1, beta2)")
    return fraction("betas[0]", beta1), fraction("betas[1]", beta2)


def _plain(name: str) -> str:
    """A name without what libraries spell differently: BCELoss, bce_loss and bce are one."""
    return re.sub(r"[\W_]", "", name.lower()).removesuffix("loss")


def _expected(name: str, known: list[str], elsewhere: Mapping[str, str]) -> str:
    others = {_plain(one): one for one in known} | dict(elsewhere)
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    meant = others.get(_plain(name), near[0] if near else "")
    hint = f"did you mean {meant!r}? " if meant else ""
    return f"{hint}expected one of {', '.join(sorted(known))}"


def choice(
    name: str, value: Any, known: Iterable[str], elsewhere: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The name that came, one of the known ones; `elsewhere`: what others call them, for a hint."""
    known = list(known)
    if isinstance(value, str) and value in known:
        return value
    raise ValueError(f"{name}: got {shown(value)}; {_expected(str(value), known, elsewhere)}")


class NoNewAttributes:
    """Takes no new public attribute once it is made: a misspelt one would silently do nothing.

    Nor one in the place of a method.
    """

    _made_last = "__class__"  # the attribute that completes it; this one is there from the start
    _elsewhere: Mapping[str, str] = MappingProxyType({})  # as for `choice`

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what there is."""
        kind = type(self)
        takes = hasattr(self, name) and not callable(getattr(kind, name, None))
        if hasattr(self, self._made_last) and not (takes or name.startswith("_")):
            of_kind = {k: getattr(kind, k, None) for k in dir(self) if not k.startswith("_")}
            known = [k for k, v in of_kind.items() if not callable(v) and getattr(v, "fset", True)]
            expected = _expected(name, known, self._elsewhere)
            raise AttributeError(f"{kind.__name__}: got an attribute {name!r}; {expected}")
        object.__setattr__(self, name, value)


def contiguous(array: np.ndarray[Any, Any], dtype: Any) -> np.ndarray[Any, Any]:
    """The array as compiled code reads it: that dtype, row by row without gaps, aligned.

    Every array whose address is handed to compiled code comes from here or is made by the library.
    A view such as ``table[:, -1]`` or ``y[::-1]`` is copied; an array that fits already is not.
    """
    return np.require(array, dtype, ["C", "A"])


def numbers(name: str, value: Any, expected: str) -> np.ndarray[Any, Any]:
    """What came as an array of numbers, of whatever shape; not what lies under a mask."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name}: got masked values; expected {expected}")
    try:
        array = np.asarray(value)
    except ValueError:  # ragged lists
        raise ValueError(f"{name}: got rows of different lengths; expected {expected}") from None
    if array.dtype.kind in "OSU":
        others = (x for x in array.flat if not isinstance(x, Real | np.bool_))
        first = next(others, array)
        if first is array and array.dtype.kind == "O":  # columns of several dtypes
            return array.astype(np.float64)
        kind = f"{type(first).__name__}, in an array of dtype {array.dtype}"
        raise TypeError(f"{name}: got {shown(first)} ({kind}); expected {expected}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: got an array of dtype {array.dtype}; expected {expected}")
    return array


def _finite(name: str, array: np.ndarray[Any, Any]) -> None:
    # One number that is not finite makes the sum so: no array as large as X is needed. A sum that
    # overflows only means a closer look.
    if array.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        doubtful = not np.isfinite(array.sum())
    if doubtful:
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = ", ".join(map(str, bad[0]))
            raise ValueError(
                f"{name}: got {array[tuple(bad[0])]} at [{place}]; expected finite numbers"
            )


def matrix(
    name: str, value: Any, dtype: np.dtype[Any], width: int, rows: int | None = None
) -> np.ndarray[Any, Any]:
    """C-contiguous rows of numbers of that dtype; not copied where they are that already."""
    expected = f"numbers of shape ({'S' if rows is None else rows}, {width})"
    array = numbers(name, value, expected)
    if array.ndim == 1 and width == 1 and rows is not None:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != width or (rows is not None and len(array) != rows):
        came = np.shape(value)
        hint = f"; a single sample is {name}[None]" if rows is None and came == (width,) else ""
        raise ValueError(f"{name}: got shape {came}; expected {expected}{hint}")
    if not len(array):
        raise ValueError(f"{name}: got no samples (shape {array.shape}); expected at least one")
    if len(array) > MOST_SAMPLES:
        raise ValueError(f"{name}: got {len(array)} samples; expected at most {MOST_SAMPLES}")
    _finite(name, array)
    with np.errstate(over="ignore"):
        converted = contiguous(array, dtype)
    if converted is not array and not np.isfinite(converted).all():
        bad = np.argwhere(~np.isfinite(converted))[0]
        place = ", ".join(map(str, bad))
        raise ValueError(
            f"{name}: got {array[tuple(bad)]:g} at [{place}]; expected numbers within {dtype}"
        )
    return converted


def lone_sample(name: str, x: Any, y: Any, width: int, parts: int) -> tuple[Any, Any]:
    """A single sample without a row of its own as a batch of one; a batch as it came.

    Where y has several parts, each is made one.
    """
    expected = f"numbers of shape (S, {width}) or ({width},)"
    array = numbers(name, x, expected)
    if array.ndim != 1:
        return x, y
    if array.size != width:
        raise ValueError(f"{name}: got shape {array.shape}; expected {expected}")
    if parts == 1:
        return array[None], _lone_target("y", y)
    if not isinstance(y, list | tuple):
        return array[None], y
    return array[None], [_lone_target(f"y[{k}]", part) for k, part in enumerate(y)]


def _lone_target(name: str, value: Any) -> np.ndarray[Any, Any]:
    array = numbers(name, value, "the numbers of one sample")
    return array.reshape((1, -1) if array.ndim else 1)


def class_ids(name: str, value: Any, classes: int, rows: int) -> np.ndarray[Any, Any]:
    """Class numbers from 0 to classes - 1, one a sample."""
    expected = f"{rows} class ids from 0 to {classes - 1}"
    ids = numbers(name, value, expected)
    if ids.shape != (rows,):
        raise ValueError(
            f"{name}: got shape {ids.shape}; expected {expected}, or ({rows}, {classes})"
        )
    if ids.dtype.kind == "f" and not (ids == np.floor(ids)).all():
        s = int(np.argmax(ids != np.floor(ids)))
        raise ValueError(f"{name}: got {ids[s]} at [{s}]; expected {expected}")
    if ids.min() < 0 or ids.max() >= classes:
        s = int(np.argmax((ids < 0) | (ids >= classes)))
        raise ValueError(f"{name}: got {ids[s]} at [{s}]; expected {expected}")
    return contiguous(ids, np.int64)


def weights(
    name: str, value: Any, dtype: np.dtype[Any], rows: int, *, may_be_zeros: bool = False
) -> np.ndarray[Any, Any]:
    """One weight a sample, none negative, not all 0 unless they may be."""
    shape = numbers(name, value, f"{rows} weights").shape
    if shape != (rows,):
        raise ValueError(f"{name}: got shape {shape}; expected ({rows},)")
    array = matrix(name, value, dtype, 1, rows)[:, 0]
    if array.min() < 0:
        s = int(np.argmin(array))
        raise ValueError(f"{name}: got {array[s]} at [{s}]; expected weights of at least 0")
    if not (may_be_zeros or array.any()):
        raise ValueError(f"{name}: got only zeros; expected at least one weight above 0")
    return contiguous(array, dtype)


_DOMAINS: dict[str, tuple[str, Any]] = {
    "nonnegative": ("at least 0", lambda y: y < 0),
    "unit": ("from 0 to 1", lambda y: (y < 0) | (y > 1)),
    "sign": ("-1 or 1", lambda y: np.abs(y) != 1),
    "distribution": ("from 0 to 1", lambda y: (y < 0) | (y > 1)),
}


def domain(name: str, array: np.ndarray[Any, Any], kind: str) -> None:
    """Raise unless all numbers are such as the cost takes: its `targets`."""
    if kind not in _DOMAINS:
        return
    expected, wrong = _DOMAINS[kind]
    bad = np.argwhere(wrong(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise ValueError(f"{name}: got {array[tuple(bad[0])]} at [{place}]; expected {expected}")
    if kind == "distribution":
        sums = array.sum(axis=1)
        s = int(np.argmax(np.abs(sums - 1)))
        if abs(sums[s] - 1) > 1e-3:
            raise ValueError(f"{name}: got row {s} with sum {sums[s]:g}; expected rows with sum 1")


def network_sizes(sizes: Any) -> tuple[int, ...]:
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(f"sizes: got {shown(sizes)}; expected a list of integers n_0 ... n_L")
    most = 2**29  # an integer holds how many bytes the weights between two such layers take
    checked = tuple(integer(f"sizes[{l}]", n, least=1, most=most) for l, n in enumerate(sizes))
    if len(checked) < 2:
        raise ValueError(f"sizes: got {list(checked)}; expected at least 2, inputs and outputs")
    return checked


def one_a_layer(
    name: str, value: Any, kinds: tuple[Any, ...], n_layers: int, last: str | None = None
) -> list[Any]:
    """One thing for each layer; of one alone, copies (and `last` for the output, if given)."""
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
    try:
        name = np.dtype(dtype).name if dtype is not None else None
    except TypeError:
        name = dtype
    return np.dtype(choice("dtype", name, ("float32", "float64")))
