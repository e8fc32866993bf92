"""Permutations, and the keys of random numbers."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.codegen.jit import array_kernel, kernel
from fastgrad.engine.descriptor import (
    DESCRIPTOR,
    LAYER,
    context,
    gathered_samples,
    gathered_weights,
)
from fastgrad.engine.engine import Engine
from fastgrad.engine.minibatch import draw_permutation, rng_key
from fastgrad.engine.workspace import address_of
from fastgrad.kernels.counter_rng import bits, normal


@kernel
def key_of(descriptor, layers, step, l):
    return rng_key(context(0, descriptor, layers, 1, np.float32), step, l)


@array_kernel
def samples_of(t, descriptor):
    return gathered_samples(context(t, descriptor, 0, 1, np.float32))


@array_kernel
def weights_of(t, descriptor):
    return gathered_weights(context(t, descriptor, 0, 1, np.float32))


def test_each_thread_has_samples_and_weights_of_its_own():
    samples, weights = np.full((4, 16), -1), np.full((4, 16), -1, np.float32)
    descriptor = np.zeros(1, DESCRIPTOR)
    descriptor["samples"], descriptor["w"] = address_of(samples), address_of(weights)
    descriptor["microbatch"] = 16
    for t in range(4):
        samples_of(t, address_of(descriptor.view(np.int64)))[:] = t
        weights_of(t, address_of(descriptor.view(np.int64)))[:] = t
    assert (samples == np.arange(4)[:, None]).all()
    assert (weights == np.arange(4)[:, None]).all()


def test_each_layer_at_each_step_of_each_epoch_has_a_key_of_its_own():
    descriptor, layers = np.zeros(1, DESCRIPTOR), np.zeros(1, LAYER)
    addresses = address_of(descriptor.view(np.int64)), address_of(layers.view(np.int64))
    keys = set()
    for noise_key in np.random.default_rng(0).integers(1, 2**62, size=3):  # as an epoch draws it
        descriptor["noise_key"] = noise_key
        keys |= {key_of(*addresses, step, l) for step in range(50) for l in range(5)}
    assert len(keys) == 3 * 50 * 5


def test_the_noise_of_a_sample_alone_counts_its_inputs_from_0(monkeypatch):
    monkeypatch.setattr(Engine, "draw_noise_key", lambda self, rng: 12345)
    net = fg.Network([5, 1], cost="squared_error", input_noise=0.5, dtype="float64")
    net.parameters[:] = 0
    net.step(np.zeros((1, 5)), np.ones((1, 1)), fg.SGD(1.0))  # the step is the input
    key = bits(bits(0, 12345), 0)
    expected = [0.5 * normal(np.float64(1), j, key) for j in range(5)]
    np.testing.assert_allclose(net.layers[0].W[0], expected, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 1000])
def test_a_permutation_has_each_sample_once(n):
    drawn = np.zeros((50, n), np.uint32)
    for key, permutation in enumerate(drawn):
        draw_permutation(permutation, key + 1)
    assert (np.sort(drawn, axis=1) == np.arange(n)).all()
    assert n == 1 or len({permutation.tobytes() for permutation in drawn}) > 1
    assert np.abs(drawn.mean(axis=0) - (n - 1) / 2).max() < 0.3 * n
