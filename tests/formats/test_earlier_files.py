"""Files that an earlier version wrote still load: files/ holds a model and a checkpoint of it."""

from pathlib import Path

import numpy as np
import pytest

import fastgrad as fg

FILES = Path(__file__).parent / "files"
X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)


def cube():
    return fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)


def near(expected, rtol):
    return pytest.approx(np.array(expected), rel=rtol)


def test_a_model():
    net = fg.load(FILES / "model.safetensors", custom_objects=[cube()])
    assert net.activations == ("cube", "leaky_relu(slope=0.2)", "identity")
    assert net.cost_function.name == "softmax_cross_entropy"
    assert net.dtype == np.float32
    assert [layer.l2 for layer in net.layers] == [1e-3] * 3
    assert [layer.dropout for layer in net.layers] == [0.1, 0, 0]
    assert [layer.max_norm for layer in net.layers] == [3] * 3
    assert net.inputs.standardize
    assert net.metadata["purpose"] == "written by 0.1.0 before its rooms"
    probabilities = [[0.49715745, 0.5028426], [0.49161598, 0.50838405]]
    assert net.predict(X[:2]) == near(probabilities, 1e-5)


def test_a_checkpoint():
    stop, chunks = fg.EarlyStopping("cost", patience=5), fg.Chunks(X, [y, X[:, 1]], rows=32, seed=5)
    at = fg.resume(FILES / "checkpoint.safetensors", extra_state=[stop, chunks])
    outputs = [
        [0.5819378246585339, 0.418062175341466, -0.13552862214556363],
        [0.6032970525525241, 0.3967029474474759, -0.00064050173957935],
    ]
    assert at.net.predict(X[:2]) == near(outputs, 1e-12)
    assert (at.optimizer.lr, at.optimizer.clip_norm) == (pytest.approx(0.009704403844771128), 1)
    assert (stop.epochs, stop.best_epoch, stop.best) == (3, 2, pytest.approx(0.8602583725231894))
    at.net.fit_stream(
        chunks, epochs=2, batch_size=16, optimizer=at.optimizer, average=at.average,
        callbacks=[stop],
    )  # fmt: skip
    # As that version itself trained on; another processor may differ in the last bits.
    outputs = [
        [0.5200250706751781, 0.4799749293248219, -0.12310005822545289],
        [0.5422946081654484, 0.45770539183455156, -0.09967797993863745],
    ]
    averages = [
        [0.5872019828545543, 0.41279801714544573, -0.14890745864344435],
        [0.6056458286695596, 0.3943541713304403, -0.01429786283357736],
    ]
    assert at.net.predict(X[:2]) == near(outputs, 1e-9)
    assert at.average.network.predict(X[:2]) == near(averages, 1e-9)
    assert (stop.epochs, stop.best) == (5, pytest.approx(0.6246794244222336))
