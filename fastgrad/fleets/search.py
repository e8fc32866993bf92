"""Searches: networks with settings drawn at random, of which the best is kept."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import frames
from .. import validation as checks
from ..arithmetic import ceil_div
from ..metrics import Metric
from ..network import Network
from ..optim.adam import Adam
from ..optim.base import Optimizer
from ..train.callbacks import INTERRUPTED
from ..train.fleet import fit_many
from ..train.history import History
from ..train.reports import silenced, warn, warn_of_failures
from .making import check_callable, interruption, is_trained, make_networks, require_trained
from .options import check_options
from .samples import FleetSamples
from .scoring import Scoring
from .space import Settings, assign, draw_settings

__all__ = ["Search", "search"]

Array = np.ndarray[Any, Any]

_NEED_VALIDATION = {"callbacks", "metrics", "early_stopping"}  # or may need it, in a fit
_THIRDS = 3  # one of so many networks goes on, for so many times as many epochs


@dataclass(frozen=True, repr=False)
class Search:
    """The networks of a search, the best one first; those without a score are the last.

    `best`, `network` and `score` are the settings, the network and the score of the best one. To
    train it anew on all samples: ``net = make_network(seed=0, **found.network_settings)``, and
    ``net.fit(X, Y, optimizer=fg.Adam(**found.optimizer_settings))``.

    Attributes
    ----------
    metric : str
        Name of the score.
    table : list of dict
        Of each network its settings, score, epochs, seconds of training, why it stopped early, and
        seed; ``pandas.DataFrame(table)`` takes it.
    settings : list of dict
        The settings alone.
    networks : list of Network
        As they are trained.
    histories : list of History
        Of all their epochs.
    network_settings, optimizer_settings : dict
        Those of `best` that `make_network` takes, and `optimizer`.
    """

    metric: str
    table: list[dict[str, Any]]
    settings: list[dict[str, Any]]
    networks: list[Network]
    histories: list[History]
    network_settings: dict[str, Any]
    optimizer_settings: dict[str, Any]

    def __repr__(self) -> str:
        """The number of networks, the best of them, and whether it was interrupted."""
        n, interrupted = len(self.table), interruption(self.histories)
        best = f"{self.metric} {self.score:.4g}, {self.best}"
        return f"<Search of {n} networks: {best}{interrupted and f'; {interrupted}'}>"

    @property
    def best(self) -> dict[str, Any]:
        """The settings of the best network."""
        return self.settings[0]

    @property
    def network(self) -> Network:
        """The best network."""
        return self.networks[0]

    @property
    def score(self) -> float:
        """The score of the best network."""
        return float(self.table[0]["score"])


def search(
    make_network: Callable[..., Network],
    space: Mapping[str, Any],
    X: Any,
    Y: Any,
    n: int = 30,
    epochs: int = 10,
    optimizer: Optimizer | Callable[..., Optimizer] | None = None,
    seed: int = 0,
    *,
    rounds: int = 1,
    validation: float | tuple[Any, Any] = 0.2,
    score: str | Metric | None = None,
    **options: Any,
) -> Search:
    """Train networks with settings drawn at random, and sort them by a score of held-out samples.

    With several `rounds` it is successive halving (K. Jamieson, A. Talwalkar, arXiv:1502.07943) by
    thirds: after each round the best third, at least one, is trained to three times as many epochs,
    the others stay as they are. These networks go on with their weights and random numbers, and
    with a new optimizer: its running means begin at 0, and a schedule that spans a fit spans a
    round.

    Parameters
    ----------
    make_network : callable
        Makes network k when called with ``seed=seed + k`` and its settings by name, such as
        ``lambda seed, nodes: fg.Network([2, nodes, 1], seed=seed)``.
    space : dict
        What each setting is drawn from: a list, a distribution of scipy.stats or any object with
        ``rvs(random_state=...)``, or a function of a numpy.random.Generator. A setting is passed to
        `make_network` or `optimizer`, whichever has a parameter of this name, or to both.
    X, Y : array_like
        As for `Network.fit`.
    n : int, default 30
        Number of networks.
    epochs : int, default 10
        Of the first round.
    optimizer : Optimizer or callable, default Adam()
        One for all, or what makes that of a network from its settings, such as ``fg.Adam`` for a
        space with "lr".
    seed : int, default 0
        Of the settings, the held-out samples and the networks. The result does not depend on the
        number of threads.
    rounds : int, default 1
        1: all networks are trained alike. 3: n for `epochs`, n / 3 to 3 times, and n / 9 to 9 times
        as many.
    validation : float or (X_val, Y_val), default 0.2
        The share of the samples that is held out for the score, of each class if there are
        classes; or other samples, so that all of X and Y are trained on.
    score : str or callable, optional
        As for `cross_validate`. More is better, but for "mae" and "rmse"; of your own function,
        too.
    **options
        Of `fit_many`: batch_size, class_weight, threads, ... With `early_stopping`,
        `callbacks` or `metrics` the held-out samples are the validation samples of each fit.

    Returns
    -------
    Search
        Table, settings, networks. After Ctrl-C, networks that have no score yet are the last; a
        RuntimeWarning says how many are finished.

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
    >>> x = np.linspace(-3, 3, 300)[:, None]
    >>> found = fg.search(
    ...     lambda seed, nodes: fg.Network([1, nodes, 1], "tanh", seed=seed),
    ...     {"nodes": [2, 8, 32], "lr": lambda rng: 10 ** rng.uniform(-4, -1)},
    ...     x,
    ...     np.sin(x),
    ...     n=9,
    ...     rounds=2,
    ...     optimizer=fg.Adam,
    ... )
    >>> sorted(found.best), [row["epochs"] for row in found.table].count(30)
    (['lr', 'nodes'], 3)
    """
    check_options(search, options)
    for name, value in (("n", n), ("epochs", epochs), ("rounds", rounds)):
        checks.integer(name, value, least=1)
    checks.integer("seed", seed, least=0)
    # the generator: not the numbers of the first network's weights
    settings = draw_settings(space, n, np.random.default_rng([seed, 1]))
    networks, optimizers, own = _made(make_network, optimizer, settings, seed)
    samples = FleetSamples(networks[0], X, Y)
    rows, held_out = _held_out(networks[0], samples, validation, seed)
    scoring = Scoring(score, networks[0], held_out)
    if _NEED_VALIDATION & options.keys():
        options["validation"] = held_out.given
    histories, scores = [History(samples=0) for _ in networks], [math.nan] * n

    def ranked(candidates: Iterable[int]) -> list[int]:
        """The best first; those without a score last."""
        keys = [math.inf if math.isnan(value) else -scoring.sign * value for value in scores]
        return sorted(candidates, key=keys.__getitem__)

    alive, done, failures = [*range(n)], 0, dict[int, History]()
    for r in range(rounds):
        total = epochs * _THIRDS**r
        earlier = {k: copy.deepcopy(networks[k]) for k in alive} if r else {}
        with silenced():  # networks have other numbers there
            found = fit_many(
                [networks[k] for k in alive], *samples.given, total - done,
                optimizer=[optimizers[k] for k in alive],
                subsets=None if rows is None else [rows] * len(alive),
                **_renumbered(options, alive),
            )  # fmt: skip
        if r == 0:
            require_trained(found)
        for k, history in zip(alive, found, strict=True):
            if k in earlier and not is_trained(history):  # the one with the score there is
                networks[k], failures[k] = earlier[k], history
                histories[k].stopped = history.stopped
                continue
            histories[k] = _continued(histories[k], history)
            if is_trained(history):
                scores[k] = scoring(held_out.targets, networks[k].predict(held_out.X))
        if any(history.stopped == INTERRUPTED for history in found):
            break
        alive, done = ranked(alive)[: ceil_div(len(alive), _THIRDS)], total
    warn_of_failures("search", [failures.get(k, history) for k, history in enumerate(histories)])
    if interrupted := interruption(histories):
        warn(f"search: {interrupted}")
    order = ranked(range(n))
    table = [
        {
            **settings[k], "score": scores[k], "epochs": len(histories[k].cost),
            "seconds": sum(histories[k].seconds), "stopped": histories[k].stopped,
            "seed": seed + k,
        }
        for k in order
    ]  # fmt: skip
    return Search(
        scoring.name, table, [settings[k] for k in order], [networks[k] for k in order],
        [histories[k] for k in order], own["make_network"][order[0]], own["optimizer"][order[0]],
    )  # fmt: skip


def _made(
    make_network: Callable[..., Network],
    optimizer: Optimizer | Callable[..., Optimizer] | None,
    settings: Sequence[Settings],
    seed: int,
) -> tuple[list[Network], list[Optimizer], dict[str, list[Settings]]]:
    """The networks of these settings, their optimizers, and the settings that each takes."""
    check_callable(make_network)
    functions: dict[str, Callable[..., Any]] = {"make_network": make_network}
    if optimizer is None:
        optimizer = Adam()
    if not isinstance(optimizer, Optimizer):
        if not callable(optimizer):
            raise TypeError(
                f"optimizer: got {checks.shown(optimizer)}; expected one such as fg.Adam(1e-3), or"
                " what makes one of settings, such as fg.Adam"
            )
        functions["optimizer"] = optimizer
    taken = assign(settings[0], functions)
    own = {
        of: [{name: each[name] for name in names} for each in settings]
        for of, names in taken.items()
    }
    networks = make_networks(make_network, own["make_network"], seed)
    if isinstance(optimizer, Optimizer):
        return networks, [optimizer] * len(settings), own | {"optimizer": [{}] * len(settings)}
    return networks, [optimizer(**each) for each in own["optimizer"]], own


def _held_out(
    net: Network, samples: FleetSamples, validation: Any, seed: int
) -> tuple[Array | None, FleetSamples]:
    """The rows to be trained on, None for all, and the samples that networks are scored on."""
    if isinstance(validation, tuple | list):
        X, Y = checks.pair("validation", validation, "(X_val, Y_val)")
        columns = frames.column_names(samples.given[0])
        return None, FleetSamples(net, X, Y, columns, "validation ")
    share = checks.number("validation", validation, above=0, below=1)
    rows, held_out = samples.set_aside("validation", share, np.arange(len(samples)), seed)
    return rows, FleetSamples(net, *samples.part(held_out))


def _renumbered(options: dict[str, Any], numbers: Sequence[int]) -> dict[str, Any]:
    """Options of `fit_many` whose functions get the numbers of networks in the whole search."""
    changed = dict(options)
    if (callbacks := options.get("callbacks")) is not None:
        changed["callbacks"] = lambda k: callbacks(numbers[k])
    if (on_finished := options.get("on_finished")) is not None:
        changed["on_finished"] = lambda k, history: on_finished(numbers[k], history)
    return changed


def _continued(before: History, after: History) -> History:
    """The history of two fits, one after the other."""
    metrics = {name: [*before.metrics.get(name, []), *v] for name, v in after.metrics.items()}
    lists = {
        name: [*getattr(before, name), *getattr(after, name)]
        for name in ("cost", "val_cost", "lr", "seconds")
    }
    return History(
        max(before.samples, after.samples), metrics=metrics, stopped=after.stopped, **lists
    )
