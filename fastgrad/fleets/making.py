"""The networks of a fleet: how they are made, and whether they could be trained."""

import math
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

from .. import validation
from ..network import Network
from ..train.callbacks import INTERRUPTED
from ..train.history import History

__all__ = ["check_callable", "interruption", "is_trained", "make_networks", "require_trained"]


def make_networks(
    make_network: Callable[..., Network], settings: Sequence[dict[str, Any]], seed: int
) -> list[Network]:
    """New networks, network k of seed + k.

    Parameters
    ----------
    make_network : callable
        Called with the keyword `seed`, and the settings.
    settings : sequence of dict
        Of each network.
    seed : int
        Of the first one.
    """
    validation.integer("seed", seed, least=0)
    check_callable(make_network)
    parameters = signature(make_network)
    try:
        parameters.bind(seed=seed, **settings[0])
    except TypeError:
        expected = " and ".join(["seed", *settings[0]])
        raise TypeError(
            f"make_network: got a function of {parameters}; expected a function of {expected}, such"
            " as lambda seed: fg.Network([2, 16, 1], seed=seed)"
        ) from None
    networks = [make_network(seed=seed + k, **own) for k, own in enumerate(settings)]
    for net in networks:
        if not isinstance(net, Network):
            raise TypeError(
                f"make_network: got {type(net).__name__} from it; expected a fg.Network"
            )
    return networks


def check_callable(make_network: Any) -> None:
    """Raise unless it can be called."""
    if not callable(make_network):
        raise TypeError(
            f"make_network: got {validation.shown(make_network)}; expected a function such as"
            " lambda seed: fg.Network([2, 16, 1], seed=seed)"
        )


def require_trained(histories: Sequence[History]) -> None:
    """Raise if no network could be trained: KeyboardInterrupt after Ctrl-C, else ValueError."""
    if not any(map(is_trained, histories)):
        if any(history.stopped == INTERRUPTED for history in histories):
            raise KeyboardInterrupt
        raise ValueError(f"fit: {histories[0].stopped}")


def interruption(histories: Sequence[History]) -> str:
    """How many networks were finished before Ctrl-C; empty without one."""
    if all(history.stopped != INTERRUPTED for history in histories):
        return ""
    n = sum(map(is_trained, histories))
    return f"interrupted: {n} of {len(histories)} networks are finished"


def is_trained(history: History) -> bool:
    """Whether the network of a history is of use: neither failed at once nor interrupted."""
    if not history.stopped:
        return True
    return history.stopped != INTERRUPTED and any(map(math.isfinite, history.cost))
