"""What every check gets: the file with all edits made, the names that are known, and the record of what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import Protocol, runtime_checkable

from backport.adapt.align import line_key, silent
from backport.adapt.revisions import Problem, reversed_edits
from backport.adapt.signals import Severity, Signal
from backport.csource.layout import Function
from backport.csource.source import Source
from backport.csource.statements import jump
from backport.patch.edits import Edit, apply_edits
from backport.treeview import TreeView


class SymbolIndex(Protocol):
    """Every identifier of a tree (backport.trees.index)."""

    def contains(self, identifier: str) -> bool:
        """Whether the identifier stands anywhere in the tree's C files."""

    def defines(self, name: str) -> bool:
        """Whether the tree defines a function or macro of that name (register lists may be left out)."""


@runtime_checkable
class Sighted(SymbolIndex, Protocol):
    """An index that also knows from where a name can be seen."""

    def unseen(self, name: str, path: str, also: tuple[str, ...] = ()) -> str | None:
        """Why code of the file `path` cannot use `name`: "" where no code of the tree has it, else where it stands
        ("only in tools/x.h"); None where nothing says so. `also`: further headers that the file includes."""


def unseen(index: SymbolIndex, name: str, path: str, also: tuple[str, ...], upstream: SymbolIndex | None,
           upstream_path: str) -> str | None:
    """What `Sighted.unseen` says, by whatever `index` knows. A name that upstream's file sees no better is left alone:
    it is made by a macro, or it is what the reader cannot see."""
    where = index.unseen(name, path, also) if isinstance(index, Sighted) else None if index.contains(name) else ""
    if where and isinstance(upstream, Sighted) and upstream.unseen(name, upstream_path, also) is not None:
        return None
    return where


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of names: the tree's index, upstream's, and those that the patch itself brings along.

    A name that neither tree has comes with another part of the same change; one that upstream has and the tree
    has not is a prerequisite that is missing.
    """

    index: SymbolIndex | None = None
    upstream: SymbolIndex | None = None
    own: frozenset[str] = frozenset()
    tree: TreeView | None = None     # upstream's files

    def macros(self, name: str) -> list[bytes]:
        """The headers under include/ that define macro `name` upstream, their bytes; [] where its tree is not known."""
        asked = getattr(self.upstream, "macros", None)
        if asked is None or self.tree is None:
            return []
        found = [self.tree.read(path) for path in asked(name, lists=False) if path.startswith("include/")]
        return [data for data in found if data is not None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks against an answer: its kind, the sentence that a reviewer reads, and the name that it is
    about ("" where there is none). Kind and subject are what repairs and the engine go by, never the text."""

    kind: Signal
    text: str
    subject: str = ""

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def fatal(self) -> bool:
        """Whether the answer cannot be given like this."""
        return self.kind.severity is Severity.FATAL


class Result:
    """The target with all edits of the file made, and where each line of an edit now stands."""

    def __init__(self, problem: Problem, edits: Sequence[Edit]) -> None:
        self.problem = problem
        self.edits = ordered = sorted(edits, key=lambda e: (e.lo, e.hi))
        self.lines = apply_edits(problem.target_lines, ordered)
        self.source = b"".join(self.lines)
        self._grown: dict[tuple[int, int], int] = {}
        grown = 0
        self.added: set[int] = set()         # 0-based lines of the result that an edit wrote
        for edit in ordered:
            self._grown[edit.lo, edit.hi] = grown
            self.added.update(range(edit.lo + grown, edit.lo + grown + len(edit.new)))
            grown += len(edit.new) - (edit.hi - edit.lo)

    def code(self, edit: Edit) -> bytes:
        """The added lines of `edit` without comments: a line in the middle of one does not say so by itself."""
        at = self.new_line(edit)
        return b"".join(line + b"\n" for line in bare_lines(self.source)[at:at + len(edit.new)])

    def new_line(self, edit: Edit) -> int:
        """0-based line at which `edit` stands in the result."""
        return edit.lo + self._grown.get((edit.lo, edit.hi), 0)

    def old_line(self, line: int) -> int:
        """0-based line of the target that the result's 0-based `line` is; meant for lines that no edit wrote."""
        at = line
        for edit in self.edits:
            start = self.new_line(edit)
            if start + len(edit.new) > line:
                break
            at = line - start - len(edit.new) + edit.hi
        return at


@dataclass(frozen=True)
class Context:
    """What a check is asked about: the answer `edits` for hunk number `hunk` of `result`'s file. `result` has the edits
    of the file's other hunks as well."""

    result: Result
    hunk: int
    edits: Sequence[Edit]
    names: Names = field(default_factory=Names)

    @property
    def problem(self) -> Problem:
        return self.result.problem

    @property
    def base(self) -> Source:
        """Upstream's file before the patch, empty where it is not known."""
        return Source.of(self.problem.base or b"")

    @property
    def upstream(self) -> Source:
        """Upstream's file with the patch, empty where it is not known."""
        return Source.of(self.problem.upstream)

    @property
    def target(self) -> Source:
        """This tree's file before the patch."""
        return Source.of(self.problem.target)

    @property
    def adapted(self) -> Source:
        """This tree's file with all edits made."""
        return Source.of(self.result.source)

    @cached_property
    def kept(self) -> Source:
        """This tree's file without the lines that the edits remove, and without those that they add."""
        result = self.result
        lines = list(result.lines)
        for i in sorted(result.added, reverse=True):
            del lines[i]
        return Source.of(b"".join(lines))

    @cached_property
    def written(self) -> Sequence[int]:
        """The 0-based lines of the result that this hunk's edits wrote."""
        return [at + n for e in self.edits for at in (self.result.new_line(e),) for n in range(len(e.new))]

    @cached_property
    def brought(self) -> Sequence[int]:
        """The 0-based lines of upstream's file with the patch that the hunk adds there."""
        return [i for e in reversed_edits(self.problem, self.hunk) for i in range(e.lo, e.hi)]

    @cached_property
    def as_upstream(self) -> bool:
        """Whether the hunk's edits stand in functions alone, each of which is upstream's to the byte, before the patch
        and with it. A check that looks at nothing but these functions has nothing to say then, and need not be asked:
        that is so for two of five answers."""
        result, problem = self.result, self.problem
        if problem.base is None:
            return False
        names: set[str] = set()
        for e in self.edits:
            at = result.new_line(e)
            for source, lines in ((self.target, range(e.lo, max(e.hi, e.lo + 1))),
                                  (self.adapted, range(at, at + max(1, len(e.new))))):
                held = {one.name if one is not None else "" for n in lines for one in (source.enclosing(n + 1),)}
                if "" in held:
                    return False
                names |= held
        return bool(names) and all(
            (before := named(problem.base, name)) is not None and before == named(problem.target, name)
            and (after := named(problem.upstream, name)) is not None and after == named(result.source, name)
            for name in names)

    @cached_property
    def pairs(self) -> Sequence[tuple[int, int]]:
        """(0-based line of upstream's file with the patch, 0-based line of the result) of each line of the hunk that
        is added on both sides, white space apart: a line that reads otherwise here is in no pair. Half of the checks
        ask. Lines that do not tell their place are left out (`silent` of backport.adapt.align): `}`, `else`, `break;`,
        `return 0;`, `return ret;`, for which there is jumps(); `return -EINVAL;` is a pair."""
        problem = self.problem
        if problem.edits is None or problem.upstream_lines is None:
            return ()
        theirs, ours = self.brought, self.written
        keys_u = [line_key(problem.upstream_lines[i]) for i in theirs]
        keys_r = [line_key(self.result.lines[i]) for i in ours]
        out = []
        for i, j, size in SequenceMatcher(None, keys_u, keys_r, autojunk=False).get_matching_blocks():
            out += [(theirs[i + n], ours[j + n]) for n in range(size) if not silent(keys_u[i + n])]
        return out

    def jumps(self, *words: bytes) -> Sequence[tuple[int, int]]:
        """As `pairs`, of the added lines that jump (by `words`, as b"break", or in any way): one reads like the other,
        so they are told by their order. Empty where one side adds more of them than the other."""
        problem = self.problem
        if problem.edits is None or problem.upstream_lines is None:
            return ()
        theirs, ours = ([i for i in rows if (word := jump(source.bare_lines[i])) and (not words or word in words)]
                        for source, rows in ((self.upstream, self.brought), (self.adapted, self.written)))
        return tuple(zip(theirs, ours, strict=True)) if len(theirs) == len(ours) else ()


@dataclass(frozen=True, slots=True)
class Check:
    """A question about the result of an answer. A check's file ends with its record; the registry imports it."""

    module: str                      # __name__ of its file
    doc: str | None                  # __doc__ of its file: the first line is the question
    ask: Callable[[Context], Iterable[Finding]]
    finds: tuple[Signal, ...]        # every kind that it may find
    local: bool = False              # asks of nothing but the functions of the edits (Context.as_upstream)

    @property
    def id(self) -> str:
        """The name of its file."""
        return self.module.rpartition(".")[2]

    @property
    def legend(self) -> str:
        """The question that it asks, in one sentence."""
        return (self.doc or "").partition("\n")[0]

    @property
    def severity(self) -> Severity:
        """The worst that it may find."""
        return next(one for one in Severity if any(kind.severity is one for kind in self.finds))


def quote(text: bytes) -> str:
    """A piece of source as a sentence shows it."""
    return f"`{text.strip().decode('utf-8', 'replace')}`"


def touched(result: Result, edits: Sequence[Edit]) -> list[str]:
    """The names of the result's functions in which `edits` stand, or from which they take, sorted."""
    source = Source.of(result.source)
    lines = {result.new_line(e) + n + 1 for e in edits for n in range(max(1, len(e.new)))}
    return sorted({f.name for line in lines if (f := source.enclosing(line)) is not None})


def bare_lines(source: bytes) -> tuple[bytes, ...]:
    """The lines of `source` without comments and without what is inside strings."""
    return Source.of(source).bare_lines


def body(source: bytes, f: Function) -> bytes:
    """The text of a function, signature and braces included."""
    return Source.of(source).text(f)


def twin(source: bytes, f: Function, other: bytes) -> Function | None:
    """The function of `other` that is `f` of `source`: of several with one name (in the halves of an #if) the one at
    the same place among them, None where the files do not have as many."""
    ours, theirs = Source.of(source).functions_named(f.name), Source.of(other).functions_named(f.name)
    return theirs[ours.index(f)] if len(ours) == len(theirs) and f in ours else None


def named(source: bytes, name: str) -> bytes | None:
    """The text of the only function of that name, None where there is none or more than one."""
    found = Source.of(source).function(name)
    return Source.of(source).text(found) if found is not None else None
