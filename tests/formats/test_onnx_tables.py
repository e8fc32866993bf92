"""Models of tables as ONNX files: raw columns in, labels or numbers out, as fastgrad predicts."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.tables import table, text

import fastgrad as fg
from fastgrad.data.number_encoders import DateEncoder, NumberEncoder
from fastgrad.data.table_encoder import TableEncoder

NAT = np.iinfo(np.int64).min
S = 257
rng = np.random.default_rng(0)


def some(values, share=0.15):
    """The values, None in place of some."""
    return [
        None if gone else value for value, gone in zip(values, rng.random(S) < share, strict=True)
    ]


def dates(low, high):
    days = rng.integers(
        np.datetime64(low, "us").astype(int), np.datetime64(high, "us").astype(int), S
    )
    return days.astype("datetime64[us]")


x = rng.normal(50, 20, S)
COLUMNS = {
    "x": x,
    "gaps": np.where(rng.random(S) < 0.1, np.nan, rng.lognormal(3, 2, S)),
    "constant or missing": np.where(rng.random(S) < 0.3, np.nan, 7.0),
    "colour": [*rng.choice(["red", "green", "blue", "naïve"], S)],
    "shape": some(rng.choice(["round", "square", "flat"], S)),
    "two": [*rng.choice(["a", "b"], S)],
    "two or none": some(rng.choice(["a", "b"], S)),
    "flag": [*(rng.random(S) < 0.5)],
    "flag or none": some(rng.random(S) < 0.5),
    "code": [*rng.choice([1, 2, 5], S)],
    "when": dates("1968-02-27", "1972-03-02"),
    "when or none": some(
        [str(t) for t in dates("1999-12-30", "2024-03-01").astype("datetime64[D]")]
    ),
    "label": x * 2,  # also the name of an output
}
CATEGORIES = ["colour", "shape", "two", "two or none", "flag", "flag or none", "code"]
DATES = ["when", "when or none"]
TARGETS = {
    "classes": np.where(x > 60, "large", np.where(x > 40, "middle", "small")),
    "two classes": x > 50,
    "whole classes": np.where(x > 50, 7, 3),
    "number": 1e4 * x + 1e6,
}


@pytest.fixture(scope="module", params=[("classes", "float32"), ("two classes", "float64"),
                                        ("whole classes", "float32"), ("number", "float32")],
                ids=lambda param: param[0])  # fmt: skip
def model(request):
    target, dtype = request.param
    rows = {**COLUMNS, "y": TARGETS[target]}
    table_model = fg.TableModel(
        categorical=["code"], dtype=dtype, epochs=4, members=2, layers=[8], threads=1
    )
    return table_model.fit(rows, "y")


def as_received(columns, encoder=None):
    """The columns as a file takes them: text, or the positions of the categories."""
    fed = {}
    for name, values in columns.items():
        if name in CATEGORIES and encoder is None:
            cells = np.array(["" if v is None else str(v) for v in values], object)
        elif name in CATEGORIES:
            known = next(c for c in encoder.columns if c.name == name).categories
            cells = np.array([known.index(str(v)) if str(v) in known else -1 for v in values])
        elif name in DATES:
            cells = np.array(values, "datetime64[us]").astype(np.int64)
        else:
            cells = np.array(values, np.float64)
        fed[name] = cells[:, None]
    return fed


def run(path, fed, n):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == [*fed]
    names = [entry.name for entry in session.get_outputs()]
    found = session.run(None, {name: cells[:n] for name, cells in fed.items()})
    return dict(zip(names, found, strict=True))


def assert_close(received, expected):
    assert np.abs(received - expected).max() <= 5e-6 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("n", [1, 2, S])
def test_raw_columns_give_what_fastgrad_predicts(model, n, tmp_path, capfd):
    path = tmp_path / "model.onnx"
    model.to_onnx(path)
    found = run(path, as_received(COLUMNS), n)
    expected = model.predict(COLUMNS)[:n]
    if model.classes is None:
        assert_close(found["y"][:, 0], expected)
    else:
        assert [*found] == ["label_2", "probabilities"]  # a column has the name "label"
        assert np.array_equal(found["label_2"], expected)
        assert_close(found["probabilities"], model.predict_proba(COLUMNS)[:n])
        kind = np.array(model.classes).dtype.kind
        assert found["label_2"].dtype == {"U": object, "b": bool, "i": np.int64}[kind]
    assert capfd.readouterr().err == ""


def test_scores_need_only_the_operators_of_onnx(model, tmp_path):
    path = tmp_path / "model.onnx"
    model.to_onnx(path, outputs="scores")
    assert [entry.domain for entry in onnx.load(path).opset_import] == [""]
    found = run(path, as_received(COLUMNS, model.encoder), S)
    assert_close(found["scores"], model.outputs(model.inputs(COLUMNS)))


@pytest.mark.filterwarnings("ignore:column ")
def test_missing_and_unknown_values(model, tmp_path):
    model.to_onnx(tmp_path / "model.onnx")
    changed = {name: [*values] for name, values in COLUMNS.items()}
    for k, name in enumerate(COLUMNS):
        changed[name][3 * k] = None
    for k, name in enumerate(CATEGORIES):
        changed[name] = [None if v is None else str(v) for v in changed[name]]
        changed[name][3 * k + 1] = "seen never"
    found = run(tmp_path / "model.onnx", as_received(changed), S)
    expected = model.predict(changed)
    if model.classes is None:
        assert_close(found["y"][:, 0], expected)
    else:
        assert_close(found["probabilities"], model.predict_proba(changed))


def test_the_contract_is_in_the_file(model, tmp_path):
    model.to_onnx(tmp_path / "model.onnx")
    file = onnx.load(tmp_path / "model.onnx")
    (entry,) = file.metadata_props
    contract = json.loads(entry.value)
    inputs = {told["column"]: told for told in contract["inputs"]}
    assert [*inputs] == [*COLUMNS]
    assert inputs["colour"]["categories"] == ["blue", "green", "naïve", "red"]
    assert inputs["x"]["kind"] == "number"
    assert inputs["x"]["low"] == x.min()
    assert inputs["when"]["unit"] == "microseconds since 1970-01-01"
    assert contract["classes"] == model.classes
    assert contract["target"] == "y"
    assert "colour: text, 4 categories: blue, green, naïve, red; anything else" in file.doc_string


def test_a_reader_of_networks_refuses_a_table(model, tmp_path):
    model.to_onnx(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=r"inputs: got 'x', 'gaps', .*; expected one tensor of"):
        fg.from_onnx(tmp_path / "model.onnx")


# --- encoders by themselves ---------------------------------------------------------------------


def inputs_by_onnxruntime(encoder, path, fed, outputs="labels"):
    """What the encoder in a file makes of columns: a network that changes nothing shows it."""
    n = len(encoder.input_names)
    net = fg.Network([n, n], dtype=encoder.dtype)
    net.layers[0].W = np.eye(n)
    made = fg.TableModel()
    made.encoder, made.targets, made.ensemble = encoder, net.portable().targets, fg.Ensemble([net])
    made.baseline = []
    made.to_onnx(path, outputs=outputs)
    (found,) = run(path, fed, S).values()
    return found


def test_every_day_and_hour(tmp_path):
    first, last = (
        np.datetime64(day, "us").astype(np.int64) for day in ("0001-01-01", "9999-12-31")
    )
    us = rng.integers(first, last, S)
    edges = ["0001-01-01", "1582-10-04", "1600-02-29", "1899-12-31T23:59:59.999999", "1900-02-28",
             "1900-03-01", "1969-12-31T23:59:59.999999", "1970-01-01", "2000-02-29", "2000-03-01",
             "2100-02-28T23", "2100-03-01", "9999-12-31T23:59:59.999999"]  # fmt: skip
    us[: len(edges)] = np.array(edges, "datetime64[us]").astype(np.int64)
    encoder = TableEncoder(dtype="float64").fit(table(t=us.view("datetime64[us]")))
    (column,) = encoder.columns
    assert isinstance(column, DateEncoder)
    assert column.parts == ("year", "month", "day of week", "hour", "days")
    found = inputs_by_onnxruntime(encoder, tmp_path / "dates.onnx", {"t": us[:, None]})
    expected = encoder.transform(table(t=us.view("datetime64[us]")))
    assert np.abs(found - expected).max() < 1e-12


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_numbers_of_any_size(scaling, tmp_path):
    columns = {
        "a": rng.standard_cauchy(S),
        "b": 1e300 * rng.normal(size=S),
        "c": np.arange(S) ** 2.0,
    }
    columns["a"][5] = np.nan
    encoder = TableEncoder(scaling=scaling, dtype="float64").fit(table(**columns))
    assert all(isinstance(column, NumberEncoder) for column in encoder.columns)
    fed = {name: values[:, None] for name, values in columns.items()}
    found = inputs_by_onnxruntime(encoder, tmp_path / "numbers.onnx", fed)
    expected = encoder.transform(table(**columns))
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_other_spellings_of_numbers_and_booleans(tmp_path):
    codes = text(*rng.choice(["1", "2", "30"], S))
    flags = {"values": (rng.random(S) < 0.5).astype(float), "is_boolean": True}
    encoder = TableEncoder(categorical=["code"], dtype="float64").fit(table(code=codes, flag=flags))
    spelled = text(*["1.0", "2", "30.0", "True", "1", "seen never"] * (S // 6), *["2.0"] * (S % 6))
    words = text(*["true", "0", "FALSE", "1.0", "True", "False"] * (S // 6), *["TRUE"] * (S % 6))
    fed = {"code": spelled[:, None], "flag": words[:, None]}
    found = inputs_by_onnxruntime(encoder, tmp_path / "categories.onnx", fed)
    with pytest.warns(UserWarning, match="not seen in training: 'seen never'"):
        expected = encoder.transform(table(code=spelled, flag=words))
    assert np.array_equal(found, expected)


def test_codes_out_of_range_are_no_category(tmp_path):
    encoder = TableEncoder(dtype="float64").fit(table(c=text(*rng.choice(["r", "g", "b"], S))))
    codes = np.resize(np.array([0, 1, 2, 3, -1, NAT, np.iinfo(np.int64).max]), S)
    found = inputs_by_onnxruntime(
        encoder, tmp_path / "codes.onnx", {"c": codes[:, None]}, outputs="scores"
    )
    (column,) = encoder.columns
    assert np.array_equal(found[:3], np.eye(3))
    assert np.array_equal(found[3:7], [column.shares] * 4)


def test_names_do_not_collide(tmp_path):
    names = [
        "X",
        "Gemm",
        "label",
        "label_2",
        "probabilities",
        "codes",
        "layer.1.W",
        "a b=c",
        "\u00e9",
    ]
    rows = {name: rng.normal(size=S) for name in names} | {"y": x > 50}
    model = fg.TableModel(epochs=1, members=1, layers=[2], threads=1).fit(rows, "y")
    model.to_onnx(tmp_path / "model.onnx")
    found = run(tmp_path / "model.onnx", {name: rows[name][:, None] for name in names}, S)
    assert [*found] == ["label_3", "probabilities_2"]
    assert_close(found["probabilities_2"], model.predict_proba(rows))
