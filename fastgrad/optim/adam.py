"""Adam and its variants, in the notation of first_order.py.

Where weight decay is decoupled, g is dC/dw alone and w := (1 - lr weight_decay) w comes first.
"""

from typing import Any

from .. import validation
from ..kernels.update_rules import RULES
from .base import Optimizer, checked_numbers

__all__ = ["Adam", "AdamW", "NAdam", "RAdam"]


def _numbers(betas: Any, eps: Any, weight_decay: Any, decoupled: Any = False) -> dict[str, float]:
    """The numbers of all rules here, in their order."""
    beta1, beta2 = validation.betas(betas)
    others = checked_numbers(eps=eps, weight_decay=weight_decay, decoupled_weight_decay=decoupled)
    return {"beta1": beta1, "beta2": beta2, **others}


class Adam(Optimizer):
    """Adam (D. P. Kingma, J. Ba, arXiv:1412.6980).

    m := beta1 m + (1 - beta1) g and v := beta2 v + (1 - beta2) g^2, both corrected for their
    initial 0 by 1 / (1 - beta^t), and w := w - lr m / (sqrt(v) + eps).

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate, at least 0.
    betas : (float, float), default (0.9, 0.999)
        Decay of the two means, each from 0 to below 1.
    eps : float, default 1e-8
        Added to the root, above 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.
    amsgrad : bool, default False
        Divide by the root of the largest v so far (S. J. Reddi, S. Kale, S. Kumar,
        arXiv:1904.09237).

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("adam", "adam_eps_hat", "amsgrad")

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        rule = RULES["amsgrad" if validation.flag("amsgrad", amsgrad) else "adam"]
        super().__init__(lr, rule, **_numbers(betas, eps, weight_decay))


class AdamW(Optimizer):
    """Adam with decoupled weight decay (I. Loshchilov, F. Hutter, arXiv:1711.05101).

    w := (1 - lr weight_decay) w, then the step of `Adam`, whose m and v are without the decay.

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate, at least 0.
    betas : (float, float), default (0.9, 0.999)
        Decay of the two means, each from 0 to below 1.
    eps : float, default 1e-8
        Added to the root, above 0.
    weight_decay : float, default 0.01
        Decoupled, at least 0.
    amsgrad : bool, default False
        As in `Adam`.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("adam", "amsgrad")

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        rule = RULES["amsgrad" if validation.flag("amsgrad", amsgrad) else "adam"]
        super().__init__(lr, rule, **_numbers(betas, eps, weight_decay, decoupled=True))


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (T. Dozat, ICLR workshop, 2016).

    m and v as in `Adam`, but m is replaced, with mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),
    by (1 - mu_t) g / (1 - mu_1 ... mu_t) + mu_(t+1) m / (1 - mu_1 ... mu_(t+1)).

    Parameters
    ----------
    lr : float, default 0.002
        Learning rate, at least 0.
    betas : (float, float), default (0.9, 0.999)
        Decay of the two means, each from 0 to below 1.
    eps : float, default 1e-8
        Added to the root, above 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.
    momentum_decay : float, default 0.004
        Rate at which mu_t approaches beta1, at least 0.
    decoupled_weight_decay : bool, default False
        As in `AdamW`.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("nadam",)

    def __init__(
        self,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
    ) -> None:
        numbers = _numbers(betas, eps, weight_decay, decoupled_weight_decay)
        numbers |= checked_numbers(momentum_decay=momentum_decay)
        super().__init__(lr, RULES["nadam"], **numbers)


class RAdam(Optimizer):
    """Rectified Adam (L. Liu et al., arXiv:1908.03265): no division while v is a mean of few g.

    m and v as in `Adam`. With r = 2 / (1 - beta2) - 1 and r_t = r - 2 t beta2^t / (1 - beta2^t),
    w := w - lr m until r_t > 5, and then w := w - lr R m / (sqrt(v) + eps) with
    R^2 = (r_t - 4) (r_t - 2) r / ((r - 4) (r - 2) r_t).

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate, at least 0.
    betas : (float, float), default (0.9, 0.999)
        Decay of the two means, each from 0 to below 1.
    eps : float, default 1e-8
        Added to the root before it is corrected, above 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.
    decoupled_weight_decay : bool, default False
        As in `AdamW`.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("radam",)

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
    ) -> None:
        numbers = _numbers(betas, eps, weight_decay, decoupled_weight_decay)
        super().__init__(lr, RULES["radam"], **numbers)
