"""For a patch that a branch refuses: the commits in between that touched its lines, and the smallest set that helps.

Blame says who wrote the lines that the patch expects; the log of those lines says who else touched them. What is
proved is proved by trying: a set of commits is a set of prerequisites when the patch applies after them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backport.git import Git
from backport.history.branch import Branch, cut_off, merge_base
from backport.history.helpers import introduced, missing_names
from backport.history.log import Log
from backport.history.message import Commit
from backport.history.presence import PresenceState, UpstreamChange, presence
from backport.patch.model import FileDiff, Hunk
from backport.trees.stack import Stack

_TRIES = 96              # sets of commits tried per patch and branch; each costs milliseconds
_BLAME = re.compile(r"^([0-9a-f]{40}) \d+ (\d+)", re.M)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit that upstream has and the branch lacks, and that touched lines the patch expects.

    `kind` is about meaning: "prerequisite" (it wrote a line that the patch removes, or brought a name that the patch
    uses and the branch lacks), "incidental" (it only wrote lines around the change, or white space), "unknown"
    where that cannot be told. `needed` is about text: True for the smallest set after which git apply takes the
    patch, found by trying.
    """

    commit: Commit
    kind: str
    why: str
    places: tuple[str, ...] = ()     # path:line in the upstream pre-image
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """The answer: candidates, needed ones first; `proved` says that the patch applies after the needed ones."""

    candidates: tuple[Candidate, ...] = ()
    proved: bool = False
    reason: str = ""
    source: str = ""


def between(log: Log, branch: Branch, parent: str, files: Sequence[FileDiff]) -> Between:
    """Commits between `branch` and `parent` (the upstream commit just before the patch) behind a conflict."""
    git = log.git
    reason = cut_off(git, branch)
    if reason:
        return Between(reason=reason)
    base = merge_base(git, parent, branch.commit)
    if not base:
        return Between(reason=f"{branch.name} and the patch's parent {parent[:12]} share no history here")
    wrote = _writers(git, base, parent, files)
    touched = _touchers(git, base, parent, files)
    brought = _introducers(log, branch, base, parent, files)
    wanted = {*wrote, *touched, *brought}
    span = git.run("rev-list", "--topo-order", "--reverse", parent, f"^{base}", "--").text.split()
    order = [sha for sha in span if sha in wanted]
    candidates = []
    for sha in order:
        commit = log.one(sha)
        assert commit is not None
        if presence(log, branch, UpstreamChange(sha, commit.subject), upstream=parent).state is PresenceState.PRESENT:
            continue
        candidates.append(_judge(git, commit, wrote.get(sha, ()), brought.get(sha, "")))
    chosen, proved = _smallest(git, branch.commit, candidates, files)
    marked = [_marked(c, proved, c.commit.sha in chosen) for c in candidates]
    marked.sort(key=lambda c: (not c.needed, c.kind != "prerequisite"))
    return Between(tuple(marked), proved, "" if marked else "no commit in between touched these lines",
                   f"git blame and git log -L {base[:12]}..{parent[:12]}")


def _marked(candidate: Candidate, proved: bool, needed: bool) -> Candidate:
    if proved and needed:
        if candidate.kind == "incidental":
            return replace(candidate, needed=True, why=f"{candidate.why}; git apply needs it for the context")
        return replace(candidate, needed=True, kind="prerequisite", why=f"{candidate.why}; the patch applies after it")
    if proved and candidate.kind == "prerequisite" and "introduced" not in candidate.why:
        return replace(candidate, kind="incidental", why="the patch applies without it")
    return candidate


def _lines(hunk: Hunk) -> list[tuple[int, bytes]]:
    """(1-based line in the pre-image, kind) of context and removed lines."""
    found, number = [], hunk.old_start
    for line in hunk.lines:
        if line.kind != b"+":
            found.append((number, line.kind))
            number += 1
    return found


def _writers(git: Git, base: str, parent: str, files: Sequence[FileDiff]) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """sha -> ((path:line, kind) ...) of the commits after `base` that wrote lines which the patch expects."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for file in files:
        if file.old_path is None:
            continue
        for hunk in file.hunks:
            lines = dict(_lines(hunk))
            if not lines:
                continue
            span = f"-L{min(lines)},{max(lines)}"
            # -w: who only indented a line did not write it
            result = git.run("blame", "-w", "-s", "--porcelain", span, f"{base}..{parent}", "--", file.old_path, ok=())
            for sha, number in _BLAME.findall(result.text) if result.code == 0 else ():
                if not _is_boundary(git, base, sha):
                    kind = lines.get(int(number), b" ")
                    found.setdefault(sha, []).append((f"{file.old_path}:{number}", kind))
    return {sha: tuple(places) for sha, places in found.items()}


def _is_boundary(git: Git, base: str, sha: str) -> bool:
    return git.run("merge-base", "--is-ancestor", sha, base, ok=()).code == 0


def _touchers(git: Git, base: str, parent: str, files: Sequence[FileDiff]) -> set[str]:
    """Every commit after `base` that the log of the hunks' lines names (removals too, which blame cannot see)."""
    found: set[str] = set()
    for file in files:
        for hunk in file.hunks:
            numbers = [number for number, _kind in _lines(hunk)]
            if not numbers or file.old_path is None:
                continue
            result = git.run("log", "--no-patch", "--format=%H", f"-L{min(numbers)},{max(numbers)}:{file.old_path}",
                             f"{base}..{parent}", ok=())
            if result.code == 0:
                found.update(result.text.split())
    return found


def _introducers(log: Log, branch: Branch, base: str, parent: str, files: Sequence[FileDiff]) -> dict[str, str]:
    """sha -> the name it brought, for every name that the patch uses and the branch lacks."""
    found: dict[str, str] = {}
    for name in missing_names(log.git, branch.commit, parent, files):
        origin = introduced(log, parent, name, base=base)
        if origin.commit is not None:
            found.setdefault(origin.commit.sha, name)
    return found


def _judge(git: Git, commit: Commit, places: Sequence[tuple[str, bytes]], brought: str) -> Candidate:
    names = tuple(place for place, _kind in places)
    if brought:
        return Candidate(commit, "prerequisite", f"it introduced {brought}, which the patch uses and the branch lacks",
                         names)
    if any(kind == b"-" for _place, kind in places):
        return Candidate(commit, "prerequisite", "it wrote a line that the patch removes", names)
    quiet = git.run("diff-tree", "-r", "-p", "-w", "--ignore-blank-lines", "--no-commit-id", commit.sha).out.strip()
    if not quiet:
        return Candidate(commit, "incidental", "it changes white space only", names)
    if places:
        return Candidate(commit, "incidental", "it wrote lines around the change only", names)
    return Candidate(commit, "unknown", "it touched these lines, and later commits wrote over it", names)


def _smallest(git: Git, tip: str, candidates: Sequence[Candidate], files: Sequence[FileDiff]) -> tuple[set[str], bool]:
    """The smallest set of candidates after which the patch applies to `tip`, by trying; (empty, False) for none."""
    diff = b"".join(file.render() for file in files)
    shas = [c.commit.sha for c in candidates]
    diffs = {sha: git.run("diff-tree", "-r", "-p", "--no-commit-id", "--full-index", "--binary", sha).out
             for sha in shas}
    tries = 0
    with Stack(git, tip) as stack:
        if stack.push(diff).ok:
            return set(), False        # it applies as it is: there is nothing to explain
        for size in range(1, len(shas) + 1):
            for chosen in itertools.combinations(shas, size):
                tries += 1
                if tries > _TRIES:
                    return _all(stack, tip, shas, diffs, diff)
                stack.pop_to(tip)
                if all(stack.push(diffs[sha]).ok for sha in chosen) and stack.push(diff).ok:
                    return set(chosen), True
    return set(), False


def _all(stack: Stack, tip: str, shas: Sequence[str], diffs: dict[str, bytes], diff: bytes) -> tuple[set[str], bool]:
    """Too many sets to try: the whole list, then without each one that is not needed."""
    def works(chosen: Sequence[str]) -> bool:
        stack.pop_to(tip)
        return all(stack.push(diffs[sha]).ok for sha in chosen) and stack.push(diff).ok

    keep = list(shas)
    if not works(keep):
        return set(), False
    for sha in shas:
        fewer = [other for other in keep if other != sha]
        if works(fewer):
            keep = fewer
    return set(keep), True
