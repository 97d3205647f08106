"""Does a hunk land in the function or section that upstream changed?

Strategies go by lines, and the same lines stand in the next function, the next `config`, the next entry as well. What
upstream changed is told by its file before the patch, or else by the hunk's own context and header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backport import sections
from backport.adapt.align import line_key, weak
from backport.adapt.revisions import Problem, reversed_edits
from backport.csource.scopes import scope
from backport.patch.edits import Edit
from backport.patch.locate import occurrences
from backport.patch.model import Hunk
from backport.sections.hunks import header_scope, lands_there


def strays(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    """True where an edit lands outside what upstream changed.

    In C only where the tree has that function or table in the file: one that it has under another name is looked at
    by a check (backport.adapt.checks.placement). An entry of another name is another entry.
    """
    if not edits:
        return False
    if not sections.is_c(problem.upstream_path):
        return _other_section(problem, k, edits) is not None
    there = {scope(problem.target, edit.lo + 1) for edit in edits}
    if problem.edits is None or problem.base is None:
        return _not_told(problem, problem.hunks[k], there)
    upstream = {scope(problem.base, edit.lo + 1) for edit in problem.edits[k]}
    return _beside(problem, there, upstream) and not moved_between(problem, k, there - upstream, upstream)


def moved_between(problem: Problem, k: int, there: set[str], upstream: set[str]) -> bool:
    """True where this tree has the removed lines of hunk `k` in functions that upstream does not have, and not in those
    of upstream's names: scmi_clk_round_rate() became scmi_clk_determine_rate(), of which a stub was there before.

    A line counts that each file has once; without one nothing tells where the code is.
    """
    if problem.base is None or problem.base_lines is None or problem.edits is None \
            or "" in there or there & sections.known(problem.base, problem.upstream_path):
        return False
    base, here = list(map(line_key, problem.base_lines)), list(map(line_key, problem.target_lines))
    telling = {base[i] for edit in problem.edits[k] for i in range(edit.lo, edit.hi) if not weak(base[i])}
    at = {key: scope(problem.target, n + 1) for n, key in enumerate(here) if key in telling}
    once = [key for key in at if base.count(key) == here.count(key) == 1]
    return bool(once) and all(at[key] in there for key in once) and upstream.isdisjoint(at.values())


def _beside(problem: Problem, there: set[str], upstream: set[str]) -> bool:
    return bool(there - upstream) and bool((upstream - {""}) & sections.known(problem.target, problem.path))


def elsewhere(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    """For files that are no C, where git apply takes the hunk: it strays, and upstream's section is in this tree
    under its own name. One under another name is for the check of functions."""
    if sections.is_c(problem.upstream_path) or not strays(problem, k, edits):
        return False
    return problem.base is None or sections.has(problem.target, upstream_scope(problem, k), problem.path)


def back_strays(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    """True where `edits`, which take hunk `k` out of the target again, do so outside of what upstream changed."""
    c = sections.is_c(problem.upstream_path)
    if problem.upstream_lines is None:
        hunk = problem.hunks[k].reversed()
        if not c:
            return _not_there(problem, hunk, edits[0])
        return _not_told(problem, hunk, {scope(problem.target, edit.lo + 1) for edit in edits})
    back = reversed_edits(problem, k)
    if not c:
        there = {edit_scope(problem.upstream, edit, problem.upstream_path) for edit in back}
        return any(_apart(problem, edit, there) for edit in edits)
    return _beside(problem, {scope(problem.target, edit.lo + 1) for edit in edits},
                   {scope(problem.upstream, edit.lo + 1) for edit in back})


def _not_told(problem: Problem, hunk: Hunk, there: set[str]) -> bool:
    """For C without upstream's file: the hunk says what it changes, and this is something else.

    The header alone is no proof where the tree has no such function: it may have another name there.
    """
    told = header_scope(hunk, problem.upstream_path)
    if told is None or told in there:
        return False
    return told in sections.known(problem.target, problem.path) \
        or header_scope(replace(hunk, section=b""), problem.upstream_path) is not None


def _other_section(problem: Problem, k: int, edits: Sequence[Edit]) -> Edit | None:
    """The first of `edits` that is outside of the sections that upstream changed."""
    if problem.edits is None or problem.base is None:
        return edits[0] if _not_there(problem, problem.hunks[k], edits[0]) else None
    here = {edit_scope(problem.base, edit, problem.upstream_path) for edit in problem.edits[k]}
    return next((edit for edit in edits if _apart(problem, edit, here) or _out_of_order(problem, k, edit)), None)


def _out_of_order(problem: Problem, k: int, edit: Edit) -> str:
    """Where `edit` adds a whole section of its own, whose name fits anywhere: the neighbour that upstream has on its
    other side ("above `config X`, which upstream has above it"), "" where there is none."""
    assert problem.base is not None
    assert problem.edits is not None
    path, name = problem.path, edit_scope(problem.target, edit, problem.path)
    if edit.lo < edit.hi or not name or sections.has(problem.target, name, path):
        return ""
    theirs = next((one for one in problem.edits[k] if one.lo == one.hi
                   and edit_scope(problem.base, one, problem.upstream_path) == name), None)
    if theirs is None:
        return ""
    around = sections.every(problem.base, problem.upstream_path)
    before = [one.name for one in around if one.start <= theirs.lo][-1:]
    behind = [one.name for one in around if one.start > theirs.lo][:1]
    starts = {one.name: one.start for one in sections.every(problem.target, path)}
    return next((f"above `{one}`, which upstream has above it" for one in before if starts.get(one, 0) > edit.lo), "") \
        or next((f"below `{one}`, which upstream has below it" for one in behind
                 if starts.get(one, edit.lo + 1) <= edit.lo), "")


def _not_there(problem: Problem, hunk: Hunk, first: Edit) -> bool:
    """Without upstream's file: what a hunk does not name, nothing but its whole text can tell. What it names is the
    place of its first change."""
    here = edit_scope(problem.target, first, problem.path)
    told = lands_there(hunk, here, problem.target, problem.path)
    if told is None:
        return bool(here) and len(occurrences(problem.target, hunk.old)) != 1
    return not told


def _apart(problem: Problem, edit: Edit, here: set[str]) -> bool:
    one = edit_scope(problem.target, edit, problem.path)
    names = {one}
    around = sections.around(problem.target, edit.lo + 1, problem.path)
    if around is not None and around.start == around.end:
        names.add(sections.outer(one))       # a line that is a section by itself stands in the one around it
    return not any(sections.same(name, other, problem.path, problem.target) for name in names for other in here)


def words(problem: Problem, k: int, edits: Sequence[Edit]) -> tuple[str, ...]:
    """For files that are no C: which section it is here, and which upstream changed."""
    if sections.is_c(problem.upstream_path) or not edits:
        return ()
    changed = next((line for line in (*problem.hunks[k].added, *problem.hunks[k].removed) if line.strip()), b"")
    one = _other_section(problem, k, edits) or edits[0]
    here, upstream = edit_scope(problem.target, one, problem.path), upstream_scope(problem, k)
    text = f"`{changed.strip().decode('utf-8', 'replace')}` would stand in {_quoted(here)}"
    order = _out_of_order(problem, k, one) if problem.base is not None and problem.edits is not None else ""
    if order:
        return (f"`{here}` would stand {order}",)
    if not upstream:
        told = problem.base is not None and problem.edits is not None
        return (f"{text}; upstream changed no section" if told else
                f"{text}, and nothing says which section upstream changed",)
    lacks = "" if sections.has(problem.target, upstream, problem.path) else ", which this tree does not have here"
    return (f"{text}; upstream changed {_quoted(upstream)}{lacks}",)


def _quoted(scope: str) -> str:
    return f"`{scope}`" if scope else "no section of the file"


def edit_scope(source: bytes, edit: Edit, path: str) -> str:
    """The scope of what `edit` takes away from `source`, or of what it adds."""
    if edit.lo < edit.hi:
        return sections.scope(source, edit.lo + 1, path)
    return sections.insertion_scope(source, edit.lo, edit.new, path)


def upstream_scope(problem: Problem, k: int) -> str:
    """The name of what hunk `k` changes upstream, "" at file level and where nothing tells."""
    if problem.edits is not None and problem.base is not None:
        return edit_scope(problem.base, problem.edits[k][0], problem.upstream_path)
    return header_scope(problem.hunks[k], problem.upstream_path) or ""
