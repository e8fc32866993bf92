"""Time of a prediction and of a step in exported C: `python -m benches.reports.c_header`.

Compiled by `cc -O3 -march=native`. Each input depends on the output before, so that no two
predictions overlap, as in a control loop. The cases take turns; the best turn counts.
"""

import subprocess
import tempfile
from pathlib import Path

import fastgrad as fg

SIZES = ([4, 32, 32, 1], [17, 64, 64, 6], [32, 128, 128, 1], [32, 256, 256, 1])
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu")
_TURNS = 15
_PROGRAM = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
#include "net.h"

static net_network net;
static float x[{n_in}], y[{n_out}];

static double seconds(void) {{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}}

int main(void) {{
    double best = 1e9, begin, taken;
    int i, turn;
    net_init(&net);
    for (i = 0; i < {n_in}; ++i) x[i] = 0.1f * (float)i - 0.3f;
    for (turn = 0; turn < 20; ++turn) {{
        begin = seconds();
        for (i = 0; i < {calls}; ++i) {{
            {call}
        }}
        taken = (seconds() - begin) / {calls};
        best = taken < best ? taken : best;
    }}
    printf("%.17g", 1e9 * best);
    return 0;
}}
"""
_CALLS = {
    "predict": "x[0] = 1e-3f * y[0]; {of}",
    "step": "x[0] = 1e-3f * net_step(&net, x, y);",
}


def program(folder, sizes, activation, what):
    """The compiled program of a case; predictions are of a header that cannot train."""
    folder.mkdir()
    net = fg.Network(sizes, activation, seed=0)
    net.to_c(folder / "net.h", train=what == "step")
    operations = sum(net.layers[l].W.size for l in range(len(net.layers)))
    text = _PROGRAM.format(
        n_in=sizes[0], n_out=sizes[-1], calls=2_000_000 // (operations + 500),
        call=_CALLS[what].format(of="net_predict(x, y);"),
    )  # fmt: skip
    if what == "predict":
        text = text.replace("static net_network net;\n", "").replace("    net_init(&net);\n", "")
    (folder / "main.c").write_text(text)
    command = ["cc", "-std=c99", "-O3", "-march=native", "main.c", "-o", "program", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "program"


def main():
    """Print a line per network: ns by activation, and the step with Adam."""
    cases = [(k, f, "predict") for k in range(len(SIZES)) for f in ACTIVATIONS]
    cases += [(k, "relu", "step") for k in range(len(SIZES))]
    best = dict.fromkeys(cases, float("inf"))
    with tempfile.TemporaryDirectory() as name:
        made = {
            case: program(Path(name) / f"{n}", SIZES[case[0]], *case[1:])
            for n, case in enumerate(cases)
        }
        for _ in range(_TURNS):
            for case, path in made.items():
                done = subprocess.run([path], capture_output=True, text=True, check=True)
                best[case] = min(best[case], float(done.stdout))
    print("network, ns".ljust(16), *(f"{f:>9}" for f in ACTIVATIONS), " tanh/relu", "relu, step")
    for k, sizes in enumerate(SIZES):
        times = [best[k, f, "predict"] for f in ACTIVATIONS]
        shown = " ".join(f"{t:9,.0f}" for t in times)
        ratio, step = times[1] / times[0], best[k, "relu", "step"]
        print(f"{'-'.join(map(str, sizes)):16} {shown} {ratio:10.2f} {step:10,.0f}")


if __name__ == "__main__":
    main()
