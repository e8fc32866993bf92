"""The same training of many small networks by fastgrad and by its peers, a class each.

An epoch of all networks is `run(1)`. All start from random weights, shuffle the samples, take the
mean over a mini-batch, use Adam and compute in float32.
"""

import timeit
from typing import NamedTuple

import numpy as np

from benches.common.cases import Case
from benches.common.peers import RATE, TorchFused, jax_step


class Fleet(NamedTuple):
    """Networks of a case, trained by all of its samples each."""

    case: Case
    networks: int

    @property
    def steps(self) -> int:
        """Steps of all networks in an epoch."""
        return self.networks * (self.case.samples // self.case.batch_size)


FLEETS = {
    "tiny": Fleet(Case([2, 16, 16, 1], "tanh", 32, 3200), 10_000),
    "sci": Fleet(Case([4, 32, 32, 32, 1], "tanh", 256, 25_600), 400),
    "rl": Fleet(Case([17, 64, 64, 6], "tanh", 64, 6400), 400),
}


class Fastgrad:
    """`fit_many`."""

    share = 1.0  # of the networks, that are trained in a turn

    def __init__(self, fleet: Fleet, threads: int) -> None:
        import fastgrad as fg

        sizes, activation, batch_size = fleet.case[:3]
        self.networks = [
            fg.Network(sizes, activation, cost="mse", seed=k) for k in range(fleet.networks)
        ]
        self.options = {
            "batch_size": batch_size, "optimizer": fg.Adam(RATE), "threads": threads,
        }  # fmt: skip
        self.data, self.fit_many = fleet.case.data(), fg.fit_many

    def run(self, epochs: int) -> None:
        self.fit_many(self.networks, *self.data, epochs=epochs, **self.options)


class JaxVmap:
    """JAX: `vmap` of K networks at a time within a jitted `lax.scan`, at the K that is fastest.

    The K networks take the same samples in each step, in an order of each K's own: less work than
    an order for each.
    """

    SIZES = 1, 10, 40, 100, 400, 1000, 2000, 10_000  # K; all numbers of networks are multiples
    share = 1.0

    def __init__(self, fleet: Fleet, threads: int) -> None:
        import jax
        import jax.numpy as jnp

        self.jax, self.rng, self.fleet = jax, np.random.default_rng(0), fleet
        self.data = [jnp.asarray(array) for array in fleet.case.data()]
        step, self.start = jax_step(fleet.case)

        def epoch(states, permutation, X, Y):
            def step_of_all(states, batch):
                return jax.vmap(step, in_axes=(0, None))(states, (X[batch], Y[batch]))

            return jax.lax.scan(step_of_all, states, permutation)

        self.epoch = jax.jit(epoch, donate_argnums=0)
        seconds = {}
        for k in (k for k in self.SIZES if k <= fleet.networks):
            self.begin(k, 1)
            self.run(1)  # compiles
            seconds[k] = min(timeit.repeat(lambda: self.run(1), number=1, repeat=3)) / k
        self.begin(k := min(seconds, key=seconds.get), fleet.networks // k)

    def begin(self, k: int, times: int) -> None:
        """Make new networks: so many times K."""
        keys = [self.jax.random.split(self.jax.random.key(j), k) for j in range(times)]
        self.states = [self.jax.vmap(self.start)(of_each) for of_each in keys]

    def run(self, epochs: int) -> None:
        case = self.fleet.case
        for _ in range(epochs):
            for j, states in enumerate(self.states):
                permutation = self.rng.permutation(case.samples).astype(np.int32)
                permutation = permutation.reshape(-1, case.batch_size)
                self.states[j], _ = self.epoch(states, permutation, *self.data)
        self.jax.block_until_ready(self.states)


class TorchLoop:
    """PyTorch: one network after another, with Adam as one operation."""

    share = 0.0025

    def __init__(self, fleet: Fleet, threads: int) -> None:
        networks = max(round(self.share * fleet.networks), 1)
        self.models = [TorchFused(fleet.case, threads) for _ in range(networks)]

    def run(self, epochs: int) -> None:
        for model in self.models:
            model.run(epochs)


PEERS = {"fastgrad": Fastgrad, "JAX vmap": JaxVmap, "PyTorch loop": TorchLoop}
