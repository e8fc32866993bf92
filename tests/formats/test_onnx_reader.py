"""Networks from ONNX files of other libraries; and files made to harm."""

import contextlib
import re
import tracemalloc

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.error_messages import message_of
from helpers.mutation import changed_bytes, draws
from onnx import TensorProto, helper, numpy_helper

import fastgrad as fg

rng = np.random.default_rng(0)
X = rng.normal(1, 2, (100, 3)).astype(np.float32)
W1, W2 = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 3), (2, 4)))
B1, B2 = (rng.normal(size=n).astype(np.float32) for n in (4, 2))


def file(path, nodes, constants=(), outputs=("y",), inputs=("x",), opset=17, **graph):
    """Write a model; nodes are (operator, inputs, outputs, attributes)."""
    described = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (*inputs, *outputs)
    ]
    made = [
        helper.make_node(operator, names.split(), results.split(), **attributes)
        for operator, names, results, attributes in nodes
    ]
    weights = {"W1": W1.T, "b1": B1, "W2": W2.T, "b2": B2, **dict(constants)}
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in weights.items()]
    parts = described[: len(inputs)], described[len(inputs) :]
    proto = helper.make_graph(made, "g", *parts, tensors, **graph)
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


FIRST = [("MatMul", "x W1", "p", {}), ("Add", "p b1", "u", {})]
LAST = [("MatMul", "a W2", "q", {}), ("Add", "b2 q", "y", {})]


def by_onnxruntime(path, X=X):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: X})
    return np.asarray(next(a for a in found if getattr(a, "dtype", np.int64) in ("f4", "f8")))


def assert_read(path, activations, cost=None):
    net = fg.from_onnx(path, cost)
    assert net.activations == activations
    expected = by_onnxruntime(path)
    assert np.abs(net.predict(X) - expected).max() <= 5e-6 * max(1, np.abs(expected).max())
    return net


# --- chains -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "f"),
    [
        ([("Relu", "u", "a", {})], "relu"),
        ([("Sigmoid", "u", "s", {}), ("Mul", "s u", "a", {})], "silu"),
        ([("Softplus", "u", "s", {}), ("Tanh", "s", "t", {}), ("Mul", "u t", "a", {})], "mish"),
        ([("Div", "u root2", "v", {}), ("Erf", "v", "e", {}), ("Add", "e one", "f", {}),
          ("Mul", "u f", "g", {}), ("Mul", "g half", "a", {})], "gelu"),
        ([("Mul", "u half", "v", {}), ("Div", "u root2", "w", {}), ("Erf", "w", "e", {}),
          ("Add", "one e", "f", {}), ("Mul", "v f", "a", {})], "gelu"),
        ([("Clip", "u minus one", "a", {})], "hard_tanh"),
        ([("Max", "u zero", "a", {})], "relu"),
        ([("PRelu", "u slopes", "a", {})], "leaky_relu(slope=0.25)"),
        ([("LeakyRelu", "u", "a", {"alpha": 0.1})], "leaky_relu(slope=0.1)"),
        ([("LeakyRelu", "u", "a", {})], "leaky_relu"),
        ([("Elu", "u", "a", {"alpha": 0.3})], "elu(alpha=0.3)"),
        ([("Add", "u three", "v", {}), ("Clip", "v zero six", "w", {}), ("Div", "w six", "a", {})],
         "hard_sigmoid"),
        ([("Abs", "u", "v", {}), ("Add", "v one", "w", {}), ("Div", "u w", "a", {})], "softsign"),
        ([("Identity", "u", "v", {}), ("Dropout", "v", "w", {}), ("Tanh", "w", "a", {})], "tanh"),
        ([("Mul", "u half", "v", {}), ("Tanh", "v", "a", {})], "tanh"),
        ([("Tanh", "u", "v", {}), ("Sub", "one v", "w", {}), ("Div", "w six", "a", {})], "tanh"),
        ([("Relu", "u", "v", {}), ("BatchNormalization", "v b1 b1 b1 variances", "a", {})], "relu"),
        ([("Flatten", "u", "v", {}), ("Reshape", "v rows", "w", {}), ("Sin", "w", "a", {})], "sin"),
        ([("Constant", "", "c", {"value_float": 0.0}), ("Less", "u c", "m", {}),
          ("Mul", "u half", "v", {}), ("Where", "m v u", "a", {})], "leaky_relu(slope=0.5)"),
    ],
)  # fmt: skip
def test_activations_are_recognised_by_their_values(nodes, f, tmp_path):
    scalars = {"root2": 2**0.5, "one": 1, "half": 0.5, "minus": -1, "zero": 0, "three": 3, "six": 6}
    constants = {name: np.float32(value) for name, value in scalars.items()}
    constants |= {"variances": np.abs(B1), "rows": np.array([-1, 4])}
    constants |= {"slopes": np.full(4, 0.25, np.float32)}
    path = file(tmp_path / "net.onnx", [*FIRST, *nodes, *LAST], constants)
    assert_read(path, (f, "identity"))


@pytest.mark.parametrize(
    ("end", "cost"),
    [
        ([("Softmax", "v", "y", {"axis": -1})], "softmax_cross_entropy"),
        ([("Sigmoid", "v", "y", {})], "sigmoid_cross_entropy"),
        ([("Exp", "v", "y", {})], "poisson"),
        ([("Exp", "v", "w", {}), ("Identity", "w", "y", {})], "poisson"),
    ],
)
def test_links(end, cost, tmp_path):
    nodes = [("Gemm", "x W1 b1", "v", {}), *end]
    assert assert_read(file(tmp_path / "net.onnx", nodes), ("identity",)).cost_function.name == cost


def test_the_cost_must_have_the_link(tmp_path):
    path = file(tmp_path / "net.onnx", [("Gemm", "x W1 b1", "v", {}), ("Exp", "v", "y", {})])
    with pytest.raises(ValueError, match="cost: got 'mae', of outputs with identity; expected one"):
        fg.from_onnx(path, "mae")
    path = file(tmp_path / "net.onnx", [("Gemm", "x W1 b1", "v", {}), ("Sigmoid", "v", "y", {})])
    assert assert_read(path, ("sigmoid",), "mae").cost_function.name == "mae"


def test_a_logarithm_of_softmax_is_a_softmax(tmp_path):
    path = file(tmp_path / "net.onnx", [*FIRST, ("LogSoftmax", "u", "y", {"axis": 1})])
    net = fg.from_onnx(path)
    assert net.cost_function.name == "softmax_cross_entropy"
    assert np.log(net.predict(X)) == pytest.approx(by_onnxruntime(path), abs=1e-5)


def test_options_of_gemm(tmp_path):
    options = {"alpha": 2.0, "beta": 0.5, "transB": 1}
    nodes = [("Transpose", "W1", "W", {"perm": [1, 0]}), ("Gemm", "x W c", "y", options)]
    net = assert_read(file(tmp_path / "net.onnx", nodes, {"c": np.float32([3])}), ("identity",))
    assert np.array_equal(net.layers[0].W, 2 * W1)
    assert net.layers[0].b.tolist() == [1.5] * 4


def test_standardised_inputs_and_targets(tmp_path):
    nodes = [("Sub", "x m", "c", {}), ("Div", "c s", "z", {}), ("Gemm", "z W1 b1", "v", {}),
             ("Cast", "v", "w", {"to": TensorProto.DOUBLE}), ("Mul", "w t", "y", {})]  # fmt: skip
    constants = {"m": np.float32([1, 2, 3]), "s": np.float32([2, 4, 8]), "t": np.arange(1.0, 5)}
    path = file(tmp_path / "net.onnx", nodes, constants)
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    onnx.save(model, path)
    net = assert_read(path, ("identity",))
    assert net.inputs.mean.tolist() == [1, 2, 3]
    assert net.inputs.scale.tolist() == [1 / 2, 1 / 4, 1 / 8]
    assert net.targets.scale.tolist() == [1, 2, 3, 4]


# --- files of other libraries -------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("n_classes", [None, 2, 3])
def test_pipelines_of_scikit_learn(n_classes, zipmap, tmp_path):
    sklearn = pytest.importorskip("sklearn")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    kind = MLPClassifier if n_classes else MLPRegressor
    y = np.arange(100) % n_classes if n_classes else X[:, 0]
    estimator = kind(hidden_layer_sizes=(5, 4), activation="tanh", max_iter=3, random_state=0)
    pipeline = make_pipeline(sklearn.preprocessing.StandardScaler(), estimator).fit(X, y)
    options = {"zipmap": zipmap} if n_classes else None
    made = skl2onnx.to_onnx(pipeline, X[:1], options=options)
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    net = fg.from_onnx(tmp_path / "net.onnx")
    assert net.inputs.standardized
    expected = pipeline.predict_proba(X) if n_classes else pipeline.predict(X)[:, None]
    assert np.abs(net.predict(X) - expected[:, -net.n_outputs :]).max() < 5e-6


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # the older exporter warns
@pytest.mark.parametrize("dynamo", [False, True])
def test_modules_of_pytorch(dynamo, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if dynamo:
        pytest.importorskip("onnxscript", reason="the exporter needs it")
    nn = torch.nn
    functions = [nn.ReLU(), nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Mish(), nn.SELU(),
                 nn.Hardtanh(), nn.Hardsigmoid(), nn.LeakyReLU(0.3), nn.ELU(0.5), nn.Softplus(),
                 nn.Softsign(), nn.Sigmoid(), nn.Tanh()]  # fmt: skip
    layers = [layer for f in functions for layer in (nn.Linear(3, 3), f, nn.Dropout(0.1))]
    last = [nn.BatchNorm1d(3), nn.Linear(3, 2, bias=False), nn.Softmax(-1)]
    module = nn.Sequential(nn.Flatten(), *layers, *last).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(module, (torch.from_numpy(X),), str(path), dynamo=dynamo, verbose=False)
    net = fg.from_onnx(path)
    assert net.activations[:5] == ("relu", "gelu", "gelu_tanh", "silu", "mish")
    assert net.activations[7:10] == ("hard_sigmoid", "leaky_relu(slope=0.3)", "elu(alpha=0.5)")
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    assert np.abs(net.predict(X) - expected).max() < 1e-6


# --- what is refused ----------------------------------------------------------------------------

SQUARE = np.eye(4, dtype=np.float32)
HIDDEN = [*FIRST, ("Relu", "u", "a", {})]


def big(**changes):
    """A tensor whose shape or data are not what they claim."""
    tensor = TensorProto(name="W1", data_type=TensorProto.FLOAT, dims=[4, 3])
    for name, value in changes.items():
        if name == "dims":
            tensor.dims[:] = value
        else:
            setattr(tensor, name, value)
    return tensor


def with_tensor(path, tensor):
    model = onnx.load(file(path, [("MatMul", "x W1", "y", {})]))
    del model.graph.initializer[0]
    model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())


def external(path):
    tensor = big(data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    with_tensor(path, tensor)


def with_subgraph(path):
    branch = helper.make_graph([], "branch", [], [])
    file(path, [*FIRST, ("If", "u", "y", {"then_branch": branch, "else_branch": branch})])


def with_function(path):
    model = onnx.load(file(path, [*FIRST, ("Relu", "u", "y", {})]))
    opsets = [helper.make_opsetid("", 17)]
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("f", "F", ["x"], ["y"], [node], opsets))
    path.write_bytes(model.SerializeToString())


def of_another_domain(path):
    file(path, [*FIRST, ("Relu", "u", "y", {"domain": "com.evil"})])


def chain(path, n):
    nodes = [("Relu", f"t{k}", f"t{k + 1}", {}) for k in range(n)]
    file(path, [("MatMul", "x W1", "t0", {}), *nodes], outputs=(f"t{n}",))


def many_scalings(path):
    nodes = [("Add", f"t{k}", f"t{k + 1}", {}) for k in range(79)]
    nodes = [(operator, f"{names} c", results, {}) for operator, names, results, _ in nodes]
    file(path, [("MatMul", "x W1", "t0", {}), *nodes, ("Cos", "t79", "y", {})],
         {"c": np.float32(1)})  # fmt: skip


def long_name(path):
    file(path, [*FIRST, ("A" * 10_000_000, "u", "y", {})])


HOSTILE = {
    "cycle": (lambda path: file(path, [("Add", "x z", "y", {}), ("Relu", "y", "z", {})]),
              r"node '[yz]' \(\w+\): got a cycle"),
    "nobody makes it": (lambda path: file(path, [("Add", "x z", "y", {})]), "graph: got no 'z'"),
    "made twice": (lambda path: file(path, [*FIRST, ("Relu", "u", "u", {})]), "two tensors of one"),
    "unknown operator": (lambda path: file(path, [*FIRST, ("Cos", "u", "y", {})]),
                         r"node 'y' \(Cos\): got an operator that is not read; expected Gemm"),
    "another domain": (of_another_domain, r"\(Relu\): got an operator that is not read"),
    "unknown activation": (lambda path: file(path, [*FIRST, ("Sqrt", "u", "y", {})]),
                           r"node 'y' \(Sqrt\): got no activation of fastgrad"),
    "limited far away": (lambda path: file(path, [*FIRST, ("Clip", "u zero far", "y", {})],
                                           {"zero": np.float32(0), "far": np.float32(500)}),
                         r"node 'y' \(Clip\): got no activation of fastgrad"),
    "skip connection": (lambda path: file(path, [*HIDDEN, ("MatMul", "a W", "q", {}),
                                                 ("Add", "q a", "y", {})], {"W": SQUARE}),
                        r"node 'y' \(Add\): got"),
    "two activations": (lambda path: file(path, [*HIDDEN, ("Tanh", "a", "y", {})]),
                        r"got tanh without a layer before it"),
    "two inputs": (lambda path: file(path, [("Add", "x z", "y", {})], inputs=("x", "z")),
                   "inputs: got 'x', 'z'; expected one tensor"),
    "two outputs": (lambda path: file(path, HIDDEN, outputs=("u", "a")),
                    "outputs of numbers: got 'u', 'a'; expected one"),
    "no layer": (lambda path: file(path, [("Identity", "x", "y", {})]), "got no layer"),
    "other widths": (lambda path: file(path, [*FIRST, ("MatMul", "u W1", "y", {})]),
                     r"got 3 inputs; expected 4"),
    "computed weights": (lambda path: file(path, [("MatMul", "x x", "y", {})]),
                         r"node 'y' \(MatMul\): got inputs that are computed"),
    "vector": (lambda path: file(path, [("MatMul", "x b1", "y", {})]), r"weights of shape \(4,\)"),
    "not finite": (lambda path: file(path, [("MatMul", "x V", "y", {})],
                                     {"V": np.full((3, 2), np.nan, "f4")}), "NaN or infinity"),
    "integers": (lambda path: file(path, [("MatMul", "x V", "y", {})], {"V": np.eye(3, dtype=int)}),
                 "got weights of int64"),
    "absurd shape": (lambda path: with_tensor(path, big(dims=[2**40, 2**20], raw_data=b"1234")),
                     r"tensor 'W1': got 1 numbers of shape \(1099511627776x1048576\)"),
    "negative shape": (lambda path: with_tensor(path, big(dims=[-1, -1], raw_data=b"1234")),
                       r"tensor 'W1': got 1 numbers of shape \(-1x-1\)"),
    "no data": (lambda path: with_tensor(path, big()), "tensor 'W1': got 0 numbers"),
    "unknown type": (lambda path: with_tensor(path, big(data_type=999)), "'W1': got type 999"),
    "text": (lambda path: with_tensor(path, big(data_type=TensorProto.STRING)), "got type 8"),
    "data elsewhere": (external, "tensor 'W1': got data in another file"),
    "subgraph": (with_subgraph, r"node 'y' \(If\): got an operator that is not read"),
    "functions": (with_function, "file: got functions; expected operators alone"),
    "many nodes": (lambda path: chain(path, 50_000), "graph: got 50,001 nodes; expected at most"),
    "long chain": (lambda path: chain(path, 100), "got more than 80 nodes between two layers"),
    "many scalings": (many_scalings, r"\(Add\): got many scalings in a row"),
    "long name": (long_name, r"node 'y' \(A+\.\.\."),
    "activation that fails": (lambda path: file(path, [*FIRST, ("Elu", "u", "y", {"alpha": "x"})]),
                              r"node 'y' \(Elu\): got nodes that fail"),
    "empty": (lambda path: path.write_bytes(b""), "damaged, truncated or of another kind"),
    "pickle": (lambda path: path.write_bytes(b"cos\nsystem\n(S'touch executed'\ntR."),
               "damaged, truncated or of another kind"),
    "zeros": (lambda path: path.write_bytes(bytes(10_000_000)), "damaged, truncated or of another"),
    "deep": (lambda path: path.write_bytes(b"\x3a\xff\x7f" + b"\x0b" * 100_000), "damaged, "),
    "invalid text": (lambda path: path.write_bytes(
        file(path, [*FIRST, ("Relu", "u", "y", {"name": "nnnn"})]).read_bytes()
        .replace(b"nnnn", b"\xff\xfe\xfd\xfc").replace(b"Relu", b"\xff\xfe\xfd\xfc")), "text"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_one_clear_error(kind, tmp_path):
    write, pattern = HOSTILE[kind]
    path = tmp_path / "net.onnx"
    write(path)
    tracemalloc.start()
    message = message_of(lambda: fg.from_onnx(path)).removeprefix(f"{path}: ")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert re.search(pattern, message), message
    assert peak < 20e6 + 10 * path.stat().st_size
    assert [*tmp_path.iterdir()] == [path]


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file; expected one of ONNX"):
        fg.from_onnx(tmp_path / "none.onnx")
    with pytest.raises(IsADirectoryError, match="a folder or device"):
        fg.from_onnx(tmp_path)


def test_changed_and_truncated_files_are_read_or_refused(tmp_path):
    path = tmp_path / "net.onnx"
    fg.Network([3, 4, 2], "gelu", "softmax_cross_entropy").to_onnx(path)
    content, drawn, n_refused = path.read_bytes(), draws(0), 0
    changed = [content[:n] for n in range(0, len(content), 50)]
    changed += [changed_bytes(content, drawn, len(content)) for _ in range(200)]
    for other in changed:
        path.write_bytes(other)
        with contextlib.suppress(ValueError):
            fg.from_onnx(path)
            continue
        n_refused += 1
    assert n_refused > len(changed) / 4
