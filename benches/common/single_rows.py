"""Predictions of one row by fastgrad and by its peers: a function each, `x` (1, n_0) to (1, n_L).

All are of the same network, with tanh in its hidden layers, in float32 and on one thread.
"""

import numpy as np


def fastgrad_predict(net):
    return net.predict


def fastgrad_predictor(net):
    predictor, out = net.predictor(), np.empty((1, net.n_outputs), np.float32)
    return lambda x: predictor(x, out)


def by_hand(net):
    """NumPy, written out."""
    *hidden, last = [(layer.W.T.copy(), layer.b.copy()) for layer in net.layers]

    def predict(x):
        for W, b in hidden:
            x = np.tanh(x @ W + b)
        return x @ last[0] + last[1]

    return predict


def scikit_learn(net):
    """An MLPRegressor with these weights."""
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=net.sizes[1:-1], activation="tanh")
    rng = np.random.default_rng(0)
    X, Y = (rng.normal(size=(8, n)).astype(np.float32) for n in (net.n_inputs, net.n_outputs))
    model.partial_fit(X, Y if net.n_outputs > 1 else Y[:, 0])
    model.coefs_ = [layer.W.T.copy() for layer in net.layers]
    model.intercepts_ = [layer.b.copy() for layer in net.layers]
    return model.predict


def torch_eager(net):
    """PyTorch, operation by operation, without gradients; from NumPy and back."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    layers = []
    for layer in net.layers:
        linear = nn.Linear(*layer.W.shape[::-1])
        linear.weight.data, linear.bias.data = map(torch.tensor, (layer.W, layer.b))
        layers += [linear, nn.Tanh()]
    model = nn.Sequential(*layers[:-1]).eval()

    def predict(x):
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return predict


def onnx_runtime(net):
    """ONNX Runtime."""
    import onnxruntime
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, weights, before = [], [], "x"
    for l, layer in enumerate(net.layers, start=1):
        weights += [numpy_helper.from_array(getattr(layer, k), f"{k}{l}") for k in ("W", "b")]
        u = f"u{l}"
        nodes.append(helper.make_node("Gemm", [before, f"W{l}", f"b{l}"], [u], transB=1))
        if l < len(net.layers):
            nodes.append(helper.make_node("Tanh", [u], [f"a{l}"]))
        before = f"a{l}"
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n])
        for name, n in (("x", net.n_inputs), (u, net.n_outputs))
    )
    graph = helper.make_graph(nodes, "network", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda x: session.run(None, {"x": x})[0]


PEERS = {
    "net.predict(x)": fastgrad_predict,
    "net.predictor()": fastgrad_predictor,
    "NumPy by hand": by_hand,
    "ONNX Runtime": onnx_runtime,
    "PyTorch": torch_eager,
    "scikit-learn": scikit_learn,
}
