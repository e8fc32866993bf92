"""What runs in worker processes, which import it by its name."""

import numba
import numpy as np
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


def trained_weights(seed, threads):
    """The weights after a fit."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(500, 9)), rng.normal(size=(500, 2))
    net = fg.Network([9, 64, 2], "tanh", cost="mse", seed=seed)
    net.fit(X, Y, epochs=3, threads=threads)
    return net.predict(X).tobytes() + net.parameters.tobytes()
