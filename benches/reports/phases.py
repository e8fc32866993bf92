"""Where the time of a step goes: `python -m benches.reports.phases [CASE ...]`.

Each part of a step is repeated alone, on one thread, on the workspace of a network that has just
been trained. Below their sum is the time of a step within a fit, on one thread and on all; it
differs from the sum by the state of the caches between the parts, the shuffle, and Python.
"""

import argparse
import time

import numpy as np

import fastgrad as fg
from benches.common.cases import CASES, from_command_line
from benches.common.hardware import ALL, peak, processor
from fastgrad.codegen.jit import kernel
from fastgrad.engine.batch_pass import backward_layers, cost, forward_layers
from fastgrad.engine.descriptor import context, layer_at
from fastgrad.engine.engine import PassRequest, Training
from fastgrad.engine.layer_kinds import dense
from fastgrad.engine.minibatch import gather, microbatch, select_samples
from fastgrad.engine.partition import full_range
from fastgrad.engine.weight_update import exchange_and_apply
from fastgrad.train.inputs import as_batch

PARTS = (
    "select the samples", "gather their inputs", "forward: eq. 1, 2", "cost: eq. 8",
    "backward: eq. 3, 5", "gradient: eq. 6, 7", "update",
)  # fmt: skip
_TURNS, _TURN_SECONDS = 15, 3e-3


@kernel
def repeat(part, times, descriptor, layers, n_layers):
    """One part of the step on the first mini-batch, several times."""
    ctx = context(0, descriptor, layers, n_layers, np.float32)
    micro = microbatch(ctx, 0, ctx.descriptor.batch_size, 0)
    panels = full_range(micro.n_panels)
    for _ in range(times):
        if part == 0:
            select_samples(ctx, micro, panels)
        elif part == 1:
            gather(ctx, micro, panels)
        elif part == 2:
            forward_layers(ctx, micro, panels)
        elif part == 3:
            cost(ctx, micro, panels)
        elif part == 4:
            backward_layers(ctx, panels)
        elif part == 5:
            for l in range(1, ctx.n_layers):
                nodes = full_range(layer_at(ctx, l).rows)
                dense.parameter_gradient(ctx, l, ctx.descriptor.dC, nodes, panels, False)
        else:
            exchange_and_apply(ctx)


def best_of(run):
    """Seconds per call: the best of several turns, each a few milliseconds long."""
    begin = time.perf_counter()
    run(1)
    times = max(1, round(_TURN_SECONDS / (time.perf_counter() - begin)))
    best = np.inf
    for _ in range(_TURNS):
        begin = time.perf_counter()
        run(times)
        best = min(best, (time.perf_counter() - begin) / times)
    return best


def measure(case):
    """Seconds of each part, and of a step in a fit on one thread and on all."""
    cost = "softmax_cross_entropy" if case.classes else "mse"
    net = fg.Network(case.sizes, activations=case.activation, cost=cost, seed=0)
    X, Y = case.data()
    adam = fg.Adam(1e-3)

    def fit(threads, epochs):
        net.fit(X, Y, epochs=epochs, batch_size=case.batch_size, optimizer=adam, threads=threads)

    steps = len(X) / case.batch_size
    fit(1, 1)
    whole_steps = [best_of(lambda n, t=t: fit(t, n)) / steps for t in sorted({1, ALL})]
    batch = as_batch(net, X, Y)
    request = PassRequest(case.batch_size, last=0, training=Training(adam), threads=1)
    net.engine._run(batch, request)  # over no samples: binds all addresses
    descriptor = net.engine._descriptor(request)
    descriptor.set(threads=1, first_by_nodes=0)  # one thread, which does every layer
    repeat(0, 0, *descriptor.addresses)  # compiles
    parts = [best_of(lambda n, k=k: repeat(k, n, *descriptor.addresses)) for k in range(len(PARTS))]
    return parts, whole_steps


def report(name, case):
    """Print a line for each part."""
    parts, whole_steps = measure(case)
    first, *others = (n * m for n, m in zip(case.sizes[:-1], case.sizes[1:], strict=True))
    every = first + sum(others)
    print(f"{name}: {'-'.join(map(str, case.sizes))} {case.activation}, batch {case.batch_size}")
    weights = (0, 0, every, 0, sum(others), every, 0)
    for part, seconds, n in zip(PARTS, parts, weights, strict=True):
        speed = f"{2e-9 * n * case.batch_size / seconds:8.0f} GFLOP/s" if n else ""
        print(f"  {part:22s}{1e6 * seconds:9.2f} us{seconds / sum(parts):7.1%}{speed}")
    print(f"  {'all parts':22s}{1e6 * sum(parts):9.2f} us")
    for threads, seconds in zip(sorted({1, ALL}), whole_steps, strict=True):
        print(f"  {f'a step, threads={threads}':22s}{1e6 * seconds:9.2f} us")


def main():
    """A table for each case."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.phases", description=__doc__)
    options = from_command_line(parser, [name for name in CASES if name != "online"])
    print(f"{processor()}; peak {peak(1):.0f} GFLOP/s on one thread")
    for name in options.cases:
        report(name, CASES[name])


if __name__ == "__main__":
    main()
