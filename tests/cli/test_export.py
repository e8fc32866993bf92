"""`fastgrad export`, and what the files that it writes compute."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.c_programs import compiled, output
from helpers.data_files import files_here
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.cli.main import main

pytestmark = jitted_only


@pytest.fixture
def errors(capsys):
    """Run a command that fails and return its line on standard error."""

    def error(*arguments):
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("fastgrad: error: ")

    return error


@pytest.fixture
def network(folder):
    """A network's file."""
    net = fg.Network([3, 5, 2], "tanh", cost="softmax_cross_entropy", seed=0)
    net.save("net.safetensors")
    return net


def lines_of(out):
    return {line[:20].strip(): line[20:] for line in out.splitlines()}


def test_a_table_to_onnx(run, model):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    lines = lines_of(run("export", "flowers.safetensors", "--to", "onnx"))
    assert lines["file"] == "flowers.onnx"
    assert lines["takes"] == "2 columns: length, width"
    assert lines["checked"] == "by onnxruntime, on 260 rows"
    session = onnxruntime.InferenceSession("flowers.onnx", providers=["CPUExecutionProvider"])
    row = {"length": 5.0, "width": 2.0}
    feed = {name: np.array([[value]]) for name, value in row.items()}
    label = session.run(["label"], feed)[0]
    assert label.tolist() == fg.TableModel.load("flowers.safetensors").predict([row]).tolist()


def test_scores_of_an_opset(run, network):
    onnx = pytest.importorskip("onnx")
    options = ("--outputs", "scores", "--opset", "15", "--no-check", "-o", "scores.onnx")
    made = json.loads(run("export", "net.safetensors", *options, "--json"))
    size = Path("scores.onnx").stat().st_size
    assert made == {
        "file": "scores.onnx", "format": "onnx", "bytes": size, "takes": "3 inputs", "networks": 1,
        "checked": "no",
    }  # fmt: skip
    file = onnx.load("scores.onnx")
    assert [entry.version for entry in file.opset_import] == [15]
    assert [output.name for output in file.graph.output] == ["scores"]


def test_c_by_the_name_of_the_file(run, network, folder):
    lines = lines_of(run("export", "net.safetensors", "-o", "small.h", "--name", "it"))
    assert (lines["file"], lines["format"], lines["takes"]) == ("small.h", "c", "3 inputs")
    source = '#include "small.h"\nint main(void) { return it_self_test(); }\n'
    assert output(compiled(folder, source)) == ""


def test_c_that_trains(run, network):
    run("export", "net.safetensors", "--to", "c", "--train")
    assert "net_step(" in Path("net.h").read_text()


@pytest.mark.torch
def test_pytorch(run, network):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    lines = lines_of(run("export", "net.safetensors", "--to", "torch"))
    assert (lines["file"], lines["takes"]) == ("net.pt2", "3 inputs")
    X = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    p = torch.export.load("net.pt2").module()(torch.tensor(X)).detach()
    assert np.allclose(p, network.predict(X), atol=1e-6)


def test_existing_files_and_the_model_are_kept(errors, network):
    Path("net.h").write_text("mine")
    expected = "--output: net.h exists; expected another name, or --overwrite"
    assert errors("export", "net.safetensors", "--to", "c") == expected
    assert Path("net.h").read_text() == "mine"
    assert main(["export", "net.safetensors", "--to", "c", "--overwrite"]) == 0
    Path("net.safetensors").rename("model.h")  # whatever it is called
    content = Path("model.h").read_bytes()
    expected = "--output: got model.h, the input; expected another name"
    assert errors("export", "model.h", "--to", "c", "--overwrite") == expected
    assert Path("model.h").read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "--to: got none; expected one of onnx, torch, keras, c, or a file that ends in one of"
             " .onnx, .pt2, .keras, .h"),
        (["--to", "coreml"], "--to: got 'coreml'; expected one of c, keras, onnx, torch"),
        (["-o", "net.xyz"], "--to: got none"),
        (["--to", "c", "-o", "net.onnx"], "--output: got net.onnx for c; expected a name with .h"),
        (["--to", "c", "--opset", "17"], "--opset: got 17 for c; expected it for onnx"),
        (["--to", "c", "--no-check"], "--no-check: got it for c; expected it for onnx"),
        (["--to", "onnx", "--train"], "--train: got it for onnx; expected it for c"),
        (["--to", "onnx", "--name", "it"], "--name: got 'it' for onnx; expected it for c"),
        (["--to", "c", "-o", "none/net.h"], "--output: "),
        (["--to", "c", "--name", "1x"], "--name: got '1x'"),
    ],
)  # fmt: skip
def test_wrong_options_are_one_line_before_anything_is_written(arguments, error, errors, network):
    assert errors("export", "net.safetensors", *arguments).startswith(error)
    assert files_here() == ["net.safetensors"]


def test_a_file_that_is_no_model(errors, folder):
    Path("net.safetensors").write_bytes(b"nothing")
    assert errors("export", "net.safetensors", "--to", "c").startswith(
        "net.safetensors: got a file"
    )
    assert files_here() == ["net.safetensors"]
