"""The command line: predictions of saved models, and how good they are."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import QUICK, files_here, write_rows

import fastgrad as fg


def read_rows(text):
    return list(csv.reader(text.splitlines()))


def test_predict_with_and_without_the_target(run, flowers, model):
    with_target = run("predict", model, "flowers.csv")
    rows = read_rows(with_target)
    assert rows[0] == ["species"]
    assert [row[0] for row in rows[1:]] == [row[2] for row in flowers]
    write_rows("new.csv", ["width", "length"], [[row[1], row[0]] for row in flowers])
    assert run("predict", model, "new.csv") == with_target


def test_predict_leaves_the_targets_alone(run, flowers, model):
    expected = run("predict", model, "flowers.csv")
    rows = [[*row[:2], ["", "rose", "NA"][k % 3]] for k, row in enumerate(flowers)]
    write_rows("new.csv", ["length", "width", "species"], rows)
    assert run("predict", model, "new.csv") == expected


def test_predict_writes_all_numbers_in_one_notation(run):
    numbers = ["0.1", "3.0", "123456.7", "1000000.0", "25000000.0", "1e-05"]
    net = fg.Network([1, len(numbers)], cost="mse", seed=0)
    net.layers[0].b[:] = [float(number) for number in numbers]
    net.save("m.safetensors")
    np.savez("t.npz", X=np.zeros((1, 1)))
    assert read_rows(run("predict", "m.safetensors", "t.npz"))[1] == numbers


def test_predict_probabilities_into_a_file(run, flowers, model):
    assert run("predict", model, "flowers.csv", "--proba", "-o", "out.csv") == ""
    rows = read_rows(Path("out.csv").read_text())
    assert rows[0] == ["species", "P(setosa)", "P(versicolor)", "P(virginica)"]
    p = np.array([row[1:] for row in rows[1:]], float)
    assert p.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-6)
    assert [rows[0][1 + k][2:-1] for k in p.argmax(axis=1)] == [row[0] for row in rows[1:]]


def test_predict_numbers(run, houses):
    run("train", "houses.csv", *QUICK, "--no-plot")
    rows = read_rows(run("predict", "houses.safetensors", "houses.csv"))
    model = fg.TableModel.load("houses.safetensors")
    table = [{"size": float(size), "place": place} for size, place, _ in houses]
    assert rows[0] == ["price"]
    assert [float(row[0]) for row in rows[1:]] == model.predict(table).tolist()
    message = run("predict", "houses.safetensors", "houses.csv", "--proba", code=2)
    assert message == "fastgrad: error: --proba: houses.safetensors gives no probabilities"


def test_predictions_replace_a_file_whole_or_not_at_all(run, model, monkeypatch):
    Path("out.csv").write_text("old")

    class Full(csv.DictWriter):
        def __init__(self, file, **_):
            self.file = file

        def writerow(self, _row):
            self.file.write("half")
            raise OSError(28, "No space left on device", "out.csv")

    monkeypatch.setattr("csv.writer", Full)
    message = run("predict", model, "flowers.csv", "-o", "out.csv", code=2)
    assert message == "fastgrad: error: out.csv: No space left on device"
    assert Path("out.csv").read_text() == "old"
    assert not [name for name in files_here() if name.startswith(".")]


def test_evaluate(run, model):
    held_out = run("evaluate", model, "flowers.csv")
    assert re.search(r"\n12 rows .*\naccuracy +100.00% ", held_out)
    assert held_out.endswith("\ntarget 'species' of the rows held out from training\n")
    everything = run("evaluate", model, "flowers.csv", "--all-rows")
    assert re.search(r"\n60 rows .*\naccuracy +100.00% ", everything)
    assert everything.endswith("of all rows, those of the training included\n")
    table = everything[everything.index("true ") :].splitlines()
    assert table[1].split() == ["setosa", "versicolor", "virginica"]
    assert table[2].split() == ["setosa", "20", "0", "0"]
    Path("copy.csv").write_text(Path("flowers.csv").read_text() + "100,0.1,setosa\n")
    assert run("evaluate", model, "copy.csv").endswith("of all rows\n")  # another file


def test_evaluate_says_where_the_confusion_of_many_classes_is(run):
    rng = np.random.default_rng(0)
    np.savez("many.npz", X=rng.normal(size=(30, 2)), y=np.arange(30) % 15)
    fg.Network([2, 15], cost="softmax_cross_entropy", seed=0).save("m.safetensors")
    assert "confusion of 15 classes: --json has it" in run("evaluate", "m.safetensors", "many.npz")
    counts = json.loads(run("evaluate", "m.safetensors", "many.npz", "--json"))["confusion"]
    assert np.sum(counts, axis=1).tolist() == [2] * 15


def test_a_model_of_standard_input_does_not_know_its_rows(run, flowers, monkeypatch):
    text = Path("flowers.csv").read_bytes()

    def standard_input():
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))

    standard_input()
    run("train", "-", *QUICK, "--no-plot")
    standard_input()
    assert run("evaluate", "model.safetensors", "-").endswith("of all rows\n")
    standard_input()
    assert read_rows(run("predict", "model.safetensors", "-"))[1:] == [[row[2]] for row in flowers]


def test_columns_to_keep_are_known_before_the_predictions(run, model):
    write_rows("new.csv", ["id", "width", "length"], [["a", "", 100]])
    assert run("predict", model, "new.csv", "--keep", "ide", code=2) == (
        "fastgrad: error: --keep: new.csv has no column 'ide'; did you mean 'id'? expected one of "
        "id, width, length"
    )


def test_evaluate_where_all_targets_are_equal(run):
    fg.Network([2, 1], cost="mse", seed=0).save("m.safetensors")
    write_rows("t.csv", None, [[1, 2, 5.5], [3, 4, 5.5]])
    assert re.search(r"\nR2 +0 ", run("evaluate", "m.safetensors", "t.csv"))


@pytest.mark.parametrize(("cost", "first"), [("softmax_cross_entropy", "accuracy"), ("mse", "R2")])
def test_a_model_saved_from_python(run, cost, first):
    net = fg.Network([2, 4, 1 if cost == "mse" else 3], cost=cost, seed=0)
    net.save("m.safetensors")
    np.savez("t.npz", X=np.eye(2), y=np.array([0, 2]))
    write_rows("t.csv", ["a", "b", "y"], [[1, 0, 0], [0, 1, 2]])
    write_rows("new.csv", None, [[1, 0], [0, 1]])
    expected = net.predict(np.eye(2))
    for data in ("t.npz", "t.csv"):
        assert f"\n{first} " in run("evaluate", "m.safetensors", data)
    for data in ("t.npz", "t.csv", "new.csv"):
        rows = read_rows(run("predict", "m.safetensors", data))
        assert rows[0] == ["prediction"]
        if cost == "mse":
            assert [np.float32(row[0]) for row in rows[1:]] == expected[:, 0].tolist()
        else:
            assert [int(row[0]) for row in rows[1:]] == expected.argmax(axis=1).tolist()
    write_rows("wide.csv", None, [[1, 2, 3, 4.5]])
    assert run("predict", "m.safetensors", "wide.csv", code=2) == (
        "fastgrad: error: wide.csv: 4 columns; expected 2, or 3 with the target"
    )


@pytest.mark.parametrize(("cell", "received"), [("a", "'a'"), ("", "nothing")])
def test_a_network_without_an_encoder_takes_numbers_only(run, cell, received):
    fg.Network([2, 1], cost="mse", seed=0).save("m.safetensors")
    write_rows("t.csv", ["x", "y"], [[cell, 1], [cell, 2]] if cell else [[cell, 1], [1, 2]])
    assert run("predict", "m.safetensors", "t.csv", code=2) == (
        f"fastgrad: error: t.csv, line 2, column 'x': got {received}; expected a number"
    )


def test_a_network_with_the_metadata_of_its_data(run, flowers):
    data = fg.data.read("flowers.csv", target="species")
    net = fg.Network([2, 8, 3], cost="softmax_cross_entropy", seed=0)
    net.fit(data.X, data.y, epochs=50, optimizer=fg.Adam(0.02))
    net.metadata = data.metadata
    net.save("m.safetensors")
    rows = read_rows(run("predict", "m.safetensors", "flowers.csv"))
    assert [row[0] for row in rows[1:]] == data.labels(net.predict(data.X)).tolist()


def test_a_model_of_an_earlier_version(run):
    net = fg.Network([3, 1], cost="mse", seed=0)
    net.layers[0].W[:] = [[1, 10, 20]]
    net.metadata = {
        "task": "regression", "classes": None, "features": ["size", "town"], "target": "y",
        "categories": {"town": ["Oslo", "Rome"]},
    }  # fmt: skip
    net.save("m.safetensors")
    write_rows("t.csv", ["town", "size"], [["Rome", 1], ["Oslo", 2]])
    assert read_rows(run("predict", "m.safetensors", "t.csv")) == [["y"], ["21.0"], ["12.0"]]


def test_kept_columns_are_as_written_and_change_no_prediction(run):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, 60)
    rows = [
        ["-999" if k % 5 == 0 else f"{v},5", ["NA", "-", " b "][k % 3], "ab"[int(v > 4)]]
        for k, v in enumerate(x)
    ]
    text = "\n".join([";".join(row) for row in [["x", "country", "y"], *rows]])
    Path("commas.csv").write_text(text + "\n")
    run("train", "commas.csv", *QUICK, "--target", "y", "--missing=-999", "--no-plot")
    plain = read_rows(run("predict", "commas.safetensors", "commas.csv", "--proba"))
    kept = read_rows(
        run("predict", "commas.safetensors", "commas.csv", "--proba", "--keep", "x,country")
    )
    assert [row[2:] for row in kept] == plain
    assert [row[:2] for row in kept[1:]] == [row[:2] for row in rows]


def test_the_words_for_missing_values_go_with_a_network(run):
    rows = [[-999 if k % 4 == 0 else k, "ab"[k % 2]] for k in range(40)]
    write_rows("words.csv", ["x", "y"], rows)
    data = fg.data.read("words.csv", target="y", missing=["-999"])
    net = fg.Network([2, 4, 2], cost="softmax_cross_entropy", seed=0)
    net.metadata = data.metadata
    net.save("words.safetensors")
    again = fg.data.read("words.csv", like=fg.load("words.safetensors").metadata)
    np.testing.assert_array_equal(again.X, data.X)
    p = np.array(read_rows(run("predict", "words.safetensors", "words.csv", "--proba"))[1:])
    np.testing.assert_allclose(p[:, 1:].astype(float), net.predict(data.X), rtol=1e-6)


def test_samples_of_arrays_without_a_target_are_predicted_too(run):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    y[[3, 7]] = np.nan
    np.savez("some.npz", X=X, y=y)
    fg.Network([2, 1], seed=0).save("m.safetensors")
    assert len(read_rows(run("predict", "m.safetensors", "some.npz"))) == 1 + 30


@pytest.fixture
def named():
    """A network that knows the names of its inputs, and a table with the target first."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(rng.normal(size=(60, 2)), columns=["size", "rooms"])
    price = 3 * X["size"] - X["rooms"]
    net = fg.Network([2, 1], seed=0)
    net.fit(X, price, epochs=30, optimizer=fg.Adam(0.1))
    fg.Ensemble([net, net]).save("named.safetensors")
    return X.assign(price=price)[["price", "rooms", "size"]]


def test_the_target_of_a_network_is_the_column_beside_its_inputs(run, named):
    named.to_csv("t.csv", index=False)
    shown = run("evaluate", "named.safetensors", "t.csv")
    assert re.search(r"\nR2 +0\.99\d* ", shown)
    assert shown.endswith("\ntarget 'price' of all rows\n")
    assert "mean" not in shown
    assert "undefined" not in shown
    assert json.loads(run("evaluate", "named.safetensors", "t.csv", "--json"))["target"] == "price"
    message = run("evaluate", "named.safetensors", "t.csv", "--target", "size", code=2)
    assert message == (
        "fastgrad: error: --target: got 'size', an input of the model; expected the column with the"
        " true values"
    )


def test_the_target_of_a_network_must_be_certain(run, named):
    named.to_csv("t.csv", index_label="row")
    assert run("evaluate", "named.safetensors", "t.csv", code=2) == (
        "fastgrad: error: --target: got the columns row, price beside the inputs of the model in"
        " t.csv; expected one of them, by its name"
    )
    shown = run("evaluate", "named.safetensors", "t.csv", "--target", "price")
    assert shown.endswith("\ntarget 'price' of all rows\n")
    named[["size", "rooms"]].to_csv("t.csv", index=False)
    assert run("evaluate", "named.safetensors", "t.csv", code=2) == (
        "fastgrad: error: --target: got no column beside the inputs of the model in t.csv; expected"
        " a column with the targets"
    )


def test_info_names_the_inputs_of_a_network(run, named):
    assert re.search(r"\ninputs +size, rooms\n", run("info", "named.safetensors"))
    assert json.loads(run("info", "named.safetensors", "--json"))["inputs"] == ["size", "rooms"]
