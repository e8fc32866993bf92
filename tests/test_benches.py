"""Each benchmark once, called as asv calls it, and asv's own check."""

import functools
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from helpers.grids import FULL_GRIDS, each_value
from helpers.run_mode import PLAIN

if PLAIN:
    pytest.skip("the benchmarks are of compiled code", allow_module_level=True)

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "benches" / "asv.conf.json"
FOLDER = CONFIG.parent / re.search(r'"benchmark_dir": "(.+)"', CONFIG.read_text())[1]


def modules():
    package = ".".join(FOLDER.resolve().relative_to(ROOT.resolve()).parts)
    for found in pkgutil.walk_packages([str(FOLDER)], f"{package}."):
        yield importlib.import_module(found.name)


def cases():
    """(class, method, values of the parameters): each value occurs, or all combinations."""
    for module in modules():
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                columns = getattr(kind, "params", [])
                if columns and not isinstance(columns[0], (list, tuple)):
                    columns = [columns]
                for name in dir(kind):
                    if re.match("(time|track|peakmem|mem)_", name) and getattr(kind, name):
                        for values in (product if FULL_GRIDS else each_value)(*columns):
                            shown = [kind.__module__, kind.__name__, name, *map(str, values)]
                            yield pytest.param(kind, name, values, id=".".join(shown))


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """What setup_cache of a class returns, once."""

    @functools.cache
    def of(kind):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp(kind.__name__))
            return [kind().setup_cache()] if hasattr(kind, "setup_cache") else []

    return of


@pytest.mark.parametrize(("kind", "name", "values"), list(cases()))
def test_a_benchmark_runs(kind, name, values, cached, folder):
    benchmark, arguments = kind(), [*cached(kind), *values]
    try:
        getattr(benchmark, "setup", lambda *_: None)(*arguments)
        getattr(benchmark, name)(*arguments)
    except NotImplementedError:  # asv's sign that a combination does not exist
        pytest.skip("the benchmark leaves this out")
    finally:
        getattr(benchmark, "teardown", lambda *_: None)(*arguments)


def test_asv_finds_no_fault(tmp_path):
    pytest.importorskip("asv", reason="asv is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "asv", "check", "--python=same", "--config", str(CONFIG)],
        env=os.environ | {"HOME": str(tmp_path), "ASV_PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
