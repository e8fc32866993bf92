"""What a compiled pass is told, where its arrays lie, and how its threads meet."""

from typing import Any

import numpy as np

from ..codegen import intrinsics, simd
from ..codegen.intrinsics import view
from ..codegen.jit import array_kernel, kernel
from ..codegen.tile_shapes import HEIGHTS


def _record(names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names.split()])


#: Layer l: its nodes, the rows of W (nodes in whole tiles), the nodes in whole blocks of lanes,
#: the leading dimension of W. Addresses of W, b, dC_dW, dC_db and, for a mini-batch, of u, a, aT
#: and d; of the loops over f (and f', where a gradient is wanted), dropout, input noise, penalty
#: and largest norm, 0 where there is none, with their numbers (see regularization.py); of what
#: the update rule remembers, m, and needs at a step, c. How many parameters stand before W and b.
#: Each 0 or 1: whether it is trained, whether the penalty counts its biases.
LAYER = _record(
    "nodes rows padded leading W b dC_dW dC_db u a aT d f drop noise penalty cap options m c"
    " W_offset b_offset trains penalizes_b"
)

#: Outputs that have a cost of their own: the first, how many, and the address of its loop.
BLOCK = np.dtype([("first", np.int64), ("nodes", np.int64), ("loop", np.int64), ("weight", float)])

#: What to do. From the loops on all but `copies_apart` are addresses, 0 where there is nothing.
TASK = _record(
    # 0 or 1: compute the cost, the gradient, update the weights, count the right classes, disturb
    # by noise and dropout, limit the norm of the gradient, let rates and counts of steps differ
    # between layers, treat all parameters alike, share equation 1 of the first layer by nodes, and
    # equations 6 and 7 by halves of the samples
    "cost gradient update accuracy disturbs clips_norm layers_differ uniform first_by_nodes halves"
    # the samples from `first` to `last` in mini-batches of `batch`, at most `slab` at a time, of
    # which so many panels go `together` through the layers and back, by so many threads, who look
    # so often for each other before they offer their processor to someone else; the lowest layer
    # that is trained; how many samples there are, parameters, rows of all W
    " first last batch slab together threads patience lowest samples_in_all n_parameters n_rows"
    # and blocks of outputs; what a new order is drawn with, if there is to be one, and what noise
    # and dropout are
    " n_blocks shuffle key"
    # the loops of the update rule, of clipping and of the moving average
    " prepare_loop update_loop clip_loop follow_loop"
    # X (S, n_0), mean and scale of the inputs, Y (S, n_L) or class ids (S,), sample weights (S,),
    # the order of the samples (S,), and a^L (S, n_L) and dC/da0 (S, n_0) to write
    " X input_mean input_scale Y ids weights order output input_gradient"
    # parameters, gradient and three slots of optimizer state, the optimizer's numbers h, the steps
    # so far and those that each layer missed, the learning rates of the steps and the layers'
    # factors, the average, what it follows by, and by what at this step
    " parameters dC slot_0 slot_1 slot_2 h steps missed rates lr_scales average follows follow_c"
    # numbers for clipping; bytes between the copies of the first layer's a and aT, one for each
    # thread that needs its own; to work in, for a mini-batch its sample numbers and weights w for
    # each thread, targets y, C for each thread, C and right classes of the panels, squares of the
    # gradient; then the sums of C and right classes, the blocks of outputs and the meeting point
    " clip_c copies_apart samples w y C_lanes C_panels right_panels squares C blocks arrived"
)


# --- Where things lie ---------------------------------------------------------------------------


@array_kernel
def panels_of(address: int, padded: int, task: Any, real: Any) -> Any:
    """u, a, d or y of a layer for the mini-batch: [p, i, s]."""
    lanes = simd.width(real)
    return view(address, (task.slab // lanes, padded, lanes), real.dtype)


@array_kernel
def blocks_of(address: int, padded: int, task: Any, real: Any) -> Any:
    """aT of a layer for the mini-batch: [q, s, j]."""
    lanes = simd.width(real)
    return view(address, (padded // lanes, task.slab, lanes), real.dtype)


@array_kernel
def numbers(address: int, n: int, real: Any) -> Any:
    """n numbers of the network's dtype."""
    return view(address, (n,), real.dtype)


@array_kernel
def rows_of(address: int, last: int, n: int, real: Any) -> Any:
    """The samples up to the last one of a mini-batch: X, Y or what is written: [s, i]."""
    return view(address, (last, n), real.dtype)


@array_kernel
def samples_of(task: Any, t: int) -> Any:
    """Numbers of the samples in the mini-batch, as thread t knows them."""
    return view(task.samples + t * task.slab * 8, (task.slab,), np.int64)


@array_kernel
def weights_of(task: Any, t: int, real: Any) -> Any:
    """w of the samples in the mini-batch, as thread t knows them."""
    return numbers(task.w + t * task.slab * intrinsics.bytes_of(real), task.slab, real)


# --- The threads ---------------------------------------------------------------------------------


@kernel
def share(count: int, unit: int, t: int, threads: int) -> Any:
    """Range of thread t when `count` things go to the threads in multiples of `unit`."""
    units = count // unit
    return (units * t // threads * unit, units * (t + 1) // threads * unit)


@kernel
def share_of_nodes(task: Any, layer: Any, t: int) -> Any:
    """Range of nodes of a layer that thread t takes."""
    return share(layer.rows, HEIGHTS[-1], t, task.threads)


@kernel
def whole(count: int) -> Any:
    """The range of all: numba would compile what takes (0, count), with a literal, once more."""
    return np.int64(0), count


@kernel
def assemble(task: Any) -> Any:
    """Whether every thread has come: False where the system runs them one after the other."""
    arrived, decision = view(task.arrived, (1,), np.int64), view(task.arrived + 512, (1,), np.int64)
    intrinsics.atomic_add(arrived, 1)
    waits = 0
    while intrinsics.atomic_load(arrived) < task.threads and intrinsics.atomic_load(decision) == 0:
        waits += 1
        if waits % task.patience == 0:
            intrinsics.give_way()
        if waits > 20_000_000:
            intrinsics.atomic_decide(decision, -1)
    intrinsics.atomic_decide(decision, 1)
    return intrinsics.atomic_load(decision) > 0


@kernel
def meet(task: Any, crossing: int) -> None:
    """Wait until every thread has come here for the `crossing`-th time."""
    if task.threads > 1:
        arrived = view(task.arrived, (1,), np.int64)
        intrinsics.atomic_add(arrived, 1)
        waits = 0
        while intrinsics.atomic_load(arrived) < crossing * task.threads:
            waits += 1
            if waits % task.patience == 0:
                intrinsics.give_way()
