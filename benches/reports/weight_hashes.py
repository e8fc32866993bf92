"""Hashes of the weights after training, over set-ups that cover every path of a pass.

Two versions of the code that print the same lines train the same networks, bit for bit::

    python -m benches.reports.weight_hashes > before.txt
    python -m benches.reports.weight_hashes > after.txt
    diff before.txt after.txt

Compare on one processor only: the shapes of tiles, and with them the rounding, differ between
processors. Each line has one hash if the result does not depend on the number of threads.
"""

import hashlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

if __name__ == "__main__":  # not where asv imports every module
    os.environ.setdefault("NUMBA_NUM_THREADS", "4")  # read when numba is imported

import numpy as np

import fastgrad as fg


class Setup(NamedTuple):
    """A network, and how it is trained for two epochs."""

    sizes: list[int]
    batch_size: int
    cost: Any
    network: dict[str, Any]  # further arguments of Network
    optimizer: Callable[[], Any]
    fit: dict[str, Any]  # average, shuffle; weighted, frozen layer, lr_scale of layer 1

    @property
    def samples(self):
        """How many, so that an epoch has one large mini-batch or many small ones."""
        return {1: 200, 3000: 3000, 5000: 6000}.get(self.batch_size, 1500)


SETUPS = [Setup(*setup) for setup in (
    ([2, 16, 16, 1], 32, "squared_error", {"activations": "tanh"}, lambda: fg.SGD(0.01), {}),
    ([4, 32, 32, 32, 1], 256, "squared_error", {"activations": "tanh"}, fg.Adam, {}),
    ([17, 64, 64, 6], 64, "mse", {"activations": "tanh"}, fg.Adam, {}),
    ([32, 256, 256, 1], 256, "squared_error", {}, fg.Adam, {}),
    ([100, 300, 10], 64, "softmax_cross_entropy", {}, fg.Adam, {}),
    ([784, 128, 10], 64, "softmax_cross_entropy", {}, fg.Adam, {}),
    ([784, 128, 10], 64, "softmax_cross_entropy", {"input_noise": 0.1}, fg.AdamW, {}),
    ([10, 40, 40, 1], 1, "squared_error", {"activations": "tanh"}, fg.Adam, {}),
    ([10, 40, 1], 1, "huber", {"dropout": 0.3, "l1": 1e-4}, lambda: fg.SGD(0.01), {}),
    ([10, 40, 1], 1, "huber", {}, lambda: fg.SGD(0.01).clip(0.5), {}),
    ([3, 5, 7, 2], 7, "mse", {"activations": ["gelu", "silu", "identity"]}, fg.Adam, {}),
    ([1, 1], 16, "squared_error", {}, lambda: fg.SGD(0.1), {}),
    ([5, 1], 1000, "squared_error", {"standardize": True}, fg.Adam, {}),
    ([5, 3], 50, "softmax_cross_entropy", {"l2": 0.01, "penalize_biases": True}, fg.Adam, {}),
    ([20, 64, 4], 33, "softmax_cross_entropy", {"dropout": 0.5}, fg.Adam, {}),
    ([20, 64, 4], 128, "softmax_cross_entropy", {"dropout": 0.2, "input_dropout": 0.1}, fg.Adam,
     {}),
    ([20, 64, 64, 1], 100, "sigmoid_cross_entropy", {"max_norm": 1.0}, lambda: fg.SGD(0.5), {}),
    ([20, 64, 64, 1], 100, "sigmoid_cross_entropy", {"l1": 1e-3, "l2": 1e-3}, fg.Adam, {}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, lambda: fg.Adam().clip(0.1), {}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, lambda: fg.Adam().clip(value=0.01), {}),
    ([200, 300, 200], 64, "mse", {}, lambda: fg.Adam().clip(0.1, 0.001), {}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"average": lambda: fg.EMA(0.9)}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"average": fg.SWA}),
    ([200, 300, 200], 64, "mse", {}, fg.Adam, {"average": lambda: fg.EMA(0.99)}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"frozen": 0}),
    ([12, 48, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"frozen": 1}),
    ([12, 48, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"lr_scale": 0.1}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"weighted": True}),
    ([12, 48, 3], 64, "softmax_cross_entropy", {}, fg.Adam, {"shuffle": False}),
    ([12, 48, 3], 64, [("softmax_cross_entropy", 2), ("mse", 1, 0.5)], {}, fg.Adam, {}),
    ([12, 48, 3], 5000, "mse", {}, fg.Adam, {}),
    ([300, 2000, 300], 3000, "mse", {}, lambda: fg.Adam().clip(0.5), {}),
    ([12, 48, 3], 64, "mse", {}, lambda: fg.SGD(0.01, momentum=0.9), {}),
    ([12, 48, 3], 64, "mse", {}, lambda: fg.SGD(0.01, momentum=0.9, nesterov=True), {}),
    ([12, 48, 3], 64, "mse", {}, fg.Adagrad, {}),
    ([12, 48, 3], 64, "mse", {}, fg.Adadelta, {}),
    ([12, 48, 3], 64, "mse", {}, lambda: fg.RMSprop(momentum=0.9, centered=True), {}),
    ([12, 48, 3], 64, "mse", {}, lambda: fg.Adam(amsgrad=True), {}),
    ([12, 48, 3], 64, "mse", {}, fg.NAdam, {}),
    ([12, 48, 3], 64, "mse", {}, fg.RAdam, {}),
    ([12, 48, 3], 64, "mse", {}, fg.Lion, {}),
    ([12, 48, 3], 2000, "mse", {}, fg.Rprop, {}),
    ([12, 48, 3], 2000, "mse", {}, fg.LBFGS, {}),
    ([12, 48, 3], 64, "mse", {}, lambda: fg.Adam(fg.schedules.OneCycle(1e-2)), {}),
    ([12, 24, 17, 3], 7, "softmax_cross_entropy", {}, lambda: fg.Adam().clip(0.1), {"frozen": 0}),
)]  # fmt: skip


def data(setup):
    """X (S, n_0), and targets that suit the cost."""
    rng = np.random.default_rng(1)
    n_inputs, n_outputs = setup.sizes[0], setup.sizes[-1]
    X = rng.standard_normal((setup.samples, n_inputs)).astype(np.float32)
    scores = X @ rng.standard_normal((n_inputs, n_outputs)).astype(np.float32)
    if isinstance(setup.cost, list):
        return X, [scores[:, :2].argmax(axis=1), scores[:, 2]]
    if setup.cost == "softmax_cross_entropy":
        return X, scores.argmax(axis=1)
    return X, (scores > 0).astype(np.float32) if "sigmoid" in setup.cost else np.tanh(scores)


def prepared(setup, dtype):
    """A network, its samples, and the arguments of its fits."""
    X, Y = data(setup)
    net = fg.Network(setup.sizes, cost=setup.cost, seed=3, dtype=dtype, **setup.network)
    fit = {"epochs": 2, "batch_size": setup.batch_size, "optimizer": setup.optimizer(), **setup.fit}
    if "frozen" in fit:
        net.layers[fit.pop("frozen")].trainable = False
    net.layers[0].lr_scale = fit.pop("lr_scale", 1.0)
    if fit.pop("weighted", False):
        fit["sample_weight"] = np.linspace(0.1, 2, len(X))
    if "average" in fit:
        fit["average"] = fit["average"]()
    return net, X, Y, fit


def digest(setup, dtype, threads):
    """Train, and hash the weights, the outputs, the gradients and the average."""
    net, X, Y, fit = prepared(setup, dtype)
    net.fit(X, Y, threads=threads, **fit)
    g = net.gradients(X[:100], [y[:100] for y in Y] if isinstance(Y, list) else Y[:100])
    arrays = [net.parameters, net.predict(X[:333]), g.dC_da0, *g.dC_dW, *g.dC_db]
    if isinstance(average := fit.get("average"), fg.EMA):
        arrays.append(average.average)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def main():
    """Print a line for each set-up and dtype; several hashes mean that threads change a result."""
    for k, setup in enumerate(SETUPS):
        for dtype in ("float32", "float64"):
            found = {digest(setup, dtype, threads) for threads in (1, 2, 3, 4, None)}
            shape, batch = "-".join(map(str, setup.sizes)), setup.batch_size
            print(f"{k:2d} {dtype} {shape:16s} batch {batch:4d}  {' '.join(sorted(found))}")


if __name__ == "__main__":
    main()
