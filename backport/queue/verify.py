"""`queue test`: a whole queue on its tree, each entry on top of those before it, built on the way or at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from backport.errors import UserError
from backport.git import Git
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.queue.export import read_entry
from backport.queue.seriesfile import SeriesEntry, read_series
from backport.trees.stack import Stack
from backport.verdict import Build

# what a build says of a patch on the bare tree: (verdict, one line of reason)
Builder = Callable[[Patch], tuple[Build, str]]


@dataclass(frozen=True, slots=True)
class EntryResult:
    """One entry: "exact", "offset", "refused" or "already"; the build is of the tree up to and with this entry.

    `blamed` is True where the build up to the entry before was better: this entry made it worse.
    """

    name: str
    title: str
    outcome: str
    offset: int = 0
    reason: str = ""
    build: Build = Build.SKIPPED
    build_reason: str = ""
    blamed: bool = False

    @property
    def applied(self) -> bool:
        return self.outcome in ("exact", "offset")


def verify(git: Git, base: str, directory: Path, *, build: Builder | None = None,
           bisectable: bool = False) -> Iterator[EntryResult]:
    """The entries of a queue in order, each as soon as it is known; a refused entry is left out of what follows.

    With `build`, the tree is built at the end, or after each entry with `bisectable`. Every build is of the bare
    tree plus one diff of everything so far, so that the tree's own baseline serves for all.
    """
    entries = read_series(directory)
    if not entries:
        raise UserError(f"{directory} has no series file with patches in it")
    last = Build.PASS
    with Stack(git, base) as stack:
        for index, entry in enumerate(entries):
            result = _apply(stack, directory, entry)
            wanted = build is not None and (bisectable or index == len(entries) - 1)
            if build is not None and wanted and (result.applied or not bisectable) and stack.top != base:
                verdict, reason = build(_together(stack, base, directory))
                result = replace(result, build=verdict, build_reason=reason,
                                 blamed=bisectable and _worse(verdict, last))
                last = verdict
            yield result


def _apply(stack: Stack, directory: Path, entry: SeriesEntry) -> EntryResult:
    try:
        patch = read_entry(directory, entry)
    except UserError as error:
        return EntryResult(entry.name, entry.name, "refused", reason=error.message)
    title = read_mail(patch).title or entry.name
    step = stack.push(patch.diff, title)
    if step.ok:
        return EntryResult(entry.name, title, "offset" if step.offset else "exact", step.offset)
    if stack.fits_reversed(patch.diff):
        return EntryResult(entry.name, title, "already", reason="the tree has it at this point of the queue")
    return EntryResult(entry.name, title, "refused", reason=step.reason)


def _together(stack: Stack, base: str, directory: Path) -> Patch:
    return parse(stack.diff(base, stack.top), source=str(directory), slug=directory.name)


# error and baseline-broken say nothing about the queue: no entry is blamed for them
_RANK = {Build.PASS: 0, Build.NOTHING_TO_BUILD: 0, Build.SKIPPED: 0, Build.NOT_COMPILED: 1, Build.WARN: 2,
         Build.FAIL: 3}


def _worse(now: Build, before: Build) -> bool:
    return now in _RANK and before in _RANK and _RANK[now] > _RANK[before]
