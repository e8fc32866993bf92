"""Rows made for a model, with which an exported file is compared with the model itself."""

import warnings
from typing import Any

import numpy as np

from ..data.column_encoders import CategoryEncoder, ColumnEncoder, LeftOut
from ..data.column_values import FIRST_DATE, LAST_DATE
from ..data.number_encoders import DateEncoder, NumberEncoder
from ..data.table import Column, Table
from ..data.table_encoder import TableEncoder
from .portable import PortableModel

__all__ = ["MISSING_DATE", "example_inputs", "example_rows"]

Array = np.ndarray[Any, Any]

#: What stands for a missing date among integers, NaT of NumPy.
MISSING_DATE = int(np.iinfo(np.int64).min)

_MISSING = 0.1  # the share of cells


def example_inputs(model: PortableModel, n: int) -> Array:
    """Inputs (n, n_0) such as those of training may be, for a model without an encoder."""
    dtype = np.result_type(*(network.spec.dtype for network in model.networks))
    X = np.random.default_rng(0).normal(size=(n, model.networks[0].spec.sizes[0]))
    of_inputs = model.networks[0].of_inputs
    if of_inputs is not None:
        mean, scale = (array.astype(np.float64) for array in of_inputs)
        X = X / scale + mean
    return X.astype(dtype)


def example_rows(encoder: TableEncoder, n: int, as_codes: bool) -> tuple[Array, dict[str, Array]]:
    """Rows of a table, some cells of which are missing or unknown.

    Parameters
    ----------
    encoder : TableEncoder
        Of the model.
    n : int
        How many.
    as_codes : bool
        Whether categories are their positions, -1 or the number of categories for any other cell,
        instead of text, "" where it is missing.

    Returns
    -------
    X : (n, n_0) array
        The inputs that the encoder makes of them.
    cells : dict of str to (n,) array
        Numbers as float64, NaN where missing; dates as microseconds since 1970; categories.
    """
    columns, given, rng = {}, {}, np.random.default_rng(0)
    for column in encoder.columns:
        if not isinstance(column, LeftOut):
            values, given[column.name] = _cells(column, n, rng, as_codes)
            columns[column.name] = Column(column.name, values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of categories that training had not
        X = encoder.transform(Table(columns, n, "example rows"))
    return X, given


def _cells(
    column: ColumnEncoder, n: int, rng: np.random.Generator, as_codes: bool
) -> tuple[Array, Array]:
    """The values of a column as in a table, and as a file takes them."""
    gone = rng.random(n) < _MISSING
    if isinstance(column, NumberEncoder):
        x = np.where(gone, np.nan, column.low + (column.high - column.low) * rng.normal(0.5, 1, n))
        return x, x
    if isinstance(column, DateEncoder):
        us = column.low + (column.high - column.low) * rng.normal(0.5, 1, n)
        us = np.clip(us, FIRST_DATE, LAST_DATE - 1e9).astype(np.int64)
        us[gone] = MISSING_DATE
        return us.view("datetime64[us]"), us
    assert isinstance(column, CategoryEncoder)
    codes = rng.integers(-1, len(column.categories) + 1, n)
    spellings = column.spellings()
    unknown = "no category"
    while unknown in spellings:
        unknown += "!"
    if as_codes:
        return np.array([*column.categories, unknown, None], object)[codes], codes
    texts = np.array([*spellings, unknown, ""], object)
    chosen = texts[rng.integers(0, len(texts), n)]
    values = chosen.copy()
    if "" not in spellings:
        values[values == ""] = None
    return values, chosen
