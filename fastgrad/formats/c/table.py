"""Rows of a table as C: a structure of cells, and the inputs that they become."""

from typing import Any

import numpy as np

from ...data.column_encoders import CategoryEncoder, ColumnEncoder, LeftOut
from ...data.column_values import DAY, FIRST_DATE, LAST_DATE
from ...data.number_encoders import (
    DATE_PARTS,
    FAR,
    MAX_INPUT,
    SMOOTH_LIMIT,
    DateEncoder,
    NumberEncoder,
    Scale,
)
from ...data.table_encoder import TableEncoder
from ..example_rows import MISSING_DATE
from .literals import C_TYPES, array, comment, identifiers, number, text
from .translate import Translator

__all__ = ["TableSource"]


class TableSource:
    """The C of an encoder.

    Parameters
    ----------
    prefix : str
        What names begin with.
    encoder : TableEncoder
        The encoder.
    dtype : numpy.dtype
        Of the inputs.
    translator : Translator
        That of the header.
    """

    def __init__(
        self, prefix: str, encoder: TableEncoder, dtype: Any, translator: Translator
    ) -> None:
        self._prefix, self._encoder, self._dtype = prefix, encoder, dtype
        self._real = C_TYPES[dtype.name]
        self._columns = [c for c in encoder.columns if not isinstance(c, LeftOut)]
        self.fields = identifiers(column.name for column in self._columns)
        kinds = NumberEncoder | DateEncoder
        self._has_numbers = any(isinstance(column, kinds) for column in self._columns)
        self._square_root = translator.square_root(np.float64) if self._has_numbers else ""

    def definitions(self) -> list[str]:
        """The types and functions, in their order."""
        categories = [
            part
            for column, name in zip(self._columns, self.fields, strict=True)
            if isinstance(column, CategoryEncoder)
            for part in self._category(column, name)
        ]
        helpers = []
        if self._has_numbers:
            helpers.append(self._scaling())
        if any(isinstance(column, DateEncoder) for column in self._columns):
            helpers.append(self._date_parts())
        return [*helpers, *categories, self._row_type(), self._encode()]

    # --- the row -----------------------------------------------------------------------------

    def _row_type(self) -> str:
        lines = []
        for column, name in zip(self._columns, self.fields, strict=True):
            if isinstance(column, NumberEncoder):
                field, unit = f"double {name}", "NAN where it is missing"
            elif isinstance(column, DateEncoder):
                field, unit = f"int64_t {name}", "microseconds since 1970, INT64_MIN where missing"
            else:
                field = f"int32_t {name}"
                unit = f"{self._prefix}_code_{name}(text), -1 where it is missing"
            known = "" if name == column.name else f"{column.name}: "
            about = comment(f"{known}{column.description}")
            lines.append(f"    {field}; /* {about}; {unit} */")
        return "\n".join(["typedef struct {", *lines, f"}} {self._prefix}_row;"])

    def _category(self, column: CategoryEncoder, name: str) -> list[str]:
        """The inputs of each category, and the function from text to its position."""
        inputs = column.inputs_by_code()
        p, full, (n_codes, n) = self._prefix, f"{self._prefix}_inputs_{name}", inputs.shape
        table = (
            f"/* The inputs of each category of {comment(column.name)}, and last of any other. */\n"
            f"static const {self._real} {full}[{n_codes} * {n}] ="
            f" {array(inputs.ravel(), self._dtype)};"
        )
        spellings = column.spellings()
        texts = ",\n    ".join(map(text, spellings))
        codes = ", ".join(map(str, spellings.values()))
        lookup = (
            f"/* The position of a category, -1 for any other text. */\n"
            f"static inline int32_t {p}_code_{name}(const char *text) {{\n"
            f"    static const char *const texts[{len(spellings)}] = {{{texts}}};\n"
            f"    static const int32_t codes[{len(spellings)}] = {{{codes}}};\n"
            f"    int k;\n"
            f"    for (k = 0; k < {len(spellings)}; ++k)\n"
            f"        if (strcmp(text, texts[k]) == 0) return codes[k];\n"
            f"    return -1;\n}}"
        )
        return [table, lookup]

    # --- inputs ------------------------------------------------------------------------------

    def _scaling(self) -> str:
        far, most, limit = (number(x, "float64") for x in (FAR, MAX_INPUT, SMOOTH_LIMIT))
        return (
            "/* z = (x - center) / scale, and where it is smooth z / sqrt(1 + (z / 3)^2) then. */\n"
            f"static inline {self._real} {self._prefix}_scaled(double x, double center,"
            " double scale, int is_smooth) {\n"
            "    double z = (x - center) / scale;\n"
            f"    double most = is_smooth ? {far} : {most};\n"
            "    z = z > most ? most : (z < -most ? -most : z);\n"
            f"    if (is_smooth) z /= {self._square_root}(1.0 + (z / {limit}) * (z / {limit}));\n"
            f"    return ({self._real})z;\n}}"
        )

    def _date_parts(self) -> str:
        return (
            "/* Year, month, day of week, hour, and days since the first, of microseconds since\n"
            "   1970. Year and month: H. Hinnant, chrono-Compatible Low-Level Date Algorithms. */\n"
            f"static inline void {self._prefix}_date_parts(int64_t us, int64_t first,"
            " double *part) {\n"
            f"    const int64_t per_day = INT64_C({DAY});\n"
            "    int64_t day, rest, z, era, of_era, year_of_era, of_year, month;\n"
            f"    us = us < INT64_C({FIRST_DATE}) ? INT64_C({FIRST_DATE}) : us;\n"
            f"    us = us > INT64_C({LAST_DATE}) ? INT64_C({LAST_DATE}) : us;\n"
            "    rest = (us % per_day + per_day) % per_day;\n"
            "    day = (us - rest) / per_day;\n"
            "    z = day + 719468; /* days since 0000-03-01 */\n"
            "    era = (z >= 0 ? z : z - 146096) / 146097;\n"
            "    of_era = z - era * 146097;\n"
            "    year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;\n"
            "    of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);\n"
            "    month = (5 * of_year + 2) / 153;\n"
            "    month += month < 10 ? 3 : -9;\n"
            "    part[0] = (double)(year_of_era + era * 400 + (month <= 2));\n"
            "    part[1] = (double)month;\n"
            "    part[2] = (double)(((day + 3) % 7 + 7) % 7);\n"
            "    part[3] = (double)(rest / (per_day / 24));\n"
            "    part[4] = (double)(us - first) / (double)per_day;\n}"
        )

    def _encode(self) -> str:
        lines, j = [], 0
        for column, name in zip(self._columns, self.fields, strict=True):
            lines.append(f"    {{ /* {comment(column.name)} */\n")
            lines += [f"        {line}\n" for line in self._inputs(column, name, j)]
            lines.append("    }\n")
            j += len(column.input_names)
        return (
            f"/* The inputs of a row, {j} numbers. */\n"
            f"static inline void {self._prefix}_encode(const {self._prefix}_row *row,"
            f" {self._real} *x) {{\n{''.join(lines)}}}"
        )

    def _inputs(self, column: ColumnEncoder, name: str, j: int) -> list[str]:
        """The statements that write the inputs of a column from x[j] on."""
        cell, p = f"row->{name}", self._prefix
        if isinstance(column, CategoryEncoder):
            n_codes, n = column.inputs_by_code().shape
            return [
                f"int32_t k = {cell} >= 0 && {cell} < {n_codes - 1} ? {cell} : {n_codes - 1};",
                f"memcpy(x + {j}, {p}_inputs_{name} + k * {n}, {n} * sizeof *x);",
            ]
        missing = f"x[{j + len(column.input_names) - 1}] = ({self._real})is_missing;"
        if isinstance(column, NumberEncoder):
            median = number(column.median, "float64")
            lines = [f"int is_missing = {cell} != {cell};"]
            if column.low < column.high:
                scale = self._scaled(
                    f"is_missing ? {median} : {cell}",
                    Scale(column.center, column.scale, column.is_smooth),
                )
                lines.append(f"x[{j}] = {scale};")
            return [*lines, missing] if column.n_missing else lines
        assert isinstance(column, DateEncoder)
        lines = [f"int is_missing = {cell} == INT64_MIN;"]
        if column.parts:
            when = f"is_missing ? INT64_C({column.median}) : {cell}"
            lines += ["double part[5];", f"{p}_date_parts({when}, INT64_C({column.low}), part);"]
        scales = zip(column.parts, column.centers, column.scales, strict=True)
        for k, (part, center, by) in enumerate(scales, j):
            value = f"part[{DATE_PARTS.index(part)}]"
            lines.append(f"x[{k}] = {self._scaled(value, Scale(center, by, column.is_smooth))};")
        return [*lines, missing] if column.n_missing else lines

    def _scaled(self, value: str, scale: Scale) -> str:
        center, by = (number(x, "float64") for x in (scale.center, scale.scale))
        return f"{self._prefix}_scaled({value}, {center}, {by}, {int(scale.is_smooth)})"

    # --- examples ----------------------------------------------------------------------------

    def row(self, cells: dict[str, object]) -> str:
        """The initialiser of a row.

        Parameters
        ----------
        cells : dict of str to number
            As `example_rows` has them, with categories as codes.
        """
        values = []
        for column in self._columns:
            cell = cells[column.name]
            if isinstance(column, NumberEncoder):
                values.append(number(cell, "float64"))
            elif isinstance(column, DateEncoder):
                is_missing = cell == MISSING_DATE
                values.append("INT64_MIN" if is_missing else f"INT64_C({cell})")
            else:
                values.append(str(cell))
        return "{" + ", ".join(values) + "}"
