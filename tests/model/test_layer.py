"""Settings per layer: frozen layers, learning rates, others."""

import copy

import numpy as np
import pytest
from helpers.code_paths import CODE_PATHS, FAST_CODE_PATHS, change_by, data, network
from helpers.comparison import assert_close, assert_same_parameters
from helpers.error_messages import assert_names
from helpers.torch_twin import TorchTwin, random_batches

import fastgrad as fg


@pytest.mark.parametrize("path", FAST_CODE_PATHS)
@pytest.mark.parametrize("frozen", [[0], [1], [0, 1]])
def test_frozen_layers_stay_and_the_others_learn_as_before(frozen, path):
    sizes, S = CODE_PATHS[path]
    X, Y = data(sizes, S)
    net, free = network(sizes), network(sizes)
    for l in frozen:
        net.layers[l].trainable = False
    for each in (net, free):
        each.step(X, Y, fg.Adam(0.01))
    start = network(sizes)
    for l, layer in enumerate(net.layers):
        expected = start if l in frozen else free
        assert np.array_equal(layer.W, expected.layers[l].W)
        assert np.array_equal(layer.b, expected.layers[l].b)


def test_a_frozen_layer_can_be_unfrozen():
    sizes = [5, 8, 3]
    X, Y = data(sizes, 20)
    net = network(sizes)
    net.layers[0].trainable = False
    optimizer = fg.SGD(0.1)
    net.fit(X, Y, epochs=1, optimizer=optimizer)
    before = net.layers[0].W.copy()
    net.layers[0].trainable = True
    net.fit(X, Y, epochs=1, optimizer=optimizer)
    assert not np.array_equal(net.layers[0].W, before)


@pytest.mark.parametrize("frozen", [0, 1])
def test_a_frozen_layer_does_not_count_in_the_norm(frozen):
    sizes, other = [5, 8, 3], 1 - frozen
    X, Y = data(sizes, 20)
    net = network(sizes)
    net.step(X, Y, fg.SGD(0.1).clip(norm=1.0))  # leaves the gradient of both layers in memory
    net.layers[frozen].trainable = False
    g = net.gradients(X, Y)
    norm = np.sqrt((g.dC_dW[other] ** 2).sum() + (g.dC_db[other] ** 2).sum())
    change = change_by(net, X, Y, fg.SGD(1.0).clip(norm=norm / 2))
    assert_close(change[2 * other], g.dC_dW[other] / 2, 1e-5)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("name", ["SGD", "Adam", "NAdam", "RMSprop"])
def test_rates_by_layer_equal_an_optimizer_for_each(name, batch_size):
    """A layer at half the rate is what a whole network at half the rate makes of it at first."""
    sizes = [5, 8, 3]
    X, Y = data(sizes, batch_size)
    net, half, whole = network(sizes), network(sizes), network(sizes)
    net.layers[0].lr_scale = 0.5
    net.step(X, Y, getattr(fg, name)(0.01))
    half.step(X, Y, getattr(fg, name)(0.005))
    whole.step(X, Y, getattr(fg, name)(0.01))
    assert_close(net.layers[0].W, half.layers[0].W, 1e-12)
    assert_close(net.layers[1].W, whole.layers[1].W, 1e-12)


@pytest.mark.torch
def test_rates_by_layer_equal_pytorch_groups(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = network([5, 17, 3])
    twin = TorchTwin(torch, net)
    net.layers[0].lr_scale = 0.1
    groups = [{"params": twin.parameters[:2], "lr": 0.001}, {"params": twin.parameters[2:]}]
    ours, theirs = fg.Adam(0.01), torch.optim.Adam(groups, lr=0.01)
    for x, y in random_batches(rng, 50, 5, 3):
        net.step(x, y, ours)
        twin.differentiate(x, y)
        theirs.step()
    assert_same_parameters(net, twin, 1e-9)


def test_an_unfrozen_layer_starts_as_a_new_one():
    """Its steps count from then on: Rprop's first step is lr, Adam corrects its means anew."""
    sizes = [5, 8, 3]
    X, Y = data(sizes, 20)
    for make in (lambda: fg.Rprop(0.01), lambda: fg.Adam(0.01), lambda: fg.NAdam(0.01)):
        net, optimizer = network(sizes), make()
        net.layers[0].trainable = False
        for _ in range(5):
            net.step(X, Y, optimizer)
        fresh = copy.deepcopy(net)
        net.layers[0].trainable = fresh.layers[0].trainable = True
        net.step(X, Y, optimizer)
        fresh.step(X, Y, make())
        assert_close(net.layers[0].W, fresh.layers[0].W, 1e-12)
        assert not np.array_equal(net.layers[1].W, fresh.layers[1].W)


def test_a_learning_rate_per_layer_keeps_the_optimizer_state():
    sizes = [5, 8, 3]
    X, Y = data(sizes, 20)
    nets = [network(sizes) for _ in range(2)]
    for net, scale in zip(nets, (1.0, 1.0 + 1e-9), strict=True):
        optimizer = fg.NAdam(0.01)
        for step in range(6):
            if step == 3:
                net.layers[1].lr_scale = scale
            net.step(X, Y, optimizer)
    assert_close(nets[0].layers[0].W, nets[1].layers[0].W, 1e-8)


@pytest.mark.parametrize("value", ["no", None, 2])
def test_a_flag_is_true_or_false(value):
    net = network([5, 8, 3])
    with pytest.raises(TypeError, match=r"trainable: got .*expected True or False"):
        net.layers[0].trainable = value
    net.layers[0].trainable = np.bool_(False)
    assert copy.deepcopy(net).layers[0].trainable is False


@pytest.mark.parametrize("value", [0.5, "much"])
def test_outputs_are_not_dropped(value):
    net = network([5, 8, 3], dropout=0.2)
    with pytest.raises(
        ValueError, match=r"^dropout: got .* at the output; expected it at a hidden"
    ):
        net.layers[-1].dropout = value
    net.layers[-1].dropout = 0
    assert [layer.dropout for layer in copy.deepcopy(net).layers] == [0.2, 0]


def test_layers_and_inputs_show_what_is_not_as_usual():
    net = fg.Network([2, 3, 1], l2=[0.1, 0], standardize=True, input_noise=0.5)
    net.layers[0].trainable = False
    assert repr(net.layers) == "(<Layer 2-3: l2=0.1, trainable=False>, <Layer 3-1>)"
    assert repr(net.inputs) == "<Inputs 2: standardize=True, noise=0.5>"


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("W", np.ones((2, 2)), ["W", "(2, 2)", "(8, 3)"]),
        ("W", "x", ["W", "str", "(8, 3)"]),
        ("W", None, ["W", "NoneType", "(8, 3)"]),
        ("b", [1.0, 2.0], ["b", "list", "(8,)"]),
        ("trainable", np.array([1, 2]), ["trainable", "True or False"]),
        ("lr_scale", np.ones(3), ["lr_scale", "a finite number"]),
    ],
)
def test_bad_assignments_to_a_layer(name, value, parts):
    layer = fg.Network([3, 8, 1]).layers[0]
    before = layer.W.copy(), layer.b.copy()
    assert_names(lambda: setattr(layer, name, value), parts)
    assert all(map(np.array_equal, (layer.W, layer.b), before))
