"""How many planted faults the tests notice: `python -m benches.reports.mutants --cache FOLDER`.

A mutant is the package with one change: another operator, comparison or constant, a range that
begins or ends one off, a condition or sign reversed, a statement removed, two arguments exchanged.
As many are drawn from each file of `kernels`, `engine` and `optim`. The first test that fails kills
a mutant: of those of its room in plain Python, of all that `tox -e plain` runs, of the same rooms
compiled. Prints the counts and the survivors as Markdown. All is run in a copy of this checkout, in
FOLDER, which also keeps each result, so that a run which was stopped goes on where it was.

Left out is what changes no result: texts (messages, `__repr__`), annotations, decorators, and the
constants and prefetches that decide only how fast a pass is.
"""

import argparse
import configparser
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from benches.common.mutation import draw

ROOT = Path(__file__).parents[2]
ROOMS = ("kernels", "engine", "optim")
STAGES = ("own", "plain", "compiled")
#: Files whose own tests are not those of their room.
TESTED_ELSEWHERE = {
    "metric_loops": ["tests/test_metrics.py"],
    "update_rules": ["tests/optim/test_optimizers.py", "tests/optim"],
}
SECONDS, MEMORY = 600, 8 << 30  # that tests may take: a mutant may hang, or fill the memory


def tests(file: str, stage: str) -> list[str]:
    """The tests of a stage for a file of the package."""
    room, name = f"tests/{Path(file).parts[1]}", Path(file).stem
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    plain = tox["testenv:plain"]["loops"].split()
    own = TESTED_ELSEWHERE.get(name, [f"{room}/test_{name}.py", room])
    own = [test for test in own if (ROOT / test).exists()]
    if stage == "plain":
        return [test for test in plain if test not in own]
    if stage == "own":
        return own
    return list(dict.fromkeys([*own, *(f"tests/{r}" for r in ROOMS), "tests/test_network.py"]))


def failure(copy: Path, file: str, stage: str) -> str | None:
    """The first test that fails, or `hangs` or the like; None: all pass."""
    cache = copy.parent / "compiled"
    shutil.rmtree(cache, ignore_errors=True)  # of another mutant
    environment = os.environ | {
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",  # which would hide a change within the same second
        "NUMBA_CACHE_DIR": str(cache),
        "NUMBA_DISABLE_JIT": str(int(stage != "compiled")),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += [f"--basetemp={copy.parent / 'tmp'}", *tests(file, stage)]
    with subprocess.Popen(
        command, cwd=copy, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as run:  # fmt: skip
        try:
            output = run.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            return "hangs"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # and processes that it has started
    lines = output.splitlines()
    named = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (named or [f"exit {run.returncode}"])[0] if run.returncode else None


def main() -> None:
    """Run what the cache lacks, and print the counts and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.mutants", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER", help="of results")
    parser.add_argument("--each", type=int, default=7, help="mutants of a file; default: 7")
    parser.add_argument("--seed", type=int, default=0, help="of the choice; default: 0")
    parser.add_argument("--again", action="store_true", help="run the survivors again")
    options = parser.parse_args()
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    copy, results = options.cache.absolute() / "copy", options.cache.absolute() / "results.json"
    shutil.rmtree(copy, ignore_errors=True)
    for name in ("fastgrad", "tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tox.ini"):
        shutil.copy(ROOT / name, copy)
    known = json.loads(results.read_text()) if results.exists() else {}
    for stage in STAGES:  # a failure must be the mutant's
        if reason := failure(copy, "fastgrad/kernels/", stage):
            sys.exit(f"without a mutant, {stage}: {reason}")
    files = [file for room in ROOMS for file in sorted((ROOT / "fastgrad" / room).rglob("*.py"))]
    mutants = [mutant for file in files for mutant in draw(file, options.each, options.seed)]
    names = [f"{mutant.file.relative_to(ROOT / 'fastgrad')}:{mutant}" for mutant in mutants]
    if options.again:
        known = {name: reasons for name, reasons in known.items() if any(reasons.values())}
    for stage in STAGES:
        for mutant, name in zip(mutants, names, strict=True):
            reasons = known.setdefault(name, {})
            if stage not in reasons and not any(reasons.values()):
                file = str(mutant.file.relative_to(ROOT))
                (copy / file).write_bytes(mutant.content)
                reasons[stage] = failure(copy, file, stage)
                shutil.copy(mutant.file, copy / file)
                results.write_text(json.dumps(known, indent=1) + "\n")
                print(f"{name} {stage}: {reasons[stage]}", file=sys.stderr, flush=True)
    counts = {room: Counter[str]() for room in ROOMS}
    survivors = []
    for name in names:
        killed = [stage for stage, reason in known[name].items() if reason]
        counts[name.split("/")[0]][killed[0] if killed else "survived"] += 1
        survivors += [] if killed else [name]
    columns = [*STAGES, "survived"]
    print(f"| folder | mutants | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}")
    for room, count in counts.items():
        print(f"| {room} | {count.total()} | {' | '.join(str(count[c]) for c in columns)} |")
    print("", *(f"- {survivor}" for survivor in survivors), sep="\n")


if __name__ == "__main__":
    main()
