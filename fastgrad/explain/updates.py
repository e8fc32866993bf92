"""The update of one parameter, followed through the loop of its rule."""

import copy
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from ..engine.batch import Batch
from ..engine.engine import Training
from ..optim.base import Optimizer
from ..train.base import TrainableNetwork
from .formulas import Formatter
from .loops import loop_of, loop_of_function, tags_of
from .steps import Place, Step
from .tracing import UntraceableError, trace

__all__ = ["update_steps"]


class _UpdatedParameter(NamedTuple):
    """What a parameter is before and after a step, and what its rule was given and remembers."""

    before: float
    gradient: float
    after: float
    slots: list[tuple[float, float]]  # before and after
    constants: Any
    lr: float
    t: int  # of the step, from 1

    def is_near(self, number: float, stored: float) -> bool:
        """Whether a number is the stored one but for rounding, beside the size of the step."""
        rounding = 16 * float(np.finfo(self.constants.dtype).eps)
        step = abs(self.after - self.before)
        return bool(np.isclose(number, stored, rounding, 1e-4 * step + 1e-37, equal_nan=True))


def update_steps(
    net: TrainableNetwork, optimizer: Optimizer, batch: Batch, place: Place, gradient: float,
    write: Formatter,
) -> tuple[list[Step], float]:  # fmt: skip
    """The steps from dC/dW to the next W, of a copy of the network; and the next W.

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
    layer, l, w = net.layers[place.l - 1], place.l, place.symbol
    parameter = _updated(net, optimizer, batch, place)
    after = parameter.after
    if not layer.trainable:
        before = write.number(parameter.before)
        return [Step("Update", "", l, f"{w} = {w}, frozen", before, after)], after
    steps = _corrections(optimizer, parameter, l, layer.lr_scale, write)
    if optimizer.clips:
        steps.append(_scaled("23", l, "g", f"dC/d{w}", gradient, parameter.gradient, write))
    is_limited = place.j is not None and layer.max_norm < np.inf
    found, unlimited = _by_the_rule(optimizer.rule, parameter, l, is_limited, write)
    steps += found
    if is_limited:
        steps.append(_scaled("42", l, w, "w", unlimited, after, write))
    return steps, after


def _corrections(
    optimizer: Optimizer, parameter: _UpdatedParameter, l: int, lr_scale: float, write: Formatter
) -> list[Step]:
    """Equation (33): what stands before m and the root of v at this step of Adam."""
    if optimizer.rule_name not in {"adam", "amsgrad"}:
        return []
    beta1, beta2 = (write.number(value) for value in optimizer.h[1:3])
    rate, correction = float(parameter.constants[0]), float(parameter.constants[5])
    lr, t = write.number(parameter.lr * lr_scale), parameter.t
    loop = loop_of_function(optimizer.rule.prepare) if optimizer.rule else None
    numbers = f"{lr} / (1 - {beta1}^{t})", f"1 / √(1 - {beta2}^{t})"
    symbols = "rate = lr / (1 - beta1^t)", "correction = 1 / √(1 - beta2^t)"
    return [
        Step("Update", "33", l, symbols[0], numbers[0], rate, loop),
        Step("Update", "33", l, symbols[1], numbers[1], correction, loop),
    ]


def _scaled(
    equation: str, l: int, name: str, of: str, before: float, after: float, write: Formatter
) -> Step:
    """A number that is limited by a factor for many: (23), or (42)."""
    factor = after / before if before else 1.0
    numbers = f"{write.number(factor)}·{write.factor(before)}"
    symbols = f"{name} = factor·{of}"
    return Step("Update", equation, l, symbols, numbers, after, loop_of(equation))


def _by_the_rule(
    rule: Any, parameter: _UpdatedParameter, l: int, is_limited: bool, write: Formatter
) -> tuple[list[Step], float]:
    """The lines of the rule, with the engine's numbers where it stores them; and w after them.

    Where they cannot be followed, or lead elsewhere than the engine, what goes in and comes out.
    """
    w, g, *slots, c, n = signature(rule.update).parameters
    of_slots = list(zip(slots, parameter.slots, strict=False))
    given: dict[str, Any] = {w: np.array([parameter.before]), g: np.array([parameter.gradient])}
    given |= {name: np.zeros(1) for name in slots}
    given |= {name: np.array([before]) for name, (before, _) in of_slots}
    given |= {c: parameter.constants.astype(float), n: 1}
    stored = {name: after for name, (_, after) in of_slots}
    stored |= {} if is_limited else {w: parameter.after}
    loop = None
    try:
        loop = loop_of_function(rule.update)
        lines = trace(rule.update, given, write)
        follows = all(parameter.is_near(float(given[k][0]), value) for k, value in stored.items())
    except (OSError, TypeError, UntraceableError):
        follows = False
    if not follows:
        before, gradient = write.number(parameter.before), write.number(parameter.gradient)
        numbers = f"update({before}, {gradient})"
        step = Step("Update", "", l, "w = update(w, g)", numbers, parameter.after, loop)
        return [step], parameter.after
    last = {line.argument: k for k, line in enumerate(lines)}
    steps = []
    for k, line in enumerate(lines):
        is_last = line.argument in stored and last[line.argument] == k
        tags = [line.equation, *(tags_of(rule.prepare) if line.argument == w else [])]
        equation = ", ".join(filter(None, tags))
        value = stored[line.argument] if is_last else line.value
        symbols = f"{line.target} = {line.symbols}"
        steps.append(Step("Update", equation, l, symbols, line.numbers, value, loop))
    return steps, float(given[w][0])


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
    t = int(state.steps[0] - state.frozen_steps[place.l])
    after = value(workspace.parameters)
    return _UpdatedParameter(before, value(gradient), after, pairs, constants, by.lr, t)
