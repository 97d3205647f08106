"""The file as it was just before upstream's patch, found in whatever the store has.

Everything that compares functions or merges tokens needs upstream's own starting point; a guess here would be
a guess in every later step, so a candidate counts only if all hunks of the file stand in it exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backport import sections
from backport.adapt.context import above, bare_hunks, says_where, stands_exactly, with_context
from backport.git import Git
from backport.patch.edits import edited
from backport.patch.exact import apply_exactly, reversed_file
from backport.patch.locate import exact_edits, find_preimage
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import split_lines
from backport.patch.retarget import blob_name
from backport.sections.hunks import change_scope, header_scope, lands_there
from backport.trees.store import Head

_SHORTEST_BLOB = 7                   # fewer digits are not a name in a store with millions of objects


@dataclass(frozen=True, slots=True)
class Preimages:
    """Per old path of the patch: upstream's bytes before it, and where they were read (one line for people).

    `proved` are the paths whose file is known by its name (a blob, a commit), and not by the patch fitting it.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    proved: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """SHA-256 over paths and contents, for the cache key."""
        total = hashlib.sha256()
        for path, data in sorted(self.files.items()):
            total.update(f"{path}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
            total.update(data)
        return total.hexdigest()


def preimages(git: Git, patch: Patch, *, upstream_sha: str | None, upstream: Head | None,
              others: Sequence[Head] = ()) -> Preimages:
    """Find the pre-image of every file of `patch` in the store behind `git`.

    Tried in order: the blob that the index line names; the parent of the upstream commit, where the store has
    history; the upstream reference tree, forward or with the patch reverted; the `others`, newest first.
    Files for which nothing fits are left out.
    """
    files: dict[str, bytes] = {}
    sources: dict[str, str] = {}
    proved: set[str] = set()
    parent = git.rev(f"{upstream_sha}^{{commit}}^") if upstream_sha else None
    heads = ([upstream] if upstream else []) + list(others)
    for file in patch.files:
        if file.old_path is None or not file.hunks:
            continue
        find = _for_bare_hunks if bare_hunks(file) else _candidates
        for source, before, by_name in find(git, file, parent, heads):
            files[file.old_path] = before
            sources[file.old_path] = source
            if by_name:
                proved.add(file.old_path)
            break
    return Preimages(files, sources, frozenset(proved))


def in_context(patch: Patch, before: Preimages) -> Patch:
    """`patch` with three lines of context wherever it came with less and its pre-image is known.

    Hunks without any are placed by the very file that the index line names, or else by the lines that they take away:
    that is a guess, however good, and a doubt of the patch.
    """
    files = []
    doubts = []
    for file in patch.files:
        known = before.files.get(file.old_path or "")
        guessed = bool(bare_hunks(file)) and file.old_path not in before.proved
        if known is None or not (guessed or file.old_path in before.proved):
            files.append(file)
            continue
        files.append(with_context(file, known))
        if guessed:
            doubts.append(f"{file.path}: hunks without context were placed by the lines that they remove, as "
                          f"{before.sources[file.old_path or '']} has them")
    if tuple(files) == patch.files:
        return patch
    return replace(patch, files=tuple(files), doubts=(*patch.doubts, *doubts))


def _candidates(git: Git, file: FileDiff, parent: str | None,
                heads: Sequence[Head]) -> Iterator[tuple[str, bytes, bool]]:
    """(where it was read, the bytes, whether a name vouches for them)."""
    for named in _named(git, file.old_blob, file.old_path, ()):
        if apply_exactly(named, file) is not None:
            yield f"blob {file.old_blob} of the index line", named, True
    if parent is not None:
        data = git.blob(f"{parent}:{file.old_path}")
        if data is not None and apply_exactly(data, file) is not None:
            yield f"{parent[:12]}, the parent of the upstream commit", data, True
    for head in heads:
        data = git.blob(f"{head.commit}:{file.old_path}")
        if data is not None and apply_exactly(data, file) is not None and _as_headed(data, file):
            yield f"{head.tree} {head.version}", data, False
        after = git.blob(f"{head.commit}:{file.new_path}") if file.new_path else None
        before = apply_exactly(after, reversed_file(file)) if after is not None else None
        if before is not None and _as_headed(before, file):
            yield f"{head.tree} {head.version} with the patch reverted", before, False


def _as_headed(before: bytes, file: FileDiff) -> bool:
    """True unless a hunk stands in another function or section of `before` than the one that it names.

    Lines alone are no proof: the tree that they fit once may have them in another function, and then upstream's place
    would be asked of that tree, and found to be the same.
    """
    lines = split_lines(before)
    for hunk in file.hunks:
        at = find_preimage(before, hunk)
        if not hunk.section or at == 0 or above(lines, at - 1) == hunk.section:
            continue
        here = change_scope(before, at, hunk, file.path)
        if sections.is_c(file.path):
            if header_scope(hunk, file.path) not in (None, here):
                return False
        elif lands_there(hunk, here, before, file.path) is False:
            return False
    return True


def _for_bare_hunks(git: Git, file: FileDiff, parent: str | None,
                    heads: Sequence[Head]) -> Iterator[tuple[str, bytes, bool]]:
    """As _candidates, for a file with hunks that fit anywhere: the index line's names count, and places that are told
    by a line which the hunk takes away."""
    back = reversed_file(file)
    for named in _named(git, file.old_blob, file.old_path, heads):
        if stands_exactly(file, named):
            yield f"blob {file.old_blob} of the index line", named, True
    for after in _named(git, file.new_blob, file.new_path, heads):
        edits = exact_edits(back.hunks, split_lines(after))
        if edits is not None:
            before = edited(after, edits)
            if file.old_blob and blob_name(before).startswith(file.old_blob):
                yield f"blob {file.new_blob} of the index line with the patch reverted", before, True
    if parent is not None:
        data = git.blob(f"{parent}:{file.old_path}")
        if data is not None and stands_exactly(file, data):
            yield f"{parent[:12]}, the parent of the upstream commit", data, True
    for head in heads:
        data = git.blob(f"{head.commit}:{file.old_path}")
        if data is not None and says_where(file, split_lines(data)) and apply_exactly(data, file) is not None:
            yield f"{head.tree} {head.version}", data, False


def _named(git: Git, blob: str | None, path: str | None, heads: Sequence[Head]) -> Iterator[bytes]:
    """What the index line's name leads to; an abbreviation that the store has twice, through a tree's path."""
    if blob is None or len(blob) < _SHORTEST_BLOB or not blob.strip("0"):
        return
    named = git.blob(blob)
    if named is not None:
        yield named
        return
    for head in heads:
        data = git.blob(f"{head.commit}:{path}")
        if data is not None and blob_name(data).startswith(blob):
            yield data
            return
