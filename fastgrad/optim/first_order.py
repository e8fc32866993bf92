"""First-order optimizers: names, arguments and defaults as in PyTorch, rules in update_rules.py.

In the formulas w are the parameters, g = dC/dw + weight_decay w, t counts the steps from 1, and
all other variables start at 0.
"""

from .. import validation
from ..kernels.update_rules import RULES
from .base import Optimizer, checked_numbers

__all__ = ["SGD", "Adadelta", "Adagrad", "Lion", "RMSprop", "Rprop"]


class SGD(Optimizer):
    """Gradient descent on mini-batches: w := w - lr g.

    With momentum (B. T. Polyak, 1964), v := momentum v + (1 - dampening) g, but v := g at the
    first step, and w := w - lr v. With Nesterov momentum (1983), w := w - lr (g + momentum v).

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate, at least 0.
    momentum : float, default 0.0
        From 0 to below 1.
    nesterov : bool, default False
        Nesterov momentum; needs a momentum above 0 and no dampening.
    dampening : float, default 0.0
        Fraction of the gradient left out of the velocity; needs a momentum above 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("sgd", "momentum", "nesterov")

    def __init__(
        self,
        lr: float = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        numbers = checked_numbers(weight_decay=weight_decay, momentum=momentum, dampening=dampening)
        nesterov = validation.flag("nesterov", nesterov)
        if dampening and not momentum:
            raise ValueError(
                f"dampening: got {dampening} with momentum 0; expected a momentum above 0"
            )
        if nesterov and not momentum:
            raise ValueError("nesterov: got True with momentum 0; expected a momentum above 0")
        if nesterov and dampening:
            raise ValueError(f"nesterov: got True with dampening {dampening}; expected dampening 0")
        rule = RULES["nesterov" if nesterov else "momentum" if momentum else "sgd"]
        super().__init__(lr, rule, **numbers)


class Adagrad(Optimizer):
    """Adagrad (J. Duchi, E. Hazan, Y. Singer, JMLR 12, 2011): steps shrink as squares of g add up.

    v := v + g^2 and w := w - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps).

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate, at least 0.
    lr_decay : float, default 0.0
        Decay of the learning rate, at least 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.
    initial_accumulator_value : float, default 0.0
        The initial v, at least 0.
    eps : float, default 1e-10
        Added to the root, above 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("adagrad",)

    def __init__(
        self,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            lr,
            RULES["adagrad"],
            **checked_numbers(
                lr_decay=lr_decay,
                weight_decay=weight_decay,
                initial_accumulator_value=initial_accumulator_value,
                eps=eps,
            ),
        )


class Adadelta(Optimizer):
    """Adadelta (M. D. Zeiler, arXiv:1212.5701): steps in the units of the parameters.

    v := rho v + (1 - rho) g^2, step = sqrt(u + eps) / sqrt(v + eps) g, w := w - lr step and
    u := rho u + (1 - rho) step^2.

    Parameters
    ----------
    lr : float, default 1.0
        Learning rate, at least 0.
    rho : float, default 0.9
        Decay of the two means, from 0 to below 1.
    eps : float, default 1e-6
        Added under the roots, above 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("adadelta",)

    def __init__(
        self, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        numbers = checked_numbers(rho=rho, eps=eps, weight_decay=weight_decay)
        super().__init__(lr, RULES["adadelta"], **numbers)


class RMSprop(Optimizer):
    """RMSprop (T. Tieleman, G. Hinton, lecture 6.5 of Neural Networks for Machine Learning, 2012).

    v := alpha v + (1 - alpha) g^2 and w := w - lr g / (sqrt(v) + eps). Centered (A. Graves,
    arXiv:1308.0850), the root is that of v - (mean of g)^2, the mean with the same alpha. With
    momentum, u := momentum u + g / (sqrt(v) + eps) and w := w - lr u.

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate, at least 0.
    alpha : float, default 0.99
        Decay of the means, from 0 to below 1.
    eps : float, default 1e-8
        Added to the root, above 0.
    weight_decay : float, default 0.0
        Factor of w, added to the gradient; at least 0.
    momentum : float, default 0.0
        From 0 to below 1.
    centered : bool, default False
        Divide by the standard deviation of g.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = (
        "rmsprop", "rmsprop_momentum", "rmsprop_centered", "rmsprop_centered_momentum",
    )  # fmt: skip

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        numbers = checked_numbers(
            alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum
        )
        centered = validation.flag("centered", centered)
        name = "rmsprop" + "_centered" * centered + "_momentum" * bool(momentum)
        super().__init__(lr, RULES[name], **numbers)


class Lion(Optimizer):
    """Lion (X. Chen et al., arXiv:2302.06675): every step has the size lr.

    w := w - lr sign(beta1 m + (1 - beta1) g), then m := beta2 m + (1 - beta2) g.

    Parameters
    ----------
    lr : float, default 0.0001
        Learning rate, at least 0; 3 to 10 times smaller than for `AdamW`.
    betas : (float, float), default (0.9, 0.99)
        Weight of m in the step, and its decay, each from 0 to below 1.
    weight_decay : float, default 0.0
        Decoupled as in `AdamW`, at least 0; 3 to 10 times larger than for `AdamW`.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    _rules = ("lion",)

    def __init__(
        self, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
    ) -> None:
        beta1, beta2 = validation.betas(betas)
        numbers = {"beta1": beta1, "beta2": beta2, **checked_numbers(weight_decay=weight_decay)}
        super().__init__(lr, RULES["lion"], **numbers)


class Rprop(Optimizer):
    """Rprop (M. Riedmiller, H. Braun, 1993) in the form iRprop- (C. Igel, M. Hüsken, 2000).

    Each parameter has its own step, lr at first. Where g keeps its sign the step grows by etas[1];
    where the sign changes it shrinks by etas[0] and g counts as 0; w := w - sign(g) step. For whole
    data sets: the sign of g must not depend on the choice of the samples.

    Parameters
    ----------
    lr : float, default 0.01
        First step, a number of at least 0. Unused afterwards: assigned later, it applies to
        networks and layers that have made no step yet.
    etas : (float, float), default (0.5, 1.2)
        Factors by which steps shrink, above 0 and below 1, and grow, above 1.
    step_sizes : (float, float), default (1e-6, 50.0)
        Smallest step, at least 0, and largest step, at least the smallest.

    Raises
    ------
    ValueError, TypeError
        A number out of its range, or a schedule as lr; in a fit, a layer's `lr_scale` other than 1.
    """

    follows_lr = False
    _rules = ("rprop",)

    def __init__(
        self,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
    ) -> None:
        shrink, grow = validation.pair("etas", etas, "(shrink, grow)")
        least, most = validation.pair("step_sizes", step_sizes, "(least, most)")
        super().__init__(
            lr,
            RULES["rprop"],
            shrink=validation.number("etas[0]", shrink, above=0, below=1),
            grow=validation.number("etas[1]", grow, above=1),
            least=validation.number("step_sizes[0]", least, least=0),
            most=validation.number("step_sizes[1]", most, least=least),
        )
