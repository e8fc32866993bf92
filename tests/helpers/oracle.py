"""The derivation as plain matrices: an oracle that shares no code with fastgrad.

Samples are rows. A layer computes U = A W^T + b and A = f(U); everything is float64, written with
NumPy and SciPy as briefly as the mathematics allows, so that one can see that it is right.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def d_mish(u):
    t = np.tanh(np.logaddexp(0, u))
    return t + u * (1 - t**2) * special.expit(u)


def gelu_tanh(u):
    return u / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3)))


def d_gelu_tanh(u):
    t = np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3))
    dt = (1 - t**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * u**2)
    return (1 + t) / 2 + u / 2 * dt


def d_sigmoid(u):
    return special.expit(u) * special.expit(-u)


def leaky_relu(slope):
    return (lambda u: np.where(u > 0, u, slope * u), lambda u: np.where(u > 0, 1.0, slope))


def elu(alpha, scale=1.0):
    return (
        lambda u: scale * np.where(u > 0, u, alpha * np.expm1(np.minimum(u, 0))),
        lambda u: scale * np.where(u > 0, 1.0, alpha * np.exp(np.minimum(u, 0))),
    )


#: name -> (f, f')
ACTIVATIONS = {
    "identity": (lambda u: u, np.ones_like),
    "relu": leaky_relu(0.0),
    "leaky_relu": leaky_relu(0.01),
    "elu": elu(1.0),
    "selu": elu(SELU_ALPHA, SELU_SCALE),
    "gelu": (
        lambda u: u * special.ndtr(u),
        lambda u: special.ndtr(u) + u * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "gelu_tanh": (gelu_tanh, d_gelu_tanh),
    "silu": (
        lambda u: u * special.expit(u),
        lambda u: special.expit(u) + u * d_sigmoid(u),
    ),
    "mish": (lambda u: u * np.tanh(np.logaddexp(0, u)), d_mish),
    "softplus": (lambda u: np.logaddexp(0, u), special.expit),
    "softsign": (lambda u: u / (1 + np.abs(u)), lambda u: 1 / (1 + np.abs(u)) ** 2),
    "sigmoid": (special.expit, d_sigmoid),
    "hard_sigmoid": (
        lambda u: np.clip(u + 3, 0, 6) / 6,
        lambda u: np.where(np.abs(u) < 3, 1 / 6, 0.0),
    ),
    "tanh": (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
    "hard_tanh": (lambda u: np.clip(u, -1, 1), lambda u: np.where(np.abs(u) < 1, 1.0, 0.0)),
    "sin": (np.sin, np.cos),
}

#: name -> the values of u where f or f' jumps, or bends so sharply that differences mislead
KINKS = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "elu": (0.0,),
    "selu": (0.0,),
    "softsign": (0.0,),
    "hard_sigmoid": (-3.0, 3.0),
    "hard_tanh": (-1.0, 1.0),
}


def summed(C, dC_da):
    """The cost of a sample is the sum over its outputs: (a, y) -> C_s and dC_s/da."""
    return lambda a, y: (C(a, y).sum(axis=1), dC_da(a, y))


def averaged(C, dC_da):
    """The cost of a sample is the mean over its outputs: (a, y) -> C_s and dC_s/da."""
    return lambda a, y: (C(a, y).mean(axis=1), dC_da(a, y) / a.shape[1])


def softmax_cross_entropy(label_smoothing=0.0):
    def cost(a, y):
        y = (1 - label_smoothing) * y + label_smoothing / a.shape[1]
        return -(y * special.log_softmax(a, axis=1)).sum(axis=1), special.softmax(a, axis=1) - y

    return cost


def sigmoid_cross_entropy(label_smoothing=0.0):
    def smooth(y):
        return (1 - label_smoothing) * y + label_smoothing / 2

    return summed(
        lambda a, y: np.logaddexp(0, a) - smooth(y) * a, lambda a, y: special.expit(a) - smooth(y)
    )


def huber(delta=1.0):
    return averaged(
        lambda a, y: np.where(
            np.abs(a - y) <= delta, (a - y) ** 2 / 2, delta * (np.abs(a - y) - delta / 2)
        ),
        lambda a, y: np.clip(a - y, -delta, delta),
    )


def quantile(q=0.5):
    return averaged(
        lambda a, y: np.maximum(q * (y - a), (q - 1) * (y - a)),
        lambda a, y: np.where(y > a, -q, 1 - q),
    )


def log_cosh(e):
    return np.logaddexp(e, -e) - np.log(2)


#: name -> function of (a, y) that gives C_s (S,) and dC_s/da (S, n_L)
COSTS = {
    "squared_error": summed(lambda a, y: (a - y) ** 2 / 2, lambda a, y: a - y),
    "mse": averaged(lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y)),
    "mae": averaged(lambda a, y: np.abs(a - y), lambda a, y: np.sign(a - y)),
    "huber": huber(),
    "log_cosh": averaged(lambda a, y: log_cosh(a - y), lambda a, y: np.tanh(a - y)),
    "quantile": quantile(),
    "poisson": averaged(lambda a, y: np.exp(a) - y * a, lambda a, y: np.exp(a) - y),
    "hinge": averaged(
        lambda a, y: np.maximum(0, 1 - y * a), lambda a, y: np.where(y * a < 1, -y, 0.0)
    ),
    "softmax_cross_entropy": softmax_cross_entropy(),
    "sigmoid_cross_entropy": sigmoid_cross_entropy(),
}

#: name -> function of (a, y) that is 0 where C or dC/da jumps
COST_KINKS = {
    "mae": lambda a, y: a - y,
    "quantile": lambda a, y: a - y,
    "huber": lambda a, y: np.abs(a - y) - 1,
    "hinge": lambda a, y: 1 - y * a,
}

#: name -> what predict() makes of the outputs
LINKS = {
    "poisson": np.exp,
    "softmax_cross_entropy": lambda a: special.softmax(a, axis=1),
    "sigmoid_cross_entropy": special.expit,
}


@dataclass
class Gradients:
    """C, and its gradient with respect to every weight, every bias and the inputs."""

    C: float
    dC_dW: list
    dC_db: list
    dC_da0: np.ndarray

    @property
    def parameters(self):
        return [*self.dC_dW, *self.dC_db]


class Oracle:
    """A network of given weights. `activations` and `cost` are names, or functions as above."""

    def __init__(self, weights, biases, activations, cost):
        self.W = [np.array(W, dtype=np.float64) for W in weights]
        self.b = [np.array(b, dtype=np.float64) for b in biases]
        self.names = activations
        self.cost_name = cost
        self.f = [ACTIVATIONS[f] if isinstance(f, str) else f for f in activations]
        self.C = COSTS[cost] if isinstance(cost, str) else cost

    @classmethod
    def of(cls, net, activations=None, cost=None):
        """Take over the present weights of a fastgrad.Network."""
        return cls(
            [layer.W for layer in net.layers],
            [layer.b for layer in net.layers],
            activations or net.activations,
            cost or net.cost_function.name,
        )

    @property
    def parameters(self):
        return [*self.W, *self.b]

    def layers(self, X):
        """Unactivated and activated values: u^1 .. u^L and a^0 .. a^L."""
        us, activated = [], [np.asarray(X, dtype=np.float64)]
        for W, b, (f, _) in zip(self.W, self.b, self.f, strict=True):
            us.append(activated[-1] @ W.T + b)
            activated.append(f(us[-1]))
        return us, activated

    def forward(self, X):
        return self.layers(X)[1][-1]

    def predict(self, X):
        return LINKS.get(self.cost_name, lambda a: a)(self.forward(X))

    def cost(self, X, Y, sample_weight=None):
        return self.gradients(X, Y, sample_weight).C

    def gradients(self, X, Y, sample_weight=None):
        S = len(X)
        w = np.ones(S) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        us, activated = self.layers(X)
        C, dC_da = self.C(activated[-1], np.asarray(Y, dtype=np.float64))
        dC_da = dC_da * w[:, None] / S
        dC_dW, dC_db = [], []
        for W, u, a, (_, df) in reversed(
            list(zip(self.W, us, activated[:-1], self.f, strict=True))
        ):
            dC_du = dC_da * df(u)
            dC_db.insert(0, dC_du.sum(axis=0))
            dC_dW.insert(0, dC_du.T @ a)
            dC_da = dC_du @ W
        return Gradients(float((w * C).mean()), dC_dW, dC_db, dC_da)

    def smooth(self, X, Y, margin):
        """Say of each sample whether every u and every output is that far from all kinks."""
        us, activated = self.layers(X)
        far = np.ones(len(X), dtype=bool)
        for name, u in zip(self.names, us, strict=True):
            for kink in KINKS.get(name, ()):
                far &= (np.abs(u - kink) > margin).all(axis=1)
        if self.cost_name in COST_KINKS:
            far &= (np.abs(COST_KINKS[self.cost_name](activated[-1], Y)) > margin).all(axis=1)
        return far

    def step(self, X, Y, optimizer, sample_weight=None):
        """Update once; return C before the update."""
        gradients = self.gradients(X, Y, sample_weight)
        optimizer.step(self.parameters, gradients.parameters)
        return gradients.C

    def fit(self, X, Y, epochs, batch_size, optimizer, sample_weight=None):
        """Train in the given order of the samples; return each epoch's mean C."""
        history = []
        for _ in range(epochs):
            total = 0.0
            for start in range(0, len(X), batch_size):
                batch = slice(start, start + batch_size)
                w = None if sample_weight is None else sample_weight[batch]
                total += self.step(X[batch], Y[batch], optimizer, w) * len(X[batch])
            history.append(total / len(X))
        return history


def one_hot(ids, n):
    return np.eye(n)[np.asarray(ids)]


def random_targets(rng, cost, S, n):
    """Targets (S, n) in the domain of that cost."""
    match cost:
        case "softmax_cross_entropy":
            y = rng.uniform(size=(S, n))
            return y / y.sum(axis=1, keepdims=True)
        case "sigmoid_cross_entropy":
            return rng.integers(0, 2, size=(S, n)).astype(float)
        case "hinge":
            return rng.choice([-1.0, 1.0], size=(S, n))
        case "poisson":
            return rng.poisson(2.0, size=(S, n)).astype(float)
    return rng.normal(size=(S, n))
