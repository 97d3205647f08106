"""The reply table in the stable bot's form, without its known faults.

A compiler crash is not the patch's failure, an apply failure is not a build failure, and "present" is said only
with the commit, or as what it is: found by content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backport.cell import Cell
from backport.history.presence import Presence, PresenceState
from backport.report.escape import line
from backport.stable.newer import Newer
from backport.verdict import Apply, Build

_APPLY = {Apply.CLEAN: "Success", Apply.OFFSET: "Success", Apply.REWRITTEN: "Adapted", Apply.MERGED: "Adapted",
          Apply.RESOLVED: "Resolved",
          Apply.ALREADY: "Present", Apply.ABSENT: "Not needed", Apply.CONFLICT: "Failed", Apply.SUSPECT: "Failed",
          Apply.INVALID: "Failed", Apply.NO_TREE: "No tree", Apply.ERROR: "Tool error"}
_BUILD = {Build.PASS: "Success", Build.WARN: "Warnings", Build.FAIL: "Failed", Build.NOTHING_TO_BUILD: "N/A",
          Build.BASELINE_BROKEN: "Baseline broken", Build.NOT_COMPILED: "Not compiled", Build.ERROR: "Tool error",
          Build.SKIPPED: "N/A"}


def reply(title: str, cells: Sequence[Cell], newer: Sequence[Newer] = (),
          presence: Mapping[str, Presence] | None = None) -> str:
    """The text of a reply about one patch: status in newer trees, the table, and a line for each that is not plain.

    `presence` maps tree names to what history says, where there is any.
    """
    out = []
    if newer:
        out += ["Status in newer kernel trees:",
                *(f"{row.series}.y | {status(row, (presence or {}).get(row.tree))}" for row in newer), ""]
    out += [f"Results of testing on various branches: {line(title)}", "",
            *rows([(f"stable/{cell.tree}", _APPLY[cell.apply], _BUILD[cell.build]) for cell in cells])]
    notes = [f"{cell.tree}: {line(cell.reason or cell.apply.legend)}" for cell in cells if not _plain(cell)]
    notes += [f"{cell.tree}: {line(note)}" for cell in cells for note in cell.notes]
    if notes:
        out += ["", "Notes:", *(f"- {note}" for note in notes)]
    return "\n".join(out) + "\n"


def rows(cells: Sequence[tuple[str, str, str]]) -> list[str]:
    """The bot's table, widened where a word needs it."""
    head = ("Branch", "Patch Apply", "Build Test")
    width = [max(least, *(len(row[i]) + pad for row in cells)) if cells else least
             for i, (least, pad) in enumerate([(25, 0), (11, 1), (10, 1)])]
    out = [f"| {head[0]:<{width[0]}} | {head[1]:<{width[1]}} | {head[2]:<{width[2]}} |",
           "|" + "|".join("-" * (w + 2) for w in width) + "|"]
    out += [f"| {a:<{width[0]}} |  {b:<{width[1] - 1}} |  {c:<{width[2] - 1}} |" for a, b, c in cells]
    return out


def status(row: Newer, presence: Presence | None) -> str:
    """The bot's words for one newer tree, from history where it tells, else from the tree's content."""
    if presence is not None and presence.state is PresenceState.PRESENT:
        return "Present (exact SHA1)" if presence.exact else f"Present (different SHA1: {presence.commit[:12]})"
    if presence is not None and presence.state is PresenceState.REVERTED:
        return f"Reverted ({presence.events[-1].sha[:12]})"
    if presence is not None and presence.state is PresenceState.MISSING and row.status == "has it":
        return "Present (found by content; no commit names it)"
    if presence is not None and presence.state is PresenceState.MISSING:
        return "Not found"
    if row.status == "has it":
        return "Present (found by content; SHA1 not known here)"
    if row.status == "does not need it":
        return "Not needed"
    return "Unknown" if row.status == "unknown" else "Not found"


def _plain(cell: Cell) -> bool:
    return cell.apply.good and cell.build in (Build.PASS, Build.SKIPPED, Build.NOTHING_TO_BUILD)
