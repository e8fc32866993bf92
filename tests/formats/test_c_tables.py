"""Rows of a table in C: the same inputs, predictions and labels as here."""

import ctypes
from datetime import datetime, timedelta

import numpy as np
import pytest
from helpers.c_programs import SANITIZED, compiled, library, output, pointer
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.data.table_encoder import TableEncoder
from fastgrad.formats.c.table import TableSource
from fastgrad.formats.c.translate import Translator

pytestmark = jitted_only

MISSING_DATE = np.iinfo(np.int64).min


def rows(n=200):
    """Columns of all kinds, cells of which are missing; names that are none in C."""
    rng = np.random.default_rng(0)
    begin = datetime(2019, 12, 30)
    return [
        {
            "price €": None if rng.random() < 0.1 else float(rng.normal(1e6, 1e3)),
            "size": float(rng.integers(3, 30)),
            "nothing or 7": 7.0 if rng.random() < 0.5 else None,
            'kind "?"': str(rng.choice(['a"b', "c??/d", "é", "int"])),
            "colour": None if rng.random() < 0.2 else str(rng.choice(["red", "blue"])),
            "int": bool(rng.random() < 0.4),
            "hour": int(rng.integers(0, 5)),
            "when": None
            if rng.random() < 0.1
            else begin + timedelta(hours=int(rng.integers(0, 30_000))),
        }
        for _ in range(n)
    ]


def model(target, **options):
    table = rows()
    for row in table:
        row["y"] = target(row)
    options = {"epochs": 3, "members": 1, "categorical": ["hour"], "seed": 1} | options
    return fg.TableModel(**options).fit(table, target="y"), table


def cells(columns, row):
    """The cells of a row as the fields of its structure."""
    made = {}
    for column in columns:
        value = row[column.name]
        if column.kind == "number":
            made[column.name] = np.nan if value is None else value
        elif column.kind == "date":
            us = MISSING_DATE
            if value is not None:
                us = int(np.datetime64(value, "us").astype(np.int64))
            made[column.name] = us
        else:
            text = "" if value is None else str(value)
            made[column.name] = column.spellings().get(text, -1)
    return made


C_TYPES = {"number": ctypes.c_double, "date": ctypes.c_int64}


def predicted(made, table, folder, n_out):
    """Predictions of C for rows."""
    made.to_c(folder / "model.h")
    run = library(
        folder,
        '#include "model.h"\nvoid run(const void *row, float *p);\n'
        "void run(const void *row, float *p) { model_predict_row((const model_row *)row, p); }\n",
    ).run
    used = [c for c in made.encoder.columns if c.kind != "left out"]
    fields = [(f"f{k}", C_TYPES.get(c.kind, ctypes.c_int32)) for k, c in enumerate(used)]
    structure = type("Row", (ctypes.Structure,), {"_fields_": fields})
    p = np.empty((len(table), n_out), np.float32)
    for row, into in zip(table, p, strict=True):
        filled = structure(*cells(used, row).values())
        run(ctypes.byref(filled), pointer(into))
    return p


@pytest.mark.parametrize("members", [1, 3])
def test_numbers(members, tmp_path):
    made, table = model(lambda row: row["size"] * 1e4 + row["hour"] * 1e3, members=members)
    p = predicted(made, table, tmp_path, 1)[:, 0]
    assert np.abs(p / made.predict(table) - 1).max() < 1e-6


def test_classes(tmp_path):
    made, table = model(lambda row: "gr" + "eae"[row["hour"] % 3] + "y")
    p = predicted(made, table, tmp_path, 2)
    assert np.abs(p - made.predict_proba(table)).max() < 1e-6
    source = '#include <stdio.h>\n#include "model.h"\nint main(void) {\n'
    source += "    float p[2] = {0.25f, 0.75f};\n"
    source += '    printf("%s", model_labels[model_class(p)]);\n    return model_self_test();\n}\n'
    assert output(compiled(tmp_path, source, "-O1", *SANITIZED)) == made.classes[1]


def test_the_codes_of_text(tmp_path):
    made, _ = model(lambda row: row["size"])
    made.to_c(tmp_path / "model.h")
    calls = {
        "colour": ["red", "blue", "green", ""], "kind": ['a"b', "c??/d", "é"],
        "x_int": ["True", "false", "1", "0.0"], "hour": ["3", "3.0", "9"],
    }  # fmt: skip
    lines = [
        f'    printf("%d ", model_code_{name}({to_c(text)}));\n'
        for name, texts in calls.items()
        for text in texts
    ]
    source = '#include <stdio.h>\n#include "model.h"\nint main(void) {\n' + "".join(lines)
    found = output(compiled(tmp_path, source + "    return 0;\n}\n", "-O1", *SANITIZED)).split()
    assert [*map(int, found)] == [1, 0, -1, -1, 0, 1, 3, 1, 0, 1, 0, 3, 3, -1]


def to_c(text):
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


@pytest.mark.parametrize("by", ["g++", "clang"])
def test_other_compilers(by, tmp_path):
    made, _ = model(lambda row: row["size"], members=2)
    made.to_c(tmp_path / "model.h")
    source = '#include "model.h"\nint main(void) { return model_self_test(); }\n'
    assert output(compiled(tmp_path, source, "-O1", by=by)) == ""


def test_dates_of_all_years(tmp_path):
    """Year, month, day of week, hour and days from 1 to 9999."""
    encoder = TableEncoder(dtype="float64")
    when = np.array(["0001-01-01T00", "1999-02-28T23", "9999-12-31T23"], "datetime64[us]")
    encoder.fit({"when": when})
    begin = datetime(1, 1, 1)
    hours = np.random.default_rng(0).integers(0, 9998 * 8766, 3000)
    table = {"when": [begin + timedelta(hours=int(h)) for h in hours]}
    translator = Translator("d", "float64")
    source = TableSource("d", encoder, np.dtype("float64"), translator)
    text = "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n\n"
    text += (
        "\n".join([*translator.functions, *source.definitions()])
        + "\nvoid run(const int64_t *us, double *x);\n"
    )
    text += (
        "void run(const int64_t *us, double *x) { d_row row; row.when = *us; d_encode(&row, x); }\n"
    )
    run = library(tmp_path, text).run
    X = encoder.transform(table)
    us = np.array(table["when"], "datetime64[us]").astype(np.int64)
    received = np.empty_like(X)
    for k in range(len(us)):
        run(pointer(us[k : k + 1]), pointer(received[k]))
    assert len(encoder.input_names) == 5
    assert np.abs(received - X).max() < 1e-12


def test_training_needs_a_single_network(tmp_path):
    made, _ = model(lambda row: row["size"], members=2)
    with pytest.raises(ValueError, match=r"^train: got [23] networks; expected a single one"):
        made.to_c(tmp_path / "model.h", train=True)
