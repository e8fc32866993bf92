"""The update rules as NumPy, in the conventions of torch.optim: they share no code with fastgrad.

Each is written as in its paper: one parameter array p with its gradient g at a time, every moment
corrected where the paper corrects it, nothing put together to save work.
"""

from collections import defaultdict

import numpy as np


class Optimizer:
    """Steps over a list of parameters. `state[k]` holds what is kept of the k-th, 0 at first."""

    def __init__(self, lr, weight_decay=0.0, decoupled=False):
        self.lr, self.weight_decay, self.decoupled = lr, weight_decay, decoupled
        self.t = 0
        self.state = defaultdict(lambda: defaultdict(float))

    def step(self, parameters, gradients):
        self.t += 1
        for k, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            if self.decoupled:
                p *= 1 - self.lr * self.weight_decay
            else:
                g = g + self.weight_decay * p
            p -= self.change(g, self.state[k])


class SGD(Optimizer):
    def __init__(self, lr=1e-3, momentum=0.0, nesterov=False, dampening=0.0, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        self.momentum, self.nesterov, self.dampening = momentum, nesterov, dampening

    def change(self, g, state):
        if not self.momentum:
            return self.lr * g
        if self.t == 1:
            state["v"] = g
        else:
            state["v"] = self.momentum * state["v"] + (1 - self.dampening) * g
        return self.lr * (g + self.momentum * state["v"] if self.nesterov else state["v"])


class Adagrad(Optimizer):
    def __init__(
        self, lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10
    ):
        super().__init__(lr, weight_decay)
        self.lr_decay, self.initial, self.eps = lr_decay, initial_accumulator_value, eps

    def change(self, g, state):
        state["sum"] += g**2
        rate = self.lr / (1 + (self.t - 1) * self.lr_decay)
        return rate * g / (np.sqrt(self.initial + state["sum"]) + self.eps)


class Adadelta(Optimizer):
    def __init__(self, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        self.rho, self.eps = rho, eps

    def change(self, g, state):
        def rms(name):
            return np.sqrt(state[name] + self.eps)

        state["g2"] = self.rho * state["g2"] + (1 - self.rho) * g**2
        step = rms("step2") / rms("g2") * g
        state["step2"] = self.rho * state["step2"] + (1 - self.rho) * step**2
        return self.lr * step


class RMSprop(Optimizer):
    def __init__(
        self, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False
    ):
        super().__init__(lr, weight_decay)
        self.alpha, self.eps, self.momentum, self.centered = alpha, eps, momentum, centered

    def change(self, g, state):
        state["g2"] = self.alpha * state["g2"] + (1 - self.alpha) * g**2
        state["g"] = self.alpha * state["g"] + (1 - self.alpha) * g
        variance = state["g2"] - state["g"] ** 2 if self.centered else state["g2"]
        state["v"] = self.momentum * state["v"] + g / (np.sqrt(variance) + self.eps)
        return self.lr * state["v"]


class Adam(Optimizer):
    def __init__(
        self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False,
        decoupled_weight_decay=False,
    ):  # fmt: skip
        super().__init__(lr, weight_decay, decoupled_weight_decay)
        self.betas, self.eps, self.amsgrad = betas, eps, amsgrad

    def moments(self, g, state):
        """The means of g and g^2; neither is corrected."""
        beta1, beta2 = self.betas
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g**2
        return state["m"], state["v"]

    def change(self, g, state):
        m, v = self.moments(g, state)
        if self.amsgrad:
            v = state["largest"] = np.maximum(state["largest"], v)
        m_hat = m / (1 - self.betas[0] ** self.t)
        v_hat = v / (1 - self.betas[1] ** self.t)
        return self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class AdamW(Adam):
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False):
        super().__init__(lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True)


class NAdam(Adam):
    def __init__(self, lr=2e-3, momentum_decay=4e-3, **options):
        super().__init__(lr, **options)
        self.momentum_decay = momentum_decay

    def change(self, g, state):
        m, v = self.moments(g, state)
        steps = np.arange(1, self.t + 2)
        mu = self.betas[0] * (1 - 0.5 * 0.96 ** (steps * self.momentum_decay))
        m_hat = mu[-1] * m / (1 - mu.prod()) + (1 - mu[-2]) * g / (1 - mu[:-1].prod())
        v_hat = v / (1 - self.betas[1] ** self.t)
        return self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class RAdam(Adam):
    def change(self, g, state):
        m, v = self.moments(g, state)
        m_hat = m / (1 - self.betas[0] ** self.t)
        beta2_t = self.betas[1] ** self.t
        rho_inf = 2 / (1 - self.betas[1]) - 1
        rho_t = rho_inf - 2 * self.t * beta2_t / (1 - beta2_t)
        if rho_t <= 5:
            return self.lr * m_hat
        r_t = np.sqrt(
            ((rho_t - 4) * (rho_t - 2) * rho_inf) / ((rho_inf - 4) * (rho_inf - 2) * rho_t)
        )
        return self.lr * r_t * m_hat * np.sqrt(1 - beta2_t) / (np.sqrt(v) + self.eps)


class Lion(Optimizer):
    """Not in torch.optim: algorithm 2 of arXiv:2302.06675."""

    def __init__(self, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(lr, weight_decay, decoupled=True)
        self.betas = betas

    def change(self, g, state):
        beta1, beta2 = self.betas
        c = beta1 * state["m"] + (1 - beta1) * g
        state["m"] = beta2 * state["m"] + (1 - beta2) * g
        return self.lr * np.sign(c)


class Rprop(Optimizer):
    def __init__(self, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50.0)):
        super().__init__(lr)
        self.etas, self.step_sizes = etas, step_sizes

    def change(self, g, state):
        if self.t == 1:
            state["size"] = np.full_like(g, self.lr)
        same, turned = g * state["g"] > 0, g * state["g"] < 0
        state["size"][same] *= self.etas[1]
        state["size"][turned] *= self.etas[0]
        state["size"] = np.clip(state["size"], *self.step_sizes)
        state["g"] = np.where(turned, 0.0, g)
        return np.sign(state["g"]) * state["size"]
