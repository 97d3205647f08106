"""What one commit message claims: to be a backport, to fix, to revert.

Stable commits name their upstream commit in the message, in one of a few forms. The traps: "This reverts commit
A which is commit B upstream." folded so that a line begins with "commit B upstream." is a revert, not a backport;
a line that is only quoted is no claim; ids are abbreviated to any length; a partial revert takes nothing back whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_UPSTREAM = (
    re.compile(r"^\s*\[\s*Upstream commit ([0-9a-f]{7,40})\s*\]\s*$", re.M | re.I),
    re.compile(r"^\s*commit ([0-9a-f]{7,40}) upstream\.?\s*$", re.M | re.I),
    re.compile(r"^\s*\((?:cherry[- ]picked|back[- ]?ported) from (?:upstream )?commit ([0-9a-f]{7,40})[^)\n]*\)\s*$",
               re.M | re.I),
)
_REVERTS = re.compile(
    r"\b(?:This\s+)?revert(?:s|ing|ed)?\s+(?:upstream\s+)?commit\s+([0-9a-f]{7,40})"
    r"(?:\s*\([^)]*\))?(?:,?\s+which\s+is\s+(?:upstream\s+)?commit\s+([0-9a-f]{7,40})(?:\s+upstream)?)?\.?", re.I)
_FIXES = re.compile(r"^\s*Fixes:\s*(?:commit\s+)?([0-9a-f]{6,40})\b", re.M | re.I)
_TAGS = re.compile(r"^(?:\s*\[[^\]]*\]|\s*(?:UPSTREAM|BACKPORT|FROMGIT|FROMLIST|stable):)+\s*", re.I)
_PARTLY = re.compile(r"\bpartial(?:ly)?\s+revert|\brevert\w*\s+(?:only\s+)?(?:a\s+)?part", re.I)


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit says of itself. `date` is the author date, ISO 8601; ids are as written, often abbreviated."""

    sha: str
    subject: str
    author: str = ""
    date: str = ""
    upstream: tuple[str, ...] = ()   # it says that it is a backport of these
    fixes: tuple[str, ...] = ()
    reverts: tuple[str, ...] = ()    # both names of the commit where "which is commit B upstream" gives both
    committed: int = 0               # seconds since the epoch
    parents: int = 1

    @property
    def ids(self) -> tuple[str, ...]:
        """Every name that another commit may use for this one."""
        return (self.sha, *self.upstream)


def same(a: str, b: str) -> bool:
    """Whether two object names, either of them abbreviated, can name one commit (7 digits at least)."""
    return len(a) >= 7 and len(b) >= 7 and (a.startswith(b) or b.startswith(a))


def any_same(some: Iterable[str], others: Sequence[str]) -> bool:
    """Whether any name of `some` can be one of `others`."""
    return any(same(a, b) for a in some for b in others)


def read_message(sha: str, author: str, date: str, subject: str, body: str, *, committed: int = 0,
                 parents: int = 1) -> Commit:
    """The claims of one commit message."""
    reverts: list[str] = []
    for match in _REVERTS.finditer(body):
        reverts += [name.lower() for name in match.groups() if name]
    rest = _REVERTS.sub(" ", body)           # "which is commit B upstream." is no claim to be B
    upstream = [m[1].lower() for pattern in _UPSTREAM for m in pattern.finditer(rest)]
    if not subject.lower().startswith(("revert", "reapply")) and "This reverts commit" not in " ".join(body.split()):
        reverts = []                         # "after reverting commit X the box boots": a story, not a revert
    if _PARTLY.search(f"{subject}\n{body}"):
        reverts = []
    return Commit(sha, subject, author, date, _once(upstream),
                  _once(m[1].lower() for m in _FIXES.finditer(body)), _once(reverts), committed, parents)


def plain_subject(subject: str) -> str:
    """A subject without `[PATCH ...]` and vendor prefixes, white space folded."""
    return " ".join(_TAGS.sub("", subject).split())


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
