"""What speaks against an answer although it fits: the result is looked at, not the way that led to it.

Strategies agree on a place where the tree needs other lines; what tells then is the result. Does the function
still parse? Has it the variables and labels that the added lines use? Do its calls have as many arguments as the
tree's own calls? Does the tree know the names at all? Every question is asked of upstream's file as well, so that
a quirk of the reader, which is the same on both sides, raises no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from backport.csource.functions import Function, enclosing, functions
from backport.csource.pieces import KEYWORDS, code
from backport.rewrite.place import Signal
from backport.rewrite.problem import Problem
from backport.rewrite.render import Edit, apply_edits

_PARSER = Parser(Language(tree_sitter_c.language()))
_LONGEST = 60_000        # bytes of a function that are parsed
_LOCAL = re.compile(rb"(?<![\w.>])([a-z_]\w*)\b(?!\s*\()")
_NO_LOCAL = re.compile(rb"(?:\.|->|\b(?:struct|union|enum))\s*$")     # a field or a tag: no name of the function's own
_GOTO = re.compile(rb"\bgoto\s+(\w+)\s*;")
_LABEL = re.compile(rb"^[ \t]*(\w+)[ \t]*:(?!:)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_CALL = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*\(")

# what makes an adapted hunk too likely wrong to be given
FATAL = frozenset({Signal.SYNTAX, Signal.SCOPE, Signal.SYMBOL, Signal.ARITY, Signal.MOVED})


class SymbolIndex(Protocol):
    """Every identifier of a tree (backport.trees.index)."""

    def contains(self, identifier: str) -> bool:
        """Whether the identifier stands anywhere in the tree's C files."""

    def functions(self, name: str) -> Sequence[str]:
        """The files that define a function of that name."""

    def macros(self, name: str) -> Sequence[str]:
        """The files that define a macro of that name."""


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of names: the tree's index, upstream's, and those that the patch itself brings along.

    A name that neither tree has comes with another part of the same change; one that upstream has and the tree
    has not is a prerequisite that is missing.
    """

    index: SymbolIndex | None = None
    upstream: SymbolIndex | None = None
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A signal with the words that explain it."""

    signal: Signal
    text: str


class Result:
    """The target with all edits of the file made, and where each line of an edit now stands."""

    def __init__(self, problem: Problem, edits: Sequence[Edit]) -> None:
        self.problem = problem
        ordered = sorted(edits, key=lambda e: (e.lo, e.hi))
        self.lines = apply_edits(problem.t, ordered)
        self.source = b"".join(self.lines)
        self.calls: frozenset[tuple[bytes, int]] | None = None
        self._code: list[bytes] | None = None
        self._grown: list[tuple[int, int]] = []
        grown = 0
        self.added: set[int] = set()         # 0-based lines of the result that an edit wrote
        for edit in ordered:
            self._grown.append((edit.lo, grown))
            self.added.update(range(edit.lo + grown, edit.lo + grown + len(edit.new)))
            grown += len(edit.new) - (edit.hi - edit.lo)

    def code(self, edit: Edit) -> bytes:
        """The added lines of `edit` without comments: a line in the middle of one does not say so by itself."""
        if self._code is None:
            self._code = code(self.source).splitlines(keepends=True)
        at = self.new_line(edit)
        return b"".join(self._code[at:at + len(edit.new)])

    def new_line(self, edit: Edit) -> int:
        """0-based line at which `edit` stands in the result."""
        grown = next((g for lo, g in reversed(self._grown) if lo == edit.lo), 0)
        return edit.lo + grown


def doubts(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """What speaks against `edits` as the answer for hunk `k`."""
    found: list[Doubt] = []
    for edit in edits:
        at = result.new_line(edit)
        after = enclosing(result.source, at + 1) if edit.new or at < len(result.lines) else None
        before = enclosing(result.problem.target, edit.lo + 1)
        found += _syntax(result, before, after)
        if after is not None and edit.new:
            found += _scope(result, edit, after)
    found += _arity(result, edits)
    if names.index is not None:
        found += _symbols(result, edits, names)
    unique = {(d.signal, d.text): d for d in found}
    return list(unique.values())


def _body(source: bytes, f: Function) -> bytes:
    lines = source.split(b"\n")
    return b"\n".join(lines[f.start - 1:f.end]) + b"\n"


def _syntax(result: Result, before: Function | None, after: Function | None) -> list[Doubt]:
    if before is None or after is None or before.name != after.name:
        return []
    old, new = _body(result.problem.target, before), _body(result.source, after)
    if max(len(old), len(new)) > _LONGEST or old == new:
        return []
    grown = errors(new) - errors(old)
    if grown > 0 and grown > _errors_upstream(result.problem, after.name):
        return [Doubt(Signal.SYNTAX, f"{after.name}() does not parse any more")]
    return []


def _errors_upstream(problem: Problem, name: str) -> int:
    """How many more places upstream's own function has after the patch that the grammar cannot read."""
    before, after = _named(problem.preimage or b"", name), _named(problem.after_source, name)
    if after is None:
        return 0
    return errors(after) - (errors(before) if before is not None else 0)


def _named(source: bytes, name: str) -> bytes | None:
    """The text of the only function of that name."""
    found = [f for f in functions(source) if f.name == name]
    return _body(source, found[0]) if len(found) == 1 else None


def errors(source: bytes) -> int:
    """How many places of `source` the C grammar cannot read."""
    root = _PARSER.parse(source).root_node
    if not root.has_error:
        return 0
    count = 0
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            count += 1
        elif node.has_error:
            stack.extend(node.children)
    return count


def _scope(result: Result, edit: Edit, after: Function) -> list[Doubt]:
    """Variables and labels that upstream's function has beside the added lines, and this one has not."""
    problem = result.problem
    upstream = _named(problem.after_source, after.name)
    if upstream is None:
        return []
    added = result.code(edit)
    inside = range(after.start - 1, min(after.end, len(result.lines)))
    own = code(b"".join(result.lines[i] for i in inside if i not in result.added))
    written = code(b"".join(result.lines[i] for i in inside if i in result.added))
    file_level = None
    found = []
    names = {m[1] for m in _LOCAL.finditer(added) if not _NO_LOCAL.search(added, max(0, m.start() - 10), m.start())}
    up_rest = _without(code(upstream), problem.added_upstream)
    own_words = set(_WORD.findall(own))
    for name in sorted(names - KEYWORDS - own_words):
        if _declares(written, name):
            continue
        if name not in up_rest:
            if name not in problem.target_words and not _declares(upstream, name) \
                    and not _listed(written, name) and _parameter(problem, name):
                found.append(Doubt(Signal.SCOPE, f"the patch declares `{name.decode()}` in another function than "
                                                 f"{after.name}(), which uses it"))
            continue
        if file_level is None:
            file_level = _file_level(problem)
        if name not in file_level:
            found.append(Doubt(Signal.SCOPE, f"`{name.decode()}` is nothing that {after.name}() has in this tree"))
    for match in _GOTO.finditer(added):
        labels = set(_LABEL.findall(own)) | set(_LABEL.findall(written))
        if match[1] not in labels:
            found.append(Doubt(Signal.SCOPE, f"{after.name}() has no label `{match[1].decode()}` in this tree"))
    return found


def _without(body: bytes, added: frozenset[bytes]) -> set[bytes]:
    return {word for line in body.split(b"\n") if line.strip() not in added for word in _WORD.findall(line)}


def _declares(text: bytes, name: bytes) -> bool:
    return re.search(rb"\b\w+[\s*]+%s\s*(?:[;,=\[)]|$)" % re.escape(name), text) is not None


def _listed(text: bytes, name: bytes) -> bool:
    """True where `name` is a further declarator: the `b` of `int a, b;`."""
    return re.search(rb"\w\s*,\s*\**%s\s*[,;=\[]" % re.escape(name), text) is not None


def _parameter(problem: Problem, name: bytes) -> bool:
    """True where added lines of the patch have `name` as the parameter of some function, and nothing at file level."""
    added = b"".join(line for hunk in problem.hunks for line in hunk.added)
    return re.search(rb"\b\w+[\s*]+%s\s*[,)]" % re.escape(name), code(added)) is not None


def _file_level(problem: Problem) -> frozenset[bytes]:
    """Names on lines of the target that begin at column 0 and are no function's: file-level objects and macros."""
    if "file_level" not in problem.seeds:
        names: set[bytes] = set()
        for line in problem.t:
            if line[:1] not in (b" ", b"\t", b"\n", b"}", b"{", b"*", b"/"):
                # the parameters of a function are nothing that another one could use
                names.update(_WORD.findall(line.split(b"(", 1)[0]))
        problem.seeds["file_level"] = frozenset(names)
    level: frozenset[bytes] = problem.seeds["file_level"]
    return level


def _arity(result: Result, edits: Sequence[Edit]) -> list[Doubt]:
    """Calls in added lines with a number of arguments that no other call or definition in this file has."""
    problem = result.problem
    found = []
    for edit in edits:
        for name, count in calls(result.code(edit)):
            here = {n for other, n in _file_calls(result) if other == name}
            if not here or count in here or count < 0:
                continue
            upstream = {n for other, n in _upstream_calls(problem) if other == name}
            if count in upstream:
                found.append(Doubt(Signal.ARITY, f"{name.decode()}() takes {_list(here)} arguments in this tree, "
                                                 f"the added call has {count}"))
    return found


def _list(counts: set[int]) -> str:
    return " or ".join(str(n) for n in sorted(counts))


def _file_calls(result: Result) -> frozenset[tuple[bytes, int]]:
    if result.calls is None:
        text = code(b"".join(line for i, line in enumerate(result.lines) if i not in result.added))
        result.calls = frozenset(calls(text))
    return result.calls


def _upstream_calls(problem: Problem) -> frozenset[tuple[bytes, int]]:
    if "upstream_calls" not in problem.seeds:
        problem.seeds["upstream_calls"] = frozenset(calls(code(problem.preimage or b"")))
    found: frozenset[tuple[bytes, int]] = problem.seeds["upstream_calls"]
    return found


def calls(text: bytes) -> list[tuple[bytes, int]]:
    """(name, number of arguments) of everything in `text` that looks like a call; comments and strings blanked."""
    out = []
    for match in _CALL.finditer(text):
        if match[1] in KEYWORDS:
            continue
        depth, count, at, empty = 1, 1, match.end(), True
        while at < len(text) and depth and at - match.end() < 2000:
            byte = text[at:at + 1]
            if byte in b"([{":
                depth += 1
            elif byte in b")]}":
                depth -= 1
            elif byte == b"," and depth == 1:
                count += 1
            if depth and not byte.isspace():
                empty = False
            at += 1
        if depth == 0:
            out.append((match[1], 0 if empty else count))
    return out


def _defines(index: SymbolIndex, name: str) -> bool:
    return bool(index.functions(name) or index.macros(name))


def _symbols(result: Result, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """Names in added lines that the whole tree does not have."""
    target = result.problem.target_words
    found = []
    for edit in edits:
        added = result.code(edit)
        called = {m[1] for m in _CALL.finditer(added)}
        gone = {w for line in result.problem.t[edit.lo:edit.hi] for w in _WORD.findall(line)}
        for name in sorted(set(_WORD.findall(added)) - KEYWORDS - gone):
            if name in target:
                continue
            text = name.decode("ascii", "replace")
            if text in names.own or names.index is None:
                continue
            if not names.index.contains(text):
                if names.upstream is None or names.upstream.contains(text):
                    found.append(Doubt(Signal.SYMBOL, f"`{text}` is nowhere in this tree"))
            elif name in called and names.upstream is not None and _defines(names.upstream, text) \
                    and not _defines(names.index, text):
                # an everyday word (`guard`) stands somewhere in every tree
                found.append(Doubt(Signal.SYMBOL, f"`{text}()` is defined nowhere in this tree"))
    return found
