"""The same seed gives the same bits, whatever the number of threads."""

import os
import subprocess
import sys

import pytest
from conftest import PLAIN

pytestmark = pytest.mark.skipif(PLAIN, reason="plain Python has one thread")

# Trained in a process of its own, because the pool is sized when numba starts.
PROGRAM = """
import hashlib
import numpy as np
import fastgrad as fg

SETTINGS = [  # sizes, batch size, samples
    ([2, 16, 16, 1], 32, 1000),
    ([4, 32, 32, 32, 1], 256, 2100),
    ([3, 7, 1], 5, 33),
    ([17, 64, 64, 6], 64, 1000),
    ([64, 300, 10], 100, 850),
    ([784, 128, 10], 64, 500),
    ([33, 513, 257, 3], 128, 700),
    ([256, 256, 256], 1000, 2300),
    ([1, 1], 1, 40),
    ([300, 301, 2], 1, 20),
]
for dtype in ("float32", "float64"):
    for optimizer in (fg.SGD, fg.Adam):
        for sizes, batch_size, S in SETTINGS:
            rng = np.random.default_rng(0)
            X, Y = rng.normal(size=(S, sizes[0])), rng.normal(size=(S, sizes[-1]))
            for threads in (1, 2, 3, 4, 99, None):
                net = fg.Network(sizes, "tanh", cost="mse", dtype=dtype, seed=0)
                history = net.fit(
                    X, Y, epochs=2, batch_size=batch_size, optimizer=optimizer(0.01),
                    validation=(X, Y), threads=threads, verbose=0,
                )
                bits = hashlib.sha256(np.array([history.cost, history.val_cost]).tobytes())
                assert np.isfinite(history.val_cost).all()
                for layer in net.layers:
                    bits.update(layer.W.tobytes())
                    bits.update(layer.b.tobytes())
                print(dtype, optimizer.__name__, sizes, batch_size, threads, bits.hexdigest(),
                      sep="|")
"""


@pytest.fixture(scope="module")
def bits():
    """setting -> {threads: SHA-256 of the weights and costs after training}."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"NUMBA_NUM_THREADS": "4", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = {}
    for line in run.stdout.splitlines():
        *setting, threads, digest = line.split("|")
        found.setdefault(" ".join(setting), {})[threads] = digest
    return found


def test_any_number_of_threads_gives_the_same_bits(bits):
    assert len(bits) == 40
    for setting, digests in bits.items():
        assert list(digests) == ["1", "2", "3", "4", "99", "None"]
        assert len(set(digests.values())) == 1, f"{setting}: {digests}"


def test_different_training_gives_different_bits(bits):
    assert len({digests["1"] for digests in bits.values()}) == len(bits)
