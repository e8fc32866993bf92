"""Networks from safetensors files with PyTorch's names, and files that are none."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import fastgrad as fg
from fastgrad.formats.state_dict import TensorFile


def parameters(sizes, names, dtype=np.float32, bias=True):
    """Random weights and biases by name."""
    rng = np.random.default_rng(0)
    tensors = {}
    for name, n, m in zip(names, sizes, sizes[1:], strict=False):
        tensors[f"{name}.weight"] = rng.normal(size=(m, n)).astype(dtype)
        if bias:
            tensors[f"{name}.bias"] = rng.normal(size=m).astype(dtype)
    return tensors


@pytest.fixture
def saved(tmp_path):
    """Write tensors to a file and return its path."""

    def write(tensors, **metadata):
        path = tmp_path / "weights.safetensors"
        save_file(tensors, path, metadata or None)
        return path

    return write


def with_header(path, header, content=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "names",
    [
        ["0", "2", "4"],
        ["fc1", "fc2", "fc3"],
        ["layers.2", "layers.10", "layers.11"],
        ["l1", "l2", "l3"],
    ],
)
def test_layers_come_in_the_order_of_their_names(names, bias, dtype, saved):
    sizes = (3, 5, 4, 2)
    tensors = parameters(sizes, names, dtype, bias)
    net = fg.from_safetensors(saved(tensors, format="pt"), "tanh")
    assert net.sizes == sizes
    assert net.dtype == dtype
    assert net.activations == ("tanh", "tanh", "identity")
    X = a = np.random.default_rng(1).normal(size=(7, 3)).astype(dtype)
    for name in names:
        a = a @ tensors[f"{name}.weight"].T + tensors.get(f"{name}.bias", 0)
        a = a if name == names[-1] else np.tanh(a)
    assert np.allclose(net.predict(X), a, rtol=1e-5, atol=1e-6)
    for layer, name in zip(net.layers, names, strict=True):
        assert (tensors[f"{name}.weight"] == layer.W).all()  # bit for bit


def test_a_single_layer_may_have_no_name(saved):
    net = fg.from_safetensors(saved({"weight": np.ones((1, 3), np.float32)}), "relu")
    assert (net.sizes, net.activations) == ((3, 1), ("identity",))
    assert (net.layers[0].b == 0).all()


@pytest.mark.parametrize(
    ("given", "expected", "cost"),
    [
        ("relu", ("relu", "relu", "identity"), "squared_error"),
        (["relu", "tanh"], ("relu", "tanh", "identity"), "squared_error"),
        (["relu", "tanh", "sigmoid"], ("relu", "tanh", "identity"), "sigmoid_cross_entropy"),
        ([fg.activations.ACTIVATIONS["mish"]] * 3, ("mish", "mish", "mish"), "squared_error"),
    ],
)
def test_activations_and_costs(given, expected, cost, saved):
    net = fg.from_safetensors(saved(parameters((2, 3, 4, 1), "123")), given)
    assert (net.activations, net.cost_function.name) == (expected, cost)


def test_the_number_of_activations_must_fit(saved):
    path = saved(parameters((2, 3, 4, 1), "123"))
    with pytest.raises(ValueError, match=r"^activation: got 4; .* 2 hidden layers, or of all 3$"):
        fg.from_safetensors(path, ["relu"] * 4)


def test_the_cost_is_as_given(saved):
    path = saved(parameters((2, 3, 4), "12"))
    net = fg.from_safetensors(path, "relu", cost="softmax_cross_entropy")
    assert np.allclose(net.predict(np.ones((1, 2))).sum(), 1)


def test_files_of_fastgrad_are_for_load(tmp_path):
    fg.Network([2, 3, 1]).save(tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="got a model of fastgrad; expected a file of another"):
        fg.from_safetensors(tmp_path / "net.safetensors", "relu")


@pytest.mark.parametrize(
    ("tensors", "error"),
    [
        ({}, "got no tensor"),
        (
            {"l1.weight": np.ones((2, 2), np.float16)},
            r"'l1.weight': got F16 \(2, 2\); expected F32",
        ),
        ({"l1.weight": np.ones((2, 2), np.int64)}, "got I64"),
        ({"l1.weight": np.ones((2, 2, 3, 3), np.float32)}, "expected F32 or F64 with 2 axes"),
        ({"bn.weight": np.ones(2, np.float32)}, "with 2 axes, of a dense layer"),
        ({"l1.bias": np.ones(2, np.float32)}, "'l1': got a bias alone"),
        ({"embedding": np.ones((2, 2), np.float32)}, "'embedding': got an unknown tensor"),
        ({"l1.weight": np.full((2, 2), np.nan, np.float32)}, "NaN or infinity among the weights"),
        ({"l1.weight": np.ones((0, 2), np.float32)}, r"F32 \(0, 2\)"),
        ({"l1.weight": np.ones((2, 2), np.float32), "l1.bias": np.ones(3, np.float32)}, "per row"),
        (
            {"l1.weight": np.ones((2, 2), np.float32), "l2.weight": np.ones((2, 3), np.float32)},
            "'l2': got 3 inputs; expected 2",
        ),
        ({f"{n}.weight": np.ones((1, 1), np.float32) for n in range(5001)}, "got 5,001 tensors"),
        ({"\n" * 9999: np.ones(1, np.float32)}, "got an unknown tensor"),
        ({"9" * 9999 + ".weight": np.ones(1, np.float32)}, "with 2 axes"),
        ({"²x.weight": np.ones(1, np.float32)}, "with 2 axes"),
    ],
)
def test_what_is_no_chain_is_one_clear_error(tensors, error, saved):
    with pytest.raises(ValueError, match=error) as caught:
        fg.from_safetensors(saved(tensors), "relu")
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


HUGE = {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 1 << 62]}
SMALL = {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "header",
    [
        b"", b"{", b"[]", b"\xff" * 20, b"{}" + b"x" * 9, b"[" * 100_000,
        {"l1.weight": HUGE}, {"l1.weight": SMALL}, {"l1.weight": {**SMALL, "shape": [-1, 2]}},
        {"l1.weight": {**SMALL, "dtype": "object"}}, {"l1.weight": 3},
        {"l1.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [8, 0]}},
    ],
)  # fmt: skip
def test_hostile_files_are_one_clear_error(header, tmp_path):
    path = with_header(tmp_path / "weights.safetensors", header, b"\0" * 8)
    with pytest.raises(ValueError, match="damaged, truncated or of another kind"):
        fg.from_safetensors(path, "relu")


def test_a_header_longer_than_the_file(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="damaged, truncated or of another kind"):
        fg.from_safetensors(path, "relu")


def test_every_truncated_file_is_refused(saved):
    path = saved(parameters((2, 3, 1), "12"))
    content = path.read_bytes()
    for n in range(len(content)):
        path.write_bytes(content[:n])
        with pytest.raises(ValueError, match="damaged, truncated or of another kind"):
            fg.from_safetensors(path, "relu")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file; expected a safetensors file"):
        fg.from_safetensors(tmp_path / "none", "relu")
    with pytest.raises(FileNotFoundError, match="got a folder; expected a safetensors file"):
        fg.from_safetensors(tmp_path, "relu")


def test_the_header_describes_every_tensor(saved):
    file = TensorFile(saved(parameters((2, 3, 1), ["10", "9"]), format="pt"))
    assert not file.is_ours
    assert file.metadata == {"format": "pt"}
    assert [(t.name, t.dtype, t.shape) for t in file.tensors.values()] == [
        ("9.bias", "F32", (1,)),
        ("9.weight", "F32", (1, 3)),
        ("10.bias", "F32", (3,)),
        ("10.weight", "F32", (3, 2)),
    ]


@pytest.mark.torch
def test_a_state_dict_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.torch import save_file  # noqa: PLC0415 - needs PyTorch

    module = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4), torch.nn.ReLU(),
        torch.nn.Linear(4, 2),
    )  # fmt: skip
    save_file(module.state_dict(), tmp_path / "module.safetensors")
    net = fg.from_safetensors(tmp_path / "module.safetensors", "relu")
    X = np.random.default_rng(0).normal(size=(9, 3)).astype("f4")
    assert np.allclose(net.predict(X), module(torch.tensor(X)).detach(), rtol=1e-5, atol=1e-6)


def test_bfloat16_is_named(tmp_path):
    header = {"l1.weight": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}
    path = with_header(tmp_path / "weights.safetensors", header, b"\0" * 8)
    with pytest.raises(ValueError, match=r"'l1.weight': got BF16 \(2, 2\)"):
        fg.from_safetensors(path, "relu")
