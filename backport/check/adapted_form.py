"""Has a tree the change in adapted form?

It has, where the change can be taken out of it, and carrying it again leads back to the very same files. The reverse
of a patch fits only a tree that says everything as upstream does: a tree that has the change as a maintainer adapted
it was called a conflict, or the change was made a second time beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backport.adapt.align import line_key, silent
from backport.adapt.records import Adaptation
from backport.check.effect import same_file
from backport.csource.includes import is_include
from backport.patch.exact import apply_exactly, reversed_file
from backport.patch.model import FileDiff, Hunk, Patch
from backport.patch.parse import split_lines
from backport.treeview import Changed, TreeView
from backport.verdict import Sure

# the patch, the tree, upstream's files before it -> the answer
Adapt = Callable[[Patch, TreeView, Mapping[str, bytes]], Adaptation]


def there_already(patch: Patch, target: TreeView, before: Mapping[str, bytes], adapt: Adapt) -> Sure | None:
    """How sure it is that `target` has the whole change of `patch`; None where nothing proves it.

    `before` maps an old path to upstream's file before the change. Only for changes of text, with upstream's files at
    hand; a hunk that only removes lines proves nothing, and is for review where others prove it.
    """
    after = {file.new_path: made for file in patch.files if file.new_path is not None
             and (known := before.get(file.old_path or "")) is not None
             and (made := apply_exactly(known, file)) is not None}
    if not all(_plain(file) and file.new_path in after for file in patch.files) or not _likely(patch, target):
        return None
    out = adapt(patch.with_files(tuple(map(reversed_file, patch.files))), target,
                {path: data for path, data in after.items() if path is not None})
    without = _applied(out, target)
    if without is None:
        return None
    back = adapt(patch, Changed(target, without), before)
    again = _applied(back, Changed(target, without))
    if again is None or again.keys() != without.keys() or any(
            not same_file(data, target.read(path)) for path, data in again.items()):
        return None
    shown = all(_telling(hunk) for file in patch.files for hunk in file.hunks)
    return Sure.CERTAIN if shown and out.sure is back.sure is Sure.CERTAIN else Sure.REVIEW


def _plain(file: FileDiff) -> bool:
    """Whether the file is changed in its text alone."""
    return bool(file.hunks) and not (file.binary or file.created or file.deleted or file.renamed
                                     or file.new_mode != file.old_mode)


def _likely(patch: Patch, target: TreeView) -> bool:
    """Whether the tree has half of the added lines at all: the question costs two adaptations. A file that has moved is
    looked for by them."""
    asked = found = 0
    for file in patch.files:
        data = target.read(file.new_path or "")
        wanted = {key for hunk in file.hunks for key in _telling(hunk)}
        asked += len(wanted)
        found += len(wanted if data is None else wanted & set(map(line_key, split_lines(data))))
    return asked > 0 and 2 * found >= asked


def _telling(hunk: Hunk) -> set[bytes]:
    """The added lines that say something: a tree may include a header for reasons of its own."""
    return {key for line in hunk.added if not is_include(line) and not silent(key := line_key(line))}


def _applied(answer: Adaptation, tree: TreeView) -> dict[str, bytes] | None:
    """The files as the answer leaves them; None where it declines, or a part of the change has no place or is there."""
    if not answer.outcome.good or answer.patch is None or any(hunk.state != "forward" for hunk in answer.hunks):
        return None
    made = {}
    for file in answer.patch.files:
        data = tree.read(file.old_path or "")
        after = apply_exactly(data, file) if data is not None else None
        if after is None or file.new_path is None:
            return None
        made[file.new_path] = after
    return made
