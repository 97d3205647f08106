"""Every diff that leaves is refreshed for its tree: its line numbers and its blob names are those of the tree.

A patch that goes in at an offset still carries upstream's numbers. Whoever reads it looks at the wrong lines, `git
apply --3way` looks for a blob that the tree does not have, and beside an adapted file it was taken for a patch that
does not fit as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.simulated_apply import apply_as_is
from backport.patch.edits import section
from backport.patch.model import FileDiff, Hunk, Patch
from backport.patch.parse import split_lines
from backport.patch.retarget import retarget
from backport.treeview import TreeView


def refreshed(patch: Patch, target: TreeView) -> Patch:
    """`patch` as `target` would show it; a file whose hunks do not stand in the tree is left as it is."""
    return patch.with_files(tuple(
        refreshed_file(file, target.read(file.old_path) if file.old_path is not None else None)
        for file in patch.files))


def refreshed_file(file: FileDiff, data: bytes | None, starts: Sequence[int] | None = None) -> FileDiff:
    """One file of a patch against the tree's `data` (None: not there), hunks at the 0-based lines `starts`.

    Without `starts` they stand where git apply puts them. A hunk that stands at its own line keeps its bytes.
    """
    if file.binary or not file.hunks:
        return file
    if file.created or data is None:
        return file if not file.created else retarget(
            file, file.path, None, b"".join(line for hunk in file.hunks for line in hunk.new))
    lines = split_lines(data)
    if starts is None:
        there = apply_as_is(file.hunks, data)
        if there is None:
            return file
        starts = there.starts
    after = list(lines)
    made: list[Hunk] = []
    grown = at = 0
    for hunk, start in zip(file.hunks, starts, strict=True):
        if start < at or tuple(lines[start:start + len(hunk.old)]) != hunk.old:
            return file              # out of order, or not what stands there: nothing to be said about it
        made.append(_numbered(hunk, start, grown, lines))
        after[start + grown:start + grown + len(hunk.old)] = hunk.new
        at = start + len(hunk.old)
        grown += len(hunk.new) - len(hunk.old)
    old_path = file.old_path or ""
    return retarget(file.with_hunks(tuple(made)), old_path, data, None if file.deleted else b"".join(after))


def _numbered(hunk: Hunk, start: int, grown: int, lines: Sequence[bytes]) -> Hunk:
    """`hunk` at 0-based line `start` of the tree, where the hunks before it have added `grown` lines."""
    # a side without lines names the line before it, as diff does
    old_start = start + 1 if hunk.old else start
    new_start = start + grown + (1 if hunk.new else 0)
    if (old_start, new_start) == (hunk.old_start, hunk.new_start):
        return hunk
    head = hunk.section
    if not any(line.startswith(head) for line in reversed(lines[:start])):
        head = section(lines, start)         # upstream's function, where the tree has it under another line
    return hunk.with_lines(hunk.lines, old_start=old_start, new_start=new_start, section=head)
