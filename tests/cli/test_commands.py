"""The command line: what each command does, prints and writes."""

import csv
import gzip
import json
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


# --- train ---------------------------------------------------------------------------------------


@jitted_only
def test_digits_reach_97_percent(run):
    out = run("train", "--no-plot", "--epochs", "30", "--ensemble", "2")
    assert "digits, 1,797 rows; target 'digit' (10 classes)" in out
    assert "1,438 rows, 359 held out" in out
    assert float(re.search(r"\naccuracy +([\d.]+)%", out)[1]) >= 97
    result = re.search(r"\naccuracy +(.*)", out)[1]
    assert result in run("evaluate", "digits.safetensors")  # the same digits are held out


def test_train_classes(run, flowers):
    out = run("train", "flowers.csv", *QUICK)
    lines = out.splitlines()
    assert lines[0] == "data                flowers, 60 rows; target 'species' (3 classes)"
    assert re.search(r"\nlength +number +1 +from ", out)
    assert "training            48 rows, 12 held out; 1 network: 8 nodes, mish" in out
    assert re.search(r"\nnetwork 1 +30 epochs, best \d+: validation accuracy 1\n", out)
    assert re.search(r"\ntest, 12 rows +95 % interval +most frequent\naccuracy +100.00% ", out)
    assert lines[-3:] == [
        "model               flowers.safetensors",
        "training history    flowers.png",
        "test predictions    flowers-test.png",
    ]
    for picture in ("flowers.png", "flowers-test.png"):
        assert Path(picture).read_bytes().startswith(b"\x89PNG")
    net = fg.load("flowers.safetensors")
    assert net.sizes == (2, 8, 3)
    assert net.metadata["classes"] == ["setosa", "versicolor", "virginica"]
    assert net.metadata["target"] == "species"
    assert files_here() == [
        "flowers-test.png", "flowers.csv", "flowers.png", "flowers.safetensors"
    ]  # fmt: skip


def test_train_regression_in_the_units_of_the_target(run, houses):
    out = run("train", "houses.csv", *QUICK, "--epochs", "150")
    assert "target 'price' (numbers)" in out
    assert float(re.search(r"\nR2 +([\d.]+)", out)[1]) > 0.98
    assert float(re.search(r"\nRMSE +([\d.,]+)", out)[1].replace(",", "")) < 8_000
    assert float(re.search(r"validation rmse ([\d.e+]+)", out)[1]) < 8_000
    rows = [{"size": 100, "place": place} for place in ("village", "town")]
    model = fg.TableModel.load("houses.safetensors")
    assert model.predict(rows) == pytest.approx([300_000, 350_000], rel=0.03)


@jitted_only
@pytest.mark.parametrize("cost", ["squared_error", "sigmoid_cross_entropy", "hinge"])
def test_train_classes_with_other_costs(run, flowers, cost):
    run("train", "flowers.csv", *QUICK, "--cost", cost, "--no-plot", "--epochs", "100")
    rows = read_rows(run("predict", "flowers.safetensors", "flowers.csv"))
    assert sum(row[0] == true[2] for row, true in zip(rows[1:], flowers, strict=True)) > 57


@jitted_only
@pytest.mark.parametrize("cost", ["mae", "huber(delta=0.5)", "poisson"])
def test_train_numbers_with_other_costs(run, cost):
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 2, 80)
    write_rows("t.csv", None, [[f"{v:.4f}", f"{np.exp(1 + v):.4f}"] for v in x])
    out = run("train", "t.csv", *QUICK, "--cost", cost, "--no-plot", "--epochs", "150")
    assert float(re.search(r"\nR2 +([\d.]+)", out)[1]) > 0.9


def test_train_in_float64_with_two_layers(run, flowers):
    options = "--layers 8,4 --dtype float64 --epochs 2 --threads 1 --no-plot --ensemble 1"
    options += " --activation tanh --schedule linear --dropout 0.1 --l2 0.01 --output m.safetensors"
    assert "8-4 nodes, tanh" in run("train", "flowers.csv", *options.split())
    net = fg.load("m.safetensors")
    assert (net.dtype, net.sizes, net.activations[0]) == (np.float64, (2, 8, 4, 3), "tanh")
    assert (net.layers[0].dropout, net.layers[0].l2) == (0.1, 0.01)


def test_train_without_hidden_layers_or_held_out_part(run, flowers):
    options = ["--layers", "", "--test-size", "0", "--epochs", "2", "--ensemble", "1"]
    out = run("train", "flowers.csv", *options)
    assert "60 rows, 0 held out" in out
    assert "test, " not in out
    assert fg.load("flowers.safetensors").sizes == (2, 3)


def test_an_ensemble_is_in_one_file(run, flowers):
    out = run("train", "flowers.csv", *QUICK, "--ensemble", "3", "--no-plot")
    assert len(re.findall(r"\nnetwork \d ", out)) == 3
    model = fg.TableModel.load("flowers.safetensors")
    assert len(model.networks) in {3, 4}  # perhaps with a linear one
    assert "networks            " in run("info", "flowers.safetensors")


def test_cross_validation(run, flowers):
    out = run("train", "flowers.csv", *QUICK, "--cv", "3", "--no-plot")
    assert [f"fold {k} of 3" in out for k in (1, 2, 3)] == [True] * 3
    assert re.search(r"\ncross-validation +mean +standard error\naccuracy +0.9|1", out)
    assert "60 rows, 0 held out" in out


def test_cross_validation_says_what_cannot_be_computed(run, houses):
    quiet = run("train", "houses.csv", *QUICK, "--cv", "3", "--no-plot", "--quiet")
    assert "R2" in quiet
    assert "fold 1" not in quiet
    Path("few.csv").write_text("\n".join(Path("houses.csv").read_text().splitlines()[:9]) + "\n")
    options = ["train", "few.csv", *QUICK, "--cv", "8", "--no-plot", "--overwrite"]
    scores = json.loads(run(*options, "--json"))["cross-validation"]
    assert scores["R2"] == {"mean": None, "standard error": None}
    assert "undefined" in run(*options)


def test_cross_validation_needs_two_rows_of_each_class(run, flowers, capsys):
    write_rows("one.csv", ["x", "kind"], [[k, "b" if k == 9 else "a"] for k in range(30)])
    assert main(["train", "one.csv", *QUICK, "--cv", "3"]) == 2
    expected = "--cv: got 1 row of the class 'b'; expected at least 2 of each"
    assert expected in capsys.readouterr().err


def test_numbered_classes_may_be_counts(run):
    write_rows("counts.csv", ["x", "n"], [[k, k % 7] for k in range(70)])
    for task, hint in ((None, True), ("classification", False), ("regression", False)):
        options = ["--task", task, "--overwrite"] if task else []
        out = run("train", "counts.csv", *QUICK, "--no-plot", *options)
        assert ("(7 classes; --task regression takes them for numbers)" in out) is hint


def test_info_writes_toml_of_any_letters_or_json(run):
    write_rows("smile.csv", ["x", "🙂"], [[k, k % 2] for k in range(30)])
    run("train", "smile.csv", *QUICK, "--no-plot", "--target", "🙂")
    Path("run.toml").write_text(run("info", "smile.safetensors", "--toml"), encoding="utf-8")
    before = Path("smile.safetensors").read_bytes()
    run("train", "smile.csv", "--config", "run.toml", "--no-plot")
    assert Path("smile.safetensors").read_bytes() == before
    options = json.loads(run("info", "smile.safetensors", "--toml", "--json"))
    assert options["target"] == "🙂"


def test_names_with_a_comma_are_quoted(run):
    rows = [[k, k % 3, "ab"[k % 2]] for k in range(30)]
    write_rows("comma.csv", ["x", "a,b", "y"], rows)
    run("train", "comma.csv", *QUICK, "--no-plot", "--ignore", '"a,b"')
    assert fg.TableModel.load("comma.safetensors").encoder.names == ["x"]


def test_the_seed_fixes_everything(run, flowers):
    def weights(seed):
        run("train", "flowers.csv", *QUICK, "--seed", seed, "--no-plot", "--quiet")
        return fg.load("flowers.safetensors").layers[0].W

    first = weights(3)
    assert np.array_equal(first, weights(3))
    assert not np.array_equal(first, weights(4))


def test_a_configuration_reproduces_a_run(run, flowers):
    options = ["--target", "length", "--ignore", "species", "--task", "regression", "--seed", "2"]
    run("train", "flowers.csv", *QUICK, *options, "--no-plot", "-o", "a.safetensors")
    toml = run("info", "--toml", "a.safetensors")
    assert {'target = "length"', "layers = [8]", "patience = 20"} <= {*toml.splitlines()}
    Path("run.toml").write_text(toml)
    run("train", "--config", "run.toml", "--no-plot", "-o", "b.safetensors")
    a, b = (fg.load(f"{name}.safetensors") for name in "ab")
    assert np.array_equal(a.parameters, b.parameters)
    run("train", "--config", "run.toml", "--seed", "3", "--no-plot", "-o", "c.safetensors")
    assert not np.array_equal(a.parameters, fg.load("c.safetensors").parameters)
    fg.Network([2, 1], cost="mse").save("n.safetensors")
    assert run("info", "--toml", "n.safetensors", code=2) == (
        "fastgrad: error: --toml: got n.safetensors; expected a model of `fastgrad train`"
    )
    Path("run.toml").write_text("quiet = 'no'\n")
    assert run("train", "--config", "run.toml", code=2) == (
        "fastgrad: error: --config: run.toml: quiet: got 'no'; expected true or false"
    )
    Path("run.toml").write_text("epoch = 3\n")
    assert run("train", "--config", "run.toml", code=2) == (
        "fastgrad: error: --config: run.toml: unknown option 'epoch'; did you mean 'epochs'?"
    )


def test_quiet_prints_results_only(run, flowers):
    out = run("train", "flowers.csv", *QUICK, "--quiet", "--no-plot")
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "", "test, 12 rows", "accuracy", "balanced accuracy", "log-loss", "ROC AUC", "", "model",
    ]  # fmt: skip


def test_train_without_matplotlib(run, flowers, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = run("train", "flowers.csv", *QUICK)
    assert out.splitlines()[-1] == (
        "pictures            not drawn: the training curve needs matplotlib: "
        "pip install matplotlib (extra 'plot')"
    )


def test_train_target_task_and_ignore(run, flowers):
    out = run(
        "train", "flowers.csv", *QUICK, "--epochs", "2", "--no-plot",
        "--target", "length", "--ignore", "species", "--task", "regression",
    )  # fmt: skip
    assert "60 rows; target 'length' (numbers)" in out
    assert fg.load("flowers.safetensors").sizes == (1, 8, 1)


def test_the_index_column_of_pandas_is_left_out(run, flowers):
    lines = Path("flowers.csv").read_text().splitlines()
    numbered = ["," + lines[0], *(f"{k},{line}" for k, line in enumerate(lines[1:]))]
    Path("numbered.csv").write_text("\n".join(numbered))
    out = run("train", "numbered.csv", *QUICK, "--no-plot")
    assert re.search(r"\ncolumn 1 +left out +0 ", out)
    run("evaluate", "numbered.safetensors", "numbered.csv")
    run("evaluate", "numbered.safetensors", "flowers.csv")


def test_train_idx_and_evaluate(run):
    rng = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 2
    images = (labels[:, None, None] * 200 + rng.integers(50, size=(40, 3, 3))).astype(np.uint8)
    Path("train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    Path("train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    run("train", "train-images-idx3-ubyte.gz", *QUICK, "--no-plot", "--output", "m.safetensors")
    out = run("evaluate", "m.safetensors", "train-images-idx3-ubyte.gz", "--all-rows")
    assert re.search(r"\n40 rows .*\naccuracy +100.00% ", out)


MIXED = """\
when,town,rooms,lift,price
2021-01-05,Oslo,3,true,301
2021-02-11,,4,false,402
2021-03-02,Rome,,true,253
2021-04-09,Oslo,5,,503
2021-05-21,Rome,2,false,
2021-06-30,Bonn,3,true,312
"""


def test_a_table_of_every_kind_of_column(run, capsys):
    rows = MIXED.splitlines()
    Path("t.csv").write_text("\n".join([rows[0], *rows[1:] * 8]) + "\n")
    out = run("train", "t.csv", *QUICK, "--task", "regression", "--no-plot")
    assert "40 rows; target 'price' (numbers); 8 rows without it are left out" in out
    for line in (r"when +date", r"town +category", r"rooms +number", r"lift +boolean"):
        assert re.search(rf"\n{line} ", out), line
    Path("new.csv").write_text(
        "lift,rooms,town,id,when\ntrue,4,Paris,a,2021-02-11\nfalse,,,b,2021-05-05\n"
    )
    assert main(["predict", "t.safetensors", "new.csv", "--keep", "id,town"]) == 0
    captured = capsys.readouterr()
    written = read_rows(captured.out)
    assert written[0] == ["id", "town", "price"]
    assert [row[:2] for row in written[1:]] == [["a", "Paris"], ["b", ""]]
    assert all(np.isfinite(float(row[2])) for row in written[1:])
    assert captured.err.startswith("fastgrad: warning: column 'town': ")
    assert "'Paris'" in captured.err


def test_json_on_every_command(run, flowers, capsys):
    trained = json.loads(run("train", "flowers.csv", *QUICK, "--json"))
    assert trained["test"]["accuracy"]["value"] == 1
    assert trained["model"] == "flowers.safetensors"
    predicted = json.loads(run("predict", "flowers.safetensors", "flowers.csv", "--json"))
    assert [row["species"] for row in predicted] == [row[2] for row in flowers]
    evaluated = json.loads(run("evaluate", "flowers.safetensors", "flowers.csv", "--json"))
    assert (evaluated["rows"], evaluated["held out"]) == (12, True)
    assert np.trace(evaluated["confusion"]) == 12
    info = json.loads(run("info", "flowers.safetensors", "--json"))
    assert info["inputs"] == ["length", "width"]
    assert json.loads(run("info", "--json"))["fastgrad"] == fg.__version__
    assert json.loads(run("check", "flowers.safetensors", "--json"))["agree"] is True


def test_standard_input(run, flowers, monkeypatch):
    run("train", "flowers.csv", *QUICK, "--no-plot")
    expected = run("predict", "flowers.safetensors", "flowers.csv")
    with Path("flowers.csv").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert run("predict", "flowers.safetensors", "-") == expected


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
    assert f"fastgrad            {fg.__version__}\n" in out
    for name in ("python", "numba", "numpy", "processor", "threads", "threading layer"):
        assert re.search(rf"^{name} +\S", out, re.MULTILINE), name
    out = run("info", model)
    assert (
        "network             2-8-3, mish, identity; softmax_cross_entropy; 51 parameters\n" in out
    )
    assert "classes             setosa, versicolor, virginica\n" in out
    assert "target              species\n" in out
    assert re.search(r"\nlength +number ", out)


def test_warmup_leaves_nothing_to_compile(run):
    out = run("warmup")
    assert re.fullmatch(r"float32  \d+\.\d s\nfloat64  \d+\.\d s\n", out)
    again = run("warmup")
    assert all(float(seconds) < 5 for seconds in re.findall(r"(\S+) s\n", again))
