"""The archive is read by the real cpio program, and by a reader written from the format's description."""

from __future__ import annotations

import shutil
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.boot.initrd import DEVICES, ArchiveEntry, archive, character_device, initrd, program


def read(data: bytes) -> list[tuple[str, int, bytes, tuple[int, int]]]:
    entries = []
    at = 0
    while True:
        assert data[at:at + 6] == b"070701"
        field = [int(data[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        size, length = field[6], field[11]
        name = data[at + 110:at + 110 + length - 1].decode()
        assert data[at + 110 + length - 1] == 0
        body = at + (110 + length + 3) // 4 * 4
        at = body + (size + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return entries
        entries.append((name, field[1], data[body:body + size], (field[9], field[10])))


@given(st.lists(st.tuples(st.text("abc/._-", min_size=1, max_size=30), st.binary(max_size=40)), max_size=5))
def test_what_goes_in_comes_out(files):
    seen = read(archive([program(name, data) for name, data in files]))
    assert [(name, data) for name, _mode, data, _device in seen] == files


def test_devices_are_nodes_with_their_numbers():
    name, mode, data, device = read(archive([character_device("dev/kvm", 10, 232)]))[0]
    assert (name, stat.S_ISCHR(mode), data, device) == ("dev/kvm", True, b"", (10, 232))


def test_the_same_program_gives_the_same_bytes_and_runs_first():
    assert initrd(b"\x7fELF") == initrd(b"\x7fELF")
    names = [name for name, *_ in read(initrd(b"x", ArchiveEntry("test", 0o100755, b"y")))]
    assert names[0] == "dev"                  # a directory stands before what is in it
    assert names[-1] == "init"
    assert "test" in names


@pytest.mark.skipif(shutil.which("cpio") is None, reason="the cpio program is not installed")
def test_the_real_cpio_reads_it():
    data = initrd(b"\x7fELF" + b"x" * 1001)
    done = subprocess.run(["cpio", "-itv", "--quiet"], input=data, capture_output=True, check=True)
    text = done.stdout.decode()
    assert done.stderr == b""
    assert "10, 232" in text
    assert len(text.splitlines()) == len(DEVICES) + 2
    assert any(line.startswith("-rwxr-xr-x") and line.endswith(" init") and " 1005 " in line
               for line in text.splitlines())
