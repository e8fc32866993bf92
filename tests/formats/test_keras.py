"""Keras: its own predictions are those of the network, and a round trip keeps every bit."""

import os

import numpy as np
import pytest
from helpers.comparison import parameters
from helpers.grids import grid

import fastgrad as fg

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="Keras is not installed")
# Keras' own, of its variables and NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ACTIVATIONS = [
    *("identity", "relu", "leaky_relu", "leaky_relu(slope=0.2)", "elu", "elu(alpha=0.5)", "selu"),
    *("gelu", "silu", "mish", "softplus", "softsign", "sigmoid", "hard_sigmoid", "tanh"),
    *("hard_tanh", "gelu_tanh", "sin", "leaky_relu(slope=-0.5)"),
]
#: Outputs and cost: classes, yes/no, counts, numbers, several outputs.
ENDS = [
    (3, "softmax_cross_entropy"),
    (1, "sigmoid_cross_entropy"),
    (1, "poisson"),
    (1, "squared_error"),
    (4, "squared_error"),
]


def network(f, dtype, depth, end, rng):
    n_out, cost = end
    hidden = [5] * (depth - 1)
    net = fg.Network(
        [3, *hidden, n_out], [f] * (depth - 1) + ["identity"], cost, dtype=dtype, seed=0
    )
    for layer in net.layers:
        layer.b[:] = rng.normal(size=len(layer.b))
    return net


@pytest.mark.parametrize(
    ("f", "dtype", "depth", "end"), grid(ACTIVATIONS, ["float32", "float64"], [1, 2, 3, 4], ENDS)
)
def test_keras_predicts_the_same_and_a_round_trip_keeps_the_bits(
    f, dtype, depth, end, tmp_path, rng
):
    net = network(f, dtype, depth, end, rng)
    net.to_keras(tmp_path / "net.keras")
    model = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    x = rng.normal(size=(17, 3)).astype(dtype)
    expected = net.predict(x)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6, atol=1e-6)
    back = fg.from_keras(model)
    assert back.dtype == net.dtype
    assert list(back.activations) == list(net.activations)
    assert all(np.array_equal(p, q) for p, q in zip(parameters(net), parameters(back), strict=True))
    assert np.array_equal(back.predict(x), expected)
    assert np.array_equal(fg.from_keras(tmp_path / "net.keras").predict(x), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_standardised_inputs_and_targets_are_in_the_file(dtype, tmp_path, rng):
    x = rng.normal(100, 5, size=(64, 3)).astype(dtype)
    y = (x @ [[1, 2], [3, 4], [5, 6]] * 10).astype(dtype)
    options = {"standardize": True, "standardize_targets": True}
    net = fg.Network([3, 5, 2], ["tanh", "identity"], "squared_error", dtype=dtype, **options)
    net.fit(x, y, epochs=2)
    net.to_keras(tmp_path / "net.keras")
    model = keras.models.load_model(tmp_path / "net.keras")
    expected = net.predict(x)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(fg.from_keras(model).predict(x), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.LayerNormalization(name="odd"),
        keras.layers.Activation("relu6", name="odd"),
        keras.layers.Activation(lambda u: u, name="odd"),
    ],
)
def test_a_layer_without_counterpart_is_named(layer):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), layer])
    with pytest.raises(ValueError, match="model: odd: got "):
        fg.from_keras(model)


def test_a_branch_is_named():
    x = keras.Input((3,))
    a = keras.layers.Dense(3)(x)
    model = keras.Model(x, keras.layers.Add(name="sum")([x, a]))
    with pytest.raises(ValueError, match=r"^model: \w+: got a (second layer|branch)"):
        fg.from_keras(model)


def test_something_else_is_no_model():
    with pytest.raises(TypeError, match=r"got int; expected a model of Keras, or a \.keras file"):
        fg.from_keras(3)
    with pytest.raises(FileNotFoundError, match=r"no such file; expected a \.keras file"):
        fg.from_keras("model.keras")


# --- other layers, and several networks -----------------------------------------------------------


def norm(kind, rng):
    """A layer whose statistics are some numbers."""
    layer = getattr(keras.layers, kind)()
    layer.build((None, 4))
    arrays = layer.get_weights()
    some = [np.abs(rng.normal(1, 0.3, size=a.shape)).astype(a.dtype) for a in arrays]
    layer.set_weights(some)
    if kind == "Normalization":
        layer.finalize_state()
    return layer


@pytest.mark.parametrize("where", ["model", "file"])
@pytest.mark.parametrize("kind", ["BatchNormalization", "Normalization"])
def test_normalisations_are_folded(kind, where, tmp_path, rng):
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), norm(kind, rng)])
    model = keras.Sequential(
        [
            keras.Input((4,)), norm(kind, rng), inner, keras.layers.ReLU(), norm(kind, rng),
            keras.layers.Dropout(0.2), keras.layers.Dense(3, use_bias=False),
            keras.layers.Softmax(),
        ]
    )  # fmt: skip
    for layer in (inner.layers[0], model.layers[-2]):
        layer.set_weights([rng.normal(size=a.shape) for a in layer.get_weights()])
    model.save(tmp_path / "m.keras")
    net = fg.from_keras(model if where == "model" else tmp_path / "m.keras")
    x = rng.normal(size=(9, 4)).astype(np.float32)
    np.testing.assert_allclose(net.predict(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_functional_chain(tmp_path, rng):
    x = keras.Input((4,))
    h = keras.layers.Dense(5, activation="swish")(keras.layers.Flatten()(x))
    h = keras.layers.Dense(5, activation="elu", trainable=False)(h)
    h = keras.ops.gelu(keras.layers.Dense(5)(h), approximate=True)
    model = keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(h))
    model.save(tmp_path / "m.keras")
    X = rng.normal(size=(9, 4)).astype(np.float32)
    for source in (model, tmp_path / "m.keras"):
        net = fg.from_keras(source)
        assert net.activations == ("silu", "elu", "gelu_tanh", "identity")
        assert [layer.trainable for layer in net.layers] == [True, False, True, True]
        assert net.cost_function.link == "sigmoid"
        np.testing.assert_allclose(net.predict(X), model.predict(X, verbose=0), rtol=1e-5)


def test_several_networks_costs_and_limits(tmp_path, rng):
    heads = [("softmax_cross_entropy", 3), ("poisson", 1), ("mse", 2)]
    nets = [fg.Network([4, n, 6], "tanh", heads, seed=n) for n in (3, 8)]
    X = rng.normal(size=(9, 4)).astype(np.float32)
    rows = [{"a": float(x[0]), "b": "xy"[int(x[1] > 0)], "y": float(x[0])} for x in X] * 5
    table = fg.TableModel(epochs=2, members=2).fit(rows, target="y")
    for made, inputs, expected in (
        (nets[0], X, nets[0].predict(X)),
        (fg.Ensemble(nets, weights=[1, 3]), X, None),
        (table, table.inputs(rows), table.predict(rows)[:, None]),
    ):
        made.to_keras(tmp_path / "m.keras")
        model = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
        expected = made.predict(X) if expected is None else expected
        received = model.predict(inputs, verbose=0)
        np.testing.assert_allclose(received, expected, rtol=2e-6, atol=1e-6)


def test_training_settings_go_along(tmp_path):
    options = {"l1": 1e-3, "l2": [0, 1e-2], "dropout": 0.25, "input_dropout": 0.1}
    net = fg.Network([3, 4, 2], input_noise=0.5, **options, seed=0)
    net.layers[0].trainable = False
    net.to_keras(tmp_path / "net.keras")
    dense = [
        x for x in keras.models.load_model(tmp_path / "net.keras").layers if hasattr(x, "units")
    ]
    assert [layer.trainable for layer in dense] == [False, True]
    assert [float(d.kernel_regularizer.l2) for d in dense] == pytest.approx([0, 5e-3])
    back = fg.from_keras(tmp_path / "net.keras")
    assert (back.inputs.noise, back.inputs.dropout, back.layers[0].dropout) == (0.5, 0.1, 0.25)
    assert not back.layers[0].trainable
