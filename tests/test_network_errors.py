"""Bad arguments of a network: one line that names the argument, and no harm done."""

import numpy as np
import pytest
from helpers.comparison import parameters
from helpers.error_messages import assert_names, message_of
from helpers.ten_samples import IDS, X, Y, changed, network

import fastgrad as fg
from fastgrad.kernels.activations import ACTIVATIONS
from fastgrad.kernels.costs import COSTS
from fastgrad.model.initializers import INITS

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
    assert_names(lambda: fg.Network(sizes, "tanh", cost="mse"), parts)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"activations": "rleu"}, ["activation", "rleu", "relu"]),
        ({"activations": "softmax"}, ["activation", "softmax_cross_entropy"]),
        ({"max_norm": 0.0}, ["max_norm", "0.0", "above 0"]),
        ({"max_norm": False}, ["max_norm", "False", "above 0"]),
        ({"penalize_biases": 0.0}, ["penalize_biases", "0.0", "True or False"]),
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
    assert_names(lambda: fg.Network([3, 5, 2], **options), parts)


def test_a_fused_cost_needs_the_identity_at_the_output():
    for cost in ("softmax_cross_entropy", "sigmoid_cross_entropy", "poisson"):
        call = lambda c=cost: fg.Network([3, 2], ["sigmoid"], cost=c)  # noqa: E731
        assert_names(call, [cost, "identity", "sigmoid"])


def test_custom_derivatives_are_checked():
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


def test_a_single_row_or_column_is_explained():
    net = network([3, 5, 2], cost="softmax_cross_entropy")
    assert message_of(lambda: net.predict(X[0])).endswith("a single sample is X[None]")
    message = message_of(lambda: net.cost(X, IDS[:, None]))
    assert "(10, 1)" in message
    assert "class ids of shape (10,)" in message


@pytest.mark.parametrize("call", [fg.Network.fit, fg.Network.cost])
def test_class_ids_without_a_cost_of_classes_are_explained(call):
    message = message_of(lambda: call(fg.Network([3, 5, 2]), X, IDS))
    assert message == (
        "Y: got shape (10,) with the cost 'squared_error'; expected numbers of shape (10, 2), or"
        " for class ids the cost 'softmax_cross_entropy'"
    )


def test_a_table_of_mixed_columns_is_numbers():
    mixed = np.array([[1.5, True, 2]] * 3, dtype=object)
    assert network([3, 5, 2]).predict(mixed).shape == (3, 2)


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
    pytest.param([[1, 2, 10**400]], ["X", "beyond any float"], id="beyond any float"),
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
    net = network([3, 5, 2])
    before = parameters(net)
    assert_names(lambda: CALLS[call](net, x), parts)
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


# One dimension is right for a step: that of a single sample.
@pytest.mark.parametrize(("x", "parts"), [case for case in BAD_X if case.id != "one dimension"])
def test_inputs_of_a_step(x, parts):
    net = network([3, 5, 2])
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
    net = network([3, 5, 2], cost=cost)
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


def test_an_unknown_activation_is_refused_where_no_hidden_layer_uses_it():
    message = message_of(lambda: fg.Network([2, 2], activations="rleu"))
    assert message.startswith("activation: got 'rleu'; did you mean 'relu'?")


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: network([2**40, 1]), ["sizes[0]", str(2**40), str(2**29)]),
        (lambda: network([3, 2], dropout=np.array([0.1, 0.2])), ["dropout", "hidden layer", "0"]),
        (lambda: network([3, 2], cost=[("mse", 1, 0), ("mae", 1, 0)]), ["cost", "weights of 0"]),
        (lambda: network(penalize_biases=True), ["penalize_biases", "True", "l1 or l2 above 0"]),
        (
            lambda: network(penalize_biases=[True, False], l2=[0, 0.1]),
            ["penalize_biases", "without a penalty"],
        ),
    ],
)
def test_bad_structures_are_named(make, parts):
    assert_names(make, parts)


RAGGED = [[1, 0], [1]] * 5


class Lines:
    def __repr__(self):
        return "two\n   lines"


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: network([3, 5, 2]).fit(X, RAGGED), ["Y", "different lengths", "(10, 2)"]),
        (
            lambda: network([3, 5, 2], cost="softmax_cross_entropy").fit(X, RAGGED),
            ["Y", "different lengths", "10 class ids from 0 to 1"],
        ),
        (lambda: network().predict(np.ma.masked_greater(X, 0)), ["X", "masked values", "(S, 3)"]),
        (lambda: network().predict(Lines()), ["X", "got two lines (Lines", "(S, 3)"]),
        (lambda: network().predict({"a" * 99: X}), ["X", "got {'aaaaaaaa", "... (dict", "(S, 3)"]),
    ],
)
def test_arrays_are_described_in_one_line(make, parts):
    assert_names(make, parts)
