"""What the arguments of `backport pick` name, as mails: commits of the clone, files, stdin, message ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from backport.errors import UserError
from backport.git import Git
from backport.history.branch import is_ancestor
from backport.patch.intake import read_all, read_bytes, read_commit
from backport.patch.intake.remote import is_message_id
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.pick.branches import Ref

_FROM = re.compile(rb"^From [0-9a-f]{40} ")


def read(specs: Sequence[str], clone: Git, top: Path, upstream: Ref | None) -> list[Patch]:
    """The patches in order, ranges oldest first. Raises UserError for what is none, before anything is done.

    A commit that is not in `upstream` is nobody's upstream commit: its own name is taken from the mail, so that no
    `[ Upstream commit ]` line comes of it. One that names another commit itself keeps that line.
    """
    patches: list[Patch] = []
    for spec in specs:
        for name in _commits(spec, clone):
            found = read_commit(top, name) if name else read_all(spec)
            patches += [_vouched(_taken(one, spec), name, clone, upstream) for one in found
                        if not (isinstance(one, Refused) and one.skipped)]
    return patches


def reread(mail: bytes, name: str) -> Patch:
    """A patch that was kept as its mail. Raises UserError where somebody changed the file."""
    found = read_bytes(mail, name)
    if len(found) != 1 or isinstance(found[0], Refused):
        raise UserError(f"{name} no longer has a patch", hint="`backport pick --abort`, and begin again")
    return found[0]


def _commits(spec: str, clone: Git) -> list[str]:
    """Full names of the commits that `spec` stands for, "" for what is no commit."""
    if spec == "-" or Path(spec).exists():
        return [""]
    if ".." in spec and not is_message_id(spec):
        listed = clone.run("rev-list", "--reverse", "--topo-order", "--end-of-options", spec, "--", ok=())
        if listed.code:
            raise UserError(f"this clone has no range {spec}: {listed.err.strip()}")
        if not listed.out.strip():
            raise UserError(f"the range {spec} is empty", hint="A..B is what B has and A lacks")
        return listed.text.split()
    full = clone.rev(f"{spec}^{{commit}}")
    if full is None and not is_message_id(spec):
        raise UserError(f"{spec} is neither a commit of this clone nor a file",
                        hint="fetch the branch that has it, or give the patch as a file, `-` or a message id")
    return [full or ""]


def _taken(one: Patch | Refused, spec: str) -> Patch:
    if isinstance(one, Refused):
        raise UserError(f"{spec}: {one.reason}", hint=one.hint)
    return one


def _vouched(patch: Patch, commit: str, clone: Git, upstream: Ref | None) -> Patch:
    if not commit or read_mail(patch).upstream_from != "From line":
        return patch
    if upstream is not None and is_ancestor(clone, commit, upstream.commit):
        return patch
    return reread(_FROM.sub(b"From " + b"0" * 40 + b" ", patch.render()), patch.source)
