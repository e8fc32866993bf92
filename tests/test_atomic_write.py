"""Atomic writing: the whole new file or the old one, and no temporary file left behind."""

import errno
import os

import pytest

from fastgrad.atomic_write import atomic_write


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    return path


def write(path, text, error=None):
    with atomic_write(path) as temporary:
        temporary.write_text(text)
        if error:
            raise error


def names_beside(path):
    return [entry.name for entry in path.parent.iterdir()]


def test_the_file_is_replaced_when_the_block_ends(path):
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names_beside(path) == [path.name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_alone(path, error):
    with pytest.raises(error):
        write(path, "half", error)
    assert path.read_text() == "old"
    assert names_beside(path) == [path.name]


@pytest.mark.parametrize("culprit", ["fsync", "replace"])
def test_an_error_of_the_disk_names_the_file(path, culprit, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "disk full", "temporary")

    monkeypatch.setattr(os, culprit, fail)
    with pytest.raises(OSError, match=f"disk full: '{path}'"):
        write(path, "new")
    assert path.read_text() == "old"
    assert names_beside(path) == [path.name]


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "missing" / "out.txt"
    with pytest.raises(FileNotFoundError, match=str(path)):
        write(path, "new")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_the_file_as_the_umask_says(path):
    before = os.umask(0o027)
    try:
        write(path, "new")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
