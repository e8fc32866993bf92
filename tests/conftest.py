"""Fixtures, and how Hypothesis and the compile message behave in every test."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import QUICK, command, write_flowers
from helpers.grids import FULL_GRIDS
from helpers.run_mode import PLAIN
from hypothesis import HealthCheck, settings

from fastgrad.codegen import jit

# For the package benches: last, since fastgrad is what is installed.
sys.path.append(str(Path(__file__).parents[1]))

# Some tests expect silence: no message while compiling (guarantees/test_compiled_code.py tests it).
jit._say_that_it_compiles = lambda: None

settings.register_profile(
    "fastgrad",
    deadline=None,
    derandomize=True,
    max_examples=(25 if PLAIN else 60) * (8 if FULL_GRIDS else 1),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fastgrad")


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
    """Write a file and return its name."""

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
