"""What a prediction needs of memory: its result, and 64 MiB at most."""

import subprocess
import sys

import pytest
from helpers.run_mode import jitted_only

PROGRAM = """
import resource
import sys
import numpy as np
import fastgrad as fg

net = fg.Network([4, 16, 10], cost=sys.argv[1], seed=0)
X = np.random.default_rng(0).normal(size=(1_500_000, 4)).astype(np.float32)
net.predict(X[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
p = net.predict(X)
more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
assert np.array_equal(p[-99:], net.predict(X[-99:]))
print((more - p.nbytes) / 2**20)
"""


@jitted_only
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process in units of Linux")
@pytest.mark.parametrize("cost", ["mse", "sigmoid_cross_entropy", "softmax_cross_entropy"])
def test_a_prediction_needs_its_result_and_little_more(cost):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, cost], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 64
