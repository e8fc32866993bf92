"""From a network, samples and a parameter to the explanation of its derivative."""

from typing import Any

import numpy as np

from .. import validation
from ..optim.base import Optimizer, resolve_optimizer
from ..train.base import TrainableNetwork
from ..train.inputs import encoded_batch
from .arrays import gradient_arrays
from .chain import Chain
from .explanation import Explanation
from .formulas import Formatter
from .steps import Place
from .updates import update_steps

__all__ = ["explain"]


def explain(
    net: TrainableNetwork, x: Any, y: Any, sample_weight: Any, of: tuple[Any, Any, Any],
    optimizer: Optimizer | None, sample: Any, digits: Any,
) -> Explanation:  # fmt: skip
    """Explain the derivative with respect to W_ij or b_i `of` (l, i, j): see `Network.explain`."""
    place = _place(net, *of)
    digits = validation.integer("digits", digits, least=1, most=17)
    x, y = validation.single_sample("x", x, y, net.n_inputs, len(net.heads))
    net.inputs.check_standardized()
    net.targets.check_standardized()
    batch = encoded_batch(net, x, y, sample_weight, names=("x", "y", "sample_weight"))
    S = len(batch.X)
    sample = validation.integer("sample", sample, least=0, most=S - 1)
    write = Formatter(digits)
    if optimizer is not None:
        resolve_optimizer(optimizer).addresses(net.dtype)  # raises if it has no rule
        optimizer.check_layers(net.layers)
    most = net.engine.workspace.scratch.layout.largest_microbatch
    if most < S:
        raise ValueError(f"x: got {S} samples; expected a mini-batch of at most {most}")
    locks, next_value = net.engine.locks, None
    # a fit in another thread waits meanwhile; overflows are shown as they are
    with locks.queue, locks.passes, np.errstate(all="ignore"):
        arrays = gradient_arrays(net.engine, batch, sample, place)
        value = place.of(net.engine.workspace.views(arrays.dC))
        chain = Chain(net, batch, sample, place, arrays, write)
        steps = [*chain.forward(), *chain.cost(), *chain.backward(), *chain.gradient(value)]
        if optimizer is not None:
            more, next_value = update_steps(net, optimizer, batch, place, value, write)
            steps += more
    sizes = "-".join(map(str, net.sizes))
    names = ", ".join(dict.fromkeys(f.name for f in net.spec.activations))
    samples = "one sample" if S == 1 else f"{S:,} samples, of which number {sample} is shown"
    cost = " + ".join(head.cost.name for head in net.heads)
    of_what = f"{sizes}, {names}, {cost}; {samples}; nodes count from 0"
    return Explanation(place.symbol, place.l, of_what, value, next_value, tuple(steps), digits)


def _place(net: TrainableNetwork, layer: Any, i: Any, j: Any) -> Place:
    """The parameter that is asked for."""
    l = validation.integer("layer", layer, least=1, most=len(net.layers))
    i = validation.integer("i", i, least=0, most=net.sizes[l] - 1)
    if j is not None:
        j = validation.integer("j", j, least=0, most=net.sizes[l - 1] - 1)
    return Place(l, i, j)
