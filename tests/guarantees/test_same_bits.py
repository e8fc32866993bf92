"""The same bits: whatever the threads and their library, and in every copy of a network."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from helpers.processes import python
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

import fastgrad as fg
from benches.reports.weight_hashes import SETUPS, prepared

DTYPES = ["float32", "float64"] if SOAK > 1 else ["float32"]
HASHES = """
import sys
import numba
from benches.reports.weight_hashes import SETUPS, digest

for dtype in sys.argv[1].split():
    for k, setup in enumerate(SETUPS):
        print(k, dtype, *(digest(setup, dtype, int(t)) for t in sys.argv[2:]))
print(numba.threading_layer() if "1" not in sys.argv[2:] else "", file=sys.stderr)
"""


PREDICTS = """
import sys
import numpy as np
import fastgrad as fg

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 20))
net = fg.Network([20, 64, 64, 1], "relu", seed=0, dtype=sys.argv[1])
net.fit(X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2], epochs=20, optimizer=fg.Adam(1e-3))
sys.stdout.buffer.write(net.forward(X).tobytes())
"""


def hashes(layer, *threads):
    libraries = os.pathsep.join([f"{sys.prefix}/lib", os.environ.get("LD_LIBRARY_PATH", "")])
    return python(HASHES, " ".join(DTYPES), *threads, layer=layer, LD_LIBRARY_PATH=libraries)


@pytest.fixture(scope="module")
def serial():
    lines = hashes("workqueue", 1).stdout.splitlines()
    assert len({line.split()[-1] for line in lines}) == len(DTYPES) * len(SETUPS)
    return lines


@jitted_only
@pytest.mark.parametrize("layer", ["omp", "tbb", "workqueue"])
def test_threads_and_their_library_do_not_change_a_bit(layer, serial):
    run = hashes(layer, 2, 3, 4) if SOAK > 1 else hashes(layer, 3)
    assert run.stderr.split()[-1] == layer  # and not another one in its place
    for line, expected in zip(run.stdout.splitlines(), serial, strict=True):
        k, dtype, *found = line.split()
        assert {*found} == {expected.split()[-1]}, (SETUPS[int(k)], dtype)


def saved(path, net, optimizer, average):
    fg.save_checkpoint(path, net, optimizer, average)
    return fg.resume(path)


COPIES = {
    "deepcopy": lambda path, *parts: copy.deepcopy(parts),
    "pickle": lambda path, *parts: pickle.loads(pickle.dumps(parts)),
    "file": saved,
}


@jitted_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_predicts_and_trains_on_with_the_same_bits(way, dtype, tmp_path):
    for setup in SETUPS:
        net, X, Y, fit = prepared(setup, dtype)
        if way == "file" and isinstance(fit["optimizer"], fg.LBFGS):
            continue  # which has no checkpoints
        net.fit(X, Y, **fit)
        parts = net, fit["optimizer"], fit.get("average")
        copied, optimizer, average = COPIES[way](tmp_path / "net.safetensors", *parts)
        assert copied.predict(X[:99]).tobytes() == net.predict(X[:99]).tobytes(), setup
        net.fit(X, Y, **fit)
        copied.fit(X, Y, **fit | {"optimizer": optimizer, "average": average})
        assert copied.parameters.tobytes() == net.parameters.tobytes(), setup
        if average is not None:
            assert average.average.tobytes() == fit["average"].average.tobytes(), setup


@jitted_only
@pytest.mark.skipif(SOAK == 1, reason="compiles for another processor; `tox -e soak` has it")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_instructions_differ_by_rounding_alone(dtype):
    predictions = {}
    for name in ("", "haswell", "nehalem"):
        run = subprocess.run(
            [sys.executable, "-c", PREDICTS, dtype],
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(sys.path)}
            | ({"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ""} if name else {}),
            capture_output=True,
            check=True,
        )
        predictions[name] = np.frombuffer(run.stdout, dtype)
    here = predictions.pop("")
    for name, there in predictions.items():
        difference = np.abs(there - here).max() / np.abs(here).max()
        print(name, dtype, difference)  # noqa: T201 - for docs/guarantees.md
        assert difference < {"float32": 1e-3, "float64": 1e-11}[dtype]
