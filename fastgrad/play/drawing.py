"""Pictures of a network as compact arrays: its prediction, the response of each node, its weights.

All that depends on the inputs is computed on a grid: a line if there is one input, else a plane. Of
more than two inputs it is the plane through the mean of the training samples along their first two
principal components.
"""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Network
from .data import Problem

__all__ = ["Canvas", "encoded"]

Array = NDArray[Any]

CURVE = 161  # points of a line
SURFACE, TILE = 72, 24  # points along each side: of the prediction, of the response of a node
MOST_SHOWN = 16  # nodes of a layer
MOST_POINTS = 1000  # samples that are drawn, of either kind
_MARGIN = 0.08


def encoded(array: Array, dtype: str = "<f4") -> str:
    """The bytes of an array in base64, row by row."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


class Canvas:
    """What pictures of one network have in common: where it is evaluated, and what is shown.

    Parameters
    ----------
    net : Network
        Its weights may change between pictures.
    problem : Problem
        The samples.
    """

    def __init__(self, net: Network, problem: Problem) -> None:
        self._net, self._problem = net, problem
        X = problem.X
        self._is_line = X.shape[1] == 1
        self._origin, self._axes = _plane(X)
        points = self._project(np.concatenate([X, problem.X_test]))
        low, high = points.min(axis=0), points.max(axis=0)
        margin = _MARGIN * np.maximum(high - low, 1e-6)
        self.low, self.high = low - margin, high + margin
        self._surface = self._grid(CURVE if self._is_line else SURFACE)
        self._tile = self._grid(TILE)
        self.shown = [_shown_inputs(X), *(_spread(n) for n in net.sizes[1:])]
        # One network for each hidden layer, so that a^l comes from the compiled loops.
        self._layers = [
            Network([m, n], [f])
            for m, n, f in zip(net.sizes[:-2], net.sizes[1:-1], net.activations[:-1], strict=True)
        ]

    def _project(self, X: Array) -> Array:
        """The coordinates of samples in the plane, (S, 1) or (S, 2)."""
        return (X - self._origin) @ self._axes.T

    def _grid(self, n: int) -> Array:
        """Inputs at n points along each axis, the second one from its highest value down."""
        axes = [np.linspace(a, b, n) for a, b in zip(self.low, self.high, strict=True)]
        if self._is_line:
            t = axes[0][:, None]
        else:
            x, y = np.meshgrid(axes[0], axes[1][::-1])
            t = np.column_stack([x.ravel(), y.ravel()])
        inputs: Array = (self._origin + t @ self._axes).astype(np.float32)
        return inputs

    def samples(self) -> dict[str, Any]:
        """Where the samples are, their targets, and what the axes mean."""
        problem = self._problem
        parts = {"train": (problem.X, problem.y), "test": (problem.X_test, problem.y_test)}
        names = [*problem.names]
        if len(names) > 2:
            names = ["first principal component", "second principal component"]
        return {
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "axes": names,
            "inputs": [problem.names[j] for j in self.shown[0]],
            "shown": [nodes.tolist() for nodes in self.shown],
            "sizes": list(self._net.sizes),
            "classes": problem.classes,
            "target": problem.targets.target,
            "n_train": len(problem.X),
            "n_test": len(problem.X_test),
            "tile": TILE,
            **{
                name: {
                    "points": encoded(self._project(X[:MOST_POINTS])),
                    "y": encoded(y[:MOST_POINTS]),
                }
                for name, (X, y) in parts.items()
            },
        }

    def picture(self, *, with_gradients: bool) -> dict[str, Any]:
        """What the network is like now.

        Parameters
        ----------
        with_gradients : bool
            Whether the gradient of the mean cost of the training samples is a part of it.
        """
        net = self._net
        prediction = net.predict(self._surface)
        drawn: dict[str, Any] = {
            "prediction": encoded(prediction),
            "nodes": [self._responses(a, l) for l, a in enumerate(self._activations())],
            "weights": [self._weights(layer.W, layer.b, l) for l, layer in enumerate(net.layers)],
        }
        if with_gradients:
            dC = net.gradients(self._problem.X, self._problem.y)
            pairs = zip(dC.dC_dW, dC.dC_db, strict=True)
            drawn["gradients"] = [self._weights(W, b, l) for l, (W, b) in enumerate(pairs)]
        return drawn

    def _activations(self) -> list[Array]:
        """a^0 to a^(L-1) on the tile's grid, each (points, n_l)."""
        found = [self._tile]
        for copy, layer in zip(self._layers, self._net.layers[:-1], strict=True):
            copy.layers[0].W[...], copy.layers[0].b[...] = layer.W, layer.b
            found.append(copy.forward(found[-1]))
        return found

    def _responses(self, a: Array, l: int) -> dict[str, Any]:
        """The responses of the nodes that are shown, in 255 steps of the largest of each."""
        a = np.nan_to_num(a[:, self.shown[l]].T.astype(np.float64))
        largest = np.abs(a).max(axis=1, keepdims=True)
        steps = np.rint(127 * a / np.where(largest > 0, largest, 1))
        return {"largest": largest[:, 0].tolist(), "a": encoded(steps, "i1")}

    def _weights(self, W: Array, b: Array, l: int) -> dict[str, str]:
        i, j = self.shown[l + 1], self.shown[l]
        return {"W": encoded(W[np.ix_(i, j)]), "b": encoded(b[i])}


def _plane(X: Array) -> tuple[Array, Array]:
    """A point of the plane, and its one or two axes, which are of length 1."""
    n = X.shape[1]
    if n <= 2:
        return np.zeros(n), np.eye(n)
    mean = X.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(X - mean, full_matrices=False)[2][:2]
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    return mean, axes


def _spread(n: int) -> NDArray[np.int64]:
    """Positions of at most MOST_SHOWN of n nodes, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST_SHOWN)).round().astype(np.int64))


def _shown_inputs(X: Array) -> NDArray[np.int64]:
    """Of many inputs those that vary most, in their order."""
    return np.sort(np.argsort(-X.var(axis=0), kind="stable")[:MOST_SHOWN])
