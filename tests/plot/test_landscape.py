"""The cost around the weights: its numbers are those of an oracle at weights moved by hand."""

import copy

import numpy as np
import pytest
from helpers.drawn import lines, texts
from helpers.error_messages import assert_names
from helpers.oracle import Oracle

import fastgrad as fg
from fastgrad import plot

SIZES = [3, 5, 2]
X = np.linspace(-1, 1, 36).reshape(12, 3)
Y = np.linspace(-2, 1, 24).reshape(12, 2)


def network(seed=0, **options):
    net = fg.Network(SIZES, "tanh", dtype="float64", seed=seed, **options)
    for layer in net.layers:
        layer.b += 0.3
    return net


def directions(net, seed, count):
    """Random rows, each as long as that of W, drawn layer by layer."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        drawn = [rng.normal(size=layer.W.shape) for layer in net.layers]
        yield [
            np.array([
                d * np.sqrt((w**2).sum() / (d**2).sum())
                for d, w in zip(rows, layer.W, strict=True)
            ])
            for rows, layer in zip(drawn, net.layers, strict=True)
        ]  # fmt: skip


def moved(net, *steps):
    """The oracle of a network whose weights are moved by steps (x, D)."""
    oracle = Oracle.of(net)
    for x, D in steps:
        oracle.W = [W + x * d for W, d in zip(oracle.W, D, strict=True)]
    return oracle


def test_two_directions():
    net = network()
    ax = plot.loss_landscape(net, X, Y, resolution=5, span=0.5, seed=3, title="a map")
    drawn, one, other = ax.images[0].get_array(), *directions(net, 3, 2)
    ticks = np.linspace(-0.5, 0.5, 5)
    for row, column in np.ndindex(5, 5):
        oracle = moved(net, (ticks[column], one), (ticks[row], other))
        assert drawn[row, column] == pytest.approx(oracle.cost(X, Y), rel=1e-9)
    assert list(ax.images[0].get_extent()) == [-0.5, 0.5, -0.5, 0.5]
    assert ax.get_title("left") == "a map"
    assert list(texts(ax).values()) == [f"cost {Oracle.of(net).cost(X, Y):.4g} at the star"]
    assert ax.figure.axes[1].get_ylabel() == "cost"


def test_one_direction():
    net = network()
    ax = plot.loss_landscape(net, X, Y, 1, 7, seed=1)
    x, C = ax.get_lines()[0].get_data()
    (D,) = directions(net, 1, 1)
    np.testing.assert_array_equal(x, np.linspace(-1, 1, 7))
    np.testing.assert_allclose(C, [moved(net, (at, D)).cost(X, Y) for at in x], rtol=1e-9)
    assert ax.get_title("left") == f"cost {net.cost(X, Y):.4g} at x = 0"


def test_the_line_to_another_network_moves_biases_too(rng):
    net, other = network(), network(seed=1)
    for layer in other.layers:
        layer.b[:] = rng.normal(size=layer.b.shape)
    w = rng.uniform(size=12)
    ax = plot.loss_landscape(net, X, Y, other, 9, span=2, sample_weight=w)
    x, C = ax.get_lines()[0].get_data()
    np.testing.assert_array_equal(x, np.linspace(-1, 2, 9))
    ends = Oracle.of(net), Oracle.of(other)
    for at, cost in zip(x, C, strict=True):
        between = copy.deepcopy(ends[0])
        for ours, theirs in zip(between.parameters, ends[1].parameters, strict=True):
            ours[:] = (1 - at) * ours + at * theirs
        assert cost == pytest.approx(between.cost(X, Y, w), rel=1e-9)
    costs = [f"{end.cost(X, Y, w):.4g}" for end in ends]
    assert ax.get_title("left") == f"cost {costs[0]} at x = 0, {costs[1]} at x = 1"
    assert [data[0] for data in list(lines(ax).values())[1:]] == [[0, 0], [1, 1]]


def test_the_penalty_is_part_of_the_cost():
    net, with_l2 = network(), network(l2=0.1)
    plain, penalized = (plot.loss_landscape(n, X, Y, 1, 3) for n in (net, with_l2))
    (D,) = directions(net, 0, 1)
    expected = [
        0.05 * sum((W**2).sum() for W in moved(net, (x, D)).W) for x in np.linspace(-1, 1, 3)
    ]
    found = penalized.get_lines()[0].get_ydata() - plain.get_lines()[0].get_ydata()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


class _Interrupted(BaseException):
    pass


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("along", [1, 2, network(seed=1)])
def test_the_networks_are_unchanged(along, interrupted, monkeypatch):
    net = network()
    nets = [net, along] if isinstance(along, fg.Network) else [net]
    before = [(n.parameters.tobytes(), n.rng.bit_generator.state) for n in nets]
    if interrupted:
        original, calls = type(net.engine).cost, []

        def cost(self, batch):
            calls.append(1)
            if len(calls) == 3:
                raise _Interrupted
            return original(self, batch)

        monkeypatch.setattr(type(net.engine), "cost", cost)
        with pytest.raises(_Interrupted):
            plot.loss_landscape(net, X, Y, along, 3)
    else:
        plot.loss_landscape(net, X, Y, along, 3)
    assert [(n.parameters.tobytes(), n.rng.bit_generator.state) for n in nets] == before


def test_weights_of_0_stay_0():
    net = network(init="zeros")
    C = plot.loss_landscape(net, X, Y, 1, 3).get_lines()[0].get_ydata()
    assert C[0] == C[1] == C[2] > 0
    assert (plot.loss_landscape(net, X, Y, 2, 3).images[0].get_array() == C[0]).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_costs_that_are_not_finite_are_left_out():
    net = fg.Network([3, 2], cost="poisson", seed=0)
    ax = plot.loss_landscape(net, X, Y - Y.min(), 2, 5, span=1e4)
    C = ax.images[0].get_array()
    assert C.mask.any()
    assert np.isfinite(C.compressed()).all()
    net.layers[0].W[:] = 1e30
    for along in (1, 2):
        plot.loss_landscape(net, X, Y - Y.min(), along, 3).figure.draw_without_rendering()


@pytest.mark.parametrize(("span", "scale"), [(0.01, "linear"), (30, "log")])
def test_log_scale_where_it_helps(span, scale):
    assert plot.loss_landscape(network(), X, Y, 1, 5, span=span).get_yscale() == scale


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"along": 3}, ["along", "3", "1 or 2 directions, or a network"]),
        ({"along": True}, ["along", "True", "1 or 2"]),
        ({"along": "net"}, ["along", "'net'", "1 or 2"]),
        ({"along": fg.Network([3, 4, 2], "tanh")}, ["along", "(3, 4, 2)", "(3, 5, 2)"]),
        ({"along": fg.Network(SIZES, "relu")}, ["along", "'relu'", "'tanh'"]),
        ({"along": fg.Network(SIZES, "tanh", cost="mae")}, ["along", "'mae'", "'squared_error'"]),
        ({"along": fg.Network(SIZES, "tanh", l2=5)}, ["along", "5.0", "(0.0, 0.0, False)"]),
        ({"resolution": 1}, ["resolution", "1", "at least 2"]),
        ({"span": 0}, ["span", "0", "above 0"]),
        ({"seed": -1}, ["seed", "-1", "at least 0"]),
        ({"title": 3}, ["title", "3", "a string"]),
        ({"ax": 3}, ["ax", "3", "matplotlib's Axes"]),
        ({"sample_weight": [1.0]}, ["sample_weight", "1", "12"]),
    ],
)
def test_bad_arguments(options, parts):
    assert_names(lambda: plot.loss_landscape(network(), X, Y, **options), parts)


def test_other_samples_and_networks_are_refused():
    assert_names(lambda: plot.loss_landscape(network(), X[:, :2], Y), ["X", "(12, 2)", "3"])
    assert_names(lambda: plot.loss_landscape("net", X, Y), ["net", "str", "fg.Network"])
    net, other = network(standardize=True), network(standardize=True)
    net.fit(X, Y, epochs=1)
    other.fit(2 * X, Y, epochs=1)
    assert_names(lambda: plot.loss_landscape(net, X, Y, other), ["along", "input.", "that of net"])
