"""Ahead-of-time compilation, so that no later process waits for it."""

import time
from collections.abc import Callable

import numpy as np

from ..engine.entry_points import (
    REGULARIZERS,
    fleet_address,
    regularizer_address,
    row_pass_address,
    row_predictor,
)
from ..kernels.activations import ACTIVATIONS
from ..kernels.costs import COSTS
from ..kernels.update_rules import RULES, addresses
from ..network import Network
from ..optim.adam import Adam

__all__ = ["warm_up"]


def warm_up(report: Callable[[str], None]) -> None:
    """Compile all loops, activations, costs and update rules for both dtypes.

    Compiled code that is on disk is read. Functions with parameters that are not the defaults, such
    as "huber(delta=0.5)", are compiled when they are first used.

    Parameters
    ----------
    report : callable
        Called with a line of text after each dtype.
    """
    for dtype in ("float32", "float64"):
        begin = time.perf_counter()
        sizes = [1] * (len(ACTIVATIONS) + 1)
        net = Network(sizes, activations=list(ACTIVATIONS), dtype=dtype, seed=0)
        for samples in (1, 2):
            x = np.zeros((samples, 1))
            net.step(x, x, Adam())
            net.forward(x)
            net.fit(x, x, epochs=1, batch_size=samples, threads=2, verbose=0)
        fleet_address(np.dtype(dtype))
        for rule in RULES.values():
            addresses(rule, np.dtype(dtype))
        for name in REGULARIZERS:
            regularizer_address(name, np.dtype(dtype))
        for name, cost in COSTS.items():
            outputs = 2 if cost.link == "softmax" else 1
            net = Network([1, outputs], cost=name, dtype=dtype, seed=0)
            net.cost(np.zeros((1, 1)), np.eye(outputs)[:1])
            net.predict(np.zeros((1, 1)))
        for of_result in (np.dtype(dtype), np.dtype("float64")):
            row_pass_address(np.dtype(dtype), of_result)
            row_predictor(np.dtype(dtype), of_result)
        report(f"{dtype}  {time.perf_counter() - begin:.1f} s")
