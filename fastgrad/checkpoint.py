"""Networks loaded from their files, and training resumed from its checkpoints."""

import time
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from . import validation
from .atomic_write import previous
from .formats import safetensors
from .kernels.activations import Activation
from .kernels.costs import Cost
from .model.function_names import by_name
from .model.layer import Arrays
from .model.spec import NetworkSpec
from .network import Network
from .optim.base import Optimizer, State
from .optim.epoch_position import EpochPosition
from .optim.optimizer_config import optimizer_config, optimizer_from_config
from .optim.weight_averages import EMA, SWA, resolve_average
from .train.base import Callback, Fit, TrainableNetwork
from .validation import choice

__all__ = ["MEMBER", "Checkpoint", "Resumable", "Resumed", "load", "resume", "save_checkpoint"]

# Names of tensors in a file; part of its format, as are the keys of the training state below.
_SLOT, _MEMORY, _FROZEN_STEPS = "optimizer.slot.", "optimizer.memory", "optimizer.missed"
_AVERAGE, _EXTRA = "average", "also."
MEMBER = "member."  # of the networks of an ensemble, which are in one file

# The keys of the training state.
_ENTRIES = {
    "optimizer", "rule", "lr", "numbers", "schedule", "clip", "steps", "apart", "fit", "random",
    "average", "also", "left", "position",
}  # fmt: skip
_MAX_STEPS = 2**53

_AVERAGES: dict[str, type[EMA | SWA]] = {"EMA": EMA, "SWA": SWA}


def load(path: Any, custom_objects: Iterable[Activation | Cost] = ()) -> Network:
    """Read a network from a file of `Network.save` or from a checkpoint.

    Parameters
    ----------
    path : path-like
        The file.
    custom_objects : iterable of Activation and Cost
        The custom functions of the network: a file holds only their names.

    Returns
    -------
    Network
        With bit-identical weights, but without the state of an optimizer.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, or needs a custom activation or cost that is not
        among `custom_objects`; if two different ones among these have the same name.
    """
    return _read(path, custom_objects)[0]


def networks_of(path: Any, specs: Mapping[str, NetworkSpec], arrays: Arrays) -> list[Network]:
    """The networks of these specs; their arrays are compared with them before anything is made.

    Parameters
    ----------
    path : path-like
        The file, for error messages.
    specs : mapping of str to NetworkSpec
        By what the names of their arrays begin with.
    arrays : dict of str to ndarray
        Those of all networks.

    Raises
    ------
    ValueError
        If the arrays are not those of the specs, or a spec contradicts itself.
    """
    shapes = ((begin, *shape) for begin, spec in specs.items() for shape in spec.shapes())
    named = ((begin + name, dtype, shape) for begin, name, dtype, shape in shapes)
    safetensors.check_shapes(path, named, arrays)
    try:
        networks = {begin: Network.from_spec(spec) for begin, spec in specs.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    into = {begin + name: a for begin, net in networks.items() for name, a in net.arrays.items()}
    safetensors.copy_arrays(path, into, arrays)
    return [*networks.values()]


@runtime_checkable
class Resumable(Protocol):
    """What a checkpoint can hold in addition to network and optimizer: callbacks, streams."""

    def state_dict(self) -> Mapping[str, Any]:
        """The state by name: arrays of finite numbers, and values that JSON can hold."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from such a state; a callback must keep it when the next fit begins."""


class Resumed(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    net : Network
        As it was, the state of its random numbers included.
    optimizer : Optimizer
        With its state and schedule.
    average : EMA, SWA or None
        Of the network's weights.
    """

    net: Network
    optimizer: Optimizer
    average: EMA | SWA | None

    @property
    def epochs_left(self) -> int | None:
        """Epochs that the fit had left, with the one that it was in; None: an earlier version's."""
        return self.net.engine.state(self.optimizer).epochs_left


def save_checkpoint(
    path: Any,
    net: Network,
    optimizer: Optimizer,
    average: EMA | SWA | None = None,
    extra_state: Iterable[Resumable | Callback] = (),
) -> None:
    """Write all that training needs to resume, atomically.

    A callback may call it at any time: in `on_batch_end` the checkpoint is one in the middle of an
    epoch. A checkpoint that is replaced remains beside the new one, as "fit.previous.safetensors"
    beside "fit.safetensors".

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced.
    net : Network
        The network that is trained.
    optimizer : Optimizer
        Its optimizer.
    average : EMA or SWA, optional
        The average of its weights.
    extra_state : iterable of callbacks, Chunks and the like
        What else is resumed: anything with the methods `state_dict` and `load_state_dict`.
        Callbacks without them, such as loggers, are left out.

    Raises
    ------
    TypeError
        If the learning rate is a custom function, which no file can hold, or something in
        `extra_state` has no state.
    ValueError
        If the average is of another network, or a number is not finite.
    OSError
        If the file cannot be written; an existing one then is unchanged.
    """
    validation.instance("net", net, Network)
    with net.engine.locks.queue, net.engine.locks.passes:
        _save(path, net, optimizer, average, extra_state)


def _save(
    path: Any,
    net: TrainableNetwork,
    optimizer: Optimizer,
    average: EMA | SWA | None,
    extra_state: Iterable[Resumable | Callback],
) -> None:
    average, saved = resolve_average(average), optimizer_config(optimizer)
    state = net.engine.state(optimizer)
    saved |= {
        "steps": int(state.steps[0]),
        "apart": state.per_layer,
        "fit": [state.fit_began, state.horizon],
        "left": state.epochs_left,
        "random": net.rng.bit_generator.state,
    }
    if position := state.position or state.resumes_at:
        saved["position"] = position.config()
    arrays = net.arrays | _optimizer_arrays(state)
    if average is not None:
        arrays[_AVERAGE] = average.of(net)
        numbers = average.share_and_count.tolist()
        saved["average"] = [type(average).__name__, average.number, numbers]
    saved["also"] = []
    for k, resumable in enumerate(_all_resumable(extra_state)):
        extra = resumable.state_dict()
        arrays |= {f"{_EXTRA}{k}.{n}": v for n, v in extra.items() if isinstance(v, np.ndarray)}
        others = {n: v for n, v in extra.items() if not isinstance(v, np.ndarray)}
        saved["also"].append([type(resumable).__name__, others])
    safetensors.write(path, net.spec, arrays, saved, keep=True)


def resume(
    path: Any,
    custom_objects: Iterable[Activation | Cost] = (),
    extra_state: Iterable[Resumable | Callback] | None = (),
) -> Resumed:
    """Read a checkpoint: network, optimizer and average, to resume training.

    Further steps and epochs have the same bits as if training had never stopped. A fit of exactly
    the epochs that remained continues a schedule that spans the fit. After a checkpoint in the
    middle of an epoch the first epoch is the rest of that one: it needs the same samples, batch
    size and shuffling.

    If the file is damaged, the checkpoint before it is used, with a warning.

    Parameters
    ----------
    path : path-like
        The file.
    custom_objects : iterable of Activation and Cost
        As for `load`.
    extra_state : iterable of callbacks, Chunks and the like, or None
        New objects that resume from the states that the checkpoint holds: of the same classes, in
        the same order; callbacks without a state are left out. None: ignore these states.

    Returns
    -------
    Resumed
        Network, optimizer and average.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, and so is the one before, or there is none; if it is of another
        kind, holds a network alone, or states of other classes than `extra_state`.
    """
    try:
        net, arrays, saved = _read(path, custom_objects)
    except safetensors.DamagedError as error:
        before = previous(path)
        if not before.is_file():
            raise
        warnings.warn(f"{error}; using the one before, {before}", stacklevel=2)
        return resume(before, custom_objects, extra_state)
    if saved is None:
        raise ValueError(f"{path}: got a network alone; expected a checkpoint")
    try:
        if unknown := saved.keys() - _ENTRIES:
            choice("state", min(unknown), _ENTRIES)
        states = _extra_states(saved["also"], arrays)
        optimizer = optimizer_from_config(saved)
        state = net.engine.state(optimizer)
        state.steps[0] = _count("steps", saved["steps"])
        began, horizon = validation.pair("fit", saved["fit"], "(step, steps)")
        state.fit_began = _count("fit[0]", began)
        state.horizon = None if horizon is None else _count("fit[1]", horizon)
        state.per_layer = validation.flag("apart", saved["apart"])
        state.epochs_left = saved.get("left")
        if state.epochs_left is not None:
            _count("left", state.epochs_left)
        if "position" in saved:
            state.resumes_at = EpochPosition.from_config(saved["position"])
        into = _optimizer_arrays(state)
        average: EMA | SWA | None = None
        if "average" in saved:
            kind, number, numbers = saved["average"]
            average = _AVERAGES[choice("average", kind, _AVERAGES)](number)
            into[_AVERAGE] = average.of(net)
            share, count = (validation.number("average", n, least=0) for n in numbers)
            average.share_and_count[:] = share, count
        net.rng.bit_generator.state = saved["random"]
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: got a damaged checkpoint ({error}); expected a complete one"
        ) from None
    of_training = {name: array for name, array in arrays.items() if _is_of_training(name)}
    safetensors.copy_arrays(path, into, of_training)
    if extra_state is not None:
        _load_states(path, _all_resumable(extra_state), states)
    return Resumed(net, optimizer, average)


def _all_resumable(extra_state: Any) -> list[Resumable]:
    is_one = isinstance(extra_state, Resumable)  # Chunks are iterable, too
    if is_one or not isinstance(extra_state, Iterable):
        raise TypeError(f"extra_state: got {extra_state!r}; expected a list of what is resumed")
    listed = list(extra_state)
    for one in listed:
        if not isinstance(one, Resumable | Callback):
            raise TypeError(
                f"extra_state: got {validation.shown(one)}; expected objects with a state_dict()"
                " and a load_state_dict(state)"
            )
    return [one for one in listed if isinstance(one, Resumable)]


def _extra_states(saved: Any, arrays: Arrays) -> list[tuple[str, dict[str, Any]]]:
    """Class and state of each object in `extra_state`; removes their arrays from the others."""
    states = [(str(kind), dict(state)) for kind, state in saved]
    for name in [name for name in arrays if name.startswith(_EXTRA)]:
        k, key = name.removeprefix(_EXTRA).split(".", 1)
        states[int(k)][1][key] = arrays.pop(name)
    return states


def _load_states(
    path: Any, extra_state: list[Resumable], states: list[tuple[str, dict[str, Any]]]
) -> None:
    """Let each object resume from its state: all of them, or after an error none."""
    received, saved = [type(one).__name__ for one in extra_state], [kind for kind, _ in states]
    if received != saved:
        got, expected = (
            validation.shortened(", ".join(kinds), 200) or "nothing" for kinds in (received, saved)
        )
        raise ValueError(
            f"extra_state: got {got}; expected {expected}, as in {path}, or None to ignore them"
        )
    before = [one.state_dict() for one in extra_state]
    try:
        for one, (_, state) in zip(extra_state, states, strict=True):
            one.load_state_dict(state)
    except KeyError as error:
        reason = f"got a damaged checkpoint ({error}); expected a complete one"
    except (ArithmeticError, TypeError, ValueError) as error:
        reason = str(error)
    else:
        return
    for one, old in zip(extra_state, before, strict=True):
        one.load_state_dict(old)
    raise ValueError(f"{path}: {reason}")


def _count(name: str, value: Any) -> int:
    return validation.integer(name, value, least=0, most=_MAX_STEPS)


def _optimizer_arrays(state: State) -> Arrays:
    """The arrays of an optimizer's state by their names in a file."""
    slots = {f"{_SLOT}{k}": slot for k, slot in enumerate(state.slots)}
    return {**slots, _MEMORY: state.memory, _FROZEN_STEPS: state.frozen_steps}


def _is_of_training(name: str) -> bool:
    return name.startswith((_SLOT, _EXTRA)) or name in {_MEMORY, _FROZEN_STEPS, _AVERAGE}


def _read(
    path: Any, custom_objects: Iterable[Activation | Cost]
) -> tuple[Network, Arrays, dict[str, Any] | None]:
    """The network, all arrays and the training state of a file."""
    spec, arrays, state = safetensors.read(path, custom_objects)
    if any(name.startswith(MEMBER) for name in arrays):
        kind = "TableModel" if "encoder" in spec.metadata else "Ensemble"
        raise ValueError(f"{path}: got the networks of an ensemble; load it with fg.{kind}.load")
    own = {name: a for name, a in arrays.items() if state is None or not _is_of_training(name)}
    return networks_of(path, {"": spec}, own)[0], arrays, state


class Checkpoint(Callback):
    """Write checkpoints during a fit, to `resume` from.

    Each holds, in their order, the callbacks of the fit that have a state (`EarlyStopping`,
    `ReduceLROnPlateau`), as they are then, and then `extra_state`. There is one after each epoch,
    or every few seconds, and always one where a fit is stopped, in the middle of an epoch too.
    While the cost is not finite none is written, nor if other numbers are not finite, which is a
    warning: the previous checkpoint is kept.

    Parameters
    ----------
    path : path-like
        The file. Each checkpoint replaces the previous one atomically; that remains beside it, as
        "fit.previous.safetensors" beside "fit.safetensors".
    extra_state : iterable of Chunks and the like
        What else is resumed, as in `save_checkpoint`.
    seconds : float, optional
        Time between two checkpoints, also within epochs; the last epoch always has one. By default
        there is one after each epoch.
    """

    run_last = True

    def __init__(
        self,
        path: Any,
        extra_state: Iterable[Resumable | Callback] = (),
        seconds: float | None = None,
    ) -> None:
        self.path = validation.path("path", path)
        self.extra_state = tuple(_all_resumable(extra_state))
        self.seconds = None if seconds is None else validation.number("seconds", seconds, least=0)
        self._written = time.monotonic()

    def check(self, fit: Fit) -> None:
        """Raise if no checkpoint can hold the fit, or none can be written there."""
        by_name(self.path, fit.net.spec.functions)
        optimizer_config(fit.optimizer)
        safetensors.check_writable("path", Path(self.path))

    def on_train_begin(self, fit: Fit) -> None:
        """Begin to measure the time."""
        self._written = time.monotonic()

    def on_batch_end(self, fit: Fit) -> None:
        """Write a checkpoint if the time has come, or the fit is stopped here."""
        if fit.history.stopped or self._is_due():
            self._write(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Write a checkpoint, unless the time is to come, or the fit was stopped before."""
        is_last = fit.history.stopped or fit.epoch + 1 == fit.epochs
        if fit.epoch_ended and (self.seconds is None or is_last or self._is_due()):
            self._write(fit)

    def _is_due(self) -> bool:
        return self.seconds is not None and time.monotonic() - self._written >= self.seconds

    def _write(self, fit: Fit) -> None:
        if not np.isfinite(fit.cost):
            return  # the fit ends, and warns
        extra_state: list[Resumable | Callback] = [*fit.callbacks, *self.extra_state]
        try:
            _save(self.path, fit.net, fit.optimizer, fit.average, extra_state)
        except safetensors.NotFiniteError as error:
            message = f"Checkpoint: {error}; the previous one is kept"
            warnings.warn(message, RuntimeWarning, stacklevel=6)
        self._written = time.monotonic()
