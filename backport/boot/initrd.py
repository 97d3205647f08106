"""An initial RAM file system as bytes: a cpio archive in the "newc" form, written without any program.

A tar or cpio program run by an ordinary user cannot make device nodes; bytes can. The format is described in
the kernel's Documentation/driver-api/early-userspace/buffer-format.rst: a 110-byte header of ASCII hex fields, the
name with its NUL, the data, each padded to 4 bytes, and an entry named TRAILER!!! at the end.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One file: `mode` is type and permission bits, `device` (major, minor) of a device node."""

    name: str                        # without a leading slash
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str) -> ArchiveEntry:
    return ArchiveEntry(name, stat.S_IFDIR | 0o755)


def program(name: str, data: bytes) -> ArchiveEntry:
    return ArchiveEntry(name, stat.S_IFREG | 0o755, data)


def character_device(name: str, major: int, minor: int) -> ArchiveEntry:
    return ArchiveEntry(name, stat.S_IFCHR | 0o600, device=(major, minor))


# Numbers from the kernel's Documentation/admin-guide/devices.txt. With the nodes in the archive the kernel needs no
# devtmpfs, and /init has its standard streams from the first instruction on.
DEVICES = (
    directory("dev"),
    character_device("dev/console", 5, 1),
    character_device("dev/kvm", 10, 232),
    character_device("dev/null", 1, 3),
    character_device("dev/zero", 1, 5),
    character_device("dev/urandom", 1, 9),
)


def archive(entries: Iterable[ArchiveEntry]) -> bytes:
    """The archive; the same entries give the same bytes (inode numbers count up, all times are 0)."""
    parts: list[bytes] = []
    for inode, entry in enumerate([*entries, ArchiveEntry("TRAILER!!!", 0)], start=1):
        name = entry.name.encode("utf-8", "surrogateescape") + b"\0"
        fields = (inode, entry.mode, 0, 0, 2 if stat.S_ISDIR(entry.mode) else 1, 0, len(entry.data),
                  0, 0, *entry.device, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        parts += [_padded(header + name), _padded(entry.data)]
    return b"".join(parts)


def initrd(init: bytes, *extra: ArchiveEntry) -> bytes:
    """The archive to boot a statically linked program as process 1."""
    return archive([*DEVICES, directory("tmp"), *extra, program("init", init)])


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
