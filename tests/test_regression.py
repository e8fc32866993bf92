"""The comparison of two versions' speed: its statistics, its processes, its errors."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")
from benches.common.versions import UnknownVersionError, Version, extract
from benches.reports import regression

ROOT = Path(__file__).parents[1]
ROWS = [(f"case {k}", 1) for k in range(15)]

#: A package that takes so many ms of its processor for an epoch.
PACKAGE = """
import time
class Adam:
    def __init__(self, rate): pass
class Network:
    def __init__(self, sizes, activations, cost, seed): pass
    def fit(self, X, Y, epochs, **options):
        end = time.thread_time() + epochs * {ms} / 1000
        while time.thread_time() < end: pass
"""


def runs_that_fail(rng, slower, noise, runs=300):
    """The fraction of runs, where rows are slower by a factor each, that find a slower row."""
    failing = 0
    for _ in range(runs):

        def observe(rows, rounds):
            factors = {row: slower.get(row, 1) for row in rows}
            return {r: f * np.exp(noise(rng, rounds)) for r, f in factors.items()}, {}

        table, _ = regression.compare(observe, ROWS, progress=lambda text: None)
        failing += any(regression.is_slower(bound) for _, bound in table.values())
    return failing / runs


def normal(sd):
    return lambda rng, n: rng.normal(scale=sd, size=n)


def with_outliers(rng, n):
    """Noise of 1 %, and in one of five observations up to a third faster or slower."""
    return rng.normal(scale=0.01, size=n) + rng.uniform(-0.3, 0.3, n) * (rng.random(n) < 0.2)


@pytest.mark.parametrize("noise", [normal(0.01), normal(0.05), normal(0.1), with_outliers])
def test_equal_versions_pass(rng, noise):
    assert runs_that_fail(rng, {}, noise) <= 2 * regression.LEVEL


def test_versions_at_the_margin_fail_no_more_often_than_claimed(rng):
    at_the_margin = dict.fromkeys(ROWS, regression.MARGIN)
    assert runs_that_fail(rng, at_the_margin, normal(0.03), 1000) <= 2 * regression.LEVEL


@pytest.mark.parametrize("sd", [0.01, 0.02])
def test_a_tenth_is_found_in_one_row_alone(rng, sd):
    assert runs_that_fail(rng, {ROWS[3]: 1.1}, normal(sd)) > 0.95


def test_a_tenth_is_found_in_more_noise_where_all_rows_are_slower(rng):
    assert runs_that_fail(rng, dict.fromkeys(ROWS, 1.1), normal(0.04)) > 0.9


def test_the_lower_bound_is_below_the_mean_as_often_as_it_says(rng):
    bounds = [regression.lower_bound(np.exp(rng.normal(size=8)), 0.1) for _ in range(4000)]
    assert np.mean(np.array(bounds) > 1) == pytest.approx(0.1, abs=0.02)


def write_package(folder, ms):
    (folder / "fastgrad").mkdir(parents=True)
    (folder / "fastgrad" / "__init__.py").write_text(PACKAGE.format(ms=ms))
    return folder


def test_both_versions_train_in_processes_of_their_own(tmp_path):
    folders = [write_package(tmp_path / "BASE", 2), write_package(tmp_path / "HEAD", 3)]
    ratios, failed = regression.observe(folders, [("tiny", 1)], 1)
    assert ratios["tiny", 1] == [pytest.approx(1.5, rel=0.1)]
    assert not failed


def test_a_version_that_cannot_train_fails_in_one_line(tmp_path, capsys):
    folders = [write_package(tmp_path / "BASE", 2), write_package(tmp_path / "HEAD", "None")]
    ratios, failed = regression.observe(folders, [("tiny", 1)], 1)
    assert ratios == {}
    assert regression.report({}, failed)
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("tiny               1  not run: HEAD: TypeError: unsupported operand")


@pytest.fixture
def repository(tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")

    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "Nothing")
    write_package(tmp_path, 1)
    git("add", ".")
    git("commit", "-q", "-m", "A package")
    return tmp_path


def test_a_version_is_of_its_commit_or_of_the_working_tree(repository):
    source = repository / "fastgrad" / "__init__.py"
    source.write_text(PACKAGE.format(ms=2))
    for name, ms in {"HEAD": 1, None: 2}.items():
        extract(name, repository / f"of {name}", repository)
        text = (repository / f"of {name}" / "fastgrad" / "__init__.py").read_text()
        assert text == PACKAGE.format(ms=ms)


def test_a_commit_without_the_package_is_refused(repository):
    with pytest.raises(UnknownVersionError, match=r"^got 'HEAD~1', which has no folder fastgrad"):
        extract("HEAD~1", repository / "copy", repository)


def test_an_unknown_commit_is_refused_in_one_line():
    run = subprocess.run(
        [sys.executable, "-m", "benches.reports.regression", "nonsense"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    expected = "BASE: got 'nonsense'; expected a commit, branch or tag of this repository"
    assert run.stderr.splitlines()[-1].endswith(f"error: {expected}")


def test_a_version_from_elsewhere_is_refused(tmp_path):
    version = Version(tmp_path)
    assert version.prepare(None).endswith(f"; expected it in {tmp_path}")
    version.pool.shutdown()
