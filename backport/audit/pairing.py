"""Changes that two branches both got, from nothing but releases.

The delta of a file in the audited branch and those in newer branches are cut into groups of lines; two groups with the
same words are the same change. What stands for upstream is the newer branch's own step: its file before and after.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise

from backport import sections
from backport.adapt.align import line_key, weak
from backport.audit.model import Backported, Elsewhere, FileSide, Origin, Whole, windows_of
from backport.csource.pieces import bare
from backport.git import GLOBS, Git
from backport.patch.edits import edited
from backport.replay.cases import Delta, groups
from backport.replay.delta import tree_delta
from backport.replay.releases import REF, known_release
from backport.version import version_key

DICE = 0.75              # share of a group's words that both sides must have
LOOSE = 0.45             # that share where a question needs no more
NEAR = 6                 # lines on each side that tell changes in the same words apart
ENOUGH = 40              # letters in the lines of a change that are found again in another file
TAKEN = 2                # of the same change at several places of a file: so many were taken, and one was not
WINDOW = 0.2             # of that share that a step across a merge window loses: a branch's own is the better witness
SAME = 0.9               # that share where a part of upstream's step is the same change once more


# told what is read, and how many of how many are done
Progress = Callable[[str, int, int], None]


@dataclass
class Counts:
    """What was looked at: files and groups of changed lines of the audited tree, the groups that upstream has too, and
    those of them whose every line is upstream's."""

    files: int = 0
    groups: int = 0
    paired: int = 0
    equal: int = 0
    weak: Counter[str] = field(default_factory=Counter)  # class -> what was seen and rests on too little to be listed
    changes: int = 0                 # commits or entries of a queue; 0 between releases
    passed: list[str] = field(default_factory=list)      # a line for each entry, or file of one, that was not compared


@dataclass(frozen=True, eq=False)
class FileStep:
    """What happened to one file in one step of a branch."""

    name: str
    path: str
    before: bytes
    edits: Delta

    @cached_property
    def across(self) -> bool:
        """Whether the step holds a merge window."""
        return windows_of(self.name) > 0

    @property
    def series(self) -> list[str]:
        """The branch in which the step ends."""
        return self.name.rpartition("..")[2].split(".")[:2]

    @cached_property
    def after(self) -> bytes:
        return edited(self.before, self.edits)

    @cached_property
    def groups(self) -> list[Delta]:
        return groups(self.edits)

    @cached_property
    def words(self) -> list[Counter[bytes]]:
        return [_words(group) for group in self.groups]

    def side(self, n: int | None) -> FileSide:
        """The file with group `n` as the change, none for None."""
        made = () if n is None else self.groups[n]
        return FileSide(self.path, self.before, self.after, self.edits, made, self._whole)

    @cached_property
    def _whole(self) -> Whole:
        return Whole(self.path, self.after, self.edits)

    @cached_property
    def sizes(self) -> list[int]:
        """How many words each group has."""
        return [words.total() for words in self.words]

    @cached_property
    def places(self) -> dict[int, str]:
        return {}

    @cached_property
    def contexts(self) -> dict[int, Counter[bytes]]:
        return {}

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.before.split(b"\n")

    def context(self, n: int) -> Counter[bytes]:
        """The words around group `n`."""
        if n not in self.contexts:
            lo, hi = self.groups[n][0].lo, self.groups[n][-1].hi
            lines = *self._lines[max(0, lo - NEAR):lo], *self._lines[hi:hi + NEAR]
            self.contexts[n] = Counter(bare(b"\n".join(lines)))
        return self.contexts[n]

    def place(self, n: int) -> str:
        """The scope of group `n`."""
        if n not in self.places:
            self.places[n] = self.side(n).place
        return self.places[n]


def release_changes(git: Git, older: Sequence[str], newer: Sequence[Sequence[str]], counts: Counts,
                    progress: Progress = lambda _what, _at, _of: None, *, paths: Sequence[str] = (),
                    commits: Mapping[str, str] | None = None, skip: int = 0, last: str = "") -> Iterator[Backported]:
    """Every change of the consecutive releases `older` that a step between consecutive releases of one of the branches
    `newer` has too; only in files that `paths` match, where there are any. `commits` names those that are no release
    of the store: name -> commit. The first `skip` files that `progress` counts are passed over. What the release `last`
    of the audited branch has no longer was mended; without one the last of `older` is asked. Raises UserError where a
    release is not in the store."""
    last = last or older[-1]
    trees: dict[str, str] = {}
    for version in (*older, last, *(v for branch in newer for v in branch)):
        trees[version] = (commits or {}).get(version, REF + version)
        if trees[version] == REF + version:
            known_release(git, version)
    steps = [pair for branch in newer for pair in pairwise(branch)]
    wanted: dict[tuple[str, str], dict[str, Delta]] = {}
    for pair in pairwise(older):
        progress(f"reading {'..'.join(pair)}", 0, 0)
        wanted[pair] = delta(git, trees[pair[0]], trees[pair[1]], paths)
    sources: dict[str, list[tuple[tuple[str, str], Delta]]] = {}
    near = paths or _beside(path for found in wanted.values() for path in found)
    for pair in steps if near else ():
        progress(f"reading {'..'.join(pair)}", 0, 0)
        for path, edits in delta(git, trees[pair[0]], trees[pair[1]], near).items():
            sources.setdefault(path, []).append((pair, edits))
    ends = {"..".join(pair): branch[-1] for branch in newer for pair in pairwise(branch)}
    moved = _Moved(git, trees, last, [branch[-1] for branch in newer], sources, ends)
    total, at = sum(map(len, wanted.values())), 0
    for pair, found in wanted.items():
        for path, edits in sorted(found.items()):
            at += 1
            if at <= skip:
                continue
            progress("..".join(pair), at, total)
            counts.files += 1
            before = git.blob(f"{trees[pair[0]]}:{path}")
            now = git.blob(f"{trees[last]}:{path}")
            if before is None or now is None:
                counts.groups += len(groups(edits))
                continue
            mine = FileStep("..".join(pair), path, before, edits)
            theirs = [FileStep("..".join(step), path, base, there) for step, there in sources.get(path, ())
                      if (base := git.blob(f"{trees[step[0]]}:{path}")) is not None]
            make = partial(Backported, now=now, in_headers=partial(_in_headers, git, trees[pair[1]], path),
                           forms=partial(_forms, git, trees, newer, path))
            yield from _between(mine, theirs, partial(_heads, git, trees, newer, path), counts, moved, make)


def _beside(paths: Iterable[str]) -> list[str]:
    """Globs for the files of the directories of `paths`: a step from one branch to the next has ten times as many."""
    every = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return [":(glob)" + (re.sub(r"([*?\[\\])", r"\\\1", f"{one}/") if one else "") + "*" for one in every]


def _heads(git: Git, trees: Mapping[str, str], newer: Sequence[Sequence[str]], path: str) -> dict[str, bytes]:
    """The file in the last release of each newer branch."""
    return {branch[-1]: data for branch in newer if (data := git.blob(f"{trees[branch[-1]]}:{path}")) is not None}


def _forms(git: Git, trees: Mapping[str, str], newer: Sequence[Sequence[str]], path: str) -> list[bytes]:
    """The file in every release of the newer branches, each form once."""
    blobs = (git.blob(f"{trees[version]}:{path}") for branch in newer for version in branch)
    return list(dict.fromkeys(data for data in blobs if data is not None))


def _in_headers(git: Git, tree: str, path: str, name: str) -> bool:
    """Whether a header of the kernel, or one beside the file, has `name` as a macro, an enumerator or a variable. What
    stands behind a parenthesis is a parameter, and what ends with a semicolon without `extern` is in a function. The
    lines of a trace event are in a header, and name nothing."""
    own = f":(glob){path.rpartition('/')[0]}/*.h"
    how = (rf"#[[:space:]]*define[[:space:]]+{name}\b|^[[:space:]]*{name}([[:space:]]*=[^;\\]*)?,?$|"
           rf"\bextern\b[^(;]*\b{name}\b|\bextern\b[^(;]*\([[:space:]]*\*+[[:space:]]*{name}\b")
    return git.run(GLOBS, "grep", "-q", "-E", "-e", how, tree, "--", own, ":(glob)include/**/*.h",
                   ":(glob)arch/*/include/**/*.h", ":(exclude,glob)include/trace/events/**", ok=(0, 1)).code == 0


def delta(git: Git, old: str, new: str, paths: Sequence[str] = ()) -> dict[str, Delta]:
    """path -> edits between two trees, of the files whose parts can be read."""
    return {path: edits for path, edits in tree_delta(git, old, new, paths).items() if sections.readable(path)}


class _Moved:
    """Groups that newer branches have in another file: by their very lines, if these are many enough to say so. Steps
    across a merge window are not read for it: code moves there, and nothing that rests on one is listed."""

    def __init__(self, git: Git, trees: Mapping[str, str], last: str, heads: Sequence[str],
                 sources: Mapping[str, Sequence[tuple[tuple[str, str], Delta]]], ends: Mapping[str, str]) -> None:
        self.git, self.trees, self.last, self.heads, self.ends = git, trees, last, heads, ends
        self.known: dict[tuple[bytes, ...], list[tuple[str, tuple[str, str], Delta, int]]] = {}
        for path, steps in sources.items():
            for pair, edits in steps:
                for n, group in enumerate(groups(edits) if not windows_of("..".join(pair)) else ()):
                    key = _lines(group)
                    if key:
                        self.known.setdefault(key, []).append((path, pair, edits, n))

    def change(self, mine: FileStep, n: int, make: Callable[..., Backported]) -> Backported | None:
        """Group `n` beside the only other file of its directory that has it upstream, None where there is none."""
        found = self.known.get(_lines(mine.groups[n]), [])
        if len({path for path, *_ in found}) != 1 or found[0][0] == mine.path:
            return None
        path, pair, edits, at = found[0]
        if path.rpartition("/")[0] != mine.path.rpartition("/")[0]:
            return None              # tables of other drivers read alike, and code moves between directories
        base, here = (self.git.blob(f"{self.trees[one]}:{path}") for one in (pair[0], self.last))
        if base is None or here is None:
            return None
        newer, own = ({head: data for head in self.heads
                       if (data := self.git.blob(f"{self.trees[head]}:{name}")) is not None}
                      for name in (path, mine.path))
        tree = ".".join(mine.name.split(".")[:2])
        return make(Origin(mine.name, "..".join(pair), tree=tree, last=self.last), mine.side(n),
                    FileStep("..".join(pair), path, base, edits).side(at), newer,
                    latest=self.latest("..".join(pair), newer), elsewhere=Elsewhere(here, own))

    def latest(self, step: str, heads: Mapping[str, bytes]) -> bytes | None:
        """The file in the last release of the branch in which a step ends."""
        series = self.ends[step].split(".")[:2]
        same = [head for head in heads if head.split(".")[:2] == series]
        return heads[max(same, key=version_key)] if same else None


def _lines(group: Delta) -> tuple[bytes, ...]:
    """The added lines that say something, without white space; () where they are too few to name a change."""
    keys = tuple(sorted(key for edit in group for line in edit.new if not weak(key := line_key(line))))
    return keys if len(keys) > 1 and sum(map(len, keys)) >= ENOUGH else ()


def _between(mine: FileStep, theirs: Sequence[FileStep], read: Callable[[], dict[str, bytes]], counts: Counts,
             moved: _Moved, make: Callable[..., Backported]) -> Iterator[Backported]:
    counts.groups += len(mine.groups)
    tree = ".".join(mine.name.split(".")[:2])
    taken: dict[int, tuple[float, FileStep, int]] = {}
    also: dict[int, list[tuple[FileStep, int]]] = {}
    for step in theirs:
        for share, i, j in partners(mine, step):
            score = share - WINDOW * step.across
            if not step.across:
                also.setdefault(i, []).append((step, j))
            if i not in taken or score > taken[i][0]:
                taken[i] = score, step, j
    loose = _loose(mine, theirs, taken)
    heads = read() if taken or loose else {}
    for i in set(range(len(mine.groups))) - taken.keys():
        alone = moved.change(mine, i, make)
        if alone is not None:
            yield alone
        elif i in loose:
            step, j, others = loose[i]
            origin = Origin(mine.name, step.name, tree=tree, last=moved.last)
            latest = moved.latest(step.name, heads)
            yield make(origin, mine.side(i), step.side(j), heads, others, latest=latest, loose=True)
    for i, (_score, step, j) in sorted(taken.items()):
        latest = moved.latest(step.name, heads)
        origin = Origin(mine.name, step.name, tree=tree, last=moved.last)
        change = make(origin, mine.side(i), step.side(j), heads, _of_others(step, also.get(i, ())), latest)
        counts.paired += 1
        counts.equal += change.equal
        yield change
        if change.equal:
            pairs = {b for _, s, b in taken.values() if s is step}
            twins = [n for n in range(len(step.groups)) if dice(step.words[n], step.words[j]) >= SAME]
            left = [n for n in twins if n not in pairs]
            if len(left) == 1 and len(twins) > TAKEN and min(set(twins) - set(left)) == j:
                for n in left:
                    yield make(change.origin, mine.side(None), step.side(n), heads, latest=latest)


def _loose(mine: FileStep, theirs: Sequence[FileStep],
           taken: Mapping[int, tuple[float, FileStep, int]]) -> dict[int, tuple[FileStep, int, tuple[FileSide, ...]]]:
    """For what has no counterpart: the group of the same function, with no counterpart either, that has most of its
    words, and those of other branches. One that lost a line, or kept what it should replace, is no closer."""
    found: dict[int, tuple[float, FileStep, int]] = {}
    also: dict[int, list[tuple[FileStep, int]]] = {}
    alone = set(range(len(mine.groups))) - taken.keys()
    for step in theirs if alone else ():
        other = set(range(len(step.groups))) - {j for _, s, j in taken.values() if s is step}
        for i in alone:
            for j in other:
                score = alike(mine, i, step, j, LOOSE)
                if score >= LOOSE and mine.place(i) == step.place(j):
                    if not step.across:
                        also.setdefault(i, []).append((step, j))
                    if score > found.get(i, (0.0,))[0]:
                        found[i] = score, step, j
    return {i: (step, j, _of_others(step, also.get(i, ()))) for i, (_, step, j) in found.items()}


def _of_others(step: FileStep, also: Sequence[tuple[FileStep, int]]) -> tuple[FileSide, ...]:
    """What branches other than that of `step` made of a change."""
    return tuple(one.side(n) for one, n in also if one.series != step.series)


def partners(mine: FileStep, theirs: FileStep, least: float = DICE) -> list[tuple[float, int, int]]:
    """(share of words, group of `mine`, group of `theirs`) of what is the same change on both sides, each once. Of
    several alike the one in the same function counts, and then the one with the same lines around it."""
    scored = [(score, i, j) for i in range(len(mine.groups)) for j in range(len(theirs.groups))
              if (score := alike(mine, i, theirs, j, least)) >= least]
    alone = Counter(i for _, i, _ in scored), Counter(j for _, _, j in scored)

    def order(one: tuple[float, int, int]) -> tuple[float, float, float]:
        score, i, j = one
        several = alone[0][i] > 1 or alone[1][j] > 1
        elsewhere = several and mine.place(i) != theirs.place(j)
        near = dice(mine.context(i), theirs.context(j)) if several else 0.0
        return -round(score, 2) + 0.2 * elsewhere, -near, abs(i / len(mine.groups) - j / len(theirs.groups))

    rows: set[int] = set()
    columns: set[int] = set()
    out = []
    for score, i, j in sorted(scored, key=order):
        if i not in rows and j not in columns:
            rows.add(i)
            columns.add(j)
            out.append((score, i, j))
    return out


def _words(group: Delta) -> Counter[bytes]:
    words: Counter[bytes] = Counter()
    for edit in group:
        words.update(b"-" + word for line in edit.old for word in bare(line))
        words.update(b"+" + word for line in edit.new for word in bare(line))
    return words


def alike(one: FileStep, i: int, two: FileStep, j: int, least: float) -> float:
    """`dice` of two groups; 0 where their sizes alone say that it is below `least`."""
    a, b = one.sizes[i], two.sizes[j]
    return dice(one.words[i], two.words[j], a + b) if 2 * min(a, b) >= least * (a + b) else 0.0


def dice(one: Counter[bytes], two: Counter[bytes], total: int = 0) -> float:
    """The share of words that two groups have in common, 0..1. `total` is how many both have, where that is known."""
    total = total or one.total() + two.total()
    if len(two) < len(one):
        one, two = two, one
    return 2 * sum(min(count, two[word]) for word, count in one.items() if word in two) / total if total else 0.0
