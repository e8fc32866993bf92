"""A network draws its weights and makes its engine when they are first used: nobody can tell."""

import copy
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import network_base

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")


def network(seed=0, **options):
    return fg.Network([3, 8, 2], "tanh", seed=seed, **options)


def weights_by_hand(seed):
    """Glorot's uniform weights, drawn layer by layer."""
    rng = np.random.default_rng(seed)
    limits = [(6 / 11) ** 0.5, (6 / 10) ** 0.5]
    shapes = [(8, 3), (2, 8)]
    return [
        rng.uniform(-limit, limit, size=shape)
        for limit, shape in zip(limits, shapes, strict=True)
    ], rng.bit_generator.state  # fmt: skip


FIRST_USES = {
    "layers": lambda net: net.layers,
    "rng": lambda net: net.rng,
    "parameters": lambda net: net.parameters,
    "predict": lambda net: net.predict(X),
    "engine": lambda net: net.engine,
    "settings": lambda net: net.inputs.names,
    "fit_many": lambda net: fg.fit_many([net], X, X[:, :2], epochs=0),
}


@pytest.mark.parametrize("use", FIRST_USES)
def test_the_weights_do_not_depend_on_what_is_used_first(use):
    net = network(5)
    FIRST_USES[use](net)
    weights, state = weights_by_hand(5)
    for layer, W in zip(net.layers, weights, strict=True):
        np.testing.assert_array_equal(layer.W, W.astype("float32"))
        assert not layer.b.any()
    assert net.rng.bit_generator.state == state
    assert np.shares_memory(net.parameters, net.layers[0].W)


def test_without_a_seed_networks_differ():
    assert not np.array_equal(network(None).parameters, network(None).parameters)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_an_unused_network_has_its_weights(way):
    net = network(1)
    twin = way(net)
    assert np.array_equal(net.parameters, twin.parameters)
    for one in (net, twin):
        one.fit(X, X[:, :2], epochs=1)
    assert np.array_equal(net.parameters, twin.parameters)


def test_threads_make_one_engine():
    for _ in range(20):
        net, found = network(), []
        barrier = threading.Barrier(4)

        def use(net=net, found=found, barrier=barrier):
            barrier.wait()
            found.append((net.engine, net.rng))

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({(id(engine), id(rng)) for engine, rng in found}) == 1


@pytest.mark.parametrize("name", ["new_parameters", "Engine", "Targets"])
def test_an_interrupt_meanwhile_changes_nothing(name, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    net = network(3)
    monkeypatch.setattr(network_base, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.predict(X)
    monkeypatch.undo()
    assert np.array_equal(net.parameters, network(3).parameters)
    assert np.array_equal(net.predict(X), network(3).predict(X))


def test_wrong_arguments_are_refused_at_once():
    for _ in range(2):  # also where the same have been seen before
        with pytest.raises(ValueError, match="l2: got -1"):
            network(l2=-1)
        with pytest.raises(ValueError, match="seed: got -1"):
            network(-1)
        with pytest.raises(ValueError, match="standardize_targets: got True"):
            network(standardize_targets=True, cost="softmax_cross_entropy")
    assert network(l2=1).layers[0].l2 == 1
    with pytest.raises(TypeError, match="standardize: got 'yes'; expected True or False"):
        network(standardize="yes")
    assert network(standardize=True).inputs.standardize


def test_a_users_weights_are_drawn_at_once():
    calls = []

    def own(shape, rng):
        calls.append(shape)
        return np.ones(shape)

    network(init=own)
    assert calls == [(8, 3), (2, 8)]
    with pytest.raises(ValueError, match="init: got "):
        network(init=lambda shape, rng: np.full(shape, np.nan))


def test_settings_and_metadata_of_an_unused_network():
    net = network(l2=0.1, dropout=0.2)
    net.metadata["about"] = "this"
    assert net.spec.metadata == {"about": "this"}
    assert [layer["l2"] for layer in net.spec.layers] == [0.1, 0.1]
    assert [layer.dropout for layer in net.layers] == [0.2, 0.0]
    assert network().metadata == {}
    with pytest.raises(AttributeError):
        net.sizes = [1, 2]


def test_a_changed_spec_changes_no_other_network():
    spec = network(l2=0.1).spec
    spec.layers[0]["l2"] = spec.inputs["noise"] = spec.targets["standardize"] = 0.5
    spec.metadata["owner"] = "me"
    other = network(l2=0.1)
    assert (other.spec.layers[0]["l2"], other.spec.inputs["noise"]) == (0.1, 0)
    assert (other.layers[0].l2, other.inputs.noise, other.metadata) == (0.1, 0, {})
    assert not other.targets.standardize


def test_initial_weights_may_be_drawn_with_the_help_of_another_thread():
    def own(shape, rng):
        made = []
        other = threading.Thread(target=lambda: made.append(network().layers[0].W), daemon=True)
        other.start()
        other.join(10)
        assert made
        return np.ones(shape)

    network(init=own)


def test_a_waiting_network_takes_less_than_a_kilobyte():
    network()  # what all have in common
    tracemalloc.start()
    try:
        waiting = [network(seed) for seed in range(1000)]
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / len(waiting) < 1000
