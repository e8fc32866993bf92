"""Networks back from their files, and training back from its checkpoints."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from . import adam, files, optimizers
from .activations import Activation
from .averages import EMA, SWA
from .callbacks import Callback
from .costs import Cost
from .fitting import Fit
from .network import Network
from .optimizer import Optimizer
from .rules import RULES
from .schedules import from_config

__all__ = ["Checkpoint", "Resumed", "load", "resume", "save_checkpoint"]

_SLOT, _MEMORY, _MISSED = "optimizer.slot.", "optimizer.memory", "optimizer.missed"
_AVERAGE = "average"
_OPTIMIZERS = {name: getattr(of, name) for of in (adam, optimizers) for name in of.__all__}


def load(path: Any, own: Iterable[Activation | Cost] = ()) -> Network:
    """Read a network that `Network.save` or a checkpoint has written.

    Parameters
    ----------
    path : path-like
        The file.
    own : iterable of Activation and Cost
        Those of the user's own that the network has: a file holds only their names.

    Returns
    -------
    Network
        With the same weights to the bit; its optimizer starts afresh.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, or names an activation or cost of the user's own
        that is not among `own`.
    """
    return _read(path, own)[0]


class Resumed(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    net : Network
        As it was, random numbers included.
    optimizer : Optimizer
        With its state and schedule.
    average : EMA, SWA or None
        Of the network's weights.
    """

    net: Network
    optimizer: Optimizer
    average: EMA | SWA | None


def save_checkpoint(
    path: Any, net: Network, optimizer: Optimizer, average: EMA | SWA | None = None
) -> None:
    """Write all that training needs to go on where it is, whole or not at all.

    Parameters
    ----------
    path : path-like
        Where to; an existing file is replaced.
    net : Network
        What is trained.
    optimizer : Optimizer
        By what.
    average : EMA or SWA, optional
        What follows its weights.

    Raises
    ------
    TypeError
        If the learning rate is a function of the user's own, which no file can hold.
    OSError
        If the file cannot be written; what stood there before then still does.
    """
    state, described = net.engine.state(optimizer), _describe(optimizer)
    described |= {
        "steps": int(state.steps[0]),
        "apart": state.apart,
        "fit": [state.fit_began, state.horizon],
        "random": net.rng.bit_generator.state,
    }
    arrays = {f"{_SLOT}{k}": slot for k, slot in enumerate(state.slots)}
    arrays |= {_MEMORY: state.memory, _MISSED: state.missed}
    if average is not None and average.average is not None:
        arrays[_AVERAGE] = average.average
        described["average"] = [type(average).__name__, average.number, average.follows.tolist()]
    files.save(net, path, arrays, described)


def resume(path: Any, own: Iterable[Activation | Cost] = ()) -> Resumed:
    """Read a checkpoint: network, optimizer and average, to go on where they were.

    Further steps and epochs have the same bits as if training had never stopped. A fit of just the
    epochs that were left goes on with a schedule that spans the fit.

    Parameters
    ----------
    path : path-like
        The file.
    own : iterable of Activation and Cost
        As for `load`.

    Returns
    -------
    Resumed
        The three of them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, of another kind, or holds a network alone.
    """
    net, tensors, described = _read(path, own)
    if described is None:
        raise ValueError(f"{path}: got a network alone; expected a checkpoint")
    try:
        optimizer = _optimizer(described)
        state = net.engine.state(optimizer)
        state.steps[0] = described["steps"]
        state.fit_began, state.horizon = described["fit"]
        into = {f"{_SLOT}{k}": slot for k, slot in enumerate(state.slots)}
        into |= {_MEMORY: state.memory, _MISSED: state.missed}
        state.apart = bool(described["apart"])
        average: EMA | SWA | None = None
        if "average" in described:
            kind, number, follows = described["average"]
            average = EMA(number) if kind == "EMA" else SWA(number)
            into[_AVERAGE] = average.begin(net)
            average.follows[:] = follows
        net.rng.bit_generator.state = described["random"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: got a damaged checkpoint ({error}); expected a whole") from None
    files.fill(path, into, {name: tensors[name] for name in tensors if _is_of_training(name)})
    return Resumed(net, optimizer, average)


def _describe(optimizer: Optimizer) -> dict[str, Any]:
    if type(optimizer).__name__ not in _OPTIMIZERS:
        raise TypeError(f"optimizer: got {optimizer!r}; expected one of {', '.join(_OPTIMIZERS)}")
    rule = next(name for name, rule in RULES.items() if rule is optimizer.rule)
    limits = optimizer.clip_norm, optimizer.clip_value
    return {
        "optimizer": type(optimizer).__name__,
        "rule": rule,
        "lr": optimizer.lr,
        "numbers": {k: v for k, v in optimizer.settings.items() if k != "lr"},
        "schedule": optimizer.schedule.config(),
        "clip": [n if n < np.inf else None for n in limits],
    }


def _optimizer(described: dict[str, Any]) -> Optimizer:
    """The optimizer of those numbers, without the arguments that it once was made of."""
    made: Optimizer = object.__new__(_OPTIMIZERS[described["optimizer"]])
    schedule, rule = from_config(described["schedule"]), RULES[described["rule"]]
    Optimizer.__init__(made, schedule, rule, **described["numbers"])
    made.h[0] = described["lr"]
    return made.clip(*described["clip"])


def _is_of_training(name: str) -> bool:
    return name.startswith(_SLOT) or name in {_MEMORY, _MISSED, _AVERAGE}


def _read(
    path: Any, own: Iterable[Activation | Cost]
) -> tuple[Network, files.Arrays, dict[str, Any] | None]:
    described, tensors, state = files.read(path)
    metadata, training = described.pop("metadata"), described.pop("training")
    given = {files.name_of(function): function for function in own}
    try:
        described["activations"] = [given.get(f, f) for f in described["activations"]]
        described["cost"] = [(given.get(cost, cost), *rest) for cost, *rest in described["cost"]]
        net = Network(**described)
        files.set_training(net, training)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    tensors_of_net = {k: v for k, v in tensors.items() if not (state and _is_of_training(k))}
    files.fill(path, files.arrays(net), tensors_of_net)
    net.metadata.update(metadata)
    return net, tensors, state


class Checkpoint(Callback):
    """Write a checkpoint after each epoch, to `resume` from.

    Parameters
    ----------
    path : path-like
        Where to; each replaces the one before, in one step.
    """

    def __init__(self, path: Any) -> None:
        self.path = path

    def on_train_begin(self, fit: Fit) -> None:
        """Refuse what no checkpoint can hold."""
        _describe(fit.optimizer)

    def on_epoch_end(self, fit: Fit) -> None:
        """Write."""
        save_checkpoint(self.path, fit.net, fit.optimizer, fit.average)
