"""Phase 9: the stable rules one by one, with yes, no or unknown, and the evidence for and against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backport.cell import Cell
from backport.inspect.diff import LIMIT, lines_with_context
from backport.inspect.facts import Fact, Phase
from backport.inspect.status import in_mainline
from backport.patch.mail import Mail
from backport.patch.model import Patch
from backport.stable.newer import Newer, lacking
from backport.stable.nomination import nomination
from backport.trees.store import Head
from backport.verdict import Build

_IDS = ("MODULE_DEVICE_TABLE", "PCI_DEVICE", "USB_DEVICE", "SND_PCI_QUIRK", "PCI_VDEVICE", "USB_VENDOR")


def rule_facts(patch: Patch, mail: Mail, phases: Sequence[Phase], upstream: Head | None,
               cells: Mapping[str, Cell]) -> tuple[Fact, ...]:
    """The checklist of Documentation/process/stable-kernel-rules.rst, as far as it can be read off."""
    found = [fact for phase in phases for fact in phase.facts]
    return (in_mainline(mail, upstream, cells, found), _tested(mail), _size(patch), _bug(patch, mail),
            _complete(found), _asked(mail, patch), _builds(cells), _signed(mail))


def evidence(phases: Sequence[Phase]) -> tuple[Fact, ...]:
    """Every line of the dossier that weighs, gathered; how much each weighs is for the reader."""
    seen: dict[str, Fact] = {}
    for phase in phases:
        for fact in phase.facts:
            if fact.weighs:
                seen.setdefault(f"{fact.weighs}: {fact.text}", Fact(
                    f"evidence:{fact.weighs}", f"{fact.weighs}: {fact.text}", f"phase {phase.number}; {fact.source}"
                    if fact.source else ""))
    return tuple(sorted(seen.values(), key=lambda fact: fact.key, reverse=True))


def newer_fact(rows: Sequence[Newer]) -> Fact | None:
    """The rule about newer trees, where a manifest tells which are supported."""
    if not rows:
        return None
    missing = lacking(rows)
    text = ", ".join(f"{row.series} {row.status}" for row in rows)
    known = not any(row.status == "unknown" for row in missing)
    answer = "yes" if not missing else "no" if known else "unknown"
    return Fact("rule:newer", f"every newer supported tree has it: {text}", "cells of this run", answer,
                "for" if answer == "yes" else "against")


def _tested(mail: Mail) -> Fact:
    tested = mail.tagged("Tested-by")
    reviewed = [*mail.tagged("Reviewed-by"), *mail.tagged("Acked-by")]
    text = (f"obviously correct and tested: {len(tested)} Tested-by, {len(reviewed)} Reviewed-by or Acked-by; whether "
            "it is obviously correct is for a reviewer")
    return Fact("rule:correct", text, "mail: tags", "unknown")


def _size(patch: Patch) -> Fact:
    count = lines_with_context(patch)
    fits = count <= LIMIT
    return Fact("rule:size", f"at most {LIMIT} lines with context: {count}", "diff", "yes" if fits else "no",
                "for" if fits else "against")


def _bug(patch: Patch, mail: Mail) -> Fact:
    question = "fixes a real bug or adds a device ID"
    added = b"".join(line for file in patch.files for hunk in file.hunks for line in hunk.added)
    if any(word.encode() in added for word in _IDS):
        return Fact("rule:bug", f"{question}: the added lines hold a device table entry", "diff", "yes", "for")
    signs = [f"{name}:" for name in ("Fixes", "Reported-by", "Closes", "Syzbot") if mail.tagged(name)]
    if signs:
        return Fact("rule:bug", f"{question}: the tags say so ({', '.join(signs)})", "mail: tags", "yes", "for")
    return Fact("rule:bug", f"{question}: no tag says so; the words of the message are in phase 1", "mail: tags",
                "unknown")


def _complete(found: Sequence[Fact]) -> Fact:
    follow = [fact for fact in found if fact.key == "follow-up"]
    answers = {fact.answer for fact in follow}
    if "yes" in answers:
        return Fact("rule:follow-up", "follow-up fixes: there are some upstream, see phase 3",
                    follow[0].source, "no", "against")
    if answers == {"no"}:
        return Fact("rule:follow-up", "follow-up fixes: none upstream", follow[0].source, "yes", "for")
    return Fact("rule:follow-up", "follow-up fixes: unknown, see phase 3", "", "unknown")


def _asked(mail: Mail, patch: Patch) -> Fact:
    found = nomination(mail, patch.paths)
    note = f"; {found.note}" if found.note else ""
    return Fact("rule:nominated", f"somebody asked for it in stable: {found.standing} ({found.why}){note}",
                "mail: tags and subject prefix", "yes" if found.acked else "no", "for" if found.acked else "against")


def _builds(cells: Mapping[str, Cell]) -> Fact:
    built = {tree: cell.build for tree, cell in cells.items() if cell.apply.good and cell.build is not Build.SKIPPED}
    if not built:
        return Fact("rule:builds", "builds in the trees that it is for: not built in this run", "", "unknown")
    bad = [tree for tree, build in built.items() if build not in (Build.PASS, Build.NOTHING_TO_BUILD)]
    words = ", ".join(f"{tree} {build}" for tree, build in built.items())
    return Fact("rule:builds", f"builds in the trees that it is for: {words}", "cells of this run",
                "no" if bad else "yes", "against" if bad else "for")


def _signed(mail: Mail) -> Fact:
    count = len(mail.tagged("Signed-off-by"))
    return Fact("rule:signed", f"signed off: {count} Signed-off-by in the mail; the submitter to stable adds their own",
                "mail: tags", "yes" if count else "no")
