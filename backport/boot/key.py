"""What a behaviour verdict depends on beside the patch, the tree and the compiler, for the cache of results."""

from __future__ import annotations

import hashlib
from pathlib import Path

from backport.boot import program
from backport.boot.kernel import fragment
from backport.boot.machine import COMMAND_LINE, Machine
from backport.kbuild.toolchain import version_of


def boot_key(repro: Path | None, computer: Machine | None = None) -> str:
    """64 hex digits over the reproducer's files, the guest library, the configuration, the machine and QEMU's version.

    The code of backport.boot itself belongs into the caller's digest of code. Raises UserError where the reproducer's
    directory is wrong.
    """
    computer = computer or Machine()
    chosen = program.load(repro) if repro is not None else program.smoke()
    library = program.guest_directory()
    files = [*sorted(library.rglob("*.[ch]")), *chosen.sources]
    if repro is not None:
        files += [path for path in sorted(repro.iterdir()) if path.is_file()]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for part in (fragment(), COMMAND_LINE, repr(computer), version_of(computer.program), version_of(program.COMPILER)):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
