"""Versions of the package, each in a folder of its own with its own compiled code."""

import io
import shutil
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benches.common.peers import Fastgrad
from benches.common.turns import Trainer

ROOT = Path(__file__).parents[2]


class UnknownVersionError(ValueError):
    """A name that git does not know as a commit, or a commit that has no package."""


def commit_hash(name, repository=ROOT):
    """The hash of a commit, by whatever name git knows it."""
    done = _git(
        repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if done.returncode:
        raise UnknownVersionError(
            f"got {name!r}; expected a commit, branch or tag of this repository"
        )
    return done.stdout.decode().strip()


def extract(name, folder, repository=ROOT):
    """Write the package as of a commit into `folder`; that of the working tree if name is None."""
    if name is None:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(repository / "fastgrad", folder / "fastgrad", ignore=ignored)
        return
    done = _git(repository, "archive", "--format=tar", commit_hash(name, repository), "fastgrad")
    if done.returncode:
        raise UnknownVersionError(
            f"got {name!r}, which has no folder fastgrad; expected a later commit"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _git(repository, *arguments):
    return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False)


class Version(Trainer):
    """A process that trains by the package in a folder."""

    def __init__(self, folder):
        self.folder = folder
        variables = {"NUMBA_CACHE_DIR": str(folder / "compiled")}
        super().__init__(_FastgradOfFolder, None, variables, _look_first_in, str(folder))

    def choose_threads(self, threads):
        """Train on one thread, or on so many, or on as many as the version chooses (None).

        On one the time of the processor counts, which leaves out what other processes take.
        """
        self.threads = threads
        self.clock = time.process_time if threads == 1 else time.perf_counter


def _look_first_in(folder):
    sys.path.insert(0, folder)


class _FastgradOfFolder(Fastgrad):
    def __init__(self, case, threads):
        import fastgrad

        if not Path(fastgrad.__file__).is_relative_to(sys.path[0]):
            raise ImportError(f"fastgrad: got {fastgrad.__file__}; expected it in {sys.path[0]}")
        super().__init__(case, threads)


def compile_all(folders, cases):
    """Let the package in each folder compile what it needs for these cases, two at a time."""
    versions = [Version(folder) for folder in folders]

    def compile_one(version):
        for case in cases:
            version.prepare(case)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(compile_one, versions))
    for version in versions:
        version.pool.shutdown()
