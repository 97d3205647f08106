"""Everything about one cell as text: the proof that a person reads before signing."""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.records import HunkStory
from backport.cell import Cell, ConflictMarkers
from backport.report.escape import line, visible
from backport.report.matrix import duration, said, words
from backport.report.proof import built_with, circumstances, code_changes, code_effect, fixed, uncompiled, unproved
from backport.results.run import Run


def render(run: Run, cell: Cell, history: Sequence[tuple[int, Cell]] = ()) -> str:
    place = f"{line(cell.column)} {line(cell.base_version)}".rstrip()
    out = [f"{line(cell.subject) or line(cell.patch)}\non {place}: {', '.join(words(cell))}\n"]
    out += [f"  {line(note)}\n" for note in said(cell) if cell.booted is None or not note.startswith("behaviour: ")]
    facts = [("patch sha256", cell.patch_sha256), ("base commit", cell.base_commit), ("run", str(run.id)),
             *((label.lower(), value) for label, value in (*circumstances(cell), *built_with(cell))
               if label != "Booted"),
             ("took", duration(cell.seconds)), ("reproduce", cell.command), ("log", cell.log)]
    out.append("\n" + "".join(f"{name + ':':15}{line(value)}\n" for name, value in facts if value))
    if cell.evidence:
        out.append("\nEvidence:\n" + "".join(_evidence(item) for item in cell.evidence))
    for hunk in cell.hunks:
        out.append(_hunk(hunk))
    for one in cell.marked:
        out.append(f"\nConflict in {line(one.path)}, as `backport resolve` lays it out:\n{_numbered(one)}")
    for message in cell.diagnostics:
        out.append(f"\n>> {line(message.brief)}\n" + "".join(f"  {visible(row)}\n" for row in message.detail))
    for title, rows in (
            ("Fixed warnings", fixed(cell)), ("Touched lines that no configuration compiles",
                                                  uncompiled(cell)),
            ("Not proved", unproved(cell)),
            ("Functions whose machine code changes", [f"{label}: {value}" for label, value in code_effect(cell)]
             + [f"{name} in {place}: {what}" for place, name, what in code_changes(cell)])):
        if rows:
            out.append(f"\n{title}:\n" + "".join(f"  {line(row)}\n" for row in rows))
    out.append(_boot(cell))
    if len(history) > 1:
        out.append("\nHistory:\n" + "".join(
            f"  run {number}: {line(past.base_version)} {', '.join(words(past))}\n" for number, past in history))
    return "".join(out)


def _evidence(item: str) -> str:
    """One piece of evidence; code that it quotes keeps its lines."""
    rows = visible(item).rstrip("\n").split("\n")
    return "".join(f"  {'  ' if number else ''}{row}\n" for number, row in enumerate(rows))


def _numbered(conflict: ConflictMarkers) -> str:
    rows = conflict.text.rstrip("\n").split("\n")
    return "".join(f"  {conflict.line + n:5} {visible(row)}".rstrip() + "\n" for n, row in enumerate(rows))


def _boot(cell: Cell) -> str:
    boot = cell.booted
    if boot is None:
        return ""
    out = [f"\nBooted: {line(boot.verdict)}\n  {line(boot.reason)}\n"]
    for side in boot.sides:
        out.append(f"  {side.label}: {line(side.sentence)}\n")
        out += [f"    {'ok    ' if said.ok else 'not ok'} {line(said.name)}\n" for said in side.checks.values()]
    out += [f"  {line(note)}\n" for note in boot.notes]
    if boot.directory:
        out.append(f"  serial logs: {line(boot.directory)}\n")
    return "".join(out)


def _hunk(hunk: HunkStory) -> str:
    where, function = hunk.landed_path or hunk.path, hunk.function
    how = ", ".join(map(line, hunk.strategies))
    function += "()" if function and " " not in function else ""     # a hunk may be in a structure as well
    title = f"\n{line(where)}{f', {line(function)}' if function else ''}{f': {how}' if how else ''}\n"
    body = ""
    if hunk.upstream and hunk.upstream != hunk.adapted:
        body += "upstream:\n" + _block(hunk.upstream)
    if hunk.adapted:
        body += "here:\n" + _block(hunk.adapted)
    return title + body


def _block(value: str) -> str:
    return "".join(f"  {row}\n" for row in visible(value).split("\n")).rstrip(" \n") + "\n"
