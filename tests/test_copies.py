"""Networks and their optimizers, copied and pickled: training continues as in the original."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from helpers.run_mode import PLAIN
from helpers.small_fits import StopsAfter

import fastgrad as fg
from fastgrad.optim import schedules

SIZES, S, BATCH = [5, 8, 3], 40, 8

WAYS = {"copy": copy.deepcopy, "pickle": lambda things: pickle.loads(pickle.dumps(things))}

OPTIMIZERS = {
    "SGD": lambda: fg.SGD(0.1),
    "momentum": lambda: fg.SGD(0.1, momentum=0.9),
    "Adam": lambda: fg.Adam(0.01).clip(norm=0.5),
    "NAdam": lambda: fg.NAdam(0.01),
    "AdamW over the fit": lambda: fg.AdamW(schedules.Cosine(0.01)),
    "LBFGS": fg.LBFGS,
}


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(S, SIZES[0])), rng.normal(size=(S, SIZES[-1]))


def network(**options):
    return fg.Network(SIZES, "tanh", cost="mse", seed=0, **options)


def train(net, optimizer, epochs, callbacks=(), average=None):
    net.fit(
        *data(), epochs=epochs, batch_size=BATCH, optimizer=optimizer, callbacks=callbacks,
        average=average,
    )  # fmt: skip
    return net.parameters.copy()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPTIMIZERS if not PLAIN else ["Adam", "LBFGS"])
def test_a_copy_resumes_with_the_same_bits(name, way):
    if name == "LBFGS":
        pytest.importorskip("scipy", reason="SciPy is not installed")
    noise = {} if name == "LBFGS" else {"dropout": 0.2, "input_noise": 0.1}
    straight = train(network(**noise), OPTIMIZERS[name](), 6)
    net, optimizer = network(**noise), OPTIMIZERS[name]()
    train(net, optimizer, 6, [StopsAfter(2)])
    twins = WAYS[way]((optimizer, net))[::-1]
    assert np.array_equal(train(*twins, 4), straight)
    assert np.array_equal(train(net, optimizer, 4), straight)  # the copy has not touched it


@pytest.mark.parametrize("way", WAYS)
def test_layers_with_a_state_of_their_own(way):
    net, optimizer = network(), fg.Adam(0.01)
    net.layers[0].trainable = False
    train(net, optimizer, 1)
    twins = WAYS[way]((net, optimizer))
    for its, by in ((net, optimizer), twins):
        its.layers[0].trainable = True
        train(its, by, 2)
    assert np.array_equal(net.parameters, twins[0].parameters)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("average", [fg.EMA, fg.SWA])
def test_averages_are_copied_too(average, way):
    whole = network(), fg.Adam(0.01), average()
    train(*whole[:2], 4, average=whole[2])
    begun = network(), fg.Adam(0.01), average()
    train(*begun[:2], 2, average=begun[2])
    net, optimizer, follows = WAYS[way](begun)
    train(net, optimizer, 2, average=follows)
    assert np.array_equal(net.parameters, whole[0].parameters)
    assert np.array_equal(follows.network.parameters, whole[2].network.parameters)


@pytest.mark.parametrize("way", [*WAYS.values(), copy.copy])
def test_an_optimizer_alone_keeps_its_settings(way):
    net, optimizer = network(), fg.AdamW(0.01, weight_decay=0.1).clip(norm=0.5)
    train(net, optimizer, 1)
    alone = way(optimizer)
    assert alone.settings == optimizer.settings
    fresh = fg.AdamW(0.01, weight_decay=0.1).clip(norm=0.5)
    assert np.array_equal(train(network(), alone, 1), train(network(), fresh, 1))
    alone.lr = 1.0
    assert optimizer.lr == 0.01


def test_a_network_alone_starts_with_any_optimizer_afresh():
    net, optimizer = network(), fg.SGD(0.1, momentum=0.9)
    train(net, optimizer, 1)
    for twin in (copy.copy(net), copy.deepcopy(net)):
        same = copy.deepcopy(net)
        assert np.array_equal(train(twin, optimizer, 1), train(same, fg.SGD(0.1, momentum=0.9), 1))


def test_a_pickled_optimizer_can_be_checkpointed(tmp_path):
    net, optimizer = WAYS["pickle"]((network(), fg.Adam(0.01)))
    train(net, optimizer, 1)
    fg.save_checkpoint(tmp_path / "c", net, optimizer)
    back = fg.resume(tmp_path / "c")
    assert np.array_equal(train(back.net, back.optimizer, 1), train(net, optimizer, 1))


@pytest.mark.parametrize("make", [fg.Adam, fg.LBFGS])
def test_neither_keeps_the_other_alive(make):
    if make is fg.LBFGS:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    net, optimizer = copy.deepcopy((network(), make()))
    train(net, optimizer, 1)
    other = make()
    train(net, other, 1)
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
    assert len(pickle.dumps(optimizer)) < 2000  # and of its state nothing is left
