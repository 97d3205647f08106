"""Whole commits cut out of nothing but releases: what two branches got of the same fix, and in which form.

A release bundles many commits, and their history may not be at hand. Only files are used whose whole delta pairs, each
group of changes with one of the other branch: then nothing else touched them there. Files are one commit where groups
of changes share a name that the tree did not have before, or one whose definition changes.

What a second commit left in a pair of groups would be counted against an answer that is right. Such cases are left
out, by evidence that does not depend on any answer: a line that only one side has and that belongs to another change
in some other branch's releases, or that the newer release had before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from backport.check.effect import applied
from backport.csource.declarations import head_name
from backport.csource.pieces import squeeze
from backport.csource.tokens import identifiers
from backport.git import Git
from backport.patch.edits import Edit, edited, render_hunks
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import parse, split_lines
from backport.patch.retarget import blob_name
from backport.replay.cases import (
    FILE_JACCARD,
    GROUP_DICE,
    Delta,
    changed_lines,
    corresponding,
    groups,
    jaccard,
)
from backport.replay.delta import tree_delta
from backport.replay.releases import REF, known_release, known_releases

PARTS = ("development", "unread")
TAKEN = 8                # of the commits that git apply takes, one in so many is written
_RARE = 12               # groups that may have a name in common and still be one change
_LONG = 5                # letters of a name that says something
_MOST = 24               # groups of one change
_TELLS = 4               # bytes of a line, without white space, that is not just any line
_KINDS = ("*.c", "*.h", "*.S", "*.dts", "*.dtsi", "*.rst", "*.yaml", "*Kconfig*", "*Makefile*")

Spot = tuple[str, int]   # path, number of the group of changes in its delta


@dataclass(frozen=True, slots=True)
class Cut:
    """One fix: `input`, a mail against the newer release `newbase`; `truth` and `donor`, plain diffs against the older
    release `base` and, where a branch between them got it too, against a release of that."""

    name: str
    part: str
    base: str
    newbase: str
    input: bytes
    truth: bytes
    files: tuple[str, ...]
    same_lines: bool
    taken: bool
    donor: bytes = b""
    donor_series: str = ""

    def write(self, directory: Path) -> None:
        """A case as `backport replay --commits` reads it, below the part that it belongs to."""
        to = directory / self.part / self.name
        to.mkdir(parents=True, exist_ok=True)
        (to / "input.patch").write_bytes(self.input)
        (to / "truth.patch").write_bytes(self.truth)
        about: dict[str, object] = {"base": self.base, "newbase": self.newbase, "files": self.files,
                                    "same_lines": self.same_lines, "git_apply": "takes" if self.taken else "none"}
        if self.donor:
            (to / "donor.patch").write_bytes(self.donor)
            about["donor"] = self.donor_series
        (to / "meta.json").write_text(json.dumps(about, indent=1) + "\n")


@dataclass
class Window:
    """What one branch got between two releases: the groups of changes, and the names that each of them brings."""

    git: Git
    old: str
    new: str
    deltas: dict[str, Delta]
    parts: dict[Spot, Delta] = field(default_factory=dict)
    by_name: dict[bytes, set[Spot]] = field(default_factory=dict)

    def blob(self, path: str) -> bytes:
        return self.git.blob(f"{REF}{self.old}:{path}") or b""


@dataclass
class Cutter:
    """Cuts commits out of the releases of the store `git` is at; `known` says whether a release's tree has a name.

    `left_out` counts, by reason, the changes that both branches got and that are no case.
    """

    git: Git
    known: Callable[[str, str], bool]
    left_out: Counter[str] = field(default_factory=Counter)
    _elsewhere: dict[tuple[str, str], dict[str, Delta]] = field(default_factory=dict)
    _sides: dict[tuple[str, str], Window] = field(default_factory=dict)
    _forms: dict[tuple[str, str, tuple[Spot, ...]], list[tuple[str, bytes]]] = field(default_factory=dict)

    def cuts(self, newer: Sequence[str], older: Sequence[str]) -> Iterator[Cut]:
        """Every fix that both branches got between these releases, oldest first each, in a fixed order. A form that an
        earlier call cut for a branch between the two is the donor.

        Raises UserError where a release is not in the store.
        """
        for version in (*newer, *older):
            known_release(self.git, version)
        for new_pair in pairwise(newer):
            for old_pair in pairwise(older):
                yield from self._between(self._side(*new_pair), self._side(*old_pair))

    def _side(self, old: str, new: str) -> Window:
        if (old, new) not in self._sides:
            side = Window(self.git, old, new, self._delta(old, new))
            for path, delta in side.deltas.items():
                for number, group in enumerate(groups(delta)):
                    side.parts[path, number] = group
                    for name in _names(path, group, lambda name: self.known(old, name)):
                        side.by_name.setdefault(name, set()).add((path, number))
            self._sides[old, new] = side
        return self._sides[old, new]

    def _delta(self, old: str, new: str) -> dict[str, Delta]:
        if (old, new) not in self._elsewhere:
            found = tree_delta(self.git, REF + old, REF + new, _KINDS)
            found.pop("Makefile", None)                  # the tree's own differs by the release's number
            self._elsewhere[old, new] = found
        return self._elsewhere[old, new]

    def _between(self, newer: Window, older: Window) -> Iterator[Cut]:
        pairs = _pairs(newer, older)
        for spots in _sets(newer):
            if not any(spot in pairs for spot in spots):
                continue
            why = self._objection(newer, older, spots, pairs)
            if why:
                self.left_out[why] += 1
                continue
            made = self._cut(newer, older, spots, sorted(pairs[spot] for spot in spots))
            if made is not None:
                yield made

    def _objection(self, newer: Window, older: Window, spots: Sequence[Spot], pairs: dict[Spot, Spot]) -> str:
        """Why these groups are no clean case, "" for a good one."""
        if any(spot not in pairs for spot in spots):
            return "another file of it has no counterpart, or another change touched that file"
        for path in dict.fromkeys(path for path, _ in spots):
            before = {squeeze(line) for line in split_lines(newer.blob(path))}
            for spot in (spot for spot in spots if spot[0] == path):
                theirs, ours = newer.parts[spot], older.parts[pairs[spot]]
                more, less = _lines(ours), _lines(theirs)
                odd = (more - less) | (less - more)
                if any(line[:1] == b"+" and line[1:] in before for line in more - less):
                    return "the older branch also got lines that the newer release had before"
                if odd and self._another(path, theirs, odd, {(newer.old, newer.new), (older.old, older.new)}):
                    return "a line that only one side has belongs to another change elsewhere"
        return ""

    def _another(self, path: str, theirs: Delta, odd: set[bytes], own: set[tuple[str, str]]) -> bool:
        """Whether some other branch's releases have one of the lines `odd` in another change of the same file."""
        wanted = _words(theirs)
        for pair in self._all_pairs():
            for group in groups(self._delta(*pair).get(path, ())) if pair not in own else ():
                if odd & _lines(group) and _dice(wanted, _words(group)) < GROUP_DICE:
                    return True
        return False

    def _all_pairs(self) -> list[tuple[str, str]]:
        series: dict[str, list[str]] = {}
        for version in known_releases(self.git):
            series.setdefault(version.rpartition(".")[0], []).append(version)
        return [pair for some in series.values() for pair in pairwise(some)]

    def _cut(self, newer: Window, older: Window, spots: Sequence[Spot], mine: Sequence[Spot]) -> Cut | None:
        source, truth = _diff(newer, spots), _diff(older, mine)
        text = _slug(spots)
        ours: Counter[bytes] = Counter()
        theirs: Counter[bytes] = Counter()
        for spot in spots:
            theirs += changed_lines(newer.parts[spot])
        for spot in mine:
            ours += changed_lines(older.parts[spot])
        base = self.git.rev(REF + older.old) or ""
        taken = applied(self.git, base, parse(source, source=text)) is not None
        forms = self._forms.setdefault((newer.old, newer.new, tuple(spots)), [])
        between = [form for form in forms if _number(older.old) < _number(form[0]) < _number(newer.old)]
        forms.append((older.old, truth))
        if taken and int(hashlib.sha256(source).hexdigest(), 16) % TAKEN:
            return None
        head = (b"From: A Developer <developer@example.org>\nSubject: [PATCH] %s\n\nCut out of %s..%s.\n\n---\n"
                % (text.encode(), newer.old.encode(), newer.new.encode()))
        release, donor = min(between, key=lambda form: _number(form[0]), default=("", b""))
        return Cut(f"{older.old}-{newer.old}-{text}-{hashlib.sha256(repr(list(spots)).encode()).hexdigest()[:6]}",
                   part(text), older.old, newer.old, head + source, truth, tuple(sorted({path for path, _ in mine})),
                   ours == theirs, taken, head + donor if donor else b"", release.rpartition(".")[0])


def part(slug: str) -> str:
    """The part that a case belongs to, by its file alone: forms of one fix for other branches are in the same part."""
    return PARTS[hashlib.sha256(slug.encode()).digest()[0] % len(PARTS)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def _slug(spots: Sequence[Spot]) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", spots[0][0].rsplit(".", 1)[0])[-48:].lstrip("-.")


def _names(path: str, group: Delta, known: Callable[[str], bool]) -> set[bytes]:
    """Names that the tree did not have, and functions whose definition the group changes."""
    if not path.endswith((".c", ".h")):
        return set()
    new = {name for edit in group for line in edit.new for name in identifiers(line) if len(name) >= _LONG}
    new -= {name for edit in group for line in edit.old for name in identifiers(line)}
    told = {name for edit in group for line in edit.new if len(name := head_name(line)) >= _LONG}
    was = {head_name(line) for edit in group for line in edit.old}
    return (told & was) | {name for name in new if not known(name.decode("ascii", "replace"))}


def _pairs(newer: Window, older: Window) -> dict[Spot, Spot]:
    """Group of the newer delta -> the group of the older one that is the same change, for files all of whose groups
    have one on both sides."""
    out: dict[Spot, Spot] = {}
    by_base: dict[str, list[str]] = {}
    for path in older.deltas:
        by_base.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    for path, delta in newer.deltas.items():
        lines = changed_lines(delta)
        there = [path] if path in older.deltas else [
            other for other in by_base.get(path.rsplit("/", 1)[-1], ())
            if other not in newer.deltas and jaccard(lines, changed_lines(older.deltas[other])) >= FILE_JACCARD]
        if len(there) != 1:
            continue
        own, theirs = groups(delta), groups(older.deltas[there[0]])
        found = corresponding(delta, older.deltas[there[0]])
        if len(found) == len(own) == len(theirs):
            out |= {(path, own.index(one)): (there[0], theirs.index(two)) for one, two in found}
    return out


def _sets(side: Window) -> Iterator[list[Spot]]:
    """The groups of the delta, those of one file and those with a rare name in common together."""
    parent = {spot: spot for spot in side.parts}

    def top(spot: Spot) -> Spot:
        while parent[spot] != spot:
            spot = parent[spot]
        return spot

    by_file: dict[str, list[Spot]] = {}
    for spot in side.parts:
        by_file.setdefault(spot[0], []).append(spot)
    for spots in [*by_file.values(), *(sorted(found) for _, found in sorted(side.by_name.items())
                                       if len(found) <= _RARE)]:
        for other in spots[1:]:
            parent[top(other)] = top(spots[0])
    joined: dict[Spot, list[Spot]] = {}
    for spot in side.parts:
        joined.setdefault(top(spot), []).append(spot)
    yield from (sorted(spots) for _top, spots in sorted(joined.items()) if len(spots) <= _MOST)


def _lines(delta: Delta) -> set[bytes]:
    return {line for line in changed_lines(delta) if len(line) > _TELLS}


def _words(delta: Delta) -> Counter[bytes]:
    lines = (line for edit in delta for line in (*edit.old, *edit.new))
    return Counter(name for line in lines for name in identifiers(line, comments=True))


def _dice(one: Counter[bytes], two: Counter[bytes]) -> float:
    total = one.total() + two.total()
    return 2 * (one & two).total() / total if total else 0.0


def _diff(side: Window, spots: Sequence[Spot]) -> bytes:
    files = []
    for path in dict.fromkeys(path for path, _ in spots):
        before = side.blob(path)
        edits = sorted((e for spot in spots if spot[0] == path for e in side.parts[spot]), key=lambda e: (e.lo, e.hi))
        raw = path.encode("utf-8", "surrogateescape")
        header = b"diff --git a/%s b/%s\nindex %s..%s 100644\n--- a/%s\n+++ b/%s\n" % (
            raw, raw, blob_name(before).encode(), blob_name(edited(before, edits)).encode(), raw, raw)
        files.append(FileDiff(header, path, path,
                              render_hunks(split_lines(before), [Edit(e.lo, e.hi, e.new) for e in edits])))
    return Patch(b"", tuple(files), source="cut").diff
