"""Bagging: networks that are each trained on a bootstrap sample."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import validation
from ..metrics import Metric
from ..network import Network
from ..train.fleet import fit_many
from ..train.history import History
from ..train.reports import warn
from .ensemble import Ensemble
from .making import interruption, is_trained, make_networks, require_trained
from .options import check_options, check_validates
from .samples import FleetSamples
from .scoring import Scoring

__all__ = ["Bagging", "bag"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, repr=False)
class Bagging:
    """Networks of bootstrap samples, and how good they are on the samples that they left out.

    Attributes
    ----------
    ensemble : Ensemble
        The networks.
    metric : str
        Name of the score.
    score : float
        Of the out-of-bag predictions; nan if there are none.
    predictions : ndarray
        (S, n_L), in the order of X: for each sample the mean over the networks that were not
        trained on it; nan where there is none.
    histories : list of History
        Of each network's fit.
    """

    ensemble: Ensemble
    metric: str
    score: float
    predictions: Array
    histories: list[History]

    def __repr__(self) -> str:
        """The number of networks, the score, and whether it was interrupted."""
        n, interrupted = len(self.ensemble), interruption(self.histories)
        score = f"out-of-bag {self.metric} {self.score:.4g}"
        return f"<Bagging of {n} networks, {score}{interrupted and f'; {interrupted}'}>"


def bag(
    make_network: Callable[..., Network],
    X: Any,
    Y: Any,
    n: int = 10,
    seed: int = 0,
    *,
    validation_size: float = 0.0,
    score: str | Metric | None = None,
    **options: Any,
) -> Bagging:
    """Train networks on bootstrap samples: as many rows of X, drawn with replacement.

    A third of the rows is not among those of a network (L. Breiman, 1996): their predictions are
    out of bag, and as good an estimate as those of a test set, without one.

    Parameters
    ----------
    make_network : callable
        Makes network k when called with ``seed=seed + k``, as for `cross_validate`.
    X, Y : array_like
        As for `Network.fit`.
    n : int, default 10
        Number of networks.
    seed : int, default 0
        Of the bootstrap samples and networks. The result does not depend on the number of threads.
    validation_size : float, default 0
        Share of the rows that is set aside for each network before its bootstrap sample is drawn
        from the others: with ``early_stopping=10`` among the options it is validated on these, and
        keeps its best epoch.
    score : str or callable, optional
        As for `cross_validate`.
    **options
        Of `fit_many`: epochs, batch_size, optimizer, class_weight, threads, ...

    Returns
    -------
    Bagging
        The ensemble, and the score of its out-of-bag predictions. A network that could not be
        trained, and after Ctrl-C those that were not finished, are left out; a RuntimeWarning says
        how many.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, the value received, and what is expected; or why no network could
        be trained.
    KeyboardInterrupt
        After Ctrl-C, if no network is finished.

    Examples
    --------
    >>> import numpy as np, fastgrad as fg
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> bagging = fg.bag(
    ...     lambda seed: fg.Network([1, 16, 1], "tanh", seed=seed),
    ...     x,
    ...     np.sin(x),
    ...     epochs=40,
    ...     optimizer=fg.Adam(0.01),
    ... )
    >>> bool(bagging.score > 0.9)
    True
    >>> bagging.ensemble.spread([[0.0], [9.0]]).shape
    (2, 1)
    """
    check_options(bag, options)
    validation.integer("n", n, least=1)
    validation.fraction("validation_size", validation_size)
    check_validates(options, validation_size)
    networks = make_networks(make_network, [{}] * n, seed)
    samples = FleetSamples(networks[0], X, Y)
    scoring = Scoring(score, networks[0], samples)
    S = len(samples)
    rng = np.random.default_rng([seed, 1])  # not the numbers of the first network's weights
    parts = [
        samples.set_aside("validation_size", validation_size, np.arange(S), seed + k)
        for k in range(n)
    ]
    subsets = [rows[rng.integers(len(rows), size=len(rows))] for rows, _ in parts]
    if validation_size:
        options["validation_subsets"] = [others for _, others in parts]
    histories = fit_many(networks, *samples.given, subsets=subsets, **options)
    require_trained(histories)
    if interrupted := interruption(histories):
        warn(f"bag: {interrupted}")
    total, counts = np.zeros((S, networks[0].n_outputs)), np.zeros((S, 1))
    trained = [k for k, history in enumerate(histories) if is_trained(history)]
    for k in trained:
        left_out = np.setdiff1d(np.arange(S), [*subsets[k], *parts[k][1]])
        if len(left_out):
            total[left_out] += networks[k].predict(samples.X[left_out])
            counts[left_out] += 1
    predictions = np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)
    known = counts[:, 0] > 0
    of_bag = scoring(samples.targets[known], predictions[known])
    ensemble = Ensemble([networks[k] for k in trained])
    return Bagging(ensemble, scoring.name, of_bag, predictions, histories)
