"""What runs in a worker of joblib, which imports it by its name."""

import numba
from sklearn.base import clone

import fastgrad as fg


def fit_in_worker(estimator, X, y):
    """The threads that numba has during a fit, and the first weights."""
    threads = set()

    class Look(fg.Callback):
        def on_epoch_end(self, fit):
            threads.add(numba.get_num_threads())

    before = numba.get_num_threads()
    estimator = clone(estimator).set_params(callbacks=[Look()]).fit(X, y)
    assert numba.get_num_threads() == before
    return threads, estimator.coefs_[0].copy()
