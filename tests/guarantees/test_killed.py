"""A killed process, a damaged file, a disk that fails: the last checkpoint is there and whole."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import victims
from helpers.data_files import command
from helpers.run_mode import jitted_only
from helpers.small_fits import data
from helpers.soak import SOAK

import fastgrad as fg

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and permissions of POSIX")


def run(folder, *call, prefix=()):
    """The result of a function of `victims`, called in a process and a folder of its own."""
    result = folder / "result.json"
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        [*prefix, sys.executable, victims.__file__, str(result), *map(str, call)],
        cwd=work, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(result.read_text())


@jitted_only
def test_kills_at_random_moments_lose_no_checkpoint_and_no_bit(tmp_path):
    result = run(tmp_path, "at_random_moments", 10 * SOAK)
    assert result["kills"] >= 10 * SOAK
    assert result["fits"] >= 1  # each with the bits of one that was never killed
    assert result["lost"] == 0  # steps of checkpoints that had been written


@jitted_only
@pytest.mark.parametrize("half", [0, 1])
def test_kills_at_each_point_of_the_write(half, tmp_path):
    outcomes = run(tmp_path, "at_each_call", half)
    killed = [outcome for outcome in outcomes if outcome[2] == "killed"]
    assert len(killed) >= 16
    for call, when, how, newest, previous in outcomes:
        assert newest in (3, 4), (call, when)
        assert previous in (2, 3) and previous < newest  # noqa: PT018
        assert newest == 4 or how == "killed"
    assert [newest for *_, newest, _ in killed] == sorted(newest for *_, newest, _ in killed)


@jitted_only
def test_a_killed_command_resumes_to_the_same_file(tmp_path):
    result = run(tmp_path, "the_command", 2 * SOAK)
    assert result["kills"] >= 2 * SOAK
    assert result["fits"] >= 1


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.safetensors"


def save(path, steps=2):
    """Checkpoints after each of some steps; the network and its optimizer."""
    net, optimizer = fg.Network([5, 4, 3], cost="mse", seed=0), fg.Adam()
    for _ in range(steps):
        net.step(*data(), optimizer)
        fg.save_checkpoint(path, net, optimizer)
    return net, optimizer


def steps_of(resumed):
    return int(resumed.net.engine.state(resumed.optimizer).steps[0])


def damaged(content, rng):
    """The content with a byte changed, or cut off."""
    at = rng.randrange(len(content))
    changed = bytes([content[at] ^ rng.randrange(1, 256)])
    if rng.random() < 0.3:
        return content[:at]
    if changed in (b"\t", b"\n", b"\r") and content[at : at + 1] == b" ":
        changed = b"x"  # another space between two words of JSON means the same
    return content[:at] + changed + content[at + 1 :]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(path):
    save(path)
    content, rng = path.read_bytes(), random.Random(0)
    before = fg.resume(path.with_stem("fit.previous")).net.parameters.copy()
    for _ in range(100 * SOAK):
        path.write_bytes(damaged(content, rng))
        with pytest.warns(UserWarning, match=r"fit.safetensors: got .*; using the one before, .*"):
            resumed = fg.resume(path)
        assert np.array_equal(resumed.net.parameters, before)
        with pytest.raises(ValueError, match=r"fit.safetensors: got a"):
            fg.load(path)
    path.with_stem("fit.previous").write_bytes(content[:-1])
    with (
        pytest.warns(UserWarning, match="using the one before"),
        pytest.raises(ValueError, match=r"fit.previous.safetensors: got a file that is damaged"),
    ):
        fg.resume(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"fit.safetensors: no such file"):
        fg.resume(path)


def test_a_damaged_model_is_refused(path):
    net, _ = save(path, steps=1)
    net.save(path)
    content, rng = path.read_bytes(), random.Random(0)
    for _ in range(100 * SOAK):
        path.write_bytes(damaged(content, rng))
        with pytest.raises(ValueError, match=r"fit.safetensors: got a"):
            fg.load(path)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # no previous model


def test_the_callback_keeps_the_checkpoint_before(path):
    X, Y = data()
    net = fg.Network([5, 4, 3], cost="mse", seed=0)
    net.fit(X, Y, 3, batch_size=8, callbacks=[fg.Checkpoint(path)])
    assert steps_of(fg.resume(path)) == 15
    assert steps_of(fg.resume(path.with_stem("fit.previous"))) == 10
    assert len([*path.parent.iterdir()]) == 2


@pytest.mark.parametrize("without_links", [False, True])
def test_modes_and_links_are_kept(without_links, path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EPERM, "no links here")

    if without_links:
        monkeypatch.setattr(os, "link", unsupported)
    folder = path.parent / "elsewhere"
    folder.mkdir()
    (folder / "fit.safetensors").symlink_to(path)
    save(path, steps=1)
    path.chmod(0o600)
    save(folder / "fit.safetensors", steps=2)
    assert (folder / "fit.safetensors").is_symlink()
    assert [entry.name for entry in folder.iterdir()] == ["fit.safetensors"]
    for steps, entry in ((2, path), (1, path.with_stem("fit.previous"))):
        assert entry.stat().st_mode & 0o777 == 0o600
        assert steps_of(fg.resume(entry)) == steps
    path.write_bytes(b"")
    with pytest.warns(UserWarning, match="using the one before"):
        assert steps_of(fg.resume(folder / "fit.safetensors")) == 1


# --- disks that fail -----------------------------------------------------------------------------


@jitted_only
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a mount of its own")
def test_a_full_disk_and_a_read_only_one(tmp_path):
    disk = tmp_path / "work"
    mount = 'mount -t tmpfs -o size=64k tmpfs "$0" && cd "$0" && exec "$@"'
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(disk)]
    (tmp_path / "try").mkdir()
    may = subprocess.run([*prefix[:-1], str(tmp_path / "try"), "true"], check=False)
    if may.returncode:
        pytest.skip("no mount of its own is allowed here")
    full, free, read_only = run(tmp_path, "on_a_small_disk", prefix=prefix)
    assert full == ["ENOSPC", "fit.safetensors", True]
    assert free is None
    assert read_only == ["EROFS", "fit.safetensors", True]


@jitted_only
def test_a_limit_of_file_sizes(tmp_path):
    assert run(tmp_path, "with_a_limit_of_file_sizes") == ["EFBIG", "fit.safetensors", True]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(path):
    save(path)
    path.parent.chmod(0o500)
    try:
        assert victims.failure(path) == ["EACCES", str(path), True]
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("error", [errno.EDQUOT, errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("culprit", ["fsync", "link", "replace", "chmod"])
def test_each_call_of_the_system_may_fail(error, culprit, path, monkeypatch):
    """A quota, a full or a broken disk; without links the file is copied."""
    save(path)

    def fail(*_, **__):
        raise OSError(error, os.strerror(error), "temporary")

    monkeypatch.setattr(os, culprit, fail)
    failure = victims.failure(path)
    assert failure == (None if culprit == "link" else [errno.errorcode[error], str(path), True])


class Vanish(fg.Callback):
    def on_epoch_end(self, fit):
        if fit.epoch == 1:
            shutil.rmtree("states")


def test_a_vanished_folder_ends_the_fit_with_its_name(folder):
    (folder / "states").mkdir()
    X, Y = data()
    net = fg.Network([5, 4, 3], cost="mse", seed=0)
    with pytest.raises(FileNotFoundError, match="path: got states/fit; expected it in a folder"):
        net.fit(X, Y, 3, callbacks=[fg.Checkpoint("states/fit"), Vanish()])
    assert not Path("states").exists()
    assert np.isfinite(net.fit(X, Y, 1).cost).all()


@jitted_only
def test_a_command_on_a_full_disk_says_so_in_one_line(flowers, capsys, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "temporary")

    train = ["train", "flowers.csv", "--epochs", "2", "--ensemble", "1", "--no-plot"]
    command(capsys, *train, "--checkpoint", "states")
    before = {path: path.read_bytes() for path in Path("states").iterdir()}
    monkeypatch.setattr(os, "fsync", fail)
    error = command(capsys, *train, "--checkpoint", "others", code=2)
    assert error == "fastgrad: error: others/training.json: No space left on device"
    error = command(capsys, *train, "--checkpoint", "states", "--resume", code=2)
    assert error == "fastgrad: error: flowers.safetensors: No space left on device"
    assert {path: path.read_bytes() for path in Path("states").iterdir()} == before
