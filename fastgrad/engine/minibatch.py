"""Samples on their way into a pass: their order, targets and weights, and their inputs."""

from typing import Any

import numpy as np

from ..codegen import simd
from ..codegen.intrinsics import call, view
from ..codegen.jit import kernel
from ..kernels.counter_rng import bits
from ..kernels.equations import gather_panels, transpose_panels
from .descriptor import blocks_of, numbers, panels_of, rows_of, samples_of, share, weights_of


@kernel
def shuffle(task: Any) -> None:
    """Random permutation (R. A. Fisher, F. Yates): each next one changes places with one so far."""
    order = view(task.order, (task.samples_in_all,), np.uint32)
    key = bits(task.shuffle, task.shuffle >> 32)
    for k in range(order.size):  # all draws first: apart from what follows they vectorise
        order[k] = np.uint32((np.uint64(bits(k, key)) * np.uint64(k + 1)) >> np.uint64(32))
    for k in range(order.size):
        r = order[k]
        order[k] = order[r]
        order[r] = np.uint32(k)


@kernel
def sample_at(order: int, position: int) -> Any:
    """The sample at that position of the order, if there is one."""
    if order:
        return np.int64(view(order, (position + 1,), np.uint32)[position])
    return position


@kernel
def weight_of(weights: int, sample: int, S: int, real: Any) -> Any:
    """w_s / S, where all w_s are 1 if there are none."""
    w_s = numbers(weights, sample + 1, real)[sample] if weights else 1.0
    return w_s / S


@kernel
def targets(task: Any, samples: Any, y: Any, n: int, real: Any) -> None:
    """y_is of some samples: from their rows of Y or, with class ids, 1 at the node of the class."""
    if task.ids:
        ids = view(task.ids, (task.samples_in_all,), np.int64)
        for i in range(n):
            for s in range(samples.size):
                y[i, s] = 1 if ids[samples[s]] == i else 0
    else:
        Y = rows_of(task.Y, task.samples_in_all, n, real)
        for i in range(n):
            for s in range(samples.size):
                y[i, s] = Y[samples[s], i]


@kernel
def share_of_panels(task: Any, count: int, t: int) -> Any:
    """Range of thread t: its halves, where the gradient goes by samples."""
    if task.halves:
        halves = share(2, 1, t, task.threads)
        return count * halves[0] // 2, count * halves[1] // 2
    return share(count, 1, t, task.threads)


@kernel
def choose(task: Any, first: int, last: int, S: int, t: int, panels: Any, real: Any) -> None:
    """Numbers and weights of the samples; weightless copies of one fill the last panel."""
    lanes = simd.width(real)
    samples, w = samples_of(task, t), weights_of(task, t, real)
    order, weights = task.order, task.weights  # now, since LLVM fears that the loop changes them
    for k in range(panels[0] * lanes, panels[1] * lanes):
        samples[k] = sample_at(order, min(first + k, last - 1))
        w[k] = weight_of(weights, samples[k], S, real) if first + k < last else 0.0


@kernel
def key_of(task: Any, step: int, l: int) -> Any:
    """What the random numbers of a layer at a step of the epoch are drawn with."""
    return np.int64(bits(bits(step, task.key) + l, task.key >> 32))


@kernel
def gather(task: Any, layer: Any, t: int, panels: Any, step: int, at: int, real: Any) -> None:
    """The inputs of the samples chosen, into the copy of thread t; disturbed, if that is asked."""
    X = rows_of(task.X, task.samples_in_all, layer.nodes, real)
    samples = samples_of(task, t)
    mean = numbers(task.input_mean, layer.padded, real)
    scale = numbers(task.input_scale, layer.padded, real)
    a = panels_of(layer.a + t * task.copies_apart, layer.padded, task, real)
    aT = blocks_of(layer.aT + t * task.copies_apart, layer.padded, task, real)
    gather_panels(X, samples, mean, scale, a, aT, panels)
    if task.disturbs and (layer.noise or layer.drop):
        n, key = layer.nodes * simd.width(real), key_of(task, step, 0)
        for p in range(panels[0], panels[1]):
            disturb_inputs(layer, a[p], n, (at + p) * n, key, real)
        transpose_panels(a, aT, panels)


@kernel
def disturb_inputs(layer: Any, a: Any, n: int, first: int, key: int, real: Any) -> None:
    """Noise and dropout on n inputs, which count from `first` in their mini-batch."""
    options = numbers(layer.options, 16, real)
    if layer.noise:
        call(layer.noise, (a, options), (n, first, key))
    if layer.drop:
        call(layer.drop, (a, options), (n, first, np.int64(bits(1, key))))
