"""What the tests share: how they run, and how they compare."""

import os
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from samples import QUICK, command, write_flowers

import fastgrad as fg
from fastgrad.codegen import jit

#: True where the loops run as ordinary Python, a thousand times slower: tests then do less.
PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"

jitted_only = pytest.mark.skipif(PLAIN, reason="too slow as plain Python; the jitted run has it")

# Who waits for the compiler is told so, where some tests expect silence. (test_cache.py has it.)
jit._tell = lambda: None

settings.register_profile(
    "fastgrad",
    deadline=None,
    derandomize=True,
    max_examples=25 if PLAIN else 60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fastgrad")


class StopsAfter(fg.Callback):
    """Ends a fit after so many epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, fit):
        if fit.epoch + 1 == self.epochs:
            fit.stop()


def assert_close(actual, expected, rtol, what=""):
    """Compare with the largest element as the scale, as rounding errors of sums go."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, what
    scale = max(np.abs(expected).max(), 1e-14)  # where all is 0, rounding may leave 1e-16
    error = np.abs(actual - expected).max() / scale
    assert error <= rtol, f"{what} is off by {error:.2g} of its largest element, allowed {rtol:g}"


def assert_same_gradients(actual, expected, rtol):
    assert_close(actual.C, expected.C, rtol, "C")
    for l, (dC_dW, dC_db) in enumerate(zip(expected.dC_dW, expected.dC_db, strict=True), start=1):
        assert_close(actual.dC_dW[l - 1], dC_dW, rtol, f"dC_dW of layer {l}")
        assert_close(actual.dC_db[l - 1], dC_db, rtol, f"dC_db of layer {l}")
    assert_close(actual.dC_da0, expected.dC_da0, rtol, "dC_da0")


def assert_same_parameters(net, oracle, rtol):
    for l, (layer, W, b) in enumerate(zip(net.layers, oracle.W, oracle.b, strict=True), start=1):
        assert_close(layer.W, W, rtol, f"W of layer {l}")
        assert_close(layer.b, b, rtol, f"b of layer {l}")


def parameters(net):
    """A copy of every weight and bias."""
    return [array.copy() for layer in net.layers for array in (layer.W, layer.b)]


STEP = 6e-6  # balances the error of the difference, of order STEP**2, with rounding


def central_differences(C, array, positions):
    """(C(x + h) - C(x - h)) / 2h for some elements x of an array that C() depends on."""
    differences = []
    for position in positions:
        x = array[position]
        array[position] = x + STEP
        above = C()
        array[position] = x - STEP
        below = C()
        array[position] = x
        differences.append((above - below) / (2 * STEP))
    return np.array(differences)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; messages then name files alone."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """MLflow with its runs in a folder of their own."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database would need more libraries
    mlflow = pytest.importorskip("mlflow", reason="MLflow is large; `tox -e peers` has it")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    mlflow.set_experiment("fits")
    yield mlflow
    mlflow.set_tracking_uri(None)


@pytest.fixture
def file(folder):
    """Write a file and give its name."""

    def write(name, content):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


@pytest.fixture
def run(folder, capsys):
    """Run a command in a folder of its own."""
    return partial(command, capsys)


@pytest.fixture
def flowers(folder):
    return write_flowers()


@pytest.fixture
def model(run, flowers):
    run("train", "flowers.csv", *QUICK, "--no-plot")
    return "flowers.safetensors"
