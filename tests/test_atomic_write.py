"""Atomic writing: the whole new file or the old one, and no temporary file left behind."""

import errno
import os
import stat

import pytest

from fastgrad.atomic_write import atomic_write, previous


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


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder cannot be opened")
def test_file_and_folder_are_synced_before_and_after_the_move(path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace

    def sync(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def move(*names):
        calls.append("move")
        replace(*names)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", move)
    write(path, "new")
    assert calls == ["file", "move", "folder"]


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "missing" / "out.txt"
    with pytest.raises(FileNotFoundError, match=str(path)):
        write(path, "new")


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_a_replaced_file_keeps_its_permissions_and_a_link_its_place(path):
    for mode in (0o600, 0o664):
        path.chmod(mode)
        write(path, "new")
        assert path.stat().st_mode & 0o777 == mode
    folder = path.parent / "links"
    folder.mkdir()
    link = folder / "link.txt"
    link.symlink_to(path)
    write(link, "through the link")
    assert link.is_symlink()
    assert path.read_text() == "through the link"
    assert names_beside(link) == ["link.txt"]


def test_what_killed_writers_have_left_is_removed_after_a_day(path):
    left = [path.with_name(f".out.{digit * 16}.txt") for digit in "ab"]
    others = [path.with_name(name) for name in (".out.txt", ".other.aaaaaaaaaaaaaaaa.txt")]
    for temporary in [*left, *others]:
        temporary.write_text("half")
        os.utime(temporary, (0, 0))
    left[1].touch()  # its writer may be alive
    write(path, "new")
    assert sorted(names_beside(path)) == sorted(
        [path.name, left[1].name, *(p.name for p in others)]
    )


def test_the_file_before_is_kept_on_request(path):
    for text in ("new", "newer"):
        with atomic_write(path, keep=True) as temporary:
            temporary.write_text(text)
    assert path.read_text() == "newer"
    assert previous(path) == path.with_name("out.previous.txt")
    assert previous(path).read_text() == "new"
    assert len(names_beside(path)) == 2


@pytest.mark.skipif(os.name != "posix", reason="the umask of POSIX")
def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "new.txt", "new")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "new.txt").stat().st_mode & 0o777 == 0o640
