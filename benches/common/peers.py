"""The same training by fastgrad and by each of its peers, a class each: an epoch is `run(1)`.

All start from random weights, shuffle before each epoch, take the mean over a mini-batch and
compute in float32. Each is written as its own documentation recommends for speed on a CPU.
"""

import timeit
import warnings
from functools import partial

import numpy as np

from benches.common.cases import Case

RATE = 1e-3


class Fastgrad:
    """The package itself."""

    def __init__(self, case: Case, threads: int | None) -> None:
        import fastgrad as fg

        cost = "softmax_cross_entropy" if case.classes else "mse"
        self.net = fg.Network(case.sizes, activations=case.activation, cost=cost, seed=0)
        self.options = {
            "batch_size": case.batch_size,
            "optimizer": fg.Adam(RATE),
            "threads": threads,
            "verbose": 0,
        }
        self.data = case.data()

    def run(self, epochs: int) -> None:
        self.net.fit(*self.data, epochs=epochs, **self.options)


class TorchEager:
    """PyTorch, operation by operation."""

    compiled = fused = False

    def __init__(self, case: Case, threads: int) -> None:
        import torch
        from torch import nn

        self.torch = torch
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)  # as fastgrad and JAX do
        torch.manual_seed(0)
        activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[case.activation]
        layers = []
        for n, m in zip(case.sizes[:-1], case.sizes[1:], strict=True):
            layers += [nn.Linear(n, m), activation()]
        self.model = nn.Sequential(*layers[:-1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE, fused=self.fused)
        self.cost = nn.CrossEntropyLoss() if case.classes else nn.MSELoss()
        self.data = [torch.from_numpy(array) for array in case.data()]
        self.batch_size = case.batch_size
        # one graph of forward and cost; its backward pass is compiled with it
        self.cost_of = torch.compile(self._cost_of) if self.compiled else self._cost_of

    def _cost_of(self, x, y):
        return self.cost(self.model(x), y)

    def run(self, epochs: int) -> None:
        X, Y = self.data
        for _ in range(epochs):
            for batch in self.torch.randperm(len(X)).split(self.batch_size):
                self.optimizer.zero_grad()
                self.cost_of(X[batch], Y[batch]).backward()
                self.optimizer.step()


class TorchFused(TorchEager):
    """PyTorch, operation by operation, with Adam as one operation."""

    fused = True


class TorchCompiled(TorchFused):
    """PyTorch with the model and its gradient compiled."""

    compiled = True


def jax_step(case: Case):
    """A step of training, with the state of a network and a mini-batch; and the state from a key.

    The state is parameters and the optimizer's; the step returns it with the cost, for `lax.scan`.
    """
    import jax
    import jax.numpy as jnp
    import optax

    f = {"tanh": jnp.tanh, "relu": jax.nn.relu}[case.activation]
    optimizer = optax.adam(RATE)

    def start(key):
        parameters = []
        for n, m in zip(case.sizes[:-1], case.sizes[1:], strict=True):
            key, own = jax.random.split(key)
            parameters.append((jax.random.normal(own, (n, m)) * (2 / n) ** 0.5, jnp.zeros(m)))
        return parameters, optimizer.init(parameters)

    def cost(parameters, x, y):
        for W, b in parameters[:-1]:
            x = f(x @ W + b)
        W, b = parameters[-1]
        x = x @ W + b
        if case.classes:
            return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()
        return jnp.square(x - y).mean()

    def step(state, batch):
        parameters, of_optimizer = state
        C, dC = jax.value_and_grad(cost)(parameters, *batch)
        change, of_optimizer = optimizer.update(dC, of_optimizer)
        return (optax.apply_updates(parameters, change), of_optimizer), C

    return step, start


class JaxScan:
    """JAX with the whole epoch as one jitted `lax.scan`, in the form that is fastest for the case.

    Each step gathers its samples, or all are gathered ahead, with one or four steps per iteration.
    """

    FORMS = (False, 1), (True, 1), (True, 4)  # gathered ahead, steps per iteration

    def __init__(self, case: Case, threads: int) -> None:
        import jax
        import jax.numpy as jnp

        step, start = jax_step(case)

        def epoch(ahead, unroll, state, permutation, X, Y):
            def gathered_step(state, batch):
                return step(state, batch if ahead else (X[batch], Y[batch]))

            batches = (X[permutation], Y[permutation]) if ahead else permutation
            return jax.lax.scan(gathered_step, state, batches, unroll=unroll)

        self.jax, self.rng, self.batch_size = jax, np.random.default_rng(0), case.batch_size
        self.state = start(jax.random.key(0))
        self.data = [jnp.asarray(array) for array in case.data()]
        seconds = {}
        for form in self.FORMS:
            self.epoch = jax.jit(partial(epoch, *form), donate_argnums=0)
            self.run(1)  # compiles
            seconds[self.epoch] = min(timeit.repeat(partial(self.run, 1), number=1, repeat=9))
        self.epoch = min(seconds, key=seconds.get)

    def run(self, epochs: int) -> None:
        for _ in range(epochs):
            # JAX's own permutation sorts, and would take much of the epoch of a small network
            permutation = self.rng.permutation(len(self.data[0])).astype(np.int32)
            permutation = permutation.reshape(-1, self.batch_size)
            self.state, _ = self.epoch(self.state, permutation, *self.data)
        self.jax.block_until_ready(self.state)


class ScikitLearn:
    """scikit-learn's MLPRegressor or MLPClassifier."""

    def __init__(self, case: Case, threads: int) -> None:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        self.model = (MLPClassifier if case.classes else MLPRegressor)(
            hidden_layer_sizes=case.sizes[1:-1], activation=case.activation, alpha=0,
            batch_size=case.batch_size, learning_rate_init=RATE, random_state=0, warm_start=True,
            n_iter_no_change=10**9,
        )  # fmt: skip
        X, Y = case.data()
        self.data = X, Y if case.classes or Y.shape[1] > 1 else Y[:, 0]

    def run(self, epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that training has not converged
            self.model.set_params(max_iter=epochs).fit(*self.data)


PEERS = {
    "fastgrad": Fastgrad,
    "JAX scan": JaxScan,
    "PyTorch eager": TorchEager,
    "PyTorch fused": TorchFused,
    "PyTorch compiled": TorchCompiled,
    "scikit-learn": ScikitLearn,
}
