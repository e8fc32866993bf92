"""Headers of C, compiled and called."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
SANITIZED = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
REALS = {"float32": "float", "float64": "double"}


def compiler(name="cc"):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}")
    return found


def compiled(folder, source, *flags, by="cc"):
    """The file of a program or library; its source includes headers of the same folder."""
    language = ["-x", "c++", "-std=c++17"] if by.endswith("++") else ["-std=c99"]
    (folder / "source.c").write_text(source)
    made = folder / "made"
    command = [compiler(by), *language, *STRICT, *flags, "source.c", "-o", "made", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def output(program):
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def library(folder, source):
    """A library of functions, to be called through ctypes."""
    return ctypes.CDLL(compiled(folder, source, "-O1", "-shared", "-fPIC"))


def pointer(array):
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def predictions(function, X, n_out):
    """What a function of x and p gives for each row of X."""
    p = np.full((len(X), n_out), np.nan, X.dtype)
    for x, into in zip(X, p, strict=True):
        function(pointer(x), pointer(into))
    return p
