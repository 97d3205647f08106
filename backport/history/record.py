"""What a cell keeps of the answers of history: plain records, without the commits that they were read from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedCommit:
    """A commit that `Fixes:` names: whether the tree has it, None where that is not known, and why."""

    sha: str
    subject: str = ""
    held: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class HeldBug:
    """Whether the tree has the bug (None: not known) and since which release, "" where no tag says."""

    held: bool | None = None
    since: str = ""
    reason: str = ""
    commits: tuple[NamedCommit, ...] = ()


@dataclass(frozen=True, slots=True)
class FixState:
    """Where the fix itself stands in the tree, in one line; `source` is the command that shows it."""

    state: str = ""
    line: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class LaterFix:
    """An upstream commit that `kind` ("fixes", "reverts") commit `of`, and where it stands in the tree (`here`)."""

    sha: str
    subject: str = ""
    kind: str = ""
    of: str = ""
    release: str = ""
    here: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What the history of a tree says of a patch. `follow_ups_unknown` is why upstream's are not known."""

    bug: HeldBug
    fix: FixState
    follow_ups: tuple[LaterFix, ...] = ()
    follow_ups_unknown: str = ""
