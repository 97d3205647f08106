"""Patches from every form people have: files, directories, mboxes, stdin, commits, message ids, web archives.

One bad mail never hides the others: what is no patch comes back as a Refused in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from backport.errors import UserError
from backport.patch.intake import commit as _commit
from backport.patch.intake import directory, files, remote
from backport.patch.intake.raw import Raw
from backport.patch.intake.series import finish
from backport.patch.intake.single import Surroundings, read
from backport.patch.model import Patch, Refused
from backport.treeview import TreeView

__all__ = ["Patch", "Refused", "read_all", "read_bytes", "read_commit"]

Blobs = Callable[[str], bytes | None]


def read_all(*specs: str | Path, views: Sequence[TreeView] = (), blobs: Blobs | None = None,
             stdin: BinaryIO | None = None) -> list[Patch | Refused]:
    """Every patch that `specs` name, in order: a file, a directory, `-` (stdin), a message id or lore link.

    `views` are trees, newest first, from which the white space of a web archive's text may be restored; `blobs`
    gives the bytes of an abbreviated blob name where a store has it. Raises UserError for a path that does not
    exist; what is not a patch is Refused, not raised. Every Patch has a slug of its own.
    """
    raws: list[Raw | Refused] = []
    for spec in specs:
        raws += _open(spec, stdin)
    return _read(raws, Surroundings(tuple(views), blobs))


def read_bytes(data: bytes, source: str, *, views: Sequence[TreeView] = (),
               blobs: Blobs | None = None) -> list[Patch | Refused]:
    """As read_all, from bytes at hand (one mail, an mbox, either of them compressed)."""
    return _read(files.split(data, source), Surroundings(tuple(views), blobs))


def read_commit(repo: Path | str, spec: str) -> list[Patch | Refused]:
    """A commit (or a range A..B) of a local clone, as git format-patch writes it.

    Raises UserError where `repo` is no repository or has no such commit; a merge is Refused.
    """
    return _read(_commit.mails(Path(repo), spec), Surroundings())


def _open(spec: str | Path, stdin: BinaryIO | None) -> list[Raw | Refused]:
    if str(spec) == "-":
        return files.split((stdin or sys.stdin.buffer).read(), "stdin")
    path = Path(spec)
    if path.is_dir():
        return directory.mails(path)
    if path.exists():
        # patches of one series are often named one by one: their directory holds them together
        found = files.split(files.load(path), str(spec))
        return [replace(raw, group=str(path.parent)) if isinstance(raw, Raw) and not raw.group else raw
                for raw in found]
    if remote.is_message_id(str(spec)):
        return remote.mails(str(spec))
    raise UserError(f"no such file or directory: {spec}",
                    hint="a patch is a file, a directory, an mbox, `-` for stdin, or a message id")


def _read(raws: Sequence[Raw | Refused], around: Surroundings) -> list[Patch | Refused]:
    results = [(raw, raw if isinstance(raw, Refused) else read(raw, around)) for raw in raws]
    return finish(results)
