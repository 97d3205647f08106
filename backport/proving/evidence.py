"""Proof of the rules on two real trees: do lines of the newer one, rewritten, stand in the older one?

For each place in the newer tree where a rule's pattern matches, the lines of that place are rewritten by all
rules and looked up in the older tree, in the function of the same name. What is found there shows that the
rewrite is what the older tree writes; a line that is not found proves nothing, because the function may have
changed in other ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backport.architecture import DEFAULT
from backport.csource.functions import enclosing, functions
from backport.csource.pattern import find
from backport.csource.tokens import Kind, lex
from backport.patch.model import FileDiff, Hunk, Line
from backport.rules.anchor import places
from backport.rules.engine import HunkResult, apply_rules
from backport.rules.facts import facts_of, glob_regex
from backport.rules.model import Rule
from backport.subsystem import KVM
from backport.treeview import TreeView

# Where the rules that ship apply; the rest of a tree would take minutes and prove nothing about KVM.
SCOPE = (f"{KVM.own}**", f"{KVM.shared}**")
_NAMES = ((*SCOPE, *KVM.headers),
          (f"{DEFAULT.directory}/include/asm/*", "include/linux/*"))


@dataclass
class RuleEvidence:
    """What two trees say about one rule.

    `matches`: places in the newer tree. `found`: of these, rewritten lines that the older tree has in the function
    of that name. `unknown_names`: names that a rewrite brings in and that the older tree does not have: a mistake.
    """

    rule: str
    fires: bool                      # the probe holds in the older tree
    silent: bool                     # and does not hold in the newer one
    matches: int = 0
    found: int = 0
    same: int = 0                    # the older tree has the line as the newer one writes it
    refused: int = 0
    unknown_names: set[str] = field(default_factory=set)
    sample: str = ""                 # one pair that was found: "path: before -> after"


def evidence(newer: TreeView, older: TreeView, rules: Sequence[Rule], *, enough: int = 0,
             only: frozenset[str] = frozenset()) -> list[RuleEvidence]:
    """One row for each rule, in the order of `rules`. Reads the KVM sources of both trees.

    `enough` stops a rule after so many lines were found (0: never). `only` names the rules to look at; the
    others still take part in rewriting, since rules come in chains.
    """
    theirs, ours = facts_of(newer), facts_of(older)
    rows = []
    for rule in rules:
        if only and rule.id not in only:
            continue
        row = RuleEvidence(rule.id, rule.probe.ask(ours, {}).holds, not rule.probe.ask(theirs, {}).holds)
        rows.append(row)
        if not row.fires or not row.silent:
            continue
        for path in theirs.paths(SCOPE):
            if enough and row.found >= enough:
                break
            if any(glob_regex(glob).match(path) for glob in rule.applies_to):
                _file(row, rule, path, theirs.read(path) or b"", older, rules)
    return rows


def _file(row: RuleEvidence, rule: Rule, path: str, source: bytes, older: TreeView, rules: Sequence[Rule]) -> None:
    lines = [line + b"\n" for line in source.split(b"\n")]
    spans: set[tuple[int, int]] = set()
    for rewrite in rule.rewrites:
        for match in find(rewrite.match, source):
            first = source.count(b"\n", 0, match.start)
            spans.add((first, first + source.count(b"\n", match.start, match.end) + 1))
    if rule.moves:
        spans |= {(f.body, f.end - 1) for f in functions(source) if f.end - f.body > 3
                  and path in {move.source for move in rule.moves}}
    for top, bottom in sorted(spans):
        inside = enclosing(source, top + 1)
        if any("\n" in rewrite.replace.text for rewrite in rule.rewrites):
            top = max(0, top - 1)    # several statements for one need to see what stands before
        body = tuple(Line(b" ", line) for line in lines[top:bottom])
        section = lines[inside.start - 1].strip() if inside is not None else b""
        file = FileDiff(b"", path, path, (Hunk(top + 1, top + 1, body, section),))
        result = apply_rules(file, older, rules).hunks[0]
        row.matches += 1
        row.refused += bool(result.unresolved)
        before = b"".join(lines[top:bottom])
        row.unknown_names |= _unknown(before, result, older)
        target = older.read(result.path) or b""
        name = inside.name if inside is not None else ""
        here = [at for at in result.places if name == (f.name if (f := enclosing(target, at)) is not None else "")]
        if not result.rewritten and result.path == path:
            row.same += bool(here)
        elif here:
            row.found += 1
            if not row.sample:
                after = b"".join(line.text for line in result.hunk.lines)
                row.sample = f"{path}: {_short(before)} -> {_short(after)}" if result.rewritten else (
                    f"{path}: {name}() -> {result.path}")
        elif places(before, target):
            row.same += 1


def _unknown(before: bytes, result: HunkResult, older: TreeView) -> set[str]:
    """Names that the rewritten lines have, the lines before had not, and that are nowhere in the older tree."""
    facts = facts_of(older)
    after = b"".join(line.text for line in result.hunk.lines)
    new = {t.text for t in lex(after) if t.kind is Kind.NAME} - {t.text for t in lex(before) if t.kind is Kind.NAME}
    return {name for name in (word.decode("utf-8", "replace") for word in new)
            if not any(facts.identifier(name, globs) for globs in _NAMES)}


def _short(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())
