"""Versions of numba: those tested, and what is done with another one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from helpers.run_mode import jitted_only

from fastgrad.codegen import numba_compat

ROOT = Path(__file__).parents[2]

TRAINED = """
import numba
numba.__version__ = {version!r}
import numpy as np
import fastgrad as fg
from fastgrad.codegen import jit, numba_compat

X = np.linspace(-1, 1, 120).reshape(40, 3)
net = fg.Network([3, 4, 2], "tanh", cost="mse", dtype="float64", seed=0)
net.fit(X, X[:, :2], epochs=2, batch_size=1)  # that pass compiles the soonest
print(numba_compat.IS_TESTED, *net.parameters[:5])
"""


def test_the_requirement_is_the_range_that_is_tested():
    requirement = re.search(r'"numba>=0\.(\d+),<0\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert int(requirement[1]) == numba_compat.FIRST_TESTED
    assert int(requirement[2]) == numba_compat.LAST_TESTED + 1


@pytest.mark.parametrize("package", ["numba", "numpy", "safetensors"])
def test_both_ends_of_each_requirement_have_a_run(package):
    project, tox = ((ROOT / name).read_text() for name in ("pyproject.toml", "tox.ini"))
    least, most = re.search(rf'"{package}>=([\d.]+),<([\d.]+)"', project).groups()
    lowest, latest = re.findall(rf"^    {package}==([\d.]+)", tox, re.MULTILINE)
    assert lowest.startswith(least)
    last = most.split(".")
    last[-1] = str(int(last[-1]) - 1)
    assert latest.rstrip(".") == ".".join(last)


def test_the_version_here_is_in_the_range():
    assert numba_compat.IS_TESTED, numba.__version__


def test_no_other_module_imports_private_parts_of_numba():
    private = re.compile(r"^\s*(from|import) numba\.(core|np|experimental|misc)", re.MULTILINE)
    modules = (ROOT / "fastgrad").rglob("*.py")
    found = [path.name for path in modules if private.search(path.read_text())]
    assert found == ["numba_compat.py"]


@jitted_only
def test_with_a_version_that_was_not_tested_plain_njit_gives_the_same_results(tmp_path):
    def trained(version):
        run = subprocess.run(
            [sys.executable, "-c", TRAINED.format(version=version)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        tested, *weights = run.stdout.split()
        return tested, [float(w) for w in weights], run.stderr

    (here, weights, _), (there, same, said) = trained(numba.__version__), trained("0.99.0")
    assert (here, there) == ("True", "False")
    assert same == pytest.approx(weights, rel=1e-12)
    assert said.count("numba: got version 0.99.0; expected 0.61 to 0.68, with which") == 1
