"""The header on a microcontroller, which qemu plays: predictions and steps as here."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.c_programs import STRICT
from helpers.run_mode import jitted_only

import fastgrad as fg

pytestmark = jitted_only

BOARD = Path(__file__).parent / "cortex_m"
PROCESSOR = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O2"]
PROGRAM = """
#include <stdio.h>
#include "net.h"

static net_network net;

int main(void) {
    const float x[5] = {0.5f, -1, 2, 0.25f, 1};
    int k;
    net_init(&net);
    printf("%d\\n", net_self_test(&net));
    for (k = 0; k < 20; ++k) printf("%.8g\\n", (double)net_step(&net, x, 2));
    return 0;
}
"""


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_learning_on_a_cortex_m4(activation, tmp_path):
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}; `tox -e cortex-m` says what it needs")
    net = fg.Network([5, 20, 9, 3], activation, "softmax_cross_entropy", seed=0)
    net.to_c(tmp_path / "net.h", train=True)
    (tmp_path / "main.c").write_text(PROGRAM)

    def compile_(*arguments):
        command = ["arm-none-eabi-gcc", *PROCESSOR, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    compile_("-std=c99", *STRICT, "-c", "main.c")
    compile_("-c", BOARD / "startup.c")
    compile_("--specs=rdimon.specs", "-T", BOARD / "board.ld", "startup.o", "main.o", "-lm")
    qemu = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting", "-kernel"]
    done = subprocess.run(
        [*qemu, "a.out"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    n_wrong, *costs = map(float, done.stdout.split())
    x, optimizer = np.array([0.5, -1, 2, 0.25, 1], np.float32), fg.Adam()
    expected = [net.step(x, 2, optimizer) for _ in range(20)]
    assert n_wrong == 0
    assert costs == pytest.approx(expected, rel=1e-5)
