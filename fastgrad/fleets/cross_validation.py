"""Cross-validation: how well networks predict the samples that they were not trained on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import validation
from ..data.splitting import Indices
from ..data.splitting import folds as random_folds
from ..metrics import Metric
from ..network import Network
from ..train.fleet import fit_many
from ..train.fleet_members import as_rows
from ..train.history import History
from .ensemble import Ensemble
from .making import interruption, is_trained, make_networks, require_trained
from .options import check_options, check_validates
from .samples import FleetSamples
from .scoring import Scoring, mean_and_error

__all__ = ["CrossValidation", "cross_validate"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """What a cross-validation found.

    `mean` and `standard_error` are those of the scores; both leave out scores that are not finite.

    Attributes
    ----------
    metric : str
        Name of the score.
    scores : list of float
        Of each fold's held-out samples; nan where the network could not be trained.
    predictions : ndarray
        (S, n_L), in the order of X: of each sample by the network that was not trained on it; nan
        where there is none.
    ensemble : Ensemble
        The networks of all folds that could be trained.
    histories : list of History
        Of each fold's fit.
    held_out : list of ndarray
        The rows that each fold held out.
    """

    metric: str
    scores: list[float]
    predictions: Array
    ensemble: Ensemble
    histories: list[History]
    held_out: list[Indices]

    def __repr__(self) -> str:
        """The mean score, its standard error, and the number of folds."""
        mean, error, n = self.mean, self.standard_error, len(self.scores)
        return f"<CrossValidation {self.metric} {mean:.4g} +- {error:.2g}, {n} folds>"

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return mean_and_error(self.scores)[0]

    @property
    def standard_error(self) -> float:
        """The standard error of this mean, as if the folds were independent."""
        return mean_and_error(self.scores)[1]


def cross_validate(
    make_network: Callable[..., Network],
    X: Any,
    Y: Any,
    folds: Any = 5,
    seed: int = 0,
    *,
    stratify: bool | None = None,
    validation_size: float = 0.0,
    score: str | Metric | None = None,
    **options: Any,
) -> CrossValidation:
    """Train a network for each fold on the other folds, and score it on this one.

    Networks are trained by `fit_many`, from the same arrays. Whatever a network standardises, it
    standardises by the rows that it is trained on.

    Parameters
    ----------
    make_network : callable
        Makes the network of fold k when called with ``seed=seed + k``, such as
        ``lambda seed: fg.Network([2, 16, 1], seed=seed)``.
    X, Y : array_like
        As for `Network.fit`.
    folds : int, iterable of (train, test), or splitter, default 5
        The number of random folds; or the rows of each, as integers or bools; or what gives them by
        ``split(X, Y)``, such as ``sklearn.model_selection.TimeSeriesSplit()``.
    seed : int, default 0
        Of the folds and networks. The result does not depend on the number of threads.
    stratify : bool, optional
        Whether each random fold has the same share of every class; None: if there are classes.
    validation_size : float, default 0
        Share of the rows of each network that is set aside, at random: with ``early_stopping=10``
        among the options it is validated on these, and keeps its best epoch.
    score : str or callable, optional
        As an item of `metrics` in `Network.fit`: a name such as "f1", or a function of Y and the
        prediction; without weights of samples. None: accuracy of classes, R2 of numbers.
    **options
        Of `fit_many`: epochs, batch_size, optimizer, class_weight, threads, ...

    Returns
    -------
    CrossValidation
        Scores, predictions, networks.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, the value received, and what is expected; or why no network could
        be trained.
    KeyboardInterrupt
        After Ctrl-C.

    Examples
    --------
    >>> import fastgrad as fg
    >>> X, y = fg.load_digits()
    >>> def make(seed):
    ...     return fg.Network([64, 16, 10], cost="softmax_cross_entropy", seed=seed)
    >>> cv = fg.cross_validate(make, X, y, folds=3, epochs=10, optimizer=fg.Adam(0.01))
    >>> cv.mean > 0.9, cv.predictions.shape
    (True, (1797, 10))
    """
    check_options(cross_validate, options)
    validation.fraction("validation_size", validation_size)
    check_validates(options, validation_size)
    if hasattr(folds, "split") and not isinstance(folds, str | type):
        folds = folds.split(X, Y)
    if isinstance(folds, Iterable):
        folds = [*folds]
        n = validation.integer("folds", len(folds), least=1)
    else:
        n = validation.integer("folds", folds, least=2)
    networks = make_networks(make_network, [{}] * n, seed)
    samples = FleetSamples(networks[0], X, Y)
    scoring = Scoring(score, networks[0], samples)
    by, is_stratified = samples.strata(stratify)
    if isinstance(folds, list):
        parts = [_as_rows(k, fold, len(samples)) for k, fold in enumerate(folds)]
    else:
        validation.integer("folds", n, least=2, most=len(samples))
        parts = random_folds(by, n, seed=seed, stratify=is_stratified)
    parted = [
        samples.set_aside("validation_size", validation_size, rows, seed + k, stratify)
        for k, (rows, _) in enumerate(parts)
    ]
    subsets = [rows for rows, _ in parted]
    if validation_size:
        options["validation_subsets"] = [others for _, others in parted]
    histories = fit_many(networks, *samples.given, subsets=subsets, **options)
    if interruption(histories):
        raise KeyboardInterrupt
    require_trained(histories)
    predictions = np.full((len(samples), networks[0].n_outputs), np.nan)
    scores, trained = [], []
    for net, history, (_, test) in zip(networks, histories, parts, strict=True):
        of_fold = np.full((len(test), net.n_outputs), np.nan)
        if is_trained(history):
            of_fold = net.predict(samples.X[test])
            trained.append(net)
        predictions[test] = of_fold
        scores.append(scoring(samples.targets[test], of_fold))
    held_out = [test for _, test in parts]
    return CrossValidation(
        scoring.name, scores, predictions, Ensemble(trained), histories, held_out
    )


def _as_rows(k: int, fold: Any, S: int) -> tuple[Indices, Indices]:
    """The rows of a fold as integers; raise unless they are rows of X."""
    name = f"folds[{k}]"
    train, test = (as_rows(name, rows, S) for rows in validation.pair(name, fold, "(train, test)"))
    if len(both := np.intersect1d(train, test)):
        raise ValueError(f"{name}: got row {both[0]} in train and test; expected it in one of them")
    return train, test
