"""Compiled code on disk: never that of an older version, and optional."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg

FORWARD = """
import numpy as np
import fastgrad as fg
net = fg.Network([1, 1], activations=["relu"], cost="mse")
net.layers[0].W[:] = 1
print(net.forward(np.full((1, 1), 3.0))[0, 0])
"""

# The smallest loop that is cached on disk; prints whether it was found there.
LOOP = """
import numpy as np
from fastgrad.engine.entry_points import regularizer_address
from fastgrad.codegen.jit import COMPILED_LOOPS
print(COMPILED_LOOPS[regularizer_address("clip", np.dtype(np.float32))].cache_hits)
"""

FULL = """
import errno
from numba.core.caching import IndexDataCacheFile as file
def open_for_write(*_): raise OSError(errno.ENOSPC, "No space left on device")
file._open_for_write = open_for_write
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


def run(folder, source, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(folder), **variables}
    return subprocess.run(
        [sys.executable, "-c", source],
        env=environment, cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip


@jitted_only
def test_code_from_before_an_upgrade_is_not_run_and_waiting_is_explained(copy):
    cold = run(copy, FORWARD)
    assert cold.stdout == "3.0\n"
    assert cold.stderr.startswith("fastgrad: compiling new code, and caching it")
    assert cold.stderr.count("\n") == 1
    assert list(copy.glob("fastgrad/codegen/__pycache__/*.nbc"))
    path = copy / "fastgrad" / "kernels" / "activations.py"
    source = path.read_text()
    relu = "return real(u, 0) if u <= 0 else u\n"  # called by a loop that stands in another file
    assert relu in source
    path.write_text(source.replace(relu, relu.replace("else u", "else 2 * u")))
    assert run(copy, FORWARD).stdout == "6.0\n"


@jitted_only
def test_slow_reading_is_not_called_compiling(copy):
    run(copy, FORWARD)
    slowly = """
import time
from fastgrad.codegen.disk_cache import _Files
load = _Files.load
_Files.load = lambda files, key: time.sleep(1.2) or load(files, key)
"""
    warm = run(copy, slowly + FORWARD)
    assert (warm.stdout, warm.stderr) == ("3.0\n", "")


@jitted_only
def test_a_change_in_any_folder_of_the_package_counts(copy):
    (copy / "fastgrad" / "deep" / "er").mkdir(parents=True)
    path = copy / "fastgrad" / "deep" / "er" / "module.py"
    path.write_text("x = 1\n")
    assert [run(copy, LOOP).stdout for _ in range(2)] == ["0\n", "1\n"]
    path.write_text("x = 2\n")
    assert run(copy, LOOP).stdout == "0\n"
    path.rename(path.with_name("other.py"))
    assert run(copy, LOOP).stdout == "0\n"


@jitted_only
def test_without_a_folder_to_write_to_it_compiles_each_time(copy):
    (copy / "fastgrad" / "codegen" / "__pycache__").touch()  # no folder
    nowhere = {
        name: str(copy / "fastgrad" / "__init__.py" / "x") for name in ("HOME", "XDG_CACHE_HOME")
    }
    say = "from fastgrad.codegen import jit\njit._say_that_it_compiles()"
    for _ in range(2):
        cold = run(copy, LOOP + say, **nowhere)
        assert cold.stdout == "0\n"
        assert "for this process alone" in cold.stderr


@jitted_only
def test_a_read_only_folder_is_read(copy):
    refused = "from numba.core.caching import CompileResultCacheImpl as impl\n"
    refused += "impl._locator_classes.clear()\n"  # as if no folder could: root may write anywhere
    assert run(copy, LOOP).stdout == "0\n"
    assert run(copy, refused + LOOP).stdout == "1\n"


@jitted_only
def test_a_full_disk_and_a_truncated_file_only_cost_compile_time(copy):
    assert run(copy, FULL + LOOP).stdout == "0\n"
    assert run(copy, LOOP).stdout == "0\n"
    (file,) = copy.glob("fastgrad/codegen/__pycache__/*.nbc")
    for length in (100, 0):
        assert run(copy, LOOP).stdout == "1\n"
        file.write_bytes(file.read_bytes()[:length])
        assert run(copy, LOOP).stdout == "0\n"


@jitted_only
def test_an_upgrade_on_a_full_disk_gives_no_function_the_code_of_another(copy):
    source = (
        "import numpy as np\nfrom fastgrad.kernels.activations import ACTIVATIONS\n"
        "from fastgrad.codegen.jit import COMPILED_LOOPS\n"
        "from fastgrad.engine.entry_points import activation_address\n"
        "import ctypes\n"
        "address = activation_address(ACTIVATIONS['{}'], False, np.dtype(np.float32))\n"
        "loop = COMPILED_LOOPS[address]\n"
        "u, a = np.full(1, -1, np.float32), np.zeros(1, np.float32)\n"
        "pointer = ctypes.POINTER(ctypes.c_float)\n"
        "loop.ctypes(u.ctypes.data_as(pointer), a.ctypes.data_as(pointer), 1)\n"
        "print(f'{{a[0]:.3f}}')\n"
    )
    tanh, leaky = source.format("tanh"), source.format("leaky_relu")  # from one line of one file
    assert run(copy, tanh).stdout == "-0.762\n"
    with (copy / "fastgrad" / "__init__.py").open("a") as file:
        file.write("# upgraded\n")
    assert run(copy, FULL + leaky).stdout == "-0.010\n"
    for _ in range(2):
        assert run(copy, leaky).stdout == "-0.010\n"
