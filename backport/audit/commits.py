"""Changes of single commits: a backport in a clone with history, an entry of a queue, each beside upstream's commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

from backport.adapt.align import line_key
from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.audit.model import Backported, CommitPast, Origin
from backport.audit.pairing import Counts, FileStep, Progress, delta, partners
from backport.check.adapted_form import there_already
from backport.check.preimage import preimages
from backport.errors import UserError
from backport.git import GLOBS, Git, GitResult
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.message import Commit, plain_subject
from backport.history.presence import PresenceState, UpstreamChange, presence
from backport.patch.edits import hunk_edits
from backport.patch.locate import locate_all
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import split_lines
from backport.replay.cases import CaseEdit, Delta
from backport.stable.prereq import commit_patch
from backport.trees.stack import Stack
from backport.trees.store import Head
from backport.treeview import MemoryView, TreeView
from backport.version import makefile_version, version_key

_MANY = 1 << 30
LEAST = 0.5              # of the words: both sides say that they are the same commit
_NOTE = re.compile(r"^\[(?!\s*Upstream commit)(.+?)\]\s*$", re.M | re.S | re.I)
_TAKEN_BACK = re.compile(r'\bRevert "', re.I)
_BRANCH = re.compile(r"linux-(\d+\.\d+)\.y$")


@dataclass(frozen=True, eq=False)
class Pair:
    """One commit and its upstream commit: path -> edits on both sides. `others` are those of the further upstream
    commits that it names."""

    origin: Origin
    mine: Mapping[str, Delta]
    theirs: Mapping[str, Delta]
    note: str = ""
    past: CommitPast | None = None
    others: tuple[Mapping[str, Delta], ...] = ()
    again: bool = False              # an earlier commit of the same upstream commit was asked what is left out

    def place(self, path: str) -> str:
        """Where this tree has the file that upstream has at `path`: a directory may have been renamed since."""
        if path in self.mine:
            return path
        name = path.rpartition("/")[2]
        moved = [one for one in self.mine if one.rpartition("/")[2] == name and one not in self.theirs]
        return moved[0] if len(moved) == 1 else path


class Files:
    """The files of the commits of one pair, read when they are asked for."""

    def __init__(self, git: Git, tree: str, after: str, upstream: str, now: str) -> None:
        self.tree = lru_cache(maxsize=64)(lambda path: git.blob(f"{tree}:{path}"))
        self.upstream = lru_cache(maxsize=64)(lambda path: git.blob(f"{upstream}^:{path}"))
        self.now = lru_cache(maxsize=64)(lambda path: git.blob(f"{now}:{path}"))
        self.spread = lru_cache(maxsize=256)(lambda name: _spread(git, tree, after, upstream, name))


def commit_changes(git: Git, revisions: str, counts: Counts, progress: Progress, *,
                   skip: int = 0) -> Iterator[Backported]:
    """A change for each part of each backport of `revisions` (a ref or a range), oldest first.

    A commit that names no upstream commit, or one that the clone does not have, is passed over, and so are the first
    `skip` that `progress` counts. Raises UserError where `revisions` names nothing.
    """
    listed = git.run("rev-list", "--reverse", "--no-merges", "--end-of-options", revisions, ok=())
    if listed.code:
        raise UserError(f"{revisions!r} names no commits in {git.path}",
                        hint="a branch, or a range such as v6.1.170..linux-6.1.y")
    names = listed.text.split()
    tip = git.run("rev-list", "-1", "--end-of-options", revisions).text
    tree = ".".join(makefile_version(git.blob(f"{tip}:Makefile")).split(".")[:2])
    seen: set[str] = set()
    with Log(git) as log:
        branches = _branches(git)
        for at, commit in enumerate(log.read(names[skip:]), 1 + skip):
            progress(commit.subject[:40], at, len(names))
            named = _upstream(log, commit)
            if not named or git.rev(f"{commit.sha}^") is None:
                continue
            counts.changes += 1
            message = git.run("log", "-1", "--format=%B", commit.sha).out.decode("utf-8", "replace")
            mine = delta(git, f"{commit.sha}^", commit.sha)
            every = [delta(git, f"{upstream.sha}^", upstream.sha) for upstream in named]
            for n, upstream in enumerate(named):
                past = CloneHistory(log, upstream, Branch("the branch", tip), branches, tree)
                if past.taken_back:
                    continue
                origin = Origin(commit.sha[:12], upstream.sha, commit.subject, commit.sha, tree)
                pair = Pair(origin, mine, every[n], note_in(message), past, tuple(every[:n] + every[n + 1:]),
                            upstream.sha in seen)
                seen.add(upstream.sha)
                yield from _of_pair(pair, Files(git, f"{commit.sha}^", commit.sha, upstream.sha, tip), counts)


def note_in(message: str) -> str:
    """What a changelog says in brackets about what was changed for this tree, "" for nothing."""
    return " ".join(" ".join(match[1].split()) for match in _NOTE.finditer(message))


def _upstream(log: Log, commit: Commit) -> list[Commit]:
    """The upstream commits that a commit says it is: those that the clone has. What takes a backport back often quotes
    its changelog; it is the backport of a commit that takes something back as well, or of none."""
    found = {one.sha: one for name in commit.upstream if (one := log.one(name)) is not None and one.parents == 1}
    return [one for one in found.values() if _taken_back(one.subject) == _taken_back(commit.subject)
            or not commit.reverts]


def _taken_back(subject: str) -> bool:
    """Whether a commit of that subject takes something back; what takes that back brings it again."""
    return len(_TAKEN_BACK.findall(plain_subject(subject))) % 2 == 1


def _of_pair(pair: Pair, files: Files, counts: Counts) -> Iterator[Backported]:
    past = pair.past
    for path, there in sorted(pair.theirs.items()):
        own = pair.place(path)
        base, before = files.upstream(path), files.tree(own)
        if base is None or before is None:
            continue
        counts.files += 1
        theirs = FileStep(pair.origin.upstream, path, base, there)
        mine = FileStep(pair.origin.name, own, before, pair.mine.get(own, ()))
        now = files.now(own)
        known = partners(mine, theirs, LEAST) if own in pair.mine else []
        counts.groups += len(theirs.groups)
        counts.paired += len(known)
        also = frozenset(line_key(line) for other in pair.others for edit in other.get(path, ()) for line in edit.new)
        again = {line_key(line) for other in pair.others for edit in other.get(path, ()) for line in edit.old}
        make = partial(Backported, pair.origin, newer={}, now=now, one_commit=True, spread=files.spread, note=pair.note,
                       also=also)
        for _score, i, j in known:
            change = make(tree=mine.side(i), upstream=theirs.side(j), past=past)
            past = None
            counts.equal += change.equal
            yield change
        for j in set(range(len(theirs.groups))) - {j for _, _, j in known} if not pair.again else ():
            if any(line_key(line) in again for edit in theirs.groups[j] for line in edit.new if line.strip()):
                continue             # another commit that is in this one changed the lines once more
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

    @property
    def taken_back(self) -> bool:
        """Whether the branch had the commit and has it no longer."""
        return self._presence(self.branch, self.upstream) is PresenceState.REVERTED

    def _lacks(self, branch: Branch, commit: Commit) -> bool:
        return self._presence(branch, commit) is PresenceState.MISSING and not self._holds(branch, commit)

    def _presence(self, branch: Branch, commit: Commit) -> PresenceState:
        return presence(self.log, branch, UpstreamChange(commit.sha, commit.subject)).state

    def _holds(self, branch: Branch, commit: Commit) -> bool:
        """Whether the branch has the change itself: squashed into another commit, it has no message of its own."""
        git = self.log.git
        patch = commit_patch(git, commit.sha)
        if patch is None:
            return False
        before, here = ({path: data for path in patch.paths if (data := git.blob(f"{tip}:{path}")) is not None}
                        for tip in (f"{commit.sha}^", branch.commit))
        return there_already(patch, MemoryView(branch.name, here), before, _adapted) is not None


def _adapted(patch: Patch, target: TreeView, before: Mapping[str, bytes]) -> Adaptation:
    return adapt(patch, target, preimages=before)


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
                counts.passed.append(f"{entry.source}: does not apply: {step.reason}")
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
