"""A network whose predictions are known, and no test without matplotlib."""

import numpy as np
import pytest

import fastgrad as fg


@pytest.fixture(autouse=True)
def _needs_matplotlib(request):
    if "without" not in request.node.name:
        pytest.importorskip("matplotlib")


@pytest.fixture
def three_classes(rng):
    """Samples of three inputs whose largest is their class, and a network that predicts it."""
    X = rng.normal(size=(40, 3))
    net = fg.Network([3, 3], cost="softmax_cross_entropy", seed=0)
    net.layers[0].W[...] = 5 * np.eye(3)
    return net, X, X.argmax(axis=1)
