"""`fastgrad convert`, and `fastgrad info` of files that are not fastgrad's."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import files_here
from helpers.run_mode import jitted_only
from safetensors.numpy import save_file

import fastgrad as fg
from fastgrad.cli.main import main

pytestmark = jitted_only

X = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")


@pytest.fixture
def weights(folder):
    """A state dict of three layers in a file."""
    rng = np.random.default_rng(0)
    tensors = {}
    for name, n, m in (("fc1", 3, 5), ("fc2", 5, 4), ("fc10", 4, 2)):
        tensors[f"{name}.weight"] = rng.normal(size=(m, n)).astype("f4")
        tensors[f"{name}.bias"] = rng.normal(size=m).astype("f4")
    save_file(tensors, "weights.safetensors", {"format": "pt"})
    return tensors


@pytest.fixture
def error(capsys):
    """Run a command that fails and return its line on standard error."""

    def run_failing(*arguments):
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("fastgrad: error: ")

    return run_failing


def archive(**entries):
    """A zip file of texts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in entries.items():
            file.writestr(f"{name}.json", text)
    return content.getvalue()


# --- convert --------------------------------------------------------------------------------------


def test_a_state_dict(run, weights):
    options = ("--activation", "relu,tanh", "--cost", "softmax_cross_entropy")
    out = run("convert", "weights.safetensors", "-o", "net.safetensors", *options)
    assert out.splitlines() == [
        "file                net.safetensors",
        "network             3-5-4-2, relu, tanh, identity; softmax_cross_entropy; 54 parameters",
        "dtype               float32",
    ]
    net = fg.load("net.safetensors")
    assert (weights["fc10.weight"] == net.layers[2].W).all()
    assert fg.TableModel.load("net.safetensors").networks[0].activations == net.activations


def test_onnx_and_back(run, weights):
    pytest.importorskip("onnx")
    run("convert", "weights.safetensors", "-o", "net.onnx", "--activation", "mish")
    made = json.loads(run("convert", "net.onnx", "-o", "net.safetensors", "--json"))
    assert made == {
        "file": "net.safetensors",
        "network": "3-5-4-2, mish, identity; squared_error; 54 parameters",
        "dtype": "float32",
    }
    expected = fg.from_safetensors("weights.safetensors", "mish").predict(X)
    assert np.allclose(fg.load("net.safetensors").predict(X), expected, rtol=1e-6)


def test_to_c(run, weights):
    run("convert", "weights.safetensors", "-o", "net.h", "--activation", "relu")
    assert "net_predict(" in Path("net.h").read_text()


NAMES = ["weights.safetensors", "-o", "net.h", "--activation"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["weights.safetensors", "-o", "net.safetensors"], "--activation: got none; expected"),
        (["weights.safetensors", "-o", "net.txt"], "--output: got net.txt; expected a name"),
        (["weights.safetensors", "-o", "weights.safetensors"], "--output: got weights.safe"),
        (["none.safetensors", "-o", "net.h", "--activation", "relu"], "none.safetensors: no such"),
        (["none.txt", "-o", "net.h"], "SOURCE: got none.txt; expected one of .onnx, .keras, .saf"),
        (["none.onnx", "-o", "net.h", "--activation", "relu"], "--activation: got 'relu'; expec"),
        ([*NAMES, "relo"], "--activation: got 'relo'"),
        ([*NAMES, "relu,relu,relu,relu"], "--activation: got 4; expected one, or one for each"),
        ([*NAMES, "relu", "--cost", "poison"], "--cost: got 'poison'"),
        (["weights.safetensors"], "the following arguments are required"),
    ],
)
def test_errors_are_one_line_before_anything_is_written(arguments, fault, error, weights):
    assert fault in error("convert", *arguments)
    assert files_here() == ["weights.safetensors"]


def test_models_of_fastgrad_are_exported(error, folder):
    fg.Network([2, 3, 1]).save("net.safetensors")
    expected = "SOURCE: got net.safetensors, a model of fastgrad, which `fastgrad export` writes"
    assert error("convert", "net.safetensors", "-o", "net.h").startswith(expected)


def test_an_existing_file_is_kept(error, run, weights):
    Path("net.h").write_text("mine")
    arguments = ("convert", "weights.safetensors", "-o", "net.h", "--activation", "relu")
    assert error(*arguments) == "--output: net.h exists; expected another name, or --overwrite"
    assert Path("net.h").read_text() == "mine"
    run(*arguments, "--overwrite")
    assert Path("net.h").read_text() != "mine"


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize(
    ("suffix", "way"),
    [("pt", "torch"), ("pth", "torch"), ("PKL", "sklearn"), ("joblib", "sklearn")],
)
@pytest.mark.parametrize("command", [["info"], ["convert", "-o", "net.safetensors"]])
def test_pickles_are_not_opened(command, suffix, way, error, folder):
    name = f"model.{suffix}"
    Path(name).write_bytes(pickle.dumps(Bomb()))
    assert error(*command, name) == (
        f"{name}: got a pickle, which can run any code when it is opened; load it in Python, if you"
        f" trust it, and call fg.from_{way}"
    )
    assert files_here() == [name]


# --- info -----------------------------------------------------------------------------------------


def test_info_of_a_state_dict(run, weights):
    made = json.loads(run("info", "weights.safetensors", "--json"))
    assert made == {
        "format": "safetensors",
        "tensors": 6,
        "metadata": {"format": "pt"},
        "shapes": {
            "fc1.bias": "F32 (5,)", "fc1.weight": "F32 (5, 3)", "fc2.bias": "F32 (4,)",
            "fc2.weight": "F32 (4, 5)", "fc10.bias": "F32 (2,)", "fc10.weight": "F32 (2, 4)",
        },
    }  # fmt: skip
    lines = run("info", "weights.safetensors").splitlines()
    assert lines[1] == "tensors             6"
    assert lines[-1] == "  fc10.weight       F32 (2, 4)"


def test_info_of_onnx(run, folder):
    pytest.importorskip("onnx")
    net = fg.Network([3, 5, 2], "relu", cost="softmax_cross_entropy", seed=0)
    net.to_onnx("net.onnx", outputs="scores")
    made = json.loads(run("info", "net.onnx", "--json"))
    assert made.pop("producer").startswith("fastgrad")
    assert made == {
        "format": "onnx",
        "IR": 8,
        "opsets": {"ai.onnx": 17},
        "inputs": {"X": "float (N, 3)"},
        "outputs": {"scores": "float (N, 2)"},
        "operators": {"Gemm": 2, "Relu": 1, "Softmax": 1, "Identity": 1},
        "readable": True,
    }
    assert "readable            yes" in run("info", "net.onnx").splitlines()


def test_info_of_many_tensors(run, folder):
    save_file({f"{n}.weight": np.ones((1, 1), "f4") for n in range(5001)}, "many.safetensors")
    lines = run("info", "many.safetensors").splitlines()
    assert lines[1] == "tensors             5001"
    assert lines[-1] == "shapes              too many to list"


def test_info_of_onnx_that_is_no_chain(run, folder):
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [make.make_tensor_value_info(name, kind, ["batch", None, 4]) for name in "xy"]
    graph = make.make_graph([make.make_node("Reverse", ["x"], ["y"])], "g", values[:1], values[1:])
    onnx.save(make.make_model(graph, producer_name="someone"), "other.onnx")
    made = json.loads(run("info", "other.onnx", "--json"))
    assert made["producer"] == "someone"
    assert made["inputs"] == {"x": "float (batch, N, 4)"}
    assert made["operators"] == {"Reverse": 1}
    assert "expected" in made["readable"]
    assert "Reverse" in made["readable"]


def test_info_of_keras(run, folder):
    layers = [
        {"class_name": "InputLayer", "config": {"name": "input"}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 8, "activation": "relu"}},
        {"class_name": "Dropout", "config": {"name": "drop", "rate": 0.5}},
    ]
    config = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
    metadata = json.dumps({"keras_version": "3.9.0"})
    Path("net.keras").write_bytes(archive(config=config, metadata=metadata))
    assert json.loads(run("info", "net.keras", "--json")) == {
        "format": "keras",
        "keras": "3.9.0",
        "class": "Sequential",
        "layers": {"input": "InputLayer", "dense": "Dense, units 8, activation relu",
                   "drop": "Dropout, rate 0.5"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK\3\4", archive(), archive(config="{"), archive(config="[]", metadata="{}"),
        archive(config="[" * 100_000, metadata="{}"),
        archive(config=" " * 20_000_000, metadata="{}"),  # a zip bomb
        archive(config='{"config": {"layers": [1]}, "class_name": 1}', metadata="{}"),
    ],
)  # fmt: skip
def test_files_that_are_not_of_keras(content, error, folder):
    Path("net.keras").write_bytes(content)
    assert error("info", "net.keras").startswith("net.keras: got a file that is damaged or of")


@pytest.mark.parametrize("name", ["net.onnx", "net.safetensors"])
def test_damaged_files(name, error, folder):
    if name == "net.onnx":
        pytest.importorskip("onnx")
    Path(name).write_bytes(b"\xff" * 100)
    assert error("info", name).startswith(f"{name}: got a file that is damaged, truncated or of")


def test_names_that_are_no_text(run, folder):
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Relu", ["secret"], ["y"])
    values = [onnx.helper.make_tensor_value_info(name, 1, [4]) for name in ("secret", "y")]
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:])
    content = onnx.helper.make_model(graph).SerializeToString()
    Path("net.onnx").write_bytes(
        content.replace(b"secret", b"\xff" * 6).replace(b"Relu", b"\xffelu")
    )
    made = json.loads(run("info", "net.onnx", "--json"))
    assert len(made["inputs"]) == 1
    assert "names that are no text" in made["readable"]


@pytest.mark.parametrize("name", ["none.onnx", "none.keras", "none.safetensors"])
def test_missing_files(name, error, folder):
    assert error("info", name).startswith(f"{name}: no such file")
