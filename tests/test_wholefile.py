"""A file is the old one or the new one, whatever happens in between, and a device stays a device."""

from __future__ import annotations

import os
import resource
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.errors import InfraError, UserError
from backport.results.store import Results
from backport.trees.store import Store
from backport.wholefile import write_output, write_whole


@pytest.fixture
def small() -> Iterator[None]:
    """No file may grow over 4 kB: the kernel's way to fail the write that does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_leaves_the_old_file_and_names_the_disk(tmp_path: Path, small: None) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"old")
    with pytest.raises(InfraError, match=f"cannot write {path}: File too large") as met:
        write_output(path, b"x" * 10_000)
    assert met.value.exit_code == 3
    assert "free some space on /" in met.value.hint
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["report"]


def test_a_name_that_cannot_be_is_the_users(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "such"):
        with pytest.raises(UserError, match="cannot write"):
            write_output(path, b"x")


def test_a_fifo_and_a_device_are_written_to_and_stay(tmp_path: Path) -> None:
    """-o /dev/null of root put a file in place of the device."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write_output(fifo, b"x" * 200_000)
    reader.join()
    assert read == [b"x" * 200_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    write_output(link, b"x")
    assert link.is_symlink()
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(InfraError, match="No space left"):
        write_output(full, b"x")


def test_modes_and_links(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"")
    old.chmod(0o640)
    write_whole(old, b"new")
    assert (old.read_bytes(), stat.S_IMODE(old.stat().st_mode)) == (b"new", 0o640)
    link = tmp_path / "link"
    link.symlink_to(old)
    write_whole(link, b"mine")
    assert (old.read_bytes(), link.is_symlink(), link.read_bytes()) == (b"new", False, b"mine")
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "made", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o640


def test_what_is_made_in_cache_and_state_is_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        Store(tmp_path / "cache").create()
        Results(tmp_path / "state" / "deep" / "r.sqlite").close()
    finally:
        os.umask(before)
    for path in (tmp_path / "cache", tmp_path / "state", tmp_path / "state" / "deep"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
