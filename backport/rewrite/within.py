"""Does a hunk land in the function or section that upstream changed?

Strategies go by lines, and the same lines stand in the next function, the next `config`, the next entry as well. What
upstream changed is told by its file before the patch, or else by the hunk's own context and header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backport import sections
from backport.csource.scopes import scope
from backport.patch.model import Hunk
from backport.rewrite.merge3 import reversed_edits
from backport.rewrite.problem import Problem
from backport.rewrite.render import Edit
from backport.sections.hunks import header_scope, lands_there, occurrences


def strays(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    """True where an edit lands outside what upstream changed.

    In C only where the tree has that function or table in the file: one that it has under another name is looked at
    by a check (backport.rewrite.checks.function). An entry of another name is another entry.
    """
    if not edits:
        return False
    if not sections.is_c(problem.upstream_path):
        return _other_section(problem, k, edits)
    there = {scope(problem.target, edit.lo + 1) for edit in edits}
    if problem.edits is None or problem.preimage is None:
        return _not_told(problem, problem.hunks[k], there)
    here = {scope(problem.preimage, edit.lo + 1) for edit in problem.edits[k]}
    return bool(there - here) and bool((here - {""}) & sections.known(problem.target, problem.path))


def elsewhere(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    """For files that are no C, where git apply takes the hunk: it strays, and upstream's section is in this tree
    under its own name. One under another name is for the check of functions."""
    if sections.is_c(problem.upstream_path) or not strays(problem, k, edits):
        return False
    return problem.preimage is None or sections.has(problem.target, upstream_scope(problem, k), problem.path)


def back_strays(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    """True where `edits`, which take hunk `k` out of the target again, do so outside of what upstream changed."""
    c = sections.is_c(problem.upstream_path)
    if problem.after is None:
        hunk = problem.hunks[k].reversed()
        there = {_scope(problem.target, edit, problem.path) for edit in edits}
        return _not_told(problem, hunk, there) if c else _not_there(problem, hunk, there)
    here = {_scope(problem.after_source, edit, problem.upstream_path) for edit in reversed_edits(problem, k)}
    there = {_scope(problem.target, edit, problem.path) for edit in edits}
    if c:
        return bool(there - here) and bool((here - {""}) & sections.known(problem.target, problem.path))
    return _apart(problem, there, here)


def _not_told(problem: Problem, hunk: Hunk, there: set[str]) -> bool:
    """For C without upstream's file: the hunk says what it changes, and this is something else.

    The header alone is no proof where the tree has no such function: it may have another name there.
    """
    told = header_scope(hunk, problem.upstream_path)
    if told is None or told in there:
        return False
    return told in sections.known(problem.target, problem.path) \
        or header_scope(replace(hunk, section=b""), problem.upstream_path) is not None


def _other_section(problem: Problem, k: int, edits: Sequence[Edit]) -> bool:
    there = {edit_scope(problem.target, edit, problem.path) for edit in edits}
    if problem.edits is None or problem.preimage is None:
        return _not_there(problem, problem.hunks[k], there)
    return _apart(problem, there, {edit_scope(problem.preimage, edit, problem.upstream_path)
                                   for edit in problem.edits[k]})


def _not_there(problem: Problem, hunk: Hunk, there: set[str]) -> bool:
    """Without upstream's file: what a hunk does not name, nothing but its whole text can tell."""
    told = [lands_there(hunk, one, problem.target, problem.path) for one in there]
    if None in told:
        return len(occurrences(problem.target, hunk.old)) != 1
    return not all(told)


def _apart(problem: Problem, there: set[str], here: set[str]) -> bool:
    return any(not any(sections.same(one, other, problem.path, problem.target) for other in here) for one in there)


def _scope(source: bytes, edit: Edit, path: str) -> str:
    return scope(source, edit.lo + 1) if sections.is_c(path) else edit_scope(source, edit, path)


def words(problem: Problem, k: int, edits: Sequence[Edit]) -> tuple[str, ...]:
    """For files that are no C: which section it is here, and which upstream changed."""
    if sections.is_c(problem.upstream_path) or not edits:
        return ()
    changed = next((line for line in (*problem.hunks[k].added, *problem.hunks[k].removed) if line.strip()), b"")
    here, upstream = edit_scope(problem.target, edits[0], problem.path), upstream_scope(problem, k)
    text = f"`{changed.strip().decode('utf-8', 'replace')}` would stand in {_quoted(here)}"
    if not upstream:
        told = problem.preimage is not None and problem.edits is not None
        return (f"{text}; upstream changed {_quoted('') if told else 'what its patch does not name'}",)
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
    if problem.edits is not None and problem.preimage is not None:
        return edit_scope(problem.preimage, problem.edits[k][0], problem.upstream_path)
    return header_scope(problem.hunks[k], problem.upstream_path) or ""
