"""Cases from nothing but releases: the delta of a file in a newer branch and the same fix in an older one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from backport.errors import UserError
from backport.git import Git
from backport.patch.edits import edited
from backport.replay.cases import (
    FILE_JACCARD,
    Case,
    Delta,
    changed_lines,
    corresponding,
    jaccard,
)
from backport.replay.delta import C, tree_delta

REF = "refs/releases/"


def release_cases(git: Git, newer: Sequence[str], older: Sequence[str]) -> Iterator[Case]:
    """Every case between consecutive releases of both branches, in a fixed order.

    `git` is at the store; raises UserError where a release is not in it.
    """
    for version in (*newer, *older):
        known_release(git, version)
    sources = [(pair, _delta(git, *pair)) for pair in pairwise(newer)]
    for older_pair in pairwise(older):
        for path, delta in sorted(_delta(git, *older_pair).items()):
            case = _case(git, path, delta, older_pair, sources)
            if case is not None:
                yield case


def known_release(git: Git, version: str) -> None:
    """Raises UserError where a release is not in the store."""
    if git.rev(REF + version) is None:
        raise UserError(f"release {version} is not in the store {git.path}",
                        hint=f"`backport trees release {version}` fetches it; known: "
                             f"{', '.join(known_releases(git)) or 'none'}")


def known_releases(git: Git) -> list[str]:
    """Version of every pinned release in the store."""
    return git.run("for-each-ref", "--format=%(refname:lstrip=2)", "--sort=version:refname", REF).text.split()


def _delta(git: Git, old: str, new: str) -> dict[str, Delta]:
    return tree_delta(git, REF + old, REF + new, C)


def _case(git: Git, path: str, older: Delta, older_pair: tuple[str, str],
          sources: Sequence[tuple[tuple[str, str], dict[str, Delta]]]) -> Case | None:
    ours = changed_lines(older)
    best: tuple[float, tuple[str, str], Delta] | None = None
    for pair, deltas in sources:
        newer = deltas.get(path)
        if newer is not None:
            score = jaccard(ours, changed_lines(newer))
            if score >= FILE_JACCARD and (best is None or score > best[0]):
                best = (score, pair, newer)
    if best is None:
        return None
    _score, pair, newer = best
    kept = corresponding(newer, older)
    if not kept:
        return None
    upstream = git.blob(f"{REF}{pair[0]}:{path}")
    target = git.blob(f"{REF}{older_pair[0]}:{path}")
    if upstream is None or target is None:
        return None
    new_edits = tuple(edit for group, _ in kept for edit in group)
    old_edits = tuple(edit for _, group in kept for edit in sorted(group, key=lambda e: e.lo))
    return Case(
        name=f"{older_pair[0]}..{older_pair[1]} <- {pair[0]}..{pair[1]} {path}", path=path,
        upstream=upstream, upstream_edits=new_edits, target=target, truth=edited(target, old_edits),
        same_lines=changed_lines(new_edits) == changed_lines(old_edits), newer=pair, older=older_pair,
        made=tuple(group for _, group in kept))
