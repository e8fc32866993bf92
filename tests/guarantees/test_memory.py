"""Memory: a prediction needs its result and 64 MiB at most, and what is repeated needs no more."""

import subprocess
import sys

import pytest
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

pytestmark = [
    jitted_only,
    pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc"),
]


def printed(program, *arguments):
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return float(run.stdout)


PREDICTS = """
import resource
import sys
import numpy as np
import fastgrad as fg

net = fg.Network([4, 16, 10], cost=sys.argv[1], seed=0)
X = np.random.default_rng(0).normal(size=(1_500_000, 4)).astype(np.float32)
net.predict(X[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
p = net.predict(X)
more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
assert np.array_equal(p[-99:], net.predict(X[-99:]))
print((more - p.nbytes) / 2**20)
"""


@pytest.mark.parametrize("cost", ["mse", "sigmoid_cross_entropy", "softmax_cross_entropy"])
def test_a_prediction_needs_its_result_and_little_more(cost):
    assert printed(PREDICTS, cost) < 64


REPEATS = """
import gc
import sys
from pathlib import Path
import numpy as np
import fastgrad as fg

X = np.random.default_rng(0).normal(size=(64, 5))
y = X[:, 0]
rows = [{"a": float(a), "kind": "pq"[int(a > 0)], "y": float(b)} for a, b in X[:, :2]]
net = fg.Network([5, 8, 1], seed=0)
model = fg.TableModel(members=1, epochs=1, seed=0).fit(rows, target="y")

class Fails(fg.Callback):
    def on_epoch_end(self, fit):
        raise ZeroDivisionError

def fit_another(k):
    fg.Network([5, 8, 1], seed=k).fit(X, y, epochs=2, batch_size=16, optimizer=fg.Adam(0.01))

def fit_again(k):
    net.fit(X, y, epochs=1, batch_size=16)

def predict(k):
    net.predict(X[k % 64 :][:1])

def predict_others(k):
    net.predict(X[: 1 + k % 64])

def predict_table(k):
    model.predict(rows[: 1 + k % 5])

def fail(k):
    try:
        if k % 2:
            net.fit(X, y[: k % 60], epochs=1)
        net.fit(X, y, epochs=1, callbacks=[Fails()])
    except (ValueError, ZeroDivisionError):
        return
    raise AssertionError("no error")

def fit_with_own_functions(k):
    half = fg.Activation("half", lambda u: u * u / 2, lambda u: u)
    gap = fg.Cost("gap", lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y))
    fg.Network([5, 8, 1], [half, "identity"], cost=gap, seed=0).fit(X, y, epochs=1)

def save_and_load(k):
    net.save(sys.argv[3])
    fg.load(sys.argv[3])

def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

repeat, n = globals()[sys.argv[1]], int(sys.argv[2])
for k in range(n // 10 + 20):
    repeat(k)
before = resident()
for k in range(n):
    repeat(k)
print(resident() - before)
"""


@pytest.mark.parametrize(
    ("what", "n"),
    [
        ("fit_another", 500),
        ("fit_again", 500),
        ("predict", 50_000),
        ("predict_others", 5_000),
        ("predict_table", 250),
        ("fail", 50),
        ("fit_with_own_functions", 50),
        ("save_and_load", 50),
    ],
)
def test_what_is_repeated_needs_no_more_memory(what, n, tmp_path):
    assert printed(REPEATS, what, n * SOAK, tmp_path / "net.safetensors") < 1
