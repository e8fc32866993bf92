"""Exported files in onnxruntime, beside graphs built by hand.

`python -m benches.reports.onnx_files`

Prints the time of a call in microseconds, on one thread, and the ratio of the file of
`to_onnx(outputs="scores")` to the graph, which has nothing but what the network needs: Gemm and the
activation, Sub and Mul for standardised inputs. They are called by turns. Last the file with
labels beside the probabilities.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import fastgrad as fg
from benches.common.hardware import processor

NETWORKS = [4, 32, 32, 1], [17, 64, 64, 6], [32, 128, 128, 1], [32, 256, 256, 1], [784, 128, 10]
_SECONDS, _UNDISTURBED = 3, 20  # the percentile of the times that counts


def by_hand(net):
    """The content of a file with a graph of as few nodes as there can be."""
    nodes, constants, x = [], {}, "x"
    if net.inputs.standardized:
        constants |= {"mean": net.inputs.mean, "scale": net.inputs.scale}
        nodes += [helper.make_node("Sub", ["x", "mean"], ["c"])]
        nodes += [helper.make_node("Mul", ["c", "scale"], ["z"])]
        x = "z"
    for l, layer in enumerate(net.layers):
        constants |= {f"W{l}": layer.W, f"b{l}": layer.b}
        is_last = l == len(net.layers) - 1
        u = "y" if is_last and net.n_outputs == 1 else f"u{l}"
        nodes.append(helper.make_node("Gemm", [x, f"W{l}", f"b{l}"], [u], transB=1))
        if not is_last:
            x = f"a{l}"
            nodes.append(helper.make_node("Relu", [u], [x]))
        elif u != "y":
            nodes.append(helper.make_node("Softmax", [u], ["y"], axis=-1))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n])
        for name, n in (("x", net.n_inputs), ("y", net.n_outputs))
    ]
    tensors = [numpy_helper.from_array(np.array(a), name) for name, a in constants.items()]
    graph = helper.make_graph(nodes, "by hand", ends[:1], ends[1:], tensors)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def exported(net, outputs):
    """The content of the file that fastgrad writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        net.to_onnx(path, outputs=outputs)
        return path.read_bytes()


def session(content):
    """It in onnxruntime, on one thread: a function of the inputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    opened = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    name = opened.get_inputs()[0].name
    return lambda X: opened.run(None, {name: X})


def times(runs, X):
    """The time of a call of each, in microseconds."""
    measured, begin = [], time.perf_counter()
    while time.perf_counter() - begin < _SECONDS:
        clock = [time.perf_counter_ns()]
        for run in runs:
            run(X)
            clock.append(time.perf_counter_ns())
        measured.append(np.diff(clock))
    return np.percentile(measured, _UNDISTURBED, axis=0) / 1e3


def main():
    """A line for each network and number of rows."""
    print(processor())
    print(f"{'':34s}{'by hand':>10s}{'file':>10s}{'ratio':>8s}{'labels':>10s}")
    rng = np.random.default_rng(0)
    for sizes in NETWORKS:
        for standardize in (False, True):
            cost = "softmax_cross_entropy" if sizes[-1] > 1 else "squared_error"
            net = fg.Network(sizes, "relu", cost, seed=0)
            if standardize:
                net.inputs.standardize_by(rng.normal(3, 2, (100, sizes[0])))
            contents = by_hand(net), exported(net, "scores"), exported(net, "labels")
            runs = [*map(session, contents)]
            for rows in (1, 1000):
                X = rng.normal(3, 2, (rows, sizes[0])).astype(np.float32)
                np.testing.assert_allclose(runs[0](X)[0], runs[1](X)[0], rtol=1e-5, atol=1e-6)
                name = f"{'-'.join(map(str, sizes))}{', standardised' * standardize}, {rows} rows"
                hand, file, labels = times(runs, X)
                print(f"{name:34s}{hand:10.2f}{file:10.2f}{file / hand:8.3f}{labels:10.2f}")


if __name__ == "__main__":
    main()
