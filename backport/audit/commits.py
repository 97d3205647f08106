"""Changes of single commits: a backport in a clone with history, an entry of a queue, each beside upstream's commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

from backport.audit.model import Backported, CommitPast, Origin
from backport.audit.pairing import Counts, FileStep, Progress, delta, partners
from backport.check.preimage import preimages
from backport.errors import UserError
from backport.git import GLOBS, Git, GitResult
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.message import Commit
from backport.history.presence import PresenceState, UpstreamChange, presence
from backport.patch.edits import hunk_edits
from backport.patch.locate import locate_all
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import split_lines
from backport.replay.cases import CaseEdit, Delta
from backport.trees.stack import Stack
from backport.trees.store import Head
from backport.version import makefile_version, version_key

_MANY = 1 << 30
LEAST = 0.5              # of the words: both sides say that they are the same commit
_NOTE = re.compile(r"^\[(?!\s*Upstream commit)(.+?)\]\s*$", re.M | re.S | re.I)
_BRANCH = re.compile(r"linux-(\d+\.\d+)\.y$")


@dataclass(frozen=True, eq=False)
class Pair:
    """One commit and its upstream commit: path -> edits and files before, on both sides."""

    origin: Origin
    mine: Mapping[str, Delta]
    theirs: Mapping[str, Delta]
    note: str = ""
    past: CommitPast | None = None


class Files:
    """The files of the commits of one pair, read when they are asked for."""

    def __init__(self, git: Git, tree: str, after: str, upstream: str, now: str) -> None:
        self.tree = lru_cache(maxsize=64)(lambda path: git.blob(f"{tree}:{path}"))
        self.upstream = lru_cache(maxsize=64)(lambda path: git.blob(f"{upstream}^:{path}"))
        self.now = lru_cache(maxsize=64)(lambda path: git.blob(f"{now}:{path}"))
        self.spread = lru_cache(maxsize=256)(lambda name: _spread(git, tree, after, upstream, name))


def commit_changes(git: Git, revisions: str, counts: Counts, progress: Progress) -> Iterator[Backported]:
    """A change for each part of each backport of `revisions` (a ref or a range), oldest first.

    A commit that names no upstream commit, or one that the clone does not have, is passed over. Raises UserError where
    `revisions` names nothing.
    """
    listed = git.run("rev-list", "--reverse", "--no-merges", "--end-of-options", revisions, ok=())
    if listed.code:
        raise UserError(f"{revisions!r} names no commits in {git.path}",
                        hint="a branch, or a range such as v6.1.170..linux-6.1.y")
    names = listed.text.split()
    tip = git.run("rev-list", "-1", "--end-of-options", revisions).text
    tree = ".".join(makefile_version(git.blob(f"{tip}:Makefile")).split(".")[:2])
    with Log(git) as log:
        branches = _branches(git)
        for at, commit in enumerate(log.read(names), 1):
            progress(commit.subject[:40], at, len(names))
            upstream = _upstream(log, commit)
            if upstream is None or git.rev(f"{commit.sha}^") is None:
                continue
            counts.changes += 1
            past = CloneHistory(log, upstream, Branch("the branch", tip), branches, tree)
            origin = Origin(commit.sha[:12], upstream.sha, commit.subject, commit.sha, tree)
            message = git.run("log", "-1", "--format=%B", commit.sha).out.decode("utf-8", "replace")
            pair = Pair(origin, delta(git, f"{commit.sha}^", commit.sha), delta(git, f"{upstream.sha}^", upstream.sha),
                        note_in(message), past)
            yield from _of_pair(pair, Files(git, f"{commit.sha}^", commit.sha, upstream.sha, tip), counts)


def note_in(message: str) -> str:
    """What a changelog says in brackets about what was changed for this tree, "" for nothing."""
    return " ".join(" ".join(match[1].split()) for match in _NOTE.finditer(message))


def _upstream(log: Log, commit: Commit) -> Commit | None:
    if commit.reverts:
        return None
    found = next((one for name in commit.upstream if (one := log.one(name)) is not None), None)
    return found if found is not None and found.parents == 1 else None


def _of_pair(pair: Pair, files: Files, counts: Counts) -> Iterator[Backported]:
    past = pair.past
    for path, there in sorted(pair.theirs.items()):
        base, before = files.upstream(path), files.tree(path)
        if base is None or before is None:
            continue
        counts.files += 1
        theirs = FileStep(pair.origin.upstream, path, base, there)
        mine = FileStep(pair.origin.name, path, before, pair.mine.get(path, ()))
        now = files.now(path)
        known = partners(mine, theirs, LEAST) if path in pair.mine else []
        counts.groups += len(theirs.groups)
        counts.paired += len(known)
        make = partial(Backported, pair.origin, newer={}, now=now, one_commit=True, spread=files.spread, note=pair.note)
        for _score, i, j in known:
            change = make(tree=mine.side(i), upstream=theirs.side(j), past=past)
            past = None
            counts.equal += change.equal
            yield change
        for j in set(range(len(theirs.groups))) - {j for _, _, j in known}:
            yield make(tree=mine.side(None), upstream=theirs.side(j), past=past)
            past = None


def _spread(git: Git, before: str, after: str, upstream: str, name: str) -> tuple[int, int]:
    """How many lines of C have the name, in this tree and in upstream's. A name that the tree had before the change is
    not counted: the first line that has it ends the search, and so it is with nearly all."""
    def grep(how: str, commit: str) -> GitResult:
        return git.run(GLOBS, "grep", how, "-h", "-w", "-F", "-e", name, commit, "--", "*.c", "*.h", "*.S", ok=(0, 1))

    if not grep("-q", before).code:
        return _MANY, 0
    ours, theirs = (sum(map(int, grep("-c", commit).text.split())) for commit in (after, upstream))
    return ours, theirs


def _branches(git: Git) -> list[Branch]:
    """The stable branches of a clone, each once."""
    rows = git.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes").text.splitlines()
    found = {match[1]: sha for row in rows for sha, _, ref in [row.partition(" ")] if (match := _BRANCH.search(ref))}
    return [Branch(f"linux-{series}.y", sha, series) for series, sha in found.items()]


@dataclass(frozen=True, eq=False)
class CloneHistory:
    """What a clone knows of one backport."""

    log: Log
    upstream: Commit
    branch: Branch
    branches: Sequence[Branch]
    series: str

    @cached_property
    def _heads(self) -> list[str]:
        git = self.log.git
        heads = git.run("for-each-ref", "--format=%(objectname)", "--contains", self.upstream.sha).text.split()
        return sorted(set(heads))

    def follow_ups(self) -> list[tuple[str, str]]:
        """Mainline's fixes of the upstream commit that the branch lacks."""
        for head in self._heads:
            self.log.index.cover(head)
        found = []
        for fix in self.log.fixing([self.upstream.sha]):
            if fix.upstream or fix.reverts or not any(self.log.index.within([fix.sha], head) for head in self._heads):
                continue
            if self._lacks(self.branch, fix):
                found.append((fix.sha, fix.subject))
        return found

    def newer_without(self) -> list[str]:
        """The newer stable branches that lack the upstream commit."""
        newer = [one for one in self.branches if version_key(one.version) > version_key(self.series)]
        return [one.name for one in newer if self._lacks(one, self.upstream)]

    def _lacks(self, branch: Branch, commit: Commit) -> bool:
        change = UpstreamChange(commit.sha, commit.subject)
        return presence(self.log, branch, change).state is PresenceState.MISSING


def queue_changes(git: Git, head: Head, entries: Sequence[Patch], forms: Sequence[Patch], upstream: Head | None,
                  others: Sequence[Head], counts: Counts, progress: Progress,
                  series: str) -> Iterator[Backported]:
    """A change for each part of each entry of a queue that stands on `head`, in order, beside upstream's form of it.

    `forms` are upstream's, found by the upstream commit that both name or by the subject; without one the commit is
    looked for in the store.
    """
    by_name: dict[str, Patch] = {}
    for form in forms:
        told = read_mail(form)
        by_name |= {name: form for name in (told.upstream_sha, told.title) if name}
    with Stack(git, head.commit, keep=True) as stack:
        for at, entry in enumerate(entries, 1):
            told = read_mail(entry)
            progress(told.title[:40], at, len(entries))
            step = stack.push(entry.diff, told.title)
            if not step.ok:
                counts.passed.append(f"{entry.source}: does not go in: {step.reason}")
                continue
            wanted = by_name.get(told.upstream_sha or "") or by_name.get(told.title)
            if wanted is None:
                counts.passed.append(f"{entry.source}: no upstream form of it was given")
                continue
            counts.changes += 1
            before = preimages(git, wanted, upstream_sha=told.upstream_sha, upstream=upstream, others=others)
            theirs = _deltas(wanted, before.files)
            counts.passed += [f"{entry.source}: upstream's {path} before the change was not found"
                              for path in wanted.paths if path not in theirs]
            note = note_in(told.message.decode("utf-8", "replace"))
            origin = Origin(Path(entry.source).name, told.upstream_sha or "", told.title, tree=series,
                            form=wanted.source)
            files = Files(git, step.parent, step.commit, step.commit, step.commit)
            files.upstream = lru_cache(maxsize=64)(before.files.get)
            yield from _of_pair(Pair(origin, delta(git, step.parent, step.commit), theirs, note), files, counts)


def _deltas(patch: Patch, before: Mapping[str, bytes]) -> dict[str, Delta]:
    found: dict[str, Delta] = {}
    for file in patch.files:
        data = before.get(file.old_path or "")
        if data is None or file.created or file.deleted:
            continue
        lines = split_lines(data)
        starts = locate_all(file.hunks, lines)
        if starts is not None:
            edits = [edit for hunk, start in zip(file.hunks, starts, strict=True) for edit in hunk_edits(hunk, start)]
            found[file.path] = tuple(CaseEdit(e.lo, e.hi, e.new, tuple(lines[e.lo:e.hi])) for e in edits)
    return found
