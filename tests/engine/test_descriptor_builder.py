"""What a descriptor says of a pass."""

import numpy as np

import fastgrad as fg
from fastgrad.engine import thread_pool
from fastgrad.engine.batch import Batch
from fastgrad.engine.engine import _ROW
from fastgrad.engine.entry_points import pass_address


def test_a_pass_over_one_row_writes_one_row(rng):
    engine = fg.Network([3, 4, 2], dtype="float64", seed=0).engine
    expected = engine.forward_row(x := rng.normal(size=(1, 3)))
    descriptor, none = engine._descriptor(_ROW), np.empty(0)
    rows, output = np.concatenate([x, x]), np.full((2, 2), 7.0)
    descriptor.bind(Batch(rows[:1], none, none, none), output=output[:1])
    thread_pool.run_alone(pass_address(True, engine.dtype), descriptor)
    assert output.tolist() == [expected[0].tolist(), [7.0, 7.0]]
