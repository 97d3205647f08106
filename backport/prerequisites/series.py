"""A proposal as text for people, and as the series that a stable maintainer takes: prerequisites, then the fix."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.patch.compose import adapted_mail, branch
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.prerequisites.propose import Proposal


def text(proposal: Proposal) -> str:
    """Plain text, one fact a line."""
    out = []
    if proposal.fix is None or not proposal.needs:
        out.append(proposal.reason)
    for number, need in enumerate(proposal.needs, 1):
        commit, files = need.candidate.commit, len(need.patch.files)
        out += [f"{number}. {commit.sha[:12]} (\"{commit.subject}\")",
                f"   +{need.added} -{need.removed} in {files} file{'s' if files > 1 else ''}; here: "
                f"{need.carried.outcome}, {need.carried.sure}",
                f"   {need.candidate.why}", *(f"   risk: {risk}" for risk in need.risks),
                *(f"   it uses {name}, which this tree does not have" for name in need.carried.missing)]
    if proposal.needs and proposal.fix is not None:
        out += [f"then the fix: {proposal.fix.outcome}, {proposal.fix.sure}",
                *(f"   note: {note}" for note in proposal.fix.notes)]
    if proposal.others:
        out.append("touched the same lines and not needed:" if proposal.needs else "touched the same lines:")
        out += [f"   {one.commit.sha[:12]} (\"{one.commit.subject}\"): {one.why}" for one in proposal.others]
    if proposal.source:
        out.append(f"{proposal.tried} set{'s' if proposal.tried != 1 else ''} tried; candidates from {proposal.source}")
    return "".join(f"{line}\n" for line in out)


def mails(proposal: Proposal, patch: Patch, series: str, *, signoff: str = "") -> list[bytes]:
    """The prerequisites, each with its `Stable-dep-of:`, and the fix, numbered; [] where nothing goes in."""
    fix, total = proposal.fix, len(proposal.needs) + 1
    if fix is None or not fix.outcome.good or not fix.mail:
        return []
    if total == 1:
        return [fix.mail]
    mail = read_mail(patch)
    tag = f'Stable-dep-of: {mail.upstream[:12]} ("{mail.title}")'
    made: list[bytes] = []
    for need in proposal.needs:
        carried = need.carried.patch
        assert carried is not None
        # what was adapted stands in a bracketed note of the mail that the tree takes
        notes = _notes(need.carried.mail)
        made.append(adapted_mail(need.patch, carried.files, series=series, notes=notes, tags=(tag,),
                                 upstream_sha=need.candidate.commit.sha, signoff=signoff or None))
    return [_numbered(one, series, n, total) for n, one in enumerate([*made, fix.mail], 1)]


def _notes(mail: bytes) -> Sequence[str]:
    found = re.findall(rb"^\[ (adapted for .*?) \]$", mail, re.M | re.S)
    return [b" ".join(note.split()).decode("utf-8", "replace") for note in found]


def _numbered(mail: bytes, series: str, number: int, total: int) -> bytes:
    """The subject's prefix with its place in the series; in the headers alone."""
    end = mail.find(b"\n\n")
    prefix = f"[PATCH {branch(series)}]".encode()
    place = f"[PATCH {branch(series)} {number}/{total}]".encode()
    return mail[:end].replace(prefix, place, 1) + mail[end:]
