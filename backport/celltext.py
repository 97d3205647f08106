"""From the answers of the steps to the fields of a cell; nothing here computes a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backport.carry import Carried
from backport.manifest import Tree
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.queue.nomination import asked, nomination
from backport.verdict import Apply, Build, Cell, Sure


def told(cell: Cell, carried: Carried) -> Cell:
    """`cell` with what became of the patch before any build."""
    detail: dict[str, Any] = {**cell.detail, "hunks": [hunk.as_dict() for hunk in carried.hunks],
                              "preimages": dict(carried.preimages.sources)}
    if carried.evidence:
        detail["evidence"] = list(carried.evidence)
    if carried.partly:
        detail["partly"] = list(carried.partly)
    if carried.alternatives:
        detail["alternatives"] = [diff.decode("utf-8", "replace") for diff in carried.alternatives]
    return replace(cell, apply=carried.outcome, sure=carried.sure, reason=carried.reason, notes=carried.notes,
                   adapted=carried.mail, detail=detail)


def standing_of(patch: Patch, tree: Tree) -> dict[str, Any]:
    """How the patch stands with stable, and whether this series was asked for; the lines of the mail that say so."""
    mail = read_mail(patch)
    standing, wish = nomination(mail, patch.paths), asked(mail, tree.series)
    return {"standing": str(standing.standing), "why": standing.why, "note": standing.note,
            "asked": wish.words, "asked_why": wish.why}


def failed(cell: Cell, reason: str, trace: str = "") -> Cell:
    """The step that failed says nothing about the patch: `error` in its column, the verdict before it stays."""
    detail = {**cell.detail, "traceback": trace} if trace else cell.detail
    if cell.apply is Apply.ERROR:
        return replace(cell, reason=reason, detail=detail)
    return replace(cell, build=Build.ERROR, sure=Sure.REVIEW, reason=reason, detail=detail)
