"""What an audit looks at, and what it finds."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import accumulate
from typing import Protocol

from backport import sections
from backport.adapt.align import line_key, silent, weak
from backport.csource.declarations import declaration
from backport.csource.source import Source
from backport.csource.statements import label
from backport.patch.edits import Edit, render_hunks
from backport.patch.model import Hunk
from backport.patch.parse import split_lines
from backport.replay.cases import Delta
from backport.version import windows

NOT_ASKED = "not asked"  # beside the classes: mainline changed more of the place than the change
_AROUND = 6              # lines on each side of a change that are compared


def names_of(source: bytes) -> frozenset[bytes]:
    """Every name in the code of `source`."""
    return frozenset().union(*(piece.names for _, piece in Source.of(source).pieces))


@dataclass(frozen=True, eq=False)
class Whole:
    """All that happened to one file in one step; what is read of it serves every change of that step."""

    path: str
    after: bytes
    edits: Delta

    @cached_property
    def _starts(self) -> list[int]:
        return [edit.lo for edit in self.edits]

    @cached_property
    def _shifts(self) -> list[int]:
        """By how many lines the first n edits make the file longer."""
        return list(accumulate((len(edit.new) - (edit.hi - edit.lo) for edit in self.edits), initial=0))

    def line_after(self, line: int) -> int:
        """0-based line of `after` at which what began at 0-based `line` of the file before begins."""
        return line + self._shifts[bisect_left(self._starts, line)]

    def by_function(self, edits: Delta) -> dict[str, bytes]:
        """"name()" of each function that `edits` add lines to -> those lines, as they are."""
        out: dict[str, list[bytes]] = {}
        for edit in edits:
            at = self.line_after(edit.lo)
            for n, line in enumerate(edit.new, at + 1):
                name = sections.scope(self.after, n, self.path)
                if name.endswith("()"):
                    out.setdefault(name, []).append(line)
        return {name: b"".join(lines) for name, lines in out.items()}

    @cached_property
    def brought(self) -> Mapping[str, bytes]:
        """`by_function` of everything."""
        return self.by_function(self.edits)

    @cached_property
    def added_keys(self) -> frozenset[bytes]:
        """Every added line, without white space."""
        return frozenset(line_key(line) for edit in self.edits for line in edit.new)

    @cached_property
    def needed_keys(self) -> frozenset[bytes]:
        """Those of `added_keys` that another part of a change can need: labels and declarations."""
        return frozenset(line_key(line) for edit in self.edits for line in edit.new if label(line) or declaration(line))


@dataclass(frozen=True, eq=False)
class FileSide:
    """One file before and after, in the audited tree or upstream. `edits` is all that happened to it, sorted; `made`
    the group of edits that is this change. `shared` is what the sides of one step have in common."""

    path: str
    before: bytes
    after: bytes
    edits: Delta
    made: Delta
    shared: Whole | None = None

    @cached_property
    def whole(self) -> Whole:
        return self.shared or Whole(self.path, self.after, self.edits)

    @cached_property
    def added(self) -> tuple[tuple[int, bytes], ...]:
        """(0-based line of `after`, line) of what the change adds."""
        return tuple((at + n, line) for edit in self.made for at in [self.line_after(edit.lo)]
                     for n, line in enumerate(edit.new))

    def line_after(self, line: int) -> int:
        """0-based line of `after` at which what began at 0-based `line` of `before` begins."""
        return self.whole.line_after(line)

    @cached_property
    def removed(self) -> tuple[tuple[int, bytes], ...]:
        """(0-based line of `before`, line) of what the change takes away."""
        return tuple((edit.lo + n, line) for edit in self.made for n, line in enumerate(edit.old))

    @cached_property
    def telling(self) -> tuple[tuple[int, bytes], ...]:
        """The lines of `added` that are code and say something, without white space."""
        return self._telling(self.added, self.after)

    @cached_property
    def gone(self) -> tuple[tuple[int, bytes], ...]:
        """The lines of `removed` that are code and say something, without white space."""
        return self._telling(self.removed, self.before)

    def _telling(self, lines: tuple[tuple[int, bytes], ...], source: bytes) -> tuple[tuple[int, bytes], ...]:
        bare = Source.of(source).bare_lines if sections.is_c(self.path) else None
        return tuple((at, key) for at, line in lines
                     if (key := line_key(line)) and not weak(key) and not silent(key)
                     and (bare is None or (at < len(bare) and bare[at].strip())))

    @property
    def patch(self) -> tuple[Hunk, ...]:
        """The change alone, as hunks on `before`."""
        return render_hunks(split_lines(self.before), [Edit(e.lo, e.hi, e.new) for e in self.made])

    @cached_property
    def hunk(self) -> str:
        """The change alone as text, "" where there is none."""
        return "".join(h.render().decode("utf-8", "replace") for h in self.patch)

    @property
    def place(self) -> str:
        """The scope of the first changed line that says something, "" at file level."""
        if self.telling:
            return self.scope(self.telling[0][0])
        return sections.scope(self.before, self.gone[0][0] + 1, self.path) if self.gone else ""

    @property
    def ends(self) -> tuple[str, str]:
        """The scopes of the first and of the last edit; unlike `place` they are found without reading the comments."""
        first, last = self.made[0], self.made[-1]
        return self.scope(self.line_after(first.lo)), self.scope(self.line_after(last.lo) + max(0, len(last.new) - 1))

    @cached_property
    def context(self) -> tuple[bytes, ...]:
        """The lines around the change, and between its edits."""
        lines = split_lines(self.before)
        at = max(0, self.made[0].lo - _AROUND)
        out: list[bytes] = []
        for edit in self.made:
            out += lines[at:edit.lo]
            at = edit.hi
        return (*out, *lines[at:at + _AROUND])

    @cached_property
    def functions(self) -> Mapping[str, bytes]:
        """"name()" of each function that the change adds lines to -> those lines, as they are."""
        return self.whole.by_function(self.made)

    @property
    def brought(self) -> Mapping[str, bytes]:
        """The same of all that happened to the file."""
        return self.whole.brought

    def scope(self, line: int) -> str:
        """The function, entry or block around 0-based `line` of `after`."""
        return sections.scope(self.after, line + 1, self.path)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change was read: a commit with its upstream commit, or two releases. `""` where it is not known."""

    name: str                        # "6.1.164..6.1.176", or the abbreviated commit, or the entry of a queue
    upstream: str = ""               # "6.12.74..6.12.90", or the upstream commit as the message names it
    subject: str = ""
    commit: str = ""                 # the audited tree's own commit, 40 hex
    tree: str = ""                   # the series: "6.1"
    last: str = ""                   # the last release that is audited
    form: str = ""                   # the file that stands for upstream's commit, "" where that was read from git

    @property
    def beside(self) -> str:
        """What stands for upstream, for people."""
        return ", ".join(filter(None, (self.upstream, f"from {self.form}" if self.form else "")))


class CommitPast(Protocol):
    """What the history of a clone says about one backported commit."""

    def follow_ups(self) -> Sequence[tuple[str, str]]:
        """(commit, subject) of mainline's fixes of the upstream commit that the audited branch lacks."""

    def newer_without(self) -> Sequence[str]:
        """The newer stable branches that lack the upstream commit."""


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Of a change that is in another file than upstream's: `tree` is the audited tree's file at upstream's path today,
    `newer` what newer trees have at the path where it is here."""

    tree: bytes
    newer: Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class Backported:
    """One change that both trees got. `newer` maps the names of newer trees to what they have now."""

    origin: Origin
    tree: FileSide
    upstream: FileSide
    newer: Mapping[str, bytes]       # at upstream's path
    # what other newer branches made of the same change in a step of their own
    others: tuple[FileSide, ...] = ()
    latest: bytes | None = None      # upstream's side at the end of its branch, None where that is `upstream.after`
    now: bytes | None = None         # the tree's file at the end of what is audited, None where that is `tree.after`
    elsewhere: Elsewhere | None = None       # only where the paths of both sides differ
    loose: bool = False              # fewer words in common than two forms of one change have
    one_commit: bool = False         # both sides are commits: whatever upstream's has belongs to the change
    # lines of this tree and of upstream's, with the change, that have a name; None where whole trees are not asked
    spread: Callable[[str], tuple[int, int]] | None = None
    # the file in every release of the newer branches that was read; None for commits
    forms: Callable[[], Sequence[bytes]] | None = None
    # whether a header that this tree's file can include has a name; None where that was not asked
    in_headers: Callable[[str], bool] | None = None
    note: str = ""                   # what the commit says in brackets about its deviations
    also: frozenset[bytes] = frozenset()     # lines that the commit's other upstream commits add, without white space
    past: CommitPast | None = None   # with the first change of a commit: what the clone's history says of it

    @cached_property
    def plain(self) -> bool:
        """The same lines in the same function with the same lines around them: nothing can be wrong with it."""
        here, there = self.tree, self.upstream
        return self.equal and bool(self.tree.made) and here.context == there.context and here.ends == there.ends

    @property
    def windows(self) -> int:
        """How many merge windows upstream's side holds, where it is a step from one branch to another."""
        return windows_of(self.origin.upstream)

    @property
    def across(self) -> bool:
        """Whether upstream's side is a step from one branch to another: all that mainline did to these lines."""
        return self.windows > 0

    @property
    def today(self) -> bytes:
        """The tree's file as people run it."""
        return self.tree.after if self.now is None else self.now

    @cached_property
    def known(self) -> tuple[bytes, ...]:
        """The file in all newer trees, as they are and as they were: what stood there once was some commit's."""
        return (*self.newer.values(), *(self.forms() if self.forms is not None else ()))

    @property
    def still_in(self) -> str:
        """The last release of the branch, where that is a later one than the change came with and nobody has mended
        what is found; "" where it is not known. What was mended is not listed."""
        last = self.origin.last
        return last if last and self.tree.made and last != self.origin.name.rpartition("..")[2] else ""

    @property
    def lasting(self) -> bytes:
        """Upstream's file at the end of its branch: a step that was put right since stands for nothing."""
        return self.upstream.after if self.latest is None else self.latest

    @property
    def path(self) -> str:
        return self.tree.path

    @property
    def equal(self) -> bool:
        """Byte for byte the same lines, as far as a change can be without its place."""
        return [(e.old, e.new) for e in self.tree.made] == [(e.old, e.new) for e in self.upstream.made]


def windows_of(step: str) -> int:
    """How many merge windows a step between two releases holds; 0 for a commit."""
    old, _, new = step.partition("..")
    return windows(old, new) if new else 0


class Fault(Enum):
    """What can be wrong with a backport; the most serious first. The value is (id, legend)."""

    FUNCTION = "another-function", "landed in another function, entry or table than upstream's"
    HALF = "another-if", "landed in the other half of an #if"
    INSIDE = "another-struct", "landed in another struct, union or entry than upstream's"
    FILE = "another-file", "landed in another file than upstream's"
    FILE_LEFT = "left-out-file", "a file was left out whose subject is in this tree"
    LEFT = "left-out", "a part was left out whose subject is in this tree"
    LEFTOVER = "leftover", "a line that upstream replaced is still there beside its replacement"
    TWICE = "twice", "applied twice"
    TURNED = "turned-round", "a condition reads otherwise than upstream's"
    LOST_HALF = "lost-half", "a condition, lock or error path lost its other half"
    PLACE = "another-place", "landed elsewhere in upstream's function or table"
    MISSING = "missing-name", "uses a name that this tree does not have"
    FOLLOW_UP = "follow-up", "a later fix of this fix is missing"
    NEWER = "newer-lacks", "in this tree and not in a newer one"
    UNSAID = "unsaid", "differs from upstream and the note does not say so"

    @property
    def id(self) -> str:
        return self.value[0]

    @property
    def legend(self) -> str:
        return self.value[1]

    @property
    def rank(self) -> int:
        return list(Fault).index(self)


@dataclass(frozen=True)
class Suspect:
    """Something to look at. `confidence` is between 0 and 1; `cause` groups what one mistake made."""

    kind: Fault
    change: Backported
    text: str                        # one sentence
    confidence: float
    subject: str = ""                # what it is about: a line, a name
    evidence: tuple[str, ...] = ()
    wanted: str = ""                 # upstream's line where `subject` is what this tree has instead of it
    own: bool = False                # this tree's text alone says so, whatever upstream's is

    @cached_property
    def key(self) -> str:
        """A name that stays the same while the tree keeps the mistake: 10 hex digits."""
        text = "\0".join((self.kind.id, self.change.path, self.subject))
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]

    @property
    def order(self) -> tuple[float, int, str, str]:
        return -self.confidence, self.kind.rank, self.change.path, self.subject


