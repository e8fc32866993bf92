"""The classifier."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions

from ..engine.batch import Batch
from ..kernels.costs import COSTS, Cost, cost
from ..optim.base import Optimizer
from ..train.base import Callback
from .base import NetworkEstimator

__all__ = ["MLPClassifier"]

Array = np.ndarray[Any, Any]

#: The activation of the output in scikit-learn: the link of a cost, and log_loss.
_OUTPUTS = {
    "softmax": ("softmax", "softmax_cross_entropy"),
    "logistic": ("sigmoid", "sigmoid_cross_entropy"),
}


class MLPClassifier(NetworkEstimator, neural_network.MLPClassifier):  # type: ignore[misc]
    """scikit-learn's `MLPClassifier`, trained by fastgrad.

    For two classes it has one output, for labels that may occur together one for each.

    Parameters
    ----------
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
    class_weight : dict or "balanced", optional
        Factor of the weight of each sample, by its class; "balanced": S over the number of
        classes times the number of samples of the class.
    loss : str or Cost, default "log_loss"
        Or a cost of fastgrad that gives probabilities, such as
        ``fg.costs.softmax_cross_entropy(label_smoothing=0.1)``.

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
    classes_ : ndarray or list of ndarray
        The labels.

    Examples
    --------
    >>> from fastgrad.sklearn import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(solver="lbfgs", alpha=1.0, max_iter=1000, random_state=0)
    >>> bool(classifier.fit(X, y).score(X, y) > 0.95)
    True
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's own name
        **neural_network.MLPClassifier._parameter_constraints,
        **NetworkEstimator._added_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "loss": [StrOptions({"log_loss", *(k for k, c in COSTS.items() if c.classifies)}), Cost],
    }

    def __init__(
        self,
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
        class_weight: Mapping[Any, float] | str | None = None,
        loss: str | Cost = "log_loss",
    ) -> None:
        super().__init__(
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
        self.class_weight, self.loss = class_weight, loss

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        incremental: bool = False,
        validation: Any = None,
    ) -> Any:
        if self.class_weight is not None:
            if incremental and self.class_weight == "balanced":
                raise ValueError(
                    "class_weight: got 'balanced' in partial_fit, where the classes of further"
                    " samples are unknown; expected a dict"
                )
            factors = compute_sample_weight(self.class_weight, y)
            sample_weight = factors if sample_weight is None else factors * sample_weight
        return super()._fit(X, y, sample_weight, incremental, validation)

    def _cost(self, n_outputs: int) -> Cost:
        link, log_loss = _OUTPUTS[self.out_activation_]
        found = cost(log_loss if self.loss == "log_loss" else self.loss)
        if found.link != link:
            raise ValueError(
                f"loss: got {found.name!r}, which gives {found.link}, for {n_outputs} outputs;"
                f" expected a cost that gives {link}, such as {log_loss!r}"
            )
        return found

    def _encoded(self, y: Any) -> Array:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown) and self._label_binarizer.y_type_ != "multilabel-indicator":
            raise ValueError(f"validation: got classes {unknown}; expected those of y")
        return np.asarray(self._label_binarizer.transform(y).astype(bool))

    def _targets(self, encoded: Array) -> Array:
        if self.out_activation_ == "softmax":
            return np.asarray(encoded.argmax(axis=1))
        return encoded.astype(self.network_.dtype)

    def _score_of(self, encoded: Array, prediction: Array, sample_weight: Array | None) -> float:
        if self.out_activation_ == "softmax":
            right = encoded.argmax(axis=1) == prediction.argmax(axis=1)
        else:
            right = (encoded == (prediction > 0.5)).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def _loss(self, cost: float, penalty: float, batch: Batch) -> float:
        return cost
