"""Tables as inputs of a network: numbers scaled, categories one-hot, dates by their parts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from .. import validation
from .cells import escaped, not_among, printable
from .column_choice import choose_encoder
from .column_encoders import CategoryEncoder, ColumnEncoder, LeftOut, RowWriter
from .column_values import Findings, column_of
from .encoder_config import check_fields, encoder_of, fields_of
from .single_rows import cells_by_name
from .table import Column, Table, read_table

__all__ = ["TableEncoder"]

_SCHEMA = {
    "categorical": "texts",
    "ignore": "texts",
    "scaling": "text",
    "dtype": "text",
    "columns": "columns",
}
_SCALINGS = ("standard", "robust")
_DTYPES = ("float32", "float64")


class TableEncoder:
    """Makes the inputs of a network from the columns of a table, and says how.

    - Numbers are scaled. A missing one is the median of training, and an input "is missing" says
      so if training had any. Constant columns are left out.
    - Categories (text, ordered categories, booleans, and what `categorical` names) have an input
      each, 1 for the category and else 0; two of them share one input. Missing is a category of
      its own if training had any. One that training had not counts as missing, with a warning.
    - Dates and times become year, month, day of week (Monday is 0), hour and the days since the
      first of training, those that vary, scaled.
    - Text unlike a category and a first column that only counts the rows are left out.

    `print(encoder)` shows what became of each column, and why.

    Parameters
    ----------
    categorical : sequence of str
        Columns that are categories whatever they hold: codes, hours, names.
    ignore : sequence of str
        Columns to leave out.
    scaling : {"standard", "robust"}
        Of numbers x: (x - mean) / standard deviation, or z = (x - median) / (difference of the
        quartiles) and then z / sqrt(1 + (z / 3)^2), which keeps far values within 3. If the
        quartiles are equal, half the range is in their place.
    dtype : {"float32", "float64"}
        Of the inputs. Scaling is done in float64.

    Attributes
    ----------
    columns : list of ColumnEncoder
        What became of each column, in the order of the table, those left out too: `name`, `kind`,
        `description`, `input_names`.
    input_names : list of str
        The name of each input: "age", "age is missing", "sex = male", "date: month".
    names : list of str
        The columns that `transform` needs.
    text_columns : list of str
        The columns to read as text, so that codes keep their zeros.
    """

    def __init__(
        self,
        *,
        categorical: Sequence[str] = (),
        ignore: Sequence[str] = (),
        scaling: Literal["standard", "robust"] = "standard",
        dtype: Any = "float32",
    ) -> None:
        self.categorical = _names("categorical", categorical)
        self.ignore = _names("ignore", ignore)
        self.scaling = validation.choice("scaling", scaling, _SCALINGS)
        self.dtype = validation.real_dtype(dtype).name
        self._columns: list[ColumnEncoder] | None = None
        self._writers: list[tuple[str, RowWriter]] | None = None  # made by the first encode_row

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute once; raise AttributeError for options later, which the fit has used."""
        if hasattr(self, "_writers") and not name.startswith("_"):
            raise AttributeError(
                f"TableEncoder: got a new value of {name!r}; expected options when it is made, as"
                f" TableEncoder({name}={validation.shown(value)})"
            )
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """The attributes that can be pickled."""
        return {**vars(self), "_writers": None}

    # --- what was decided ------------------------------------------------------------------------

    @property
    def columns(self) -> list[ColumnEncoder]:
        """What became of each column, in the order of the table."""
        if self._columns is None:
            raise ValueError("TableEncoder: it has no columns yet; call fit(table) first")
        return self._columns

    @property
    def input_names(self) -> list[str]:
        """The name of each input."""
        return [name for encoder in self.columns for name in encoder.input_names]

    @property
    def names(self) -> list[str]:
        """The columns that `transform` needs."""
        return [encoder.name for encoder in self._used]

    @property
    def text_columns(self) -> list[str]:
        """The columns to read as text."""
        return [e.name for e in self._used if type(e) is CategoryEncoder]

    @property
    def _used(self) -> list[ColumnEncoder]:
        return [encoder for encoder in self.columns if not isinstance(encoder, LeftOut)]

    def __repr__(self) -> str:
        """The constructor's call, and the numbers of columns and inputs."""
        defaults = {"categorical": (), "ignore": (), "scaling": "standard", "dtype": "float32"}
        options = [
            f"{name}={getattr(self, name)!r}"
            for name, default in defaults.items()
            if getattr(self, name) != default
        ]
        fitted = f", {len(self.names)} columns, {len(self.input_names)} inputs"
        return f"<TableEncoder({', '.join(options)}){fitted if self._columns is not None else ''}>"

    def __str__(self) -> str:
        """A text table: column, kind, number of inputs, what became of it and why."""
        if self._columns is None:
            return repr(self)
        rows = [("column", "kind", "inputs", "values")]
        rows += [
            (printable(e.name), e.kind, str(len(e.input_names)), escaped(e.description))
            for e in self._columns
        ]
        rows.append(
            (f"{len(self.names)} of {len(self.columns)}", "", str(len(self.input_names)), "")
        )
        width = [max(len(row[j]) for row in rows) for j in range(3)]
        return "\n".join(
            f"{name:{width[0]}}  {kind:{width[1]}}  {inputs:>{width[2]}}  {what}".rstrip()
            for name, kind, inputs, what in rows
        )

    # --- fit and transform -----------------------------------------------------------------------

    def fit(self, table: Any) -> Self:
        """Decide what becomes of each column.

        Parameters
        ----------
        table : Table, or whatever `read_table` takes
            The training rows, without the target.

        Returns
        -------
        TableEncoder
            This one.

        Raises
        ------
        ValueError
            All problems at once: no rows, a column of `categorical` or `ignore` that is not there,
            numbers that are infinite, no column left.
        """
        self._fit(_as_table(table, self.categorical))
        return self

    def _fit(self, table: Table) -> None:
        findings = Findings(table.place)
        for argument in ("categorical", "ignore"):
            findings.problems += [
                f"{argument}: {table.source} has no column {not_among(name, [*table.columns])}"
                for name in getattr(self, argument)
                if name not in table.columns
            ]
        if not table.n_rows:
            findings.problems.append(f"{table.source}: got 0 rows; expected at least one")
            findings.report()
        columns: list[ColumnEncoder] = []
        for name, column in table.columns.items():
            if name in self.ignore:
                columns.append(LeftOut(name, "ignore names it"))
                continue
            columns.append(
                choose_encoder(
                    column,
                    is_first=all(isinstance(encoder, LeftOut) for encoder in columns),
                    is_category=name in self.categorical,
                    is_robust=self.scaling == "robust",
                    findings=findings,
                )
            )
        if all(isinstance(encoder, LeftOut) for encoder in columns) and not findings.problems:
            reasons = [f"{e.name!r}: {e.description}" for e in columns]
            findings.problems.append(
                "\n".join([f"{table.source}: no column is left to learn from", *reasons])
            )
        findings.report()
        self._columns, self._writers = columns, None

    def transform(self, table: Any) -> NDArray[Any]:
        """Make the inputs of the rows of a table.

        Parameters
        ----------
        table : Table, or whatever `read_table` takes
            With the columns `names`, in any order; others are ignored.

        Returns
        -------
        X : (S, n_inputs) float32 or float64, C-contiguous

        Raises
        ------
        ValueError
            All problems at once: columns that are missing, cells that are no numbers or dates
            where training had them.

        Warns
        -----
        UserWarning
            Once per column: categories that training had not, missing values if it had none.
        """
        return self._transform(_as_table(table, self.text_columns, self.names))

    def _transform(self, table: Table) -> NDArray[Any]:
        findings = Findings(table.place)
        X = np.empty((table.n_rows, len(self.input_names)), dtype=self.dtype)
        self._encode(table.columns, table.columns, table.source, X, findings)
        findings.report(stacklevel=4)
        return X

    def _encode(
        self,
        columns: Mapping[str, Column],
        names: Collection[str],
        source: str,
        X: NDArray[Any],
        findings: Findings,
    ) -> None:
        """Write the inputs of the columns, of a table with these names, into X."""
        findings.problems += self._missing_names(names, source)
        j = 0
        for encoder in self._used:
            n = len(encoder.input_names)
            if encoder.name in columns:
                encoder.encode(columns[encoder.name], X[:, j : j + n], findings)
            j += n

    def fit_transform(self, table: Any) -> NDArray[Any]:
        """`fit`, and the inputs of the same rows.

        Parameters
        ----------
        table
            As for `fit`.

        Returns
        -------
        X : (S, n_inputs) float32 or float64, C-contiguous
        """
        table = _as_table(table, self.categorical)
        self._fit(table)
        return self._transform(table)

    def _missing_names(self, names: Collection[str], source: str) -> list[str]:
        """What is wrong with the names of the columns of a table."""
        missing = [name for name in self.names if name not in names]
        if not missing:
            return []
        known = {*self.names}
        others = [name for name in names if name not in known]
        shown = ", ".join(
            f"{name!r} ({hint.strip()})" if hint else repr(name)
            for name in missing
            for hint in [validation.did_you_mean(name, others)]
        )
        return [
            f"{source}: no column {shown}; expected the {len(known)} columns of training, in any"
            " order"
        ]

    def encode_row(self, row: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Make the inputs of a single row, fast; the same as those of `transform`.

        Parameters
        ----------
        row : mapping, DataFrame or Series
            The value of each column of `names`: number, text, date, boolean, None; or a DataFrame
            of pandas, polars or pyarrow with one row, or a Series of pandas.
        out : (n_inputs,) ndarray, optional
            Where to write them.

        Returns
        -------
        (n_inputs,) float32 or float64
            `out` if it is given.

        Raises
        ------
        ValueError
            As `transform` does; or `out` has another shape.
        """
        if self._writers is None:
            self._writers = [(encoder.name, encoder.row_writer()) for encoder in self._used]
        if not isinstance(row, dict):
            row = cells_by_name(row)
        inputs: list[float] = []
        try:
            for name, write in self._writers:
                inputs += write(row[name])
        except (KeyError, ValueError):
            inputs = []
        inputs = inputs or self._slow_inputs(row)
        if out is None:
            return np.array(inputs, dtype=self.dtype)
        if out.shape != (len(inputs),):
            raise ValueError(f"out: got shape {out.shape}; expected ({len(inputs)},)")
        out[:] = inputs
        return out

    def _slow_inputs(self, row: Mapping[Any, Any]) -> list[float]:
        """The inputs of a row whose names are no text, or an error that names all problems."""
        findings = Findings(lambda _, name: f"column {name!r}")
        cells = {str(name): value for name, value in row.items()}
        columns = {n: column_of(n, cells[n], findings) for n in self.names if n in cells}
        X = np.empty((1, len(self.input_names)))
        self._encode(columns, cells, "row", X, findings)
        findings.report(stacklevel=4)
        return X[0].tolist()  # type: ignore[no-any-return]

    def inverse(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the columns that inputs came from, as far as they can be had back.

        Lost are the columns left out, categories that training had not (None, or the first of two
        categories), missing values where training had none (the median), and digits beyond those
        of the dtype: of float32 about seven of the range of a column. Dates beyond the years 1 to
        9999, from inputs that no table has, are the nearest within.

        Parameters
        ----------
        X : (S, n_inputs) array_like
            As `transform` returns them.

        Returns
        -------
        dict of str to (S,) ndarray
            Numbers float64, NaN where missing; categories and booleans objects, None where
            missing; dates datetime64[us], NaT where missing.
        """
        X = validation.matrix("X", X, np.dtype(np.float64), len(self.input_names))
        columns, j = {}, 0
        for encoder in self._used:
            n = len(encoder.input_names)
            columns[encoder.name] = encoder.decode(X[:, j : j + n])
            j += n
        return columns

    # --- JSON ------------------------------------------------------------------------------------

    def to_config(self) -> dict[str, Any]:
        """Return the encoder as JSON can hold it; `from_config` is the reverse."""
        return {
            "categorical": list(self.categorical),
            "ignore": list(self.ignore),
            "scaling": self.scaling,
            "dtype": self.dtype,
            "columns": [fields_of(encoder) for encoder in self.columns],
        }

    @classmethod
    def from_config(cls, config: Any, n_inputs: int | None = None) -> Self:
        """Return the encoder of what `to_config` returned.

        Parameters
        ----------
        config : mapping
            Read from JSON.
        n_inputs : int, optional
            Inputs of the network that it belongs to.

        Raises
        ------
        ValueError
            If anything in it is not as `to_config` returns it, or the network has other inputs.
        """
        options = check_fields("encoder", config, _SCHEMA)
        columns = [
            encoder_of(f"encoder, column {k + 1}", column)
            for k, column in enumerate(options.pop("columns"))
        ]
        validation.choice("encoder, dtype", options["dtype"], _DTYPES)
        names = [encoder.name for encoder in columns]
        if len({*names}) < len(names):
            raise ValueError("encoder: got two columns of one name; expected different ones")
        if all(isinstance(encoder, LeftOut) for encoder in columns):
            raise ValueError("encoder: got no column that is used; expected at least one")
        encoder = cls(**options)
        encoder._columns = columns
        if n_inputs not in {None, len(encoder.input_names)}:
            raise ValueError(f"encoder: got {len(encoder.input_names)} inputs; expected {n_inputs}")
        return encoder


def _names(argument: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise TypeError(f"{argument}: got {names!r}; expected a list of columns, as [{names!r}]")
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise TypeError(f"{argument}: got {wrong[0]!r}; expected names of columns")
    return tuple(dict.fromkeys(names))


def _as_table(source: Any, text: Sequence[str], expected: Sequence[str] | None = None) -> Table:
    if isinstance(source, Table):
        return source
    return read_table(source, text=text, expected=expected)
