"""Errors of the command line: one line each, files written atomically, exit codes."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.data_files import QUICK, files_here, write_rows

import fastgrad as fg
from fastgrad.cli.main import main
from fastgrad.tables import ensemble
from fastgrad.train import fleet

# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train nothing.csv", "nothing.csv: No such file or directory"),
        ("train flowers.xlsx", "flowers.xlsx: No such file or directory"),
        ("train flowers.csv --target specie", "--target: flowers.csv has no column 'specie'; did "
         "you mean 'species'? expected one of length, width, species"),
        ("train flowers.csv --task regression", "flowers.csv, line 2, column 'species': got "
         "'setosa'; expected a number (and 59 more)"),
        ("train flowers.csv --output no/m.safetensors", "--output: got no/m.safetensors; expected "
         "it in a folder that exists"),
        ("train flowers.csv --output .", "--output: got ., a folder or device; expected a file's "
         "name"),
        ("train flowers.csv --output flowers.csv", "--output: flowers.csv exists and is not a "
         "model; expected another name, or --overwrite to replace it"),
        ("train flowers.csv --output m.png", "--output: got m.png; expected another suffix than "
         "the picture's, .png"),
        ("train flowers.csv --test-size 1.5", "--test-size: got 1.5; expected a finite number "
         "at least 0 and below 1"),
        ("train flowers.csv --cv 5 --test-size 0.3", "--test-size: got 0.3 and --cv 5, which tests "
         "on each fold; expected one of them"),
        ("train flowers.csv --layers 0", "--layers: got 0; expected an integer of at least 1"),
        ("train flowers.csv --quiet --lr -1", "--learning-rate: got -1.0; expected a finite "
         "number at least 0"),
        ("train flowers.csv --ensemble 49 --quiet", "--ensemble: got 49; expected an integer of at "
         "most 48"),
        ("train --target species", "--target: got a value without DATA; expected DATA, too"),
        ("predict m.safetensors flowers.csv -o no/p.csv", "--output: got no/p.csv; expected it in "
         "a folder that exists"),
        ("predict m.safetensors flowers.csv -o flowers.csv", "--output: got flowers.csv, an input "
         "file; expected another name"),
        ("predict flowers.safetensors", "flowers.safetensors: no such file; expected a model saved "
         "by fastgrad"),
    ],
)  # fmt: skip
def test_errors_are_one_line(run, flowers, arguments, message):
    assert run(*arguments.split(), code=2) == f"fastgrad: error: {message}"
    assert files_here() == ["flowers.csv"]


def test_a_table_of_a_few_rows_trains(run):
    write_rows("t.csv", ["a", "b"], [[1, "x"], [2, "y"], [3, "x"], [4, "y"]])
    run("train", "t.csv", "--epochs", "2", "--layers", "4", "--quiet", "--no-plot")


def test_a_model_needs_data_unless_it_is_of_the_digits(run, model):
    assert run("evaluate", model, code=2) == (
        "fastgrad: error: DATA: expected a file, since flowers.safetensors is not one of the digits"
    )
    write_rows("new.csv", ["width", "length"], [[1, 2]])
    assert run("evaluate", model, "new.csv", code=2) == (
        "fastgrad: error: --target: new.csv has no column 'species'; expected one of width, length"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --epochs x", "--epochs: got 'x'; expected an integer of at least 1"),
        ("train --epochs 1e3", "--epochs: got '1e3'; expected an integer of at least 1"),
        ("train --ensemble 0", "--ensemble: got 0; expected an integer of at least 1"),
        ("train --cv 1", "--cv: got 1; expected an integer of at least 2"),
        ("train --dropout 1", "--dropout: got 1.0; expected a finite number at least 0 and below "
         "1"),
        ("train --lr -1", "--learning-rate: got -1.0; expected a finite number at least 0"),
        ("train --activation swish", "--activation: got 'swish'; did you mean 'silu'? expected one "
         "of elu, gelu, gelu_tanh, hard_sigmoid, hard_tanh, identity, leaky_relu, mish, relu, "
         "selu, sigmoid, silu, sin, softplus, softsign, tanh"),
        ("train --cost huber(x)", "--cost: got 'huber(x)', expected 'huber(delta=number)'"),
        ("train --test-size 30%", "--test-size: got '30%'; expected a finite number at least 0 "
         "and below 1"),
        ("train --layers 8,x", "--layers: got '8,x'; expected sizes such as 64,32"),
        ("train --header no!", "--header: got 'no!'; did you mean 'no'? expected one of no, yes"),
        ("train --targt y", "fastgrad train: unknown option --targt; did you mean '--target'? "
         "`fastgrad train --help` lists them"),
        ("train --schedule cosin", "--schedule: got 'cosin'; did you mean 'cosine'? expected one "
         "of constant, cosine, linear, one_cycle"),
        ("predict", "the following arguments are required: MODEL"),
        ("fit t.csv", "command: got 'fit'; did you mean 'train'? expected one of check, convert, "
         "evaluate, explain, export, info, play, predict, train, warmup"),
        ("help trian", "command: got 'trian'; did you mean 'train'? expected one of check, "
         "convert, evaluate, explain, export, info, play, predict, train, warmup"),
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_read(run, arguments, message):
    assert run(*arguments.split(), code=2) == f"fastgrad: error: {message}"


def test_a_model_of_other_data_is_not_replaced(run, flowers, model):
    run("train", "flowers.csv", *QUICK, "--seed", "1", "--quiet", "--no-plot")  # the same: may be
    before = Path(model).read_bytes()
    refused = "fastgrad: error: --output: flowers.safetensors exists, a model of other {}; "
    way_out = "expected another name, or --overwrite to replace it"
    quick = ["--epochs", "1", "--layers", "2", "--quiet", "--no-plot", "--ensemble", "1"]
    for arguments, other in (
        (["flowers.csv", "--target", "width"], "target 'species'"),
        (["--output", model], "data 'flowers.csv'"),
    ):
        assert run("train", *arguments, *quick, code=2) == refused.format(other) + way_out
    assert Path(model).read_bytes() == before
    run("train", "flowers.csv", "--target", "width", *quick, "--overwrite")
    assert fg.load(model).metadata["target"] == "width"


def test_a_picture_that_is_no_training_curve_is_not_replaced(run, flowers):
    Path("flowers.png").write_text("a photograph")
    quick = ["train", "flowers.csv", "--epochs", "1", "--layers", "2", "--quiet", "--ensemble", "1"]
    assert run(*quick, code=2) == (
        "fastgrad: error: --output: flowers.png, for a picture, exists; "
        "expected another name, or --overwrite to replace it"
    )
    run(*quick, "--no-plot")
    assert Path("flowers.png").read_text() == "a photograph"


@pytest.mark.parametrize("command", ["train flowers.csv -o", "predict m flowers.csv -o"])
def test_a_read_only_folder(run, flowers, monkeypatch, command):
    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", deny)
    monkeypatch.setattr("fastgrad.data.read", None)  # nothing has begun by then
    assert run(*command.split(), "out.x", code=2) == (
        "fastgrad: error: --output: got out.x; expected it in a folder that can be written to "
        "(Permission denied)"
    )


def test_training_that_diverges_is_one_line_and_saves_nothing(run, flowers):
    options = [*QUICK, "--target", "length", "--ignore", "species", "--quiet"]
    message = run("train", "flowers.csv", *options, "--lr", "1e30", code=2)
    assert re.fullmatch(
        r"fastgrad: error: fit: the cost is (nan|inf) in epoch \d+, batch \d+; the weights of "
        r"layer . (are not finite|reach [^;]*); likely cause: the learning rate, [^;]*",
        message,
    )
    assert files_here() == ["flowers.csv"]


@pytest.mark.parametrize("cost", ["softmax_cross_entropy", "mse"])
def test_outputs_that_are_not_numbers_are_not_scored(run, cost):
    net = fg.Network([2, 4, 2], "identity", cost=cost, dtype="float64", seed=0)
    net.layers[0].W[:] = 1e200
    net.layers[1].W[:] = [[1e200, -1e200, 1e200, -1e200]] * 2
    net.save("m.safetensors")
    write_rows("t.csv", None, [[0, 0, 1], [9, 9, 0]])
    message = (
        "fastgrad: error: the networks' outputs are NaN or infinite for 1 of 2 rows; their weights "
        "or the inputs are too large"
    )
    assert run("predict", "m.safetensors", "t.csv", code=2) == message
    if cost != "mse":  # which wants two targets a row
        assert run("evaluate", "m.safetensors", "t.csv", code=2) == message
    assert run("check", "m.safetensors", code=2) == (
        "fastgrad: error: the network's outputs are NaN or infinite; its weights are too large"
    )


def test_targets_beyond_the_dtype(run):
    write_rows("t.csv", ["x", "y"], [[k + 0.5 * k**2, f"{k + 0.25}e60"] for k in range(40)])
    run("train", "t.csv", *QUICK, "--no-plot")  # in standard deviations they are within float32
    model = fg.TableModel.load("t.safetensors")
    assert 1e60 < model.predict([{"x": 210.0}])[0] < 4e61
    write_rows("t.csv", ["x", "y"], [[k + 0.5 * k**2, f"{k + 0.25}e200"] for k in range(40)])
    assert run("train", "t.csv", *QUICK, "--no-plot", "--quiet", code=2) == (
        "fastgrad: error: --target: got targets whose squares are beyond float64; expected numbers "
        "below 1e150"
    )


def test_interrupted(run, flowers, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fg.TableModel, "fit_samples", interrupt)
    message = run("train", "flowers.csv", "--quiet", code=130)
    assert message == "fastgrad: interrupted; no model is saved"
    assert files_here() == ["flowers.csv"]


@pytest.fixture
def interrupted(monkeypatch):
    """Options of a training that is interrupted soon after its beginning."""
    real_wait, calls = ensemble.wait, []

    def wait(futures):
        calls.append(1)
        if len(calls) == 1:
            time.sleep(0.3)
            raise KeyboardInterrupt
        return real_wait(futures)

    monkeypatch.setattr(ensemble, "wait", wait)  # with checkpoints
    monkeypatch.setattr(fleet, "wait", wait)
    options = [*QUICK, "--epochs", "1000000", "--patience", "1000000", "--no-plot"]
    return SimpleNamespace(options=options, again=calls.clear)


def test_an_interrupt_saves_the_best_so_far(run, flowers, interrupted):
    message = run("train", "flowers.csv", *interrupted.options, code=130)
    assert message == "fastgrad: interrupted; the best epochs so far are saved"
    resumable = (*interrupted.options, "--checkpoint", "states", "--overwrite")
    interrupted.again()
    message = run("train", "flowers.csv", *resumable, code=130)
    assert message.endswith("are saved; the same command with --resume continues")
    assert fg.TableModel.load("flowers.safetensors").classes[0] == "setosa"


def test_an_interrupt_ends_a_cross_validation(run, flowers, interrupted):
    message = run("train", "flowers.csv", *interrupted.options, "--cv", "2", code=130)
    assert message == "fastgrad: interrupted; no model is saved"
    assert files_here() == ["flowers.csv"]


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "check", "info", "warmup"])
def test_help_explains_every_argument(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    described = re.findall(r"^  (-\S+|[A-Z]{2,})(?:[ ,][^\n]*?)?(?:  +|\n +)\S", out, re.MULTILINE)
    listed = re.findall(r"^  (-\S+|[A-Z]{2,})", out, re.MULTILINE)
    assert listed == described
    assert not re.search(r"default: None", out)


# --- as a program --------------------------------------------------------------------------------


def test_as_a_program(model):
    program = [sys.executable, "-m", "fastgrad"]
    # The tests run in a folder of their own: a checkout that is not installed must still be found.
    root = str(Path(fg.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path])}
    done = subprocess.run(
        [*program, "info", "x"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("fastgrad: error: x: no such file; expected a model saved by fastgrad\n")
    # A reader that leaves early, as `| head` does.
    with subprocess.Popen(
        [*program, "predict", model, "flowers.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        process.stdout.close()
        lines = process.stderr.readlines()
        assert all(line.startswith(b"fastgrad: compiling") for line in lines)  # if it took long
        assert process.wait() == 141


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fastgrad {fg.__version__}\n"


def test_metadata_is_json(model):
    metadata = fg.load(model).metadata
    assert json.loads(json.dumps(metadata)) == metadata


def test_a_column_beyond_float32_is_exact(run):
    rng = np.random.default_rng(0)
    seconds = rng.integers(60, size=80)
    write_rows("t.csv", ["seconds", "y"], [[1_700_000_000 + k, f"{k + 0.5}"] for k in seconds])
    out = run("train", "t.csv", *QUICK, "--epochs", "100", "--no-plot")
    assert float(re.search(r"\nR2 +([\d.]+)", out)[1]) > 0.98  # float32 has steps of 128 there
