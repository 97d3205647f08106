"""Applies rules to a hunk: upstream's way of writing things becomes the target tree's.

For every hunk the two sides (before, after) are rewritten by the same rules, then the rewritten pre-image is
looked up in the target, token by token, and its bytes are used. Context and removed lines only serve to find
the place, and the target itself confirms them; an added line is new code, so that a rule whose two forms do
not mean the same marks the hunk `review` and says what differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from backport.csource.functions import enclosing, functions
from backport.csource.grammar import Opinion, opinion
from backport.csource.pattern import Match, find
from backport.csource.template import Unsafe, render
from backport.csource.tokens import Kind, lex
from backport.patch.model import FileDiff, Hunk
from backport.rewrite.view import TreeView
from backport.rules.anchor import Place, adopt, edges, places, target_rows
from backport.rules.facts import Facts, facts_of, glob_regex
from backport.rules.model import Rewrite, Rule
from backport.rules.sides import Row, replace_range, side_of, text_of, weave
from backport.verdict import Sure

# A chain of rules (kvm_x86_call -> static_call -> kvm_x86_ops) is two rounds; rules that feed each other for
# longer than this are a mistake in the rules, and the hunk is then left as it was.
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One rewrite of one expression. `kind` is where it stands: context, removed or added lines."""

    rule: str
    kind: str                        # "context" | "removed" | "added"
    before: str
    after: str
    note: str
    equivalent: bool


@dataclass(frozen=True, slots=True)
class HunkResult:
    """One hunk after the rules, with the reasons.

    `anchored`: the rewritten pre-image is in the target at exactly one place, `places` are the 1-based lines of
    all of them. `unresolved` are the rewrites that a rule could have made but refused, each a sentence.
    `vanished`: in the target's dialect the hunk changes nothing.
    """

    index: int
    path: str                        # file of the target tree it belongs to
    hunk: Hunk
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    because: tuple[str, ...] = ()    # what the probes found, each a sentence
    unresolved: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    sure: Sure = Sure.CERTAIN
    vanished: bool = False

    @property
    def anchored(self) -> bool:
        return len(self.places) == 1

    @property
    def rewritten(self) -> bool:
        """A line differs from upstream's (a change may also only be a warning: same name, other meaning)."""
        return any(change.before != change.after for change in self.changes)

    @property
    def touches_added(self) -> bool:
        """An added line differs from upstream's."""
        return any(change.kind == "added" and change.before != change.after for change in self.changes)

    @property
    def equivalent(self) -> bool:
        return all(change.equivalent for change in self.changes)

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that changed it, each once, in order."""
        return tuple(dict.fromkeys(change.rule for change in self.changes))


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What the rules made of one file of a patch: a file for each path that its hunks belong to in the target."""

    path: str                        # as upstream names it before the patch
    files: tuple[FileDiff, ...]
    hunks: tuple[HunkResult, ...]

    @property
    def file(self) -> FileDiff:
        """The file, where its hunks stay together (always the first one)."""
        return self.files[0]

    @property
    def changed(self) -> bool:
        return any(hunk.rewritten for hunk in self.hunks) or self.moved

    @property
    def moved(self) -> bool:
        """A hunk goes to another file than upstream's."""
        return any(hunk.path != self.path for hunk in self.hunks)

    @property
    def anchored(self) -> bool:
        """Every hunk's pre-image is in the target, at one place each."""
        return bool(self.hunks) and all(hunk.anchored for hunk in self.hunks)

    @property
    def touches_added(self) -> bool:
        return any(hunk.touches_added for hunk in self.hunks)

    @property
    def equivalent(self) -> bool:
        return all(hunk.equivalent for hunk in self.hunks)

    @property
    def sure(self) -> Sure:
        return Sure.REVIEW if any(hunk.sure is Sure.REVIEW for hunk in self.hunks) else Sure.CERTAIN

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for hunk in self.hunks for note in hunk.notes))

    @property
    def unresolved(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for hunk in self.hunks for text in hunk.unresolved))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for hunk in self.hunks for rule in hunk.rules))


def apply_rules(file: FileDiff, target: TreeView, rules: Sequence[Rule], *,
                preimage: bytes | None = None) -> RuleResult:
    """Rewrite the hunks of one file into the target's dialect.

    Pure. `preimage` is upstream's file just before the patch where it is at hand: comments that begin outside a
    hunk are then known and not guessed. Hunks that no rule changes come back byte for byte. A binary, created
    or deleted file comes back as it is.
    """
    facts = facts_of(target)
    mine = [rule for rule in rules if any(glob_regex(glob).match(file.path) for glob in rule.applies_to)]
    path = file.old_path or file.path
    if file.binary or file.created or not file.hunks:
        return RuleResult(path, (file,), tuple(HunkResult(i, path, hunk) for i, hunk in enumerate(file.hunks)))
    if preimage is not None and b"".join(file.hunks[0].old) not in preimage:
        preimage = None              # another file, or one that the patch was not made for
    results = tuple(_hunk(index, hunk, file, target, facts, mine, preimage) for index, hunk in enumerate(file.hunks))
    return RuleResult(path, _files(file, results), _drift(results))


def applied_form(file: FileDiff, target: TreeView, rules: Sequence[Rule], *,
                 preimage: bytes | None = None) -> RuleResult:
    """The diff that would take the patch back, in the target's dialect.

    Where it is `anchored`, the target has the patch already, as upstream wrote it or in adapted form. `preimage`
    is upstream's file just before the patch, as for `apply_rules`.
    """
    after = None if preimage is None else _patched(preimage, file)
    return apply_rules(reverse(file), target, rules, preimage=after)


def reverse(file: FileDiff) -> FileDiff:
    """The file's diff backwards. The header keeps its names; its index line, true only forwards, is dropped."""
    header = b"".join(line for line in file.header.splitlines(keepends=True) if not line.startswith(b"index "))
    return replace(file, header=header, old_path=file.new_path, new_path=file.old_path, old_blob=None, new_blob=None,
                   hunks=tuple(hunk.reversed() for hunk in file.hunks))


def _patched(preimage: bytes, file: FileDiff) -> bytes | None:
    """The post-image, None where the hunks do not fit at the lines they name."""
    lines = [line + b"\n" for line in preimage.split(b"\n")]
    shift = 0
    for hunk in file.hunks:
        at = hunk.old_start - 1 + shift
        if tuple(lines[at:at + len(hunk.old)]) != hunk.old:
            return None
        lines[at:at + len(hunk.old)] = hunk.new
        shift += len(hunk.new) - len(hunk.old)
    return b"".join(lines)[:-1]


# --- one hunk -------------------------------------------------------------------------------------------------------

@dataclass
class _Work:
    """A hunk while rules edit it."""

    old: tuple[Row, ...]
    new: tuple[Row, ...]
    kinds: tuple[bytes, ...]
    choices: _Choices
    changes: list[Change] = field(default_factory=list)
    because: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)


# Combinations of alternatives that are tried before the first one is taken for want of a place.
_COMBINATIONS = 24


class _Choices:
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


def _choices() -> Iterator[_Choices]:
    shared = _Choices({}, {})
    for _ in range(_COMBINATIONS):
        yield shared


def _look_up(work: _Work, candidates: Sequence[str], target: TreeView) -> tuple[str, tuple[Place, ...]]:
    text = text_of(work.old)
    for candidate in candidates:
        data = target.read(candidate)
        found = places(text, data) if data is not None else ()
        if found:
            return candidate, found
    return "", ()


def _hunk(index: int, hunk: Hunk, file: FileDiff, target: TreeView, facts: Facts, rules: Sequence[Rule],
          preimage: bytes | None) -> HunkResult:
    kinds = tuple(line.kind for line in hunk.lines)
    hidden = _hidden_before(hunk, preimage)
    path = file.old_path or file.path
    candidates, why = _candidates(path, hunk, rules, facts, preimage)
    first: _Work | None = None
    for choices in _choices():
        work = _Work(side_of(hunk.lines, b"+"), side_of(hunk.lines, b"-"), kinds, choices)
        _rewrite_sides(work, rules, facts, hidden)
        first = first or work
        where, found = _look_up(work, candidates, target)
        if found or not choices.more():
            break
    if not found:
        assert first is not None
        work, where = first, candidates[0] if candidates else path
    moved = (f"moved: {path} is {where} in {target.name}" + (f" ({why[where]})" if why.get(where) else ""),)
    because = (*dict.fromkeys(work.because), *(moved if where != path else ()))
    notes = _notes(work.changes, path, where)
    review = any(c.kind == "added" and not c.equivalent for c in work.changes)
    result = HunkResult(index, where, hunk, tuple(work.changes), notes, because, tuple(dict.fromkeys(work.unresolved)),
                        tuple(place.top + 1 for place in found), Sure.REVIEW if review else Sure.CERTAIN)
    if not result.rewritten:
        return result
    new_hunk = _anchored(work, hunk, found, target.read(where) or b"") or hunk.with_lines(
        weave(work.old, work.new, kinds))
    return replace(result, hunk=new_hunk, vanished=all(line.kind == b" " for line in new_hunk.lines))


def _anchored(work: _Work, hunk: Hunk, found: Sequence[Place], data: bytes) -> Hunk | None:
    """The hunk with the target's own bytes, None where it stands nowhere or where the places differ."""
    versions = []
    start = hunk.old_start
    for inner in found:
        place, lost = edges(work.old, inner, data)
        if any(work.kinds[i] != b" " for i in lost):
            return None              # the patch removes an empty line that the target does not have
        old = tuple(row for row in work.old if not row.origins & lost)
        rows = target_rows(old, place, data, work.kinds)
        new = (adopt(old, [row for row in work.new if not row.origins & lost], rows, work.kinds)
               if rows is not None else None)
        start = place.top + 1 if len(found) == 1 else start
        if rows is None or new is None:
            return None
        versions.append(weave(rows, new, work.kinds))
    if not versions or any(version != versions[0] for version in versions):
        return None
    return hunk.with_lines(versions[0], old_start=start, new_start=start + hunk.new_start - hunk.old_start)


def _rewrite_sides(work: _Work, rules: Sequence[Rule], facts: Facts, hidden: bytes) -> None:
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
            for group in _alternatives(rule):
                for new_side in (False, True):
                    while _rewrite_side(work, rule, group, facts, hidden, new_side=new_side):
                        progress = True
                        if not rule.once:
                            break
            if rule.once:
                lasting += work.unresolved[seen:]
        if not progress:
            return
    work.old, work.new = before
    work.changes.clear()
    work.unresolved.append(f"the rules {', '.join(rule.id for rule in rules)} never come to an end on this hunk")


def _alternatives(rule: Rule) -> list[list[Rewrite]]:
    """The rule's rewrites, those of one pattern together, in the order of the file."""
    groups: dict[str, list[Rewrite]] = {}
    for rewrite in rule.rewrites:
        if not rewrite.keep:
            groups.setdefault(rewrite.match.text, []).append(rewrite)
    return list(groups.values())


def _same_name(work: _Work, rule: Rule, facts: Facts, hidden: bytes) -> None:
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


def _rewrite_side(work: _Work, rule: Rule, group: Sequence[Rewrite], facts: Facts, hidden: bytes, *,
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
        if opinion(text, match.start, match.end) is Opinion.REFUSED:
            continue
        usable = [r for r in group if r.where is None or r.where.ask(facts, match.texts).holds]
        if not usable:
            _refuse(work, rule, match, text, "the tree does not have what the older form needs")
            continue
        rewrite = usable[work.choices.index(rule, group[0].match.text, len(usable))]
        try:
            new = render(rewrite.match, rewrite.replace, match, text)
        except Unsafe as reason:
            _refuse(work, rule, match, text, str(reason))
            continue
        start, end = match.start - len(hidden), match.end - len(hidden)
        after, origins = replace_range(rows, start, end, new)
        kind = _kind(work.kinds, origins)
        if rule.anchor_only and kind == "added" and not _carried(work, match, text, rule):
            _refuse(work, rule, match, text, f"the rule is proved for context only; {rule.differs}")
            continue
        if after == rows:
            continue
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


def _kind(kinds: Sequence[bytes], origins: frozenset[int]) -> str:
    touched = {kinds[i] for i in origins}
    return "added" if b"+" in touched else "removed" if b"-" in touched else "context"


def _carried(work: _Work, match: Match, text: bytes, rule: Rule) -> bool:
    """True where the very same expression was rewritten in a removed line: the target has it, it only stays."""
    expression = _squeeze(text[match.start:match.end])
    return any(c.rule == rule.id and c.kind == "removed" and _squeeze(c.before.encode()) == expression
               for c in work.changes)


def _squeeze(text: bytes) -> bytes:
    return b" ".join(token.text for token in lex(text) if token.kind is not Kind.SPACE)


def _change(work: _Work, rule: Rule, kind: str, match: Match, text: bytes, new: bytes) -> Change:
    before = _shown(text[match.start:match.end])
    after = _shown(new)
    names = {name: _shown(value) for name, value in match.texts.items()} | {"FROM": before, "TO": after}
    note = re.sub(r"\$\{?([A-Z][A-Z0-9_]*)\}?", lambda m: names.get(m[1], m[0]), rule.note)
    if kind == "added" and not rule.equivalent and _carried(work, match, text, rule):
        note += " (the line that is replaced has it in that form already)"
    return Change(rule.id, kind, before, after, note, rule.equivalent)


def _shown(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())


def _refuse(work: _Work, rule: Rule, match: Match, text: bytes, why: str) -> None:
    work.unresolved.append(f"{rule.id}: `{_shown(text[match.start:match.end])}` was left as it is: {why}")


def _notes(changes: Sequence[Change], path: str, where: str) -> tuple[str, ...]:
    """For the changelog's bracket: the rule's note where new code is touched, one short line where not."""
    notes: dict[str, None] = {}
    if where != path:
        notes[f"{path} is {where} in this tree"] = None
    added = {change.rule for change in changes if change.kind == "added"}
    for change in changes:
        if change.rule in added:
            if change.kind == "added":
                notes[change.note] = None
        else:
            notes[f"context adjusted: `{change.after or 'nothing'}` stands for `{change.before}` in this tree"] = None
    return tuple(notes)


def _hidden_before(hunk: Hunk, preimage: bytes | None) -> bytes:
    """`/*` where the pre-image shows that the hunk begins inside a comment, so that the fragment is read right."""
    if preimage is None:
        return b""
    old = b"".join(hunk.old)
    offset = _line_offset(preimage, hunk.old_start)
    if preimage[offset:offset + len(old)] != old:
        offset = preimage.find(old)
    inside = next((t for t in lex(preimage) if t.start < offset < t.end), None)
    return b"/*" if inside is not None and inside.kind is Kind.COMMENT else b""


def _line_offset(data: bytes, line: int) -> int:
    offset = 0
    for _ in range(line - 1):
        offset = data.find(b"\n", offset) + 1
        if not offset:
            return len(data)
    return offset


# --- where it goes --------------------------------------------------------------------------------------------------

def _candidates(path: str, hunk: Hunk, rules: Sequence[Rule], facts: Facts,
                preimage: bytes | None) -> tuple[list[str], dict[str, str]]:
    """Paths to look at, best first, and for those that a rule names, why.

    First those that define the function that the hunk is in (from the pre-image; from the hunk header, which
    names the function before where a hunk is at the top of one, only without it), then the path itself, then
    where a rule says that the code came from.
    """
    out = [path] if facts.read(path) is not None else []
    why: dict[str, str] = {}
    name = _function(hunk, preimage)
    for rule in rules:
        for move in rule.moves:
            if move.source != path:
                continue
            answer = rule.probe.ask(facts, {})
            if not answer.holds:
                continue
            for to in move.targets:
                if to not in out and facts.read(to) is not None:
                    out.append(to)
                    why[to] = f"{rule.id}: {'; '.join(answer.because)}"
    out.sort(key=lambda to: not (name and any(f.name == name for f in functions(facts.read(to) or b""))))
    return out, why


def _function(hunk: Hunk, preimage: bytes | None) -> str:
    """The function that the first changed line is in, as far as that can be known; "" where it cannot."""
    if preimage is not None:
        before = next((i for i, line in enumerate(hunk.lines) if line.kind != b" "), 0)
        inside = enclosing(preimage, hunk.old_start + before)
        return inside.name if inside is not None else ""
    match = re.search(rb"([A-Za-z_]\w*)\s*\(", hunk.section)
    return match[1].decode() if match else ""


def _files(file: FileDiff, results: Sequence[HunkResult]) -> tuple[FileDiff, ...]:
    by_path: dict[str, list[Hunk]] = {}
    for result in _drift(results):
        if not result.vanished:
            by_path.setdefault(result.path, []).append(result.hunk)
    if not by_path:
        return (file.with_hunks(()),)
    own = file.old_path or file.path
    return tuple((file if path == own else retarget(file, path)).with_hunks(tuple(hunks))
                 for path, hunks in by_path.items())


def _drift(results: Sequence[HunkResult]) -> tuple[HunkResult, ...]:
    """New-file line numbers that follow from the old ones; untouched hunks stay as they came."""
    shift: dict[str, int] = {}
    out = []
    for result in results:
        hunk = result.hunk
        if not hunk.raw and not result.vanished:
            hunk = hunk.with_lines(hunk.lines, new_start=hunk.old_start + shift.get(result.path, 0))
        shift[result.path] = shift.get(result.path, 0) + len(hunk.new) - len(hunk.old)
        out.append(replace(result, hunk=hunk))
    return tuple(out)


def retarget(file: FileDiff, path: str) -> FileDiff:
    """The same diff for another path. The index line goes: it names blobs of another file."""
    raw = path.encode("utf-8", "surrogateescape")
    header = b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n" % (raw, raw, raw, raw)
    return replace(file, header=header, old_path=path, new_path=path, old_blob=None, new_blob=None,
                   old_mode=None, new_mode=None)
