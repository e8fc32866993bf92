"""Measure all stages in one run: `python -m benches.stages`.

The stages take turns, with the processor's peak among them. Writes `docs/_static/stages.json`, with
the innermost loop of each stage of equation 1, and the chart beside it.
"""

import json
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from benches.common.hardware import ALL, peak, processor
from benches.stages import equation_1, equation_5, equation_7
from benches.stages.arrays import Layer
from benches.stages.assembly import assembly, innermost_loop
from benches.stages.chart import draw

RESULT = Path(__file__).parents[2] / "docs" / "_static" / "stages.json"
EQUATIONS = {1: equation_1, 5: equation_5, 7: equation_7}
_TURNS, _SECONDS = 25, 0.02
_PLAIN_SAMPLES = 16  # plain Python would take minutes for all


def stages(equation):
    """Name, function, whether its arrays are in panels, and threads of each stage."""
    module = EQUATIONS[equation]
    plain = next(
        f for f in vars(module).values() if getattr(f, "__module__", "") == module.__name__
    )
    return [
        ("plain Python", plain, False, 1),
        ("compiled", module.compiled, False, 1),
        ("reordered", module.reordered, False, 1),
        ("parallel", module.parallel, False, ALL),
        ("lanes", module.lanes, True, 1),
        ("tiles", module.tiles, True, 1),
    ]


def speed(function, arguments, operations):
    """GFLOP/s of the calls that fit in a turn; a product and its addition count as two."""
    calls, seconds, begin = 0, 0.0, time.perf_counter()
    while seconds < _SECONDS:
        function(*arguments)
        calls += 1
        seconds = time.perf_counter() - begin
    return calls * operations / seconds / 1e9


def measured(layer):
    """GFLOP/s of each turn, by equation and stage; and of the peak, by threads."""
    speeds = {threads: [] for threads in (1, ALL)}
    every = []
    for equation in EQUATIONS:
        for name, function, in_panels, _ in stages(equation):
            samples = _PLAIN_SAMPLES if name == "plain Python" else layer.samples
            arguments = layer.arguments(equation, in_panels, samples)
            every.append((f"{equation}, {name}", function, arguments, 2 * layer.n**2 * samples))
            if name != "plain Python":
                function(*arguments)  # compiles
    for turn in range(_TURNS):
        for threads in (1, ALL):
            speeds[threads].append(peak(threads, turns=3))
        for label, function, arguments, operations in every:
            if turn < 3 or "plain" not in label:
                speeds.setdefault(label, []).append(speed(function, arguments, operations))
    return {label: statistics.median(values) for label, values in speeds.items()}


def main():
    """Measure, write, draw."""
    layer = Layer()
    speeds = measured(layer)
    loops = {
        name: innermost_loop(assembly(function, layer.arguments(1, in_panels)))
        for name, function, in_panels, _ in stages(1)
        if name not in {"plain Python", "parallel"}
    }
    rows = [
        {
            "equation": equation, "stage": name, "threads": threads,
            "gflops": speeds[f"{equation}, {name}"],
            "share of the peak": speeds[f"{equation}, {name}"] / speeds[threads],
        }
        for equation in EQUATIONS
        for name, _, _, threads in stages(equation)
    ]  # fmt: skip
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "nodes": layer.n,
        "samples": layer.samples,
        "peak": {threads: speeds[threads] for threads in (1, ALL)},
        "stages": rows,
        "loops of equation 1": loops,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    draw(RESULT)
    for row in rows:
        print(*(f"{v:.3g}" if isinstance(v, float) else v for v in row.values()), sep="\t")


if __name__ == "__main__":
    main()
