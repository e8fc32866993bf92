"""The header of C, compiled: the same predictions and the same steps as here."""

import ctypes
import functools
import math

import numpy as np
import pytest
from helpers.c_programs import REALS, SANITIZED, compiled, library, output, pointer, predictions
from helpers.grids import grid
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.formats.c.literals import identifiers
from fastgrad.formats.c.translate import Translator, UntranslatableError
from fastgrad.kernels import elementary
from fastgrad.kernels.activations import ACTIVATIONS
from fastgrad.kernels.costs import COSTS

pytestmark = jitted_only

NAMES = [*ACTIVATIONS, "leaky_relu(slope=0.2)", "elu(alpha=0.7)"]
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


# --- own functions --------------------------------------------------------------------------------


def bent(u):
    """A function with branches."""
    square = u * u
    if u > 1:
        value = 1 + np.log(square)
        return value  # noqa: RET504 - a line of its own
    return square if u > 0 else np.float64(0)


def bent_slope(u):
    return 2 / u if u > 1 else (2 * u if u > 0 else 0.0)


def test_own_functions_are_translated(tmp_path):
    cube = fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)
    own = fg.Activation("bent", f=bent, df=bent_slope)
    net = fg.Network([5, 7, 7, 2], [cube, own, "identity"], dtype="float64", seed=0)
    run = predictors(tmp_path, {"own": net})
    assert near(predictions(run["own"], inputs(net), 2), net.predict(inputs(net)), 1e-13)


def doubled(function):
    @functools.wraps(function)
    def twice(u):
        return 2 * function(u)

    return twice


@doubled
def decorated(u):
    return u + 1


def select(u):
    return u * u


def other_results(u):
    if u > 1:
        return u > 0
    return u * 0.5


def of_a_branch(u):
    s = 0
    if u > 1:
        s = 0.5
    return s * u


ODD = {
    "other results": other_results,
    "of a branch": of_a_branch,
    "a wrapper": decorated,
    "a default": lambda u, s=3.0: u * s,
    "a chain": lambda u: 1.0 if -1 < u <= 1 else 0.5,
    "and, or": lambda u: u if (u > 0 and u < 2) or u < -3 else -u,
    "a number as condition": lambda u: 1.0 if u else 0.5,
    "a power": lambda u: abs(u) ** 1.5 + u**3 - (abs(u) + 1) ** -2,
    "a sign": lambda u: np.sign(u) * math.sqrt(abs(u)) + max(u, -1) * (u > 0),
    "a name of the header's": lambda u: select(u) + 1,
    "constants": lambda u: u * (math.pi / 3) + 1 / 3,
}


@pytest.mark.parametrize("dtype", REALS)
def test_odd_python_is_translated_as_it_computes(dtype, tmp_path):
    """Compared with Python itself, without numba."""
    translator, real = Translator("f", dtype), REALS[dtype]
    names = {what: translator.scalar(f, f"odd_{k}") for k, (what, f) in enumerate(ODD.items())}
    fg.Network([1, 1], dtype=dtype, seed=0).to_c(tmp_path / "f.h")  # what the functions need
    lines = [f'#include "f.h"\n{chr(10).join(translator.functions)}\n']
    for name in names.values():
        head = f"void run_{name}(const {real} *x, {real} *y)"
        lines.append(f"{head};\n{head} {{ *y = ({real}){name}(*x); }}\n")
    made = library(tmp_path, "".join(lines))
    x = np.array([-5.5, -3.2, -1, -0.7, 0, 0.1, 0.6, 1, 1.7, 2, 4.3], dtype)[:, None]
    for what, name in names.items():
        y = predictions(getattr(made, f"run_{name}"), x, 1)
        expected = [float(ODD[what](float(u))) for u in x[:, 0]]
        assert y[:, 0] == pytest.approx(expected, rel=1e-6, abs=1e-7), what


def sum_of_list(u):
    return sum([u, u])


def two_types(u):
    s = u > 0
    if u > 1:
        s = 0.5
    return s * u


def loop_with_else(u):
    for k in range(2):
        u = u + k
    else:  # noqa: PLW0120 - to be refused
        u = u * 5
    return u


def of_itself(u):
    return of_itself(u - 1) if u > 0 else u


REFUSED = [two_types, loop_with_else, of_itself, lambda u: u or 1.0, lambda u: u * 1e-60, math.exp]


@pytest.mark.parametrize("f", REFUSED)
def test_python_that_would_compute_otherwise_is_refused(f):
    with pytest.raises(UntranslatableError):
        Translator("f", "float32").scalar(f, "f")


@pytest.mark.parametrize(
    ("f", "why"),
    [(sum_of_list, r"\[u, u\]"), (lambda u: 2 * np.arctan(u) * 0 + 2 * u, "arctan")],
)
def test_what_cannot_be_translated_is_named(f, why, tmp_path):
    odd = fg.Activation("odd", f=f, df=lambda u: 2.0)
    net = fg.Network([5, 7, 2], [odd, "identity"], seed=0)
    with pytest.raises(ValueError, match=rf"^layer 1: got the activation 'odd'.*{why}.*expected"):
        net.to_c(tmp_path / "odd.h")
    assert [*tmp_path.iterdir()] == []


# --- training -------------------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda: fg.SGD(0.02),
    "momentum": lambda: fg.SGD(0.02, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda: fg.SGD(0.02, momentum=0.9, nesterov=True),
    "adam": fg.Adam,
    "amsgrad": lambda: fg.Adam(amsgrad=True),
    "adamw": fg.AdamW,
    "nadam": fg.NAdam,
    "radam": fg.RAdam,
    "rmsprop": lambda: fg.RMSprop(momentum=0.5, centered=True),
    "adagrad": fg.Adagrad,
    "adadelta": fg.Adadelta,
    "lion": fg.Lion,
    "rprop": fg.Rprop,
}


def stepper(folder, net, optimizer):
    """A library that trains."""
    net.to_c(folder / "net.h", train=optimizer)
    real = REALS[str(net.dtype)]
    y = "int32_t y" if net.cost_function.link == "softmax" else f"const {real} *y"
    made = library(
        folder,
        f'#include "net.h"\nstatic net_network net;\nvoid begin(void);\n'
        f"double step(const {real} *x, {y});\nvoid run(const {real} *x, {real} *p);\n"
        "void begin(void) { net_init(&net); }\n"
        f"double step(const {real} *x, {y}) {{ return net_step(&net, x, y); }}\n"
        f"void run(const {real} *x, {real} *p) {{ net_predict(&net, x, p); }}\n",
    )
    made.step.restype = ctypes.c_double
    made.begin()
    return made


def targets(net, n):
    rng, cost = np.random.default_rng(3), net.cost_function
    if cost.link == "softmax":
        return rng.integers(0, net.n_outputs, n)
    Y = rng.random((n, net.n_outputs))
    return (np.sign(Y - 0.5) if cost.targets == "sign" else Y).astype(net.dtype)


def check_steps(folder, net, optimizer, within, n=100):
    made = stepper(folder, net, optimizer)
    X, Y = inputs(net, n), targets(net, n)
    for x, y in zip(X, Y, strict=True):
        C = made.step(pointer(x), ctypes.c_int32(y) if y.ndim == 0 else pointer(y))
        expected = net.step(x, y, optimizer)
        assert abs(C - expected) <= within * max(1, abs(expected))
    assert near(predictions(made.run, X, net.n_outputs), net.predict(X), within)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_hundred_steps_of_every_optimizer(name, tmp_path):
    net = network("tanh", 3, "classes", "float64")
    check_steps(tmp_path, net, OPTIMIZERS[name](), 1e-9)


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_steps_in_float32(kind, name, tmp_path):
    check_steps(tmp_path, network("tanh", 4, kind, "float32"), OPTIMIZERS[name](), 1e-5)


def test_a_class_that_there_is_not_is_no_step(tmp_path):
    net = network("tanh", 2, "classes", "float32")
    made, X = stepper(tmp_path, net, fg.Adam()), inputs(net)
    for y in (-1, 3, 2**31 - 1):
        assert np.isnan(made.step(pointer(X[0]), ctypes.c_int32(y)))
    assert near(predictions(made.run, X, 3), net.predict(X), 1e-6)


@pytest.mark.parametrize("cost", COSTS)
def test_steps_of_every_cost(cost, tmp_path):
    net = fg.Network([5, 20, 3], "sigmoid", cost, dtype="float64", seed=0)
    check_steps(tmp_path, net, fg.SGD(0.02), 1e-10, n=20)


def test_steps_with_penalties_frozen_layers_and_rates(tmp_path):
    net = network("gelu", 4, "several numbers", "float64", l1=1e-3, l2=[0, 1e-2, 0, 1e-2])
    net.layers[1].penalize_biases = net.layers[3].penalize_biases = True
    net.layers[2].trainable, net.layers[1].lr_scale = False, 0.5
    check_steps(tmp_path, net, fg.Adam(), 1e-9)


def test_steps_of_standardised_numbers_and_several_costs(tmp_path):
    net = fg.Network([5, 9, 2], "relu", standardize=True, standardize_targets=True, dtype="float64")
    X = np.random.default_rng(0).normal(7, 3, size=(50, 5))
    net.fit(X, X[:, :2] * 100, epochs=1)
    made = stepper(tmp_path, net, fg.SGD(0.1))
    y = np.array([300.0, 800.0])
    assert made.step(pointer(X[0]), pointer(y)) == pytest.approx(net.step(X[0], y, fg.SGD(0.1)))
    assert near(predictions(made.run, X, 2), net.predict(X), 1e-12)


@pytest.mark.parametrize(
    ("options", "optimizer", "place"),
    [
        ({"dropout": 0.1}, True, "layer 1: dropout of 0.1"),
        ({"max_norm": 2}, True, "layer 1: max_norm of 2.0"),
        ({"input_noise": 0.1}, True, "inputs: noise of 0.1"),
        ({}, fg.Adam().clip(norm=1), "optimizer: clip norm of 1"),
        ({}, fg.LBFGS(), "LBFGS"),
    ],
)
def test_steps_that_would_be_others_are_refused(options, optimizer, place, tmp_path):
    net = fg.Network([3, 4, 1], seed=0, **options)
    with pytest.raises(ValueError, match=f"^train: got .*{place}.*; expected"):
        net.to_c(tmp_path / "net.h", train=optimizer)
    assert [*tmp_path.iterdir()] == []


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
