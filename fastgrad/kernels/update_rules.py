"""Update rules: how a step follows from the gradient, as compiled loops.

A rule is two loops, `prepare` once a step and `update` over the parameters. In them g_k is the
gradient with the weight decay, v a sum or mean of its squares, m its mean. A parameter of 0 whose
gradient is 0 stays 0 under every rule: such fill the rows of the weight matrices.

A share of g_k^2 is (root g_k)^2, with the root of that share: in float32 g_k^2 alone is infinite
from 2e19 on.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types

from ..codegen.dtypes import numba_type
from ..codegen.jit import compile_loop, kernel
from ..codegen.signatures import Array, int64
from .elementary import real

__all__ = ["CONSTANTS", "HYPERPARAMETERS", "RULES", "RULE_MEMORY", "Rule", "addresses"]

#: Lengths of an optimizer's numbers h (float64), of what its rule remembers from step to step
#: (float64), and of the constants c of one step. Of type int64: see `signatures.int64`.
HYPERPARAMETERS, RULE_MEMORY, CONSTANTS = map(int64, (16, 8, 16))


class Rule(NamedTuple):
    """How a step follows from the gradient.

    Parameters
    ----------
    prepare : callable
        ``prepare(h, m, c, t)``: from the optimizer's numbers h (float64, 16), the learning rate
        first, and the count t of steps from 1, the numbers c of this step (16, of the network's
        dtype). What it writes to m (float64, 8) it finds there at the next step.
    update : callable
        ``update(w, g, x, y, z, c, n)``: one step of n parameters w with their gradient g.
    slots : int, default 0
        How many of x, y and z it uses, each as long as the parameters, and zeros at first.
    """

    prepare: Callable[..., None]
    update: Callable[..., None]
    slots: int = 0

    def __reduce__(self) -> Any:
        """A built-in rule by its name, for some of their loops no pickle can hold."""
        names = [name for name, rule in RULES.items() if rule is self]
        return (_built_in, (names[0],)) if names else (Rule, tuple(self))


def _built_in(name: str) -> Rule:
    return RULES[name]


@cache
def addresses(rule: Rule, dtype: Any) -> tuple[int, int]:
    """Addresses of the two compiled loops for networks of a dtype."""
    number = numba_type(dtype)
    prepare = [types.float64, types.float64, number, types.intp]
    return (
        compile_loop(rule.prepare, prepare, cached=True),
        compile_loop(rule.update, [number] * 6 + [types.intp], cached=True),
    )


# --- gradient descent ---------------------------------------------------------------------------


def _prepare_sgd(h: Array, m: Array, c: Array, t: int) -> None:
    lr, decay, momentum, dampening = h[0], h[1], h[2], h[3]
    c[0], c[1], c[2] = lr, decay, momentum
    c[3] = 1 - dampening if t > 1 else 1.0  # the first velocity is g, as in PyTorch


def _sgd(w: Array, g: Array, x: Array, y: Array, z: Array, c: Array, n: int) -> None:
    lr, decay = c[0], c[1]
    for k in range(n):  # eq. (24): w_k = w_k - lr g_k
        w[k] -= lr * (g[k] + decay * w[k])


def _momentum(w: Array, g: Array, v: Array, y: Array, z: Array, c: Array, n: int) -> None:
    """B. T. Polyak, 1964."""
    lr, decay, momentum, part = c[0], c[1], c[2], c[3]
    for k in range(n):  # eq. (25): v_k = mu v_k + (1 - tau) g_k, w_k = w_k - lr v_k
        v[k] = momentum * v[k] + part * (g[k] + decay * w[k])
        w[k] -= lr * v[k]


def _nesterov(w: Array, g: Array, v: Array, y: Array, z: Array, c: Array, n: int) -> None:
    """Y. Nesterov, 1983, in the form of I. Sutskever et al., 2013, equations 3 and 4."""
    lr, decay, momentum = c[0], c[1], c[2]
    for k in range(n):  # eq. (26): v_k = mu v_k + g_k, w_k = w_k - lr (g_k + mu v_k)
        g_k = g[k] + decay * w[k]
        v[k] = momentum * v[k] + g_k
        w[k] -= lr * (g_k + momentum * v[k])


# --- steps scaled by the gradients so far -------------------------------------------------------


def _prepare_adagrad(h: Array, m: Array, c: Array, t: int) -> None:
    lr, lr_decay, decay, initial, eps = h[0], h[1], h[2], h[3], h[4]
    c[0], c[1], c[2] = lr / (1 + (t - 1) * lr_decay), decay, eps
    c[3] = initial if t == 1 else 0.0  # what the sum holds before the first step


def _adagrad(w: Array, g: Array, v: Array, y: Array, z: Array, c: Array, n: int) -> None:
    """J. Duchi, E. Hazan, Y. Singer, 2011, figure 1 with the diagonal."""
    lr, decay, eps, initial = c[0], c[1], c[2], c[3]
    for k in range(n):  # eq. (27): v_k = v_k + g_k^2, w_k = w_k - lr g_k / (sqrt(v_k) + eps)
        g_k = g[k] + decay * w[k]
        v[k] += initial + g_k * g_k
        w[k] -= lr * g_k / (np.sqrt(v[k]) + eps)


def _prepare_adadelta(h: Array, m: Array, c: Array, t: int) -> None:
    lr, rho, eps, decay = h[0], h[1], h[2], h[3]
    c[0], c[1], c[2], c[3], c[4] = lr, rho, np.sqrt(1 - rho), eps, decay


def _adadelta(w: Array, g: Array, v: Array, u: Array, z: Array, c: Array, n: int) -> None:
    """M. D. Zeiler, arXiv:1212.5701, algorithm 1."""
    lr, rho, root, eps, decay = c[0], c[1], c[2], c[3], c[4]
    for k in range(n):  # eq. (28): w_k = w_k - lr sqrt(u_k + eps) / sqrt(v_k + eps) g_k
        g_k = g[k] + decay * w[k]
        v[k] = rho * v[k] + (root * g_k) * (root * g_k)
        # two roots: their quotient is within the range of float32 where that of the squares is not
        step = np.sqrt(u[k] + eps) / np.sqrt(v[k] + eps) * g_k
        u[k] = rho * u[k] + (root * step) * (root * step)
        w[k] -= lr * step


def _prepare_rmsprop(h: Array, m: Array, c: Array, t: int) -> None:
    lr, alpha, eps, decay, momentum = h[0], h[1], h[2], h[3], h[4]
    c[0], c[1], c[2], c[3], c[4], c[5] = lr, alpha, 1 - alpha, eps, decay, momentum
    c[6] = np.sqrt(1 - alpha)


def _rmsprop(momentum: bool, centered: bool) -> Rule:
    """T. Tieleman, G. Hinton, 2012; centered: A. Graves, arXiv:1308.0850, equations 38 to 41."""

    def update(w: Array, g: Array, v: Array, y: Array, z: Array, c: Array, n: int) -> None:
        lr, alpha, rest, eps, decay, mu, root = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
        mean, velocity = y, (z if centered else y)
        for k in range(n):  # eq. (29): w_k = w_k - lr g_k / (sqrt(v_k) + eps)
            g_k = g[k] + decay * w[k]
            v[k] = alpha * v[k] + (root * g_k) * (root * g_k)
            v_k = v[k]
            if centered:  # eq. (30): v_k - m_k^2 for v_k
                mean[k] = alpha * mean[k] + rest * g_k
                v_k = max(v_k - mean[k] * mean[k], real(v_k, 0))  # rounding may leave less than 0
            step = g_k / (np.sqrt(v_k) + eps)
            if momentum:
                velocity[k] = mu * velocity[k] + step
                step = velocity[k]
            w[k] -= lr * step

    return Rule(_prepare_rmsprop, update, slots=1 + momentum + centered)


# --- Adam and its variants ----------------------------------------------------------------------


@kernel
def _prepare_means(h: Array, c: Array, t: int) -> None:
    """What they share: the decay of both means, the root's correction and the weights' decay."""
    lr, beta1, beta2, eps, decay, decoupled = h[0], h[1], h[2], h[3], h[4], h[5]
    c[1], c[2], c[3], c[4] = beta1, 1 - beta1, beta2, np.sqrt(1 - beta2)
    # eq. (33): mhat_k = m_k / (1 - beta1^t), vhat_k = v_k / (1 - beta2^t)
    c[5], c[6] = 1 / np.sqrt(1 - beta2**t), eps
    # eq. (36): w_k = (1 - lr lambda) w_k
    c[7], c[8] = decay * (1 - decoupled), 1 - lr * decay * decoupled


def _prepare_adam(h: Array, m: Array, c: Array, t: int) -> None:
    _prepare_means(h, c, t)
    c[0] = h[0] / (1 - h[1] ** t)  # the correction of m in (33)


def _prepare_adam_eps_hat(h: Array, m: Array, c: Array, t: int) -> None:
    """The faster order of computation of the paper's section 2: eps joins the uncorrected root."""
    _prepare_means(h, c, t)
    c[0], c[5] = h[0] * np.sqrt(1 - h[2] ** t) / (1 - h[1] ** t), 1.0


def _prepare_nadam(h: Array, m: Array, c: Array, t: int) -> None:
    """T. Dozat, 2016, algorithm 2; mu grows as in PyTorch and Keras."""
    lr, beta1, momentum_decay = h[0], h[1], h[6]
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    product = mu if t == 1 else m[0] * mu
    m[0] = product
    _prepare_means(h, c, t)
    # eq. (37): mhat_k = (1 - mu_t) / (1 - Pi_t) g_k + mu_(t+1) / (1 - Pi_(t+1)) m_k
    c[0] = lr * mu_next / (1 - product * mu_next)
    c[9] = lr * (1 - mu) / (1 - product)


def _prepare_radam(h: Array, m: Array, c: Array, t: int) -> None:
    """L. Liu et al., arXiv:1908.03265, algorithm 2; eps joins the root before its correction."""
    rate, beta2 = h[0] / (1 - h[1] ** t), h[2]
    rho_most = 2 / (1 - beta2) - 1
    rho = rho_most - 2 * t * beta2**t / (1 - beta2**t)
    _prepare_means(h, c, t)
    if rho > 5:  # eq. (38): w_k = w_k - lr R_t mhat_k / sqrt(vhat_k)
        rectified = (rho - 4) * (rho - 2) * rho_most / ((rho_most - 4) * (rho_most - 2) * rho)
        c[0] = rate * np.sqrt(rectified * (1 - beta2**t))
        c[5] = 1.0
    else:  # the step is m alone
        c[0], c[5], c[6] = rate, 0.0, 1.0


def _adam(prepare: Callable[..., None], amsgrad: bool = False, nesterov: bool = False) -> Rule:
    """D. P. Kingma, J. Ba, arXiv:1412.6980, algorithm 1.

    With the largest v so far: S. J. Reddi, S. Kale, S. Kumar, arXiv:1904.09237, algorithm 2.
    Decoupled decay, in `keep`: I. Loshchilov, F. Hutter, arXiv:1711.05101, algorithm 2.
    """

    def update(w: Array, g: Array, m: Array, v: Array, largest: Array, c: Array, n: int) -> None:
        rate, beta1, rest1, beta2, root2 = c[0], c[1], c[2], c[3], c[4]
        correction, eps, decay, keep, ahead = c[5], c[6], c[7], c[8], c[9]
        for k in range(n):
            g_k = g[k] + decay * w[k]
            m[k] = beta1 * m[k] + rest1 * g_k  # eq. (31): m_k = beta1 m_k + (1 - beta1) g_k
            # eq. (32): v_k = beta2 v_k + (1 - beta2) g_k^2
            v[k] = beta2 * v[k] + (root2 * g_k) * (root2 * g_k)
            v_k, step = v[k], rate * m[k]
            if amsgrad:  # eq. (35): v_k = the largest v_k so far
                largest[k] = max(largest[k], v_k)
                v_k = largest[k]
            if nesterov:
                step += ahead * g_k
            # eq. (34): w_k = w_k - lr mhat_k / (sqrt(vhat_k) + eps)
            w[k] = keep * w[k] - step / (np.sqrt(v_k) * correction + eps)

    return Rule(prepare, update, slots=2 + amsgrad)


# --- steps by the sign of the gradient ----------------------------------------------------------


def _prepare_lion(h: Array, m: Array, c: Array, t: int) -> None:
    lr, beta1, beta2, decay = h[0], h[1], h[2], h[3]
    c[0], c[1], c[2], c[3], c[4], c[5] = lr, beta1, 1 - beta1, beta2, 1 - beta2, 1 - lr * decay


def _lion(w: Array, g: Array, m: Array, y: Array, z: Array, c: Array, n: int) -> None:
    """X. Chen et al., arXiv:2302.06675, algorithm 2."""
    lr, beta1, rest1, beta2, rest2, keep = c[0], c[1], c[2], c[3], c[4], c[5]
    for k in range(n):  # eq. (39): w_k = w_k - lr sign(beta1 m_k + (1 - beta1) g_k)
        u = beta1 * m[k] + rest1 * g[k]
        m[k] = beta2 * m[k] + rest2 * g[k]
        w[k] = keep * w[k] - lr * np.sign(u)


def _prepare_rprop(h: Array, m: Array, c: Array, t: int) -> None:
    lr, shrink, grow, least, most = h[0], h[1], h[2], h[3], h[4]
    c[0] = lr if t == 1 else 0.0  # the size of the first step
    c[1], c[2], c[3], c[4] = shrink, grow, least, most


def _rprop(w: Array, g: Array, last: Array, size: Array, z: Array, c: Array, n: int) -> None:
    """M. Riedmiller, H. Braun, 1993, in the form iRprop- of C. Igel, M. Hüsken, 2000."""
    initial, shrink, grow, least, most = c[0], c[1], c[2], c[3], c[4]
    zero, one = real(initial, 0), real(initial, 1)
    for k in range(n):  # eq. (40): w_k = w_k - size_k sign(g_k)
        both = g[k] * last[k]
        factor = grow if both > 0 else (shrink if both < 0 else one)
        size[k] = min(max((size[k] + initial) * factor, least), most)
        last[k] = zero if both < 0 else g[k]
        w[k] -= np.sign(last[k]) * size[k]


#: The rules by name; optim/first_order.py and optim/adam.py say which optimizer takes which.
RULES = {
    "sgd": Rule(_prepare_sgd, _sgd),
    "momentum": Rule(_prepare_sgd, _momentum, slots=1),
    "nesterov": Rule(_prepare_sgd, _nesterov, slots=1),
    "adagrad": Rule(_prepare_adagrad, _adagrad, slots=1),
    "adadelta": Rule(_prepare_adadelta, _adadelta, slots=2),
    "rmsprop": _rmsprop(momentum=False, centered=False),
    "rmsprop_momentum": _rmsprop(momentum=True, centered=False),
    "rmsprop_centered": _rmsprop(momentum=False, centered=True),
    "rmsprop_centered_momentum": _rmsprop(momentum=True, centered=True),
    "adam": _adam(_prepare_adam),
    "adam_eps_hat": _adam(_prepare_adam_eps_hat),  # as scikit-learn and Keras compute it
    "amsgrad": _adam(_prepare_adam, amsgrad=True),
    "nadam": _adam(_prepare_nadam, nesterov=True),
    "radam": _adam(_prepare_radam),
    "lion": Rule(_prepare_lion, _lion, slots=1),
    "rprop": Rule(_prepare_rprop, _rprop, slots=2),
}
