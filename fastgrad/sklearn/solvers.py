"""The solvers "sgd" and "adam": the learning rate is scikit-learn's, the steps are fastgrad's."""

import copy
from typing import Any

from sklearn.neural_network import _stochastic_optimizers as rates

from ..kernels.update_rules import RULES
from ..network import Network
from ..optim.base import Optimizer
from ..optim.lbfgs import LBFGS

__all__ = ["Solver"]


class Solver:
    """An optimizer whose learning rate follows scikit-learn's rules between epochs.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Its parameters decide the steps: `solver`, `learning_rate_init`, `momentum` and so on, or
        an `optimizer` of fastgrad's own.

    Attributes
    ----------
    optimizer : Optimizer
        Takes the steps.
    rate : sklearn.neural_network._stochastic_optimizers.BaseOptimizer
        Has the learning rate, and decides whether a fit without progress ends.
    """

    def __init__(self, estimator: Any) -> None:
        e, lr = estimator, estimator.learning_rate_init
        self._has_velocity = False
        if e.optimizer is not None:
            if isinstance(e.optimizer, LBFGS):
                raise ValueError("optimizer: got LBFGS; expected solver='lbfgs' instead")
            self.optimizer = copy.deepcopy(e.optimizer)
            self.rate = rates.BaseOptimizer(self.optimizer.lr)
        elif e.solver == "sgd":
            rule = RULES["nesterov" if e.nesterovs_momentum else "momentum"]
            # not fg.SGD, whose momentum is below 1
            self.optimizer = Optimizer(lr, rule, decay=0.0, momentum=e.momentum, dampening=0.0)
            self.rate = rates.SGDOptimizer([], lr, e.learning_rate, power_t=e.power_t)
            self._has_velocity = True
        else:
            rule = RULES["adam_eps_hat"]
            numbers = {"beta1": e.beta_1, "beta2": e.beta_2, "eps": e.epsilon}
            self.optimizer = Optimizer(lr, rule, **numbers, decay=0.0, decoupled=0.0)
            self.rate = rates.AdamOptimizer([], lr)

    @property
    def learning_rate(self) -> float:
        """The current learning rate."""
        return float(self.rate.learning_rate)

    def follow_rate(self, network: Network) -> None:
        """Let the next steps have the current learning rate.

        The velocity is kept in units of the gradient here, with the learning rate in units of the
        step in scikit-learn: where the rate changes, it is rescaled.

        Parameters
        ----------
        network : Network
            The network that is trained.
        """
        before = self.optimizer.lr
        if self._has_velocity and self.learning_rate != before:
            for velocity in network.engine.state(self.optimizer).slots:
                velocity *= before / self.learning_rate
            self.optimizer.lr = self.learning_rate
