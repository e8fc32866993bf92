"""DataFrames as inputs: their columns are taken by name, never by position."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import validation

__all__ = ["column_names", "matrix"]

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
