"""The file as it was just before upstream's patch, found in whatever the store has.

Everything that compares functions or merges tokens needs upstream's own starting point; a guess here would be
a guess in every later step, so a candidate counts only if all hunks of the file stand in it exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backport.check.exact import apply_exactly, reversed_file
from backport.git import Git
from backport.patch.model import FileDiff, Patch
from backport.trees.store import Head

_SHORTEST_BLOB = 7                   # fewer digits are not a name in a store with millions of objects


@dataclass(frozen=True, slots=True)
class Preimages:
    """Per old path of the patch: upstream's bytes before it, and where they were read (one line for people)."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

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
    history; the upstream reference tree, forward or with the patch taken back; the `others`, newest first.
    Files for which nothing fits are left out.
    """
    files: dict[str, bytes] = {}
    sources: dict[str, str] = {}
    parent = git.rev(f"{upstream_sha}^{{commit}}^") if upstream_sha else None
    for file in patch.files:
        if file.old_path is None or not file.hunks:
            continue
        for source, before in _candidates(git, file, parent, upstream, others):
            files[file.old_path] = before
            sources[file.old_path] = source
            break
    return Preimages(files, sources)


def _candidates(git: Git, file: FileDiff, parent: str | None, upstream: Head | None,
                others: Sequence[Head]) -> Iterator[tuple[str, bytes]]:
    if file.old_blob is not None and len(file.old_blob) >= _SHORTEST_BLOB:
        named = git.blob(file.old_blob)
        if named is not None and apply_exactly(named, file) is not None:
            yield f"blob {file.old_blob} of the index line", named
    if parent is not None:
        data = git.blob(f"{parent}:{file.old_path}")
        if data is not None and apply_exactly(data, file) is not None:
            yield f"{parent[:12]}, the parent of the upstream commit", data
    for head in ([upstream] if upstream else []) + list(others):
        data = git.blob(f"{head.commit}:{file.old_path}")
        if data is not None and apply_exactly(data, file) is not None:
            yield f"{head.tree} {head.version}", data
        after = git.blob(f"{head.commit}:{file.new_path}") if file.new_path else None
        before = apply_exactly(after, reversed_file(file)) if after is not None else None
        if before is not None:
            yield f"{head.tree} {head.version} with the patch taken back", before
