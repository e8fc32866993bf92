"""Bad input: one line that names the argument, what came and what is expected, and no harm done."""

import numpy as np
import pytest
from conftest import parameters

import fastgrad as fg
from fastgrad.kernels.activations import ACTIVATIONS
from fastgrad.kernels.costs import COSTS
from fastgrad.model.initializers import INITS

X = np.linspace(-1, 1, 30).reshape(10, 3)
Y = np.linspace(0, 1, 20).reshape(10, 2)
IDS = np.arange(10) % 2


def network(**options):
    return fg.Network([3, 5, 2], "tanh", **{"cost": "mse", "seed": 0, **options})


def message_of(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message or "did you mean" in message
    assert len(message) < 250
    return message


def changed(array, position, value):
    array = np.array(array, dtype=float)
    array[position] = value
    return array


# --- what a network is made of -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([3], ["sizes", "[3]", "2"]),
        ([], ["sizes", "[]"]),
        (3, ["sizes", "3"]),
        ("3-5-2", ["sizes", "3-5-2"]),
        ([3, 0, 2], ["sizes", "0"]),
        ([3, -5, 2], ["sizes", "-5"]),
        ([3, 5.5, 2], ["sizes", "5.5"]),
        ([3, "5", 2], ["sizes", "5"]),
        ([3, True, 2], ["sizes", "True"]),
        ([3, None, 2], ["sizes", "None"]),
    ],
)
def test_sizes(sizes, parts):
    message = message_of(lambda: fg.Network(sizes, "tanh", cost="mse"))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"activations": "rleu"}, ["activation", "rleu", "relu"]),
        ({"activations": "softmax"}, ["activation", "softmax_cross_entropy"]),
        ({"activations": ["tanh", "sigmod"]}, ["activation", "sigmod", "sigmoid"]),
        ({"activations": ["tanh"] * 3}, ["activations", "3", "2"]),
        ({"activations": []}, ["activations", "0", "2"]),
        ({"activations": 3}, ["activations", "3"]),
        ({"activations": ["tanh", np.tanh]}, ["activation", "tanh"]),
        ({"cost": "mes"}, ["cost", "mes", "mse"]),
        ({"cost": "softmax_crossentropy"}, ["cost", "softmax_cross_entropy"]),
        ({"cost": None}, ["cost", "None"]),
        ({"init": "glorott"}, ["init", "glorott", "glorot"]),
        ({"init": ["auto"] * 3}, ["init", "3", "2"]),
        ({"dtype": "float16"}, ["dtype", "float16", "float32", "float64"]),
        ({"dtype": "flaot32"}, ["dtype", "flaot32", "float32"]),
        ({"dtype": int}, ["dtype", "int"]),
        ({"dtype": None}, ["dtype", "None", "float32"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": 0.5}, ["seed", "0.5"]),
        ({"seed": "zero"}, ["seed", "zero"]),
        ({"standardize": "no"}, ["standardize", "no", "True or False"]),
    ],
)
def test_options(options, parts):
    options = {"activations": "tanh", "cost": "mse", **options}
    message = message_of(lambda: fg.Network([3, 5, 2], **options))
    for part in parts:
        assert part in message


def test_a_fused_cost_needs_the_identity_at_the_output():
    for cost in ("softmax_cross_entropy", "sigmoid_cross_entropy", "poisson"):
        message = message_of(lambda c=cost: fg.Network([3, 2], ["sigmoid"], cost=c))
        assert cost in message
        assert "identity" in message
        assert "sigmoid" in message


def test_own_derivatives_are_checked():
    with pytest.raises(ValueError, match=r"cube.*df\(.*\) is .* f .* is ") as caught:
        fg.Activation("cube", f=lambda u: u**3, df=lambda u: 2 * u * u)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"square.*dC_da\(.*\) is .* C .* is "):
        fg.Cost("square", C=lambda a, y: (a - y) ** 2, dC_da=lambda a, y: a - y)


@pytest.mark.parametrize(
    ("option", "names", "meant"),
    [
        ("activations", "swish SiLU", "silu"),
        ("activations", "linear Identity", "identity"),
        ("activations", "logistic Sigmoid", "sigmoid"),
        ("activations", "LeakyReLU", "leaky_relu"),
        ("activations", "Hardtanh", "hard_tanh"),
        ("cost", "L1Loss l1_loss mean_absolute_error MeanAbsoluteError absolute_error", "mae"),
        ("cost", "mean_squared_error MSELoss mse_loss", "mse"),
        ("cost", "SmoothL1Loss HuberLoss huber_loss", "huber"),
        ("cost", "LogCosh logcosh", "log_cosh"),
        ("cost", "PoissonNLLLoss", "poisson"),
        ("cost", "pinball_loss", "quantile"),
        ("cost", "BinaryCrossentropy binary_crossentropy bce BCELoss BCEWithLogitsLoss"
         " binary_cross_entropy binary_cross_entropy_with_logits", "sigmoid_cross_entropy"),
        ("cost", "cross_entropy CrossEntropyLoss NLLLoss nll_loss categorical_crossentropy"
         " sparse_categorical_crossentropy log_loss", "softmax_cross_entropy"),
        ("init", "kaiming_normal_ HeNormal kaiming", "he_normal"),
        ("init", "kaiming_uniform he_uniform_", "he_uniform"),
        ("init", "xavier_uniform_ GlorotUniform xavier", "glorot_uniform"),
        ("init", "xavier_normal_", "glorot_normal"),
        ("init", "random_normal RandomNormal normal_", "normal"),
        ("init", "trunc_normal_ TruncatedNormal", "truncated_normal"),
        ("init", "ones_", "constant(value=1)"),
    ],
)  # fmt: skip
def test_names_of_other_libraries(option, names, meant):
    known = {"activations": ACTIVATIONS, "cost": COSTS, "init": INITS}[option]
    assert meant.partition("(")[0] in known
    for name in names.split():
        message = message_of(lambda name=name: fg.Network([3, 5, 2], **{option: name}))
        assert f"got {name!r}; did you mean {meant!r}? expected one of " in message


@pytest.mark.parametrize("name", ["squared_hinge", "mape", "kl_divergence"])
def test_no_counterpart_is_better_than_a_wrong_one(name):
    message = message_of(lambda: fg.Network([3, 5, 2], cost=name))
    assert message.startswith(f"cost: got {name!r}; expected one of hinge, ")


@pytest.mark.parametrize("name", ["softmax", "Softmax", "log_softmax"])
def test_softmax_belongs_to_the_cost(name):
    message = message_of(lambda: fg.Network([3, 5, 2], ["tanh", name]))
    assert f"got {name!r}; expected 'identity' at the output, with cost='softmax_" in message


@pytest.mark.parametrize(
    ("cost", "where"),
    [
        ("softmax_cross_entropy", "cost"),
        ("softmax_cross_entropy(label_smoothing=0.1)", "cost"),
        (fg.costs.softmax_cross_entropy(), "cost"),
        ([("mse", 1), ("softmax_cross_entropy", 1)], "cost[1]"),
    ],
)
def test_softmax_of_one_output_tells_nothing(cost, where):
    outputs = 2 if isinstance(cost, list) else 1
    message = message_of(lambda: fg.Network([3, outputs], cost=cost))
    assert message.startswith(f"{where}: got 'softmax_cross_entropy")
    assert "always 1; expected 'sigmoid_cross_entropy'" in message


def test_one_row_and_one_column_are_explained():
    net = network(cost="softmax_cross_entropy")
    assert message_of(lambda: net.predict(X[0])).endswith("a single sample is X[None]")
    message = message_of(lambda: net.cost(X, IDS[:, None]))
    assert "(10, 1)" in message
    assert "class ids of shape (10,)" in message


@pytest.mark.parametrize("call", [fg.Network.fit, fg.Network.cost])
def test_class_ids_without_a_cost_for_them_are_told_of_it(call):
    message = message_of(lambda: call(fg.Network([3, 5, 2]), X, IDS))
    assert message == (
        "Y: got shape (10,) with the cost 'squared_error'; expected numbers of shape (10, 2), or"
        " for class ids the cost 'softmax_cross_entropy'"
    )


def test_a_table_of_mixed_columns_is_numbers():
    mixed = np.array([[1.5, True, 2]] * 3, dtype=object)
    assert network().predict(mixed).shape == (3, 2)


# --- inputs --------------------------------------------------------------------------------------

BAD_X = [
    pytest.param(X[:, :2], ["X", "(10, 2)", "3"], id="too narrow"),
    pytest.param(X[0], ["X", "(3,)"], id="one dimension"),
    pytest.param(X[None], ["X", "(1, 10, 3)"], id="three dimensions"),
    pytest.param(0.5, ["X", "()"], id="a number"),
    pytest.param(X[:0], ["X", "(0, 3)", "sample"], id="no sample"),
    pytest.param(np.broadcast_to(X[:1], (2**32, 3)), ["X", "4294967296"], id="too many samples"),
    pytest.param(changed(X, (7, 2), np.nan), ["X", "nan", "7", "2"], id="NaN"),
    pytest.param(changed(X, (9, 0), np.inf), ["X", "inf", "9", "0"], id="infinity"),
    pytest.param(changed(X, (4, 1), -np.inf), ["X", "-inf", "4", "1"], id="-infinity"),
    pytest.param(changed(X, (4, 1), 1e39), ["X", "1e+39", "float32"], id="beyond float32"),
    pytest.param(np.array([[1, 2, object()]] * 10), ["X", "object"], id="objects"),
    pytest.param(X.astype(str), ["X", "str"], id="text"),
    pytest.param(X.astype(complex), ["X", "complex"], id="complex"),
    pytest.param([[1, 2, 3], [4, 5]], ["X"], id="ragged"),
    pytest.param(None, ["X", "None"], id="None"),
]
CALLS = {
    "forward": lambda net, x: net.forward(x),
    "predict": lambda net, x: net.predict(x),
    "cost": lambda net, x: net.cost(x, Y),
    "gradients": lambda net, x: net.gradients(x, Y),
    "fit": lambda net, x: net.fit(x, Y, epochs=1, optimizer=fg.SGD(0.1), verbose=0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("x", "parts"), BAD_X)
def test_inputs(call, x, parts):
    net = network()
    before = parameters(net)
    message = message_of(lambda: CALLS[call](net, x))
    for part in parts:
        assert part in message
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


# One dimension is right for a step: that of a single sample.
@pytest.mark.parametrize(("x", "parts"), [case for case in BAD_X if case.id != "one dimension"])
def test_inputs_of_a_step(x, parts):
    net = network()
    before = parameters(net)
    message = message_of(lambda: net.step(x, Y, fg.SGD(0.1)))
    for part in [parts[0].lower(), *parts[1:]]:
        assert part.lower() in message.lower()
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


# --- targets -------------------------------------------------------------------------------------

BAD_Y = [
    ("mse", Y[:9], ["Y", "9", "10"]),
    ("mse", Y[:, :1], ["Y", "(10, 1)", "2"]),
    ("mse", Y[:, 0], ["Y", "(10,)", "2"]),
    ("mse", Y[None], ["Y", "(1, 10, 2)"]),
    ("mse", changed(Y, (3, 1), np.nan), ["Y", "nan", "3", "1"]),
    ("mse", changed(Y, (3, 1), np.inf), ["Y", "inf", "3", "1"]),
    ("mse", np.array([[1, None]] * 10), ["Y", "None", "object"]),
    ("mse", Y.astype(str), ["Y", "str"]),
    ("mse", None, ["Y", "None"]),
    ("softmax_cross_entropy", IDS[:9], ["Y", "9", "10"]),
    ("softmax_cross_entropy", changed(IDS, 6, 2).astype(int), ["Y", "2", "6"]),
    ("softmax_cross_entropy", changed(IDS, 6, -1).astype(int), ["Y", "-1", "6"]),
    ("softmax_cross_entropy", changed(IDS, 6, 0.5), ["Y", "0.5", "6"]),
    ("softmax_cross_entropy", changed(IDS, 6, np.nan), ["Y", "nan", "6"]),
    ("softmax_cross_entropy", Y, ["Y", "sum", "1"]),
    ("softmax_cross_entropy", np.tile([-0.5, 1.5], (10, 1)), ["Y", "-0.5"]),
    ("sigmoid_cross_entropy", Y * 2, ["Y", "0", "1"]),
    ("sigmoid_cross_entropy", -Y, ["Y", "0", "1"]),
    ("hinge", Y, ["Y", "-1", "1"]),
    ("poisson", -Y, ["Y", "-"]),
]


@pytest.mark.parametrize("call", ["cost", "gradients", "step", "fit"])
@pytest.mark.parametrize(("cost", "y", "parts"), BAD_Y)
def test_targets(call, cost, y, parts):
    net = network(cost=cost)
    before = parameters(net)
    calls = {
        "cost": lambda: net.cost(X, y),
        "gradients": lambda: net.gradients(X, y),
        "step": lambda: net.step(X, y, fg.SGD(0.1)),
        "fit": lambda: net.fit(X, y, epochs=1, optimizer=fg.SGD(0.1), verbose=0),
    }
    message = message_of(calls[call])
    for part in parts:
        assert part.lower() in message.lower()
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"epochs": -1}, ["epochs", "-1"]),
        ({"epochs": 1.5}, ["epochs", "1.5"]),
        ({"epochs": "many"}, ["epochs", "many"]),
        ({"batch_size": 0}, ["batch_size", "0"]),
        ({"batch_size": -8}, ["batch_size", "-8"]),
        ({"batch_size": 2.5}, ["batch_size", "2.5"]),
        ({"batch_size": None}, ["batch_size", "None"]),
        ({"batch_size": 2**70}, ["batch_size", str(2**70), str(2**63 - 1)]),
        ({"epochs": 2**70}, ["epochs", str(2**70)]),
        ({"threads": 2**63}, ["threads", str(2**63)]),
        ({"shuffle": "no"}, ["shuffle", "no", "True or False"]),
        ({"verbose": "no"}, ["verbose", "'no'", "an integer of at least 0"]),
        ({"verbose": None}, ["verbose", "None", "an integer of at least 0"]),
        ({"verbose": -1}, ["verbose", "-1", "an integer of at least 0"]),
        ({"threads": 0}, ["threads", "0"]),
        ({"threads": -2}, ["threads", "-2"]),
        ({"threads": 1.5}, ["threads", "1.5"]),
        ({"optimizer": "adam"}, ["optimizer", "adam", "fg.Adam"]),
        ({"optimizer": fg.Adam}, ["optimizer", "Adam"]),
        ({"validation": X}, ["validation"]),
        ({"validation": (X,)}, ["validation"]),
        ({"validation": (X, Y, Y)}, ["validation", "3"]),
        ({"validation": (X[:, :2], Y)}, ["validation", "(10, 2)", "3"]),
        ({"validation": (X, Y[:5])}, ["validation", "5", "10"]),
        ({"validation": (changed(X, (1, 1), np.nan), Y)}, ["validation", "nan"]),
        ({"validation": (X[:0], Y[:0])}, ["validation", "sample"]),
        ({"sample_weight": np.ones(9)}, ["sample_weight", "9", "10"]),
        ({"sample_weight": -np.ones(10)}, ["sample_weight", "-1"]),
        ({"sample_weight": np.zeros(10)}, ["sample_weight", "0"]),
        ({"sample_weight": np.full(10, np.nan)}, ["sample_weight", "nan"]),
        ({"sample_weight": np.full((10, 1), 1.0)}, ["sample_weight", "(10, 1)"]),
        ({"sample_weight": ["a"] * 10}, ["sample_weight"]),
        ({"callbacks": [print]}, ["callbacks", "print"]),
        ({"callbacks": 3}, ["callbacks", "3"]),
    ],
)
def test_fit_options(options, parts):
    net = network()
    before = parameters(net)
    message = message_of(
        lambda: net.fit(X, Y, **{"epochs": 1, "optimizer": fg.SGD(0.1), "verbose": 0, **options})
    )
    for part in parts:
        assert part in message
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


@pytest.mark.parametrize("optimizer", ["adam", None, fg.SGD])
def test_the_optimizer_of_a_step(optimizer):
    assert "optimizer" in message_of(lambda: network().step(X, Y, optimizer))


def test_a_failed_call_leaves_the_state_of_the_optimizer():
    x_bad = changed(X, (0, 0), np.nan)
    results = []
    for fail in (False, True):
        net, optimizer = network(), fg.Adam(0.01)
        net.step(X, Y, optimizer)
        if fail:
            message_of(lambda n=net, o=optimizer: n.step(x_bad, Y, o))
            message_of(lambda n=net, o=optimizer: n.fit(x_bad, Y, epochs=1, optimizer=o))
        net.fit(X, Y, epochs=1, batch_size=3, optimizer=optimizer, verbose=0)
        results.append(parameters(net))
    assert all(np.array_equal(p, q) for p, q in zip(*results, strict=True))


# --- one sample, several costs -------------------------------------------------------------------

TWO = [("softmax_cross_entropy", 2), ("mse", 3)]


@pytest.mark.parametrize("first", [1, [0.25, 0.75]])
def test_a_step_on_one_sample_of_several_costs(first):
    one, batch = (fg.Network([3, 5], "identity", cost=TWO, seed=0) for _ in range(2))
    second = [1.0, 2.0, 3.0]
    C = one.step(X[0], [first, second], fg.SGD(0.1))
    assert batch.step(X[:1], [[first], [second]], fg.SGD(0.1)) == C
    assert np.array_equal(one.parameters, batch.parameters)


@pytest.mark.parametrize(
    ("y", "parts"),
    [
        ([1, [1.0, 2.0]], ["y[1]", "(1, 2)", "(1, 3)"]),
        ([[1, [2]], [1.0, 2.0, 3.0]], ["y[0]", "different lengths"]),
        ([1], ["y", "1 items", "2"]),
        (np.ones(5), ["y", "ndarray", "2"]),
        ([1, None], ["y[1]", "None"]),
    ],
)
def test_targets_of_one_sample_of_several_costs(y, parts):
    net = fg.Network([3, 5], "identity", cost=TWO, seed=0)
    message = message_of(lambda: net.step(X[0], y, fg.SGD(0.1)))
    for part in parts:
        assert part in message


def test_an_unknown_activation_is_refused_where_no_hidden_layer_uses_it():
    message = message_of(lambda: fg.Network([2, 2], activations="rleu"))
    assert message.startswith("activation: got 'rleu'; did you mean 'relu'?")
