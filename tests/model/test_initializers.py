"""Initial weights: mean, variance and range of each scheme, and the scale after ten layers."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.model.initializers import INITS

N_IN, N_OUT = 300, 400


def weights(init, shape=(N_OUT, N_IN), activation="tanh", seed=0):
    n_out, n_in = shape
    return (
        fg.Network([n_in, n_out], [activation], init=init, dtype="float64", seed=seed).layers[0].W
    )


#: Variance of a weight and the largest that there is, in units of the deviation.
NORMAL, UNIFORM = np.inf, 3**0.5
CASES = [
    ("normal(std=0.3)", 0.3**2, NORMAL),
    # the normal law between -2 and 2: by integration, 1 - 4 phi(2) / (2 Phi(2) - 1)
    ("truncated_normal(std=0.3)", 0.3**2 * 0.7737413, 2 / 0.7737413**0.5),
    ("uniform(low=-0.2, high=0.2)", 0.4**2 / 12, UNIFORM),
    ("he_normal", 2 / N_IN, NORMAL),
    ("he_uniform", 2 / N_IN, UNIFORM),
    ("glorot_normal", 2 / (N_IN + N_OUT), NORMAL),
    ("glorot_uniform", 2 / (N_IN + N_OUT), UNIFORM),
    ("lecun_normal", 1 / N_IN, NORMAL),
    ("lecun_uniform", 1 / N_IN, UNIFORM),
    ("auto", 2 / (N_IN + N_OUT), UNIFORM),
    ("orthogonal", 1 / N_OUT, NORMAL),
    ("orthogonal(gain=2)", 4 / N_OUT, NORMAL),
    ("siren", (1 / N_IN) ** 2 / 3, UNIFORM),
]


@pytest.mark.parametrize(("init", "variance", "farthest"), CASES)
def test_mean_variance_and_range(init, variance, farthest):
    W = weights(init)
    error = 5 / W.size**0.5  # five standard errors; of no law is the kurtosis above the normal one
    assert abs(W.mean()) < error * variance**0.5
    assert W.var() == pytest.approx(variance, rel=error * 2**0.5)
    most = np.abs(W).max() / variance**0.5
    if farthest == NORMAL:
        assert 4 < most < 6
    else:
        assert 0.999 * farthest < most <= farthest * (1 + 1e-6)


def test_numbers():
    assert not weights("zeros").any()
    assert (weights("constant(value=-0.25)") == -0.25).all()
    W = weights("uniform(low=1, high=3)")
    assert (W.min(), W.max()) == (pytest.approx(1, abs=1e-3), pytest.approx(3, abs=1e-3))


@pytest.mark.parametrize("shape", [(30, 30), (50, 30), (30, 50), (1, 7), (7, 1), (1, 1)])
def test_orthogonal_rows_or_columns(shape):
    W = weights("orthogonal(gain=1.5)", shape)
    small = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(small, 1.5**2 * np.eye(min(shape)), atol=1e-14)


def test_all_orthogonal_matrices_are_as_likely():
    drawn = np.array([weights("orthogonal", (3, 3), seed=seed) for seed in range(400)])
    assert np.abs(drawn.mean(axis=0)).max() < 5 / (3 * 400) ** 0.5
    # E w^2 = 1/n and E w^4 = 3 / (n (n + 2)) for a weight of a random direction
    assert (drawn**2).mean(axis=0) == pytest.approx(np.full((3, 3), 1 / 3), abs=0.075)
    assert (drawn**4).mean(axis=0) == pytest.approx(np.full((3, 3), 1 / 5), abs=0.075)
    assert abs(np.sign(np.linalg.det(drawn)).mean()) < 5 / 400**0.5


@pytest.mark.parametrize("init", [init for init, _, _ in CASES])
def test_the_seed_fixes_the_bits(init):
    assert np.array_equal(weights(init, seed=3), weights(init, seed=3))
    assert not np.array_equal(weights(init, seed=3), weights(init, seed=4))


@pytest.mark.parametrize(
    ("activation", "same_as"),
    [("gelu", "he_normal"), ("leaky_relu(slope=0.2)", "he_normal"), ("selu", "lecun_normal"),
     ("sin", "glorot_uniform"), ("sigmoid", "glorot_uniform"), ("identity", "glorot_uniform")],
)  # fmt: skip
def test_auto_goes_by_the_activation(activation, same_as):
    assert np.array_equal(weights("auto", activation=activation), weights(same_as))


def test_one_scheme_per_layer():
    net = fg.Network(
        [5, 6, 7], "relu", init=["constant(value=2)", lambda shape, rng: np.eye(*shape)]
    )
    assert (net.layers[0].W == 2).all()
    assert np.array_equal(net.layers[1].W, np.eye(7, 6))


def test_a_function_draws_from_the_generator_of_the_network():
    def init(shape, rng):
        return rng.uniform(-1, 1, size=shape)

    assert np.array_equal(weights(init), weights("uniform(low=-1, high=1)"))


# --- through ten layers -------------------------------------------------------------------------


def scales(init, activation, f, n_in=256):
    """Mean squares of the activated values of ten layers, by NumPy alone."""
    sizes = [n_in] + [256] * 10
    net = fg.Network(sizes, [activation] * 10, init=init, dtype="float64", seed=0)
    a = np.random.default_rng(1).uniform(-1, 1, size=(n_in, 1000))
    squares = []
    for layer in net.layers:
        a = f(layer.W @ a)
        squares.append((a**2).mean())
    return squares


def relu(u):
    return np.maximum(u, 0)


@pytest.mark.parametrize("init", ["auto", "he_normal", "he_uniform"])
def test_he_keeps_the_scale_of_relu(init):
    assert scales(init, "relu", relu) == pytest.approx([1 / 3] * 10, rel=0.5)
    assert scales("glorot_uniform", "relu", relu)[-1] < 1e-2  # the test can fail


def selu(u):
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(u > 0, u, alpha * np.expm1(np.minimum(u, 0)))


def test_lecun_brings_the_scale_of_selu_to_1():
    assert scales("auto", "selu", selu)[-1] == pytest.approx(1, rel=0.15)
    assert scales("he_normal", "selu", selu)[-1] > 5


def test_orthogonal_keeps_lengths():
    assert scales("orthogonal", "identity", lambda u: u) == pytest.approx([1 / 3] * 10, rel=0.01)


@pytest.mark.parametrize("n_in", [1, 2, 3])
def test_siren_keeps_the_scale_of_sin(n_in):
    expected = [0.5]  # of a uniform phase
    for _ in range(
        9
    ):  # u is normal with variance 2 E a^2, and E sin(u)^2 = (1 - exp(-2 var u)) / 2
        expected.append((1 - np.exp(-4 * expected[-1])) / 2)
    assert scales("siren", "sin", np.sin, n_in) == pytest.approx(expected, rel=0.1)
    assert scales("siren(omega=1)", "sin", np.sin, n_in)[0] < 0.2


def test_siren_is_that_of_the_paper():
    """Layer 1 and the others as in the paper: sin(omega u), here sin(u) with omega in W."""
    sizes, omega, limit = [4, 200, 200, 50], 20.0, (6 / 200) ** 0.5
    ours = fg.Network(sizes, "sin", init="siren(omega=20)", dtype="float64", seed=0)
    farthest = [np.abs(layer.W).max() for layer in ours.layers]
    assert farthest == pytest.approx([omega / 4, limit, limit / omega], rel=0.01)
    wave = fg.Activation("wave", f=lambda u: np.sin(20 * u), df=lambda u: 20 * np.cos(20 * u))
    theirs = fg.Network(sizes, wave, init="siren(omega=20)", dtype="float64", seed=0)
    for l, factor in enumerate([omega, omega, 1]):
        np.testing.assert_allclose(ours.layers[l].W, factor * theirs.layers[l].W, atol=1e-14)


# --- bad arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("init", "parts"),
    [
        ("glorott", ["init", "'glorott'", "'glorot_normal'"]),
        ("Siren", ["init", "'Siren'", "'siren'"]),
        ("?", ["init", "'?'", *INITS]),
        ("normal", ["init", "'normal'", "expected 'normal(std=number)'"]),
        ("normal(0.1)", ["init", "normal(0.1)", "expected 'normal(std=number)'"]),
        ("uniform(low=0)", ["expected 'uniform(low=number, high=number)'"]),
        ("zeros(value=1)", ["zeros(value=1)", "expected 'zeros()'"]),
        ("normal(std='wide')", ["wide", "expected 'normal(std=number)'"]),
        ("normal(std=0)", ["std", "got 0", "expected a finite number above 0"]),
        ("truncated_normal(std=-1)", ["std", "got -1", "expected"]),
        ("uniform(low=1, high=1)", ["high", "got 1", "expected a finite number above 1"]),
        ("orthogonal(gain=0)", ["gain", "got 0", "expected"]),
        ("siren(omega=-30)", ["omega", "-30", "expected"]),
        (0.5, ["init", "0.5", "expected"]),
        (np.eye(3), ["init", "array([[1., 0., 0.], [0.", "expected"]),
        ([None], ["init", "None", "expected a name or a function"]),
        (lambda shape, rng: np.ones(3), ["init", "(3,)", "expected numbers of shape (2, 3)"]),
        (lambda shape, rng: np.full(shape, np.nan), ["init", "nan", "expected finite"]),
        (lambda shape, rng: np.full(shape, 1e39), ["init", "1e+39", "float32"]),
        (lambda shape, rng: None, ["init", "None", "expected numbers of shape (2, 3)"]),
    ],
)  # fmt: skip
def test_bad_schemes_are_named(init, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        fg.Network([3, 2], ["tanh"], init=init)
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


def test_every_name_has_a_test():
    assert {init.partition("(")[0] for init, _, _ in CASES} == {*INITS} - {"zeros", "constant"}
