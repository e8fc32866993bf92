"""Compiled code on disk: never that of another version, function or user, and optional."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

import fastgrad as fg

FORWARD = """
import numpy as np
import fastgrad as fg
net = fg.Network([1, 1], activations=["relu"], cost="mse")
net.layers[0].W[:] = 1
print(net.forward(np.full((1, 1), 3.0))[0, 0])
"""

READS_SLOWLY = """
import time
from fastgrad.codegen.disk_cache import _Files
load = _Files.load
_Files.load = lambda files, key: time.sleep(1.2) or load(files, key)
"""

# The smallest loop that is cached on disk; prints whether it was found there.
LOOP = """
import numpy as np
from fastgrad.engine.entry_points import regularizer_address
from fastgrad.codegen.jit import COMPILED_LOOPS
print(COMPILED_LOOPS[regularizer_address("clip", np.dtype(np.float32))].cache_hits)
"""

FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
"""

UNWRITABLE = """
import tempfile
def refused(**_): raise PermissionError
tempfile.TemporaryFile = refused  # as if no folder could be written to: root may write anywhere
"""

# Compiles the loop over tanh or leaky ReLU again and again: was it on disk, and what is f(-1)?
SWEEP = """
import ctypes
import pickle
import random
import sys
from pathlib import Path
import numpy as np
from fastgrad.codegen.jit import COMPILED_LOOPS
from fastgrad.engine import entry_points
from fastgrad.kernels.activations import ACTIVATIONS

POINTER = ctypes.POINTER(ctypes.c_float)

def compiled(name):
    entry_points._addresses.clear()
    address = entry_points.activation_address(ACTIVATIONS[name], False, np.dtype(np.float32))
    loop = COMPILED_LOOPS[address]
    u, a = np.full(1, -1, np.float32), np.zeros(1, np.float32)
    loop.ctypes(u.ctypes.data_as(POINTER), a.ctypes.data_as(POINTER), 1)
    return loop.cache_hits, round(float(a[0]), 3)

def files():
    return set(Path(sys.argv[1]).glob("**/*.nbc"))

assert compiled("tanh") == (0, -0.762)
(path,) = files()
whole = path.read_bytes()
assert compiled("leaky_relu") == (0, -0.01)
(other,) = files() - {path}
draw = random.Random(0)

def flipped():
    k, data = draw.randrange(len(whole)), bytearray(whole)
    data[k] ^= 1 << draw.randrange(8)
    return bytes(data)

kinds = {
    "empty": lambda: b"",
    "cut": lambda: whole[: draw.randrange(len(whole))],
    "longer": lambda: whole + b"x",
    "a bit": flipped,
    "random bytes": lambda: draw.randbytes(len(whole)),
    "another pickle": lambda: pickle.dumps({"a": 1}),
    "another digest": lambda: whole[:64][::-1] + whole[64:],
    "pickle behind the digest": lambda: whole[:65] + pickle.dumps([1, 2]),
    "another function's": other.read_bytes,
}
for _ in range(int(sys.argv[2])):
    for kind, content in kinds.items():
        path.write_bytes(content())
        assert compiled("tanh") == (0, -0.762), kind
        assert compiled("tanh") == (1, -0.762), kind
path.unlink()
path.mkdir()  # a folder where the file should be
assert compiled("tanh") == (0, -0.762)
print(len(kinds))
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


def environment(folder, **variables):
    kept = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    return kept | {"PYTHONPATH": str(folder), **variables}


def run(folder, source, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "-c", source, *arguments], env=environment(folder, **variables),
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip


@jitted_only
def test_code_from_before_an_upgrade_is_not_run_and_waiting_is_explained(copy):
    cold = run(copy, FORWARD)
    assert cold.stdout == "3.0\n"
    assert cold.stderr.startswith("fastgrad: compiling new code, and caching it")
    assert cold.stderr.count("\n") == 1
    warm = run(copy, READS_SLOWLY + FORWARD)
    assert (warm.stdout, warm.stderr) == ("3.0\n", "")  # reading is not called compiling
    path = copy / "fastgrad" / "kernels" / "activations.py"
    source = path.read_text()
    relu = "return real(u, 0) if u <= 0 else u\n"  # called by a loop that stands in another file
    assert relu in source
    path.write_text(source.replace(relu, relu.replace("else u", "else 2 * u")))
    assert run(copy, FORWARD).stdout == "6.0\n"


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
    assert run(copy, LOOP).stdout == "0\n"
    assert run(copy, UNWRITABLE + LOOP).stdout == "1\n"


@jitted_only
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_full_disk_only_costs_compile_time(copy):
    assert run(copy, FULL + LOOP).stdout == "0\n"
    assert not list(copy.glob("fastgrad/codegen/__pycache__/*.tmp"))


@jitted_only
def test_a_file_that_is_cut_garbled_or_anothers_only_costs_compile_time(copy):
    cache = copy / "cache"
    assert run(copy, SWEEP, str(cache), str(SOAK), NUMBA_CACHE_DIR=str(cache)).stdout == "9\n"


@jitted_only
def test_code_for_another_processor_is_not_run(copy):
    native = dict.fromkeys(["NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"], "")
    generic = native | {"NUMBA_CPU_NAME": "generic"}
    found = [run(copy, LOOP, **kind).stdout for kind in (native, generic, native, generic)]
    assert found == ["0\n", "0\n", "1\n", "1\n"]


@jitted_only
def test_processes_that_write_at_once_do_not_disturb_each_other(copy):
    for k in range(SOAK):
        at_once = [
            subprocess.Popen(
                [sys.executable, "-c", LOOP], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment(copy, NUMBA_CACHE_DIR=str(copy / f"cache{k}")), cwd=copy, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip
        found = [process.communicate() for process in at_once]
        assert {out for out, _ in found} <= {"0\n", "1\n"}
        assert all(not err or err.startswith("fastgrad: compiling") for _, err in found)
        assert run(copy, LOOP, NUMBA_CACHE_DIR=str(copy / f"cache{k}")).stdout == "1\n"


@jitted_only
def test_what_a_killed_process_has_left_is_removed(copy):
    run(copy, LOOP)
    (path,) = (copy / "fastgrad" / "codegen" / "__pycache__").glob("*.nbc")
    old, new = (path.with_name(f"{path.name}.{k}.tmp") for k in ("0123", "4567"))
    old.touch()
    new.touch()
    os.utime(old, (1e9, 1e9))
    path.unlink()
    run(copy, LOOP)
    assert not old.exists()
    assert new.exists()  # of a process that may still write


VANISHES = """
import shutil, sys
from fastgrad.codegen import disk_cache
shutil.rmtree(sys.argv[1])
"""


@jitted_only
def test_a_folder_that_vanishes_is_made_again(copy):
    cache = copy / "cache"
    assert run(copy, VANISHES + LOOP, str(cache), NUMBA_CACHE_DIR=str(cache)).stdout == "0\n"
    assert os.name != "posix" or stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert run(copy, LOOP, NUMBA_CACHE_DIR=str(cache)).stdout == "1\n"


@jitted_only
@pytest.mark.skipif(sys.platform == "win32", reason="there, users have folders of their own")
def test_folders_are_private_and_those_of_others_are_not_trusted(copy):
    cache = copy / "new" / "cache"
    limit = "import os\nos.umask(0)\n"
    assert run(copy, limit + LOOP, NUMBA_CACHE_DIR=str(cache)).stdout == "0\n"
    (folder,) = cache.iterdir()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cache.parent, cache, folder)]
    assert modes == [0o700] * 3
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    variables = {"NUMBA_CACHE_DIR": str(cache), "HOME": str(copy / "home")}

    def is_read():
        return run(copy, UNWRITABLE + LOOP, **variables).stdout == "1\n"

    assert is_read()
    file.chmod(0o666)  # anyone may have written it
    assert not is_read()
    file.chmod(0o644)
    if os.geteuid() == 0:  # who alone can give a file to another user
        os.chown(file, 12345, 12345)
        assert not is_read()
        os.chown(file, 0, 0)
        os.chown(folder, 12345, 12345)
        before = {path.name for path in folder.iterdir()}
        run(copy, LOOP.replace('"clip"', '"noise"'), **variables)
        assert {path.name for path in folder.iterdir()} == before
    folder.chmod(0o777)
    run(copy, LOOP.replace('"clip"', '"penalty"'), **variables)
    assert len(list(folder.iterdir())) == 1


@jitted_only
def test_an_upgrade_on_a_full_disk_gives_no_function_the_code_of_another(copy):
    tanh, leaky = (  # from one line of one file
        SWEEP.partition("def files")[0] + f"print(compiled({name!r})[1])"
        for name in ("tanh", "leaky_relu")
    )
    assert run(copy, tanh).stdout == "-0.762\n"
    with (copy / "fastgrad" / "__init__.py").open("a") as file:
        file.write("# upgraded\n")
    assert run(copy, FULL + leaky).stdout == "-0.01\n"
    for _ in range(2):
        assert run(copy, leaky).stdout == "-0.01\n"
