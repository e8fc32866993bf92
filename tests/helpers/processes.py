"""Programs in processes of their own, since the threads of numba are started once in each."""

import os
import subprocess
import sys

import pytest
from helpers.soak import SOAK

__all__ = ["python"]


def python(program, *arguments, threads=4, layer="default", **variables):
    """What became of a program, which must end without an error.

    It skips the test where numba does not have the threading layer.
    """
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ
        | {"NUMBA_NUM_THREADS": str(threads), "NUMBA_THREADING_LAYER": layer}
        | {"PYTHONPATH": os.pathsep.join(sys.path)}
        | variables,
        capture_output=True,
        text=True,
        timeout=300 * SOAK,
        check=False,
    )
    if run.returncode and layer != "default" and "No threading layer could be loaded" in run.stderr:
        pytest.skip(f"numba has no layer {layer} here; where it has, this runs")
    assert run.returncode == 0, run.stderr
    return run
