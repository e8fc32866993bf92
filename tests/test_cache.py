"""Compiled code on disk: never that of an older version, and not needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import jitted_only

import fastgrad as fg

FORWARD = """
import numpy as np
import fastgrad as fg
net = fg.Network([1, 1], activations=["relu"], cost="mse")
net.layers[0].W[:] = 1
print(net.forward(np.full((1, 1), 3.0))[0, 0])
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, to be changed."""
    shutil.copytree(
        Path(fg.__file__).parent,
        tmp_path / "fastgrad",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return tmp_path


def run(folder, source):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment["PYTHONPATH"] = str(folder)
    return subprocess.run(
        [sys.executable, "-c", source],
        env=environment, cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip


@jitted_only
def test_code_from_before_an_upgrade_is_not_run_and_who_waits_is_told(copy):
    cold = run(copy, FORWARD)
    assert cold.stdout == "3.0\n"
    assert cold.stderr.startswith("fastgrad: compiling what is new")
    assert cold.stderr.count("\n") == 1
    assert list(copy.glob("fastgrad/__pycache__/*.nbc"))
    path = copy / "fastgrad" / "activations.py"
    source = path.read_text()
    relu = "return real(u, 0) if u <= 0 else u\n"  # called by a loop that stands in another file
    assert relu in source
    path.write_text(source.replace(relu, relu.replace("else u", "else 2 * u")))
    assert run(copy, FORWARD).stdout == "6.0\n"


@jitted_only
def test_without_a_folder_to_write_to_it_compiles_each_time(copy):
    nowhere = "from numba.core.caching import CompileResultCacheImpl as impl\n"
    nowhere += "impl._locator_classes.clear()\n"
    assert run(copy, nowhere + FORWARD).stdout == "3.0\n"
    assert not list(copy.glob("fastgrad/__pycache__/*.nb*"))
