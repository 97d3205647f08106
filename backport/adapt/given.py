"""What the checks find in a result that a person made: the same questions that every answer of the tool is asked.

The result is one diff of the whole file, so its edits are sorted to upstream's hunks first: each to the hunk that it
has most changed lines in common with, one without any to the hunk of the edit before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from backport.adapt.align import line_key, silent
from backport.adapt.checks.base import Context, Finding, Names, Result
from backport.adapt.checks.registry import findings
from backport.adapt.revisions import Problem
from backport.adapt.signals import HARMLESS, Signal
from backport.adapt.within import edit_scope, strays
from backport.patch.edits import Edit, hunk_edits
from backport.patch.locate import locate_all
from backport.patch.model import FileDiff


def given_findings(upstream: FileDiff, base: bytes | None, made: FileDiff, target: bytes,
                   names: Names) -> list[Finding]:
    """What speaks against `made`, a diff of the file `target`, as this tree's form of `upstream`; the worst first.

    `base` is upstream's file before the patch, None where it is not known. Findings that are no reason to doubt an
    answer are left out. [] where `made` does not fit `target`.
    """
    hunks = tuple(sorted(upstream.hunks, key=lambda hunk: hunk.old_start))
    problem = Problem(hunks, target, base, made.old_path or made.path, upstream.old_path or upstream.path)
    starts = locate_all(made.hunks, problem.target_lines)
    if starts is None or not hunks:
        return []
    edits = [edit for hunk, start in zip(made.hunks, starts, strict=True) for edit in hunk_edits(hunk, start)]
    result = Result(problem, edits)
    found: dict[tuple[str, str], Finding] = {}
    for k, mine in _sorted_to(problem, result.edits).items():
        for one in (*_strayed(problem, k, mine), *findings(Context(result, k, mine, names))):
            if one.severity is not HARMLESS:
                found.setdefault((one.kind.id, one.text), one)
    return list(found.values())


def _strayed(problem: Problem, k: int, edits: Sequence[Edit]) -> list[Finding]:
    """Whoever chose between strategies has looked at this for an answer of the tool; nobody has for a person's."""
    if not strays(problem, k, edits):
        return []
    there = dict.fromkeys(edit_scope(problem.target, edit, problem.path) for edit in edits)
    theirs = _scopes(problem, k)
    named = ", ".join(name or "file level" for name in there if name not in theirs)
    return [Finding(Signal.FUNCTION, f"lands in {named or 'another function'}"
                    + (f"; upstream changes {', '.join(name or 'file level' for name in theirs)}" if theirs else ""))]


def _sorted_to(problem: Problem, edits: Sequence[Edit]) -> dict[int, list[Edit]]:
    """Number of a hunk -> the edits that stand for it. The same lines may go into two functions: the name decides."""
    wanted = [_telling([*hunk.added, *hunk.removed]) for hunk in problem.hunks]
    scopes = [_scopes(problem, k) for k in range(len(wanted))]
    out: dict[int, list[Edit]] = {}
    last = 0
    for edit in edits:
        mine = _telling([*problem.target_lines[edit.lo:edit.hi], *edit.new])
        here = edit_scope(problem.target, edit, problem.path)
        ranks = [(bool(common) and here in scopes[k], common, here in scopes[k])
                 for k, theirs in enumerate(wanted) for common in ((mine & theirs).total(),)]
        best = max(ranks)
        last = ranks.index(best) if best > (False, 0, False) else last
        out.setdefault(last, []).append(edit)
    return out


def _scopes(problem: Problem, k: int) -> dict[str, None]:
    """The functions or sections that upstream's hunk changes, in order; {} where upstream's file is not known."""
    if problem.base is None or problem.edits is None:
        return {}
    return dict.fromkeys(edit_scope(problem.base, edit, problem.upstream_path) for edit in problem.edits[k])


def _telling(lines: Sequence[bytes]) -> Counter[bytes]:
    return Counter(key for line in lines if not silent(key := line_key(line)))
