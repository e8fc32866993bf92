"""The loops that are measured compute their equations, and seconds become operations per second."""

import numpy as np
import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.codegen import limits
from fastgrad.codegen.dtypes import LANES
from fastgrad.codegen.jit import run
from fastgrad.engine import layer_speed
from fastgrad.engine.descriptor import TOTALS

S, SIZES = 20, [5, 7, 3]


def numbers_of(scratch, l, name):
    """u, d or another array of a layer for the samples of a mini-batch: (S, n_l), and its view."""
    layer, flat = scratch.layers[l], scratch.arrays[0]
    first = (int(layer[name]) - flat.ctypes.data) // flat.itemsize
    n, lanes = int(layer["padded_nodes"]), LANES[flat.dtype]
    panels = flat[first : first + scratch.layout.microbatch * n].reshape(-1, n, lanes)
    return panels.transpose(0, 2, 1).reshape(-1, n)[:, : SIZES[l]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_loop_computes_its_equation(dtype, rng):
    net = fg.Network(SIZES, dtype=dtype, seed=0)
    engine = net.engine
    descriptor = engine.bind_step(fg.SGD(), S, np.zeros(TOTALS), np.zeros(1))
    scratch = engine.workspace.scratch
    scratch.arrays[0][:] = rng.normal(size=scratch.arrays[0].size)
    loop = layer_speed._address(net.dtype)
    n_panels = -(-S // LANES[net.dtype])
    W, b = net.layers[1].W, net.layers[1].b
    close = {"rtol": 1e-4, "atol": 1e-4}

    a, d, df = (numbers_of(scratch, l, name) for l, name in ((1, "a"), (2, "d"), (1, "u")))
    run(loop, 1, 2, n_panels, 3, *descriptor.addresses)
    np.testing.assert_allclose(numbers_of(scratch, 2, "u"), a @ W.T + b, **close)
    run(loop, 5, 2, n_panels, 3, *descriptor.addresses)
    np.testing.assert_allclose(numbers_of(scratch, 1, "d"), d @ W * df, **close)
    layer, flat = scratch.layers[1], scratch.arrays[0]
    first = (int(layer["aT"]) - flat.ctypes.data) // flat.itemsize
    size = scratch.layout.microbatch * int(layer["padded_nodes"])
    columns = flat[first : first + size].reshape(-1, scratch.layout.microbatch, LANES[net.dtype])
    aT = columns.transpose(1, 0, 2).reshape(scratch.layout.microbatch, -1)[:, : SIZES[1]]
    run(loop, 7, 2, n_panels, 3, *descriptor.addresses)
    _, (dC_dW, dC_db) = engine.workspace.views(scratch.gradient[: len(net.parameters)])
    np.testing.assert_allclose(dC_dW, d.T @ aT, **close)
    np.testing.assert_allclose(dC_db, d.sum(axis=0), **close)


def test_seconds_become_operations_per_second(monkeypatch):
    def timeit(loop, number):
        loop()
        return 4e-3 * number

    monkeypatch.setattr(layer_speed.timeit, "timeit", timeit)
    monkeypatch.setattr(layer_speed, "peak", lambda dtype, turns: 7.0)
    net = fg.Network(SIZES, dtype="float64", seed=0)
    roof, speeds = layer_speed.layer_speeds(net.engine, fg.SGD(), S)
    assert roof == 7
    assert [(one.equation, one.layer) for one in speeds] == [(1, 1), (7, 1), (1, 2), (5, 2), (7, 2)]
    for one in speeds:
        n, m = SIZES[one.layer], SIZES[one.layer - 1]
        assert one.gflops == pytest.approx(2 * n * m * S / 4e-3 / 1e9)
        assert one.intensity == pytest.approx(2 * n * m * S / (8 * (n * m + n * S + m * S)))


@jitted_only
def test_what_a_processor_can_do():
    assert 0.1 < limits.peak(turns=3) < 1e4
    assert limits.peak(np.float64, turns=3) < 0.9 * limits.peak(turns=3)
    assert 0.1 < limits.bandwidth(0.4) < 1e4
