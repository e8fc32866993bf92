"""Headers of C, compiled and called."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import fastgrad as fg

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


# --- networks ------------------------------------------------------------------------------------

SIZES = {1: [5], 2: [5, 20], 3: [5, 9, 33], 4: [5, 17, 8, 12]}
KINDS = {
    "classes": (3, "softmax_cross_entropy"),
    "yes or no": (1, "sigmoid_cross_entropy"),
    "numbers": (1, "squared_error"),
    "several numbers": (4, "huber"),
}


def network(activations, n_layers, kind, dtype, **options):
    n_out, cost = KINDS[kind]
    net = fg.Network([*SIZES[n_layers], n_out], activations, cost, dtype=dtype, seed=1, **options)
    for layer in net.layers:
        layer.b[:] = np.linspace(-0.5, 0.5, len(layer.b))
    return net


def inputs(net, n=20):
    return np.random.default_rng(2).normal(size=(n, net.n_inputs)).astype(net.dtype)


def near(received, expected, within):
    return np.abs(received - expected).max() <= within * np.abs(expected).max()


def predictors(folder, networks):
    """A function of the library for each network, by its name."""
    lines = []
    for name, net in networks.items():
        net.to_c(folder / f"{name}.h")
        real = REALS[str(net.dtype)]
        lines.append(
            f'#include "{name}.h"\n'
            f"void run_{name}(const {real} *x, {real} *p);\n"
            f"void run_{name}(const {real} *x, {real} *p) {{ {name}_predict(x, p); }}\n"
        )
    made = library(folder, "".join(lines))
    return {name: getattr(made, f"run_{name}") for name in networks}
