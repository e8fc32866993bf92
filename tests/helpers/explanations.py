"""Networks whose derivatives are explained, and what each number of an explanation must be."""

import numpy as np

import fastgrad as fg

NUMPY = {
    "sqrt": np.sqrt, "sign": np.sign, "exp": np.exp, "tanh": np.tanh, "log": np.log, "abs": abs,
    "max": max, "min": min, "clamp": np.clip, "identity": lambda u: u,
    "relu": lambda u: max(u, 0.0), "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "identity_slope": lambda u: 1, "relu_slope": lambda u: float(u > 0),
    "tanh_slope": lambda u: 1 - np.tanh(u) ** 2,
    "sigmoid_slope": lambda u: np.exp(-u) / (1 + np.exp(-u)) ** 2,
}  # fmt: skip


def evaluated(numbers):
    """The value of a formula with its numbers, by NumPy."""
    shown_as = ("·", "*"), ("√", "sqrt"), ("²", "**2"), ("^", "**"), ("'(", "_slope(")
    for shown, python in shown_as:
        numbers = numbers.replace(shown, python)
    return eval(numbers, {"__builtins__": {}}, NUMPY)


def assert_each_number_follows(explanation, rtol=1e-12):
    checked = set()
    for step in explanation.steps:
        if step.part != "Cost" and "more)" not in step.numbers:
            expected = evaluated(step.numbers)
            np.testing.assert_allclose(step.value, expected, rtol, 1e-300, err_msg=str(step))
            checked.add(step.equation)
    return checked


def example():
    """The 2-2-2 network of M. Mazur, "A step by step backpropagation example", 2015."""
    net = fg.Network([2, 2, 2], ["sigmoid", "sigmoid"], dtype="float64", seed=0)
    one, two = net.layers
    one.W[...], one.b[...] = [[0.15, 0.2], [0.25, 0.3]], 0.35
    two.W[...], two.b[...] = [[0.4, 0.45], [0.5, 0.55]], 0.6
    return net, [0.05, 0.1], [0.01, 0.99]


def small(cost="squared_error", activations="tanh", dtype="float64", S=1, **options):
    rng = np.random.default_rng(0)
    net = fg.Network([3, 4, 3, 2], activations, cost, dtype=dtype, seed=1, **options)
    x, y = rng.normal(size=(S, 3)), rng.uniform(size=(S, 2))
    return net, x, y / y.sum(axis=1, keepdims=True)
