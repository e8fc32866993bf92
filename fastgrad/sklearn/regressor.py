"""The regressor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import xlogy
from sklearn import neural_network
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions

from ..engine.batch import Batch
from ..kernels.costs import COSTS, Cost
from ..metrics import r2
from ..model.output_heads import output_heads
from ..optim.base import Optimizer
from ..train.base import Callback
from .base import NetworkEstimator

__all__ = ["MLPRegressor"]

Array = np.ndarray[Any, Any]


class MLPRegressor(NetworkEstimator, neural_network.MLPRegressor):  # type: ignore[misc]
    """scikit-learn's `MLPRegressor`, trained by fastgrad.

    Parameters
    ----------
    loss : str or Cost, default "squared_error"
        "squared_error", half the square of the error; "poisson", half the Poisson deviance, for
        y of at least 0 and with the exponential at the output; or any cost of fastgrad, such as
        "mae" or ``fg.costs.quantile(0.9)``.
    hidden_layer_sizes : int or sequence of int, default (100,)
        Nodes of each hidden layer.
    activation : str, Activation or a list of them, default "relu"
        Of the hidden layers: "identity", "logistic", "tanh", "relu", or any of fastgrad; a list
        has one per hidden layer.
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
        How the weights are trained; "lbfgs" is SciPy's, with all samples, in float64.
    alpha : float, default 0.0001
        The loss contains alpha / 2 sum W^2, divided by the samples of the mini-batch.
    batch_size : int or "auto", default "auto"
        Samples per step; "auto": 200, or all if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Of "sgd": constant; divided by t^power_t, t the samples so far; or divided by 5 each time
        there is no progress.
    learning_rate_init : float, default 0.001
        The first learning rate, of "sgd" and "adam".
    power_t : float, default 0.5
        Exponent of "invscaling".
    max_iter : int, default 200
        Most epochs, or iterations of "lbfgs".
    shuffle : bool, default True
        Whether the samples are shuffled in each epoch.
    random_state : int, RandomState or None, default None
        Of initial weights, shuffles, the validation samples and dropout: from the same one,
        scikit-learn's class starts from the same weights and takes the same mini-batches.
    tol : float, default 0.0001
        Progress of the loss, or of the validation score, that counts.
    verbose : bool or int, default False
        Whether each epoch prints a line.
    warm_start : bool, default False
        Whether `fit` continues from the weights of the last one.
    momentum : float, default 0.9
        Of "sgd", from 0 to 1.
    nesterovs_momentum : bool, default True
        Whether it is Nesterov's.
    early_stopping : bool, default False
        Whether the score of validation samples decides when to stop; the best weights are kept.
    validation_fraction : float, default 0.1
        Share of the samples that `early_stopping` sets aside, unless `fit` is given some.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay of the two means of "adam".
    epsilon : float, default 1e-8
        Added to the root in "adam".
    n_iter_no_change : int or inf, default 10
        Epochs without progress that are allowed.
    max_fun : int, default 15000
        Most evaluations of the loss in "lbfgs".
    dropout : float or list of float, default 0
        Not in scikit-learn, as all that follow. Probability with which an activation of a hidden
        layer is set to 0 in training.
    optimizer : Optimizer, optional
        One of fastgrad, with its schedule, such as ``fg.AdamW(fg.schedules.Cosine(1e-3))``; it
        takes the place of `solver` "adam" or "sgd" and of their parameters.
    callbacks : sequence of Callback, default ()
        Called between epochs and batches.
    threads : int, optional
        Number of threads; None: chosen by measurement, but one within a worker of joblib.
    encode : "auto" or transformer, optional
        "auto": X is a table with text, dates or missing values, of which a
        `fastgrad.data.TableEncoder` makes numbers. Or any object with `fit(X)` and `transform(X)`.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights (n_in, n_out) of each layer: writable views of the network's.
    intercepts_ : list of ndarray
        Biases (n_out,) likewise.
    network_ : Network
        The network of fastgrad.
    history_ : History
        Of the last fit with "adam" or "sgd".
    loss_, best_loss_, loss_curve_, best_validation_score_, validation_scores_, n_iter_, t_
        As in scikit-learn.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from fastgrad.sklearn import MLPRegressor
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(200, 5, random_state=0)
    >>> regressor = MLPRegressor(solver="lbfgs", max_iter=1000, tol=0.1, random_state=0)
    >>> bool(regressor.fit(X, y).score(X, y) > 0.99)
    True
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's own name
        **neural_network.MLPRegressor._parameter_constraints,
        **NetworkEstimator._added_constraints,
        "loss": [StrOptions({*COSTS}), Cost],
    }

    def __init__(
        self,
        loss: str | Cost = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        optimizer: Optimizer | None = None,
        callbacks: tuple[Callback, ...] | list[Callback] = (),
        threads: int | None = None,
        encode: Any = None,
    ) -> None:
        super().__init__(
            loss=loss,
            hidden_layer_sizes=hidden_layer_sizes, activation=activation, solver=solver,
            alpha=alpha, batch_size=batch_size, learning_rate=learning_rate,
            learning_rate_init=learning_rate_init, power_t=power_t, max_iter=max_iter,
            shuffle=shuffle, random_state=random_state, tol=tol, verbose=verbose,
            warm_start=warm_start, momentum=momentum, nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping, validation_fraction=validation_fraction,
            beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )  # fmt: skip
        self.dropout, self.optimizer, self.callbacks = dropout, optimizer, callbacks
        self.threads, self.encode = threads, encode

    def _cost(self, n_outputs: int) -> Any:
        # scikit-learn adds the deviances of several outputs up, fastgrad's cost averages them
        return [("poisson", n_outputs, n_outputs)] if self.loss == "poisson" else self.loss

    def _initialize(self, y: Array, layer_units: Sequence[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)
        link = output_heads(self._cost(self.n_outputs_), self.n_outputs_, "identity")[0].cost.link
        self.out_activation_ = {"sigmoid": "logistic"}.get(link, link)

    def _encoded(self, y: Any) -> Array:
        return np.asarray(y).reshape(len(y), -1)

    def _targets(self, encoded: Array) -> Array:
        return encoded

    def _score_of(self, encoded: Array, prediction: Array, sample_weight: Array | None) -> float:
        if sample_weight is None:
            return r2(encoded, prediction)
        return float(r2_score(encoded, prediction, sample_weight=sample_weight))

    def _loss(self, cost: float, penalty: float, batch: Batch) -> float:
        if self.loss == "squared_error":  # whose gradient is that of the sum over the outputs
            return (cost - penalty) / float(self.n_outputs_) + penalty
        if self.loss == "poisson":
            constants = (xlogy(batch.Y, batch.Y) - batch.Y).sum(axis=1, dtype=np.float64)
            return cost + float(
                np.average(constants, weights=batch.weights if len(batch.weights) else None)
            )
        return cost
