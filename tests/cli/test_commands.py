"""The command line: what each command does, prints and writes."""

import csv
import gzip
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import QUICK, files_here, idx, write_rows
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.cli.main import main
from fastgrad.tools.gradient_check import gradient_errors


def read_rows(text):
    return list(csv.reader(text.splitlines()))


def largest(array):
    return np.unravel_index(np.abs(array).argmax(), array.shape)


@pytest.fixture
def houses():
    """A large price, determined by size and place."""
    rng = np.random.default_rng(1)
    size, town = rng.uniform(50, 150, 80), rng.integers(2, size=80)
    price = 100_000 + 2_000 * size + 50_000 * town
    rows = [
        [f"{s:.3f}", ["village", "town"][t], f"{p:.2f}"]
        for s, t, p in zip(size, town, price, strict=True)
    ]
    write_rows("houses.csv", ["size", "place", "price"], rows)
    return rows


# --- train ---------------------------------------------------------------------------------------


@jitted_only
def test_digits_reach_97_percent_in_5_seconds(run):
    out = run("train", "--no-plot")
    assert "digits, 1,797 samples of 64 inputs, target 'digit' (10 classes)" in out
    assert "1,438 to train on, 359 held out" in out
    assert float(re.search(r"test accuracy +([\d.]+)%", out)[1]) >= 97
    rate = int(re.search(r"samples per second +([\d,]+)", out)[1].replace(",", ""))
    assert out.count("\nepoch ") * 1438 / rate < 5
    result = re.search(r"test accuracy +(.*)", out)[1]
    assert result in run("evaluate", "digits.safetensors")  # the same digits are held out


def test_train_classes(run, flowers):
    out = run("train", "flowers.csv", *QUICK)
    lines = out.splitlines()
    assert lines[0] == (
        "data     flowers, 60 samples of 2 inputs, target 'species' (3 classes): "
        "48 to train on, 12 held out"
    )
    assert lines[1] == "network  2-8-3, relu, identity; softmax_cross_entropy; 51 parameters"
    assert [line.split("  ")[0] for line in lines[2:32]] == [f"epoch {k}/30" for k in range(1, 31)]
    assert lines[32] == "test accuracy       100.00% (12 of 12)"
    assert re.fullmatch(r"samples per second  [\d,]+", lines[33])
    assert lines[34:] == [
        "model               flowers.safetensors",
        "training curve      flowers.png",
    ]
    assert Path("flowers.png").read_bytes().startswith(b"\x89PNG")
    net = fg.load("flowers.safetensors")
    assert net.sizes == (2, 8, 3)
    assert net.metadata["classes"] == ["setosa", "versicolor", "virginica"]
    assert net.metadata["features"] == ["length", "width"]
    assert net.metadata["target"] == "species"
    assert files_here() == ["flowers.csv", "flowers.png", "flowers.safetensors"]


def test_train_regression_in_the_units_of_the_target(run, houses):
    out = run("train", "houses.csv", *QUICK, "--epochs", "150", "--no-plot")
    assert "target 'price' (numbers): 64 to train on, 16 held out" in out
    assert float(re.search(r"test R2 +([\d.]+)", out)[1]) > 0.99
    rmse = float(re.search(r"test RMSE +([\d.]+)", out)[1])
    assert rmse < 6_000
    net = fg.load("houses.safetensors")
    x = [[100, 0, 1], [100, 1, 0]]  # size, town, village
    assert net.predict(x)[:, 0] == pytest.approx([300_000, 350_000], rel=0.03)
    evaluated = run("evaluate", "houses.safetensors", "houses.csv")
    rmse = float(re.search(r"RMSE +([\d.]+)", evaluated)[1])
    cost = float(re.search(r"cost +([\d.e+]+)", evaluated)[1])
    assert cost == pytest.approx(rmse**2 / 2, rel=1e-3)  # squared_error is 1/2 (a - y)^2


@jitted_only
@pytest.mark.parametrize("cost", ["squared_error", "sigmoid_cross_entropy", "hinge"])
def test_train_classes_with_other_costs(run, flowers, cost):
    out = run("train", "flowers.csv", *QUICK, "--cost", cost, "--no-plot", "--epochs", "100")
    assert int(re.search(r"test accuracy .*\((\d+) of 12\)", out)[1]) >= 11


@jitted_only
@pytest.mark.parametrize("cost", ["mae", "huber(delta=0.5)", "poisson"])
def test_train_numbers_with_other_costs(run, cost):
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 2, 80)
    write_rows("t.csv", None, [[f"{v:.4f}", f"{np.exp(1 + v):.4f}"] for v in x])
    out = run("train", "t.csv", *QUICK, "--cost", cost, "--no-plot", "--epochs", "150")
    assert float(re.search(r"test R2 +([\d.]+)", out)[1]) > 0.9


def test_train_with_sgd_in_float64_with_two_layers(run, flowers):
    options = "--layers 8,4 --optimizer sgd --dtype float64 --epochs 2 --threads 1 --no-plot"
    assert "2-8-4-3, tanh" in run(
        "train",
        "flowers.csv",
        *options.split(),
        "--activation",
        "tanh",
        "--output",
        "m.safetensors",
    )
    assert fg.load("m.safetensors").dtype == np.float64


def test_train_without_hidden_layers_or_held_out_part(run, flowers):
    out = run("train", "flowers.csv", "--layers", "", "--test-size", "0", "--epochs", "2")
    assert "60 to train on, 0 held out" in out
    assert "test accuracy" not in out
    assert fg.load("flowers.safetensors").sizes == (2, 3)


def test_the_seed_fixes_everything(run, flowers):
    def weights(seed):
        run("train", "flowers.csv", *QUICK, "--seed", seed, "--no-plot", "--quiet")
        return fg.load("flowers.safetensors").layers[0].W

    first = weights(3)
    assert np.array_equal(first, weights(3))
    assert not np.array_equal(first, weights(4))


def test_quiet_prints_results_only(run, flowers):
    out = run("train", "flowers.csv", *QUICK, "--quiet", "--no-plot")
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "test accuracy",
        "samples per second",
        "model",
    ]


def test_train_without_matplotlib(run, flowers, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = run("train", "flowers.csv", *QUICK)
    assert out.splitlines()[-1] == (
        "training curve      not drawn: the training curve needs matplotlib: "
        "pip install 'fastgrad[plot]'"
    )


def test_train_target_task_and_ignore(run, flowers):
    out = run(
        "train", "flowers.csv", *QUICK, "--epochs", "2", "--no-plot",
        "--target", "length", "--ignore", "species", "--task", "regression",
    )  # fmt: skip
    assert "60 samples of 1 inputs, target 'length' (numbers)" in out


def test_train_without_the_index_column_of_pandas(run, flowers):
    lines = Path("flowers.csv").read_text().splitlines()
    numbered = ["," + lines[0], *(f"{k},{line}" for k, line in enumerate(lines[1:]))]
    Path("numbered.csv").write_text("\n".join(numbered))
    out = run("train", "numbered.csv", *QUICK, "--no-plot", "--ignore", "1")
    assert "60 samples of 2 inputs, target 'species'" in out
    run("evaluate", "numbered.safetensors", "numbered.csv")
    run("evaluate", "numbered.safetensors", "flowers.csv")


def test_train_idx_and_evaluate(run):
    rng = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 2
    images = (labels[:, None, None] * 200 + rng.integers(50, size=(40, 3, 3))).astype(np.uint8)
    Path("train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    Path("train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    run("train", "train-images-idx3-ubyte.gz", *QUICK, "--no-plot", "--output", "m.safetensors")
    out = run("evaluate", "m.safetensors", "train-images-idx3-ubyte.gz")
    assert out.startswith("accuracy            100.00% (40 of 40)\n")


# --- predict and evaluate ------------------------------------------------------------------------


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
    net = fg.load("houses.safetensors")
    x = [[float(s), place == "town", place == "village"] for s, place, _ in houses]
    assert rows[0] == ["price"]
    assert [np.float32(row[0]) for row in rows[1:]] == net.predict(x)[:, 0].tolist()
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
    out = run("evaluate", model, "flowers.csv").splitlines()
    assert out[0] == "accuracy            100.00% (60 of 60)"
    net = fg.load(model)
    table = np.genfromtxt("flowers.csv", delimiter=",", skip_header=1, usecols=(0, 1))
    cost = net.cost(table, np.repeat([0, 1, 2], 20))
    assert out[1] == f"cost                {cost:.6g}"


def test_evaluate_where_all_targets_are_equal(run):
    fg.Network([2, 1], cost="mse", seed=0).save("m.safetensors")
    write_rows("t.csv", None, [[1, 2, 5], [3, 4, 5]])
    assert "R2                  undefined: all targets are equal\n" in run(
        "evaluate", "m.safetensors", "t.csv"
    )


@pytest.mark.parametrize(("cost", "task"), [("softmax_cross_entropy", "accuracy"), ("mse", "RMSE")])
def test_a_model_saved_from_python(run, cost, task):
    net = fg.Network([2, 4, 1 if task == "RMSE" else 3], cost=cost, seed=0)
    net.save("m.safetensors")
    np.savez("t.npz", X=np.eye(2), y=np.array([0, 2]))
    assert run("evaluate", "m.safetensors", "t.npz").startswith(task)
    rows = read_rows(run("predict", "m.safetensors", "t.npz"))
    assert rows[0] == ["prediction"]
    expected = net.predict(np.eye(2))
    if task == "accuracy":
        assert [int(row[0]) for row in rows[1:]] == expected.argmax(axis=1).tolist()
    else:
        assert [np.float32(row[0]) for row in rows[1:]] == expected[:, 0].tolist()


# --- check and info ------------------------------------------------------------------------------


@jitted_only
def test_check_of_a_new_network(run):
    out = run("check", "--layers", "5,3", "--activation", "tanh").splitlines()
    assert out[0].startswith("64-5-3-10, tanh, identity; softmax_cross_entropy; ")
    assert [line.split()[0] for line in out[1:-1]] == [
        "dC/dW1", "dC/db1", "dC/dW2", "dC/db2", "dC/dW3", "dC/db3",
    ]  # fmt: skip
    assert all(float(line.split()[-1]) < 1e-7 for line in out[1:-1])
    assert out[-1] == "the gradients agree"


@pytest.mark.parametrize("cost", ["hinge", "poisson", "sigmoid_cross_entropy", "mse"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_check_of_a_saved_model(run, cost, outputs):
    net = fg.Network([3, 5, outputs], ["silu", "identity"], cost=cost, seed=1, standardize=True)
    net.layers[1].b[:] = 0.3
    net.save("m.safetensors")
    out = run("check", "m.safetensors")
    assert out.startswith(f"3-5-{outputs}, silu, identity; {cost}; ")
    assert out.endswith("the gradients agree\n")


@pytest.mark.parametrize("targets", [1, 5e5])
def test_differences_are_as_exact_as_the_size_of_the_cost_allows(rng, monkeypatch, targets):
    net = fg.Network([3, 8, 1], "relu", cost="squared_error", dtype="float64", seed=0)
    X, Y = rng.normal(size=(8, 3)), targets * rng.normal(1, 0.3, size=8)
    assert max(gradient_errors(net, X, Y).values()) < 1e-6
    g = net.gradients(X, Y)
    for array in (*g.dC_dW, *g.dC_db):
        array[largest(array)] *= 1.0001
    monkeypatch.setattr(fg.Network, "gradients", lambda *_: g)
    assert min(gradient_errors(net, X, Y).values()) > 1e-6


@jitted_only
@pytest.mark.parametrize("scale", [1, 5e5])
def test_check_fails_where_a_gradient_is_wrong(run, capsys, monkeypatch, scale):
    net = fg.Network([8, 16, 12, 3], "relu", cost="squared_error", seed=0)
    net.layers[-1].W[:] *= scale  # as of targets of that size, and their cost is its square
    net.layers[-1].b[:] = scale
    net.save("m.safetensors")
    assert run("check", "m.safetensors").endswith("the gradients agree\n")
    right = fg.Network.gradients

    def wrong(net, X, Y):
        g = right(net, X, Y)
        g.dC_dW[1][largest(g.dC_dW[1])] *= 1.0001
        return g

    monkeypatch.setattr(fg.Network, "gradients", wrong)
    assert main(["check", "m.safetensors"]) == 1
    out = capsys.readouterr().out
    assert [line[:6] for line in out.splitlines() if "expected below 1e-06" in line] == ["dC/dW2"]
    assert out.endswith("the gradients do NOT agree\n")


def test_info(run, model):
    out = run("info")
    assert f"fastgrad        {fg.__version__}\n" in out
    for name in ("python", "numba", "numpy", "processor", "threads", "threading layer"):
        assert re.search(rf"^{name} +\S", out, re.MULTILINE), name
    out = run("info", model)
    assert "network         2-8-3, relu, identity; softmax_cross_entropy; 51 parameters\n" in out
    assert "classes         setosa, versicolor, virginica\n" in out
    assert "target          species\n" in out


def test_warmup_leaves_nothing_to_compile(run):
    out = run("warmup")
    assert re.fullmatch(r"float32  \d+\.\d s\nfloat64  \d+\.\d s\n", out)
    again = run("warmup")
    assert all(float(seconds) < 5 for seconds in re.findall(r"(\S+) s\n", again))
