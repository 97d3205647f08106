"""What a person made of a conflict: checked, put into words, and written as a mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from backport.adapt.align import line_key
from backport.adapt.changelog import changelog
from backport.adapt.checks.base import Names
from backport.adapt.given import given_findings
from backport.adapt.includes import missing_headers
from backport.adapt.left_out import left_out
from backport.adapt.new_symbols import brought, missing
from backport.adapt.records import HunkStory
from backport.adapt.refresh import refreshed
from backport.adapt.signals import Signal
from backport.carry import Carrier
from backport.manifest import Tree
from backport.patch.compose import adapted_mail, branch
from backport.patch.mail import read_mail
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import parse
from backport.trees.store import Head

Ask = Callable[[str], str]           # the proposed words -> those that are wanted


@dataclass(frozen=True, slots=True)
class ByHand:
    """`patch` is what the person made, `proposed` the note for the changelog, `doubts` what the checks say of it."""

    patch: Patch
    proposed: str
    doubts: tuple[str, ...]


def by_hand(carrier: Carrier, patch: Patch, diff: bytes, tree: Tree, head: Head) -> ByHand:
    """Look at `diff`, which stands for `patch` on `head`. The checks inform; the person decides."""
    made = refreshed(patch.with_files(parse(diff).files), carrier.view(head))
    stories = list(_stories(patch, made))
    said = "; ".join(changelog(patch, made.files, stories))
    return ByHand(made, f"{said}; resolved by hand for {branch(tree.series)}" if said else
                  f"resolved by hand for {branch(tree.series)}", tuple(_doubts(carrier, patch, made, stories, head)))


def mail(patch: Patch, theirs: ByHand, tree: Tree, words: str, signoff: str | None) -> bytes:
    """The mail of the resolution, with `words` as its bracketed note."""
    return adapted_mail(patch, theirs.patch.files, series=tree.series, notes=(words,),
                        upstream_sha=read_mail(patch).upstream_sha, signoff=signoff)


def _doubts(carrier: Carrier, patch: Patch, made: Patch, stories: Sequence[HunkStory], head: Head) -> Iterator[str]:
    view = carrier.view(head)
    theirs = carrier.view(carrier.upstream) if carrier.upstream is not None else None
    upstream = theirs.index if theirs is not None else None
    files = {path: data for path in made.paths if (data := view.read(path)) is not None}
    for one in missing(made, files, view.index, upstream):
        yield f"the added lines use {one.name}, {one.which}"
    for name in missing_headers(made, view):
        yield f"an added line includes {name}, which this tree does not have"
    for part in left_out(patch, made.files, stories):
        yield part.sentence
    known = Names(view.index, upstream, brought(patch), theirs)
    before = carrier.preimages(patch).files
    for file, other in _by_file(carrier.in_context(patch), made):
        if other.old_path in files and not (file.created or file.deleted or other.created or other.deleted):
            for found in given_findings(file, before.get(file.old_path or ""), other, files[other.old_path], known):
                if found.kind is not Signal.SYMBOL:          # said above, with the tree that has it
                    yield f"{other.path}: {found.text}"


def _by_file(patch: Patch, made: Patch) -> Iterator[tuple[FileDiff, FileDiff]]:
    """(upstream's file, the person's) of each file that both change."""
    for file in patch.files:
        other = _partner(file, made)
        if other is not None and file.hunks and other.hunks:
            yield file, other


def _partner(file: FileDiff, made: Patch) -> FileDiff | None:
    """What the person made of one of upstream's files, None where they left it alone."""
    by_path = {one.path: one for one in made.files}
    return by_path.get(file.path) or by_path.get(file.old_path or "")


def _stories(patch: Patch, made: Patch) -> Iterator[HunkStory]:
    """One story a file: which of upstream's added lines read differently."""
    for file in patch.files:
        other = _partner(file, made)
        for index, hunk in enumerate(file.hunks):
            story = HunkStory(file.old_path or file.path, index, landed_path=other.path if other else "",
                              state="forward" if other else "dropped", dropped=other is None,
                              upstream=hunk.render().decode("utf-8", "replace"))
            if other is not None and index == 0:
                story = replace(story, changed=tuple(_pairs(file, other)),
                                adapted="".join(h.render().decode("utf-8", "replace") for h in other.hunks))
            yield story


def _pairs(file: FileDiff, other: FileDiff) -> Iterator[tuple[str, str]]:
    """(upstream's added line, the person's), "" where one has none."""
    theirs, ours = ([line for hunk in side.hunks for line in hunk.added if line.strip()] for side in (file, other))
    matcher = SequenceMatcher(None, [line_key(x) for x in theirs], [line_key(x) for x in ours], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            left, right = theirs[i1:i2], ours[j1:j2]
            for n in range(max(len(left), len(right))):
                yield tuple(x[n].decode("utf-8", "replace").rstrip("\n") if n < len(x) else ""   # type: ignore[misc]
                            for x in (left, right))
