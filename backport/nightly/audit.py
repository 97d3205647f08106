"""What each tree got since the night before, looked through for backports that went wrong.

A head that moved is audited once, from where it was: the commits in between where the tree has history, the step from
one release to the other where it has none. Nothing that goes wrong here ends the night; a tree that could not be
audited is tried again in the next one, from the same head, and what the time did not suffice for comes first then.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backport.audit import accepted, report
from backport.audit.commits import commit_changes
from backport.audit.kinds.registry import findings
from backport.audit.model import Suspect
from backport.audit.pairing import Counts, release_changes
from backport.audit.result import audited
from backport.errors import BackportError
from backport.git import Git
from backport.manifest import Manifest
from backport.results.store import Results
from backport.trees.fetch import own_heads
from backport.trees.store import Head, Store
from backport.version import in_series, version_key

BUDGET = 900.0                       # seconds for all trees of a night
_POINTS = 8                          # heads of a tree that are remembered: a newer one may have had the change before
_KEPT = 50                           # findings that wait for a mail
_WIDTH = 80              # the hunks below each other: beside each other their lines would be cut


@dataclass(frozen=True, slots=True)
class _Point:
    """Where a tree was: its version, and the commit in the store."""

    version: str
    commit: str


def _names(points: Iterable[_Point]) -> dict[_Point, str]:
    """What to call each: its version, and the commit behind it where there are two heads of that version."""
    some = set(points)
    heads = Counter(one.version for one in some)
    return {one: one.version if heads[one.version] == 1 else f"{one.version}-{one.commit[:12]}" for one in some}


@dataclass(frozen=True, slots=True)
class _Step:
    """A tree that moved; `done` of its files or commits were looked at in earlier nights."""

    name: str
    old: _Point
    new: _Point
    done: int = 0

    @property
    def title(self) -> str:
        return f"{self.name} {self.old.version}..{self.new.version}{', the rest' if self.done else ''}"


class _Watch:
    """Ends an audit between two files or commits when the time is over."""

    def __init__(self, end: float) -> None:
        self.end, self.at, self.of, self.over = end, 0, 0, False

    def progress(self, _what: str, at: int, of: int) -> None:
        self.at, self.of = at, of
        if time.monotonic() >= self.end:
            self.over = True
            raise _OverError

    def until(self, found: Iterable[Suspect]) -> Iterator[Suspect]:
        try:
            yield from found
        except _OverError:
            return


class _OverError(Exception):
    pass


class NightAudit:
    """The audits of one manifest's nights; what they found waits in the results store until it is told."""

    def __init__(self, store: Store, results: Results, manifest: Manifest, *, budget: float = BUDGET) -> None:
        self.store, self.results, self.manifest, self.budget = store, results, manifest, budget
        self._about = str(manifest.path.resolve())
        self._end = 0.0
        self._upstream = [tree.name for tree in manifest.trees if tree.upstream]

    def run(self, number: int) -> None:
        """Audit what moved since the last time; `number` is the run's. Never raises but for a signal."""
        self._end = time.monotonic() + self.budget
        known = {name: [_Point(*point) for point in points] for name, points in self._recall("heads", {}).items()}
        steps = [_Step(name, _Point(*old), _Point(*new), done) for name, old, new, done in self._recall("steps", [])]
        now = {head.tree: _Point(head.version, head.commit) for head in self._heads()}
        # the newest first: what it got tonight is asked about the older ones
        trees = [tree for tree in self.manifest.trees if tree.name in now]
        for tree in sorted(trees, key=lambda tree: version_key(now[tree.name].version), reverse=True):
            points, new = known.get(tree.name, []), now[tree.name]
            if points[-1:] != [new]:
                if points and not tree.upstream:
                    _add(steps, _Step(tree.name, points[-1], new))
                known[tree.name] = [*points, new][-_POINTS:]
        self._remember("heads", {name: [[one.version, one.commit] for one in some] for name, some in known.items()})
        # whatever ends this night early, the next one does what is still to be done
        left = {step: step for step in steps}
        self._waits(left.values())
        for step in steps:
            try:
                said, done = self._step(step, known)
            except Exception as error:  # the night goes on whatever the audit meets
                self._failed(number, step.name, error)
                continue
            self._keep(number, said)
            if done is None:
                del left[step]
            else:
                left[step] = replace(step, done=done)
            self._waits(left.values())

    def found_since(self, since: int) -> list[str]:
        """What was found in the runs after `since`, as text, a finding each."""
        return [text for number, text in self._recall("found", []) if number > since]

    def _heads(self) -> list[Head]:
        return own_heads(self.store, self.manifest.trees)

    def _step(self, step: _Step, known: Mapping[str, Sequence[_Point]]) -> tuple[list[str], int | None]:
        """What is to be told of a step, and how many of its files or commits are done; None for all of them."""
        with Git(self.store.path) as git:
            old, new = step.old, step.new
            if any(git.rev(f"{point.commit}^{{tree}}") is None for point in (old, new)):
                return [f"{step.title}: not audited: the store no longer has both\n"], None
            counts, watch = Counts(), _Watch(self._end)
            ahead = git.run("merge-base", "--is-ancestor", old.commit, new.commit, ok=(0, 1)).code == 0
            if ahead and any(head.history for head in self._heads() if head.tree in self._upstream):
                key = _key(old, new)
                changes = commit_changes(git, f"{old.commit}..{new.commit}", counts, watch.progress, skip=step.done)
            else:
                newer = self._newer(git, step.name, old, known)
                if not any(len(branch) > 1 for branch in newer):
                    return [], None
                every = [old, new, *(point for branch in newer for point in branch)]
                key, names = _key(*every), _names(every)
                changes = release_changes(git, [names[old], names[new]],
                                          [[names[point] for point in branch] for branch in newer], counts,
                                          watch.progress, commits={name: point.commit for point, name in names.items()},
                                          skip=step.done)
            before = self.results.recall(key)
            if isinstance(before, list) and not step.done:
                return [str(text) for text in before], None
            said = self._said(step.title, watch.until(findings(changes, counts.weak)), counts)
            if watch.over:
                where = f"at {watch.at - 1} of {watch.of}" if watch.of else "before the first file"
                said.append(f"{step.title}: the audit stopped {where}: all trees of a night have "
                            f"{self.budget / 60:.0f} minutes; the next night looks at the rest\n")
                return said, max(watch.at - 1, step.done)
            if not step.done:
                self.results.remember(key, said)
            return said, None

    def _newer(self, git: Git, name: str, old: _Point, known: Mapping[str, Sequence[_Point]]) -> list[list[_Point]]:
        """Where each newer tree was in the last nights and is, with the releases of its series that the store has."""
        pinned = [_Point(head.version, head.commit) for head in self.store.releases()]
        found = []
        for tree in self.manifest.trees:
            points = [one for one in known.get(tree.name, ()) if git.rev(f"{one.commit}^{{tree}}") is not None]
            if tree.name == name or not points or version_key(points[-1].version) <= version_key(old.version) \
                    or in_series(points[-1].version, old.version.rpartition(".")[0]):
                continue
            head, series = points[-1], points[-1].version.rpartition(".")[0]
            points += [one for one in pinned if in_series(one.version, series)
                       and version_key(one.version) < version_key(head.version)]
            by_commit = {one.commit: one for one in points}
            order = {one.commit: n for n, one in enumerate(points)}
            found.append(sorted(by_commit.values(), key=lambda one: (version_key(one.version), order[one.commit])))
        return found

    def _said(self, title: str, found: Iterable[Suspect], counts: Counts) -> list[str]:
        result = audited(title, counts, found, accepted.load(Path(accepted.NAME)))
        return [f"{title}\n{report.finding(group, number, _WIDTH)}" for number, group in enumerate(result.groups, 1)]

    def _failed(self, number: int, name: str, error: Exception) -> None:
        """Say it once for as long as the reason is the same."""
        why = error.message if isinstance(error, BackportError) else f"{type(error).__name__}: {error}"
        failed = self._recall("failed", {})
        if failed.get(name) != why:
            self._keep(number, [f"{name}: the audit failed: {why}\n"])
            self._remember("failed", {**failed, name: why})

    def _keep(self, number: int, said: Sequence[str]) -> None:
        if said:
            self._remember("found", [*self._recall("found", []), *([number, text] for text in said)][-_KEPT:])

    def _waits(self, steps: Iterable[_Step]) -> None:
        self._remember("steps", [[step.name, [step.old.version, step.old.commit],
                                  [step.new.version, step.new.commit], step.done] for step in steps])

    def _recall(self, what: str, default: Any) -> Any:
        return self.results.recall(f"nightly.audit.{what} {self._about}", default)

    def _remember(self, what: str, value: Any) -> None:
        self.results.remember(f"nightly.audit.{what} {self._about}", value)


def _key(*points: _Point) -> str:
    """Names one audit: the same commits have the same answer."""
    return "audit " + hashlib.sha256(" ".join(one.commit for one in points).encode()).hexdigest()[:24]


def _add(steps: list[_Step], new: _Step) -> None:
    """`new` behind what waits already; where a step of the same tree was not begun, the two are one."""
    last = next((n for n, step in enumerate(steps) if step.name == new.name and step.new == new.old
                 and not step.done), None)
    if last is None:
        steps.append(new)
    else:
        steps[last] = replace(steps[last], new=new.new)
