"""What an audit looks at, and what it finds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Protocol

from backport import sections
from backport.adapt.align import line_key, silent, weak
from backport.csource.source import Source
from backport.patch.edits import Edit, render_hunks
from backport.patch.model import Hunk
from backport.patch.parse import split_lines
from backport.replay.cases import Delta

_AROUND = 6              # lines on each side of a change that are compared


def names_of(source: bytes) -> frozenset[bytes]:
    """Every name in the code of `source`."""
    return frozenset().union(*(piece.names for _, piece in Source.of(source).pieces))


@dataclass(frozen=True, eq=False)
class FileSide:
    """One file before and after, in the audited tree or upstream. `edits` is all that happened to it, sorted; `made`
    the group of edits that is this change."""

    path: str
    before: bytes
    after: bytes
    edits: Delta
    made: Delta

    @cached_property
    def added(self) -> tuple[tuple[int, bytes], ...]:
        """(0-based line of `after`, line) of what the change adds."""
        return self._new_lines(self.made)

    def _new_lines(self, edits: Delta) -> tuple[tuple[int, bytes], ...]:
        return tuple((at + n, line) for edit in edits for at in [self.line_after(edit.lo)]
                     for n, line in enumerate(edit.new))

    def line_after(self, line: int) -> int:
        """0-based line of `after` at which what began at 0-based `line` of `before` begins."""
        return line + sum(len(e.new) - (e.hi - e.lo) for e in self.edits if e.lo < line)

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
        return self._by_function(self.made)

    @cached_property
    def brought(self) -> Mapping[str, bytes]:
        """The same of all that happened to the file."""
        return self._by_function(self.edits)

    def _by_function(self, edits: Delta) -> dict[str, bytes]:
        out: dict[str, bytes] = {}
        for line, text in self._new_lines(edits):
            name = self.scope(line)
            if name.endswith("()"):
                out[name] = out.get(name, b"") + text
        return out

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
    latest: bytes | None = None      # upstream's side at the end of its branch, None where that is `upstream.after`
    now: bytes | None = None         # the tree's file at the end of what is audited, None where that is `tree.after`
    elsewhere: Elsewhere | None = None       # only where the paths of both sides differ
    loose: bool = False              # fewer words in common than two forms of one change have
    one_commit: bool = False         # both sides are commits: whatever upstream's has belongs to the change
    # lines of this tree and of upstream's, with the change, that have a name; None where whole trees are not asked
    spread: Callable[[str], tuple[int, int]] | None = None
    note: str = ""                   # what the commit says in brackets about its deviations
    also: frozenset[bytes] = frozenset()     # lines that the commit's other upstream commits add, without white space
    past: CommitPast | None = None   # with the first change of a commit: what the clone's history says of it

    @cached_property
    def plain(self) -> bool:
        """The same lines in the same function with the same lines around them: nothing can be wrong with it."""
        here, there = self.tree, self.upstream
        return self.equal and bool(self.tree.made) and here.context == there.context and here.place == there.place

    @property
    def across(self) -> bool:
        """Whether upstream's side is a step from one branch to the next: all that a merge window did to these lines."""
        old, _, new = self.origin.upstream.partition("..")
        return bool(new) and old.split(".")[:2] != new.split(".")[:2]

    @property
    def today(self) -> bytes:
        """The tree's file as people run it."""
        return self.tree.after if self.now is None else self.now

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

    @cached_property
    def key(self) -> str:
        """A name that stays the same while the tree keeps the mistake: 10 hex digits."""
        text = "\0".join((self.kind.id, self.change.path, self.subject))
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]

    @property
    def order(self) -> tuple[float, int, str, str]:
        return -self.confidence, self.kind.rank, self.change.path, self.subject


