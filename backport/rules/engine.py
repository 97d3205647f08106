"""Applies rules to a hunk: upstream's way of writing things becomes the target tree's.

For every hunk the two sides (before, after) are rewritten by the same rules, then the rewritten pre-image is
looked up in the target, token by token, and its bytes are used. Context and removed lines only serve to find
the place, and the target itself confirms them; an added line is new code, so that a rule whose two forms do
not mean the same marks the hunk `review` and says what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backport.csource.tokens import in_comment
from backport.patch.edits import edited
from backport.patch.locate import exact_edits
from backport.patch.model import FileDiff, Hunk
from backport.patch.parse import split_lines
from backport.rules.anchor import AnchorPlace, adopt, edges, places, target_rows
from backport.rules.facts import Facts, facts_of, glob_regex
from backport.rules.hunk_sides import Work, combinations, rewrite_sides
from backport.rules.model import Rule
from backport.rules.results import HunkResult, RuleChange, RuleResult
from backport.rules.sides import side_of, text_of, weave
from backport.rules.target_paths import candidates, files_of, renumbered
from backport.treeview import TreeView
from backport.verdict import Sure

__all__ = ["HunkResult", "RuleChange", "RuleResult", "applied_form", "apply_rules", "reverse"]


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
    return RuleResult(path, files_of(file, results), renumbered(results))


def applied_form(file: FileDiff, target: TreeView, rules: Sequence[Rule], *,
                 preimage: bytes | None = None) -> RuleResult:
    """The diff that would take the patch back, in the target's dialect.

    Where it is `anchored`, the target has the patch already, as upstream wrote it or in adapted form. `preimage`
    is upstream's file just before the patch, as for `apply_rules`.
    """
    edits = exact_edits(file.hunks, split_lines(preimage)) if preimage is not None else None
    after = edited(preimage, edits) if preimage is not None and edits is not None else None
    return apply_rules(reverse(file), target, rules, preimage=after)


def reverse(file: FileDiff) -> FileDiff:
    """The file's diff backwards. The header keeps its names; its index line, true only forwards, is dropped."""
    header = b"".join(line for line in file.header.splitlines(keepends=True) if not line.startswith(b"index "))
    return replace(file, header=header, old_path=file.new_path, new_path=file.old_path, old_blob=None, new_blob=None,
                   hunks=tuple(hunk.reversed() for hunk in file.hunks))


def _look_up(work: Work, paths: Sequence[str], target: TreeView) -> tuple[str, tuple[AnchorPlace, ...]]:
    text = text_of(work.old)
    for candidate in paths:
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
    paths, why = candidates(path, hunk, rules, facts, preimage)
    first: Work | None = None
    for choices in combinations():
        work = Work(side_of(hunk.lines, b"+"), side_of(hunk.lines, b"-"), kinds, choices)
        rewrite_sides(work, rules, facts, hidden)
        first = first or work
        where, found = _look_up(work, paths, target)
        if found or not choices.more():
            break
    if not found:
        assert first is not None
        work, where = first, paths[0] if paths else path
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


def _anchored(work: Work, hunk: Hunk, found: Sequence[AnchorPlace], data: bytes) -> Hunk | None:
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


def _notes(changes: Sequence[RuleChange], path: str, where: str) -> tuple[str, ...]:
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
    return b"/*" if in_comment(preimage, offset) else b""


def _line_offset(data: bytes, line: int) -> int:
    offset = 0
    for _ in range(line - 1):
        offset = data.find(b"\n", offset) + 1
        if not offset:
            return len(data)
    return offset
