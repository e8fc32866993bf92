"""Networks as ONNX files: what onnxruntime computes, and what is read from them again."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.error_messages import message_of
from helpers.grids import grid

import fastgrad as fg
from fastgrad.formats import onnx as onnx_files
from fastgrad.kernels.activations import ACTIVATIONS

COSTS = {  # of outputs, with a name for the file's users
    "classes": (3, "softmax_cross_entropy"),
    "yes or no": (1, "sigmoid_cross_entropy"),
    "a number": (1, "squared_error"),
    "numbers": (4, "squared_error"),
    "counts": (2, "poisson"),
    "yes or no each": (3, "sigmoid_cross_entropy"),
    "one of two": (1, "hinge"),
}
FUNCTIONS = [*ACTIVATIONS, "leaky_relu(slope=0.2)", "elu(alpha=0.7)"]
rng = np.random.default_rng(0)
X = rng.normal(2, 3, (257, 5))


def network(f, dtype, depth, kind, standardize=False):
    n_outputs, cost = COSTS[kind]
    sizes = [5, *[6] * (depth - 1), n_outputs]
    net = fg.Network(sizes, f, cost, dtype=dtype, seed=depth)
    for layer in net.layers:
        layer.b = rng.normal(size=layer.b.shape)
    if standardize:
        net.inputs.standardize_by(X)
    return net


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2  # warnings
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])


def run(path, **inputs):
    """The outputs by name."""
    opened = session(path)
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(None, inputs), strict=True))


def assert_close(received, expected, dtype):
    rtol = {"float32": 5e-6, "float64": 1e-12}[dtype]
    assert np.abs(received - expected).max() <= rtol * max(1, np.abs(expected).max())


@pytest.mark.parametrize(
    ("f", "dtype", "depth", "kind", "standardize", "opset"),
    grid(FUNCTIONS, ["float32", "float64"], [1, 2, 3, 4], [*COSTS], [False, True], [13, 17, 20]),
)
def test_onnxruntime_computes_the_same(f, dtype, depth, kind, standardize, opset, tmp_path, capfd):
    net = network(f, dtype, depth, kind, standardize)
    path = tmp_path / "net.onnx"
    net.to_onnx(path, opset=opset, outputs="scores")
    for n in (1, 2, 257):
        received = run(path, X=X[:n].astype(dtype))["scores"]
        assert received.dtype == dtype
        assert_close(received, net.predict(X[:n]), dtype)
    assert capfd.readouterr().err == ""

    back = fg.from_onnx(path, net.cost_function)
    assert repr(back) == repr(net)
    assert np.array_equal(back.predict(X), net.predict(X))
    for name, array in net.arrays.items():
        assert np.array_equal(back.arrays[name], array)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_and_probabilities_of_classes(dtype, tmp_path):
    net = network("relu", dtype, 2, "classes")
    net.to_onnx(tmp_path / "net.onnx")
    found = run(tmp_path / "net.onnx", X=X.astype(dtype))
    assert [*found] == ["label", "probabilities"]
    assert_close(found["probabilities"], net.predict(X), dtype)
    assert found["label"].dtype == np.int64
    assert np.array_equal(found["label"], net.predict(X).argmax(axis=1))


def test_yes_or_no_has_two_probabilities(tmp_path):
    net = network("tanh", "float64", 2, "yes or no")
    net.to_onnx(tmp_path / "net.onnx")
    found, p = run(tmp_path / "net.onnx", X=X), net.predict(X)
    assert_close(found["probabilities"], np.hstack([1 - p, p]), "float64")
    assert np.array_equal(found["label"], (p[:, 0] > 0.5).astype(int))
    assert 0 < found["label"].mean() < 1
    assert np.array_equal(fg.from_onnx(tmp_path / "net.onnx").predict(X), p)


def test_standardised_targets_are_in_their_unit(tmp_path):
    net = fg.Network([5, 8, 2], standardize=True, standardize_targets=True, seed=0)
    net.fit(X, 1e4 + 1e3 * X[:, :2], epochs=2)
    net.to_onnx(tmp_path / "net.onnx")
    received = run(tmp_path / "net.onnx", X=X.astype(np.float32))["prediction"]
    assert received.dtype == np.float64
    assert_close(received, net.predict(X), "float32")
    back = fg.from_onnx(tmp_path / "net.onnx")
    assert np.array_equal(back.predict(X), net.predict(X))
    assert back.targets.standardized


def test_several_heads_have_their_links(tmp_path):
    heads = [("softmax_cross_entropy", 3), ("squared_error", 2), ("sigmoid_cross_entropy", 1)]
    net = fg.Network([5, 8, 6], cost=heads, dtype="float64", seed=0)
    net.to_onnx(tmp_path / "net.onnx")
    assert_close(run(tmp_path / "net.onnx", X=X)["prediction"], net.predict(X), "float64")
    with pytest.raises(ValueError, match=r"node 'head' \(Split\): got an operator"):
        fg.from_onnx(tmp_path / "net.onnx")


def test_an_ensemble_is_its_mean(tmp_path):
    nets = [network("gelu", dtype, 3, "classes", True) for dtype in ("float64", "float32")]
    ensemble = fg.Ensemble(nets, [3, 1])
    ensemble.to_onnx(tmp_path / "net.onnx")
    found = run(tmp_path / "net.onnx", X=X)
    assert_close(found["probabilities"], ensemble.predict(X), "float32")


@pytest.mark.parametrize(("opset", "ir"), [(13, 8), (17, 8), (21, 10)])
def test_versions(opset, ir, tmp_path):
    fg.Network([2, 3, 1]).to_onnx(tmp_path / "net.onnx", opset=opset)
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == ir
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert (model.producer_name, model.producer_version) == ("fastgrad", fg.__version__)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    contract = json.loads({entry.key: entry.value for entry in model.metadata_props}["fastgrad"])
    assert contract["inputs"][0]["name"] == "X"
    assert contract["outputs"] == [{"name": "prediction"}]


def test_the_file_is_the_same_each_time(tmp_path):
    net = network("mish", "float32", 3, "classes", True)
    for name in ("a", "b"):
        net.to_onnx(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def own_activation():
    return fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)


@pytest.mark.parametrize(
    ("net", "options", "message"),
    [
        (fg.Network([2, 3, 1], own_activation()), {}, "to_onnx: got the activation 'cube', which"),
        (fg.Network([2, 1]), {"opset": 12}, "opset: got 12; expected"),
        (fg.Network([2, 1]), {"opset": 1000}, "opset: got 1000; expected"),
        (fg.Network([2, 1]), {"outputs": "all"}, "outputs: "),
        (fg.Network([2, 1]), {"check": 3}, "check: got 3"),
    ],
)
def test_errors_leave_the_file(net, options, message, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_text("mine")
    with pytest.raises((ValueError, TypeError), match=message):
        net.to_onnx(path, **options)
    assert path.read_text() == "mine"
    assert [*tmp_path.iterdir()] == [path]


def test_weights_must_be_finite(tmp_path):
    net = fg.Network([2, 1])
    net.layers[0].W[0, 0] = np.nan
    message = message_of(lambda: net.to_onnx(tmp_path / "net.onnx"))
    assert message == "layer.1.W: got NaN or infinity; expected finite numbers"


def test_the_check_finds_a_difference(tmp_path):
    net = fg.Network([2, 3, 1], seed=0)
    model = net.portable()
    net.layers[1].b += 0.01  # what is computed, not what is written
    message = message_of(lambda: onnx_files.write(tmp_path / "net.onnx", model))
    assert "got 'prediction' of onnxruntime that differ by 0.01; expected at most" in message
    assert not [*tmp_path.iterdir()]
    onnx_files.write(tmp_path / "net.onnx", model, check=False)
    assert fg.from_onnx(tmp_path / "net.onnx").layers[1].b == net.layers[1].b - np.float32(0.01)
