"""Where the time of a step goes: `python -m benches.phases [CASE ...]`.

Each part of a step is repeated alone, on one thread, on the memory of a network that has just been
trained; beside their sum stands the step as it takes place in a fit, on one thread and on all.
What the sum lacks is what the parts leave to each other in the caches, the shuffle, and Python.
"""

import argparse
import time

import numpy as np

import fastgrad as fg
from benches.cases import CASES, from_command_line
from benches.machine import ALL, peak, processor
from fastgrad.codegen import simd
from fastgrad.codegen.intrinsics import view
from fastgrad.codegen.jit import kernel
from fastgrad.engine import batch_pass, minibatch, weight_update
from fastgrad.engine.descriptor import LAYER, TASK, whole
from fastgrad.engine.engine import Training
from fastgrad.train.inputs import as_batch

PARTS = (
    "choose the samples", "gather their inputs", "forward: eq. 1, 2", "cost: eq. 8",
    "backward: eq. 3, 5", "gradient: eq. 6, 7", "update",
)  # fmt: skip
_TURNS, _TURN_SECONDS = 15, 3e-3


@kernel
def repeat(part, times, tasks, table, n_layers, real):
    """One part of the step on the first mini-batch, so many times."""
    task, layers = view(tasks, (1,), TASK)[0], view(table, (n_layers,), LAYER)
    count = -(-task.batch // simd.width(real))
    panels = whole(count)
    for _ in range(times):
        if part == 0:
            minibatch.choose(task, 0, task.batch, task.batch, 0, panels, real)
        elif part == 1:
            minibatch.gather(task, layers[0], 0, panels, 0, 0, real)
        elif part == 2:
            batch_pass.forward_all(task, layers, panels, 0, 0, real)
        elif part == 3:
            batch_pass.cost(task, layers, 0, panels, task.batch, real)
        elif part == 4:
            batch_pass.backward(task, layers, panels, real)
        elif part == 5:
            for l in range(1, layers.size):
                nodes = whole(layers[l].rows)
                weight_update.weight_gradients(task, layers, l, 0, 0, nodes, panels, False, real)
        else:
            weight_update.settle(task, layers, 0, 0, real)


def best_of(run):
    """Seconds of a call: of all turns, each some milliseconds long, the best."""
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
    data = as_batch(X, Y, dtype=net.dtype, n_inputs=net.n_inputs, heads=net.heads)
    how = Training(adam)
    net.engine.compile(data, how, case.batch_size)  # a pass over no sample tells where all is
    told = net.engine._order(case.batch_size, cost=True, gradient=True, training=how)
    told.tell(threads=1, first_by_nodes=0)  # a part is not shared, and no layer left to others
    one = np.zeros(1, np.float32)
    repeat(0, 0, *told.where, one)  # compiles
    parts = [best_of(lambda n, k=k: repeat(k, n, *told.where, one)) for k in range(len(PARTS))]
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
    parser = argparse.ArgumentParser(prog="python -m benches.phases", description=__doc__)
    options = from_command_line(parser, [name for name in CASES if name != "online"])
    print(f"{processor()}; peak {peak(1):.0f} GFLOP/s on one thread")
    for name in options.cases:
        report(name, CASES[name])


if __name__ == "__main__":
    main()
