"""How long a user waits before training starts."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FIRST_FIT = """
import numpy as np
import fastgrad as fg
net = fg.Network([4, 8, 1], activations="tanh", cost="mse", seed=0)
net.fit(np.zeros((32, 4)), np.zeros(32), epochs=1, batch_size=16, optimizer=fg.Adam(), verbose=0)
"""


def run(code, cache):
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


class Starting:
    """Seconds of a whole process, including the start of Python itself."""

    number = 1
    repeat = 3
    timeout = 600

    def setup_cache(self):
        """Fill numba's cache once for all; asv runs this in a folder that it removes later."""
        cache = str(Path.cwd() / "numba")
        run(FIRST_FIT, cache)
        return cache

    def time_import(self, cache):
        run("import fastgrad", cache)

    def time_first_fit_of_a_process(self, cache):
        run(FIRST_FIT, cache)

    def time_first_fit_of_an_installation(self, cache):
        with tempfile.TemporaryDirectory() as empty:
            run(FIRST_FIT, empty)
