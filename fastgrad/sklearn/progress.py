"""What scikit-learn does between epochs: attributes, messages, and when a fit ends."""

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..train.base import Callback, Fit
from .samples import Samples

__all__ = ["EpochRules"]


class EpochRules(Callback):
    """Keeps an estimator's attributes, and ends the fit as scikit-learn does.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        The estimator that is fitted.
    samples : Samples
        Its training samples.
    validation : tuple
        X, y and weights of the validation samples; each None without early stopping.
    early_stopping, incremental : bool
        Whether the validation score decides, and whether this is a `partial_fit`.
    """

    def __init__(
        self,
        estimator: Any,
        samples: Samples,
        validation: tuple[Any, Any, Any],
        early_stopping: bool,
        incremental: bool,
    ) -> None:
        self._estimator, self._samples, self._validation = estimator, samples, validation
        self._early_stopping, self._incremental = early_stopping, incremental

    def restores(self) -> str:
        """The weights of the best score, if there has been one."""
        has_any = self._early_stopping and self._estimator.validation_scores_
        return "the weights of the best validation score" if has_any else ""

    def on_train_begin(self, fit: Fit) -> None:
        """Publish the history, which a fit that is interrupted has too."""
        self._estimator.n_iter_, self._estimator.history_ = 0, fit.history

    def on_epoch_begin(self, fit: Fit) -> None:
        """Shuffle."""
        self._samples.shuffle()

    def on_epoch_end(self, fit: Fit) -> None:
        """Update attributes and the learning rate; end the fit, or warn that it has no more epochs.

        As in scikit-learn, the counter of epochs without progress is compared after it is raised.
        """
        e = self._estimator
        e.n_iter_ += 1
        e.t_ += len(self._samples.batch.X)
        e.loss_ = e._loss(fit.cost, self._samples.penalty, self._samples.batch)
        e.loss_curve_.append(e.loss_)
        if e.verbose:
            print(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        e._update_no_improvement_count(self._early_stopping, *self._validation)
        e._optimizer.rate.iteration_ends(e.t_)
        if e._no_improvement_count > e.n_iter_no_change:
            what = "Validation score" if self._early_stopping else "Training loss"
            message = (
                f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change}"
                " consecutive epochs."
            )
            if e._optimizer.rate.trigger_stopping(message, e.verbose):
                fit.stop(message)
            else:
                e._no_improvement_count = 0
        e._optimizer.follow_rate(e.network_)
        if e.n_iter_ == e.max_iter and not (fit.history.stopped or self._incremental):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({e.max_iter}) reached and the"
                " optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )
