"""Fuzz the readers of files with atheris, each in a process of its own, guided by coverage.

    python tests/guarantees/fuzz_readers.py [--seconds N] [READER ...]

READER is a name in helpers/readers.py, by default each of them for 30 seconds. A file that is
neither read nor refused as promised is left in the current folder, and ends its reader's run.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

PACKAGE = Path(find_spec("fastgrad").origin).parent
#: What numba compiles, which must stay as it is; of the rest coverage is taken.
COMPILED = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for room in ("codegen", "engine", "kernels")
    for path in (PACKAGE / room).rglob("*.py")
]
MEGABYTES, TIMEOUT = 2000, 20
SHARE = 0.7  # of the changes that know the format


def fuzz(kind, options):
    """Fuzz one reader, with options of libFuzzer; this ends the process."""
    with atheris.instrument_imports(["fastgrad", "clevercsv", "tomllib", "zipfile"], COMPILED):
        from helpers.readers import READERS  # noqa: PLC0415

        from fastgrad.codegen import jit  # noqa: PLC0415
    jit._say_that_it_compiles = lambda: None
    reader, corpus = READERS[kind], Path("corpus").absolute()
    corpus.mkdir()
    for k, content in enumerate(reader.seeds()):
        (corpus / str(k)).write_bytes(content)
    for path in (HERE / "corpus").glob(f"{kind.replace(' ', '_')}-*"):
        (corpus / path.name).write_bytes(path.read_bytes())

    def mutate(content, longest, seed):
        rng = random.Random(seed)
        is_known = rng.random() < SHARE
        changed = reader.changed(content, rng) if is_known else atheris.Mutate(content, longest)
        return changed[:longest]

    def check(content):
        reader.check(content)

    atheris.Setup([sys.argv[0], *options, str(corpus)], check, custom_mutator=mutate)
    atheris.Fuzz()


def run(kind, seconds):
    """Fuzz one reader in a process; whether all was as promised."""
    found = f"{Path.cwd()}/{kind.replace(' ', '_')}-"
    options = [
        f"-max_total_time={seconds}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={TIMEOUT}",
        f"-artifact_prefix={found}", "-verbosity=0", "-print_final_stats=1", "-max_len=20000",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).resolve()), "--reader", kind, *options]
        ended = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    counts = [line for line in ended.stderr.splitlines() if "number_of_executed_units" in line]
    n = counts[0].split()[-1] if counts else "?"
    report = f"\n{ended.stdout}\n{ended.stderr}" if ended.returncode else ""
    print(f"{kind}: {n} files{report}", flush=True)  # noqa: T201 - a script prints
    return not ended.returncode


def main():
    from helpers.readers import READERS  # noqa: PLC0415 - elsewhere with coverage

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("readers", metavar="READER", nargs="*", default=[*READERS])
    parser.add_argument("--seconds", metavar="N", type=int, default=30, help="for each reader")
    arguments = parser.parse_args()
    is_right = [run(kind, arguments.seconds) for kind in arguments.readers]
    return 0 if all(is_right) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main())
