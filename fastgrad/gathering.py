"""Samples on their way into a pass: their order, targets and weights, and their inputs."""

from typing import Any

import numpy as np

from . import simd
from .jit import kernel
from .kernels import gather_panels, transpose_panels
from .machine import call, view
from .randomness import bits
from .task import blocks_of, numbers, panels_of, rows_of, samples_of, share, weights_of


@kernel
def shuffle(task: Any) -> None:
    """Random permutation (Fisher, Yates) by xorshift (G. Marsaglia, 2003, triple 13, 7, 17)."""
    order, random = (
        view(task.order, (task.samples_in_all,), np.uint32),
        view(task.random, (1,), np.uint64),
    )
    x = random[0]
    for k in range(order.size):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        r = np.int64(((x >> np.uint64(32)) * np.uint64(k + 1)) >> np.uint64(32))
        order[k] = order[r]
        order[r] = np.uint32(k)
    random[0] = x


@kernel
def sample_at(task: Any, position: int) -> Any:
    """The sample at that position of the order."""
    if task.order:
        return np.int64(view(task.order, (position + 1,), np.uint32)[position])
    return position


@kernel
def weight_of(task: Any, sample: int, S: int, real: Any) -> Any:
    """w_s / S."""
    w_s = numbers(task.weights, sample + 1, real)[sample] if task.weights else 1.0
    return w_s / S


@kernel
def target(task: Any, sample: int, i: int, n: int, real: Any) -> Any:
    """y_i of a sample: from its row of Y or, with class ids, 1 at the node of its class."""
    if task.ids:
        return 1.0 if view(task.ids, (sample + 1,), np.int64)[sample] == i else 0.0
    return float(numbers(task.Y, sample * n + i + 1, real)[sample * n + i])


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
    for k in range(panels[0] * lanes, panels[1] * lanes):
        samples[k] = sample_at(task, min(first + k, last - 1))
        w[k] = weight_of(task, samples[k], S, real) if first + k < last else 0.0


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
