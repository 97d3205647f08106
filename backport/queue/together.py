"""Patches that belong together: each one meets the tree with the ones before it applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from backport.git import Git
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.message import same
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.queue.prereq import prerequisites
from backport.queue.stack import Stack
from backport.trees.store import Head
from backport.verdict import Apply, Cell


def groups(patches: Iterable[Patch]) -> list[tuple[Patch, ...]]:
    """Patches by `thread`, each group in its order; a patch that stands alone is a group of one. Order is kept."""
    found: dict[str, list[Patch]] = {}
    for number, patch in enumerate(patches):
        found.setdefault(patch.thread or f"\0{number}", []).append(patch)
    return [tuple(sorted(group, key=lambda patch: patch.part)) for group in found.values()]


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


class Chain:
    """A tree while a series is put on it. `head` is what the next patch is checked, adapted and cached against.

    Building stays on the tree's own baseline: `together` is one diff from the bare tree up to the last patch.
    """

    def __init__(self, git: Git, head: Head) -> None:
        self.base = head
        self.missing: list[str] = []     # patches of the series that did not get in
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
        return self.base if self._stack.top == self._stack.base else replace(self.base, commit=self._stack.top)

    def took(self, patch: Patch, carried: Patch | None, outcome: Apply) -> None:
        """Go on to the state after `patch`. `carried` is what the tree takes; None where it takes nothing.

        A patch that is there already needs no step; one that is not in is remembered, and those after it say so.
        """
        if carried is not None:
            step = self._stack.push(carried.diff, patch.slug)
            if step.ok:
                return
        if outcome is not Apply.ALREADY and outcome is not Apply.ABSENT:
            self.missing.append(patch.slug or patch.source)

    def together(self) -> Patch:
        """Everything so far as one patch on the bare tree: what a build of this state applies."""
        return parse(self._stack.diff(self._stack.base, self._stack.top), source="series", slug="series")

    @property
    def warning(self) -> str:
        """What a later patch's cell says about earlier ones, "" where all are in."""
        return f"tried without {', '.join(self.missing)}, which did not get in" if self.missing else ""


def series_result(cells: Sequence[Cell]) -> tuple[bool, str]:
    """(whether the whole series is good, one line) for the cells of one series on one tree, in order."""
    good = [cell for cell in cells if cell.apply.good or cell.apply in (Apply.ALREADY, Apply.ABSENT)]
    first = next((cell for cell in cells if cell not in good), None)
    if first is None:
        return True, f"all {len(cells)} patches are in or go in"
    return False, f"{len(good)} of {len(cells)}; stops at {first.patch}: {first.apply}"
