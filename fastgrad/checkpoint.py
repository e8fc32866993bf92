"""Networks back from their files, and training back from its checkpoints."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from . import validation
from .formats import safetensors
from .kernels.activations import Activation
from .kernels.costs import Cost
from .kernels.update_rules import RULES
from .network import Network
from .optim import adam, first_order
from .optim.base import Optimizer
from .optim.schedules import from_config
from .optim.weight_averages import EMA, SWA, resolve
from .train.callbacks import Callback
from .train.fit import Fit

__all__ = ["Checkpoint", "Resumable", "Resumed", "load", "resume", "save_checkpoint"]

_SLOT, _MEMORY, _MISSED = "optimizer.slot.", "optimizer.memory", "optimizer.missed"
_AVERAGE, _ALSO = "average", "also."
_OPTIMIZERS = {name: getattr(of, name) for of in (adam, first_order) for name in of.__all__}


def load(path: Any, custom_objects: Iterable[Activation | Cost] = ()) -> Network:
    """Read a network that `Network.save` or a checkpoint has written.

    Parameters
    ----------
    path : path-like
        The file.
    custom_objects : iterable of Activation and Cost
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
        that is not among `custom_objects`; if two different ones among these have the same name.
    """
    return _read(path, custom_objects)[0]


@runtime_checkable
class Resumable(Protocol):
    """What a checkpoint can hold beside the network and its optimizer: callbacks, streams."""

    def state_dict(self) -> Mapping[str, Any]:
        """What it must know to go on: arrays of finite numbers, and what JSON can hold, by name."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with such a state; a callback must not forget it when the next fit begins."""


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
    path: Any,
    net: Network,
    optimizer: Optimizer,
    average: EMA | SWA | None = None,
    extra_state: Iterable[Resumable | Callback] = (),
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
    extra_state : iterable of callbacks, Chunks and the like
        What else is resumed: anything with the methods `state_dict` and `load_state_dict`.
        Callbacks without them, such as loggers, are left out.

    Raises
    ------
    TypeError
        If the learning rate is a function of the user's own, which no file can hold, or something
        in `extra_state` has no state.
    ValueError
        If the average follows another network, or a number is not finite.
    OSError
        If the file cannot be written; what stood there before then still does.
    """
    validation.instance("net", net, Network)
    average, described = resolve(average), _describe(optimizer)
    state = net.engine.state(optimizer)
    described |= {
        "steps": int(state.steps[0]),
        "apart": state.apart,
        "fit": [state.fit_began, state.horizon],
        "random": net.rng.bit_generator.state,
    }
    arrays = {f"{_SLOT}{k}": slot for k, slot in enumerate(state.slots)}
    arrays |= {_MEMORY: state.memory, _MISSED: state.missed}
    if average is not None:
        arrays[_AVERAGE] = average.of(net)
        described["average"] = [type(average).__name__, average.number, average.follows.tolist()]
    described["also"] = []
    for k, one in enumerate(_all_resumable(extra_state)):
        its = one.state_dict()
        arrays |= {f"{_ALSO}{k}.{n}": v for n, v in its.items() if isinstance(v, np.ndarray)}
        rest = {n: v for n, v in its.items() if not isinstance(v, np.ndarray)}
        described["also"].append([type(one).__name__, rest])
    safetensors.save(net, path, arrays, described)


def resume(
    path: Any,
    custom_objects: Iterable[Activation | Cost] = (),
    extra_state: Iterable[Resumable | Callback] | None = (),
) -> Resumed:
    """Read a checkpoint: network, optimizer and average, to go on where they were.

    Further steps and epochs have the same bits as if training had never stopped. A fit of just the
    epochs that were left goes on with a schedule that spans the fit. It begins with a new epoch: of
    one that was stopped in its middle, the rest is left out.

    Parameters
    ----------
    path : path-like
        The file.
    custom_objects : iterable of Activation and Cost
        As for `load`.
    extra_state : iterable of callbacks, Chunks and the like, or None
        New ones, to go on as those did that the checkpoint holds: of the same kinds, in the same
        order; callbacks without a state are left out. None: leave out what it holds.

    Returns
    -------
    Resumed
        The three of them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, of another kind, holds a network alone, or other kinds than
        `extra_state`.
    """
    net, tensors, described = _read(path, custom_objects)
    if described is None:
        raise ValueError(f"{path}: got a network alone; expected a checkpoint")
    try:
        states = _states(described["also"], tensors)
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
            into[_AVERAGE] = average.of(net)
            average.follows[:] = follows
        net.rng.bit_generator.state = described["random"]
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: got a damaged checkpoint ({error}); expected a whole") from None
    safetensors.fill(path, into, {name: tensors[name] for name in tensors if _is_of_training(name)})
    if extra_state is not None:
        _go_on(path, _all_resumable(extra_state), states)
    return Resumed(net, optimizer, average)


def _all_resumable(extra_state: Any) -> list[Resumable]:
    if not isinstance(extra_state, Iterable) or isinstance(
        extra_state, Resumable
    ):  # Chunks are both
        raise TypeError(f"extra_state: got {extra_state!r}; expected a list of what goes on")
    listed = list(extra_state)
    for one in listed:
        if not isinstance(one, Resumable | Callback):
            raise TypeError(
                f"extra_state: got {validation.shown(one)}; expected what has a state_dict() and"
                " a load_state_dict(state)"
            )
    return [one for one in listed if isinstance(one, Resumable)]


def _states(described: Any, tensors: safetensors.Arrays) -> list[tuple[str, dict[str, Any]]]:
    """Kind and state of all else that a checkpoint holds; takes their arrays from the tensors."""
    states = [(kind, dict(its)) for kind, its in described]
    for name in [name for name in tensors if name.startswith(_ALSO)]:
        k, of_it = name.removeprefix(_ALSO).split(".", 1)
        states[int(k)][1][of_it] = tensors.pop(name)
    return states


def _go_on(
    path: Any, extra_state: list[Resumable], states: list[tuple[str, dict[str, Any]]]
) -> None:
    came, held = [type(one).__name__ for one in extra_state], [kind for kind, _ in states]
    if came != held:
        got, expected = (", ".join(kinds) or "nothing" for kinds in (came, held))
        raise ValueError(
            f"extra_state: got {got}; expected {expected}, as in {path}, or None to leave them out"
        )
    before = [one.state_dict() for one in extra_state]
    try:
        for one, (_, state) in zip(extra_state, states, strict=True):
            one.load_state_dict(state)
    except KeyError as error:
        reason = f"got a damaged checkpoint ({error}); expected a whole"
    except ValueError as error:
        reason = str(error)
    else:
        return
    for one, old in zip(extra_state, before, strict=True):
        one.load_state_dict(old)
    raise ValueError(f"{path}: {reason}")


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
    return name.startswith((_SLOT, _ALSO)) or name in {_MEMORY, _MISSED, _AVERAGE}


def _by_name(custom_objects: Any) -> dict[str, Activation | Cost]:
    expected = "expected a list of fg.Activation and fg.Cost objects"
    if not isinstance(custom_objects, Iterable):
        raise TypeError(f"custom_objects: got {custom_objects!r}; {expected}")
    for function in (listed := list(custom_objects)):
        if not isinstance(function, Activation | Cost):
            raise TypeError(f"custom_objects: got {function!r}; {expected}")
    return safetensors.by_name("custom_objects", listed)


def _function(
    name: str, custom_objects: Mapping[str, Activation | Cost]
) -> str | Activation | Cost:
    """The user's own function of a name in a file, or the name of a built-in one."""
    if name.startswith("own ") and name not in custom_objects:
        came, called = ", ".join(custom_objects) or "none", name.split(maxsplit=2)[-1]
        raise ValueError(
            f"custom_objects: got {came}; expected the {name}, as in custom_objects=[{called}]"
        )
    return custom_objects.get(name, name)


def _read(
    path: Any, custom_objects: Iterable[Activation | Cost]
) -> tuple[Network, safetensors.Arrays, dict[str, Any] | None]:
    described, tensors, state = safetensors.read(path)
    metadata, training = described.pop("metadata"), described.pop("training")
    given = _by_name(custom_objects)
    try:
        described["activations"] = [_function(f, given) for f in described["activations"]]
        described["cost"] = [(_function(cost, given), *rest) for cost, *rest in described["cost"]]
        net = Network(**described)
        safetensors.set_training(net, training)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    tensors_of_net = {k: v for k, v in tensors.items() if not (state and _is_of_training(k))}
    safetensors.fill(path, safetensors.arrays(net), tensors_of_net)
    net.metadata.update(metadata)
    return net, tensors, state


class Checkpoint(Callback):
    """Write a checkpoint after each epoch, to `resume` from.

    It holds, in their order, the callbacks of the fit that have a state (`EarlyStopping`,
    `ReduceLROnPlateau`), as all of them have left it after the epoch, and then `extra_state`. After
    an epoch whose cost is not finite it writes nothing; nor, with a warning, where other numbers
    are not: the checkpoint before stays.

    Parameters
    ----------
    path : path-like
        Where to; each replaces the one before, in one step.
    extra_state : iterable of Chunks and the like
        What else goes on, as in `save_checkpoint`.
    """

    run_last = True

    def __init__(self, path: Any, extra_state: Iterable[Resumable | Callback] = ()) -> None:
        self.path, self.extra_state = (
            validation.path("path", path),
            tuple(_all_resumable(extra_state)),
        )

    def check(self, fit: Fit) -> None:
        """Refuse what no checkpoint can hold, and a folder that is not there."""
        safetensors.by_name(self.path, safetensors.functions(fit.net))
        _describe(fit.optimizer)
        validation.in_a_folder("path", self.path)

    def on_epoch_end(self, fit: Fit) -> None:
        """Write what one can go on from."""
        if not np.isfinite(fit.cost):
            return  # the fit ends, and says why
        extra_state: list[Resumable | Callback] = [*fit.callbacks, *self.extra_state]
        try:
            save_checkpoint(self.path, fit.net, fit.optimizer, fit.average, extra_state)
        except safetensors.NotFiniteError as error:
            message = f"Checkpoint: {error}; the one before stays"
            warnings.warn(message, RuntimeWarning, stacklevel=5)
