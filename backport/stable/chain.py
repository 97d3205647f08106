"""Patches that belong together: each one meets the tree with the ones before it applied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from backport.cell import TRIED_WITHOUT, Cell
from backport.git import Git
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.message import same
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.stable.prereq import prerequisites
from backport.trees.stack import Stack
from backport.trees.store import Head
from backport.verdict import Apply

_NAMED = 5               # patches that a sentence names


@dataclass(frozen=True, slots=True)
class Needed:
    """Prerequisites that go on a tree before a patch: `patches` in order; `said` are lines for people."""

    patches: tuple[Patch, ...] = ()
    said: tuple[str, ...] = ()


def needed_first(patch: Patch, series: str, patches: Sequence[Patch], before: Sequence[Patch], log: Log,
                 head: Head) -> Needed:
    """What the mail's `Cc: stable ... # X.Y: <sha>: subject` lines want to be picked first in this tree.

    Looked for among `patches` (the run), in the tree's history and among the commits of the store. One that is
    there already, or is one of `before` (earlier in the series), is left out; one that cannot be found is said.
    """
    mail = read_mail(patch)
    if not mail.prerequisites:
        return Needed()
    known = [sha for one in before if (sha := read_mail(one).upstream)]
    found: list[Patch] = []
    said: list[str] = []
    for wanted in prerequisites(mail, series, among=[p for p in patches if p is not patch],
                                git=log.git, log=log if head.history else None,
                                branch=Branch.of(head) if head.history else None):
        title = f'{wanted.sha[:12]} ("{wanted.subject}")' if wanted.subject else wanted.sha[:12]
        if any(same(wanted.sha, sha) for sha in known):
            continue
        if wanted.patch is not None:
            found.append(wanted.patch)
            said.append(f"prerequisite {title} applied first ({wanted.why})")
        elif wanted.status == "not found":
            said.append(f"prerequisite {title} not found: {wanted.why}")
    return Needed(tuple(found), tuple(said))


@dataclass(frozen=True, slots=True)
class Step:
    """What one patch left in the tree: `diff` is what the tree took, b"" where it took nothing; `mail` its SHA-256."""

    name: str
    outcome: Apply
    diff: bytes = b""
    mail: str = ""


def step_of(cell: Cell, patch: Patch) -> Step:
    """The step that the cell of `patch` stands for, whether it was computed just now or read back.

    A suspect patch is in: git takes it as it is, and the order of a queue says that the next one expects it. Left out,
    one doubt would make conflicts of all that follow.
    """
    if cell.apply is Apply.SUSPECT:
        return Step(cell.patch, cell.apply, patch.diff, patch.sha256)
    if not cell.apply.good or not cell.adapted:
        return Step(cell.patch, cell.apply)
    return Step(cell.patch, cell.apply, *_taken(cell.adapted))


@lru_cache(maxsize=256)
def _taken(mail: bytes) -> tuple[bytes, str]:
    """(diff, SHA-256) of a mail; each later patch of a queue asks for all before it again."""
    return parse(mail).diff, hashlib.sha256(mail).hexdigest()


class Chain:
    """A tree while patches are put on it. `head` is what the next patch is checked, adapted and cached against.

    Building stays on the tree's own baseline: `together` is one diff from the bare tree up to the last patch.
    """

    def __init__(self, git: Git, head: Head) -> None:
        self.base = head
        self._taken: list[tuple[Step, str, bool]] = []   # (step, the state after it, whether it is in or needs nothing)
        self._stack = Stack(git, head.commit, keep=True)

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.__exit__(None, None, None)

    @property
    def head(self) -> Head:
        """The tree with everything before; the bare tree's own Head while nothing is applied."""
        if self._stack.top == self._stack.base:
            return self.base
        return replace(self.base, commit=self._stack.top, base=self.base.commit)

    @property
    def mails(self) -> list[str]:
        """SHA-256 of the mails that stand in the tree, in order."""
        return [step.mail for step, _state, fine in self._taken if step.mail and fine]

    @property
    def missing(self) -> list[str]:
        """Patches that did not get in."""
        return [step.name for step, _state, fine in self._taken if not fine]

    def goto(self, steps: Sequence[Step]) -> None:
        """The state after `steps`, whatever was there; what is the same at the beginning stays."""
        same = 0
        while same < min(len(steps), len(self._taken)) and self._taken[same][0] == steps[same]:
            same += 1
        if same < len(self._taken):
            self._stack.pop_to(self._taken[same - 1][1] if same else self._stack.base)
            del self._taken[same:]
        for step in steps[same:]:
            self.take(step)

    def take(self, step: Step) -> None:
        """Go on to the state after `step`. What is there already needs no step; what is not in is remembered."""
        fine = self._stack.push(step.diff, step.name).ok if step.diff else step.outcome in (Apply.ALREADY, Apply.ABSENT)
        self._taken.append((step, self._stack.top, fine))

    def took(self, patch: Patch, carried: Patch | None, outcome: Apply) -> None:
        """As `take`: `carried` is what the tree takes of `patch`, None where it takes nothing."""
        self.take(Step(patch.slug or patch.source, outcome, carried.diff if carried is not None else b""))

    def together(self) -> Patch:
        """Everything so far as one patch on the bare tree: what a build of this state applies."""
        return parse(self._stack.diff(self._stack.base, self._stack.top), source="series", slug="series")

    @property
    def doubtful(self) -> list[str]:
        """Patches that are in as git takes them, and suspect."""
        return [step.name for step, _state, fine in self._taken if fine and step.outcome is Apply.SUSPECT]

    @property
    def warning(self) -> str:
        """What a later patch's cell says about earlier ones, "" where all are in and none is suspect."""
        said = [f"{TRIED_WITHOUT}{_listed(self.missing)}, which did not apply"] if self.missing else []
        said += [f"tried on top of {_listed(self.doubtful)}, which is suspect"] if self.doubtful else []
        return "; ".join(said)


def _listed(names: Sequence[str]) -> str:
    """In a queue of hundreds that a tree lacks, the list would be longer than everything else that is said."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
