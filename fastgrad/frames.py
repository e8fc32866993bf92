"""DataFrames and their rows as inputs: columns are taken by name, never by position."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import validation

__all__ = ["column_names", "is_series", "matrix", "row"]

Array = np.ndarray[Any, Any]


def column_names(X: Any) -> tuple[str, ...] | None:
    """The names of the columns of a pandas, polars, pyarrow or similar table; None without any."""
    kind = type(X)  # attributes of a DataFrame itself may be its columns
    if hasattr(kind, "column_names"):  # of pyarrow, whose `columns` are the arrays
        names = X.column_names
    elif hasattr(kind, "columns"):
        names = X.columns
    else:
        return None
    if callable(names):
        return None
    names = tuple(names)
    return names if names and all(isinstance(name, str) for name in names) else None


def is_series(source: Any) -> bool:
    """Whether it is a row of a pandas DataFrame: a Series whose index has the names."""
    kind: Any = type(source)
    is_one = hasattr(kind, "iloc") and not hasattr(kind, "columns")
    return is_one and all(isinstance(name, str) for name in source.index)


def matrix(
    name: str, X: Any, dtype: np.dtype[Any], width: int, expected: Sequence[str] | None = None
) -> Array:
    """Return X as a C-contiguous (S, width) array of the dtype, its columns in the expected order.

    Parameters
    ----------
    name : str
        The argument, for errors.
    X : array_like
        (S, width), or a DataFrame of so many columns.
    dtype : numpy.dtype
        float32 or float64.
    width : int
        Number of columns.
    expected : sequence of str, optional
        The names of the columns in training, if they had any: a DataFrame must have exactly these,
        in any order. An array is taken as it is.

    Raises
    ------
    ValueError, TypeError
        A column is missing, unknown, or holds something else than finite numbers.
    """
    names = column_names(X)
    if names is None:
        return validation.matrix(name, X, dtype, width)
    order = None
    if expected:
        _check_names(name, names, expected)
        order = [names.index(column) for column in expected]
    try:
        array = validation.matrix(name, X, dtype, width)
    except (TypeError, ValueError) as error:
        if problems := _problems(X, names):
            raise type(error)(
                f"{name}: {'; '.join(problems)}; expected finite numbers, which"
                " fg.data.TableEncoder().fit_transform(table) makes of them"
            ) from None
        raise
    return array if order in (None, [*range(width)]) else np.ascontiguousarray(array[:, order])


def row(
    name: str, x: Any, dtype: np.dtype[Any], width: int, expected: Sequence[str] | None = None
) -> Array:
    """Return a single row as a C-contiguous (1, width) array of the dtype.

    Parameters
    ----------
    name, dtype, width, expected
        As for `matrix`.
    x : array_like
        (width,); the values of a mapping, or of a pandas Series whose index has names, are taken by
        name if names are expected.

    Raises
    ------
    ValueError, TypeError
        As of `matrix`.
    """
    shape = f"numbers of shape ({width},)"
    if isinstance(x, Mapping) and not expected:
        raise TypeError(
            f"{name}: got {type(x).__name__} for a network that was trained without names of"
            f" columns; expected {shape}"
        )
    if expected and (isinstance(x, Mapping) or is_series(x)):
        _check_names(name, [*x.keys()], expected)
        x = [x[column] for column in expected]
    array = validation.numbers(name, x, shape)
    if array.shape != (width,):
        raise ValueError(f"{name}: got shape {array.shape}; expected {shape}")
    return validation.matrix(name, array[None], dtype, width)


def _check_names(name: str, names: Sequence[str], expected: Sequence[str]) -> None:
    """Raise unless the names are the expected ones, in any order."""
    missing = [column for column in expected if column not in names]
    unknown = [column for column in names if column not in expected]
    problems = [f"no column {column!r}" for column in missing]
    problems += [f"column {c!r} ({validation.did_you_mean(c, missing)}unknown)" for c in unknown]
    problems += [f"column {c!r} twice" for c in dict.fromkeys(names) if names.count(c) > 1]
    if problems:
        raise ValueError(
            f"{name}: got {', '.join(problems[:8])}{', ...' if len(problems) > 8 else ''}; expected"
            f" the {len(expected)} columns of training"
        )


def _problems(X: Any, names: Sequence[str]) -> list[str]:
    """What keeps each column of a table from being finite numbers."""
    problems = []
    for name in dict.fromkeys(names):
        values = np.asarray(X[name])
        if values.dtype.kind in "OSUT":
            kinds = {type(value).__name__ for value in values.ravel().tolist()}
            problems.append(f"column {name!r} holds {' and '.join(sorted(kinds))}")
        elif values.dtype.kind not in "fiub":
            problems.append(f"column {name!r} has dtype {values.dtype}")
        elif values.dtype.kind == "f" and (bad := int((~np.isfinite(values)).sum())):
            problems.append(f"column {name!r} has {bad:,} values that are missing or infinite")
    return problems
