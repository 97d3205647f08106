"""What a run gives away: its good cells as patches, with the original mails where they can still be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backport.cell import Cell
from backport.errors import InvalidPatch, UserError
from backport.manifest import Tree
from backport.patch.compose import adapted_mail
from backport.patch.intake import read_all
from backport.patch.mail import Mail, read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.queue.export import ReadyPatch
from backport.queue.submit import signed_by_submitter
from backport.results.run import Run
from backport.stable.nomination import Asked, Nomination, asked, nomination
from backport.verdict import Build, Sure

_GOOD_BUILD = frozenset({Build.PASS, Build.NOTHING_TO_BUILD, Build.SKIPPED})


@dataclass(frozen=True, slots=True)
class Offer:
    """One cell that can be exported, or `reason` why not (`ready` None)."""

    cell: Cell
    ready: ReadyPatch | None = None
    reason: str = ""
    remarks: tuple[str, ...] = ()


def originals(run: Run) -> dict[str, Patch]:
    """patch_sha256 -> the mail as it came in, for those whose file is still there and still the same."""
    wanted = {info.sha256 for info in run.patches if info.sha256}
    found: dict[str, Patch] = {}
    for source in dict.fromkeys(_file(info.source) for info in run.patches):
        if not source or not Path(source).exists():
            continue
        try:
            mails = read_all(source)
        except UserError:
            continue
        found |= {mail.sha256: mail for mail in mails if isinstance(mail, Patch) and mail.sha256 in wanted}
    return found


def offers(run: Run, cells: Sequence[Cell], tree: Tree, mails: Mapping[str, Patch], *, identity: str = "",
           acks: Iterable[str] = ()) -> list[Offer]:
    """The cells of one tree in the order of the run's patches. With `identity` each patch is signed off by it."""
    order = {info.slug: number for number, info in enumerate(run.patches)}
    here = [cell for cell in cells if cell.tree == tree.name]
    here.sort(key=lambda cell: order.get(cell.patch, len(order)))
    return [_offer(cell, tree, mails.get(cell.patch_sha256), identity, tuple(acks)) for cell in here]


def signed(patch: Patch, series: str, identity: str) -> Patch:
    """The same mail with one more Signed-off-by, where that person has not signed it yet."""
    mail = read_mail(patch)
    if signed_by_submitter(mail, identity):
        return patch
    data = adapted_mail(patch, patch.files, series=series, upstream_sha=mail.upstream_sha, signoff=identity)
    return parse(data, source=patch.source, slug=patch.slug)


def standing(cell: Cell, original: Patch | None, adapted: Mail, tree: Tree,
             acks: Sequence[str] = ()) -> tuple[Nomination, Asked]:
    """Nomination and asked-for, from the mail as it came in: an adapted mail has lost its AUTOSEL prefix.

    Where that mail is no longer available, the cell remembers what it said.
    """
    if original is None and cell.nomination is not None and not acks:
        return cell.nomination, cell.asked or Asked(None, "")
    mail = read_mail(original) if original is not None else adapted
    paths = original.paths if original is not None else ()
    found = nomination(mail, paths, acks=acks)
    if original is None and not found.acked:
        found = Nomination(found.standing, f"{found.why}; the original mail is no longer available", found.note)
    return found, asked(mail, tree.series)


def _offer(cell: Cell, tree: Tree, original: Patch | None, identity: str, acks: tuple[str, ...]) -> Offer:
    if not cell.apply.good:
        return Offer(cell, reason=f"{cell.apply}: {cell.reason or cell.apply.legend}")
    if cell.build not in _GOOD_BUILD:
        return Offer(cell, reason=f"build {cell.build}: {cell.build.legend}")
    try:
        patch = parse(cell.adapted, source=f"run: {cell.patch}", slug=cell.patch)
    except InvalidPatch as error:
        return Offer(cell, reason=f"the cell has no readable mail: {error}")
    if identity:
        patch = signed(patch, tree.series, identity)
    found, wish = standing(cell, original, read_mail(patch), tree, acks)
    remarks = []
    if cell.build is Build.SKIPPED:
        remarks.append("not built in this run")
    if cell.sure is Sure.REVIEW:
        remarks.append("review: " + ("; ".join(cell.notes) or "it needs review"))
    ready = ReadyPatch(patch, found, wish, signed_by_submitter(read_mail(patch), identity))
    return Offer(cell, ready, remarks=tuple(remarks))


def _file(source: str) -> str:
    """The file of a source such as `fixes.mbox[3]` or `fixes.mbox (mail 3)`; as it is for what is no file."""
    if Path(source).exists():
        return source
    return re.sub(r"(?:\[\d+\]|#\d+|:\d+| \(.*\))$", "", source)
