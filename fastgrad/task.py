"""What a compiled pass is told, where its arrays lie, and how its threads meet."""

from typing import Any

import numpy as np

from . import machine, simd
from .jit import kernel
from .machine import view


def _record(names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names.split()])


#: Layer l: its nodes, the rows of W (nodes in whole tiles), the nodes in whole blocks of lanes,
#: the leading dimension of W. Addresses of W, b, dC_dW, dC_db and, for a mini-batch, of u, a, aT
#: and d; of the loop over f (and f', where a gradient is wanted). How many parameters stand before
#: W and b.
LAYER = _record("nodes rows padded leading W b dC_dW dC_db u a aT d f W_offset b_offset")

#: What to do. Each 0 or 1: compute the cost, the gradient, update the weights, draw a new order,
#: count the right classes, share equation 1 of the first layer by nodes, and equations 6 and 7 by
#: halves of the samples. The samples from `first` to `last` in mini-batches of `batch`, at most
#: `slab` at a time, by so many threads, who look so often for each other before they offer their
#: processor to someone else; over how many outputs the cost is a mean; how many samples and
#: parameters there are. All others are addresses, 0 where there is nothing:
#: the loops of the cost and of the update rule;
#: X (S, n_0), mean and scale of the inputs, Y (S, n_L) or class ids (S,), sample weights (S,), the
#: order of the samples (S,), and a^L (S, n_L) and dC/da0 (S, n_0) to write;
#: parameters, gradient and three slots of optimizer state, the optimizer's numbers h, what it
#: remembers beside the slots, m, what follows from both at a step, c, and the steps so far;
#: (bytes between the copies of the first layer's a and aT, one for each thread that needs its own)
#: to work in, for a mini-batch its sample numbers and weights w for each thread, targets y, C for
#: each thread, C and right classes of the panels, then the sums of both, the state of the random
#: numbers and the meeting point of the threads.
TASK = _record(
    "cost gradient update shuffle accuracy first_by_nodes halves"
    " first last batch slab threads patience outputs_averaged samples_in_all n_parameters"
    " cost_loop prepare_loop update_loop"
    " X input_mean input_scale Y ids weights order output input_gradient"
    " parameters dC slot_0 slot_1 slot_2 h m c steps copies_apart"
    " samples w y C_lanes C_panels right_panels C random arrived"
)


# --- Where things lie ---------------------------------------------------------------------------


@kernel
def panels_of(address: int, padded: int, task: Any, real: Any) -> Any:
    """u, a, d or y of a layer for the mini-batch: [p, i, s]."""
    lanes = simd.width(real)
    return view(address, (task.slab // lanes, padded, lanes), real.dtype)


@kernel
def blocks_of(address: int, padded: int, task: Any, real: Any) -> Any:
    """aT of a layer for the mini-batch: [q, s, j]."""
    lanes = simd.width(real)
    return view(address, (padded // lanes, task.slab, lanes), real.dtype)


@kernel
def numbers(address: int, n: int, real: Any) -> Any:
    """n numbers of the network's dtype."""
    return view(address, (n,), real.dtype)


@kernel
def rows_of(address: int, last: int, n: int, real: Any) -> Any:
    """The samples up to the last one of a mini-batch: X, Y or what is written: [s, i]."""
    return view(address, (last, n), real.dtype)


@kernel
def samples_of(task: Any, t: int) -> Any:
    """Numbers of the samples in the mini-batch, as thread t knows them."""
    return view(task.samples + t * task.slab * 8, (task.slab,), np.int64)


@kernel
def weights_of(task: Any, t: int, real: Any) -> Any:
    """w of the samples in the mini-batch, as thread t knows them."""
    return numbers(task.w + t * task.slab * machine.bytes_of(real), task.slab, real)


# --- The threads ---------------------------------------------------------------------------------


@kernel
def share(count: int, unit: int, t: int, threads: int) -> Any:
    """Range of thread t when `count` things go to the threads in multiples of `unit`."""
    units = count // unit
    return (units * t // threads * unit, units * (t + 1) // threads * unit)


@kernel
def whole(count: int) -> Any:
    """The range of all: numba would compile what takes (0, count), with a literal, once more."""
    return share(count, 1, 0, 1)


@kernel
def assemble(task: Any) -> Any:
    """Whether every thread has come: False where the system runs them one after the other."""
    arrived, decision = view(task.arrived, (1,), np.int64), view(task.arrived + 512, (1,), np.int64)
    machine.atomic_add(arrived, 1)
    waits = 0
    while machine.atomic_load(arrived) < task.threads and machine.atomic_load(decision) == 0:
        waits += 1
        if waits % task.patience == 0:
            machine.give_way()
        if waits > 100_000_000:
            machine.atomic_decide(decision, -1)
    machine.atomic_decide(decision, 1)
    return machine.atomic_load(decision) > 0


@kernel
def meet(task: Any, crossing: int) -> None:
    """Wait until every thread has come here for the `crossing`-th time."""
    if task.threads > 1:
        arrived = view(task.arrived, (1,), np.int64)
        machine.atomic_add(arrived, 1)
        waits = 0
        while machine.atomic_load(arrived) < crossing * task.threads:
            waits += 1
            if waits % task.patience == 0:
                machine.give_way()
