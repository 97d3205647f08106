"""Where donors are found: in the history of newer branches, among the inputs, in what the user has resolved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backport.donors.match import bracketed, claims, resembles, series_of
from backport.donors.model import Donor, DonorKind
from backport.history.branch import Branch, no_history
from backport.history.log import Log
from backport.history.message import plain_subject
from backport.history.presence import PresenceState, UpstreamChange, patch_id, presence
from backport.patch.compose import branch
from backport.patch.intake import read_bytes
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.stable import series_number
from backport.stable.prereq import commit_patch
from backport.trees.store import Head

_MOST = 4                # donors that are tried; a fifth opinion has never told more than the nearest
_LARGEST = 4 << 20       # bytes of a recorded resolution that is read
_ORDER = (DonorKind.RESOLUTION, DonorKind.HISTORY, DonorKind.HAND, DonorKind.QUEUE, DonorKind.MAIL, DonorKind.RUN)
_SERIES = re.compile(r"(?:linux-)?v?(\d+\.\d+)(?:\.y)?\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """The donors of one patch for one tree, nearest tree first; `said` tells of those that are none, and why."""

    donors: tuple[Donor, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def key(self) -> object:
        """What of it can change an answer, for the cache key."""
        return [donor.key for donor in self.donors], self.said


class Finder:
    """Finds donors among the trees and inputs of a run; what was looked up once is kept.

    `heads` are the trees of the store, `upstream` the reference among them.
    """

    def __init__(self, heads: Sequence[Head] = (), upstream: Head | None = None) -> None:
        self.heads = heads
        self.upstream = upstream
        self._inputs: tuple[Sequence[Patch], dict[str, list[Patch]]] = ((), {})
        self._known: dict[tuple[str, str], tuple[Donor | None, str]] = {}

    def find(self, patch: Patch, series: str, patches: Sequence[Patch] = (), log: Log | None = None) -> Found:
        """Every donor of `patch` for a tree of `series`; one for an older tree is none.

        `patches` are the inputs of the run, `log` reads the histories. Nothing is guessed: what says that it is the
        same commit and changes something else is told in `said`.
        """
        found = [*_resolved(patch), *_among(patch, self._beside(patch, patches))]
        said: list[str] = []
        for head in self.heads if log is not None else ():
            if log is not None and head != self.upstream and _newer(head, series):
                donor, told = self._in_history(patch, head, log)
                found += [donor] if donor is not None else []
                said += [told] if told else []
        kept: dict[bytes, Donor] = {}
        for donor in sorted(found, key=lambda one: (_number(one.series), _ORDER.index(one.kind))):
            if not _usable(donor, series):
                continue
            if not resembles(patch, donor.patch):
                said.append(f"{donor.name} names this commit but makes another change: not used")
            elif donor.patch.diff != patch.diff:
                kept.setdefault(donor.patch.diff, donor)
        return Found(tuple(kept.values())[:_MOST], tuple(dict.fromkeys(said)))

    def _beside(self, patch: Patch, patches: Sequence[Patch]) -> list[Patch]:
        """Those of `patches` that may be the same commit: a queue has hundreds, and each of them asks."""
        if self._inputs[0] is not patches:
            by_name: dict[str, list[Patch]] = {}
            for other in patches:
                if other.files and series_of(other):
                    for name in _names(other):
                        by_name.setdefault(name, []).append(other)
            self._inputs = patches, by_name
        return list({id(other): other for name in _names(patch) for other in self._inputs[1].get(name, ())}.values())

    def _in_history(self, patch: Patch, head: Head, log: Log) -> tuple[Donor | None, str]:
        key = (patch.sha256, head.commit)
        if key not in self._known:
            self._known[key] = _in_history(patch, head, self.upstream, log)
        return self._known[key]


def _names(patch: Patch) -> list[str]:
    """What the same commit goes by."""
    mail = read_mail(patch)
    return [name for name in (mail.upstream[:7], plain_subject(mail.title)) if name]


def by_hand(patch: Patch, donor: Patch, series: str = "") -> Donor:
    """The donor that somebody names on the command line; `series` is the tree it was made for."""
    wanted = _SERIES.match(series)
    series = wanted[1] if wanted else series_of(donor)
    said = read_mail(donor)
    doubt = "" if claims(patch, donor) or not (said.upstream or said.title) else \
        "it has another subject and names another commit"
    if not resembles(patch, donor):
        doubt = "it changes something else than upstream's commit"
    made = f"a {branch(series)} backport" if series else "another backport"
    return Donor(donor, series, DonorKind.HAND, f"the donor {Path(donor.source or '-').name}", made,
                 note=bracketed(said, read_mail(patch)), doubt=doubt)


def _usable(donor: Donor, series: str) -> bool:
    """For a newer tree; or for this very one, where somebody resolved, sent or queued it and the tree lacks it yet."""
    theirs, here = series_number(donor.series), series_number(series)
    if theirs is None or here is None:
        return False
    return theirs > here or (theirs == here and donor.kind in (DonorKind.RESOLUTION, DonorKind.QUEUE, DonorKind.MAIL))


def _number(series: str) -> tuple[int, int]:
    return series_number(series) or (0, 0)


def _among(patch: Patch, patches: Sequence[Patch]) -> Iterator[Donor]:
    """Backports of the same commit among the inputs."""
    for other in patches:
        series = series_of(other) if other is not patch and other.files else ""
        why = claims(patch, other) if series else ""
        if not why:
            continue
        mail = read_mail(other)
        queued = bool(re.search(r"(?:^|/)(?:queue-|releases/)", other.source))
        who = mail.sender.name or mail.sender.address or "somebody"
        yield Donor(
            other, series, DonorKind.QUEUE if queued else DonorKind.MAIL,
            f"the patch queued for {branch(series)} ({other.source})" if queued
            else f"the {branch(series)} backport in {other.source}, sent by {who}",
            f"the patch queued for {branch(series)}" if queued else f"the {branch(series)} backport sent by {who}",
            note=bracketed(mail, read_mail(patch)),
            doubt="" if why == "commit" else "it names no upstream commit; its subject is the same")


def _resolved(patch: Patch) -> Iterator[Donor]:
    """What the user resolved by hand: `<slug>.resolved/<series>.patch` beside the patch."""
    if not patch.source or not patch.slug:
        return
    directory = Path(patch.source).parent / f"{patch.slug}.resolved"
    if not directory.is_dir():
        return
    for path in sorted(directory.glob("*.patch")):
        series = _SERIES.match(path.stem)
        if series is None or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        made = next(iter(read_bytes(path.read_bytes(), str(path))), None)
        # a bare diff claims nothing; its place beside the patch does
        if isinstance(made, Patch) and (claims(patch, made) or not read_mail(made).is_mail):
            yield Donor(made, series[1], DonorKind.RESOLUTION, f"the resolution in {path}{_by_whom(made)}",
                        f"the resolution for {branch(series[1])}", note=bracketed(read_mail(made), read_mail(patch)))


def _by_whom(made: Patch) -> str:
    """" (A Developer <dev@example.org>, 2026-11-26)" where the resolution says it."""
    said = [header.value for name in ("X-Backport-Resolved-By", "X-Backport-Resolved-On")
            if (header := read_mail(made).header(name)) is not None]
    return f" ({', '.join(said)})" if said else ""


def _in_history(patch: Patch, head: Head, upstream: Head | None, log: Log) -> tuple[Donor | None, str]:
    """The commit of a newer branch that carries the change now; what is said of one that was reverted."""
    here = Branch.of(head)
    if no_history(log.git, here):
        return None, ""
    mail, name = read_mail(patch), branch(_series(head))
    tip = upstream.commit if upstream is not None and upstream.history else ""
    change = UpstreamChange(mail.upstream, mail.title, patch_id(log.git, patch.diff), patch.paths)
    answer = presence(log, here, change, upstream=tip)
    said = ""
    if answer.state is PresenceState.REVERTED:
        last = answer.events[-1]
        said = f"{name} reverted its backport in {last.sha[:12]} (\"{last.subject}\"): check why"
    # the very commit of upstream says nothing that upstream's form does not say
    made = commit_patch(log.git, answer.commit) if answer.commit and not answer.exact else None
    if made is None:
        return None, said
    called = f"the {name} backport {answer.commit[:12]}"
    doubt = "" if answer.state is PresenceState.PRESENT else "it names no upstream commit; its subject is the same"
    return Donor(made, _series(head), DonorKind.HISTORY, called, called, answer.commit,
                 bracketed(read_mail(made), mail), doubt), said


def _newer(head: Head, series: str) -> bool:
    theirs, here = series_number(_series(head)), series_number(series)
    return theirs is not None and here is not None and theirs > here


def _series(head: Head) -> str:
    """"6.1" of linux-6.1.y; "" of a tree that is no branch of a series."""
    found = _SERIES.match(head.tree)
    return found[1] if found else ""
