"""The mails of a run: a submission for every good cell, a FAILED notice for every conflict, a reply for every patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backport.cell import Cell
from backport.git import Git
from backport.history.between import Between, between
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.presence import Presence, UpstreamChange, presence
from backport.manifest import Manifest, Tree
from backport.patch.am import objections
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.slug import slug
from backport.queue.addresses import recipients
from backport.queue.failed import dependencies_of, failed_mail
from backport.queue.gather import Offer, offers
from backport.queue.seriesfile import replace_file
from backport.queue.submit import send_line, submission
from backport.queue.table import reply
from backport.results.run import Run
from backport.stable.newer import newer_trees, warning
from backport.stable.prereq import commit_patch
from backport.trees.store import Head
from backport.verdict import Apply


@dataclass(frozen=True, slots=True)
class Written:
    """One mail on disk: "submission", "FAILED" or "reply"; `command` sends a submission.

    `file` is None where there is nothing to send: "not asked for", "look" (a person has to decide), "series" (one
    command for all submissions of a tree).
    """

    kind: str
    patch: str
    tree: str
    file: Path | None
    command: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What the mails of a run are made from. `mails` are the patches as they came in, by SHA-256."""

    git: Git
    manifest: Manifest
    run: Run
    cells: Sequence[Cell]
    heads: Mapping[str, Head]
    mails: Mapping[str, Patch]
    identity: str = ""
    in_reply_to: str = ""
    acks: tuple[str, ...] = ()
    history: Path | None = None      # the index of what commits claim (history.sqlite of the cache)
    elsewhere: Sequence[Cell] = ()   # newer trees that the run did not try; they only say how those stand
    notices: Mapping[tuple[str, str], str] = field(default_factory=dict)   # (patch SHA-256, series) -> message id

    def wanted(self, cell: Cell, tree: Tree) -> bool:
        """Whether a mail is written for this place: where notices came in, only where one did."""
        return not self.notices or (cell.patch_sha256, tree.series) in self.notices

    def reply_to(self, cell: Cell, tree: Tree) -> str:
        """The message id to answer, "" to leave it to the mail itself."""
        return self.in_reply_to or self.notices.get((cell.patch_sha256, tree.series), "")


def write_mails(desk: Desk, trees: Sequence[Tree], to: Path, *, force: bool = False) -> list[Written]:
    """Everything for `trees` into `to`. A tree that the mail does not ask for gets no submission unless forced."""
    to.mkdir(parents=True, exist_ok=True)
    written: list[Written] = []
    for tree in trees:
        written += _submissions(desk, tree, to, force)
        here = [cell for cell in desk.cells if cell.tree == tree.name and desk.wanted(cell, tree)]
        written += [_partly(cell) if cell.adaptation and cell.adaptation.partly else _failed(desk, tree, cell, to)
                    for cell in here if cell.apply is Apply.CONFLICT]
        # git takes a suspect patch: "does not apply" would be false, and a submission a guess
        written += [Written("look", cell.patch, tree.name, None, remarks=(f"suspect: {cell.reason}", *cell.notes))
                    for cell in here if cell.apply is Apply.SUSPECT]
    for info in desk.run.patches:
        cells = [cell for cell in desk.cells if cell.patch == info.slug]
        if cells:
            written.append(_reply(desk, info.slug, cells, trees, to))
    return written


def _submissions(desk: Desk, tree: Tree, to: Path, force: bool) -> list[Written]:
    written = []
    cells = [cell for cell in desk.cells if desk.wanted(cell, tree)]
    good = offers(desk.run, cells, tree, desk.mails, identity=desk.identity, acks=desk.acks)
    count = sum(offer.ready is not None for offer in good)
    for number, offer in enumerate((o for o in good if o.ready is not None), 1):
        assert offer.ready is not None
        if offer.ready.asked.answer is False and not force:
            written.append(Written("not asked for", offer.cell.patch, tree.name, None,
                                   remarks=(offer.ready.asked.why,)))
            continue
        original = desk.mails.get(offer.cell.patch_sha256)
        sub = submission(offer.ready.patch, tree.series, to, original=read_mail(original) if original else None,
                         in_reply_to=desk.reply_to(offer.cell, tree), identity=desk.identity,
                         number=number if count > 1 else 0,
                         trouble=objections(desk.git, offer.ready.patch.render()))
        marked = warning(newer_trees(desk.manifest, tree.name,
                                     [c for c in (*desk.cells, *desk.elsewhere) if c.patch == offer.cell.patch]))
        found = offer.ready.nomination
        standing = (*(() if found.acked else (f"not acked: {found.standing} ({found.why})",)), found.note)
        remarks = (*sub.remarks, *offer.remarks, *standing, marked)
        written.append(Written("submission", offer.cell.patch, tree.name, sub.file, sub.command,
                               tuple(remark for remark in remarks if remark)))
    return [*written, *_in_one(desk, tree, good, written)]


def _in_one(desk: Desk, tree: Tree, offered: Sequence[Offer], written: Sequence[Written]) -> list[Written]:
    """The one command for a series: mails sent one by one arrive in any order and in threads of their own."""
    mails = [row for row in written if row.kind == "submission" and row.file is not None]
    series = {offer.cell.patch for offer in offered if offer.cell.part is not None}
    mine = [row for row in mails if row.patch in series]
    if len(mine) < 2:
        return []
    originals = {cell.patch: read_mail(mail) for cell in desk.cells
                 if (mail := desk.mails.get(cell.patch_sha256)) is not None}
    cc = dict.fromkeys(address for row in mine if row.patch in originals
                       for address in recipients(originals[row.patch]).cc)
    left = [offer.cell.patch for offer in offered if offer.cell.patch in series
            and offer.cell.patch not in {row.patch for row in mine}
            and offer.cell.apply not in (Apply.ALREADY, Apply.ABSENT)]          # those need no mail
    remarks = (f"not complete: without {', '.join(left[:5])}" + (f" and {len(left) - 5} more" if left[5:] else ""),
               ) if left else ()
    return [Written("series", f"{len(mine)} mails", tree.name, None,
                    send_line([row.file for row in mine if row.file], tuple(cc), desk.in_reply_to), remarks)]


def _failed(desk: Desk, tree: Tree, cell: Cell, to: Path) -> Written:
    original = desk.mails.get(cell.patch_sha256)
    if original is None:
        return Written("FAILED", cell.patch, tree.name, None, remarks=("the original mail is no longer available",))
    answer = conflict(desk, tree, original)
    data = failed_mail(original, tree.series, dependencies=dependencies_of(answer), unknown=answer.reason)
    path = to / f"{tree.series}-FAILED-{slug(read_mail(original).title or cell.patch)}.eml"
    replace_file(path, data)
    remarks = [f"{c.commit.sha[:12]} (\"{c.commit.subject}\"): {c.kind}, {c.why}" for c in answer.candidates]
    return Written("FAILED", cell.patch, tree.name, path, remarks=(cell.reason, *remarks))


def _partly(cell: Cell) -> Written:
    """No notice goes to an author whose fix may be in: a person looks first."""
    return Written("look", cell.patch, cell.tree, None, remarks=(
        f"no FAILED notice: {cell.tree} may have the change already, or a part of it: "
        + ", ".join(cell.adaptation.partly if cell.adaptation else ()), cell.reason))


def conflict(desk: Desk, tree: Tree, patch: Patch) -> Between:
    """What lies between the tree and upstream, from history; an answer without candidates says why."""
    head = desk.heads.get(tree.name)
    sha = read_mail(patch).upstream
    if head is None or not sha:
        return Between(reason="the tree is not in the store" if head is None else "the upstream commit is not known")
    with Log(desk.git, desk.history) as log:
        commit = log.one(sha)
        if commit is None:
            return Between(reason=f"{sha[:12]} is not a commit in the store; a clone with history has the answer")
        # the commit's own diff has the line numbers of its parent; a mail's may have others
        own = commit_patch(desk.git, commit.sha)
        return between(log, Branch.of(head), f"{commit.sha}^", (own or patch).files)


def _reply(desk: Desk, name: str, cells: Sequence[Cell], trees: Sequence[Tree], to: Path) -> Written:
    names = {tree.name for tree in trees}
    shown = [cell for cell in cells if cell.tree in names]
    newest = next((tree for tree in desk.manifest.trees if tree.name in names), None)
    others = [cell for cell in desk.elsewhere if cell.patch == name]
    newer = newer_trees(desk.manifest, newest.name, [*cells, *others]) if newest else ()
    original = desk.mails.get(cells[0].patch_sha256)
    title = read_mail(original).title if original else cells[0].subject
    text = reply(title, shown, newer, _presences(desk, original))
    path = to / f"reply-{slug(title or name)}.txt"
    replace_file(path, text.encode("utf-8", "replace"))
    return Written("reply", name, "", path)


def _presences(desk: Desk, original: Patch | None) -> dict[str, Presence]:
    if original is None:
        return {}
    mail = read_mail(original)
    with Log(desk.git, desk.history) as log:
        return {name: presence(log, Branch.of(head), UpstreamChange(mail.upstream, mail.title))
                for name, head in desk.heads.items() if head.history}
