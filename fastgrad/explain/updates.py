"""The update of one parameter, followed through the loop of its rule."""

import copy
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..engine.batch import Batch
from ..engine.engine import Training
from ..optim.base import Optimizer
from ..train.base import TrainableNetwork
from .formulas import Formatter
from .loops import loop_of, loop_of_function
from .steps import Place, Step
from .tracing import trace

__all__ = ["update_steps"]


class _UpdatedParameter(NamedTuple):
    """What a parameter is before and after a step, and what its rule was given and remembers."""

    before: float
    gradient: float
    after: float
    slots: list[tuple[float, float]]  # before and after
    constants: Any


def update_steps(
    net: TrainableNetwork, optimizer: Optimizer, batch: Batch, place: Place, gradient: float,
    write: Formatter,
) -> Iterator[Step]:  # fmt: skip
    """The steps from dC/dW to the next W, of a copy of the network that is trained on the samples.

    Parameters
    ----------
    net : Network
        What would be trained.
    optimizer : Optimizer
        By which.
    batch : Batch
        The mini-batch.
    place : Place
        Which parameter.
    gradient : float
        dC/dW.
    write : Formatter
        Of the numbers.
    """
    layer, l = net.layers[place.l - 1], place.l
    parameter = _updated(net, optimizer, batch, place)
    before, after = write.number(parameter.before), parameter.after
    if not layer.trainable:
        yield Step("Update", "", l, f"{place.symbol} = {place.symbol}, frozen", before, after)
        return
    if optimizer.clips:
        symbols = f"g = dC/d{place.symbol}, clipped"
        clipped, loop = parameter.gradient, loop_of("23")
        yield Step("Update", "23", l, symbols, write.number(gradient), clipped, loop)
        gradient = parameter.gradient
    rule: Any = optimizer.rule
    w, g, *slots, c, n = inspect.signature(rule.update).parameters
    given: dict[str, Any] = {w: np.array([parameter.before]), g: np.array([gradient])}
    given |= {name: np.zeros(1) for name in slots}
    given |= {name: np.array([b]) for name, (b, _) in zip(slots, parameter.slots, strict=False)}
    given |= {c: parameter.constants.astype(float), n: 1}
    stored = {name: after for name, (_, after) in zip(slots, parameter.slots, strict=False)}
    limited = place.j is not None and layer.max_norm < np.inf
    stored |= {} if limited else {w: after}
    loop = loop_of_function(rule.update)
    for line in trace(rule.update, given, write):
        value = stored.get(line.argument, line.value)
        symbols = f"{line.target} = {line.symbols}"
        yield Step("Update", line.equation, l, symbols, line.numbers, value, loop)
    if limited:
        symbols = f"{place.symbol}, its row scaled to a norm of at most {layer.max_norm:g}"
        unlimited = write.number(given[w][0])
        yield Step("Update", "42", l, symbols, unlimited, after, loop_of("42"))


def _updated(
    net: TrainableNetwork, optimizer: Optimizer, batch: Batch, place: Place
) -> _UpdatedParameter:
    """The same step, by the engine, on a copy without noise and dropout."""
    trained, by = copy.deepcopy((net, optimizer))
    trained.inputs.noise = trained.inputs.dropout = 0.0
    for layer in trained.layers[:-1]:
        layer.dropout = 0.0
    workspace, state = trained.engine.workspace, trained.engine.state(by)

    def value(flat: Any) -> float:
        return place.of(workspace.views(flat))

    before, slots = value(workspace.parameters), [value(slot) for slot in state.slots]
    trained.engine.step(batch, Training(by))
    gradient = workspace.scratch.gradient[: len(workspace.parameters)]
    pairs = [(old, value(slot)) for old, slot in zip(slots, state.slots, strict=True)]
    constants = workspace.constants[place.l if state.per_layer else 1]
    return _UpdatedParameter(before, value(gradient), value(workspace.parameters), pairs, constants)
