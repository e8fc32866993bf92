"""The header of C, compiled: the same predictions and the same steps as here."""

import numpy as np
import pytest
from helpers.c_programs import (
    KINDS,
    REALS,
    SANITIZED,
    SIZES,
    compiled,
    inputs,
    library,
    near,
    network,
    output,
    pointer,
    predictions,
    predictors,
)
from helpers.grids import grid
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.formats.c.literals import identifiers
from fastgrad.formats.c.translate import Translator
from fastgrad.kernels import elementary
from fastgrad.kernels.activations import ACTIVATIONS

pytestmark = jitted_only

NAMES = [*ACTIVATIONS, "leaky_relu(slope=0.2)", "elu(alpha=0.7)"]


@pytest.mark.parametrize("dtype", REALS)
def test_predictions_of_every_activation(dtype, tmp_path):
    cases = grid(NAMES, SIZES, KINDS)
    networks = {f"net_{k}": network(*case, dtype) for k, case in enumerate(cases)}
    run = predictors(tmp_path, networks)
    for (name, net), case in zip(networks.items(), cases, strict=True):
        p = predictions(run[name], inputs(net), net.n_outputs)
        assert near(p, net.predict(inputs(net)), 1e-6 if dtype == "float32" else 1e-13), case


def test_standardised_and_mixed_outputs(tmp_path):
    X = np.random.default_rng(0).normal(1e3, 5, size=(40, 5))
    numbers = fg.Network([5, 9, 2], standardize=True, standardize_targets=True, seed=0)
    numbers.fit(X, X[:, :2] * 1e4, epochs=1)
    heads = [("softmax_cross_entropy", 3), ("poisson", 2), ("sigmoid_cross_entropy", 1, 0.5)]
    mixed = fg.Network([5, 20, 6], cost=heads, dtype="float64", seed=0)
    run = predictors(tmp_path, {"numbers": numbers, "mixed": mixed})
    for name, net in (("numbers", numbers), ("mixed", mixed)):
        x = (X - (X.mean() if net is mixed else 0)).astype(net.dtype)
        assert near(predictions(run[name], x, net.n_outputs), net.predict(x), 1e-6)


def test_an_ensemble_is_the_mean(tmp_path):
    nets = [fg.Network([5, n, 3], "tanh", seed=n) for n in (4, 30)]
    both = fg.Ensemble(nets, weights=[1, 3])
    both.to_c(tmp_path / "both.h")
    source = '#include "both.h"\nvoid run(const float *x, float *p);\n'
    run = library(tmp_path, source + "void run(const float *x, float *p) { both_predict(x, p); }\n")
    assert near(predictions(run.run, inputs(nets[0]), 3), both.predict(inputs(nets[0])), 1e-6)


# --- the compilers --------------------------------------------------------------------------------


def self_test(name, trains=False):
    begin, argument = (
        (f"static {name}_network net; {name}_init(&net);", "&net") if trains else ("", "")
    )
    return (
        f'#include <stdio.h>\n#include "{name}.h"\nint main(void) {{\n    {begin}\n'
        f'    printf("%d", {name}_self_test({argument}));\n    return 0;\n}}\n'
    )


@pytest.mark.parametrize("by", ["gcc", "g++", "clang", "clang++"])
@pytest.mark.parametrize("trains", [False, True])
def test_no_warning_and_no_undefined_behaviour(by, trains, tmp_path):
    net = network("gelu", 4, "classes", "float32")
    net.to_c(tmp_path / "net.h", train=trains)
    flags = SANITIZED if by.startswith("g") else []  # clang may be there without them
    program = compiled(tmp_path, self_test("net", trains), "-O1", *flags, by=by)
    assert output(program) == "0"


def test_the_self_test_finds_a_changed_weight(tmp_path):
    net = network("relu", 2, "numbers", "float32")
    net.to_c(tmp_path / "net.h")
    header = (tmp_path / "net.h").read_text()
    weight = f"{net.layers[0].W[0, 0]:.9g}"[:8]
    assert header.count(weight) == 1
    (tmp_path / "net.h").write_text(header.replace(weight, f"{float(weight) + 1:.6f}"))
    assert int(output(compiled(tmp_path, self_test("net"), "-O1"))) > 0


def test_the_library_is_not_needed_to_predict(tmp_path):
    """No call of a function of libm is left; memcpy of few bytes is no call."""
    net = network("silu", 3, "classes", "float32")
    net.to_c(tmp_path / "net.h")
    source = '#include "net.h"\nvoid run(const float *x, float *p);\n'
    source += "void run(const float *x, float *p) { net_predict(x, p); }\n"
    made = compiled(tmp_path, source, "-O1", "-c")
    assert not any(word in made.read_bytes() for word in (b"exp\0", b"expf\0", b"malloc\0"))


def test_outputs_that_overflow_pass_the_self_test(tmp_path):
    net = fg.Network([3, 2], cost="poisson", seed=0)
    net.layers[0].b[:] = 90  # whose exponential is beyond float32
    net.to_c(tmp_path / "net.h")
    assert output(compiled(tmp_path, self_test("net"), "-O1")) == "0"


def test_weights_that_are_not_finite_are_refused(tmp_path):
    net = fg.Network([3, 2], seed=0)
    net.layers[0].b[0] = np.nan
    with pytest.raises(ValueError, match=r"^layer\.1\.b: got NaN or infinity; expected finite"):
        net.to_c(tmp_path / "net.h")


@pytest.mark.parametrize("name", ["3d", "a-b", "int", "", "é", 7])
def test_a_name_that_is_none_in_c(name, tmp_path):
    with pytest.raises(ValueError, match=r"^name: got .*; expected an identifier of C"):
        fg.Network([2, 1], seed=0).to_c(tmp_path / "net.h", name=name)


def test_names_of_files_become_identifiers():
    names = ["my model", "my-model", "3d", "int", "", "é", "x"]
    assert identifiers(names) == ["my_model", "my_model_2", "x_3d", "x_int", "x_", "x__2", "x"]


# --- elementary functions -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", REALS)
def test_the_square_root(dtype, tmp_path):
    translator, real = Translator("f", dtype), REALS[dtype]
    name = translator.square_root(dtype)
    text = "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n"
    text += "\n".join(translator.functions)
    text += f"\nvoid run(const {real} *x, {real} *y);\n"
    text += f"void run(const {real} *x, {real} *y) {{ y[0] = {name}(x[0]); }}\n"
    x = np.concatenate([[0], np.geomspace(1e-30, 1e30, 2000)]).astype(dtype)[:, None]
    y, expected = predictions(library(tmp_path, text).run, x, 1), np.sqrt(x)
    assert (np.abs(y - expected) <= 2 * np.spacing(expected)).all()
    assert y[0] == 0


@pytest.mark.parametrize("dtype", REALS)
def test_errors_of_elementary_functions(dtype, tmp_path):
    """Below what the header states; NumPy computes them in more digits."""
    functions = {"exp": (-80, 80), "tanh": (-12, 12), "expm1": (-80, 80), "sigmoid": (-80, 80)}
    translator = Translator("f", dtype)
    names = {name: translator.scalar(getattr(elementary, name), name) for name in functions}
    net = fg.Network([1, 1], dtype=dtype, seed=0)
    net.to_c(tmp_path / "f.h")  # what the functions need
    head = (tmp_path / "f.h").read_text().partition("typedef struct")[0]
    real, lines = REALS[dtype], []
    for name in names.values():
        signature = f"void run_{name}(const {real} *x, {real} *y, int n)"
        lines.append(
            f"{signature};\n{signature} {{ for (int i = 0; i < n; ++i) y[i] = {name}(x[i]); }}\n"
        )
    (tmp_path / "f.h").unlink()
    begin = head[head.index("#include") :].partition("static inline void")[0]
    made = library(tmp_path, begin + "\n".join([*translator.functions, *lines]))
    for name, (low, high) in functions.items():
        x = np.linspace(low, high, 20_001).astype(dtype)
        y = np.empty_like(x)
        getattr(made, f"run_{names[name]}")(pointer(x), pointer(y), len(x))
        exact = np.longdouble(x)
        expected = 1 / (1 + np.exp(-exact)) if name == "sigmoid" else getattr(np, name)(exact)
        error = np.abs(y - expected) / np.spacing(np.abs(expected).astype(dtype))
        if dtype == "float64":
            error = np.abs(y - expected) / np.maximum(np.abs(expected), 1e-300)
        assert error.max() < (4 if dtype == "float32" else 1e-15)
