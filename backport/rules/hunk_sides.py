"""Rules on the two sides of one hunk: patterns found, alternatives chosen, what was changed and what was refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from backport.csource.grammar import Opinion, opinion
from backport.csource.pattern import Match, find
from backport.csource.template import Unsafe, render
from backport.csource.tokens import Kind, lex
from backport.rules.facts import Facts
from backport.rules.model import Rewrite, Rule
from backport.rules.results import RuleChange
from backport.rules.sides import Row, replace_range, text_of

# A chain of rules (kvm_x86_call -> static_call -> kvm_x86_ops) is two rounds; rules that feed each other for
# longer than this are a mistake in the rules, and the hunk is then left as it was.
_ROUNDS = 12


@dataclass
class Work:
    """A hunk while rules edit it."""

    old: tuple[Row, ...]
    new: tuple[Row, ...]
    kinds: tuple[bytes, ...]
    choices: Choices
    changes: list[RuleChange] = field(default_factory=list)
    because: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)


# Combinations of alternatives that are tried before the first one is taken for want of a place.
_COMBINATIONS = 24


class Choices:
    """Which alternative to take where a rule has several for one pattern; grows as patterns are met."""

    def __init__(self, taken: dict[tuple[str, str], int], limits: dict[tuple[str, str], int]) -> None:
        self.taken = taken
        self.limits = limits

    def index(self, rule: Rule, pattern: str, count: int) -> int:
        key = (rule.id, pattern)
        self.limits[key] = max(count, self.limits.get(key, 0))
        return self.taken.get(key, 0) % count

    def more(self) -> bool:
        """Step to the next combination; False after the last."""
        for key, limit in self.limits.items():
            if self.taken.get(key, 0) + 1 < limit:
                self.taken[key] = self.taken.get(key, 0) + 1
                return True
            self.taken[key] = 0
        return False


def combinations() -> Iterator[Choices]:
    """The same object, stepped by `more` between the tries."""
    shared = Choices({}, {})
    for _ in range(_COMBINATIONS):
        yield shared


def rewrite_sides(work: Work, rules: Sequence[Rule], facts: Facts, hidden: bytes) -> None:
    """Apply the rules to both sides until nothing changes; where they never come to an end, undo everything."""
    before = (work.old, work.new)
    for rule in rules:
        _same_name(work, rule, facts, hidden)
    lasting: list[str] = []          # what a rule that runs once has left over
    for number in range(_ROUNDS):
        progress = False
        work.unresolved = [*lasting]     # of the others, what is left over counts at the end, not on the way
        for rule in rules:
            if rule.once and number:
                continue
            seen = len(work.unresolved)
            progress |= _rewrite(work, rule, facts, hidden)
            if rule.once:
                lasting += work.unresolved[seen:]
        if not progress:
            return
    work.old, work.new = before
    work.changes.clear()
    work.unresolved.append(f"the rules {', '.join(rule.id for rule in rules)} rewrite each other for ever on this hunk")


def _rewrite(work: Work, rule: Rule, facts: Facts, hidden: bytes) -> bool:
    """One round of one rule on both sides: a rule that runs once goes on until it finds nothing more."""
    progress = False
    for group in _alternatives(rule):
        for new_side in (False, True):
            while _rewrite_side(work, rule, group, facts, hidden, new_side=new_side):
                progress = True
                if not rule.once:
                    break
    return progress


def _alternatives(rule: Rule) -> list[list[Rewrite]]:
    """The rule's rewrites, those of one pattern together, in the order of the file."""
    groups: dict[str, list[Rewrite]] = {}
    for rewrite in rule.rewrites:
        if not rewrite.keep:
            groups.setdefault(rewrite.match.text, []).append(rewrite)
    return list(groups.values())


def _same_name(work: Work, rule: Rule, facts: Facts, hidden: bytes) -> None:
    """Tell of new code that compiles in the target and means something else there."""
    for rewrite in rule.rewrites:
        if not rewrite.keep:
            continue
        text = hidden + text_of(work.new)
        removed = b"".join(row.text for row in work.old if work.kinds[min(row.origins)] == b"-")
        there = {_squeeze(removed[m.start:m.end]) for m in find(rewrite.match, removed)}
        for match in find(rewrite.match, text):
            expression = text[match.start:match.end]
            _, origins = replace_range(work.new, match.start - len(hidden), match.end - len(hidden), expression)
            if (_kind(work.kinds, origins) == "added" and _squeeze(expression) not in there
                    and (rewrite.where is None or rewrite.where.ask(facts, match.texts).holds)
                    and (answer := rule.probe.ask(facts, {})).holds):
                work.changes.append(_change(work, rule, "added", match, text, expression))
                work.because += answer.because


def _rewrite_side(work: Work, rule: Rule, group: Sequence[Rewrite], facts: Facts, hidden: bytes, *,
                  new_side: bool) -> bool:
    """One pattern on one side, from the end to the beginning so that offsets stay true."""
    rows = work.new if new_side else work.old
    text = hidden + text_of(rows)
    matches = [m for m in find(group[0].match, text) if m.start >= len(hidden)]
    if not matches:
        return False
    answer = rule.probe.ask(facts, {})
    if not answer.holds:
        return False
    changed = False
    for match in reversed(matches):
        new = _older_form(work, rule, group, facts, match, text)
        if new is None:
            continue
        after, origins = replace_range(rows, match.start - len(hidden), match.end - len(hidden), new)
        kind = _kind(work.kinds, origins)
        if rule.anchor_only and kind == "added" and not _carried(work, match, text, rule):
            _refuse(work, rule, match, text, f"the rule is proved for context only; {rule.differs}")
        elif after != rows:
            rows = after
            changed = True
            if not (new_side and kind == "context"):      # context stands on both sides: told once
                work.changes.append(_change(work, rule, kind, match, text, new))
            work.because += answer.because
    if new_side:
        work.new = rows
    else:
        work.old = rows
    return changed


def _older_form(work: Work, rule: Rule, group: Sequence[Rewrite], facts: Facts, match: Match,
                text: bytes) -> bytes | None:
    """What stands for a match in this tree; None where it is left as it is, which is told where there is a reason."""
    if opinion(text, match.start, match.end) is Opinion.REFUSED:
        return None
    usable = [r for r in group if r.where is None or r.where.ask(facts, match.texts).holds]
    if not usable:
        _refuse(work, rule, match, text, "the tree does not have what the older form needs")
        return None
    rewrite = usable[work.choices.index(rule, group[0].match.text, len(usable))]
    try:
        return render(rewrite.match, rewrite.replace, match, text)
    except Unsafe as reason:
        _refuse(work, rule, match, text, str(reason))
        return None


def _kind(kinds: Sequence[bytes], origins: frozenset[int]) -> str:
    touched = {kinds[i] for i in origins}
    return "added" if b"+" in touched else "removed" if b"-" in touched else "context"


def _carried(work: Work, match: Match, text: bytes, rule: Rule) -> bool:
    """True where the very same expression was rewritten in a removed line: the target has it, it only stays."""
    expression = _squeeze(text[match.start:match.end])
    return any(c.rule == rule.id and c.kind == "removed" and _squeeze(c.before.encode()) == expression
               for c in work.changes)


def _squeeze(text: bytes) -> bytes:
    return b" ".join(token.text for token in lex(text) if token.kind is not Kind.SPACE)


def _change(work: Work, rule: Rule, kind: str, match: Match, text: bytes, new: bytes) -> RuleChange:
    before = _shown(text[match.start:match.end])
    after = _shown(new)
    names = {name: _shown(value) for name, value in match.texts.items()} | {"FROM": before, "TO": after}
    note = re.sub(r"\$\{?([A-Z][A-Z0-9_]*)\}?", lambda m: names.get(m[1], m[0]), rule.note)
    if kind == "added" and not rule.equivalent and _carried(work, match, text, rule):
        note += " (the removed line already has this form)"
    return RuleChange(rule.id, kind, before, after, note, rule.equivalent)


def _shown(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())


def _refuse(work: Work, rule: Rule, match: Match, text: bytes, why: str) -> None:
    work.unresolved.append(f"{rule.id}: `{_shown(text[match.start:match.end])}` was left as it is: {why}")
